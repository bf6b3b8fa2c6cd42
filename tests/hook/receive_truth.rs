//! What fires beside what the repository that was pushed to has really taken, which its own hook
//! writes down.

use std::fs;

use jenkins_stand_in::{Fault, FaultAction, Job, Setup, StandIn};

use crate::receive::{self, Scene};
use crate::support::{Home, PATIENCE, Ran, developer, filtered, program, wait_for, with_each_git};
use crate::watch::{said, triggers, write_program};

/// Each trigger says which reference it is for.
fn shop() -> Setup {
    let job = Job::new("shop/deploy")
        .string_parameter("REF", "")
        .string_parameter("SHA", "");
    Setup::new().user(developer()).job(job)
}

fn file(jenkins: &StandIn) -> String {
    format!(
        "version: 1\nserver: {}\njobs:\n\
         \x20 - {{ job: shop/deploy, branches: [\"**\"], tags: [\"**\"], branch_parameter: false,\n\
         \x20     parameters: {{ REF: \"${{ref}}\", SHA: \"${{sha}}\" }} }}\n",
        jenkins.url()
    )
}

fn scene<'a>(home: &'a Home, jenkins: &StandIn) -> Scene<'a> {
    let scene = receive::scene(home, &file(jenkins));
    // Its end is nothing to git, and what it reads it need not read.
    let hook = format!(
        "#!/bin/sh\necho \"$# $(pwd) $GIT_DIR\" >>calls\ncat >lines\ncat lines >>truth\n\
         '{}' hook post-receive <lines\nexit 9\n",
        program().display()
    );
    write_program(&scene.bare.join("hooks/post-receive"), hook);
    scene
}

/// `reference commit` of each trigger, sorted.
fn fired(jenkins: &StandIn) -> Vec<String> {
    let mut fired: Vec<String> = triggers(jenkins)
        .iter()
        .map(|request| {
            format!(
                "{} {}",
                request.form_values("REF")[0],
                request.form_values("SHA")[0]
            )
        })
        .collect();
    fired.sort_unstable();
    fired
}

impl Scene<'_> {
    fn hook(&self, name: &str, script: &str) {
        write_program(
            &self.bare.join("hooks").join(name),
            format!("#!/bin/sh\n{script}\n"),
        );
    }

    fn try_push(&self, what: &[&str]) -> Ran {
        self.clone.try_git(&[&["push", "-q", "origin"], what].concat())
    }

    fn calls(&self) -> usize {
        let calls = fs::read_to_string(self.bare.join("calls")).unwrap_or_default();
        calls.lines().count()
    }

    /// What was taken and is to fire, in the same form as [`fired`].
    fn taken(&self) -> Vec<String> {
        let truth = fs::read_to_string(self.bare.join("truth")).unwrap_or_default();
        let mut taken = Vec::new();
        for line in truth.lines() {
            let mut fields = line.splitn(3, ' ').skip(1);
            let (new, reference) = (fields.next().expect("an id"), fields.next().expect("a name"));
            let is_event = reference.starts_with("refs/heads/") || reference.starts_with("refs/tags/");
            if is_event && new.bytes().any(|digit| digit != b'0') {
                let commit = self.clone.git(&["rev-parse", &format!("{new}^{{commit}}")]);
                taken.push(format!("{reference} {}", commit.stdout.trim()));
            }
        }
        taken.sort_unstable();
        taken
    }

    /// Pushes once more and compares everything so far; returns the references that fired.
    #[track_caller]
    fn fired_as_taken(&self, jenkins: &StandIn) -> Vec<String> {
        self.clone.git(&["checkout", "-q", "--orphan", "the-end"]);
        let end = self.commit("the end");
        self.push(&["the-end"]);
        let taken = self.taken();
        assert!(taken.contains(&format!("refs/heads/the-end {end}")));
        wait_for("all that was taken", || {
            let fired = fired(jenkins);
            taken.iter().all(|one| fired.contains(one)).then_some(())
        });
        assert_eq!(fired(jenkins), taken);
        let names = taken.iter().map(|one| one.split(' ').next().unwrap_or_default());
        names
            .filter(|name| *name != "refs/heads/the-end")
            .map(|name| name.trim_start_matches("refs/").to_owned())
            .collect()
    }
}

#[test]
fn branches_and_tags_of_one_push_fire_in_one_call() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop());
        let scene = scene(home, &jenkins);
        for name in ["one", "two/deep"] {
            scene.clone.git(&["checkout", "-q", "-b", name]);
            scene.commit(name);
        }
        scene.clone.git(&["tag", "light"]);
        scene.clone.git(&["tag", "-a", "-m", "a tag", "annotated", "one"]);
        let ran = scene.push(&[
            "one",
            "two/deep",
            "HEAD:refs/heads/three",
            "light",
            "annotated",
            "HEAD:refs/other/x",
        ]);
        assert_eq!(said(&ran).len(), 5, "{}", ran.whole());
        assert!(
            ran.stderr
                .lines()
                .all(|line| line.starts_with("remote: jenkins-trigger: "))
        );
        let calls = fs::read_to_string(scene.bare.join("calls")).expect("the calls");
        assert_eq!(calls, format!("0 {} .\n", scene.bare.display()));
        let fired = scene.fired_as_taken(&jenkins);
        assert_eq!(
            fired,
            [
                "heads/one",
                "heads/three",
                "heads/two/deep",
                "tags/annotated",
                "tags/light"
            ]
        );
    });
}

/// Names that a shell, a URL or a line would take for something else.
#[test]
fn names_arrive_as_they_are() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop());
        let scene = scene(home, &jenkins);
        let names = [
            "a;b$(id)&c",
            "é'x\"y",
            "100%",
            "a+b=c&d",
            "#1",
            "-dash",
            "\u{202e}turned",
        ];
        let specs: Vec<String> = names
            .iter()
            .map(|name| format!("HEAD:refs/heads/{name}"))
            .collect();
        let specs: Vec<&str> = specs.iter().map(String::as_str).collect();
        let ran = scene.push(&specs);
        assert!(!ran.stderr.contains('\u{202e}'), "{}", ran.stderr);
        let mut fired = scene.fired_as_taken(&jenkins);
        let mut expected: Vec<String> = names.iter().map(|name| format!("heads/{name}")).collect();
        fired.sort_unstable();
        expected.sort_unstable();
        assert_eq!(fired, expected);
    });
}

#[test]
fn what_is_forced_fires_and_what_is_deleted_does_not() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop());
        let scene = scene(home, &jenkins);
        scene.clone.git(&["checkout", "-q", "-b", "topic"]);
        scene.commit("one");
        scene.push(&[
            "topic",
            "HEAD:gone",
            "HEAD:refs/tags/moved",
            "HEAD:refs/tags/gone",
        ]);
        scene
            .clone
            .git(&["commit", "-q", "--amend", "--allow-empty", "-m", "another"]);
        assert_ne!(scene.try_push(&["topic"]).code, 0);
        scene.push(&["--force", "topic", "HEAD:refs/tags/moved", ":refs/heads/gone"]);
        scene.push(&["--delete", "refs/tags/gone"]);
        let fired = scene.fired_as_taken(&jenkins);
        let expected = [
            "heads/gone",
            "heads/topic",
            "heads/topic",
            "tags/gone",
            "tags/moved",
            "tags/moved",
        ];
        assert_eq!(fired, expected);
    });
}

#[test]
fn a_mirror_fires_for_what_it_moves_and_not_for_what_it_deletes() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop());
        let scene = scene(home, &jenkins);
        scene.push(&["main:refs/heads/gone", "main:refs/tags/gone"]);
        scene.clone.git(&["branch", "new"]);
        scene.clone.git(&["tag", "new"]);
        scene.clone.git(&[
            "remote",
            "add",
            "--mirror=push",
            "mirror",
            &scene.bare.display().to_string(),
        ]);
        scene
            .clone
            .git(&["config", "remote.mirror.receivepack", "git receive-pack"]);
        scene.clone.git(&["push", "-q", "mirror"]);
        assert_eq!(scene.calls(), 2);
        let truth = fs::read_to_string(scene.bare.join("truth")).expect("the truth");
        assert_eq!(
            truth.lines().filter(|line| line.contains(" 0000000")).count(),
            2,
            "{truth}"
        );
        let fired = scene.fired_as_taken(&jenkins);
        assert_eq!(fired, ["heads/gone", "heads/new", "tags/gone", "tags/new"]);
    });
}

#[test]
fn what_the_repository_refuses_does_not_fire() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop());
        let scene = scene(home, &jenkins);
        scene.hook("update", "case $1 in */no*) exit 1;; esac");
        let ran = scene.try_push(&["main:yes", "main:no", "main:refs/tags/no"]);
        assert_ne!(ran.code, 0);
        assert_eq!(said(&ran).len(), 1, "{}", ran.whole());
        let ran = scene.try_push(&["--atomic", "main:atomic", "main:no"]);
        assert_ne!(ran.code, 0);
        assert_eq!(said(&ran), [""; 0]);
        scene.hook("pre-receive", "exit 1");
        let ran = scene.try_push(&["main:all", "main:none"]);
        assert_ne!(ran.code, 0);
        assert_eq!(said(&ran), [""; 0]);
        fs::remove_file(scene.bare.join("hooks/pre-receive")).expect("the hook");
        scene.push(&["--atomic", "main:both", "main:of-them"]);
        assert_eq!(
            scene.fired_as_taken(&jenkins),
            ["heads/both", "heads/of-them", "heads/yes"]
        );
    });
}

#[test]
fn a_push_that_moves_nothing_does_not_fire() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop());
        let scene = scene(home, &jenkins);
        scene.push(&["main"]);
        assert_eq!(scene.calls(), 0);
        scene.commit("work");
        scene.push(&["--dry-run", "main"]);
        assert_ne!(scene.try_push(&["nowhere"]).code, 0);
        assert_eq!(scene.calls(), 0);
        scene.push(&["main"]);
        scene.push(&["main"]);
        scene
            .clone
            .git(&["push", "-q", "--no-verify", "origin", "main:unseen-by-a-client"]);
        assert_eq!(scene.calls(), 2);
        assert_eq!(
            scene.fired_as_taken(&jenkins),
            ["heads/main", "heads/unseen-by-a-client"]
        );
    });
}

/// The file counts as it is after the push: whoever may change it there may do so.
#[test]
fn a_push_to_the_default_branch_goes_by_the_file_that_it_brings() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop());
        let scene = scene(home, &jenkins);
        let only = |branch: &str| file(&jenkins).replace("\"**\"], tags", &format!("{branch}], tags"));
        scene.clone.write(".jenkins-trigger.yml", only("new"));
        scene.clone.commit("only new ones");
        let ran = scene.push(&["main", "main:new"]);
        assert_eq!(said(&ran).len(), 1, "{}", ran.whole());
        assert!(
            ran.stderr.contains("jenkins-trigger: new → shop/deploy"),
            "{}",
            ran.stderr
        );
        scene.clone.write(".jenkins-trigger.yml", "nonsense");
        scene.clone.commit("nonsense");
        let ran = scene.push(&["main", "main:newer"]);
        assert_eq!(said(&ran).len(), 2, "{}", ran.whole());
        assert!(
            ran.stderr
                .contains("nothing triggered: HEAD:.jenkins-trigger.yml:1:1: "),
            "{}",
            ran.stderr
        );
    });
}

/// git shows what the hook writes, wherever it writes it, and so what a hook below ours does.
#[test]
fn a_chained_hook_is_heard_on_both_outputs() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop());
        let scene = scene(home, &jenkins);
        let chaining = format!(
            "tee -a truth | '{}' hook --chain hooks/mine post-receive",
            program().display()
        );
        scene.hook("post-receive", &chaining);
        // It sees what was pushed, and need not read what it was.
        scene.hook(
            "mine",
            "echo one; echo two >&2; git log -1 --format=%s pushed >&2; exit 7",
        );
        scene.commit("a subject");
        let ran = scene.push(&["main:pushed"]);
        let lines: Vec<&str> = ran.stderr.lines().map(str::trim_end).collect();
        for line in ["remote: one", "remote: two", "remote: a subject"] {
            assert!(lines.contains(&line), "{line}\n{}", ran.stderr);
        }
        assert_eq!(ran.stdout, "");
        assert_eq!(scene.fired_as_taken(&jenkins), ["heads/pushed"]);
    });
}

/// The first push to a repository with nothing in it brings the default branch.
#[test]
fn a_first_push_fires() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop());
        let scene = scene(home, &jenkins);
        let hook = fs::read(scene.bare.join("hooks/post-receive")).expect("the hook");
        fs::remove_dir_all(&scene.bare).expect("the repository");
        home.git(&home.path(""), &["init", "-q", "--bare", "bare.git"]);
        // As its owner would, who knows what is to be pushed.
        scene.clone.tool(&["trust", "--yes"]).succeeded();
        let trust = home.path("state/jenkins-trigger/trust");
        let record = fs::read_to_string(&trust).expect("the record");
        fs::write(&trust, record.replace("clone/.git", "bare.git")).expect("the record");
        write_program(&scene.bare.join("hooks/post-receive"), hook);
        scene.push(&["main", "main:other"]);
        assert_eq!(scene.fired_as_taken(&jenkins), ["heads/main", "heads/other"]);
    });
}

#[test]
fn a_default_branch_that_is_none_is_said_in_one_line() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop());
        let scene = scene(home, &jenkins);
        let main = scene.clone.head();
        home.git(&scene.bare, &["update-ref", "--no-deref", "HEAD", &main]);
        let ran = scene.push(&["main:one", "main:two"]);
        filtered(home, || {
            insta::allow_duplicates! {
                insta::assert_snapshot!(said(&ran).join("\n"), @"
            remote: jenkins-trigger: nothing triggered: HEAD is detached, so no file is the default one; set it to a branch: git symbolic-ref HEAD refs/heads/...
            remote: jenkins-trigger: that is to be done on the server, in [HOME]/bare.git
            ");
            }
        });
        assert_eq!(fired(&jenkins), [""; 0]);
    });
}

/// As long as anything of it has stderr open, git waits.
#[test]
fn a_push_returns_before_jenkins_answers() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop());
        jenkins.fault(Fault::of_posts(FaultAction::Hold { processed: false }));
        let scene = scene(home, &jenkins);
        scene.push(&["main:one"]);
        assert!(jenkins.wait_until(|state| state.posts().len() == 1, PATIENCE));
        assert_eq!(jenkins.posts()[0].status, None);
        scene.push(&["main:two"]);
        assert_eq!(jenkins.posts()[0].status, None);
    });
}

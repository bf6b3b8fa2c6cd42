//! What the hook makes of input that is not quite git's, and of very much of it.

use std::fs;
use std::io::Write as _;
use std::process::Stdio;

use jenkins_stand_in::StandIn;

use crate::receive::{Scene, file, scene, scene_with};
use crate::support::{Ran, filtered, program, with_each_git};
use crate::watch::{said, shop_with_sha, wait_for_each_fired, wait_for_fired, write_program};

impl Scene<'_> {
    /// The hook as git would run it, with this input.
    fn feed(&self, input: &[u8]) -> Ran {
        let mut hook = self.clone.home.command(program(), &self.bare);
        hook.args(["hook", "post-receive"])
            .env("GIT_DIR", ".")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut hook = hook.spawn().expect("the hook starts");
        let mut stdin = hook.stdin.take().expect("its stdin");
        stdin.write_all(input).expect("it reads everything");
        drop(stdin);
        let ran = Ran::from(hook.wait_with_output().expect("the hook ends"));
        assert_eq!((ran.code, ran.stdout.as_str()), (0, ""), "{}", ran.whole());
        ran
    }
}

#[test]
fn a_last_line_that_was_cut_off_counts_only_if_it_is_so() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let scene = scene(home, &file(&jenkins));
        let old = scene.clone.head();
        let new = scene.commit("work");
        scene.clone.git(&["tag", "-a", "-m", "one", "v1"]);
        let tag = scene.clone.git(&["rev-parse", "v1"]).stdout.trim().to_owned();
        fs::remove_file(scene.bare.join("hooks/post-receive")).expect("the hook");
        scene.push(&["main", "v1", "main:mai", "HEAD^:refs/heads/ma"]);

        for cut in [
            "",
            &new[..10],
            "refs",
            "refs/heads/",
            "refs/heads/m",
            "refs/heads/ma",
            "refs/heads/nowhere",
        ] {
            let line = if cut.is_empty() || !cut.starts_with('r') {
                format!("{old} {cut}")
            } else {
                format!("{old} {new} {cut}")
            };
            assert_eq!(said(&scene.feed(line.as_bytes())), [""; 0], "{line}");
        }
        let long = "x".repeat(1 << 20);
        let line = format!("{old} {new} refs/heads/{long}");
        assert_eq!(said(&scene.feed(line.as_bytes())), [""; 0]);
        assert_eq!(
            said(&scene.feed(format!("{old} {} refs/heads/main", "0".repeat(40)).as_bytes())),
            [""; 0]
        );

        let ran = scene.feed(format!("{old} {new} refs/heads/main").as_bytes());
        assert_eq!(said(&ran).len(), 1, "{}", ran.whole());
        let ran = scene.feed(format!("{old} {new} refs/heads/main\n{old} {tag} refs/tags/v1").as_bytes());
        assert_eq!(said(&ran).len(), 2, "{}", ran.whole());
        wait_for_each_fired(&jenkins, &[new.clone(), new.clone(), new]);
    });
}

#[test]
fn lines_that_name_no_reference_are_skipped() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let scene = scene(home, &file(&jenkins));
        let new = scene.clone.head();
        let long = "x".repeat(1 << 20);
        let bad: [Vec<u8>; 9] = [
            Vec::new(),
            b"\n\n\n".to_vec(),
            b"nonsense\n".to_vec(),
            (0..=255).cycle().take(100_000).collect(),
            format!("{new} {new}\n").into_bytes(),
            format!("{new} {new} HEAD\n").into_bytes(),
            format!("{new} {new} refs/heads/{long}\n").into_bytes(),
            format!("{long} {new} refs/heads/main\n").into_bytes(),
            format!("{0} {1} refs/heads/main\n", "0".repeat(40), "1".repeat(40)).into_bytes(),
        ];
        for input in &bad {
            let ran = scene.feed(input);
            let start = String::from_utf8_lossy(&input[..input.len().min(60)]).into_owned();
            assert_eq!(ran.stderr, "", "{start:?}");
        }
        let mut all = bad.concat();
        all.extend(format!("\n{new} {new} refs/heads/main\n").into_bytes());
        assert_eq!(said(&scene.feed(&all)).len(), 1);
        wait_for_fired(&jenkins, &[new]);
    });
}

/// A name as long as git's own protocol lets it be; no file system has it, but other formats may.
#[test]
fn a_very_long_name_is_sent_whole() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let scene = scene(home, &file(&jenkins));
        let new = scene.clone.head();
        let long = "long/".repeat(10_000);
        let ran = scene.feed(format!("{new} {new} refs/heads/{long}end\n").as_bytes());
        assert_eq!(said(&ran).len(), 1);
        wait_for_fired(&jenkins, &[new]);
    });
}

/// Of ten thousand references only those are asked about that can fire, and all by one process. What the
/// sender asks is another matter.
#[test]
fn many_references_make_few_questions() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let scene = scene_with(home, &file(&jenkins), &["--object-format=sha256"]);
        let new = scene.clone.head();
        fs::remove_file(home.path("bin/git")).expect("the link");
        let counting = format!(
            "#!/bin/sh\n\
             grep -qa deliver /proc/$PPID/cmdline || echo \"$@\" >>'{asked}'\n\
             case \"$*\" in *--batch) tee -a '{asked}' | '{git}' \"$@\";; *) exec '{git}' \"$@\";; esac\n",
            asked = home.path("asked").display(),
            git = home.git.program.display()
        );
        write_program(&home.path("bin/git"), counting);
        let feed = |matching: usize| {
            let _ = fs::remove_file(home.path("asked"));
            let mut input = String::new();
            for number in 0..10_000 {
                let name = if number < matching { "tags/v" } else { "tags/other" };
                input.push_str(&format!("{new} {new} refs/{name}{number}\n"));
            }
            let ran = scene.feed(input.as_bytes());
            assert_eq!(said(&ran).len(), matching, "{}", ran.stderr);
            let asked = fs::read_to_string(home.path("asked")).expect("some questions");
            asked.lines().count()
        };
        let few = feed(1);
        assert!(few < 20, "{few} questions");
        assert_eq!(feed(10), few + 9);
        wait_for_each_fired(&jenkins, &vec![new; 11]);
    });
}

/// Whoever mirrors an old repository waits for the hook.
#[test]
fn a_storm_is_one_line_and_is_kept_whole() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let with_paths = file(&jenkins).replace("events:", "paths: [nowhere], events:");
        let scene = scene(home, &with_paths);
        let new = scene.clone.head();
        let input: String = (0..1_000)
            .map(|number| format!("{new} {new} refs/heads/{number}\n"))
            .collect();
        let ran = scene.feed(input.as_bytes());
        filtered(home, || {
            insta::allow_duplicates! {
                insta::assert_snapshot!(said(&ran).join("\n"), @"
                jenkins-trigger: 0, 1, 2 and 997 more: rule branches counts as matched whatever changed: it is one of more than 200 that were pushed at once
                jenkins-trigger: none of 1000 triggers is sent: one event made more triggers than `max_triggers` allows; to send them: jenkins-trigger retry --all
                jenkins-trigger: that is to be done on the server, in [HOME]/bare.git
                ");
            }
        });
        let spool = scene
            .bare
            .join("jenkins-trigger")
            .join(rustix::process::geteuid().as_raw().to_string());
        assert_eq!(fs::read_dir(spool.join("new")).expect("the spool").count(), 1_000);
        // So many that none is compared; of fewer each is.
        let few: Vec<&str> = input.lines().take(200).collect();
        let ran = scene.feed(format!("{}\n", few.join("\n")).as_bytes());
        assert!(!ran.stderr.contains("counts as matched"), "{}", ran.stderr);
    });
}

#[test]
fn triggers_that_cannot_be_kept_are_said_in_one_line() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let scene = scene(home, &file(&jenkins));
        fs::write(scene.bare.join("jenkins-trigger"), "no folder").expect("a file");
        let ran = scene.push(&["main:one", "main:two", "main:three"]);
        filtered(home, || {
            insta::allow_duplicates! {
                insta::assert_snapshot!(said(&ran).join("\n"), @"
                remote: jenkins-trigger: nothing triggered: one → shop/deploy on http://[JENKINS]/: [HOME]/bare.git/jenkins-trigger is no folder, and is to be a folder; remove it: rm [HOME]/bare.git/jenkins-trigger (and 2 more)
                remote: jenkins-trigger: that is to be done on the server, in [HOME]/bare.git
                ");
            }
        });
        let ran = scene.push(&["main:four"]);
        assert!(!ran.stderr.contains("more)"), "{}", ran.stderr);
        assert_eq!(jenkins.posts().len(), 0);
    });
}

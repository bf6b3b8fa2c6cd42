//! `git push -o`, where the repository that is pushed to takes options.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;

use jenkins_stand_in::{Job, RecordedRequest, Setup, StandIn};

use crate::receive::{self, Scene};
use crate::support::{Home, PATIENCE, Ran, developer, with_each_git};
use crate::watch::{said, triggers};

fn shop() -> Setup {
    let job = |name: &str| {
        Job::new(name)
            .string_parameter("BRANCH", "")
            .string_parameter("KIND", "")
            .string_parameter("NOTE", "")
    };
    Setup::new()
        .user(developer())
        .job(job("shop/deploy"))
        .job(job("shop/other"))
}

fn scene<'a>(home: &'a Home, jenkins: &StandIn) -> Scene<'a> {
    let file = format!(
        "version: 1\nserver: {}\njobs:\n\
         \x20 - {{ job: shop/deploy, branches: [main], parameters: {{ KIND: fast, NOTE: \"${{tag}}\" }} }}\n\
         \x20 - {{ job: shop/other, branches: [other] }}\n",
        jenkins.url()
    );
    let scene = receive::scene(home, &file);
    home.git(&scene.bare, &["config", "receive.advertisePushOptions", "true"]);
    scene
}

impl Scene<'_> {
    fn push_with(&self, options: &[&[u8]], branch: &str) -> Ran {
        self.commit("work");
        let home = self.clone.home;
        let mut git = home.command("git", &self.clone.folder);
        git.arg("push").arg("-q");
        for option in options {
            git.arg("-o").arg(OsStr::from_bytes(option));
        }
        Ran::of(git.args(["origin", &format!("main:{branch}")])).succeeded()
    }
}

/// The bodies of the requests, once so many have come.
#[track_caller]
fn bodies(jenkins: &StandIn, count: usize) -> Vec<String> {
    let answered = |state: &[RecordedRequest]| {
        let posts = state.iter().filter(|request| request.method == "POST");
        posts.filter(|request| request.status.is_some()).count()
    };
    assert!(jenkins.wait_until(|state| answered(&state.requests) >= count, PATIENCE));
    triggers(jenkins)
        .iter()
        .map(|request| String::from_utf8_lossy(&request.body).into_owned())
        .collect()
}

#[test]
fn a_push_that_says_so_triggers_nothing() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop());
        let scene = scene(home, &jenkins);
        for option in ["ci.skip", "jenkins.skip"] {
            let ran = scene.push_with(&[b"other", option.as_bytes()], "main");
            let expected =
                format!("remote: jenkins-trigger: nothing triggered: the push option {option} says so");
            assert_eq!(said(&ran), [expected]);
            // Nothing would have been triggered.
            assert_eq!(said(&scene.push_with(&[option.as_bytes()], "unmapped")), [""; 0]);
        }
        let ran = scene.push_with(&[b"ci.skip=no", b"CI.SKIP", b"merge_request.create"], "main");
        assert!(ran.stderr.contains("main → shop/deploy"), "{}", ran.stderr);
        assert_eq!(bodies(&jenkins, 1), ["BRANCH=main&KIND=fast"]);
    });
}

#[test]
fn a_value_replaces_that_of_a_parameter_which_the_rule_names() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop());
        let scene = scene(home, &jenkins);
        let values: &[&[u8]] = &[
            b"jenkins.param.KIND=slow",
            b"jenkins.param.NOTE=a=b&c +%\xff\"$(id)${sha}",
        ];
        let ran = scene.push_with(values, "main");
        assert_eq!(said(&ran).len(), 1, "{}", ran.whole());
        scene.push_with(&[b"jenkins.param.KIND=one", b"jenkins.param.KIND="], "main");
        assert_eq!(
            bodies(&jenkins, 2),
            [
                "BRANCH=main&KIND=slow&NOTE=a%3Db%26c+%2B%25%FF%22%24%28id%29%24%7Bsha%7D",
                "BRANCH=main&KIND=",
            ]
        );
    });
}

#[test]
fn an_option_that_can_only_be_ours_and_is_unknown_is_named() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop());
        let scene = scene(home, &jenkins);
        let ran = scene.push_with(
            &[b"jenkins.params.KIND=1", b"jenkins.skipped", b"other.x"],
            "main",
        );
        let ours: Vec<&str> = said(&ran)
            .into_iter()
            .filter(|line| !line.contains(" → "))
            .collect();
        insta::allow_duplicates! {
            insta::assert_snapshot!(ours.join("\n"), @"
            remote: jenkins-trigger: the push option jenkins.params.KIND=1 is left out: it is unknown; there are jenkins.skip and jenkins.param.NAME=VALUE
            remote: jenkins-trigger: the push option jenkins.skipped is left out: it is unknown; there are jenkins.skip and jenkins.param.NAME=VALUE
            ");
        }
        assert_eq!(bodies(&jenkins, 1), ["BRANCH=main&KIND=fast"]);
    });
}

#[test]
fn a_value_for_anything_else_is_left_out_and_that_is_said() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop());
        let scene = scene(home, &jenkins);
        let values: &[&[u8]] = &[
            b"jenkins.param.BRANCH=evil",
            b"jenkins.param.NEW=1",
            b"jenkins.param.NEW=2",
            b"jenkins.param.X",
            b"jenkins.param.KIND=slow",
        ];
        let ran = scene.push_with(values, "main");
        assert_eq!(bodies(&jenkins, 1), ["BRANCH=main&KIND=slow"]);
        let ours: Vec<&str> = said(&ran)
            .into_iter()
            .filter(|line| !line.contains(" → "))
            .collect();
        insta::allow_duplicates! {
            insta::assert_snapshot!(ours.join("\n"), @"
            remote: jenkins-trigger: the push option jenkins.param.X is left out: it has no name or no value; write it so: git push -o jenkins.param.NAME=VALUE
            remote: jenkins-trigger: the push option jenkins.param.BRANCH is left out: no rule that fires has BRANCH among its `parameters`
            remote: jenkins-trigger: the push option jenkins.param.NEW is left out: no rule that fires has NEW among its `parameters`
            ");
        }
        // The rule that fires names none.
        let ran = scene.push_with(&[b"jenkins.param.KIND=slow"], "other");
        assert!(
            ran.stderr.contains("jenkins.param.KIND is left out"),
            "{}",
            ran.stderr
        );
        assert_eq!(bodies(&jenkins, 2)[1], "BRANCH=other");
    });
}

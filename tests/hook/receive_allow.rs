//! What a push into a bare repository may trigger: `jenkinsTrigger.allow` in its own config bounds it;
//! without that, what was recorded.

use std::fs;

use jenkins_stand_in::StandIn;

use crate::receive::{Scene, scene};
use crate::support::{Home, gits, wait_for, with_each_git};
use crate::watch::{complaints, shop_with_sha, triggers};

fn file(jenkins: &StandIn, jobs: &[&str]) -> String {
    let jobs: Vec<String> = jobs
        .iter()
        .map(|job| format!("  - {{ job: {job}, parameters: {{ SHA: \"${{sha}}\" }} }}\n"))
        .collect();
    format!("version: 1\nserver: {}\njobs:\n{}", jenkins.url(), jobs.concat())
}

impl Scene<'_> {
    /// Pushes this file to the default branch; what the hook complained of.
    fn push_file(&self, file: &str) -> Vec<String> {
        self.clone.write(".jenkins-trigger.yml", file);
        self.clone.git(&["add", "--all"]);
        self.commit("a change");
        let ran = self.push(&["HEAD:main"]);
        wait_for("each trigger to be looked at", || {
            let left = fs::read_dir(self.spool().join("new")).into_iter().flatten();
            let told = |path: std::path::PathBuf| {
                fs::read_to_string(path).is_ok_and(|text| text.contains("\"trouble\""))
            };
            left.map(|entry| entry.expect("an entry").path())
                .all(told)
                .then_some(())
        });
        let lines = complaints(&ran).into_iter();
        lines
            .map(|line| line.trim_start_matches("remote: jenkins-trigger: ").to_owned())
            .collect()
    }

    fn spool(&self) -> std::path::PathBuf {
        let user = rustix::process::geteuid().as_raw().to_string();
        self.bare.join("jenkins-trigger").join(user)
    }

    fn allow(&self, value: &str) {
        let home = self.clone.home;
        home.git(&self.bare, &["config", "--add", "jenkinsTrigger.allow", value]);
    }
}

/// The jobs that were triggered since the last call.
fn jobs(jenkins: &StandIn) -> Vec<String> {
    let mut jobs: Vec<String> = triggers(jenkins)
        .iter()
        .map(|request| {
            let words: Vec<&str> = request.target.split('/').collect();
            format!("{}/{}", words[2], words[4])
        })
        .collect();
    jenkins.clear_requests();
    jobs.sort();
    jobs
}

#[test]
fn without_a_bound_only_what_was_recorded_is_triggered() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let scene = scene(home, &file(&jenkins, &["shop/deploy"]));
        let told = scene.push_file(&file(&jenkins, &["shop/deploy", "shop/other"]));
        let held = format!(
            "not sent: this file now names shop/other on {}/ (api), which you have not allowed here; to allow it: \
             jenkins-trigger trust",
            jenkins.url()
        );
        assert_eq!(told[0], held);
        assert!(
            told[1].starts_with("that is to be done on the server, in "),
            "{told:?}"
        );
        assert_eq!(jobs(&jenkins), ["shop/deploy"]);
        // What others have looked at is not what a push into here may trigger.
        home.git(&scene.bare, &["update-ref", "refs/remotes/origin/main", "main"]);
        home.git(
            &scene.bare,
            &[
                "symbolic-ref",
                "refs/remotes/origin/HEAD",
                "refs/remotes/origin/main",
            ],
        );
        assert_eq!(home.tool(&scene.bare, &["retry"]).code, 1);
        assert_eq!(jobs(&jenkins), [""; 0]);
        home.tool(&scene.bare, &["trust"]).succeeded();
        wait_for("the other", || (!triggers(&jenkins).is_empty()).then_some(()));
        assert_eq!(jobs(&jenkins), ["shop/other"]);
    });
}

#[test]
fn a_bound_counts_whatever_was_recorded() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let scene = scene(home, &file(&jenkins, &["shop/deploy"]));
        scene.allow(&format!("{} shop/o*", jenkins.url()));
        let told = scene.push_file(&file(&jenkins, &["shop/deploy", "shop/other"]));
        let held = format!(
            "not sent: jenkinsTrigger.allow of this repository lets no push trigger shop/deploy on {url}/ (api); its \
             owner allows it with: git config --add jenkinsTrigger.allow '{url}/ shop/deploy'",
            url = jenkins.url()
        );
        assert_eq!(told[0], held);
        assert_eq!(jobs(&jenkins), ["shop/other"]);
        scene.allow(&format!("{}/ shop/deploy", jenkins.url()));
        home.tool(&scene.bare, &["retry"]).succeeded();
        assert_eq!(jobs(&jenkins), ["shop/deploy"]);
    });
}

#[test]
fn a_bound_that_cannot_be_read_allows_nothing_and_is_said() {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(shop_with_sha());
    let scene = scene(&home, &file(&jenkins, &["shop/deploy"]));
    scene.allow("shop/**");
    let wrong = "jenkinsTrigger.allow = shop/** cannot be read, so it allows nothing: shop/** is no server; write a \
                 server, and a pattern of its jobs: https://ci.example.com shop/**";
    let told = scene.push_file(&file(&jenkins, &["shop/deploy"]));
    assert_eq!(told[0], wrong);
    assert!(told[1].contains("lets no push trigger shop/deploy"), "{told:?}");
    assert!(jenkins.requests().is_empty());
    for command in ["status", "check", "install"] {
        let ran = home.tool(&scene.bare, &[command]);
        assert!(ran.stderr.contains(wrong), "{command}: {}", ran.whole());
    }
}

#[test]
fn a_bound_is_the_repository_s_own() {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(shop_with_sha());
    let scene = scene(&home, &file(&jenkins, &["shop/deploy"]));
    home.git(&scene.bare, &["config", "--global", "jenkinsTrigger.allow", "*"]);
    let told = scene.push_file(&file(&jenkins, &["shop/deploy", "shop/other"]));
    assert!(told[0].contains("which you have not allowed here"), "{told:?}");
    assert_eq!(jobs(&jenkins), ["shop/deploy"]);
}

#[test]
fn a_bound_opens_no_server_and_no_variable_to_who_pushes() {
    let home = Home::new(&gits()[0]);
    let (jenkins, other) = (StandIn::start(shop_with_sha()), StandIn::start(shop_with_sha()));
    let scene = scene(&home, &file(&jenkins, &["shop/deploy"]));
    scene.allow("*");
    let told = scene.push_file(&file(&other, &["shop/deploy"]));
    assert!(told[0].contains("which you have not trusted here"), "{told:?}");
    assert!(other.requests().is_empty());
    let reads = file(&jenkins, &["shop/other"])
        .replace("jobs:", "env: [CHANNEL]\njobs:")
        .replace("${sha}", "${env.CHANNEL}");
    let told = scene.push_file(&reads);
    assert!(
        told.iter()
            .any(|line| line.contains("reads CHANNEL from the environment")),
        "{told:?}"
    );
    assert!(jenkins.requests().is_empty());
}

#[test]
fn install_shows_the_bound_and_the_rules_outside_of_it() {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(shop_with_sha());
    let scene = scene(&home, &file(&jenkins, &["shop/deploy", "shop/other"]));
    scene.allow("http://*:* shop/deploy");
    let ran = home.tool(&scene.bare, &["install", "post-receive"]).succeeded();
    let lines: Vec<&str> = ran
        .stderr
        .lines()
        .filter(|line| line.contains("jenkinsTrigger.allow"))
        .collect();
    assert_eq!(
        lines[0],
        "jenkinsTrigger.allow lets pushes trigger: http://*:* shop/deploy"
    );
    assert!(lines[1].starts_with("warning: line 5: "), "{lines:?}");
    assert!(lines[1].contains("lets no push trigger shop/other"), "{lines:?}");
    assert_eq!(lines.len(), 2);
}

#[test]
fn install_says_that_no_branch_is_the_default_one() {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(shop_with_sha());
    let scene = scene(&home, &file(&jenkins, &["shop/deploy"]));
    home.git(&scene.bare, &["symbolic-ref", "HEAD", "refs/heads/master"]);
    let ran = home.tool(&scene.bare, &["install"]).succeeded();
    assert!(
        ran.stderr
            .contains("HEAD names refs/heads/master, which is no branch here yet"),
        "{}",
        ran.whole()
    );
}

#[test]
fn trust_says_what_the_bound_keeps_from_going_out_all_the_same() {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(shop_with_sha());
    let scene = scene(&home, &file(&jenkins, &["shop/deploy", "shop/other"]));
    scene.allow(&format!("{} shop/deploy", jenkins.url()));
    let ran = home.tool(&scene.bare, &["trust"]);
    let outside = format!(
        "warning: line 5: jenkinsTrigger.allow of this repository lets no push trigger shop/other on {0}/ (api); its \
         owner allows it with: git config --add jenkinsTrigger.allow '{0}/ shop/other'",
        jenkins.url()
    );
    assert!(ran.stderr.contains(&outside), "{}", ran.whole());
}

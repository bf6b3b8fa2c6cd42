//! `push`: what came of the triggers is on screen, and the exit code is git's whatever that is.

use std::net::TcpListener;

use jenkins_stand_in::{Job, StandIn};

use crate::helpers::{file_for, filtered, home, said};
use crate::push_scene::{RULES, jenkins, scene, scene_with};
use crate::support::with_each_git;

#[test]
fn what_jenkins_refuses_is_told_once_and_the_push_was_made() {
    with_each_git(|home| {
        let scene = scene_with(home, "  - job: shop/gone\n");
        let ran = scene.push(&["origin", "main"]).succeeded();
        assert!(
            ran.stdout.starts_with("failed main → shop/gone: "),
            "{}",
            ran.whole()
        );
        assert_eq!(scene.taken().len(), 1);
        assert_eq!(scene.clone.spooled("failed").len(), 1);
        scene.install();
        scene.commit("more");
        let ran = scene.clone.git(&["push", "origin", "main"]);
        assert!(!ran.stderr.contains("earlier"), "{}", ran.whole());
    });
}

#[test]
fn a_server_that_is_not_trusted_is_not_asked_and_the_trigger_waits_for_its_user() {
    let home = home();
    let scene = scene(&home);
    let other = StandIn::start(jenkins());
    scene
        .clone
        .write(".jenkins-trigger.yml", file_for(&other, "  - job: shop/deploy\n"));
    scene.commit("another server");
    let ran = scene.push(&["origin", "main"]).succeeded();
    filtered(&home, || {
        insta::assert_snapshot!(ran.whole(), @"
        exit code: 0
        ----- stdout -----
        held main → shop/deploy: this file names http://[JENKINS]/, which you have not trusted here; to allow it: jenkins-trigger trust
        ----- stderr -----
        To ../server.git
         * [new branch]      main -> main
        ");
    });
    assert!(other.requests().is_empty());
    assert_eq!(scene.clone.waiting().len(), 1);
    scene.clone.tool(&["trust"]).succeeded();
    scene.clone.tool(&["retry"]).succeeded();
    assert_eq!(other.queue_items().len(), 1);
}

#[test]
fn what_jenkins_is_away_for_waits_and_says_so() {
    let home = home();
    let scene = scene(&home);
    scene.clone.without_sleepers();
    let port = TcpListener::bind("127.0.0.1:0").expect("a port");
    let nobody = format!("http://{}", port.local_addr().expect("an address"));
    drop(port);
    let file = format!("version: 1\nserver: {nobody}\njobs:\n  main: shop/deploy\n");
    scene.clone.write(".jenkins-trigger.yml", file);
    scene.clone.tool(&["trust"]).succeeded();
    scene.commit("nobody is there");
    let ran = scene.push(&["origin", "main"]).succeeded();
    assert!(
        ran.stdout.starts_with("waiting main → shop/deploy: "),
        "{}",
        ran.whole()
    );
    assert_eq!(scene.clone.waiting().len(), 1);
}

#[test]
fn too_many_triggers_are_held_and_said() {
    with_each_git(|home| {
        let scene = scene(home);
        let file = file_for(&scene.jenkins, RULES) + "max_triggers: 2\n";
        scene.clone.write(".jenkins-trigger.yml", file);
        scene.commit("fewer");
        let all = ["origin", "main", "main:a", "main:b"];
        let ran = scene.push(&all).succeeded();
        assert!(
            ran.stderr
                .ends_with("warning: none of 3 triggers is sent: one event made more triggers than `max_triggers` allows; to send them: jenkins-trigger retry --all\n"),
            "{}",
            ran.whole()
        );
        assert_eq!(scene.fired().len(), 0);
        scene.clone.tool(&["retry", "--all"]).succeeded();
        scene.assert_fired(3);
    });
}

#[test]
fn a_branch_without_a_rule_is_told_why() {
    let home = home();
    let rules = "  - { name: app, job: shop/deploy, branches: [\"release/**\"] }\n  \
                 - { job: other, events: [post-commit] }\n";
    let scene = scene_with(&home, rules);
    scene.clone.git(&["tag", "v1"]);
    let ran = scene.push(&["origin", "main", "v1"]).succeeded();
    filtered(&home, || {
        insta::assert_snapshot!(ran.whole(), @"
        exit code: 0
        ----- stdout -----
        ----- stderr -----
        To ../server.git
         * [new branch]      main -> main
         * [new tag]         v1 -> v1
        no rule fires for main: app: no pattern matches branch main; other: its `events` do not list post-push
        no rule fires for v1: app: it has no `tags`, and this is a tag; other: its `events` do not list post-push
        ");
    });
    let many = ["main:a", "main:b", "main:c", "main:d", "main:e"];
    let ran = scene.push(&[&["origin"][..], &many].concat()).succeeded();
    assert!(
        ran.stderr.ends_with("no rule fires for 2 more\n"),
        "{}",
        ran.whole()
    );
    assert!(scene.jenkins.requests().is_empty());
}

#[test]
fn a_skip_marker_and_a_path_filter_count() {
    with_each_git(|home| {
        let rules = "  - { job: shop/deploy, paths: [\"src/**\"], parameters: { SHA: \"${sha}\" } }\n";
        let scene = scene_with(home, rules);
        scene.push(&["origin", "main"]).succeeded();
        scene.clone.write("text", "elsewhere");
        scene.commit("elsewhere");
        let ran = scene.push(&["origin", "main"]).succeeded();
        assert!(
            ran.stderr.contains("no changed file matches its path filter"),
            "{}",
            ran.whole()
        );
        scene.clone.write("src/a", "here");
        scene.commit("here");
        scene.clone.write("text", "elsewhere again");
        scene.commit("elsewhere again");
        let fired = scene.fired().len();
        scene.push(&["origin", "main"]).succeeded();
        assert_eq!(scene.fired().len(), fired + 1, "over the whole push");
        scene.clone.write("src/a", "there");
        scene.commit("there [skip ci]");
        let ran = scene.push(&["origin", "main"]).succeeded();
        assert!(
            ran.stderr.contains("the commit's message says [skip ci]"),
            "{}",
            ran.whole()
        );
        assert_eq!(scene.fired().len(), fired + 1);
    });
}

#[test]
fn a_new_branch_that_nothing_is_known_to_compare_with_is_named_with_the_way_out() {
    let home = home();
    let rules = "  - { name: src, job: shop/deploy, paths: [\"src/**\"], parameters: { SHA: \"${sha}\" } }\n";
    let scene = scene_with(&home, rules);
    scene.push(&["origin", "main"]).succeeded();
    let note = "one, two: rule src counts as matched whatever changed: it is new, and no default branch is \
                known to compare it with; git remote set-head origin --auto\n";
    let ran = scene.push(&["origin", "main:one", "main:two"]).succeeded();
    assert!(ran.stderr.contains(note), "{}", ran.whole());
    scene.clone.git(&["remote", "set-head", "origin", "--auto"]);
    let ran = scene.push(&["origin", "main:three"]).succeeded();
    assert!(!ran.stderr.contains("counts as matched"), "{}", ran.whole());
}

#[test]
fn a_file_that_is_wrong_or_missing_keeps_no_push_back() {
    let home = home();
    let scene = scene(&home);
    scene
        .clone
        .write(".jenkins-trigger.yml", "version: 1\nserve: x\n");
    scene.commit("wrong");
    let ran = scene.push(&["origin", "main"]).succeeded();
    assert!(ran.stderr.contains("error: "), "{}", ran.whole());
    assert!(ran.stderr.contains("serve"), "{}", ran.whole());
    scene.clone.git(&["rm", "-q", "-f", ".jenkins-trigger.yml"]);
    scene.commit("missing");
    let ran = scene.push(&["origin", "main"]).succeeded();
    assert!(
        ran.stderr.ends_with(
            "error: nothing triggered: what was pushed has no .jenkins-trigger.yml\nhelp: commit one, and push it\n"
        ),
        "{}",
        ran.whole()
    );
    assert_eq!(scene.taken().len(), 2);
}

#[test]
fn a_file_that_is_wrong_on_one_branch_is_told_of_that_branch_alone() {
    let home = home();
    let scene = scene(&home);
    scene.install();
    let wrong = file_for(&scene.jenkins, RULES) + "nonsense: 1\n";
    scene.clone.git(&["checkout", "-q", "-b", "bad"]);
    scene.clone.write(".jenkins-trigger.yml", wrong);
    scene.commit("wrong");
    scene.clone.git(&["checkout", "-q", "-b", "none", "main"]);
    scene.clone.git(&["rm", "-q", ".jenkins-trigger.yml"]);
    scene.commit("missing");
    scene.clone.git(&["checkout", "-q", "main"]);
    let ran = scene
        .push(&["origin", "main", "bad", "bad:worse", "none"])
        .succeeded();
    let hook = scene.clone.git(&["push", "origin", "main:two", "bad:third"]);
    filtered(&home, || {
        insta::assert_snapshot!(ran.whole(), @"
        exit code: 0
        ----- stdout -----
        queued main → shop/deploy: item 1 http://[JENKINS]/queue/item/1/
        ----- stderr -----
        To ../server.git
         * [new branch]      main -> main
         * [new branch]      bad -> bad
         * [new branch]      bad -> worse
         * [new branch]      none -> none
        error: nothing triggered for bad, worse: unknown key `nonsense` in the file
         --> .jenkins-trigger.yml:6:1
          |
        6 | nonsense: 1
          | ^^^^^^^^
          |
          = help: known keys here are `version`, `server`, `servers`, `defaults`, `env`, `skip`, `max_triggers` and `jobs`
        no rule fires for none: its commit has no .jenkins-trigger.yml
        ");
        insta::assert_snapshot!(said(&hook).join("\n"), @"
        jenkins-trigger: nothing triggered for third: .jenkins-trigger.yml:6:1: unknown key `nonsense` in the file; known keys here are `version`, `server`, `servers`, `defaults`, `env`, `skip`, `max_triggers` and `jobs`
        jenkins-trigger: two → shop/deploy on http://[JENKINS]/, when the push lands
        ");
    });
}

#[test]
fn what_leads_to_no_commit_needs_no_file() {
    with_each_git(|home| {
        let scene = scene(home);
        scene.install();
        scene.clone.git(&["tag", "text", "HEAD:.jenkins-trigger.yml"]);
        scene.clone.git(&["notes", "add", "-m", "a note"]);
        let hook = scene.clone.git(&["push", "origin", "text", "refs/notes/commits"]);
        assert_eq!(said(&hook), [""; 0]);
        let ran = scene.push(&["origin", "text:refs/tags/other"]).succeeded();
        assert_eq!(ran.stdout, "", "{}", ran.whole());
        assert!(!ran.stderr.contains("error"), "{}", ran.whole());
        assert_eq!(scene.fired(), [""; 0]);
    });
}

#[test]
fn each_branch_is_planned_by_its_own_file() {
    let home = home();
    let scene = scene(&home);
    let other = StandIn::start(jenkins().job(Job::new("two").string_parameter("BRANCH", "")));
    scene.clone.git(&["checkout", "-q", "-b", "two"]);
    scene
        .clone
        .write(".jenkins-trigger.yml", file_for(&other, "  - job: two\n"));
    scene.commit("another file");
    scene.clone.tool(&["trust"]).succeeded();
    // What the other names has been looked at by others.
    scene.clone.git(&[
        "symbolic-ref",
        "refs/remotes/origin/HEAD",
        "refs/remotes/origin/main",
    ]);
    let ran = scene.push(&["origin", "main", "two"]).succeeded();
    assert_eq!(scene.fired().len(), 1, "{}", ran.whole());
    assert_eq!(other.queue_items()[0].parameter("BRANCH"), Some("two"));
}

#[test]
fn the_help_is_this_tool_s_and_everything_else_is_git_s() {
    let home = home();
    for arguments in [&["push", "--help"], &["push", "-h"], &["help", "push"]] {
        let ran = home.tool(&home.path("home"), arguments).succeeded();
        assert!(
            ran.stdout
                .contains("Usage: jenkins-trigger [OPTIONS] push [GIT PUSH ARGUMENT]..."),
            "{}",
            ran.whole()
        );
    }
    let scene = scene(&home);
    // Each of these is an option of this tool too, and means something else to git.
    assert_eq!(scene.push(&["-C", "x", "origin"]).code, 129);
    assert_eq!(scene.push(&["--color", "never"]).code, 129);
    let ran = home.tool(&home.path(""), &["-C", "shop", "push", "-v", "origin", "main"]);
    assert!(ran.succeeded().stderr.contains("Pushing to ../server.git\n"));
    scene.assert_fired(1);
    let ran = scene
        .clone
        .tool(&["-q", "push", "origin", "main:quiet"])
        .succeeded();
    assert!(ran.stdout.starts_with("queued "), "{}", ran.whole());
    scene.assert_fired(2);
}

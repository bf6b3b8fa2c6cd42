//! `retry`: what waits or failed, now.

use jenkins_stand_in::{Permission, StandIn, User};

use crate::helpers::{Bait, filtered, home};
use crate::support::{Home, Repository, TOKEN, USER, developer, shop, short_file, with_each_git};

/// A repository whose triggers could not be sent, one for each of these branches.
pub fn with_waiting<'a>(home: &'a Home, jenkins: &StandIn, branches: &[&str]) -> Repository<'a> {
    let repository = home.repository("shop", &short_file(jenkins).replace("main:", "\"**\":"));
    repository.commit("first");
    repository.tool(&["trust"]).succeeded();
    repository.without_sleepers();
    jenkins.stop();
    for branch in branches {
        repository.git(&["switch", "-q", "-C", branch]);
        assert_eq!(repository.tool(&["trigger"]).code, 1);
    }
    assert_eq!(repository.waiting().len(), branches.len());
    repository
}

fn branches(jenkins: &StandIn) -> Vec<String> {
    jenkins
        .posts()
        .iter()
        .map(|request| request.form_values("BRANCH").concat())
        .collect()
}

#[test]
fn when_the_server_is_back_it_sends_what_waits_oldest_first() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop());
        let repository = with_waiting(home, &jenkins, &["c", "a", "b"]);
        jenkins.resume();
        let ran = repository.tool(&["retry"]);
        assert_eq!(branches(&jenkins), ["c", "a", "b"]);
        assert!(repository.waiting().is_empty());
        filtered(home, || {
            insta::allow_duplicates! {
                insta::assert_snapshot!(ran.whole(), @"
                exit code: 0
                ----- stdout -----
                queued c → shop/deploy: item 1 http://[JENKINS]/queue/item/1/
                queued a → shop/deploy: item 2 http://[JENKINS]/queue/item/2/
                queued b → shop/deploy: item 3 http://[JENKINS]/queue/item/3/
                ----- stderr -----
                ");
            }
        });
    });
}

#[test]
fn while_the_server_is_away_it_ends_with_1_and_keeps_everything() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = with_waiting(&home, &jenkins, &["a", "b"]);
    let ran = repository.tool(&["retry"]);
    assert_eq!(repository.waiting().len(), 2);
    filtered(&home, || {
        insta::assert_snapshot!(ran.whole(), @"
        exit code: 1
        ----- stdout -----
        waiting a → shop/deploy: 127.0.0.1 port [PORT] refuses the connection; Jenkins is down, or `server` in .jenkins-trigger.yml is wrong; then: jenkins-trigger retry
        waiting b → shop/deploy: 127.0.0.1 port [PORT] refuses the connection; Jenkins is down, or `server` in .jenkins-trigger.yml is wrong; then: jenkins-trigger retry
        ----- stderr -----
        ");
    });
}

#[test]
fn with_nothing_to_send_it_says_so_and_ends_with_0() {
    let home = home();
    let bait = Bait::new();
    let file = format!("version: 1\nserver: {}\njobs:\n  main: shop/deploy\n", bait.url());
    let repository = home.repository("shop", &file);
    for arguments in [&["retry"][..], &["retry", "--all"]] {
        let ran = repository.tool(arguments);
        assert_eq!(
            (ran.code, ran.stdout.as_str(), ran.stderr.as_str()),
            (0, "", "nothing waits and nothing failed\n")
        );
    }
    bait.assert_untouched();
}

#[test]
fn it_needs_no_file_and_no_branch() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = with_waiting(&home, &jenkins, &["a"]);
    jenkins.resume();
    repository.git(&["switch", "-q", "--detach"]);
    std::fs::remove_file(repository.path(".jenkins-trigger.yml")).expect("a file");
    repository.tool(&["retry"]).succeeded();
    assert_eq!(branches(&jenkins), ["a"]);
}

#[test]
fn a_failed_one_goes_out_after_the_cause_was_mended() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop());
        jenkins.put_user(User::new(USER, TOKEN).grant([Permission::OverallRead, Permission::JobRead]));
        let repository = home.repository("shop", &short_file(&jenkins));
        repository.commit("first");
        repository.tool(&["trust"]).succeeded();
        assert_eq!(repository.tool(&["trigger"]).code, 3);
        let refused = repository.tool(&["retry"]);
        assert_eq!(refused.code, 3, "{}", refused.whole());
        assert!(refused.stdout.contains("Job/Build"), "{}", refused.whole());
        assert_eq!(repository.spooled("failed").len(), 1);
        jenkins.put_user(developer());
        repository.tool(&["retry"]).succeeded();
        assert_eq!(jenkins.queue_items().len(), 1);
        assert!(repository.spooled("failed").is_empty());
        assert_eq!(repository.tool(&["retry"]).succeeded().stdout, "");
        assert_eq!(jenkins.queue_items().len(), 1);
    });
}

#[test]
fn a_failed_one_that_a_hook_told_of_can_still_be_retried() {
    let home = home();
    let jenkins = StandIn::start(shop());
    jenkins.put_user(User::new(USER, TOKEN).grant([Permission::OverallRead, Permission::JobRead]));
    let repository = home.repository("shop", &short_file(&jenkins));
    repository.install();
    repository.commit("first");
    let first = repository.head();
    repository.wait_for_journal(1);
    repository.git(&["switch", "-q", "-c", "unmapped"]);
    let told = repository.commit("second");
    assert!(
        told.stderr.contains("earlier, main → shop/deploy failed"),
        "{}",
        told.stderr
    );
    jenkins.put_user(developer());
    repository.tool(&["retry"]).succeeded();
    assert_eq!(repository.journal().last().expect("a line")["sha"], first);
    assert!(repository.spooled("failed").is_empty());
}

#[test]
fn those_that_were_held_as_too_many_need_all() {
    let home = home();
    let jenkins = StandIn::start(shop().job(jenkins_stand_in::Job::new("b").string_parameter("BRANCH", "")));
    let file = format!(
        "version: 1\nserver: {}\nmax_triggers: 1\njobs:\n  - {{ job: shop/deploy }}\n  - {{ job: b }}\n",
        jenkins.url()
    );
    let repository = home.repository("shop", &file);
    repository.install();
    let ran = repository.commit("first");
    assert!(
        ran.stderr.contains("jenkins-trigger retry --all"),
        "{}",
        ran.stderr
    );
    let plain = repository.tool(&["retry"]);
    assert!(jenkins.requests().is_empty());
    assert!(
        plain.whole().contains("--all"),
        "two are held, and nothing says so:\n{}",
        plain.whole()
    );
    repository.tool(&["retry", "--all"]).succeeded();
    assert_eq!(jenkins.queue_items().len(), 2);
}

#[test]
fn the_outcome_in_json_is_one_object_a_line() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = with_waiting(&home, &jenkins, &["a", "b"]);
    jenkins.resume();
    let ran = repository.tool(&["retry", "--json"]).succeeded();
    let lines: Vec<serde_json::Value> = ran
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let found: Vec<_> = lines
        .iter()
        .map(|line| (line["outcome"].as_str(), line["branch"].as_str()))
        .collect();
    assert_eq!(found, [(Some("queued"), Some("a")), (Some("queued"), Some("b"))]);
}

#[test]
fn verbose_tells_how_often_each_was_sent() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = with_waiting(&home, &jenkins, &["a"]);
    let ran = repository.tool(&["-v", "retry"]);
    filtered(&home, || {
        insta::assert_snapshot!(ran.stderr, @"[ID] shop/deploy on http://[JENKINS]/, attempts so far: 1");
    });
}

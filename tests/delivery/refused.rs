//! What Jenkins refuses is kept, explained, told once, and can be sent again.

use jenkins_stand_in::{Answer, Fault, Job, Permission, Setup, StandIn, User};

use crate::support::{Home, TOKEN, USER, gits, shop, short_file, wait_for};

fn server(permissions: &[Permission]) -> Setup {
    Setup::new()
        .user(User::new(USER, TOKEN).grant(permissions.iter().copied()))
        .job(
            Job::new("shop/deploy")
                .string_parameter("BRANCH", "main")
                .trigger_token("another"),
        )
}

const ALL: &[Permission] = &[Permission::OverallRead, Permission::JobRead, Permission::JobBuild];

#[test]
fn a_refused_trigger_is_told_once_by_the_next_hook_and_can_be_sent_again() {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(server(&ALL[..2]));
    let repository = home.repository("shop", &short_file(&jenkins));
    repository.install();
    repository.commit("first");
    repository.wait_for_journal(1);
    wait_for("a failed trigger", || {
        (repository.spooled("failed").len() == 1).then_some(())
    });

    repository.git(&["checkout", "-q", "-b", "elsewhere"]);
    let told = |message: &str| {
        let ran = repository.commit(message);
        ran.stderr.lines().filter(|line| line.contains("failed")).count()
    };
    assert_eq!(told("second"), 1);
    assert_eq!(told("third"), 0);

    jenkins.put_user(User::new(USER, TOKEN).grant(ALL.iter().copied()));
    repository.tool(&["retry"]).succeeded();
    assert_eq!(jenkins.queue_items().len(), 1);
    assert!(repository.spooled("failed").is_empty());
}

/// A redirect is an answer to explain, not a way to follow.
#[test]
fn a_redirect_to_another_origin_is_never_followed() {
    for status in [301, 302, 307, 308] {
        let home = Home::new(&gits()[0]);
        let elsewhere = StandIn::start(shop());
        let jenkins = StandIn::start(shop());
        let target = format!("{}/job/shop/job/deploy/buildWithParameters", elsewhere.url());
        jenkins.fault(Fault::answer(Answer::new(status).header("Location", target)));
        let repository = home.repository("shop", &short_file(&jenkins));
        repository.install();
        repository.git(&["commit", "-q", "--allow-empty", "--no-verify", "-m", "first"]);
        repository.wait_for_journal(1);
        let ran = repository.tool(&["trigger"]);
        assert_eq!(ran.code, 3, "{}", ran.whole());
        let advice = format!("server: {}", elsewhere.url());
        assert!(ran.stdout.contains(&advice), "{}", ran.whole());
        assert!(elsewhere.requests().is_empty());
    }
}

/// The journal has the last word on every trigger, also when it repeats the one before.
#[test]
fn a_second_refusal_is_in_the_journal_too() {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(server(&ALL[..2]));
    let repository = home.repository("shop", &short_file(&jenkins));
    repository.install();
    repository.commit("first");
    repository.wait_for_journal(1);
    assert_eq!(repository.tool(&["retry"]).code, 3);
    let outcomes: Vec<_> = repository
        .journal()
        .iter()
        .map(|line| line["outcome"].clone())
        .collect();
    assert_eq!(outcomes, ["failed", "failed"]);
}

#[test]
fn a_failure_that_nobody_saw_is_told_although_another_was_seen() {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(server(&ALL[..2]));
    let repository = home.repository("shop", &short_file(&jenkins));
    repository.install();
    repository.commit("first");
    repository.wait_for_journal(1);
    wait_for("a failed trigger", || {
        (repository.spooled("failed").len() == 1).then_some(())
    });
    assert_eq!(repository.tool(&["trigger"]).code, 3);
    repository.git(&["checkout", "-q", "-b", "elsewhere"]);
    let next = repository.commit("second");
    assert_eq!(next.stderr.matches("earlier, main").count(), 1, "{}", next.stderr);
    assert!(!next.stderr.contains("more"), "{}", next.stderr);
}

//! Servers have nothing to do with each other.

use std::time::Duration;

use jenkins_stand_in::{Answer, Fault, FaultAction, Job, StandIn};

use crate::support::{Home, PATIENCE, gits, shop, wait_for};

fn two(one: &StandIn, other: &StandIn) -> String {
    format!(
        "version: 1\nservers: {{ one: {{ url: {} }}, other: {{ url: {} }} }}\njobs:\n  \
         - {{ job: shop/deploy, server: one }}\n  - {{ job: shop/deploy, server: other }}\n",
        one.url(),
        other.url()
    )
}

#[test]
fn one_that_hangs_does_not_hold_the_other_not_even_for_what_comes_later() {
    let home = Home::new(&gits()[0]);
    let (slow, quick) = (StandIn::start(shop()), StandIn::start(shop()));
    slow.fault(Fault::of_posts(FaultAction::Hold { processed: true }));
    let repository = home.repository("shop", &two(&slow, &quick));
    repository.install();
    repository.commit("first");
    assert!(quick.wait_until(|state| state.posts().len() == 1, PATIENCE));
    repository.commit("second");
    // The first request to the slow one is still out.
    assert!(quick.wait_until(|state| state.posts().len() == 2, Duration::from_secs(8)));
    assert_eq!(slow.posts().len(), 1);
    wait_for("nothing to wait for the quick one", || {
        (repository.spooled("new").len() == 2).then_some(())
    });
}

/// Of many jobs on a server that takes ten seconds for each.
#[test]
fn one_that_does_not_answer_is_left_alone_for_a_while() {
    let home = Home::new(&gits()[0]);
    let names: Vec<String> = (0..5).map(|number| format!("job-{number}")).collect();
    let setup = names.iter().fold(shop(), |setup, name| {
        setup.job(Job::new(name).string_parameter("BRANCH", ""))
    });
    let jenkins = StandIn::start(setup);
    let jobs: String = names.iter().map(|name| format!("  - job: {name}\n")).collect();
    let file = format!("version: 1\nserver: {}\njobs:\n{jobs}", jenkins.url());
    let repository = home.repository("shop", &file);
    repository.tool(&["trust"]).succeeded();
    repository.commit("first");
    jenkins.fault(Fault::of_posts(FaultAction::Hold { processed: false }));
    let ran = repository.tool(&["trigger"]);
    assert_eq!(ran.code, 1, "{}", ran.whole());
    assert_eq!(
        ran.stdout
            .lines()
            .filter(|line| line.contains("did not answer; to try again"))
            .count(),
        3,
        "{}",
        ran.whole()
    );
    // And nothing is lost.
    jenkins.clear_faults();
    repository.tool(&["retry"]).succeeded();
    assert_eq!(jenkins.queue_items().len(), 5);
}

/// What always fails is tried after what has failed less.
#[test]
fn jobs_that_always_fail_do_not_keep_others_from_their_turn() {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(
        shop()
            .job(Job::new("broken").string_parameter("BRANCH", ""))
            .job(Job::new("sound").string_parameter("BRANCH", "")),
    );
    let file = format!(
        "version: 1\nserver: {}\njobs:\n  - job: broken\n  - job: sound\n",
        jenkins.url()
    );
    let repository = home.repository("shop", &file);
    repository.tool(&["trust"]).succeeded();
    repository.commit("first");
    jenkins.fault(Fault::answer_to_posts(Answer::new(503)).when(|request| request.target.contains("broken")));
    assert_eq!(repository.tool(&["trigger", "--only", "broken"]).code, 1);
    jenkins.clear_requests();
    assert_eq!(repository.tool(&["trigger"]).code, 1);
    let asked: Vec<String> = jenkins
        .posts()
        .into_iter()
        .map(|request| request.target)
        .collect();
    assert!(asked[0].contains("sound"), "{asked:?}");
    assert_eq!(asked.len(), 2, "{asked:?}");
}

/// Somebody listens to a server that answers slowly, and has an ear for what comes in.
#[test]
fn one_that_takes_its_time_for_many_does_not_hold_what_comes_later_for_the_other() {
    const MANY: usize = 15;
    let home = Home::new(&gits()[0]);
    let names: Vec<String> = (0..MANY).map(|number| format!("job-{number}")).collect();
    let setup = names.iter().fold(shop(), |setup, name| {
        setup.job(Job::new(name).string_parameter("BRANCH", ""))
    });
    let (slow, quick) = (StandIn::start(setup), StandIn::start(shop()));
    slow.fault(Fault::of_posts(FaultAction::Delay(Duration::from_millis(300))));
    let jobs: String = names
        .iter()
        .map(|name| format!("  - {{ job: {name}, server: slow }}\n"))
        .collect();
    let file = format!(
        "version: 1\nservers: {{ slow: {{ url: {} }}, quick: {{ url: {} }} }}\njobs:\n{jobs}  \
         - {{ job: shop/deploy, server: quick }}\n",
        slow.url(),
        quick.url()
    );
    let repository = home.repository("shop", &file);
    repository.install();
    repository.commit("first");
    assert!(quick.wait_until(|state| state.posts().len() == 1, PATIENCE));
    repository.commit("second");
    assert!(quick.wait_until(|state| state.posts().len() == 2, PATIENCE));
    assert!(slow.posts().len() < MANY);
}

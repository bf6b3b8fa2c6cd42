//! Answers that mean that Jenkins has it.

use std::time::Duration;

use jenkins_stand_in::{Answer, Fault, StandIn};

use crate::support::{Home, gits, shop, short_file, wait_for, with_each_git};

#[test]
fn a_commit_on_a_mapped_branch_becomes_one_queue_item() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop().context_path("/jenkins"));
        let repository = home.repository("shop", &short_file(&jenkins));
        repository.install();
        repository.commit("first");
        let journal = repository.wait_for_journal(1);
        let items = jenkins.queue_items();
        assert_eq!(items.len(), 1);
        assert_eq!(items[0].job, "shop/deploy");
        assert_eq!(items[0].parameter("BRANCH"), Some("main"));
        assert_eq!(journal[0]["outcome"], "queued");
        assert_eq!(journal[0]["item"], items[0].id);
        assert_eq!(
            journal[0]["url"],
            format!("{}/queue/item/{}/", jenkins.url(), items[0].id)
        );
        wait_for("an empty spool", || {
            repository.spooled("new").is_empty().then_some(())
        });
    });
}

#[test]
fn a_trigger_that_jenkins_merges_is_said_to_be_merged() {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(shop().quiet_period(Duration::from_secs(3600)));
    let repository = home.repository("shop", &short_file(&jenkins));
    repository.install();
    repository.commit("first");
    repository.wait_for_journal(1);
    repository.commit("second");
    let journal = repository.wait_for_journal(2);
    assert_eq!(journal[1]["outcome"], "merged");
    assert_eq!(journal[0]["item"], journal[1]["item"]);
}

/// `Location` is made from the request (contract, observed 3): a proxy may put any host there.
#[test]
fn the_item_is_put_under_the_configured_url_whatever_host_the_location_names() {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(shop());
    jenkins.fault(Fault::answer_to_posts(
        Answer::new(201).header("Location", "http://internal.example:9999/x/queue/item/77/"),
    ));
    let repository = home.repository("shop", &short_file(&jenkins));
    repository.install();
    repository.commit("first");
    let journal = repository.wait_for_journal(1);
    assert_eq!(journal[0]["item"], 77);
    assert_eq!(journal[0]["url"], format!("{}/queue/item/77/", jenkins.url()));
}

/// Contract, "What follows" 3: anything else is not accepted.
#[test]
fn a_201_without_a_queue_item_is_not_taken_for_success() {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(shop());
    let repository = home.repository("shop", &short_file(&jenkins));
    repository.install();
    repository.commit("first");
    repository.wait_for_journal(1);
    for answer in [
        Answer::new(201),
        Answer::new(201).header("Location", "/job/shop/job/deploy/"),
        Answer::new(200).body("<html>welcome</html>"),
        Answer::new(303).header("Location", "/login"),
    ] {
        jenkins.fault(Fault::answer_to_posts(answer.clone()).times(1));
        let ran = repository.tool(&["trigger"]);
        assert_eq!(ran.code, 3, "{answer:?}\n{}", ran.whole());
    }
}

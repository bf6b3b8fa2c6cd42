//! A Jenkins that starts answers 503, and for a moment takes valid credentials for bad ones
//! (contract, observed 4).

use jenkins_stand_in::{Answer, Fault, StandIn};

use crate::support::{Home, gits, shop, short_file};

fn jetty_401() -> Answer {
    Answer::new(401).header("WWW-Authenticate", "Basic realm=\"Jenkins\"")
}

#[test]
fn one_odd_401_is_not_taken_for_bad_credentials() {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(shop());
    let repository = home.repository("shop", &short_file(&jenkins));
    repository.install();
    jenkins.fault(Fault::answer_to_posts(jetty_401()).times(1));
    repository.commit("first");
    let journal = repository.wait_for_journal(1);
    assert_eq!(journal[0]["outcome"], "queued", "{journal:?}");
}

#[test]
fn one_odd_crumb_403_is_not_taken_for_bad_credentials() {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(shop());
    let repository = home.repository("shop", &short_file(&jenkins));
    repository.install();
    let page = "<title>Error 403 No valid crumb was included in the request</title>";
    jenkins.fault(Fault::answer_to_posts(Answer::new(403).body(page)).times(1));
    repository.commit("first");
    let journal = repository.wait_for_journal(1);
    assert_eq!(journal[0]["outcome"], "queued", "{journal:?}");
}

#[test]
fn credentials_that_are_refused_twice_are_bad() {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(shop());
    let repository = home.repository("shop", &short_file(&jenkins));
    repository.tool(&["trust", "--yes"]).succeeded();
    repository.commit("first");
    let mut trigger = home.command(crate::support::program(), &repository.folder);
    trigger.arg("trigger").env("JENKINS_API_TOKEN", "wrong");
    let ran = crate::support::Ran::of(&mut trigger);
    assert_eq!(ran.code, 3, "{}", ran.whole());
    assert!(
        ran.stdout.contains("does not accept the API token of user dev"),
        "{}",
        ran.whole()
    );
    // Twice and no more: some realms lock a user out who is wrong too often.
    let asked: Vec<_> = jenkins
        .requests()
        .into_iter()
        .filter(|request| request.header("Authorization").is_some())
        .filter_map(|request| Some(request.target.split('?').next()?.to_owned()))
        .collect();
    assert_eq!(asked, ["/job/shop/job/deploy/api/json", "/whoAmI/api/json"]);
}

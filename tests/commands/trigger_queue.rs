//! `trigger --wait`: the states of a queue item that end in no build, or in none yet (contract,
//! observed 3).

use jenkins_stand_in::{Answer, BuildResult, Fault, Job, RecordedRequest, StandIn};

use crate::helpers::{home, ready};
use crate::support::short_file;
use crate::waiting::{JOB, Waiting, asked, let_start, still, until};

fn is_item(request: &RecordedRequest) -> bool {
    request.target.contains("/queue/item/1/")
}

fn item(json: &str) -> Fault {
    let answer = Answer::new(200).header("X-Jenkins", "2.528.2").body(json);
    Fault::answer(answer).when(is_item)
}

#[test]
fn what_is_stuck_is_told_in_jenkins_own_words() {
    let home = home();
    let jenkins = StandIn::start(still());
    let repository = ready(&home, &short_file(&jenkins));
    let why = "There are no nodes with the label ‘gpu’";
    let buildable = |stuck: bool, why: &str| {
        format!(r#"{{"_class":"hudson.model.Queue$BuildableItem","stuck":{stuck},"why":"{why}"}}"#)
    };
    jenkins.fault(item(&buildable(false, why)).times(1));
    jenkins.fault(item(&buildable(true, why)).times(2));
    jenkins.fault(item(&buildable(true, "\\u001b[2J<b>later</b>\\r\\n\\u202ex")).times(1));
    let waiting = Waiting::start(&repository, &["--wait"]);
    until(&jenkins, |state| asked(state, "/queue/item/1/") >= 5);
    jenkins.cancel_item(1);
    let ran = waiting.end();
    let said: Vec<&str> = ran
        .stderr
        .lines()
        .filter_map(|line| line.strip_prefix("main → shop/deploy: "))
        .filter(|line| !line.contains("quiet period") && !line.starts_with("queued"))
        .collect();
    assert_eq!(
        said,
        [
            "waits: There are no nodes with the label ‘gpu’",
            "stuck: There are no nodes with the label ‘gpu’",
            "stuck: \\u{1b}[2J<b>later</b>\\r\\n\\u{202e}x",
        ],
        "{}",
        ran.whole()
    );
}

/// For an instant an item has left the queue, and its build is not there yet.
#[test]
fn an_item_that_left_without_a_build_is_waited_for() {
    let home = home();
    let jenkins = StandIn::start(still());
    let repository = ready(&home, &short_file(&jenkins));
    let left = r#"{"_class":"hudson.model.Queue$LeftItem","cancelled":false,"executable":null,"why":null}"#;
    jenkins.fault(item(left).times(2));
    let waiting = Waiting::start(&repository, &["--wait"]);
    until(&jenkins, |state| asked(state, "/queue/item/1/") >= 3);
    let_start(&jenkins);
    jenkins.finish_build(JOB, 1, BuildResult::Success);
    let ran = waiting.end().succeeded();
    assert!(ran.stdout.starts_with("SUCCESS "), "{}", ran.whole());
}

#[test]
fn a_job_that_is_disabled_or_deleted_while_it_waits_builds_nothing() {
    for deleted in [false, true] {
        let home = home();
        let jenkins = StandIn::start(still());
        let repository = ready(&home, &short_file(&jenkins));
        let waiting = Waiting::start(&repository, &["--wait"]);
        until(&jenkins, |state| asked(state, "/queue/item/1/") >= 1);
        if deleted {
            jenkins.remove_job(JOB);
        } else {
            jenkins.put_job(Job::new(JOB).disabled());
        }
        let ran = waiting.end();
        assert_eq!(ran.code, 4, "deleted: {deleted}\n{}", ran.whole());
        assert!(
            ran.stdout.starts_with(
                "CANCELLED main → shop/deploy: taken out of the queue, there is no build; item 1 http://"
            ),
            "deleted: {deleted}\n{}",
            ran.whole()
        );
    }
}

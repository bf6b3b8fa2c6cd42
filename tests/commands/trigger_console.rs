//! `trigger --follow`: consoles as Jenkins gives them piece by piece (contract, observed 4).

use jenkins_stand_in::{Answer, BuildResult, Fault, FaultAction, RecordedRequest, StandIn};

use crate::helpers::{home, ready};
use crate::support::{Ran, short_file};
use crate::waiting::{JOB, Waiting, asked, let_start, still, until};

/// The raw log's size so far, what is new of it, and whether there is more to come.
fn piece(size: u64, body: &str, more: bool) -> Answer {
    let answer = Answer::new(200)
        .header("Content-Type", "text/plain;charset=utf-8")
        .header("X-Text-Size", size.to_string())
        .body(body);
    if more {
        answer.header("X-More-Data", "true")
    } else {
        answer
    }
}

/// Whoever asks for the console from there on, each time it is asked.
fn from(start: u64, answer: Answer) -> Fault {
    let wanted = format!("progressiveText?start={start}");
    let is_it = move |request: &RecordedRequest| request.target.ends_with(&wanted);
    Fault::answer(answer).when(is_it)
}

/// Follows a build whose console these are, until it has ended.
fn follow(consoles: Vec<Fault>) -> Ran {
    let home = home();
    let jenkins = StandIn::start(still());
    let repository = ready(&home, &short_file(&jenkins));
    for fault in consoles {
        jenkins.fault(fault);
    }
    let waiting = Waiting::start(&repository, &["--follow"]);
    let_start(&jenkins);
    jenkins.finish_build(JOB, 1, BuildResult::Success);
    waiting.end()
}

#[test]
fn notes_and_characters_that_are_cut_between_two_answers_are_put_together() {
    let first = "Started by user \u{1b}[8mha:////4O5nl2vE76qE";
    let second = "uh8Ze1D2XVjOKY7==\u{1b}[0mdev\r";
    let third = "\nend\r\n";
    let ran = follow(vec![
        from(0, piece(40, first, true)),
        from(40, piece(61, second, true)),
        from(61, piece(66, third, false)),
    ])
    .succeeded();
    assert_eq!(ran.stdout, "Started by user dev\nend\n", "{}", ran.whole());
}

#[test]
fn a_console_is_whole_when_jenkins_says_no_more_of_it() {
    let ran = follow(vec![
        from(0, piece(6, "first\r\n", true)),
        // Nothing new.
        from(6, piece(6, "", true)).times(2),
        from(6, piece(10, "last", false)),
    ])
    .succeeded();
    assert_eq!(ran.stdout, "first\nlast\n", "{}", ran.whole());
    assert!(
        ran.stderr.contains("\nSUCCESS main → shop/deploy: "),
        "{}",
        ran.whole()
    );
}

/// Past its end Jenkins gives the whole log again.
#[test]
fn a_log_that_shrank_is_not_printed_a_second_time() {
    let ran = follow(vec![
        from(0, piece(13, "one\r\ntwo\r\nthree\r\n", true)),
        from(13, piece(4, "one\r\n", true)),
        from(4, piece(9, "anew\r\n", false)),
    ])
    .succeeded();
    assert_eq!(ran.stdout, "one\ntwo\nthree\nanew\n", "{}", ran.whole());
}

/// What was printed of the answer that broke off belongs to a log that is no longer there.
#[test]
fn a_log_that_shrank_after_an_answer_broke_off_is_read_on_from_its_new_end() {
    let broken = FaultAction::CloseInBody { missing: 1 };
    let home = home();
    let jenkins = StandIn::start(still());
    let repository = ready(&home, &short_file(&jenkins));
    let starts = |start: u64| {
        let wanted = format!("progressiveText?start={start}");
        move |request: &RecordedRequest| request.target.ends_with(&wanted)
    };
    jenkins.fault(from(0, piece(5, "one\r\n", true)).times(1));
    // The stand-in's own log from there on, without its last byte.
    jenkins.fault(Fault::new(broken).when(starts(5)).times(1));
    jenkins.fault(from(5, piece(4, "two\r\n", true)));
    jenkins.fault(from(4, piece(16, "three and more\r\n", false)));
    let waiting = Waiting::start(&repository, &["--follow"]);
    let_start(&jenkins);
    jenkins.finish_build(JOB, 1, BuildResult::Success);
    let ran = waiting.end().succeeded();
    assert!(ran.stdout.ends_with("three and more\n"), "{}", ran.whole());
}

#[test]
fn a_build_that_is_deleted_while_its_console_is_read_ends_the_wait_with_1() {
    let home = home();
    let jenkins = StandIn::start(still());
    let repository = ready(&home, &short_file(&jenkins));
    let waiting = Waiting::start(&repository, &["--follow"]);
    let_start(&jenkins);
    until(&jenkins, |state| asked(state, "progressiveText") >= 1);
    let build = |request: &RecordedRequest| request.target.contains("/job/deploy/1/");
    jenkins.fault(Fault::answer(Answer::new(404)).when(build));
    let ran = waiting.end();
    assert_eq!(ran.code, 1, "{}", ran.whole());
    assert!(
        ran.stderr
            .contains("what becomes of it cannot be seen: build 1 is no longer there"),
        "{}",
        ran.whole()
    );
}

#[test]
fn a_page_that_is_no_console_is_not_printed() {
    let page = Answer::new(200).body("<html>canary sign in</html>");
    let ran = follow(vec![from(0, page)]);
    assert_eq!(ran.code, 1, "{}", ran.whole());
    assert!(!ran.whole().contains("canary"), "{}", ran.whole());
    assert!(
        ran.stderr.contains("what becomes of it cannot be seen"),
        "{}",
        ran.whole()
    );
}

//! `trigger --follow`: the console while it grows; and what a terminal shows meanwhile.

use std::process::Stdio;
use std::time::Duration;

use jenkins_stand_in::{BuildResult, Fault, FaultAction, RecordedRequest, StandIn};

use crate::helpers::{file_for, filtered, home, ready};
use crate::support::{Ran, Repository, TOKEN, program, short_file};
use crate::waiting::{JOB, Waiting, asked, endless, let_start, still, until};

#[test]
fn the_console_is_on_stdout_and_all_else_on_stderr() {
    let home = home();
    let jenkins = StandIn::start(still().job(endless(JOB).shell("echo building $BRANCH")));
    let repository = ready(&home, &short_file(&jenkins));
    let waiting = Waiting::start(&repository, &["--follow"]);
    let_start(&jenkins);
    // Once more while it runs: nothing is printed twice.
    until(&jenkins, |state| asked(state, "progressiveText") >= 3);
    jenkins.finish_build(JOB, 1, BuildResult::Failure);
    let ran = waiting.end();
    filtered(&home, || {
        insta::assert_snapshot!(ran.whole(), @"
        exit code: 4
        ----- stdout -----
        Started by user dev
        Running as SYSTEM
        Building in workspace /var/jenkins_home/workspace/deploy
        [deploy] $ /bin/sh -xe /var/tmp/jenkins11929871865460982416.sh
        + echo building main
        building main
        Finished: FAILURE
        ----- stderr -----
        main → shop/deploy: queued, item 1 http://[JENKINS]/queue/item/1/
        main → shop/deploy: waits: In the quiet period. Expires in 1 sec
        main → shop/deploy: build 1 http://[JENKINS]/job/shop/job/deploy/1/
        FAILURE main → shop/deploy: build 1 http://[JENKINS]/job/shop/job/deploy/1/ after 0:00
        ");
    });
}

#[test]
fn colours_are_kept_where_they_are_wanted_and_nothing_else_is_obeyed() {
    let home = home();
    let shell = "echo \u{1b}[31mrot\u{1b}[0m \u{1b}[2J\u{1b}]0title\u{7} ü \u{202e}x";
    let jenkins = StandIn::start(still().job(endless(JOB).shell(shell)));
    let repository = ready(&home, &short_file(&jenkins));
    for (number, arguments, expected) in [
        (1, &["--follow"][..], "\nrot \\u{1b}]0title\\u{7} ü \\u{202e}x\n"),
        (
            2,
            &["--follow", "--color", "always"][..],
            "\n\u{1b}[31mrot\u{1b}[0m \\u{1b}]0title\\u{7} ü \\u{202e}x\n",
        ),
    ] {
        let waiting = Waiting::start(&repository, arguments);
        until(&jenkins, |state| {
            asked(state, &format!("/queue/item/{number}/")) >= 1
        });
        jenkins.advance(Duration::from_secs(1));
        jenkins.advance(Duration::from_secs(1));
        until(&jenkins, |state| state.builds_of(JOB).len() == number);
        jenkins.finish_build(JOB, u32::try_from(number).expect("small"), BuildResult::Success);
        let ran = waiting.end().succeeded();
        assert!(ran.stdout.contains(expected), "{:?}", ran.stdout);
    }
}

#[test]
fn a_console_that_breaks_off_goes_on_where_it_was() {
    let home = home();
    let lines: Vec<String> = (0..500).map(|n| format!("echo line {n}")).collect();
    let jenkins = StandIn::start(still().job(endless(JOB).shell(lines.join(";"))));
    let repository = ready(&home, &short_file(&jenkins));
    let console = |request: &RecordedRequest| request.target.contains("progressiveText");
    for missing in [3, 20_000] {
        jenkins.fault(
            Fault::new(FaultAction::CloseInBody { missing })
                .when(console)
                .times(1),
        );
    }
    let waiting = Waiting::start(&repository, &["--follow"]);
    let_start(&jenkins);
    jenkins.finish_build(JOB, 1, BuildResult::Success);
    let ran = waiting.end().succeeded();
    let printed: Vec<&str> = ran
        .stdout
        .lines()
        .filter(|line| line.starts_with("line "))
        .collect();
    let expected: Vec<String> = (0..500).map(|n| format!("line {n}")).collect();
    assert_eq!(printed, expected);
    assert!(ran.stdout.ends_with("\nFinished: SUCCESS\n"), "{}", ran.whole());
}

#[test]
fn lines_of_several_consoles_tell_whose_they_are() {
    let home = home();
    let jenkins = StandIn::start(
        still()
            .job(endless("a").shell("echo from a"))
            .job(endless("b").shell("echo from b")),
    );
    let file = file_for(&jenkins, "  - { job: a }\n  - { job: b }\n");
    let repository = ready(&home, &file);
    let waiting = Waiting::start(&repository, &["--follow"]);
    until(&jenkins, |state| asked(state, "/queue/item/") >= 2);
    jenkins.advance(Duration::from_secs(1));
    jenkins.advance(Duration::from_secs(1));
    until(&jenkins, |state| state.builds.len() == 2);
    jenkins.finish_build("a", 1, BuildResult::Success);
    jenkins.finish_build("b", 1, BuildResult::Success);
    let ran = waiting.end().succeeded();
    for line in ["a #1 | from a", "b #1 | from b", "b #1 | Finished: SUCCESS"] {
        assert!(
            ran.stdout.lines().any(|printed| printed == line),
            "{}",
            ran.whole()
        );
    }
    assert!(
        ran.stdout
            .lines()
            .all(|line| line.starts_with("a #1 | ") || line.starts_with("b #1 | ")),
        "{}",
        ran.whole()
    );
}

#[test]
fn what_shows_nothing_cannot_be_followed() {
    let home = home();
    let jenkins = StandIn::start(still());
    let repository = ready(&home, &short_file(&jenkins));
    for arguments in [
        &["trigger", "--follow", "--json"][..],
        &["trigger", "--follow", "--dry-run"],
        &["trigger", "--wait", "--dry-run"],
    ] {
        let ran = repository.tool(arguments);
        assert_eq!(ran.code, 1, "{}", ran.whole());
        assert!(ran.stderr.contains("cannot be used with"), "{}", ran.whole());
    }
    assert!(jenkins.requests().is_empty());
}

/// The program on a terminal; `script` makes it.
fn on_a_terminal(repository: &Repository<'_>, jenkins: &StandIn, arguments: &str) -> Ran {
    let mut terminal = repository.home.command("script", &repository.folder);
    let line = format!("stty cols 100; '{}' {arguments}", program().display());
    let child = terminal
        .args(["-q", "-e", "-c", &line, "/dev/null"])
        .env("TERM", "xterm")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("script starts");
    let_start(jenkins);
    until(jenkins, |state| state.requests.len() >= 7);
    jenkins.finish_build(JOB, 1, BuildResult::Success);
    Ran::from(child.wait_with_output().expect("it ends"))
}

#[test]
fn a_terminal_has_one_line_that_moves_and_is_gone_at_the_end() {
    let home = home();
    let jenkins = StandIn::start(still());
    jenkins.put_past_build(JOB, 0, BuildResult::Failure);
    let repository = ready(&home, &short_file(&jenkins));
    let ran = on_a_terminal(&repository, &jenkins, "trigger --wait");
    assert_eq!(ran.code, 0, "{}", ran.whole());
    let shown = &ran.stdout;
    for moving in [
        "waits: In the quiet period. Expires in 1 sec, 0:0",
        "main → shop/deploy: build 1, 0:0",
    ] {
        // Not as a line of its own.
        let at = shown
            .find(moving)
            .unwrap_or_else(|| panic!("no {moving}: {shown:?}"));
        assert!(
            !shown[at..]
                .split('\u{1b}')
                .next()
                .unwrap_or_default()
                .contains('\n'),
            "{shown:?}"
        );
    }
    let last = shown
        .trim_end()
        .rsplit(['\n', '\r', '\u{1b}'])
        .next()
        .unwrap_or_default();
    assert!(last.contains(" main → shop/deploy: build 1 http://"), "{shown:?}");
    assert!(shown.contains("SUCCESS"), "{shown:?}");
    assert!(!shown.contains(TOKEN));
}

#[test]
fn with_quiet_a_terminal_has_the_result_only() {
    let home = home();
    let jenkins = StandIn::start(still());
    let repository = ready(&home, &short_file(&jenkins));
    let ran = on_a_terminal(&repository, &jenkins, "-q --color never trigger --wait");
    assert_eq!(ran.code, 0, "{}", ran.whole());
    assert!(
        ran.stdout
            .starts_with("SUCCESS main → shop/deploy: build 1 http://"),
        "{:?}",
        ran.stdout
    );
    assert_eq!(ran.stdout.lines().count(), 1, "{:?}", ran.stdout);
}

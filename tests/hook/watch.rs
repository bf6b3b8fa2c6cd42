//! Watching which commits reach Jenkins: every rule here passes the commit's id, so that what came
//! can be compared with what should have come.

use std::path::Path;

use jenkins_stand_in::{Job, RecordedRequest, Setup, StandIn};

use crate::support::{Home, PATIENCE, Ran, Repository, developer, program, write_script};

/// A Jenkins whose jobs `shop/deploy` and `shop/other` also take the commit.
pub fn shop_with_sha() -> Setup {
    let job = |name: &str| {
        Job::new(name)
            .string_parameter("BRANCH", "main")
            .string_parameter("SHA", "")
    };
    Setup::new()
        .user(developer())
        .job(job("shop/deploy"))
        .job(job("shop/other"))
}

/// A file with `top` in front of its only rule and `rule` inside of it, both whole lines.
pub fn file_with(jenkins: &StandIn, top: &str, rule: &str) -> String {
    let rule = rule.replace('\n', "\n    ");
    format!(
        "version: 1\nserver: {}\n{top}\njobs:\n  - job: shop/deploy\n    parameters: {{ SHA: \"${{sha}}\" }}\n    {rule}\n",
        jenkins.url()
    )
}

/// A file with one rule for every branch.
pub fn file_for_all(jenkins: &StandIn) -> String {
    file_with(jenkins, "", "")
}

/// The requests that trigger a job.
pub fn triggers(jenkins: &StandIn) -> Vec<RecordedRequest> {
    jenkins.posts()
}

/// The commits that reached Jenkins, in order.
pub fn commits(jenkins: &StandIn) -> Vec<String> {
    triggers(jenkins)
        .iter()
        .flat_map(|request| request.form_values("SHA"))
        .collect()
}

/// Makes one more commit, which fires, waits until Jenkins has it, and asserts that before it
/// exactly `expected` came. Triggers of one job and branch never overtake each other, and a sender
/// takes the oldest first, so whatever should not have been sent would be here by now.
#[track_caller]
pub fn assert_fired(repository: &Repository<'_>, jenkins: &StandIn, expected: &[String]) {
    repository.git(&["commit", "--allow-empty", "-m", "the end"]);
    let end = repository.head();
    assert!(
        jenkins.wait_until(
            |state| state
                .requests
                .iter()
                .any(|request| request.form_values("SHA").contains(&end)),
            PATIENCE
        ),
        "the last commit never came: {:?}",
        jenkins.posts()
    );
    let mut expected = expected.to_vec();
    expected.push(end);
    assert_eq!(commits(jenkins), expected);
}

/// The lines that our hook wrote into git's stderr.
pub fn said(ran: &Ran) -> Vec<&str> {
    ran.stderr
        .lines()
        .filter(|line| line.contains("jenkins-trigger"))
        // git overwrites what may stand behind a line of the other side.
        .map(str::trim_end)
        .collect()
}

/// The same without the line that announces a trigger.
pub fn complaints(ran: &Ran) -> Vec<&str> {
    said(ran)
        .into_iter()
        .filter(|line| !line.contains(" → "))
        .collect()
}

/// Writes a hook, or a program that a hook is to run.
pub fn write_program(path: &Path, content: impl AsRef<[u8]>) {
    write_script(path, content, 0o755);
}

/// A hook that runs `hook` of the program with these words before git's arguments.
pub fn hook_script(words: &str) -> String {
    format!("#!/bin/sh\nexec '{}' hook {words} \"$@\"\n", program().display())
}

/// `topic` with four commits, and a `main` that went on; the hooks are installed after that.
pub fn forked<'a>(home: &'a Home, jenkins: &StandIn) -> Repository<'a> {
    forked_with(home, "shop", &file_for_all(jenkins))
}

pub fn forked_with<'a>(home: &'a Home, name: &str, file: &str) -> Repository<'a> {
    let repository = home.repository(name, file);
    repository.write("text", "base");
    repository.commit("base");
    repository.git(&["checkout", "-q", "-b", "topic"]);
    for name in ["a", "b", "c", "d"] {
        repository.write(name, name);
        repository.commit(name);
    }
    repository.git(&["checkout", "-q", "main"]);
    repository.write("main.txt", "main");
    repository.commit("main went on");
    repository.git(&["checkout", "-q", "topic"]);
    repository.install();
    repository
}

/// Waits until these commits, in any order, and no others have reached Jenkins.
#[track_caller]
pub fn wait_for_fired(jenkins: &StandIn, expected: &[String]) {
    let came = |state: &[RecordedRequest]| {
        let of = |request: &RecordedRequest| request.form_values("SHA");
        expected
            .iter()
            .all(|commit| state.iter().any(|request| of(request).contains(commit)))
    };
    assert!(
        jenkins.wait_until(|state| came(&state.requests), PATIENCE),
        "{expected:?} did not all come: {:?}",
        commits(jenkins)
    );
    let mut found = commits(jenkins);
    let mut expected = expected.to_vec();
    found.sort_unstable();
    expected.sort_unstable();
    assert_eq!(found, expected);
}

/// The same where a commit may be expected several times.
#[track_caller]
pub fn wait_for_each_fired(jenkins: &StandIn, expected: &[String]) {
    let came = |state: &[RecordedRequest]| {
        let answered = state.iter().filter(|request| request.status.is_some());
        answered
            .filter(|request| !request.form_values("SHA").is_empty())
            .count()
            >= expected.len()
    };
    assert!(
        jenkins.wait_until(|state| came(&state.requests), PATIENCE),
        "{expected:?} did not all come: {:?}",
        commits(jenkins)
    );
    wait_for_fired(jenkins, expected);
}

//! `trigger --dry-run --curl`: what it prints does what the tool does.

use std::path::Path;

use jenkins_stand_in::RecordedRequest;

use crate::helpers::{file_for, filtered, home, skipped};
use crate::sources::{bare, write};
use crate::support::{JOB_TOKEN, Ran, TOKEN, USER};
use crate::trigger_dry_run::{RULES, server};

const ROOT_RULES: &str = "  - { job: shop/deploy, method: token-root, token_from: deploy }\n";

/// A note without the id that the tool puts after it: nobody would look for that of a command.
fn without_id(note: &str) -> String {
    let (before, id) = note.rsplit_once(" [").unwrap_or((note, ""));
    let is_id = id.len() == 27 && id.ends_with(']');
    if is_id { before.to_owned() } else { note.to_owned() }
}

/// What makes a request, but not who made it.
fn essence(request: &RecordedRequest) -> impl PartialEq + std::fmt::Debug + use<> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let header = |name: &str| request.header(name).map(text);
    let form: Vec<_> = request
        .form()
        .iter()
        .map(|(name, value)| (text(name), without_id(&text(value))))
        .collect();
    (
        request.method.clone(),
        request.target.clone(),
        form,
        header("authorization"),
        header("content-type"),
    )
}

fn assert_curl_does_the_same(rules: &str, arguments: &[&str]) {
    if !Path::new("/usr/bin/curl").exists() {
        skipped("there is no /usr/bin/curl");
        return;
    }
    let home = home();
    let jenkins = server();
    let repository = home.repository("shop", &file_for(&jenkins, rules));
    repository.commit("first");
    repository.tool(&["trust"]).succeeded();
    let shown = repository
        .tool(&[&["trigger", "--dry-run", "--curl"], arguments].concat())
        .succeeded()
        .stdout;
    repository.tool(&[&["trigger"], arguments].concat()).succeeded();
    let own: Vec<_> = jenkins.posts().iter().map(essence).collect();
    jenkins.clear_requests();
    let mut shell = home.command("sh", &repository.folder);
    let ran = Ran::of(shell.args(["-c", &shown]));
    assert_eq!(ran.code, 0, "{shown}\n{}", ran.whole());
    let curls: Vec<_> = jenkins.posts().iter().map(essence).collect();
    assert_eq!(curls, own, "{shown}");
}

#[test]
fn the_curl_command_leads_to_the_same_request() {
    assert_curl_does_the_same(RULES, &["--only", "team/my job"]);
    let value = "NOTE='quoted' \"twice\" \\ $TOKEN ${x} !! %20 ; & | < > * ?";
    assert_curl_does_the_same(RULES, &["--only", "team/my job", "--param", value]);
}

#[test]
fn the_curl_commands_with_a_trigger_token_lead_to_the_same_requests() {
    assert_curl_does_the_same(RULES, &["--only", "shop/deploy"]);
    assert_curl_does_the_same(ROOT_RULES, &[]);
}

#[test]
fn the_curl_command_for_a_value_of_several_lines_leads_to_the_same_request() {
    assert_curl_does_the_same(
        RULES,
        &["--only", "team/my job", "--param", "NOTE=two\nlines\tand a tab"],
    );
}

#[test]
fn the_curl_command_for_a_job_without_parameters_leads_to_the_same_request() {
    assert_curl_does_the_same(RULES, &["--only", "plain"]);
}

#[test]
fn the_variables_that_have_to_be_set_first_are_told() {
    let home = home();
    let jenkins = server();
    let repository = home.repository("shop", &file_for(&jenkins, RULES));
    repository.commit("first");
    repository.tool(&["trust"]).succeeded();
    let file = home.path("token");
    write(&file, &format!("{USER}:{TOKEN}\ndeploy={JOB_TOKEN}\n"), 0o600);
    let curl = ["trigger", "--dry-run", "--curl", "--only", "shop/deploy"];
    let from_file = repository.tool_in(&curl, |command| {
        bare(command).env("JENKINS_TRIGGER_TOKEN_FILE", &file);
    });
    let from_nowhere = repository.tool_in(&curl, |command| {
        bare(command);
    });
    let from_variables = repository.tool(&curl);
    let said = [from_file, from_nowhere, from_variables].map(|ran| ran.succeeded().stderr);
    filtered(&home, || {
        insta::assert_snapshot!(said.join("---\n"), @"
        for curl set JENKINS_USER_ID and JENKINS_API_TOKEN: here the API token for http://[JENKINS]/ comes from [HOME]/token
        for curl set JENKINS_TRIGGER_TOKEN_DEPLOY: here trigger token deploy for http://[JENKINS]/ comes from [HOME]/token
        ---
        for curl set JENKINS_USER_ID and JENKINS_API_TOKEN
        for curl set JENKINS_TRIGGER_TOKEN_DEPLOY
        ---
        ");
    });
}

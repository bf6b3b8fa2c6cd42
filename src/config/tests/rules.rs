//! What a rule's keys become.

use std::time::Duration;

use super::super::{BranchParameter, EventKind, Method, Operation};
use super::{HEAD, config, refusal, rule, rule_refused, told, with_rule};

#[test]
fn texts_stay_as_they_are_written() {
    let rule = rule(
        "branches: [1.10, 2, true]\n\
         parameters: { A: 1.10, B: yes, C: True, D: 0x1f, E: 007, F: 1e3, G: '', H: '~', I: 2024-01-01 }",
    );
    let values: Vec<_> = rule.parameters.iter().map(|(_, value)| value.text()).collect();
    assert_eq!(
        values,
        ["1.10", "yes", "True", "0x1f", "007", "1e3", "", "~", "2024-01-01"]
    );
    let branches = rule.branches.unwrap_or_else(|| panic!("no branches"));
    assert!(branches.matches(b"1.10") && branches.matches(b"2") && branches.matches(b"true"));
    assert!(!branches.matches(b"1.1"));
}

#[test]
fn a_text_may_have_several_lines_in_a_parameter_only() {
    let rule = rule("parameters:\n  NOTE: |\n    one\n    ${branch}");
    assert_eq!(rule.parameters[0].1.text(), "one\n${branch}\n");
    assert_eq!(
        told(&refusal(with_rule("name: \"a\\nb\""))).0,
        "5:11 `name` has more than one line"
    );
}

#[test]
fn delays_are_whole_seconds_minutes_or_hours() {
    for (text, seconds) in [
        ("0s", 0),
        ("30s", 30),
        ("2m", 120),
        ("1h", 3600),
        ("24h", 86_400),
        ("007s", 7),
    ] {
        assert_eq!(
            rule(&format!("delay: {text}")).delay,
            Some(Duration::from_secs(seconds)),
            "{text}"
        );
    }
}

#[test]
fn the_method_comes_from_the_rule_then_the_server_then_the_defaults_then_the_token() {
    let method = |server: &str, defaults: &str, rule: &str| {
        let text = format!(
            "version: 1\nservers: {{ a: {{ url: https://a{server} }} }}\n{defaults}\n\
             jobs: [{{ job: x{rule} }}]\n"
        );
        config(&text).rules[0].method
    };
    let from = ", token_from: t";
    assert_eq!(method("", "", ""), Method::Api);
    assert_eq!(method("", "", from), Method::JobToken);
    assert_eq!(
        method("", "defaults: { method: token-root }", from),
        Method::TokenRoot
    );
    assert_eq!(
        method(", method: job-token", "defaults: { method: token-root }", from),
        Method::JobToken
    );
    assert_eq!(
        method(", method: job-token", "", ", token_from: t, method: token-root"),
        Method::TokenRoot
    );
    assert_eq!(method(", method: job-token", "", ", method: api"), Method::Api);
}

#[test]
fn the_branch_parameter_is_off_where_something_else_takes_its_name() {
    let default = BranchParameter::Default("BRANCH".into());
    assert_eq!(rule("name: x").branch_parameter, default);
    assert_eq!(
        rule("branch_parameter: false").branch_parameter,
        BranchParameter::Off
    );
    assert_eq!(
        rule("branch_parameter: B").branch_parameter,
        BranchParameter::Explicit("B".into())
    );
    assert_eq!(
        rule("parameters: { BRANCH: x }").branch_parameter,
        BranchParameter::Off
    );
    assert_eq!(rule("parameters: { Branch: x }").branch_parameter, default);
    let with = |defaults: &str| {
        config(&format!("{HEAD}defaults: {{ {defaults} }}\njobs: {{ main: a }}")).rules[0]
            .branch_parameter
            .clone()
    };
    assert_eq!(
        with("branch_parameter: REF"),
        BranchParameter::Default("REF".into())
    );
    assert_eq!(with("branch_parameter: false"), BranchParameter::Off);
}

#[test]
fn a_job_is_named_in_every_way_that_people_copy() {
    let job = |text: &str| {
        config(&format!("{HEAD}jobs: {{ main: '{text}' }}"))
            .rules
            .remove(0)
            .job
    };
    for (text, name) in [
        ("build", "build"),
        ("shop/build", "shop/build"),
        ("my job/ünï", "my job/ünï"),
        ("job/shop/job/build", "shop/build"),
        ("/job/shop/job/build/", "shop/build"),
        ("/view/all/job/shop/view/x/job/build/", "shop/build"),
        ("job/job", "job"),
        ("job/job/job/a", "job/a"),
        ("jobs/build", "jobs/build"),
        ("job", "job"),
        ("mb/feature%2Fx", "mb/feature%2Fx"),
        ("job/mb/job/feature%252Fx", "mb/feature%2Fx"),
        (
            "https://ci.example.com/jenkins/job/shop/job/my%20job/",
            "shop/my job",
        ),
        ("https://CI.example.com:443/jenkins/job/shop/build", "shop"),
        ("https://ci.example.com/jenkins/job/shop/job/x/42/", "shop/x"),
    ] {
        assert_eq!(job(text), name, "{text}");
    }
}

#[test]
fn a_job_that_cannot_exist_is_refused() {
    let cases = [
        ("a//b", "an empty part in the job's name `a//b`", "write `a/b`"),
        ("/a/b", "an empty part in the job's name `/a/b`", "write `a/b`"),
        (
            "../b",
            "`..` in the job's name `../b`",
            "write the job's full name from the top, `folder/job`",
        ),
        (
            "https://ci.example.com/job/x",
            "this job is not under the rule's server `https://ci.example.com/jenkins`",
            "write the full name of a job of this server, `folder/job`",
        ),
        (
            "http://ci.example.com/jenkins/job/x",
            "this job is not under the rule's server `https://ci.example.com/jenkins`",
            "write the full name of a job of this server, `folder/job`",
        ),
        (
            "https://ci.example.com/jenkins/job/a/b",
            "this is no job's URL",
            "a job's address is `…/job/folder/job/name/`; or write its full name",
        ),
        (
            "https://ci.example.com/jenkins/job/a/build?delay=0sec",
            "the job's URL has a query (`?…`) or a fragment (`#…`)",
            "write `a`",
        ),
        (
            "job/mb/job/a%2Fb",
            "`a%2Fb` has a `/` inside a name",
            "copy the address from the browser: there a branch job's `/` is `%252F`",
        ),
        (
            "job/a%ff",
            "`a%ff` is not UTF-8 when its `%` escapes are resolved",
            "write the job's full name, `folder/job`",
        ),
        (
            "job/a%0a",
            "a control character in the job's name",
            "write the name as Jenkins shows it",
        ),
    ];
    for (text, message, help) in cases {
        let (place, helped) = told(&refusal(format!("{HEAD}jobs:\n  main: {text}")));
        assert_eq!((place, helped.as_str()), (format!("4:9 {message}"), help));
    }
    let error = refusal(format!("{HEAD}jobs:\n  deploy: release/*"));
    assert_eq!(
        error.message(),
        "`*` in a job's name, which Jenkins does not allow"
    );
    let error = refusal(format!("{HEAD}jobs:\n  deploy: shop/${{branch}}"));
    assert_eq!(
        (error.column(), error.message()),
        (16, "a job's name has no names in it")
    );
}

#[test]
fn a_job_url_of_another_server_names_that_server() {
    let text = "version: 1\nservers: { a: { url: https://a }, b: { url: https://b } }\ndefaults: { server: a }\n\
                jobs: { main: 'https://b/job/x/' }";
    assert_eq!(told(&refusal(text)).1, "add `server: b` to the rule");
}

#[test]
fn remotes_are_kept_as_written() {
    assert_eq!(rule("name: x").remotes, None);
    for keys in ["", "\nevents: [post-commit, post-push]"] {
        let rule = rule(&format!("remotes: [origin, Origin, team/backup]{keys}"));
        let names = rule.remotes.unwrap_or_default();
        assert_eq!(names, ["origin", "Origin", "team/backup"]);
    }
}

#[test]
fn words_are_read_as_they_are_printed() {
    for event in [EventKind::PostCommit, EventKind::PostPush, EventKind::PostReceive] {
        assert_eq!(event.to_string().parse(), Ok(event));
    }
    for method in [Method::Api, Method::JobToken, Method::TokenRoot] {
        assert_eq!(method.to_string().parse(), Ok(method));
    }
    assert_eq!("cherry-pick".parse(), Ok(Operation::CherryPick));
    let unknown = "push".parse::<EventKind>();
    assert_eq!(
        unknown.map_err(|error| error.to_string()),
        Err("not one of post-commit, post-push, post-receive".to_owned())
    );
}

#[test]
fn coalescing_needs_a_delay_that_its_sender_lives_to_see() {
    let coalesces = |text: &str| rule(&format!("coalesce: latest\ndelay: {text}")).coalesce;
    assert!(coalesces("30s"));
    assert!(coalesces("10m"));
    assert!(!rule("delay: 30s").coalesce);
    rule_refused(&[
        (
            "coalesce: latest",
            "5:15 `coalesce` without a `delay`: how long is it to wait for newer ones?",
            "add `delay: 30s`",
        ),
        (
            "coalesce: latest\ndelay: 11m",
            "5:15 with `coalesce` it is this tool that waits, and not for longer than 10 minutes",
            "write `delay: 10m` or less, or leave `coalesce` out: then Jenkins waits",
        ),
        (
            "coalesce: oldest\ndelay: 1m",
            "5:15 unknown value `oldest` of `coalesce`",
            "write `coalesce: latest`, or leave it out: then every trigger is sent",
        ),
    ]);
}

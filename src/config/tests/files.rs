//! Whole files: both forms, defaults, servers, and what is no YAML file at all.

use std::time::Duration;

use super::super::{BranchParameter, EventKind, Method, Operation, Skip, read};
use super::{HEAD, config, refusal, refused, told};

#[test]
fn the_short_form_maps_branch_patterns_to_jobs() {
    let config = config(&format!(
        "{HEAD}jobs:\n  main: shop/deploy\n\n  \"release/**\": shop/release\n"
    ));
    let rules: Vec<_> = config
        .rules
        .iter()
        .map(|rule| {
            let patterns = rule.branches.as_ref().map_or(&[][..], |list| list.patterns());
            (
                rule.name.as_str(),
                rule.job.as_str(),
                rule.line,
                patterns[0].text(),
                rule.named,
            )
        })
        .collect();
    assert_eq!(
        rules,
        [
            ("shop/deploy", "shop/deploy", 4, "main", false),
            ("shop/release", "shop/release", 6, "release/**", false)
        ]
    );
    let rule = &config.rules[0];
    assert_eq!(
        rule.events,
        [EventKind::PostCommit, EventKind::PostPush, EventKind::PostReceive]
    );
    assert_eq!(rule.branch_parameter, BranchParameter::Default("BRANCH".into()));
    assert_eq!(
        (rule.method, rule.delay, rule.skip_ci, rule.cause_given),
        (Method::Api, None, true, false)
    );
    assert_eq!(rule.cause.text(), "${event} of ${branch}@${short_sha}");
    assert_eq!(
        (config.max_triggers, config.skip, config.env.len()),
        (50, Skip::default(), 0)
    );
    assert_eq!(config.servers[0].name, "default");
}

#[test]
fn the_long_form_says_everything() {
    let config = config(
        r#"# yaml-language-server: $schema=https://example.com/schema.json
version: 1
servers:
  main: { url: https://CI.example.com:443/jenkins }
  legacy: { url: http://old-ci.example.com:8080///, method: token-root }
defaults: { server: main, branch_parameter: BRANCH, delay: 1m, events: [post-push] }
env: [BUILD_CHANNEL]
skip: { markers: false, while: [merge] }
max_triggers: 7
jobs:
  - name: app
    job: shop/build
    events: [post-commit, post-push]
    branches: ["**", "!dependabot/**"]
    paths: ["src/**", "Cargo.*"]
    paths_ignore: ["**/*.md"]
    branch_parameter: Branch
    parameters: { COMMIT: "${sha}", CHANNEL: "${env.BUILD_CHANNEL:-dev}" }
    delay: 30s
    cause: "${event} of ${branch} by ${author_name}"
    skip_ci: false
  - { job: shop/release, tags: ["v[0-9]*"], parameters: { TAG: "${tag}" } }
  - { job: mirror, server: legacy, token_from: mirror-token, branches: [main] }
"#,
    );
    let urls: Vec<_> = config.servers.iter().map(|server| server.url.as_str()).collect();
    assert_eq!(
        urls,
        [
            "https://ci.example.com/jenkins/",
            "http://old-ci.example.com:8080/"
        ]
    );
    assert_eq!(
        config.skip,
        Skip {
            markers: false,
            while_: vec![Operation::Merge]
        }
    );
    assert_eq!(
        (config.max_triggers, config.env.as_slice()),
        (7, &["BUILD_CHANNEL".to_owned()][..])
    );

    let [app, release, mirror] = &config.rules[..] else {
        panic!("{:#?}", config.rules)
    };
    assert_eq!((app.name.as_str(), app.named, app.line), ("app", true, 11));
    assert_eq!(app.events, [EventKind::PostCommit, EventKind::PostPush]);
    assert_eq!(app.branch_parameter, BranchParameter::Explicit("Branch".into()));
    let parameters: Vec<_> = app
        .parameters
        .iter()
        .map(|(name, value)| (name.as_str(), value.text()))
        .collect();
    assert_eq!(
        parameters,
        [("COMMIT", "${sha}"), ("CHANNEL", "${env.BUILD_CHANNEL:-dev}")]
    );
    assert_eq!(
        (app.delay, app.skip_ci, app.cause_given),
        (Some(Duration::from_secs(30)), false, true)
    );
    assert!(app.paths.is_some() && app.paths_ignore.is_some() && app.tags.is_none());

    assert_eq!(
        (release.line, release.events.as_slice()),
        (22, &[EventKind::PostPush][..])
    );
    assert_eq!(release.delay, Some(Duration::from_secs(60)));
    assert!(release.branches.is_none() && release.tags.is_some());

    assert_eq!((mirror.server, mirror.method), (1, Method::TokenRoot));
    assert_eq!(
        mirror.token_variable().as_deref(),
        Some("JENKINS_TRIGGER_TOKEN_MIRROR_TOKEN")
    );
}

#[test]
fn a_byte_order_mark_and_windows_line_ends_change_nothing() {
    let plain = format!("{HEAD}jobs:\n  - job: shop/build\n    branches: [main]\n");
    let windows = format!("\u{feff}{}", plain.replace('\n', "\r\n"));
    assert_eq!(config(&plain), config(&windows));
    let broken = windows.replace("branches", "brnches");
    assert_eq!(told(&refusal(&broken)).0, "5:5 unknown key `brnches` in a rule");
    assert_eq!(refusal(&broken).source_line(), Some("    brnches: [main]"));
}

#[test]
fn aliases_are_followed() {
    let config = config(&format!(
        "{HEAD}jobs:\n  - {{ job: a, branches: &all [main, \"release/*\"] }}\n  - job: b\n    branches: *all\n"
    ));
    assert_eq!(config.rules[0].branches, config.rules[1].branches);
    assert_eq!(config.rules[1].line, 5);
}

#[test]
fn a_rule_has_its_line_even_when_its_texts_are_escaped() {
    let config = config(&format!(
        "{HEAD}jobs:\n  \"\\x6dain\": a\n  \"\\x64ev\": \"\\x62\"\n  x: c\n"
    ));
    let lines: Vec<_> = config.rules.iter().map(|rule| rule.line).collect();
    // Of the second rule no text stands in the file as it is read: the line before is the nearest known.
    assert_eq!(lines, [4, 4, 6]);
}

#[test]
fn a_file_without_a_configuration_shows_the_smallest_one() {
    for text in ["", "\n", "# only a comment\n", "---\n", "~"] {
        let error = refusal(text);
        assert_eq!(
            (error.message(), error.line()),
            ("the file is empty", 1),
            "{text:?}"
        );
        let help = error.help().unwrap_or_default();
        let (_, shown) = help.split_once('\n').unwrap_or_default();
        config(shown);
    }
    assert_eq!(told(&refusal("- a")).0, "1:1 the file is a map, not a list");
    assert_eq!(
        told(&refusal("hello")).0,
        "1:1 the file is a map, not the text `hello`"
    );
}

#[test]
fn the_version_comes_before_everything_else() {
    let newer = "update jenkins-trigger, or write the file for `version: 1`";
    let plain = "write `version: 1`, without quotes";
    refused(&[
        (
            "jobs: 1\nfoo: 2",
            "1:1 no `version`",
            "add `version: 1` as the first line",
        ),
        (
            "foo: 1\nversion: 2",
            "2:10 this release reads version 1; version 2 needs a newer jenkins-trigger",
            newer,
        ),
        (
            "version: 0",
            "1:10 there is no version `0`; this release reads version 1",
            plain,
        ),
        (
            "version: '1'",
            "1:10 there is no version `1`; this release reads version 1",
            plain,
        ),
        (
            "version: 1.0",
            "1:10 there is no version `1.0`; this release reads version 1",
            plain,
        ),
        (
            "version: [1]",
            "1:10 `version` is 1, not a list",
            "write `version: 1`",
        ),
    ]);
}

#[test]
fn what_is_no_text_is_refused_where_it_begins() {
    let cases: [(&[u8], &str); 9] = [
        (b"version: 1\nx: \xff\xfe", "2:4 the file is not UTF-8 text"),
        (b"\xff\xfev\0e\0", "1:1 the file is UTF-16 text"),
        (b"version: 1\nx: a\0b", "2:5 a NUL byte: this is not a text file"),
        (b"version: 1\nx: \x1b[31m", "2:4 the control character U+001B"),
        (
            b"version: 1\nx: a\xef\xbb\xbfb",
            "2:5 a byte order mark inside the file",
        ),
        (
            b"version: 1\rserver: x",
            "1:11 a carriage return that ends no line",
        ),
        (
            b"version: 1\njobs:\n\t- job: a",
            "3:1 a tab where YAML needs spaces",
        ),
        (
            b"version: 1\njobs:\n  main: a\n...\n---\nversion: 1\n",
            "5:1 a second YAML document begins here",
        ),
        (
            b"version: 1\njobs: {}\n---\n",
            "3:1 a second YAML document begins here",
        ),
    ];
    for (bytes, place) in cases {
        let error = refusal(bytes);
        assert_eq!(told(&error).0, place);
        assert!(error.help().is_some(), "{place}");
    }
    let large = vec![b' '; (1 << 20) + 1];
    assert_eq!(told(&refusal(large)).0, "1:1 the file is larger than 1 MiB");
    assert!(
        read(
            "x",
            &[HEAD.as_bytes(), b"jobs: { main: a }", &[b' '; 1000]].concat()
        )
        .is_ok()
    );
}

#[test]
fn an_alias_bomb_is_refused_soon() {
    let mut bomb = format!("{HEAD}a: &a [x,x,x,x,x,x,x,x,x,x]\n");
    for (name, of) in ["ba", "cb", "dc", "ed", "fe", "gf", "hg"]
        .iter()
        .map(|pair| pair.split_at(1))
    {
        bomb = format!(
            "{bomb}{name}: &{name} [{}]\n",
            vec![format!("*{of}"); 10].join(",")
        );
    }
    let wide = format!(
        "{HEAD}a: &a [{}]\nb: [{}]\n",
        "x,".repeat(20_000),
        "*a,".repeat(20_000)
    );
    let endless = format!("{HEAD}a: &a [*a]\n");
    for text in [bomb, wide] {
        assert_eq!(
            refusal(&text).message(),
            "the aliases (`*name`) in this file repeat too much"
        );
    }
    assert_eq!(refusal(&endless).message(), "the file is nested too deeply");
}

#[test]
fn deep_nesting_neither_overflows_the_stack_nor_takes_long() {
    for (unit, message) in [
        ("[", "more than 10,000 `[` and `{`, this `[` is one too many"),
        ("{a: ", "more than 10,000 `[` and `{`, this `{` is one too many"),
        ("- ", "the file is nested too deeply"),
        ("? ", "the file is nested too deeply"),
    ] {
        let text = format!("{HEAD}jobs:\n  {}", unit.repeat(200_000));
        assert_eq!(refusal(&text).message(), message, "{unit}");
    }
    let text = format!("{HEAD}jobs: {}{}", "[".repeat(200), "]".repeat(200));
    assert_eq!(refusal(&text).message(), "the file is nested too deeply");
}

#[test]
fn yaml_errors_name_the_likely_cause() {
    let cases = [
        ("jobs:\n  a: \"x\n  b: c\n", "4:6 this quote is never closed"),
        ("jobs:\n  a: b: c\n", "4:7 a second `: ` on one line"),
        (
            "jobs: [a\nfoo: b",
            "3:7 this `[` is never closed, or a comma is missing",
        ),
        (
            "jobs: { a: b\nfoo: b",
            "3:7 this `{` is never closed, or a comma is missing",
        ),
        (
            "jobs:\n  a: \"\\d\"",
            "4:7 in double quotes a backslash begins an escape, and this is none of YAML's",
        ),
        (
            "jobs:\n  a\n  b: c",
            "5:3 this line is indented as if it belonged to the value above it",
        ),
        ("jobs: - a", "3:7 a list cannot begin on its key's line"),
        (
            "jobs:\n  a: b\n c: d",
            "5:2 this line does not fit what stands above it",
        ),
        (
            "jobs:\n  a: @x",
            "4:6 without quotes `@x` is nothing that YAML knows, not a text",
        ),
        (
            "jobs:\n  a: > x",
            "4:8 after `|` or `>` the text begins on the next line",
        ),
        ("a: b\nc\nd: e", "4:1 a key without a colon"),
    ];
    for (text, place) in cases {
        let error = refusal(format!("{HEAD}{text}"));
        assert_eq!(told(&error).0, place, "\n{text}");
        assert!(error.help().is_some(), "{text}");
    }
}

#[test]
fn an_error_is_one_line_and_shows_the_refused_text() {
    let error = refusal(format!("{HEAD}jobs:\n  \"ma\\tin\": \"\\u202e x\"\n"));
    assert_eq!(
        error.to_string(),
        ".jenkins-trigger.yml:4:3: no branch has `\\u{9}` in its name, so this matches nothing"
    );
    let error = read("HEAD:.jenkins-trigger.yml", b"version: 1\nsrver: x\n");
    let error = error.err().map(|error| {
        (
            error.to_string(),
            error.source_line().map(str::to_owned),
            error.span(),
        )
    });
    let expected = "HEAD:.jenkins-trigger.yml:2:1: unknown key `srver` in the file".to_owned();
    assert_eq!(error, Some((expected, Some("srver: x".to_owned()), (0, 5))));
    let long = refusal(format!("{HEAD}jobs: {{ {}: a, a: [b] }}", "x".repeat(500)));
    let line = long.source_line().unwrap_or_default();
    assert!(line.chars().count() <= 162, "{line}");
    assert_eq!(
        line.chars().skip(long.span().0).take(3).collect::<String>(),
        "[b]"
    );
}

#[test]
fn a_span_takes_in_the_quotes_but_not_what_follows() {
    for (value, length) in [("'a'", 3), ("\"a\"", 3), ("a", 1), ("&x 'a'", 6)] {
        let error = refusal(format!("{HEAD}max_triggers: {value} # no"));
        assert_eq!((error.column(), error.span()), (15, (14, length)), "{value}");
    }
}

#[test]
fn an_unexpected_end_is_shown_at_the_last_text() {
    let error = refusal(format!("{HEAD}jobs: [\n\n \n"));
    assert_eq!(
        (told(&error).0.as_str(), error.source_line()),
        (
            "3:8 a list or map in brackets is not finished here",
            Some("jobs: [")
        )
    );
}

#[test]
fn columns_count_characters() {
    let error = refusal(format!("{HEAD}jobs:\n  - {{ job: größe, brnches: [x] }}\n"));
    assert_eq!((error.line(), error.column(), error.span()), (4, 19, (18, 7)));
}

//! Keys and shapes that are refused: where, and what to write instead.

use super::{HEAD, QUOTE_TEXT, file_refused, refused, rule_refused};

const IN_ENVIRONMENT: &str = "credentials are kept by `jenkins-trigger login`; for a job's trigger token write \
                              `token_from: NAME` and run: jenkins-trigger login --job-token NAME";

#[test]
fn an_unknown_key_is_refused_with_the_nearest_known_one() {
    rule_refused(&[
        (
            "brnches: [main]",
            "5:5 unknown key `brnches` in a rule",
            "did you mean `branches`?",
        ),
        (
            "Branches: [main]",
            "5:5 unknown key `Branches` in a rule",
            "did you mean `branches`?",
        ),
        (
            "paths-ignore: [a]",
            "5:5 unknown key `paths-ignore` in a rule",
            "did you mean `paths_ignore`?",
        ),
        (
            "markers: false",
            "5:5 unknown key `markers` in a rule",
            "`markers` belongs in `skip`",
        ),
        (
            "on: [push]",
            "5:5 unknown key `on` in a rule",
            "write `events: [post-push]`; YAML 1.1 reads `on` as true",
        ),
        (
            "organisation: true",
            "5:5 unknown key `organisation` in a rule",
            "known keys here are `name`, `job`, `server`, `method`, `token_from`, `events`, `branches`, `tags`, `remotes`, \
             `paths`, `paths_ignore`, `branch_parameter`, `parameters`, `delay`, `coalesce`, \
             `cause`, `multibranch`, `action`, `strict_parameters` and `skip_ci`",
        ),
    ]);
    file_refused(&[
        (
            "branches: [a]",
            "3:1 unknown key `branches` in the file",
            "`branches` belongs in a rule under `jobs`",
        ),
        (
            "url: x",
            "3:1 unknown key `url` in the file",
            "`url` belongs in a server under `servers`",
        ),
        (
            "defaults: { evnts: [post-push] }",
            "3:13 unknown key `evnts` in `defaults`",
            "did you mean `events`?",
        ),
        (
            "skip: { when: [merge] }",
            "3:9 unknown key `when` in `skip`",
            "known keys here are `markers` and `while`",
        ),
        (
            "x: &x { a: b }\ny: { <<: *x }",
            "3:1 unknown key `x` in the file",
            "known keys here are `version`, `server`, `servers`, `defaults`, `env`, `skip`, `max_triggers` and `jobs`",
        ),
        (
            "? [a]\n: b",
            "3:3 a key is a text, not a list",
            "quote a key that begins with `[`, `{` or `?`",
        ),
    ]);
    let merge = "put what rules share under `defaults`, or repeat it";
    refused(&[(
        &format!("{HEAD}jobs:\n  - &a {{ job: x }}\n  - <<: *a\n"),
        "5:5 the merge key `<<` is not known here",
        merge,
    )]);
}

#[test]
fn keys_for_secrets_and_tls_get_their_remedy() {
    rule_refused(&[
        (
            "token: abc",
            "5:5 `token` in a rule: nothing secret belongs in this file",
            IN_ENVIRONMENT,
        ),
        (
            "Password: abc",
            "5:5 `Password` in a rule: nothing secret belongs in this file",
            IN_ENVIRONMENT,
        ),
    ]);
    file_refused(&[
        (
            "user: abc",
            "3:1 `user` in the file: nothing secret belongs in this file",
            IN_ENVIRONMENT,
        ),
        (
            "insecure: true",
            "3:1 `insecure` in the file: this file has no switches for TLS",
            "name a file with the certificate of the server's authority: `ca_file: FILE` of a server under `servers`; \
             or add it to the system's trust store",
        ),
    ]);
}

#[test]
fn a_duplicate_key_is_refused_at_its_second_occurrence() {
    let help = "keep one of the two; several jobs for one branch need a list of rules";
    refused(&[
        (
            &format!("{HEAD}jobs:\n  main: a\n  dev: b\n  main: c\n"),
            "6:3 duplicate key `main`, first on line 4",
            help,
        ),
        (
            &format!("{HEAD}server: https://x\n"),
            "3:1 duplicate key `server`, first on line 2",
            help,
        ),
    ]);
    rule_refused(&[
        ("job: other", "5:5 duplicate key `job`, first on line 4", help),
        (
            "parameters: { A: x, 'A': y }",
            "5:25 duplicate key `A`, first on line 5",
            help,
        ),
    ]);
}

#[test]
fn a_single_text_is_no_list() {
    rule_refused(&[
        (
            "branches: main",
            "5:15 `branches` is a list, not the text `main`",
            "write `branches: [main]`",
        ),
        (
            "branches: \"*\"",
            "5:15 `branches` is a list, not the text `*`",
            "write `branches: [\"*\"]`",
        ),
        (
            "tags: v1, v2",
            "5:11 `tags` is a list, not the text `v1, v2`",
            "write `tags: [v1, v2]`",
        ),
        (
            "branches: 1.10",
            "5:15 `branches` is a list, not the number `1.10`",
            "write `branches: [1.10]`",
        ),
        (
            "branches:",
            "5:14 `branches` is a list, not empty",
            "write `branches: [main]`, or leave the key out",
        ),
        (
            "events: post-push",
            "5:13 `events` is a list, not the text `post-push`",
            "write `events: [post-push]`",
        ),
        (
            "remotes: origin",
            "5:14 `remotes` is a list, not the text `origin`",
            "write `remotes: [origin]`",
        ),
    ]);
}

#[test]
fn an_empty_list_is_refused_where_it_would_match_nothing() {
    rule_refused(&[
        (
            "branches: []",
            "5:15 `branches` is an empty list",
            "leave `branches` out for every branch, or write `[\"**\"]`",
        ),
        (
            "tags: []",
            "5:11 `tags` is an empty list",
            "leave `tags` out for no tag, or write `[\"**\"]` for every tag",
        ),
        (
            "paths: []",
            "5:12 `paths` is an empty list",
            "leave the key out, or write at least one pattern",
        ),
        (
            "events: []",
            "5:13 `events` is an empty list",
            "name at least one, or leave `events` out for all three",
        ),
        (
            "remotes: []",
            "5:14 `remotes` is an empty list",
            "leave `remotes` out for every remote",
        ),
    ]);
    let help = "write `main: folder/job`, or a list of rules that begin with `- job: folder/job`";
    refused(&[
        (
            &format!("{HEAD}jobs: []"),
            "3:7 `jobs` is empty, so nothing would ever be triggered",
            help,
        ),
        (
            &format!("{HEAD}jobs:"),
            "3:6 `jobs` is a map or a list, not empty",
            help,
        ),
        (
            &format!("{HEAD}jobs: main"),
            "3:7 `jobs` is a map or a list, not the text `main`",
            help,
        ),
        (
            HEAD,
            "1:1 no `jobs`",
            "add what to trigger:\njobs:\n  main: folder/job",
        ),
    ]);
}

#[test]
fn patterns_that_yaml_takes_for_its_own_signs_must_be_quoted() {
    rule_refused(&[
        (
            "branches: [**, x]",
            "5:16 without quotes `**` is an alias, not a text",
            "quote it: \"**\"",
        ),
        (
            "branches:\n  - *.md",
            "6:9 without quotes `*.md` is an alias, not a text",
            "quote it: \"*.md\"",
        ),
        (
            "branches:\n  - *foo",
            "6:9 without quotes `*foo` is an alias, not a text",
            "quote it: \"*foo\"",
        ),
        (
            "branches:\n  - [0-9]*",
            "6:9 without quotes `[0-9]*` is an alias, not a text",
            "quote it: \"[0-9]*\"",
        ),
        (
            "branches: [!a/**, b]",
            "5:16 without quotes `!a/**` is a tag, not a text",
            "quote it: \"!a/**\"",
        ),
        (
            "branches:\n  - {a,b}/c",
            "6:9 without quotes `{a,b}/c` is a map, not a text",
            "quote it: \"{a,b}/c\"",
        ),
        (
            "branches:\n  - [ab]c",
            "6:9 without quotes `[ab]c` is a list, not a text",
            "quote it: \"[ab]c\"",
        ),
        (
            "branches: [{a,b}]",
            "5:16 a pattern of `branches` is a text, not a map",
            QUOTE_TEXT,
        ),
    ]);
    refused(&[
        (
            &format!("{HEAD}jobs:\n  *: a"),
            "4:3 without quotes `*` is an alias, not a text",
            "quote it: \"*\"",
        ),
        (
            &format!("{HEAD}jobs:\n  !x: a"),
            "4:3 without quotes `!x` is a tag, not a text",
            "quote it: \"!x\"",
        ),
    ]);
}

#[test]
fn names_of_rules_are_given_once() {
    refused(&[
        (
            &format!("{HEAD}jobs:\n  - {{ job: a, name: x }}\n  - {{ job: b, name: x }}"),
            "5:21 a second rule named `x`, first on line 4",
            "give each rule a name of its own, or leave `name` out",
        ),
        (
            &format!("{HEAD}jobs:\n  - {{ name: x }}"),
            "4:5 a rule without a `job`",
            "add `job: folder/job`",
        ),
        (
            &format!("{HEAD}jobs:\n  - a"),
            "4:5 a rule is a map, not the text `a`",
            "write `- { job: folder/job, branches: [main] }`",
        ),
        (
            &format!("{HEAD}jobs:\n  main: {{ job: a }}"),
            "4:9 in the short form each branch pattern has one job, not a map",
            "for more than a job's name write `jobs` as a list: `- { job: folder/job, branches: [main] }`",
        ),
    ]);
}

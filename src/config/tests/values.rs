//! Values that are refused: where, and what to write instead.

use super::{HEAD, QUOTE_TEXT, file_refused, refused, rule_refused};

#[test]
fn a_delay_has_a_unit() {
    let form = "write `30s`, `2m` or `1h`; `0s` is at once";
    rule_refused(&[
        (
            "delay: 30",
            "5:12 the delay `30` has no unit; to Jenkins a bare number is milliseconds",
            "write `delay: 30s` for seconds, or `m`, `h`",
        ),
        (
            "delay: 30ms",
            "5:12 the delay `30ms` is not a whole number with `s`, `m` or `h`",
            form,
        ),
        (
            "delay: 1.5s",
            "5:12 the delay `1.5s` is not a whole number with `s`, `m` or `h`",
            form,
        ),
        (
            "delay: -5s",
            "5:12 the delay `-5s` is not a whole number with `s`, `m` or `h`",
            form,
        ),
        (
            "delay: s",
            "5:12 the delay `s` has no number",
            "write `30s`, `2m` or `1h`",
        ),
        (
            "delay: 25h",
            "5:12 the delay `25h` is longer than a day",
            "write at most `24h`",
        ),
        (
            "delay: 99999999999999999999h",
            "5:12 the delay `99999999999999999999h` is longer than a day",
            "write at most `24h`",
        ),
    ]);
}

#[test]
fn an_event_is_one_of_three() {
    let mean = "did you mean `post-push`?";
    rule_refused(&[
        ("events: [push]", "5:14 unknown event `push`", mean),
        (
            "events: [post-commit, pre-push]",
            "5:27 unknown event `pre-push`",
            mean,
        ),
        ("events: [post_push]", "5:14 unknown event `post_push`", mean),
        (
            "events: [commit]",
            "5:14 unknown event `commit`",
            "did you mean `post-commit`?",
        ),
        (
            "events: [deploy]",
            "5:14 unknown event `deploy`",
            "known are `post-commit`, `post-push` and `post-receive`",
        ),
        (
            "events: [manual]",
            "5:14 `manual` is not an event that a rule can name",
            "leave it out: `jenkins-trigger trigger` ignores `events`",
        ),
        (
            "events: [post-push, post-push]",
            "5:25 the event `post-push` twice",
            "write it once",
        ),
    ]);
}

#[test]
fn a_remote_is_named_once_and_exactly() {
    let names = "write each name that `git remote` lists: `remotes: [origin, upstream]`";
    let no_address = "write a name that `git remote` lists, `origin`";
    rule_refused(&[
        (
            "remotes: [origin, backup, origin]",
            "5:31 the remote `origin` twice",
            "write it once",
        ),
        (
            "remotes: [\"*\"]",
            "5:15 `*` is a pattern, and `remotes` has exact names",
            names,
        ),
        (
            "remotes: [\"!backup\"]",
            "5:15 `!backup` is a pattern, and `remotes` has exact names",
            names,
        ),
        (
            "remotes: [\"https://git.example.com/shop.git\"]",
            "5:15 `https://git.example.com/shop.git` is an address, and `remotes` has names",
            no_address,
        ),
        (
            "remotes: [../shop.git]",
            "5:15 `../shop.git` is an address, and `remotes` has names",
            no_address,
        ),
        (
            "remotes: [\" \"]",
            "5:15 the remote is empty",
            "write a text, or leave the key out",
        ),
        (
            "remotes: [[origin]]",
            "5:15 the remote is a text, not a list",
            QUOTE_TEXT,
        ),
    ]);
    file_refused(&[(
        "defaults: { remotes: [origin] }",
        "3:13 unknown key `remotes` in `defaults`",
        "`remotes` belongs in a rule under `jobs`",
    )]);
}

#[test]
fn remotes_are_of_use_to_a_rule_for_pushes_only() {
    rule_refused(&[
        (
            "events: [post-commit]\nremotes: [origin]",
            "6:5 `remotes` counts for post-push only, which this rule's `events` do not list",
            "write `events: [post-commit, post-push]` in the rule, or leave `remotes` out",
        ),
        (
            "remotes: [origin]\nevents: [post-receive]",
            "5:5 `remotes` counts for post-push only, which this rule's `events` do not list",
            "write `events: [post-receive, post-push]` in the rule, or leave `remotes` out",
        ),
    ]);
    refused(&[(
        &format!("{HEAD}defaults: {{ events: [post-commit] }}\njobs:\n  - {{ job: x, remotes: [origin] }}"),
        "5:15 `remotes` counts for post-push only, which `events` under `defaults` do not list",
        "write `events: [post-commit, post-push]` in the rule, or leave `remotes` out",
    )]);
}

#[test]
fn a_token_method_needs_a_token_and_the_api_takes_none() {
    let add = "add `token_from: NAME` to the rule, and run: jenkins-trigger login --job-token NAME";
    let remove = "remove `token_from`, or write `method: job-token` in the rule";
    rule_refused(&[
        (
            "method: token-root",
            "5:13 the method `token-root` needs the name of the job's trigger token",
            add,
        ),
        (
            "method: job-token",
            "5:13 the method `job-token` needs the name of the job's trigger token",
            add,
        ),
        (
            "method: api\ntoken_from: x",
            "6:17 the method `api` uses no job token",
            remove,
        ),
        (
            "method: job_token",
            "5:13 unknown method `job_token`",
            "did you mean `job-token`?",
        ),
        (
            "token_from: File",
            "5:17 JENKINS_TRIGGER_TOKEN_FILE already names the file with the credentials",
            "choose another name for the token",
        ),
        (
            "method: curl",
            "5:13 unknown method `curl`",
            "known are `api`, `job-token` and `token-root`",
        ),
    ]);
    let servers = "version: 1\nservers: { a: { url: https://a, method: token-root }, b: { url: https://b, method: api } }\n";
    refused(&[
        (
            &format!("{servers}jobs:\n  - {{ job: x, server: a }}"),
            "4:5 the method `token-root` (from the server `a`) needs the name of the job's trigger token",
            add,
        ),
        (
            &format!("{servers}jobs:\n  - {{ job: x, server: b, token_from: t }}"),
            "4:38 the method `api` (from the server `b`) uses no job token",
            remove,
        ),
        (
            &format!("{HEAD}defaults: {{ method: job-token }}\njobs:\n  main: x"),
            "5:3 the method `job-token` (from `defaults`) needs the name of the job's trigger token",
            add,
        ),
    ]);
}

#[test]
fn a_server_is_a_plain_http_address() {
    let cases = [
        (
            "ci.example.com",
            "the server's URL has no scheme",
            "write `https://ci.example.com`",
        ),
        (
            "ci.example.com:8080/x",
            "the server's URL has no scheme",
            "write `https://ci.example.com:8080/x`",
        ),
        (
            "ssh://ci",
            "a server is reached by https or http, not by `ssh`",
            "write `https://ci`",
        ),
        (
            "https://ci/job/a/job/b",
            "this is the URL of a job, not of a server",
            "write `https://ci`, and the rest as `job`",
        ),
        (
            "https://ci/jenkins/?a=b",
            "the server's URL has a query (`?…`) or a fragment (`#…`)",
            "write only the address of Jenkins' start page",
        ),
        (
            "https://",
            "the server's URL is not valid: empty host",
            "write `server: https://ci.example.com`",
        ),
        (
            "https://ci:port",
            "the server's URL is not valid: invalid port number",
            "write `server: https://ci.example.com`",
        ),
        (
            "'https:\\\\ci'",
            "the server's URL has no scheme",
            "write `https://https:\\\\ci`",
        ),
        (
            "https://a b",
            "a blank or `\\` in the server's URL",
            "write `https://host/path`",
        ),
        ("[a]", "the server's URL is a text, not a list", QUOTE_TEXT),
        (
            "https://${host}/",
            "a server's URL has no names in it",
            "write the URL itself; several servers go under `servers`",
        ),
    ];
    for (url, message, help) in cases {
        let column = if url.contains("${") { 17 } else { 9 };
        refused(&[(
            &format!("version: 1\nserver: {url}\njobs: {{ main: a }}"),
            &format!("2:{column} {message}"),
            help,
        )]);
    }
}

#[test]
fn a_rule_names_a_server_of_the_file() {
    let two = "version: 1\nservers: { main: { url: https://a }, old: { url: https://b } }\n";
    refused(&[
        (
            &format!("{two}jobs:\n  - {{ job: x, server: mian }}"),
            "4:23 unknown server `mian`",
            "did you mean `main`?",
        ),
        (
            &format!("{two}jobs:\n  - {{ job: x, server: ci }}"),
            "4:23 unknown server `ci`",
            "known are `main` and `old`",
        ),
        (
            &format!("{two}defaults: {{ server: ol }}\njobs: {{ a: b }}"),
            "3:21 unknown server `ol`",
            "known are `main` and `old`",
        ),
        (
            &format!("{two}jobs:\n  main: x"),
            "4:3 this rule does not say which server: `main` and `old`",
            "add `server: NAME` to the rule, or `defaults: { server: NAME }` to the file",
        ),
        (
            "version: 1\nserver: https://a\nservers: {}\n",
            "3:1 `server` and `servers` in one file",
            "keep `servers`, and choose one under `defaults: { server: NAME }`",
        ),
        (
            "version: 1\njobs: {}",
            "1:1 no `server`",
            "add `server: https://ci.example.com`",
        ),
        (
            "version: 1\nservers: { main: https://a }",
            "2:18 a server is a map, not the text `https://a`",
            "write `{ url: https://ci.example.com }`",
        ),
        (
            "version: 1\nservers: { a: { method: api } }",
            "2:12 the server `a` has no `url`",
            "add `url: https://ci.example.com`",
        ),
        (
            "version: 1\nservers: { a b: { url: https://a } }",
            "2:12 the server name `a b` has more than letters, digits, `-` and `_`",
            "write a short name, such as `main`",
        ),
    ]);
    rule_refused(&[(
        "server: main",
        "5:13 unknown server `main`",
        "leave it out: this file has a single `server`. For several write them under `servers`",
    )]);
}

#[test]
fn parameters_are_a_map_of_texts_with_free_names() {
    let rename = "rename the parameter in the job";
    rule_refused(&[
        (
            "parameters: [A]",
            "5:17 `parameters` is a map, not a list",
            "write `parameters: { COMMIT: \"${sha}\" }`",
        ),
        (
            "parameters: { A: null }",
            "5:22 the parameter `A` is empty",
            "write a text; the empty text is `''`, and the word `null` needs quotes",
        ),
        (
            "parameters: { A: [b] }",
            "5:22 the parameter `A` is a text, not a list",
            QUOTE_TEXT,
        ),
        (
            "parameters: { '': b }",
            "5:19 a parameter without a name",
            "write the name that the job declares",
        ),
        (
            "parameters: { json: b }",
            "5:19 Jenkins takes a parameter named `json` for a part of its protocol",
            rename,
        ),
        (
            "branch_parameter: Submit",
            "5:23 Jenkins takes a parameter named `Submit` for a part of its protocol",
            rename,
        ),
        (
            "branch_parameter: true",
            "5:23 `branch_parameter` is a name or `false`, not `true`",
            "write the parameter's name, or `branch_parameter: false` to pass no branch",
        ),
        (
            "branch_parameter: 'false'",
            "5:23 `false` is a text here, so a parameter of this name",
            "write `branch_parameter: false`, without quotes, to pass no branch",
        ),
        (
            "branch_parameter: X\nparameters: { X: a }",
            "5:23 the parameter `X` is both `branch_parameter` and under `parameters`",
            "keep one; under `parameters` the branch is `${branch}`",
        ),
    ]);
    for name in [
        "token",
        "delay",
        "cause",
        "job",
        "json",
        "statusCode",
        "redirectTo",
        "Submit",
        "Jenkins-Crumb",
    ] {
        let error = super::refusal(super::with_rule(&format!("parameters: {{ {name}: a }}")));
        assert!(
            error.message().starts_with("Jenkins takes a parameter named"),
            "{name}"
        );
    }
    for name in ["Token", "DELAY", "statuscode", "submit", ".crumb"] {
        let value = if name == "Token" { "${sha}" } else { "a" };
        super::rule(&format!("parameters: {{ {name}: \"{value}\" }}"));
    }
}

#[test]
fn only_listed_environment_variables_are_read() {
    rule_refused(&[
        (
            "parameters: { A: \"x ${env.FOO}\" }",
            "5:25 the environment variable `FOO` is not listed under `env`",
            "add it at the top of the file: `env: [FOO]`",
        ),
        (
            "cause: ${env.FOO}",
            "5:12 the environment variable `FOO` is not listed under `env`",
            "add it at the top of the file: `env: [FOO]`",
        ),
    ]);
    file_refused(&[
        (
            "env: FOO",
            "3:6 `env` is a list, not the text `FOO`",
            "write `env: [FOO]`",
        ),
        (
            "env: [$FOO]",
            "3:7 `$FOO` is no environment variable's name",
            "write `FOO`",
        ),
        (
            "env: [A-B]",
            "3:7 `A-B` is no environment variable's name",
            "write names only, of letters, digits and `_`; values come from the environment",
        ),
        ("env: [A, A]", "3:10 `A` twice", "write it once"),
    ]);
    for name in [
        "JENKINS_API_TOKEN",
        "JENKINS_TRIGGER_TOKEN_X",
        "JENKINS_TRIGGER_TOKEN_FILE",
    ] {
        let error = super::refusal(format!("{HEAD}env: [{name}]\njobs: {{ a: b }}"));
        let message = format!("`{name}` holds a secret of this program, which no parameter may carry");
        assert_eq!((error.column(), error.message()), (7, message.as_str()));
    }
}

#[test]
fn switches_and_numbers_are_not_guessed() {
    file_refused(&[
        (
            "skip: { markers: yes }",
            "3:18 `markers` is true or false, not the text `yes`",
            "write `markers: true` or `markers: false`, without quotes",
        ),
        (
            "skip: { while: [rebas] }",
            "3:17 unknown operation `rebas`",
            "did you mean `rebase`?",
        ),
        (
            "max_triggers: 0",
            "3:15 `max_triggers` is a whole number from 1, not the number `0`",
            "write `max_triggers: 50`",
        ),
        (
            "max_triggers: '5'",
            "3:15 `max_triggers` is a whole number from 1, not the text `5`",
            "write `max_triggers: 50`",
        ),
    ]);
    rule_refused(&[(
        "skip_ci: no",
        "5:14 `skip_ci` is true or false, not the text `no`",
        "write `skip_ci: true` or `skip_ci: false`, without quotes",
    )]);
}

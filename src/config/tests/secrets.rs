//! Nothing secret is accepted, and nothing secret is shown.

use super::super::Error;
use super::{HEAD, config, refusal, rule, told, with_rule};

/// Made up, and of the shapes that are known.
fn tokens() -> Vec<String> {
    // In parts, so that no scanner takes this file for a leak.
    let body = "0123456789abcdef0123456789abcdef";
    [
        ("11", body),
        ("ghp_", "abcdefghijklmnopqrstuvwxyz0123456789"),
        ("github_pat_", "11ABCDEFG0abcdefghijkl_mnopqrstuvwxyz"),
        ("glpat-", "abcdefghij0123456789"),
        ("xoxb-", "123456789012-abcdefghijkl"),
        ("AKIA", "ABCDEFGHIJKLMNOP"),
        (
            "eyJ",
            "hbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.abcdefghijkl",
        ),
    ]
    .map(|(prefix, rest)| format!("{prefix}{rest}"))
    .to_vec()
}

/// Everything that an error can say.
fn everything(error: &Error) -> String {
    let line = error.source_line().unwrap_or_default();
    format!(
        "{error}\n{error:?}\n{error:#?}\n{}\n{line}",
        error.help().unwrap_or_default()
    )
}

#[test]
fn a_token_is_refused_wherever_it_stands_and_never_shown() {
    for token in tokens() {
        for keys in [
            format!("parameters: {{ A: {token} }}"),
            format!("parameters: {{ {token}: A }}"),
            format!("parameters: {{ A: \"x-{token}, ok\" }}"),
            format!("parameters:\n  A: >\n    {token}"),
            format!("cause: by {token}."),
            format!("token_from: {token}"),
            format!("branches: [{token}]"),
            format!("name: {token}"),
        ] {
            let error = refusal(with_rule(&keys));
            assert!(error.message().starts_with("this looks like "), "{keys}: {error}");
            let said = everything(&error);
            assert!(!said.contains(&token[6..]), "{said}");
        }
        // Refused for another reason, on the same line or for the text itself.
        for text in [
            format!("version: 1\n\"{token}\": x # {token}\nversion: 1\n"),
            format!("version: {token}"),
            format!("{HEAD}jobs: [{token}"),
            format!("{HEAD}jobs: {{ a: b }} {token}"),
            format!("version: 1\nserver: *{token}\n"),
            format!("version: 1\nserver: !{token} x\n"),
            token.clone(),
        ] {
            let said = everything(&refusal(&text));
            assert!(!said.contains(&token[6..]), "{text}\n{said}");
        }
    }
    let key = format!("-----BEGIN RSA {} KEY-----\n      MIIEpAIBAAKCAQEA\n", "PRIVATE");
    let error = refusal(with_rule(&format!("parameters:\n  A: |\n    {key}")));
    assert_eq!(
        told(&error).0,
        "6:10 this looks like a private key; nothing secret belongs in this file"
    );
}

#[test]
fn a_token_spelled_with_escapes_is_not_shown_either() {
    let error = refusal(with_rule(
        "parameters: { A: \"ghp_\\x61bcdefghijklmnopqrstuvwxyz\" }",
    ));
    assert_eq!(
        error.message(),
        "this looks like a GitHub token; nothing secret belongs in this file"
    );
    assert_eq!(error.source_line(), Some("    parameters: { A: •••"));
}

#[test]
fn what_only_resembles_a_token_is_accepted() {
    for value in [
        "0123456789abcdef0123456789abcdef01234567",
        "110123456789abcdef0123456789abcdef01234567",
        "0123456789abcdef0123456789abcdef",
        "ghp_short",
        "AKIA",
        "eyJ",
        "https://ci.example.com/a@b",
        "https://${user}:${env.PORT}@host",
        "https://ci:${env.PORT}@host",
        "https://${tag:-a}@host",
        "me@example.com",
    ] {
        let value = value.replace("${env.PORT}", "${repo}");
        rule(&format!("parameters: {{ A: \"{value}\" }}"));
    }
}

#[test]
fn a_parameter_with_a_secret_s_name_takes_no_literal() {
    for name in [
        "DB_PASSWORD",
        "passwd",
        "ClientSecret",
        "DEPLOY_TOKEN",
        "api-key",
        "APIKEY",
        "SSH_PRIVATE_KEY",
    ] {
        for value in [
            "hunter2",
            "'hunter2'",
            "|\n    hunter2\n",
            "\"${env.P:-hunter2}\"",
            "\"hunter2\\x21\"",
            "&a hunter2",
        ] {
            let text =
                with_rule(&format!("parameters:\n  {name}: {value}")).replace("jobs:", "env: [P]\njobs:");
            let error = refusal(text);
            assert_eq!(
                error.message(),
                format!("the parameter `{name}` looks like a secret, and its value stands in the file")
            );
            assert!(!everything(&error).contains("hunter2"), "{}", everything(&error));
        }
        rule(&format!("parameters: {{ {name}: '' }}"));
        rule(&format!("parameters: {{ {name}: \"${{user}}\" }}"));
    }
    rule("parameters: { TOKENS: 5, PASSWORD_LENGTH: 12 }");
    let error = refusal(format!(
        "{HEAD}jobs: [{{ job: a, parameters: {{ MY_TOKEN:\nhunter2 }} }}]"
    ));
    assert_eq!(
        error.source_line(),
        Some("••• }} }}]").map(|line| line.replace("}}", "}")).as_deref()
    );
}

#[test]
fn a_password_in_a_url_is_refused_and_masked() {
    for (url, shown) in [
        (
            "https://me:hunter2@ci.example.com/jenkins",
            "server: https://•••@ci.example.com/jenkins",
        ),
        (
            "https://me:hunt@er2@ci.example.com",
            "server: https://•••@ci.example.com",
        ),
        (
            "https://me:hunter2/x@ci.example.com",
            "server: https://•••@ci.example.com",
        ),
        (
            "https://hunter2@ci.example.com",
            "server: https://•••@ci.example.com",
        ),
        ("me:hunter2@ci.example.com", "server: •••@ci.example.com"),
        ("\"me:hunter2@ci.example.com\"", "server: \"•••@ci.example.com\""),
        (
            "ssh://me:hunter2@ci.example.com",
            "server: ssh://•••@ci.example.com",
        ),
    ] {
        let error = refusal(format!("version: 1\nserver: {url}\njobs: {{ a: b }}\n"));
        assert_eq!(error.source_line(), Some(shown), "{url}");
        assert!(!everything(&error).contains("er2"), "{}", everything(&error));
    }
    for url in [
        "https://me:hunter2@x/y",
        "https://${user}:hunter2@x",
        "https://me:$$hunter2@${repo}",
    ] {
        let error = refusal(with_rule(&format!("parameters: {{ A: 'git clone {url}' }}")));
        assert_eq!(error.message(), "a user and password in a URL");
        assert!(!everything(&error).contains("hunter2"));
    }
    let error = refusal(format!(
        "{HEAD}jobs:\n  a: https://ci.example.com/jenkins/job/x/build?token=hunter2&cause=y"
    ));
    let help = "write `x`, and `token_from: NAME` with `jenkins-trigger login --job-token NAME`";
    assert_eq!(told(&error), ("4:6 a token in the job's URL".into(), help.into()));
    assert!(!everything(&error).contains("hunter2"));
}

#[test]
fn values_of_private_keys_are_never_shown() {
    for text in [
        "password: hunter2\nversion: 1",
        "version: 1\npassword: hunter2\n",
        "version: 1\ncredentials:\n  user: me\n  password: hunter2\n  - x\n",
        "version: 1\npassword:\n  hunter2: {\n",
        "version: 1\nx: { token: 'hunter2', token_from: x }\n",
        "version: 1\nMY_SECRET: |\n  hunter2\n \tx\n",
        "version: 1\ncredentials:\n  main:\n    - hunter2: [\n",
    ] {
        let said = everything(&refusal(text));
        assert!(!said.contains("hunter2"), "{text}\n{said}");
    }
    let error = refusal(with_rule("token_from: 'hunter2!'"));
    assert!(!everything(&error).contains("hunter2"), "{}", everything(&error));
    let error =
        refusal(with_rule("{ token_from: mirror, brnches: [a] }").replace("job: shop/build\n    ", ""));
    assert_eq!(
        error.source_line(),
        Some("  - { token_from: mirror, brnches: [a] }")
    );
}

#[test]
fn a_mask_moves_the_span_along() {
    let error = refusal(format!("{HEAD}jobs: [{{ job: https://me:x@y.z, brnches: [a] }}]"));
    let line = error.source_line().unwrap_or_default();
    assert_eq!(line, "jobs: [{ job: https://•••@y.z, brnches: [a] }]");
    let (start, length) = error.span();
    let marked: String = line.chars().skip(start).take(length).collect();
    assert_eq!(marked, "https://•••@y.z");
    config(&format!("{HEAD}jobs: {{ a: b }} # password: hunter2\n"));
}

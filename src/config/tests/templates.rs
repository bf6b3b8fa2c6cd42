//! Texts with names in them.

use proptest::prelude::*;

use super::super::{Template, Variable};
use super::rule_refused;

fn expanded(text: &str) -> Option<String> {
    let template = Template::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    let value = template.expand(&|variable| match variable {
        Variable::Branch => Some(b"feature/x y".to_vec()),
        Variable::Subject => Some(b"${sha} $(id) $$".to_vec()),
        Variable::User => Some(Vec::new()),
        Variable::Env(name) if name == "CHANNEL" => Some(b"beta".to_vec()),
        _ => None,
    });
    value.map(|value| String::from_utf8_lossy(&value).into_owned())
}

#[test]
fn names_are_replaced_once() {
    for (text, value) in [
        ("", ""),
        ("plain", "plain"),
        ("${branch}", "feature/x y"),
        ("a ${branch}${branch} b", "a feature/x yfeature/x y b"),
        ("${subject}", "${sha} $(id) $$"),
        ("$$", "$"),
        ("$${branch}", "${branch}"),
        ("$$$${env.CHANNEL}", "$${env.CHANNEL}"),
        ("$$${env.CHANNEL}", "$beta"),
        ("${tag:-none}", "none"),
        ("${tag:-}", ""),
        ("${user:-nobody}", "nobody"),
        ("${branch:-main}", "feature/x y"),
        ("${tag:-a $5 :- b}", "a $5 :- b"),
        ("[${tag}]", "[]"),
        ("${tag}${user}", ""),
    ] {
        assert_eq!(expanded(text).as_deref(), Some(value), "{text}");
    }
}

#[test]
fn a_single_name_without_a_value_leaves_the_parameter_out() {
    assert_eq!(expanded("${tag}"), None);
    assert_eq!(expanded("${user}"), None, "an empty value is no value");
    assert_eq!(expanded("${env.OTHER}"), None);
}

#[test]
fn a_template_knows_its_text_and_its_names() {
    let text = "${event} of ${branch}@${short_sha}";
    let template = Template::parse(text);
    assert_eq!(template, Ok(Template::default_cause()));
    let template = Template::default_cause();
    assert_eq!(template.text(), text);
    let variables: Vec<_> = template.variables().collect();
    assert_eq!(
        variables,
        [&Variable::Event, &Variable::Branch, &Variable::ShortSha]
    );
    for name in [
        "branch",
        "ref",
        "sha",
        "short_sha",
        "old_sha",
        "tag",
        "author_name",
        "author_email",
        "subject",
        "repo",
        "remote",
        "event",
        "user",
        "hostname",
        "env.X_1",
    ] {
        assert!(Template::parse(&format!("${{{name}}}")).is_ok(), "{name}");
    }
}

#[test]
fn what_is_no_name_is_refused_where_it_stands() {
    let known = "known are branch, ref, sha, short_sha, old_sha, tag, author_name, author_email, subject, repo, remote, \
                 event, user, hostname, and `env.NAME` for what `env:` lists";
    let shell = "write `${branch}`, or `${branch:-text}` with a default; no more of the shell is known";
    for (text, column, message, help) in [
        (
            "${brnach}",
            1,
            "unknown name `brnach`",
            "did you mean `${branch}`?",
        ),
        ("é ${BRANCH}", 3, "unknown name `BRANCH`", "write `${branch}`"),
        ("${ branch }", 1, "unknown name ` branch `", "write `${branch}`"),
        ("${branch:=x}", 1, "unknown name `branch:=x`", shell),
        ("${branch##*/}", 1, "unknown name `branch##*/`", shell),
        ("${GIT_COMMIT}", 1, "unknown name `GIT_COMMIT`", known),
        (
            "${env:HOME}",
            1,
            "unknown name `env:HOME`",
            "write `${env.HOME}`, and the name under `env:`",
        ),
        ("${env.A-B}", 1, "unknown name `env.A-B`", known),
        ("${}", 1, "`${}` without a name", known),
        (
            "$branch",
            1,
            "`$` begins no name here",
            "write `${branch}` for the value, `$$` for the character itself",
        ),
        (
            "5 $",
            3,
            "`$` begins no name here",
            "write `$$` for the character itself, `${branch}` for a value",
        ),
        (
            "$(id)",
            1,
            "`$` begins no name here",
            "write `$$` for the character itself, `${branch}` for a value",
        ),
        (
            "x${branch",
            2,
            "this `${` is never closed",
            "write `${branch}`, and `$$` for the character `$`",
        ),
        (
            "${tag:-${branch}}",
            8,
            "a default is plain text, without another `${`",
            "write one name and a text, `${branch:-main}`",
        ),
    ] {
        let place = format!("5:{} {message}", 22 + column);
        rule_refused(&[(&format!("parameters: {{ A: '{text}' }}"), &place, help)]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_a_template_or_a_refusal_inside_it(text in "([$ {}:.é-]|env|branch|\\PC){0,12}") {
        match Template::parse(&text) {
            Ok(template) => {
                let _ = template.expand(&|_| None);
                prop_assert_eq!(template.text(), &text);
            }
            Err(error) => prop_assert!(text.get(error.range()).is_some(), "{} {:?}", text, error),
        }
    }

    #[test]
    fn a_text_without_dollars_is_itself(text in "[^$]{0,40}") {
        let expanded = Template::parse(&text).ok().and_then(|template| template.expand(&|_| None));
        prop_assert_eq!(expanded, Some(text.into_bytes()));
    }
}

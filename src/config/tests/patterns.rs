//! Patterns: the grammar in a table, and the matcher against a slow, obvious reference.

use proptest::prelude::*;

use super::super::{Decision, PatternError, PatternList};
use super::{HEAD, reference, refused, rule_refused};

fn list(patterns: &[&str]) -> PatternList {
    PatternList::parse(patterns).unwrap_or_else(|error| panic!("{patterns:?}: {error}"))
}

#[test]
fn patterns_match_whole_names() {
    let cases: [(&str, &[&str], &[&str]); 24] = [
        ("main", &["main"], &["Main", "mainx", "xmain", "a/main", ""]),
        (
            "release/*",
            &["release/1", "release/"],
            &["release", "release/1/2", "x/release/1"],
        ),
        (
            "release/**",
            &["release/1", "release/1/2/3"],
            &["release", "releases/1"],
        ),
        ("**/x", &["x", "a/x", "a/b/x"], &["ax", "x/a"]),
        ("a/**/b", &["a/b", "a/x/b", "a/x/y/b"], &["ab", "a/xb", "a/b/c"]),
        ("**", &["a", "a/b/c"], &[]),
        ("*", &["a", "é"], &["a/b"]),
        ("**/*.md", &["a.md", "x/y/.md"], &["a.mdx"]),
        ("**/a/**", &["a/b", "x/a/b/c"], &["a", "x/a"]),
        ("a/**/**/b", &["a/b", "a/x/y/b"], &["a"]),
        ("v?", &["v1", "vé", "v€"], &["v", "v12", "v/"]),
        ("v[0-9]*", &["v1", "v1.2-x"], &["va", "v", "v/1"]),
        ("[!a-c]x", &["dx", "éx"], &["ax", "cx", "x", "/x"]),
        ("[a\\]-]", &["a", "]", "-"], &["\\", "b"]),
        ("[é-ü]", &["é", "ö"], &["e", "z"]),
        ("[!!]", &["a", "-"], &["!"]),
        ("{main,dev*}", &["main", "dev", "devel"], &["mai", "maindev"]),
        ("x{,/**}", &["x", "x/a", "x/a/b"], &["xa"]),
        ("{a,b/{c,d}}/e", &["a/e", "b/c/e", "b/d/e"], &["b/e", "a/c/e"]),
        ("{**/,}x", &["x", "a/x"], &["ax"]),
        ("{*,a}*", &["x", "xy"], &["x/y"]),
        ("\\*\\{\\!\\n", &["*{!n"], &["a{!n"]),
        ("a,b", &["a,b"], &["a", "b"]),
        ("\\!x", &["!x"], &["x"]),
    ];
    for (pattern, matching, other) in cases {
        let list = list(&[pattern]);
        for name in matching.iter().filter(|name| !name.ends_with('/')) {
            assert!(list.matches(name.as_bytes()), "{pattern} should match {name}");
        }
        for name in other {
            assert!(
                !list.matches(name.as_bytes()),
                "{pattern} should not match {name}"
            );
        }
    }
}

#[test]
fn bytes_that_are_no_utf_8_are_single_characters() {
    assert!(list(&["a?b"]).matches(b"a\xffb"));
    assert!(list(&["a[!x]b"]).matches(b"a\xffb"));
    assert!(list(&["a*"]).matches(b"a\xff\xfe"));
    assert!(
        list(&["a??"]).matches(b"a\xe2\x82"),
        "of a broken character each byte"
    );
    assert!(
        !list(&["a??"]).matches("a€".as_bytes()),
        "a character is never taken apart"
    );
    assert!(
        !list(&["a*??"]).matches("a€".as_bytes()),
        "not even behind a star"
    );
    assert!(!list(&["a\u{fffd}"]).matches(b"a\xff"));
}

#[test]
fn the_last_match_decides() {
    let branches = list(&["**", "!dependabot/**", "dependabot/keep"]);
    let text = |decision: Decision<'_>| match decision {
        Decision::Included(pattern) => ("in", pattern.text().to_owned()),
        Decision::Excluded(pattern) => ("out", pattern.text().to_owned()),
        Decision::IncludedByDefault => ("in by default", String::new()),
        Decision::NoMatch => ("no match", String::new()),
    };
    assert_eq!(text(branches.decide(b"main")), ("in", "**".into()));
    assert_eq!(
        text(branches.decide(b"dependabot/x")),
        ("out", "!dependabot/**".into())
    );
    assert_eq!(
        text(branches.decide(b"dependabot/keep")),
        ("in", "dependabot/keep".into())
    );

    let only_out = list(&["!wip/**", "!tmp"]);
    assert_eq!(text(only_out.decide(b"main")), ("in by default", String::new()));
    assert_eq!(text(only_out.decide(b"tmp")), ("out", "!tmp".into()));
    assert_eq!(text(list(&["main"]).decide(b"dev")), ("no match", String::new()));
    assert_eq!(
        text(
            PatternList::parse::<&str>(&[])
                .unwrap_or_else(|e| panic!("{e}"))
                .decide(b"x")
        )
        .0,
        "no match"
    );
    assert!(only_out.patterns()[1].negated() && only_out.patterns()[1].matches(b"tmp"));
}

#[test]
fn a_pattern_with_an_error_is_refused_where_the_error_is() {
    let refusal = |pattern: &str| {
        let error = PatternList::parse(&["ok", pattern])
            .err()
            .unwrap_or_else(|| panic!("accepted {pattern}"));
        assert_eq!(error.index(), 1);
        (error.range(), error.message().to_owned(), error.help().to_owned())
    };
    let component = "`**` must be a whole component, between `/` and `/`";
    for (pattern, range, message, help) in [
        (
            "",
            0..0,
            "an empty pattern matches nothing",
            "write a name, or `**` for every name",
        ),
        (
            "!",
            1..1,
            "an empty pattern matches nothing",
            "write a name, or `**` for every name",
        ),
        (
            "!!a",
            0..2,
            "`!` twice",
            "write one `!` to exclude, `\\!` for the character itself",
        ),
        (
            "a**",
            1..3,
            component,
            "write `a*` within one component, or `a/**` over several",
        ),
        (
            "**.rs",
            0..2,
            component,
            "write `*.rs` within one component, or `**/*.rs` over several",
        ),
        (
            "a/**b",
            2..4,
            component,
            "write `a/*b` within one component, or `a/**/*b` over several",
        ),
        (
            "{a,b}**",
            5..7,
            component,
            "write `{a,b}*` within one component, or `{a,b}/**` over several",
        ),
        (
            "***",
            0..3,
            "3 stars in a row",
            "write `*` for a run without `/`, `**` for whole components",
        ),
        (
            "a[b",
            1..2,
            "this `[` is never closed",
            "write `[a-z]`, or `\\[` for the character itself",
        ),
        (
            "a[b-",
            1..2,
            "this `[` is never closed",
            "write `[a-z]`, or `\\[` for the character itself",
        ),
        (
            "[]",
            0..2,
            "an empty `[]` matches nothing",
            "write the characters between the brackets, `[\\]]` for `]` itself",
        ),
        ("x[z-a]", 2..5, "the range `z-a` is reversed", "write `a-z`"),
        (
            "[^a]",
            1..2,
            "`[^` is another language's sign for `[!`",
            "write `[!…]` to exclude characters, `[\\^…]` for the character itself",
        ),
        (
            "[[:alpha:]]",
            1..3,
            "named classes do not exist here",
            "write the range, `[a-z]`, or `\\[` for the character itself",
        ),
        (
            "[a/]",
            2..3,
            "`[…]` never matches `/`",
            "write the `/` outside the brackets",
        ),
        (
            "{a,b",
            0..1,
            "this `{` is never closed",
            "write `{one,two}`, or `\\{` for the character itself",
        ),
        (
            "{a}",
            0..3,
            "braces around only one alternative",
            "write `{one,two}`, or `\\{` and `\\}` for the characters themselves",
        ),
        (
            "a}",
            1..2,
            "`}` without `{`",
            "write `\\}` for the character itself",
        ),
        (
            "a]",
            1..2,
            "`]` without `[`",
            "write `\\]` for the character itself",
        ),
        (
            "é\\",
            2..3,
            "`\\` at the end has nothing to escape",
            "write `\\\\` for the character itself",
        ),
        (
            "/src",
            0..1,
            "no name begins with `/`, so this matches nothing",
            "write `src`: every pattern begins at the top",
        ),
        ("./src", 0..2, "no name begins with `./`", "write `src`"),
        (
            "src/",
            3..4,
            "no name ends with `/`, so this matches nothing",
            "for everything inside write `src/**`",
        ),
        (
            "a//b",
            1..3,
            "no name contains `//`, so this matches nothing",
            "write `a/b`",
        ),
    ] {
        assert_eq!(
            refusal(pattern),
            (range, message.into(), help.into()),
            "{pattern}"
        );
    }
    assert_eq!(refusal(&"{a,".repeat(9)).1, "`{…}` nested too deeply");
    assert_eq!(refusal(&"a".repeat(5000)).1, "a pattern of more than 4,096 bytes");
}

#[test]
fn a_pattern_s_error_has_its_place_in_the_file() {
    rule_refused(&[
        (
            "branches: [ok, 'a/**b']",
            "5:23 `**` must be a whole component, between `/` and `/`",
            "write `a/*b` within one component, or `a/**/*b` over several",
        ),
        (
            "branches: [\"!a**\"]",
            "5:19 `**` must be a whole component, between `/` and `/`",
            "write `a*` within one component, or `a/**` over several",
        ),
    ]);
    refused(&[(
        &format!("{HEAD}jobs:\n  'x[': a"),
        "4:5 this `[` is never closed",
        "write `[a-z]`, or `\\[` for the character itself",
    )]);
}

#[test]
fn a_pattern_that_no_branch_or_tag_can_match_is_refused() {
    let kinds = "patterns know `*`, `**`, `?`, `[a-z]`, `{a,b}` and `\\`, and are no regular expressions; each is an \
                 entry of its own";
    rule_refused(&[
        (
            "branches: [refs/heads/main]",
            "5:16 patterns are matched against the branch's short name, without `refs/heads/`",
            "write `main`",
        ),
        (
            "branches: ['!refs/heads/main']",
            "5:18 patterns are matched against the branch's short name, without `refs/heads/`",
            "write `!main`",
        ),
        (
            "tags: [refs/tags/v1]",
            "5:12 patterns are matched against the tag's short name, without `refs/tags/`",
            "write `v1`",
        ),
        (
            "branches: [refs/tags/v1]",
            "5:16 `refs/tags/` is never the beginning of a branch's short name",
            "write it under `tags`, without `refs/tags/`",
        ),
        (
            "branches: ['^main$']",
            "5:17 no branch has `^` in its name, so this matches nothing",
            kinds,
        ),
        (
            "tags: ['v1, v2']",
            "5:16 no tag has ` ` in its name, so this matches nothing",
            kinds,
        ),
    ]);
    super::rule("paths: ['my docs/**', 'refs/heads/x']");
}

/// Pieces that make patterns of which many are valid.
const PIECES: [&str; 22] = [
    "a", "b", "é", "/", "*", "**", "?", "[ab]", "[!a]", "[a-é]", "{a,b}", "{,b}", "{a/,}", "{**,b}", "{",
    ",", "}", "/**", "**/", "\\", "\\*", "{*,/b}",
];

fn piece_patterns() -> impl Strategy<Value = String> {
    proptest::collection::vec(proptest::sample::select(&PIECES[..]), 1..7).prop_map(|pieces| pieces.concat())
}

fn names() -> impl Strategy<Value = Vec<u8>> {
    let parts: [&[u8]; 7] = [b"a", b"b", b"/", b"*", "é".as_bytes(), b"\xff", b"\xe2\x82"];
    proptest::collection::vec(proptest::sample::select(parts.map(<[u8]>::to_vec).to_vec()), 0..7)
        .prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 3000,
        max_global_rejects: 200_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_matcher_agrees_with_the_reference(
        pattern in piece_patterns(),
        names in proptest::collection::vec(names(), 12),
    ) {
        let parsed = PatternList::parse(&[&pattern]);
        prop_assume!(parsed.is_ok());
        let Ok(list) = parsed else { return Ok(()) };
        for name in names {
            prop_assert_eq!(
                list.matches(&name), reference::matches(&pattern, &name),
                "{} {}", pattern, String::from_utf8_lossy(&name)
            );
        }
    }

    #[test]
    fn any_text_is_a_pattern_or_a_refusal_inside_it(
        pattern in "[ab/*?{},!\\\\\\[\\]^é-]{0,12}",
        name in names(),
    ) {
        match PatternList::parse(&[&pattern]) {
            Ok(list) => { let _ = list.matches(&name); }
            Err(error) => {
                let range = PatternError::range(&error);
                prop_assert!(pattern.get(range).is_some(), "{} {:?}", pattern, error);
                prop_assert!(!error.message().is_empty() && !error.help().is_empty());
            }
        }
    }
}

#[test]
fn braces_and_stars_do_not_multiply_the_time() {
    let list = list(&[&"{*a,*b}".repeat(500)]);
    assert!(!list.matches("ab".repeat(100).as_bytes()));
}

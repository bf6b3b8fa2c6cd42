//! A branch may be called almost anything; Jenkins gets it byte for byte.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;

use jenkins_stand_in::StandIn;

use crate::support::{Home, PATIENCE, Ran, Repository, shop, with_each_git};
use crate::watch::triggers;

const NAMES: &[&[u8]] = &[
    b"quo\"te'",
    b"$(x)",
    b"`id`",
    "é".as_bytes(),
    "e\u{301}".as_bytes(),
    b"a+b",
    b"a&b",
    b"a#b",
    b"a%2Fb",
    b"a%b",
    b"a;b",
    b"a|b",
    b"a=b",
    b"a,b<c>d!",
    b"{x}",
    b"${branch}",
    "🚀".as_bytes(),
    b"feature/deep/down",
    b"-dash",
    b"HEAD",
    b"caf\xe9",
];

fn switch_to(home: &Home, repository: &Repository<'_>, name: &[u8]) {
    let reference = OsString::from_vec([b"refs/heads/", name].concat());
    let head = repository.head();
    let mut update = home.command("git", &repository.folder);
    let ran = Ran::of(update.arg("update-ref").arg(&reference).arg(head));
    assert_eq!(ran.code, 0, "{}", ran.whole());
    let mut symbolic = home.command("git", &repository.folder);
    let ran = Ran::of(symbolic.args(["symbolic-ref", "HEAD"]).arg(&reference));
    assert_eq!(ran.code, 0, "{}", ran.whole());
}

/// Names with every character that is special somewhere, and one that is not UTF-8.
#[test]
fn every_branch_name_reaches_jenkins_byte_for_byte() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop());
        let file = format!(
            "version: 1\nserver: {}\njobs:\n  - job: shop/deploy\n",
            jenkins.url()
        );
        let repository = home.repository("shop", &file);
        repository.commit("before the hook");
        repository.install();
        for (index, name) in NAMES.iter().enumerate() {
            switch_to(home, &repository, name);
            repository.git(&["commit", "-q", "--allow-empty", "-m", "work"]);
            assert!(
                jenkins.wait_until(
                    |state| state
                        .posts()
                        .get(index)
                        .is_some_and(|request| request.status.is_some()),
                    PATIENCE
                ),
                "{} never came",
                String::from_utf8_lossy(name)
            );
        }
        let branches: Vec<_> = triggers(&jenkins)
            .iter()
            .map(|request| {
                assert_eq!(request.target, "/job/shop/job/deploy/buildWithParameters");
                request.form()
            })
            .collect();
        let expected: Vec<_> = NAMES
            .iter()
            .map(|name| vec![(b"BRANCH".to_vec(), name.to_vec())])
            .collect();
        assert_eq!(branches, expected);
    });
}

/// What a terminal would act on is not written to it: the line stays one line.
#[test]
fn a_branch_name_cannot_draw_on_the_terminal() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop());
        let file = format!(
            "version: 1\nserver: {}\njobs:\n  - job: shop/deploy\n",
            jenkins.url()
        );
        let repository = home.repository("shop", &file);
        repository.commit("before the hook");
        repository.install();
        switch_to(home, &repository, "a\u{202e}b\u{9b}31m".as_bytes());
        let ran = repository.git(&["commit", "-q", "--allow-empty", "-m", "work"]);
        assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
        assert!(
            !ran.stderr
                .trim_end()
                .contains(|c: char| c.is_control() || c == '\u{202e}'),
            "{:?}",
            ran.stderr
        );
        repository.wait_for_journal(1);
    });
}

//! Whatever is wrong, the commit is made and one line says what to do.

use std::fs;
use std::os::unix::fs::symlink;

use jenkins_stand_in::{Fault, FaultAction, StandIn};

use crate::support::{Home, Repository, shop, short_file, with_each_git};
use crate::watch::said;

const NAME: &str = ".jenkins-trigger.yml";

/// Commits what `spoil` made of a good repository; returns our one line.
#[track_caller]
fn spoilt(spoil: impl Fn(&Repository<'_>)) -> String {
    let lines = std::cell::RefCell::new(Vec::new());
    with_each_git(|home| {
        let jenkins = StandIn::start(shop());
        let repository = home.repository("shop", &short_file(&jenkins));
        repository.commit("good");
        repository.install();
        let before = repository.head();
        fs::remove_file(repository.path(NAME)).expect("the file is there");
        spoil(&repository);
        repository.git(&["add", "--all"]);
        let ran = repository.try_git(&["commit", "-q", "--allow-empty", "-m", "spoilt"]);
        assert_eq!(ran.code, 0, "{}", ran.whole());
        assert_ne!(repository.head(), before);
        let said = said(&ran);
        assert_eq!(said.len(), 1, "{}", ran.whole());
        assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.whole());
        assert!(said[0].starts_with("jenkins-trigger: "), "{}", ran.whole());
        assert!(said[0].contains("; "), "it says not what to do: {}", said[0]);
        assert!(repository.spooled("new").is_empty());
        assert!(jenkins.requests().is_empty());
        lines.borrow_mut().push(plain(said[0], home, &repository.head()));
    });
    let lines = lines.into_inner();
    assert!(lines.windows(2).all(|pair| pair[0] == pair[1]), "{lines:?}");
    lines[0].clone()
}

/// Whatever is at the file's place from now on stays out of version control.
fn untrack(repository: &Repository<'_>) {
    repository.write(".git/info/exclude", format!("{NAME}\n"));
    repository.git(&["rm", "-q", "--cached", NAME]);
}

/// What differs between two homes: the id of the commit and the folder.
fn plain(line: &str, home: &Home, commit: &str) -> String {
    let folder = home.path("").display().to_string();
    line.replace(&folder, "[HOME]/").replace(&commit[..7], "[COMMIT]")
}

fn written(content: &'static [u8]) -> String {
    spoilt(|repository| repository.write(NAME, content))
}

#[test]
fn no_file() {
    insta::assert_snapshot!(spoilt(|_| {}), @"jenkins-trigger: nothing triggered: there is no .jenkins-trigger.yml; write one, or take the hook out: jenkins-trigger uninstall");
}

#[test]
fn an_empty_file() {
    insta::assert_snapshot!(written(b""), @"jenkins-trigger: nothing triggered: .jenkins-trigger.yml:1:1: the file is empty; see: jenkins-trigger check");
}

#[test]
fn a_binary_file() {
    insta::assert_snapshot!(written(b"\x7fELF\0\xff\xfe\x01"), @"jenkins-trigger: nothing triggered: .jenkins-trigger.yml:1:6: the file is not UTF-8 text; save it with the encoding UTF-8");
}

#[test]
fn invalid_yaml() {
    insta::assert_snapshot!(written(b"version: 1\njobs: [\n  main: : shop\n"), @"jenkins-trigger: nothing triggered: .jenkins-trigger.yml:3:9: a list or map in brackets is not finished here; close every `[` with `]` and every `{` with `}`");
}

#[test]
fn a_rule_without_a_job() {
    insta::assert_snapshot!(
        written(b"version: 1\nserver: http://127.0.0.1:1\njobs:\n  - branches: [main]\n"),
        @"jenkins-trigger: nothing triggered: .jenkins-trigger.yml:4:5: a rule without a `job`; add `job: folder/job`"
    );
}

#[test]
fn a_server_that_is_no_url() {
    insta::assert_snapshot!(written(b"version: 1\nserver: ci\njobs:\n  main: shop/deploy\n"), @"jenkins-trigger: nothing triggered: .jenkins-trigger.yml:2:9: the server's URL has no scheme; write `https://ci`");
}

#[test]
fn a_file_without_a_server() {
    insta::assert_snapshot!(written(b"version: 1\njobs:\n  main: shop/deploy\n"), @"jenkins-trigger: nothing triggered: .jenkins-trigger.yml:1:1: no `server`; add `server: https://ci.example.com`");
}

#[test]
fn a_committed_directory_in_place_of_the_file() {
    let line = spoilt(|repository| repository.write(".jenkins-trigger.yml/inside", "x"));
    assert!(line.contains("is a directory in commit [COMMIT]"), "{line}");
}

#[test]
fn a_committed_link_in_place_of_the_file() {
    let line = spoilt(|repository| symlink("/etc/passwd", repository.path(NAME)).expect("a link"));
    assert!(line.contains("is a symbolic link in commit [COMMIT]"), "{line}");
}

/// Not followed: what it points at could be any file of this user, or nothing.
#[test]
fn an_untracked_dangling_link_in_place_of_the_file() {
    let line = spoilt(|repository| {
        untrack(repository);
        symlink("nowhere", repository.path(NAME)).expect("a link");
    });
    insta::assert_snapshot!(line, @"jenkins-trigger: nothing triggered: [HOME]/shop/.jenkins-trigger.yml is not a regular file; write the file itself there, not a link");
}

/// Opening a pipe would wait for its writer.
#[test]
fn an_untracked_pipe_in_place_of_the_file() {
    let line = spoilt(|repository| {
        untrack(repository);
        let mut command = repository.home.command("mkfifo", &repository.folder);
        assert!(command.arg(NAME).status().expect("mkfifo").success());
    });
    insta::assert_snapshot!(line, @"jenkins-trigger: nothing triggered: [HOME]/shop/.jenkins-trigger.yml is not a regular file; write the file itself there, not a link");
}

#[test]
fn an_untracked_directory_in_place_of_the_file() {
    let line = spoilt(|repository| {
        untrack(repository);
        fs::create_dir(repository.path(NAME)).expect("a folder");
    });
    insta::assert_snapshot!(line, @"jenkins-trigger: nothing triggered: [HOME]/shop/.jenkins-trigger.yml is not a regular file; write the file itself there, not a link");
}

/// A server that cannot be reached costs nothing at the commit, and the trigger is kept.
fn unreachable(server: &str, known: bool) {
    with_each_git(|home| {
        let file = format!("version: 1\nserver: {server}\njobs:\n  main: shop/deploy\n");
        let repository = home.repository("shop", &file);
        if known {
            let origin = server.trim_end_matches('/');
            repository.git(&["config", "--global", "jenkinsTrigger.allowPlainHttp", origin]);
        }
        repository.install();
        let ran = repository.commit("first");
        assert_eq!(said(&ran).len(), 1, "{}", ran.whole());
        assert!(said(&ran)[0].starts_with("jenkins-trigger: "), "{}", ran.whole());
        let journal = repository.wait_for_journal(1);
        assert!(
            journal[0]["message"]
                .as_str()
                .is_some_and(|text| !text.is_empty()),
            "{journal:?}"
        );
        let kept = repository.spooled("new").len() + repository.spooled("failed").len();
        assert_eq!(kept, 1);
        repository.head();
    });
}

#[test]
fn a_host_that_does_not_exist_keeps_the_trigger() {
    unreachable("http://no-such-host.invalid", true);
}

#[test]
fn a_plain_http_host_that_was_not_allowed_keeps_the_trigger() {
    unreachable("http://no-such-host.invalid", false);
}

#[test]
fn a_refused_port_keeps_the_trigger() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("its address").port();
    drop(listener);
    unreachable(&format!("http://127.0.0.1:{port}"), false);
}

#[test]
fn an_answer_that_is_no_http_keeps_the_trigger() {
    let jenkins = StandIn::start(shop());
    jenkins.fault(Fault::of_posts(FaultAction::Garbage(
        b"SSH-2.0-OpenSSH_9.2\r\n\0\xff".to_vec(),
    )));
    unreachable(&jenkins.url(), false);
}

/// The next commit mentions it: nobody reads the journal unasked.
#[test]
fn a_failed_delivery_is_told_at_the_next_commit_once() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop());
        let file = short_file(&jenkins).replace("shop/deploy", "shop/gone");
        let repository = home.repository("shop", &file);
        repository.install();
        repository.commit("first");
        repository.wait_for_journal(1);
        crate::support::wait_for("the failed trigger", || {
            (repository.spooled("failed").len() == 1).then_some(())
        });
        repository.write(NAME, short_file(&jenkins));
        repository.tool(&["trust"]).succeeded();
        let second = repository.commit("second");
        assert_eq!(
            said(&second)
                .iter()
                .filter(|line| line.contains("failed"))
                .count(),
            1,
            "{second:?}"
        );
        repository.wait_for_journal(2);
        let third = repository.commit("third");
        assert_eq!(
            said(&third).iter().filter(|line| line.contains("failed")).count(),
            0,
            "{third:?}"
        );
        repository.wait_for_journal(3);
    });
}

//! What `install` and `trust` record, and for whom it counts.

use std::fs;
use std::path::Path;

use jenkins_stand_in::StandIn;

use crate::helpers::{Bait, filtered, home, listing, mode, said};
use crate::support::{Ran, Repository, shop, short_file, with_each_git};

fn copy(from: &Path, to: &Path, repository: &Repository<'_>) {
    let mut command = repository.home.command("cp", &repository.home.path(""));
    let ran = Ran::of(command.arg("-r").args([from, to]));
    assert_eq!(ran.code, 0, "{}", ran.whole());
}

#[test]
fn install_records_the_server_outside_the_repository_for_this_user_only() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop());
        let repository = home.repository("shop", &short_file(&jenkins));
        let before = listing(&repository.folder);
        repository.install();
        let mut after = listing(&repository.folder);
        for hook in ["post-commit", "post-merge", "post-rewrite"] {
            after.remove(&repository.hooks().join(hook));
        }
        after.retain(|path, _| *path != repository.hooks() || before.contains_key(path));
        assert_eq!(after, before, "nothing but the hook is in the repository");
        let folder = home.path("state/jenkins-trigger");
        let record = folder.join("trust");
        assert_eq!((mode(&folder), mode(&record)), (0o700, 0o600));
        let text = fs::read_to_string(&record).expect("the record");
        assert!(text.contains(&jenkins.url()), "{text}");
        assert!(
            text.contains(repository.path(".git").to_str().expect("text")),
            "{text}"
        );
    });
}

#[test]
fn without_a_state_home_the_record_lies_below_home() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = home.repository("shop", &short_file(&jenkins));
    for change in ["", "relative/state"] {
        let ran = repository.tool_in(&["trust"], |command| {
            command.env("XDG_STATE_HOME", change);
        });
        ran.succeeded();
        let folder = home.path("home/.local/state/jenkins-trigger");
        assert!(folder.join("trust").is_file());
        fs::remove_dir_all(folder).expect("a folder");
        assert!(!repository.path("relative").exists());
    }
}

#[test]
fn trust_says_what_it_allows_and_is_silent_about_what_it_knows() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = home.repository("shop", &short_file(&jenkins));
    let first = repository.tool(&["trust"]);
    let second = repository.tool(&["trust"]);
    filtered(&home, || {
        insta::assert_snapshot!(first.whole(), @"
        exit code: 0
        ----- stdout -----
        trusted: http://[JENKINS]/ may be sent your credentials from here
        + shop/deploy on http://[JENKINS]/ (api)
        ----- stderr -----
        ");
        insta::assert_snapshot!(second.whole(), @"
        exit code: 0
        ----- stdout -----
        trusted: http://[JENKINS]/ may be sent your credentials from here
        ----- stderr -----
        ");
    });
}

#[test]
fn a_copy_of_a_repository_is_not_trusted() {
    with_each_git(|home| {
        let bait = Bait::new();
        let file = format!("version: 1\nserver: {}\njobs:\n  main: shop/deploy\n", bait.url());
        let repository = home.repository("shop", &file);
        repository.install();
        let unpacked = Repository {
            home,
            folder: home.path("unpacked"),
        };
        copy(&repository.folder, &unpacked.folder, &repository);
        let ran = unpacked.commit("first");
        assert!(
            said(&ran)[0].starts_with("jenkins-trigger: not sent: "),
            "{}",
            ran.stderr
        );
        let ran = unpacked.tool(&["trigger"]);
        assert_eq!(ran.code, 1, "{}", ran.whole());
        let ran = unpacked.tool(&["retry"]);
        assert_eq!(ran.code, 1, "{}", ran.whole());
        bait.assert_untouched();
    });
}

#[test]
fn a_repository_that_was_moved_is_asked_about_again() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = home.repository("shop", &short_file(&jenkins));
    repository.install();
    fs::rename(&repository.folder, home.path("moved")).expect("a move");
    let moved = Repository {
        home: &home,
        folder: home.path("moved"),
    };
    let ran = moved.commit("first");
    assert!(said(&ran)[0].contains("not sent"), "{}", ran.stderr);
    moved.tool(&["trust"]).succeeded();
    moved.wait_for_accepted(1);
    assert_eq!(jenkins.queue_items().len(), 1);
}

#[test]
fn a_clone_is_asked_about_for_itself() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = home.repository("shop", &short_file(&jenkins));
    repository.install();
    repository.commit("first");
    repository.wait_for_journal(1);
    home.git(&home.path(""), &["clone", "-q", "shop", "clone"]);
    let ran = home.tool(&home.path("clone"), &["trigger"]);
    assert_eq!(ran.code, 1, "{}", ran.whole());
    assert_eq!(jenkins.posts().len(), 1);
}

#[test]
fn a_linked_worktree_shares_the_trust_of_its_repository() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop());
        let repository = home.repository("shop", &short_file(&jenkins).replace("main:", "topic:"));
        repository.install();
        repository.commit("first");
        repository.git(&["worktree", "add", "-q", "../linked", "-b", "topic"]);
        home.tool(&home.path("linked"), &["trigger"]).succeeded();
        assert_eq!(jenkins.queue_items().len(), 1);
    });
}

#[test]
fn a_damaged_record_is_named_and_nothing_is_sent() {
    let home = home();
    for (name, damage) in [
        ("garbage", "garbage\u{1b}["),
        ("empty", ""),
        ("other-format", "{\"v\":3,\"repositories\":[]}"),
    ] {
        let bait = Bait::new();
        let file = format!("version: 1\nserver: {}\njobs:\n  main: shop/deploy\n", bait.url());
        let repository = home.repository(name, &file);
        repository.install();
        let record = home.path("state/jenkins-trigger/trust");
        fs::write(&record, damage).expect("a file");
        let hook = repository.commit("first");
        let trigger = repository.tool(&["trigger"]);
        let trust = repository.tool(&["trust"]);
        bait.assert_untouched();
        assert_eq!(
            fs::read_to_string(&record).expect("the record"),
            damage,
            "left as it was"
        );
        for (what, text) in [
            ("trigger", &trigger.stderr),
            ("trust", &trust.stderr),
            ("the hook", &hook.stderr),
        ] {
            assert!(
                text.contains("jenkins-trigger/trust"),
                "{name}: {what} does not name the file:\n{text}"
            );
        }
        assert_eq!(
            (trigger.code, trust.code),
            (1, 1),
            "the user has to act:\n{}",
            trigger.whole()
        );
        fs::remove_file(&record).expect("a file");
        repository.tool(&["trust"]).succeeded();
    }
}

#[test]
fn a_link_in_the_place_of_the_records_folder_is_refused() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = home.repository("shop", &short_file(&jenkins));
    fs::create_dir(home.path("elsewhere")).expect("a folder");
    std::os::unix::fs::symlink(home.path("elsewhere"), home.path("state/jenkins-trigger")).expect("a link");
    let ran = repository.tool(&["trust"]);
    assert_eq!(ran.code, 1, "{}", ran.whole());
    assert!(listing(&home.path("elsewhere")).is_empty());
}

#[test]
fn two_repositories_do_not_share_their_trust() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let trusted = home.repository("trusted", &short_file(&jenkins));
    trusted.install();
    trusted.commit("first");
    trusted.wait_for_journal(1);
    let other = home.repository("other", &short_file(&jenkins));
    other.commit("first");
    assert_eq!(other.tool(&["trigger"]).code, 1);
    assert_eq!(jenkins.posts().len(), 1);
}

/// It came with the repository, and needs no word of its user's.
#[test]
fn install_says_what_counts_because_the_remotes_default_branch_has_it() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let own = short_file(&jenkins);
    let theirs = own.replace("shop/deploy", "shop/prod");
    let theirs = theirs.replace("jobs:", "env: [CLOUD_KEY]\njobs:");
    let repository = home.repository("shop", &theirs);
    repository.commit("theirs");
    repository.git(&["remote", "add", "origin", "/nowhere"]);
    repository.git(&["update-ref", "refs/remotes/origin/main", "HEAD"]);
    repository.git(&[
        "symbolic-ref",
        "refs/remotes/origin/HEAD",
        "refs/remotes/origin/main",
    ]);
    repository.write(".jenkins-trigger.yml", &own);
    repository.commit("own");
    let told = repository.install().stderr;
    for what in [
        format!("shop/prod on {}/ (api)", jenkins.url()),
        "env CLOUD_KEY".into(),
    ] {
        let line = format!("the file at the default branch of origin counts too: {what}\n");
        assert!(told.contains(&line), "{told}");
    }
}

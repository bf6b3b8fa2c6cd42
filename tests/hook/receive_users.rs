//! A repository that is pushed to by others than its owner, and by services that have no home.
//! Only root can be several users: for anybody else these tests say that they are skipped.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use jenkins_stand_in::StandIn;

use crate::receive::file;
use crate::support::{Home, Ran, copy_program, filtered, program, wait_for, with_each_git};
use crate::watch::{commits, said, shop_with_sha, wait_for_each_fired, write_program};

/// Users whom no machine knows.
const ADA: u32 = 12_345;
const BOB: u32 = 12_346;
/// Whom every machine knows, with a home that is not there.
const NOBODY: u32 = 65_534;
/// The group of all of them.
const TEAM: u32 = 4_242;

#[allow(clippy::print_stderr, reason = "the harness shows what a test prints")]
fn with_each_git_as_root(test: impl Fn(&Home)) {
    if !rustix::process::geteuid().is_root() {
        eprintln!("SKIPPED: only root can be several users");
        return;
    }
    with_each_git(|home| {
        // Others may go where root goes here, and run what root runs.
        fs::set_permissions(home.path(""), fs::Permissions::from_mode(0o755)).expect("a mode");
        fs::remove_file(home.path("bin/git")).expect("the link");
        copy_program(&home.git.program, &home.path("bin/git"));
        copy_program(program(), &home.path("bin/jenkins-trigger"));
        test(home);
    });
}

/// A user with a home and a clone of his own.
struct User<'a> {
    home: &'a Home,
    id: u32,
    folder: PathBuf,
}

/// A new bare repository of `owner`'s with a default branch that has the file.
fn bare(home: &Home, owner: u32, file: &str, options: &[&str]) -> PathBuf {
    let seed = home.repository("seed", file);
    seed.commit("base");
    let bare = home.path("bare.git");
    home.git(
        &home.path(""),
        &[&["init", "-q", "--bare"], options, &["bare.git"]].concat(),
    );
    seed.git(&[
        "push",
        "-q",
        "--receive-pack=git receive-pack",
        &bare.display().to_string(),
        "main",
    ]);
    let hook = format!(
        "#!/bin/sh\nexec '{}' hook post-receive \"$@\"\n",
        home.path("bin/jenkins-trigger").display()
    );
    // A git that was copied finds no templates.
    fs::create_dir_all(bare.join("hooks")).expect("a folder");
    write_program(&bare.join("hooks/post-receive"), hook);
    give(&bare, owner);
    bare
}

fn give(path: &Path, owner: u32) {
    chown(path, Some(owner), Some(TEAM)).expect("another owner");
    let mode = fs::metadata(path).expect("metadata").mode();
    if path.is_dir() {
        for entry in fs::read_dir(path).expect("a folder") {
            give(&entry.expect("an entry").path(), owner);
        }
        // A change of the owner may take the bit away.
        fs::set_permissions(path, fs::Permissions::from_mode(mode & 0o7777)).expect("a mode");
    }
}

impl<'a> User<'a> {
    fn new(home: &'a Home, id: u32, bare: &Path) -> Self {
        let user = Self {
            home,
            id,
            folder: home.path(format!("user-{id}")),
        };
        for name in ["home", "state"] {
            fs::create_dir_all(user.folder.join(name)).expect("a folder");
        }
        // git, too, asks whether he means to use what is another's.
        let settings = format!(
            "[user]\n\tname = {id}\n\temail = {id}@example.com\n[safe]\n\tdirectory = {0}\n[safe]\n\tdirectory = {0}/.\n",
            bare.display()
        );
        fs::write(user.folder.join("home/.gitconfig"), settings).expect("a git config");
        give(&user.folder, id);
        let clone = user.clone().display().to_string();
        let bare = bare.display().to_string();
        user.git(
            &user.folder,
            &["clone", "-q", "--upload-pack=git upload-pack", &bare, &clone],
        );
        user.git(
            &user.clone(),
            &["config", "remote.origin.receivepack", "git receive-pack"],
        );
        user.git(&user.clone(), &["checkout", "-q", "-b", &format!("of-{id}")]);
        user
    }

    fn clone(&self) -> PathBuf {
        self.folder.join("clone")
    }

    fn command(&self, program: &str, folder: &Path) -> Command {
        let mut command = self.home.command(program, folder);
        command
            .env("HOME", self.folder.join("home"))
            .env("XDG_STATE_HOME", self.folder.join("state"))
            .uid(self.id)
            .gid(TEAM);
        command
    }

    #[track_caller]
    fn git(&self, folder: &Path, arguments: &[&str]) -> Ran {
        Ran::of(self.command("git", folder).args(arguments)).succeeded()
    }

    #[track_caller]
    fn trusts(&self, bare: &Path) {
        let mut trust = self.command("jenkins-trigger", bare);
        Ran::of(trust.args(["trust", "--yes"])).succeeded();
    }

    fn commit(&self) -> String {
        self.git(&self.clone(), &["commit", "-q", "--allow-empty", "-m", "work"]);
        let head = self.git(&self.clone(), &["rev-parse", "HEAD"]);
        head.stdout.trim().to_owned()
    }

    /// Commits and pushes; returns the commit and what was said.
    #[track_caller]
    fn pushes(&self) -> (String, Ran) {
        let commit = self.commit();
        let ran = self.git(&self.clone(), &["push", "-q", "origin", "HEAD"]);
        (commit, ran)
    }

    /// The same without `HOME` and what would take its place.
    #[track_caller]
    fn pushes_without_home(&self) -> (String, Ran) {
        let commit = self.commit();
        let mut push = self.command("git", &self.clone());
        push.env_remove("HOME").env_remove("XDG_STATE_HOME");
        let ran = Ran::of(push.args(["push", "-q", "origin", "HEAD"])).succeeded();
        (commit, ran)
    }

    /// The commits of his journal in this repository.
    fn log(&self, bare: &Path) -> Vec<String> {
        let ran = Ran::of(self.command("jenkins-trigger", bare).args(["log", "--json"])).succeeded();
        ran.stdout
            .lines()
            .map(|line| {
                let entry: serde_json::Value = serde_json::from_str(line).expect("a line of JSON");
                entry["sha"].as_str().expect("a commit").to_owned()
            })
            .collect()
    }

    fn spool(&self, bare: &Path) -> PathBuf {
        bare.join("jenkins-trigger").join(self.id.to_string())
    }
}

#[track_caller]
fn fires(ran: &Ran) {
    let lines = said(ran);
    assert_eq!(lines.len(), 1, "{}", ran.whole());
    assert!(lines[0].contains(" → shop/deploy on "), "{}", ran.whole());
}

#[test]
fn a_push_to_what_belongs_to_another_user_fires() {
    with_each_git_as_root(|home| {
        for (owner, pusher) in [(ADA, 0), (0, ADA), (ADA, BOB)] {
            let jenkins = StandIn::start(shop_with_sha());
            let bare = bare(home, owner, &file(&jenkins), &["--shared=0777"]);
            let pusher = User::new(home, pusher, &bare);
            pusher.trusts(&bare);
            let (first, ran) = pusher.pushes();
            fires(&ran);
            // Its owner is not kept out of it.
            let owner = User::new(home, owner, &bare);
            owner.trusts(&bare);
            let (second, ran) = owner.pushes();
            fires(&ran);
            wait_for_each_fired(&jenkins, &[first, second]);
            for user in [&pusher, &owner] {
                let found = fs::metadata(user.spool(&bare)).expect("a spool");
                assert_eq!((found.uid(), found.mode() & 0o777), (user.id, 0o700));
            }
            for folder in [&bare, &home.path("seed"), &pusher.folder, &owner.folder] {
                // Its senders may still write what they know.
                wait_for("the folder to be gone", || {
                    let _ = fs::remove_dir_all(folder);
                    (!folder.exists()).then_some(())
                });
            }
        }
    });
}

#[test]
fn several_users_of_one_repository_keep_out_of_each_other_s_way() {
    with_each_git_as_root(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let bare = bare(home, ADA, &file(&jenkins), &["--shared=group"]);
        let users = [ADA, BOB].map(|id| User::new(home, id, &bare));
        let mut fired = Vec::new();
        let mut own = [Vec::new(), Vec::new()];
        for user in &users {
            user.trusts(&bare);
        }
        for _ in 0..2 {
            for (user, own) in users.iter().zip(&mut own) {
                let commit = user.commit();
                // However little he lets others see of his files.
                let mut push = user.command("sh", &user.clone());
                push.args(["-c", "umask 077; exec git push -q origin HEAD"]);
                fires(&Ran::of(&mut push).succeeded());
                own.push(commit.clone());
                fired.push(commit);
            }
        }
        wait_for_each_fired(&jenkins, &fired);
        for (user, own) in users.iter().zip(&own) {
            let log = wait_for("both in the journal", || {
                let log = user.log(&bare);
                (log.len() >= own.len()).then_some(log)
            });
            assert_eq!(&log, own);
        }
        for (user, other) in [(&users[0], &users[1]), (&users[1], &users[0])] {
            let spool = other.spool(&bare);
            let mut look = user.command("ls", &user.folder);
            assert_ne!(Ran::of(look.arg(&spool)).code, 0);
            let mut look = user.command("cat", &user.folder);
            assert_ne!(Ran::of(look.arg(spool.join("journal.jsonl"))).code, 0);
        }
        // What they share is the repository's, for whoever of the group comes next.
        let shared = fs::metadata(bare.join("jenkins-trigger")).expect("the folder");
        assert_eq!((shared.gid(), shared.mode() & 0o2770), (TEAM, 0o2770));
    });
}

/// As services are started that nobody logs in as.
#[test]
fn a_user_without_any_home_is_told_and_the_trigger_kept() {
    with_each_git_as_root(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let bare = bare(home, ADA, &file(&jenkins), &[]);
        let service = User::new(home, ADA, &bare);
        service.trusts(&bare);
        let (first, ran) = service.pushes_without_home();
        filtered(home, || {
            insta::allow_duplicates! {
                insta::assert_snapshot!(said(&ran).join("\n"), @"
                remote: jenkins-trigger: not sent: there is no place to record trust; set HOME or XDG_STATE_HOME
                remote: jenkins-trigger: that is to be done on the server, in [HOME]/bare.git
                ");
            }
        });
        let kept = fs::read_dir(service.spool(&bare).join("new")).expect("the spool");
        assert_eq!(kept.count(), 1);
        assert_eq!(commits(&jenkins), [""; 0]);
        let (second, _) = service.pushes();
        wait_for_each_fired(&jenkins, &[first, second]);
    });
}

/// Where `HOME` is not set, the list of users has it.
#[test]
fn a_user_whose_home_only_the_machine_knows_uses_that() {
    with_each_git_as_root(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let bare = bare(home, NOBODY, &file(&jenkins), &[]);
        let service = User::new(home, NOBODY, &bare);
        let (_, ran) = service.pushes_without_home();
        let lines = said(&ran);
        assert_eq!(lines.len(), 2, "{}", ran.whole());
        assert!(
            lines[0].contains("which you have not trusted here"),
            "{}",
            ran.whole()
        );
    });
}

/// What one of the group does to another, whose number is `$1`, in the repository where he is.
fn does(user: &User<'_>, bare: &Path, script: &str, to: &User<'_>) -> Ran {
    let mut shell = user.command("sh", bare);
    Ran::of(shell.args(["-ec", script, "sh", &to.id.to_string()]))
}

#[test]
fn whoever_takes_another_user_s_place_first_does_not_keep_him_from_firing() {
    with_each_git_as_root(|home| {
        for (number, take) in [
            "mkdir -p jenkins-trigger/$1",
            "mkdir -p jenkins-trigger/$1/new; chmod -R 777 jenkins-trigger",
            "mkdir jenkins-trigger; ln -s /tmp jenkins-trigger/$1",
            "mkdir jenkins-trigger; echo mine > jenkins-trigger/$1",
            "ln -s /tmp jenkins-trigger",
            "echo mine > jenkins-trigger",
            "mkdir jenkins-trigger; chmod 700 jenkins-trigger",
            "mkdir jenkins-trigger; chmod 755 jenkins-trigger",
        ]
        .into_iter()
        .enumerate()
        {
            let jenkins = StandIn::start(shop_with_sha());
            let bare = bare(home, ADA, &file(&jenkins), &["--shared=group"]);
            let [ada, bob] = [ADA, BOB].map(|id| User::new(home, id, &bare));
            ada.trusts(&bare);
            does(&bob, &bare, take, &ada).succeeded();
            let (first, ran) = ada.pushes();
            let lines = said(&ran);
            assert_eq!(lines.len(), 2, "{take}\n{}", ran.whole());
            assert!(
                lines[0].contains("your triggers for this repository are kept in"),
                "{take}\n{}",
                ran.whole()
            );
            let (second, ran) = ada.pushes();
            fires(&ran);
            wait_for_each_fired(&jenkins, &[first.clone(), second.clone()]);
            let log = wait_for("both in the journal", || {
                let log = ada.log(&bare);
                (log.len() >= 2).then_some(log)
            });
            assert_eq!(log, [first, second], "{take}");
            for folder in [&bare, &home.path("seed"), &ada.folder, &bob.folder] {
                fs::rename(folder, home.path(format!("done-{number}-{}", name_of(folder)))).expect("a move");
            }
        }
    });
}

fn name_of(folder: &Path) -> String {
    folder.file_name().expect("a name").to_string_lossy().into_owned()
}

/// Folders of git's own are writable for the group, and can be moved to where the spool would be: they
/// belong to whom it would belong to.
#[test]
fn what_another_puts_where_a_spool_would_be_is_not_sent() {
    with_each_git_as_root(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let bare = bare(home, ADA, &file(&jenkins), &["--shared=group"]);
        let [ada, bob] = [ADA, BOB].map(|id| User::new(home, id, &bare));
        ada.trusts(&bare);
        bob.trusts(&bare);
        let planted = format!(
            r#"{{"v":1,"id":"01K00000000000000000000000","created":"2026-01-02T03:04:05Z","event":"post-receive",
            "rules":["branches"],"server":"{}","method":"api","job":"shop/deploy",
            "parameters":[["SHA","planted"]],"cause":"","branch":"main","sha":"planted"}}"#,
            jenkins.url() + "/"
        );
        fs::write(home.path("planted.json"), planted.replace('\n', "")).expect("a file");
        let script = format!(
            "mkdir jenkins-trigger; set -- $1 $(find objects -mindepth 1 -maxdepth 1 -name '??'); \
             mv $2 jenkins-trigger/$1; mv $3 jenkins-trigger/$1/new; \
             cp {} jenkins-trigger/$1/new/01K00000000000000000000000.json",
            home.path("planted.json").display()
        );
        does(&bob, &bare, &script, &ada).succeeded();
        let place = ada.spool(&bare);
        assert_eq!(fs::metadata(&place).expect("the place").uid(), ADA);
        for arguments in [&["retry"][..], &["deliver"], &["log"], &["status"]] {
            let ran = Ran::of(ada.command("jenkins-trigger", &bare).args(arguments));
            assert!(!ran.whole().contains("planted"), "{arguments:?} {}", ran.whole());
        }
        assert!(commits(&jenkins).is_empty());
        // The one that is his is.
        does(
            &bob,
            &bare,
            "mv jenkins-trigger/$1/new jenkins-trigger/$1/old",
            &ada,
        )
        .succeeded();
    });
}

#[test]
fn nobody_moves_away_what_another_has_put_there() {
    with_each_git_as_root(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let bare = bare(home, ADA, &file(&jenkins), &["--shared=group"]);
        let [ada, bob] = [ADA, BOB].map(|id| User::new(home, id, &bare));
        ada.trusts(&bare);
        let (first, ran) = ada.pushes();
        fires(&ran);
        for script in [
            "mv jenkins-trigger/$1 jenkins-trigger/gone",
            "rmdir jenkins-trigger/$1",
            "echo > jenkins-trigger/$1/new/x.json",
            "ls jenkins-trigger/$1",
        ] {
            assert_ne!(does(&bob, &bare, script, &ada).code, 0, "{script}");
        }
        wait_for_each_fired(&jenkins, &[first]);
    });
}

//! Where credentials come from: each source alone, their order, and what is refused.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use insta::assert_snapshot;
use jenkins_stand_in::{Setup, StandIn, User};

use crate::helpers::{Bait, home, ready, skipped};
use crate::support::{
    Home, JOB_TOKEN, Ran, TOKEN, USER, developer_with, filtered, program, shop, short_file, with_each_git,
    write_script,
};

/// Where credentials can be, in the order in which the places are asked.
const PLACES: [&str; 5] = ["environment", "token file", "store", "helper", "netrc"];

/// No variable with credentials.
pub fn bare(command: &mut Command) -> &mut Command {
    for name in [
        "JENKINS_USER_ID",
        "JENKINS_API_TOKEN",
        "JENKINS_TRIGGER_TOKEN_DEPLOY",
    ] {
        command.env_remove(name);
    }
    command
}

pub fn write(path: &Path, content: &str, mode: u32) {
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    fs::write(path, content).expect("a file");
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("a mode");
}

fn store_of(home: &Home) -> PathBuf {
    home.path("home/.config/jenkins-trigger/credentials")
}

fn write_store(home: &Home, server: &str, user: &str, token: &str) {
    let content = format!(
        r#"{{"v":1,"servers":[{{"url":"{server}","user":"{user}","token":"{token}",
        "job_tokens":[{{"name":"deploy","token":"{JOB_TOKEN}"}}]}}]}}"#
    );
    write(&store_of(home), &content, 0o600);
    let folder = store_of(home).parent().expect("a folder").to_owned();
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).expect("a mode");
}

/// A credential helper of the user's: `answer` is a script that sees what is asked in `$asked`.
pub fn write_helper(home: &Home, answer: &str) {
    let script = format!("#!/bin/sh\nasked=$(cat)\n[ \"$1\" = get ] || exit 0\n{answer}\n");
    write_script(&home.path("bin/git-credential-scripted"), script, 0o755);
    configure_helper(home, "scripted");
}

pub fn configure_helper(home: &Home, helper: &str) {
    home.git(
        &home.path("home"),
        &["config", "--global", "credential.helper", helper],
    );
}

/// Answers for this server with the user, and with the job's trigger token.
pub fn answering(jenkins: &StandIn, user: &str, token: &str) -> String {
    let host = jenkins.url().replace("http://", "");
    format!(
        "case $asked in *\"host={host}\"*) ;; *) exit 0 ;; esac\n\
         case $asked in\n\
         *path=job-token/deploy*username=job-token*) echo username=job-token; echo password={JOB_TOKEN} ;;\n\
         *) echo username={user}; echo password={token} ;;\n\
         esac"
    )
}

/// Puts the credentials there, and tells the program of it where that takes a variable.
fn arrange(home: &Home, place: &str, jenkins: &StandIn, user: &str, token: &str, command: &mut Command) {
    match place {
        "environment" => {
            command
                .env("JENKINS_USER_ID", user)
                .env("JENKINS_API_TOKEN", token)
                .env("JENKINS_TRIGGER_TOKEN_DEPLOY", JOB_TOKEN);
        }
        "token file" => {
            let file = home.path("token");
            write(&file, &format!("{user}:{token}\ndeploy={JOB_TOKEN}\n"), 0o600);
            command.env("JENKINS_TRIGGER_TOKEN_FILE", file);
        }
        "store" => write_store(home, &format!("{}/", jenkins.url()), user, token),
        "helper" => write_helper(home, &answering(jenkins, user, token)),
        "netrc" => {
            let text = format!(
                "machine 127.0.0.1 login {user} password {token}\nmachine 127.0.0.1 login deploy password {JOB_TOKEN}\n"
            );
            write(&home.path("home/.netrc"), &text, 0o600);
        }
        other => panic!("no place is called {other}"),
    }
}

fn named(place: &str) -> &'static str {
    match place {
        "environment" => "JENKINS_API_TOKEN",
        "token file" => "/token",
        "store" => "~/.config/jenkins-trigger/credentials",
        "helper" => "git credential",
        _ => "~/.netrc",
    }
}

fn short(bait: &Bait) -> String {
    format!("version: 1\nserver: {}\njobs:\n  main: shop/deploy\n", bait.url())
}

#[test]
fn each_source_serves_alone_and_is_named() {
    with_each_git(|git_home| {
        for place in PLACES {
            let home = Home::new(&git_home.git);
            let jenkins = StandIn::start(shop());
            let repository = ready(&home, &short_file(&jenkins));
            let run = |arguments: &[&str]| {
                repository.tool_in(arguments, |command| {
                    arrange(&home, place, &jenkins, USER, TOKEN, bare(command));
                })
            };
            for command in ["check", "status"] {
                let said = run(&[command]).stdout;
                let line = said
                    .lines()
                    .find(|line| line.contains("credentials of dev from "));
                assert!(
                    line.is_some_and(|line| line.ends_with(named(place))),
                    "{place}: {said}"
                );
                assert!(jenkins.requests().is_empty(), "{command} only looks here");
            }
            run(&["trigger"]).succeeded();
            assert_eq!(jenkins.posts().len(), 1, "{place}");
            let doctor = run(&["doctor"]).stdout;
            let step = doctor
                .lines()
                .find(|line| line.contains("an API token of user dev, from "));
            assert!(
                step.is_some_and(|step| step.ends_with(named(place))),
                "{place}: {doctor}"
            );
        }
    });
}

#[test]
fn a_jobs_trigger_token_comes_from_the_same_places() {
    with_each_git(|git_home| {
        for place in PLACES {
            let home = Home::new(&git_home.git);
            let jenkins = StandIn::start(shop());
            let file = format!(
                "version: 1\nserver: {}\njobs:\n  - {{ job: shop/deploy, token_from: deploy }}\n",
                jenkins.url()
            );
            let repository = home.repository("shop", &file);
            repository.commit("first");
            repository.tool(&["trust"]).succeeded();
            let run = |arguments: &[&str]| {
                repository.tool_in(arguments, |command| {
                    arrange(&home, place, &jenkins, USER, TOKEN, bare(command));
                })
            };
            let said = run(&["check"]).stdout;
            let source = match place {
                "environment" => "JENKINS_TRIGGER_TOKEN_DEPLOY",
                place => named(place),
            };
            let line = said
                .lines()
                .find(|line| line.contains("trigger token deploy from "));
            assert!(line.is_some_and(|line| line.ends_with(source)), "{place}: {said}");
            run(&["trigger"]).succeeded();
            assert_eq!(jenkins.posts()[0].form_values("token"), [JOB_TOKEN], "{place}");
        }
    });
}

/// Each line is what `check` says, with one place less each time.
#[test]
fn the_first_source_that_has_an_answer_counts() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = ready(&home, &short_file(&jenkins));
    let mut lines = String::new();
    for first in 0..=PLACES.len() {
        for file in [store_of(&home), home.path("home/.netrc")] {
            let _ = fs::remove_file(file);
        }
        let _ = home.try_git(
            &home.path("home"),
            &["config", "--global", "--unset-all", "credential.helper"],
        );
        let ran = repository.tool_in(&["check"], |command| {
            bare(command);
            for place in &PLACES[first..] {
                let user = place.replace(' ', "-");
                arrange(&home, place, &jenkins, &user, TOKEN, command);
            }
        });
        let said = ran.succeeded().stdout;
        lines += said.lines().last().expect("a line");
        lines.push('\n');
    }
    filtered(&home, || {
        assert_snapshot!(lines, @"
    http://[JENKINS]/ credentials of environment from JENKINS_API_TOKEN
    http://[JENKINS]/ credentials of token-file from [HOME]/token
    http://[JENKINS]/ credentials of store from ~/.config/jenkins-trigger/credentials
    http://[JENKINS]/ credentials of helper from git credential
    http://[JENKINS]/ credentials of netrc from ~/.netrc
    http://[JENKINS]/ no credentials
    ");
    });
}

#[test]
fn a_hook_finds_what_each_source_has() {
    with_each_git(|git_home| {
        for place in PLACES {
            let home = Home::new(&git_home.git);
            let jenkins = StandIn::start(shop());
            let repository = home.repository("shop", &short_file(&jenkins));
            repository.install();
            repository.git(&["add", "--all"]);
            let mut command = home.command("git", &repository.folder);
            arrange(&home, place, &jenkins, USER, TOKEN, bare(&mut command));
            let said = Ran::of(command.args(["commit", "-qm", "first"])).succeeded();
            assert!(
                !said.stderr.contains("no credentials"),
                "{place}: {}",
                said.stderr
            );
            let journal = repository.wait_for_journal(1);
            assert_eq!(journal[0]["outcome"], "queued", "{place}: {journal:?}");
        }
    });
}

#[test]
fn a_hook_says_at_once_that_nothing_is_there() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = home.repository("shop", &short_file(&jenkins));
    repository.install();
    repository.git(&["add", "--all"]);
    let mut command = home.command("git", &repository.folder);
    let said = Ran::of(bare(&mut command).args(["commit", "-qm", "first"])).succeeded();
    filtered(
        &home,
        || assert_snapshot!(said.stderr, @"jenkins-trigger: not sent: no credentials for http://[JENKINS]/; to log in: jenkins-trigger login http://[JENKINS]/"),
    );
}

#[test]
fn a_hook_starts_no_helper_before_git_goes_on() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = home.repository("shop", &short_file(&jenkins));
    repository.install();
    repository.git(&["add", "--all"]);
    // Runs until the test lets it go on; a commit that waited for it would never end.
    let gate = home.path("gate");
    let answer = answering(&jenkins, USER, TOKEN);
    write_helper(
        &home,
        &format!(
            "while [ ! -e '{}' ]; do sleep 0.05; done\n{answer}",
            gate.display()
        ),
    );
    let mut command = home.command("git", &repository.folder);
    let said = Ran::of(bare(&mut command).args(["commit", "-qm", "first"])).succeeded();
    assert!(!said.stderr.contains("credentials"), "{}", said.stderr);
    fs::write(gate, "").expect("a file");
    let journal = repository.wait_for_journal(1);
    assert_eq!(journal[0]["outcome"], "queued", "{journal:?}");
}

#[test]
fn a_store_that_is_not_its_users_alone_is_refused_and_nothing_else_is_asked() {
    let home = home();
    let bait = Bait::new();
    let repository = ready(&home, &short(&bait));
    let server = format!("{}/", bait.url());
    let store = store_of(&home);
    let folder = store.parent().expect("a folder").to_owned();
    let elsewhere = home.path("elsewhere");
    let mut said = String::new();
    let mut refused = |what: &str, spoil: &dyn Fn()| {
        let _ = fs::remove_dir_all(&folder);
        let _ = fs::remove_file(&folder);
        write_store(&home, &server, USER, TOKEN);
        // It would answer.
        write(
            &home.path("home/.netrc"),
            "machine 127.0.0.1 login eve password x\n",
            0o600,
        );
        spoil();
        let ran = repository.tool_in(&["trigger"], |command| {
            bare(command);
        });
        assert_eq!(ran.code, 1, "{what}: {}", ran.whole());
        said += &format!("--- {what}\n{}{}", ran.stdout, ran.stderr);
    };
    let mode = |path: &Path, mode: u32| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("a mode");
    };
    refused("readable by all", &|| mode(&store, 0o644));
    refused("readable by the group", &|| mode(&store, 0o640));
    refused("writable by the group", &|| mode(&store, 0o620));
    refused("in a folder that others can write to", &|| mode(&folder, 0o770));
    refused("a link", &|| {
        fs::rename(&store, &elsewhere).expect("a move");
        symlink(&elsewhere, &store).expect("a link");
    });
    refused("a folder", &|| {
        fs::remove_file(&store).expect("removed");
        fs::create_dir(&store).expect("a folder");
        mode(&store, 0o700);
    });
    refused("a pipe", &|| {
        fs::remove_file(&store).expect("removed");
        assert!(
            Command::new("mkfifo")
                .arg("-m600")
                .arg(&store)
                .status()
                .expect("mkfifo")
                .success()
        );
    });
    refused("another format", &|| {
        write(&store, r#"{"v":2,"servers":[]}"#, 0o600);
    });
    refused("damaged", &|| {
        write(&store, r#"{"v":"canary","servers":[]}"#, 0o600);
    });
    assert!(!said.contains("canary") && !said.contains(TOKEN), "{said}");
    bait.assert_untouched();
    filtered(&home, || {
        assert_snapshot!(said, @"
    --- readable by all
    held main → shop/deploy: [HOME]/home/.config/jenkins-trigger/credentials is not used, because others can read it; chmod 600 [HOME]/home/.config/jenkins-trigger/credentials
    --- readable by the group
    held main → shop/deploy: [HOME]/home/.config/jenkins-trigger/credentials is not used, because others can read it; chmod 600 [HOME]/home/.config/jenkins-trigger/credentials
    --- writable by the group
    held main → shop/deploy: [HOME]/home/.config/jenkins-trigger/credentials is not used, because others can write to it; chmod 600 [HOME]/home/.config/jenkins-trigger/credentials
    --- in a folder that others can write to
    held main → shop/deploy: [HOME]/home/.config/jenkins-trigger is not used, because others can write to it; chmod 700 [HOME]/home/.config/jenkins-trigger
    --- a link
    held main → shop/deploy: [HOME]/home/.config/jenkins-trigger/credentials is not used, because it is a link; put the file itself there, with mode 600, or remove the link
    --- a folder
    held main → shop/deploy: [HOME]/home/.config/jenkins-trigger/credentials is not used, because it is no file; look at it: ls -ld [HOME]/home/.config/jenkins-trigger/credentials
    --- a pipe
    held main → shop/deploy: [HOME]/home/.config/jenkins-trigger/credentials is not used, because it is no file; look at it: ls -ld [HOME]/home/.config/jenkins-trigger/credentials
    --- another format
    held main → shop/deploy: [HOME]/home/.config/jenkins-trigger/credentials is not used, because it is of format 2, not 1; move it away and log in anew: jenkins-trigger login
    --- damaged
    held main → shop/deploy: [HOME]/home/.config/jenkins-trigger/credentials is not used, because it is damaged in line 1, column 13; move it away and log in anew: jenkins-trigger login
    ");
    });
}

#[test]
fn a_store_of_another_user_is_refused() {
    if !rustix::process::geteuid().is_root() {
        skipped("only root can give a file to somebody else");
        return;
    }
    let home = home();
    let bait = Bait::new();
    let repository = ready(&home, &short(&bait));
    let store = store_of(&home);
    for spoilt in [store.as_path(), store.parent().expect("a folder")] {
        write_store(&home, &format!("{}/", bait.url()), USER, TOKEN);
        std::os::unix::fs::chown(spoilt, Some(4711), None).expect("another owner");
        let ran = repository.tool_in(&["trigger"], |command| {
            bare(command);
        });
        let reason = "because it belongs to user id 4711, not to you (0)";
        assert!(ran.code == 1 && ran.stdout.contains(reason), "{}", ran.whole());
        std::os::unix::fs::chown(spoilt, Some(0), None).expect("the owner");
    }
    bait.assert_untouched();
}

#[test]
fn a_link_to_a_folder_of_ones_own_is_no_reason_to_refuse_the_store() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = ready(&home, &short_file(&jenkins));
    write_store(&home, &format!("{}/", jenkins.url()), USER, TOKEN);
    let folder = store_of(&home).parent().expect("a folder").to_owned();
    fs::rename(&folder, home.path("dotfiles")).expect("a move");
    symlink(home.path("dotfiles"), &folder).expect("a link");
    let ran = repository.tool_in(&["trigger"], |command| {
        bare(command);
    });
    ran.succeeded();
}

#[test]
fn a_token_file_that_was_named_must_be_one() {
    let home = home();
    let bait = Bait::new();
    let repository = ready(&home, &short(&bait));
    let mut said = String::new();
    let mut refused = |what: &str, file: &Path| {
        let ran = repository.tool_in(&["trigger"], |command| {
            bare(command).env("JENKINS_TRIGGER_TOKEN_FILE", file);
        });
        assert_eq!(ran.code, 1, "{what}: {}", ran.whole());
        said += &format!("--- {what}\n{}{}", ran.stdout, ran.stderr);
    };
    // Would serve if the file were passed over.
    write_store(&home, &format!("{}/", bait.url()), USER, TOKEN);
    let file = home.path("token");
    refused("missing", &file);
    refused("a folder", &home.path("home"));
    refused("relative", Path::new("token"));
    for (what, content) in [
        ("empty", String::new()),
        ("no colon", "canary".into()),
        ("two users", "ada:canary\nbob:canary\n".into()),
        ("no URL", "url=canary\nada:canary\n".into()),
        ("too large", format!("ada:{}", "canary".repeat(20_000))),
    ] {
        write(&file, &content, 0o600);
        refused(what, &file);
    }
    fs::remove_file(&file).expect("removed");
    assert!(
        Command::new("mkfifo")
            .arg(&file)
            .status()
            .expect("mkfifo")
            .success()
    );
    refused("a pipe", &file);
    assert!(!said.contains("canary"), "{said}");
    bait.assert_untouched();
    filtered(&home, || {
        assert_snapshot!(said, @"
        --- missing
        held main → shop/deploy: [HOME]/token is not used, because No such file or directory (os error 2); put a file there that you can read, or unset JENKINS_TRIGGER_TOKEN_FILE
        --- a folder
        held main → shop/deploy: [HOME]/home is not used, because it is no file; put a file there that you can read, or unset JENKINS_TRIGGER_TOKEN_FILE
        --- relative
        held main → shop/deploy: token is not used, because from a relative path nobody finds it in another folder; set JENKINS_TRIGGER_TOKEN_FILE to a path that begins with /
        --- empty
        held main → shop/deploy: [HOME]/token is not used, because there is nothing in it; write `user:token`, perhaps with `url=…` as the first line and lines `NAME=TOKEN` after it
        --- no colon
        held main → shop/deploy: [HOME]/token is not used, because line 1 is neither `user:token` nor `NAME=TOKEN`; write `user:token`, perhaps with `url=…` as the first line and lines `NAME=TOKEN` after it
        --- two users
        held main → shop/deploy: [HOME]/token is not used, because line 2 is a second `user:token`; write `user:token`, perhaps with `url=…` as the first line and lines `NAME=TOKEN` after it
        --- no URL
        held main → shop/deploy: [HOME]/token is not used, because line 1 is a `url=` without a URL; write `user:token`, perhaps with `url=…` as the first line and lines `NAME=TOKEN` after it
        --- too large
        held main → shop/deploy: [HOME]/token is not used, because it has more than 64 KiB; put a file there that you can read, or unset JENKINS_TRIGGER_TOKEN_FILE
        --- a pipe
        held main → shop/deploy: [HOME]/token is not used, because it is no file; put a file there that you can read, or unset JENKINS_TRIGGER_TOKEN_FILE
        ");
    });
}

#[test]
fn systemd_hands_the_token_file_over_through_links() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = ready(&home, &short_file(&jenkins));
    let folder = home.path("run/credentials");
    write(
        &folder.join("..data/token"),
        &format!("url={}\n{USER}:{TOKEN}\n", jenkins.url()),
        0o400,
    );
    symlink("..data/token", folder.join("jenkins-trigger")).expect("a link");
    let run = |folder: &Path| {
        repository.tool_in(&["trigger"], |command| {
            bare(command).env("CREDENTIALS_DIRECTORY", folder);
        })
    };
    run(&folder).succeeded();
    assert_eq!(jenkins.posts().len(), 1);
    // It is a copy: nobody is to write there.
    let token = folder.join("..data/token");
    let place = "into the file that LoadCredential= names, then restart the service";
    for (content, what) in [
        ("", "write `user:token`"),
        ("ada:wrong\n", "write `user:token` into"),
    ] {
        fs::set_permissions(&token, fs::Permissions::from_mode(0o600)).expect("a mode");
        fs::write(&token, content).expect("a file");
        let said = run(&folder)
            .whole()
            .replace(" (the user id, not the e-mail address or full name)", "");
        assert!(said.contains(what) && said.contains(place), "{said}");
        assert!(!said.contains("JENKINS_TRIGGER_TOKEN_FILE"), "{said}");
    }
    // A service may have other credentials, and none of ours.
    let ran = run(&home.path("home"));
    assert!(ran.stdout.contains("no credentials for"), "{}", ran.whole());
}

#[test]
fn what_is_bound_to_another_server_is_passed_over() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = ready(&home, &short_file(&jenkins));
    let file = home.path("token");
    write(
        &file,
        "url=https://ci.example.com/jenkins\nada:canary\ndeploy=canary\n",
        0o600,
    );
    let run = || {
        repository.tool_in(&["trigger"], |command| {
            bare(command)
                .env("JENKINS_USER_ID", "ada")
                .env("JENKINS_API_TOKEN", "canary")
                .env("JENKINS_URL", "https://old-ci.example.com/")
                .env("JENKINS_TRIGGER_TOKEN_FILE", &file);
        })
    };
    write(
        &home.path("home/.netrc"),
        "machine 127.0.0.1 login eve password canary\n",
        0o644,
    );
    let alone = run();
    assert_eq!(alone.code, 1);
    assert!(!alone.whole().contains("canary"), "{}", alone.whole());
    filtered(&home, || {
        assert_snapshot!(alone.whole(), @"
    exit code: 1
    ----- stdout -----
    held main → shop/deploy: no credentials for http://[JENKINS]/ (JENKINS_API_TOKEN is for https://old-ci.example.com (JENKINS_URL), and [HOME]/token is for https://ci.example.com/jenkins/, and [HOME]/home/.netrc is not used, because others can read it: chmod 600 [HOME]/home/.netrc); to log in: jenkins-trigger login http://[JENKINS]/
    ----- stderr -----
    ");
    });
    assert!(jenkins.requests().is_empty());
    write_store(&home, &format!("{}/", jenkins.url()), USER, TOKEN);
    run().succeeded();
    assert_eq!(jenkins.posts().len(), 1);
}

/// Whoever set it meant one server.
#[test]
fn an_address_that_is_no_text_binds_the_variables_to_no_server() {
    use std::os::unix::ffi::OsStrExt as _;
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = ready(&home, &short_file(&jenkins));
    let ran = repository.tool_in(&["trigger"], |command| {
        command.env("JENKINS_URL", std::ffi::OsStr::from_bytes(b"https://ci\xff"));
    });
    assert_eq!(ran.code, 1);
    let why = "JENKINS_API_TOKEN is for something that is no URL (JENKINS_URL)";
    assert!(ran.whole().contains(why), "{}", ran.whole());
    assert!(jenkins.requests().is_empty());
}

/// The store is by server with its context path, and not by host.
#[test]
fn what_is_kept_for_one_server_goes_to_no_other_on_its_host() {
    let home = home();
    let jenkins = StandIn::start(shop().context_path("/jenkins"));
    let repository = ready(&home, &short_file(&jenkins));
    let root = jenkins.url().replace("/jenkins", "/");
    let run = || {
        repository.tool_in(&["trigger"], |command| {
            bare(command);
        })
    };
    write_store(&home, &root, USER, TOKEN);
    assert!(run().stdout.contains("no credentials for"));
    assert!(jenkins.requests().is_empty());
    write_store(&home, &format!("{}/", jenkins.url()), USER, TOKEN);
    run().succeeded();
}

#[test]
fn a_token_that_was_replaced_serves_the_next_pass_of_a_sender_that_lives_on() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let server = format!("{}/", jenkins.url());
    let repository = home.repository("shop", &short_file(&jenkins));
    repository.install();
    write_store(&home, &server, USER, TOKEN);
    let mut watch = home.command(program(), &repository.folder);
    let mut watch = bare(&mut watch)
        .args(["deliver", "--watch"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts");
    let commit = |message: &str, lines: usize| {
        repository.git(&["add", "--all"]);
        let mut command = home.command("git", &repository.folder);
        Ran::of(bare(&mut command).args(["commit", "--allow-empty", "-qm", message])).succeeded();
        repository.wait_for_journal(lines).pop().expect("a line")
    };
    assert_eq!(commit("first", 1)["outcome"], "queued");
    jenkins.put_user(developer_with("11renewed0canary0canary"));
    write_store(&home, &server, USER, "11renewed0canary0canary");
    let second = commit("second", 2);
    watch.kill().expect("killed");
    watch.wait().expect("its end");
    // Jenkins has not begun to build the first one.
    assert_eq!(second["outcome"], "merged", "{second}");
}

#[test]
fn a_token_that_expired_is_named_with_its_place_and_stays_there() {
    let home = home();
    let jenkins = StandIn::start(Setup::new().user(User::new(USER, "another")));
    let repository = ready(&home, &short_file(&jenkins));
    for place in PLACES {
        let ran = repository.tool_in(&["trigger"], |command| {
            arrange(&home, place, &jenkins, USER, TOKEN, bare(command));
        });
        assert_eq!(ran.code, 3, "{place}: {}", ran.whole());
        assert!(ran.whole().contains(named(place)), "{place}: {}", ran.whole());
        assert!(
            ran.whole().contains("jenkins-trigger login") != (place == "token file"),
            "{}",
            ran.whole()
        );
        assert!(!ran.whole().contains(TOKEN));
        let _ = home.try_git(
            &home.path("home"),
            &["config", "--global", "--unset-all", "credential.helper"],
        );
        if place == "store" {
            let kept = fs::read_to_string(store_of(&home)).expect("the store");
            assert!(kept.contains(TOKEN), "a 401 erases nothing");
            fs::remove_file(store_of(&home)).expect("removed");
        }
    }
}

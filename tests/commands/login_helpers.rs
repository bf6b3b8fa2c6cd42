//! `login`, commit, `logout` with git's credential helpers.

use std::fs;

use jenkins_stand_in::{Permission, StandIn, User};

use crate::helpers::{command_after, home, said};
use crate::login::{PASSWORD, REAL_TOKEN, assert_nowhere, bare, kept, piped, piped_in, shop, store, without};
use crate::support::{Home, JOB_TOKEN, Ran, Repository, USER, short_file, with_each_git, write_script};

/// A helper that keeps what it is told in a folder, as git's own `store` does, and notes what it was
/// asked and with which arguments and environment.
const SCRIPT: &str = r#"#!/bin/sh
folder=$HOME/kept-by-helper
mkdir -p "$folder"
tr '\0' '\n' <"/proc/$$/environ" >>"$folder/environment"
for process in $$ $PPID; do tr '\0' ' ' <"/proc/$process/cmdline" >>"$folder/arguments"; done
protocol= host= path= username= password=
while read -r line && [ -n "$line" ]; do
    case $line in
    protocol=* | host=* | path=* | username=* | password=*) eval "${line%%=*}=\${line#*=}" ;;
    esac
done
entry=$folder/entry-$(printf %s "$protocol-$host-$path" | tr '/:' '__')
echo "$1 $protocol://$host/$path $username" >>"$folder/log"
case $1 in
store) printf '%s\n%s\n' "$username" "$password" >"$entry" ;;
erase) rm -f "$entry" ;;
get) if [ -f "$entry" ]; then { read -r user; read -r pass; } <"$entry"; echo "username=$user"; echo "password=$pass"; fi ;;
esac
"#;

fn helper(home: &Home, name: &str, content: &str) {
    write_script(&home.path("bin").join(name), content, 0o755);
}

fn configure(repository: &Repository<'_>, helper: &str) {
    repository.git(&["config", "--global", "credential.helper", helper]);
}

/// A commit of somebody without credentials in his environment.
pub fn commit(repository: &Repository<'_>, message: &str) -> Ran {
    let mut git = repository.home.command("git", &repository.folder);
    bare(&mut git);
    let ran = Ran::of(git.args(["commit", "--allow-empty", "-m", message]));
    ran.succeeded()
}

fn installed<'a>(home: &'a Home, jenkins: &StandIn) -> Repository<'a> {
    let repository = home.repository("shop", &short_file(jenkins));
    repository.git(&["add", "--all"]);
    repository.git(&["commit", "-m", "the file"]);
    without(&repository, &["install", "post-commit"]).succeeded();
    repository
}

/// Logs in, commits, and logs out; tells where the token was kept.
fn round(repository: &Repository<'_>, jenkins: &StandIn, arguments: &[&str]) -> String {
    let ran = piped(
        repository,
        &[&["login"], arguments].concat(),
        &format!("dev:{REAL_TOKEN}"),
    );
    assert_eq!(ran.code, 0, "{}", ran.whole());
    let place = command_after(&ran.stdout, "kept in ").to_owned();
    assert!(!ran.whole().contains(REAL_TOKEN));
    commit(repository, "a commit");
    let before = jenkins.taken().len();
    assert!(before <= 1);
    repository.wait_for_accepted(1);
    let out = without(repository, &["logout"]);
    assert_eq!(out.code, 0, "{}", out.whole());
    assert!(
        out.stdout.contains(&format!("erased from {place}")),
        "{}",
        out.whole()
    );
    let none = without(repository, &["whoami"]);
    assert_eq!(none.code, 1, "{}", none.whole());
    place
}

#[test]
fn with_the_helper_that_stores_in_plain_text_only_on_demand() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop());
        let repository = installed(home, &jenkins);
        configure(&repository, "store");
        let ran = piped(&repository, &["login"], &format!("dev:{REAL_TOKEN}")).succeeded();
        assert!(ran.stdout.contains("kept in ~/.config/"), "{}", ran.whole());
        assert!(!home.path("home/.git-credentials").exists());
        assert_eq!(
            round(&repository, &jenkins, &["--keep-in", "git"]),
            "git credential"
        );
        assert!(!kept(home).contains(REAL_TOKEN), "no older copy is left");
        assert_nowhere(home, &[REAL_TOKEN], &[]);
    });
}

#[test]
fn with_the_helper_that_only_remembers() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop());
        let repository = installed(home, &jenkins);
        configure(&repository, "cache");
        let place = round(&repository, &jenkins, &["--keep-in", "git"]);
        repository.try_git(&["credential-cache", "exit"]);
        assert_eq!(place, "git credential");
        assert_nowhere(home, &[REAL_TOKEN], &[]);
    });
}

#[test]
fn a_helper_that_encrypts_is_taken_by_itself_and_told_no_secret_by_argument() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop());
        let repository = installed(home, &jenkins);
        helper(home, "git-credential-libsecret", SCRIPT);
        configure(&repository, "libsecret");
        assert_eq!(round(&repository, &jenkins, &[]), "git credential");
        assert!(!store(home).exists());
        let folder = home.path("home/kept-by-helper");
        for file in ["arguments", "environment", "log"] {
            let noted = fs::read_to_string(folder.join(file)).expect("the helper ran");
            assert!(!noted.contains(REAL_TOKEN), "{file}");
        }
        assert_nowhere(home, &[REAL_TOKEN], &[]);
    });
}

#[test]
fn a_helper_of_ones_own_by_its_path() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop());
        let repository = installed(home, &jenkins);
        helper(home, "my-helper", SCRIPT);
        configure(&repository, &home.path("bin/my-helper").display().to_string());
        assert_eq!(
            round(&repository, &jenkins, &["--keep-in", "git"]),
            "git credential"
        );
    });
}

#[test]
fn a_helper_that_does_not_keep_it_is_said_and_a_file_does() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = installed(&home, &jenkins);
    helper(&home, "git-credential-libsecret", "#!/bin/sh\ncat >/dev/null\n");
    configure(&repository, "libsecret");
    let ran = piped(&repository, &["login"], &format!("dev:{REAL_TOKEN}")).succeeded();
    assert!(
        ran.stderr
            .contains("git's credential helper did not keep it; it is kept in a file instead"),
        "{}",
        ran.whole()
    );
    assert!(kept(&home).contains(REAL_TOKEN));
    let before = kept(&home);
    let ran = piped(
        &repository,
        &["login", "--keep-in", "git"],
        &format!("dev:{REAL_TOKEN}"),
    );
    assert_eq!(ran.code, 1, "{}", ran.whole());
    assert_eq!(kept(&home), before);
}

#[test]
fn a_token_that_was_made_and_is_kept_nowhere_is_taken_back() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = installed(&home, &jenkins);
    helper(&home, "git-credential-libsecret", "#!/bin/sh\ncat >/dev/null\n");
    configure(&repository, "libsecret");
    let ran = piped(
        &repository,
        &["login", "--keep-in", "git"],
        &format!("dev:{PASSWORD}"),
    );
    assert_eq!(ran.code, 1, "{}", ran.whole());
    let revoked = jenkins
        .posts()
        .iter()
        .filter(|post| post.target.contains("/revoke"))
        .count();
    assert_eq!(revoked, 1);
}

#[test]
fn without_a_helper_git_is_refused_before_anything_is_asked() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = home.repository("shop", &short_file(&jenkins));
    let ran = piped(
        &repository,
        &["login", "--keep-in", "git"],
        &format!("dev:{REAL_TOKEN}"),
    );
    assert_eq!(ran.code, 1, "{}", ran.whole());
    assert!(
        ran.stderr.contains("git config --global credential.helper"),
        "{}",
        ran.whole()
    );
    assert!(jenkins.requests().is_empty());
}

/// Each place can have an older copy that would answer before the new one.
#[test]
fn whoever_keeps_it_now_no_older_copy_answers() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let other = "11ca0a1ca0a1ca0a1ca0a1ca0a1ca0a1cb";
    jenkins.put_user(User::new("bob", other));
    let repository = installed(&home, &jenkins);
    helper(&home, "my-helper", SCRIPT);
    configure(&repository, &home.path("bin/my-helper").display().to_string());
    for (place, user, token) in [
        ("file", "dev", REAL_TOKEN),
        ("git", "bob", other),
        ("git", "dev", REAL_TOKEN),
        ("file", "bob", other),
    ] {
        let arguments = ["login", "--keep-in", place];
        let ran = piped(&repository, &arguments, &format!("{user}:{token}")).succeeded();
        assert!(!ran.stderr.contains("goes first"), "{}", ran.whole());
        let who = without(&repository, &["whoami"]).succeeded();
        assert!(
            who.stdout.contains(&format!("{user}, an API token")),
            "{}",
            who.whole()
        );
        let from_git = who.stdout.contains("from git credential");
        assert_eq!(from_git, place == "git", "{}", who.whole());
        let old = if token == other { REAL_TOKEN } else { other };
        assert_nowhere(&home, &[old], &[]);
    }
}

#[test]
fn trigger_tokens_are_kept_beside_the_login_and_each_is_erased_alone() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = installed(&home, &jenkins);
    helper(&home, "git-credential-libsecret", SCRIPT);
    configure(&repository, "libsecret");
    piped(&repository, &["login"], &format!("dev:{REAL_TOKEN}")).succeeded();
    for name in ["deploy", "mirror-2"] {
        let ran = piped(&repository, &["login", "--job-token", name], JOB_TOKEN).succeeded();
        assert!(ran.stdout.contains("kept in git credential"), "{}", ran.whole());
    }
    let who = without(&repository, &["whoami"]).succeeded();
    assert!(
        who.stdout.contains("dev, an API token from git credential"),
        "{}",
        who.whole()
    );
    without(&repository, &["logout"]).succeeded();
    let ran = without(&repository, &["logout", "--job-token", "deploy"]).succeeded();
    assert!(ran.stdout.contains("trigger token deploy"), "{}", ran.whole());
    let ran = without(&repository, &["logout", "--job-token", "deploy"]);
    assert_eq!(ran.code, 1, "{}", ran.whole());
    without(&repository, &["logout", "--job-token", "mirror-2"]).succeeded();
    assert_nowhere(&home, &[REAL_TOKEN, JOB_TOKEN], &[]);
}

#[test]
fn what_waited_for_a_login_goes_out_after_it() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = installed(&home, &jenkins);
    let ran = commit(&repository, "without");
    assert!(ran.stderr.contains("jenkins-trigger login"), "{}", ran.whole());
    repository.wait_for_journal(1);
    assert!(jenkins.requests().is_empty());
    let ran = piped(&repository, &["login"], &format!("dev:{REAL_TOKEN}")).succeeded();
    assert!(
        ran.stderr.contains("1 that waited are being sent"),
        "{}",
        ran.whole()
    );
    repository.wait_for_accepted(1);
}

/// A background run erases nothing, whatever Jenkins says of a token.
#[test]
fn a_token_that_expired_is_replaced_by_a_login() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = installed(&home, &jenkins);
    repository.without_sleepers();
    piped(&repository, &["login"], &format!("dev:{REAL_TOKEN}")).succeeded();
    let before = kept(&home);
    let new = "11ca0a1ca0a1ca0a1ca0a1ca0a1ca0a1cb";
    let user =
        User::new(USER, new).grant([Permission::OverallRead, Permission::JobRead, Permission::JobBuild]);
    jenkins.put_user(user);
    commit(&repository, "after its end");
    let journal = repository.wait_for_journal(1);
    assert_eq!(journal[0]["reason"], "credentials", "{journal:?}");
    assert_eq!(kept(&home), before);
    let ran = commit(&repository, "another");
    assert!(
        said(&ran)
            .iter()
            .any(|line| line.contains("jenkins-trigger login")),
        "{}",
        ran.whole()
    );
    repository.wait_for_journal(2);
    let ran = piped(&repository, &["login"], &format!("dev:{new}")).succeeded();
    assert!(
        ran.stderr
            .contains("2 that failed for want of it can be sent again: jenkins-trigger retry"),
        "{}",
        ran.whole()
    );
    without(&repository, &["retry"]).succeeded();
    assert!(!jenkins.taken().is_empty());
    assert_nowhere(&home, &[REAL_TOKEN], &[]);
    assert_nowhere(&home, &[new], &[store(&home)]);
}

#[test]
fn logins_at_once_keep_all() {
    let home = home();
    let servers: Vec<StandIn> = (0..4).map(|_| StandIn::start(shop())).collect();
    let repository = home.repository("shop", "");
    std::thread::scope(|threads| {
        for jenkins in &servers {
            let repository = &repository;
            threads.spawn(move || {
                piped(
                    repository,
                    &["login", &jenkins.url()],
                    &format!("dev:{REAL_TOKEN}"),
                )
                .succeeded();
            });
        }
    });
    assert_eq!(kept(&home).matches(REAL_TOKEN).count(), servers.len());
}

#[test]
fn the_manager_is_not_taken_by_itself_where_it_is_told_to_keep_plain_text() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = installed(&home, &jenkins);
    helper(&home, "git-credential-manager", SCRIPT);
    configure(&repository, "manager");
    let place = |store: &str| {
        let login = format!("dev:{REAL_TOKEN}");
        let ran = piped_in(&repository, &["login"], &login, |command| {
            command.env("GCM_CREDENTIAL_STORE", store);
        });
        command_after(&ran.succeeded().stdout, "kept in ").to_owned()
    };
    let own = "~/.config/jenkins-trigger/credentials";
    assert_eq!(place("Plaintext"), own);
    assert_eq!(place(""), "git credential");
    repository.git(&["config", "--global", "credential.credentialStore", "plaintext"]);
    assert_eq!(place(""), own);
    // The variable goes before git's config.
    assert_eq!(place("secretservice"), "git credential");
}

#[test]
fn a_new_token_that_is_kept_is_not_taken_back_for_an_older_copy() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = installed(&home, &jenkins);
    piped(&repository, &["login"], &format!("dev:{REAL_TOKEN}")).succeeded();
    // In the midst of it the own file becomes one that is not touched.
    let script = SCRIPT.replace(
        "store) ",
        "store) chmod 644 \"$HOME/.config/jenkins-trigger/credentials\"; ",
    );
    helper(&home, "git-credential-libsecret", &script);
    configure(&repository, "libsecret");
    let ran = piped(&repository, &["login"], &format!("dev:{PASSWORD}")).succeeded();
    assert!(ran.stdout.contains("kept in git credential"), "{}", ran.whole());
    assert!(
        ran.stderr.contains("warning: an older copy may be left: "),
        "{}",
        ran.whole()
    );
    let posts = jenkins.posts();
    assert!(!posts.iter().any(|post| post.target.contains("/revoke")));
}

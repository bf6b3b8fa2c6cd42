//! The command line itself.

use crate::helpers::{home, listing};
use crate::support::Ran;

#[test]
fn help_and_version_end_with_0_on_stdout() {
    let home = home();
    let commands = [
        &["--help"][..],
        &["-h"],
        &["--version"],
        &["-V"],
        &["help"],
        &["help", "trigger"],
    ];
    for arguments in commands {
        let ran = home.tool(&home.path("home"), arguments);
        assert_eq!(
            (ran.code, ran.stderr.as_str()),
            (0, ""),
            "{arguments:?}\n{}",
            ran.whole()
        );
        assert!(ran.stdout.ends_with('\n'));
    }
    for command in [
        "install",
        "uninstall",
        "trust",
        "check",
        "trigger",
        "push",
        "retry",
        "log",
    ] {
        let ran = home.tool(&home.path("home"), &[command, "--help"]);
        assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{command}");
        assert!(ran.stdout.contains("Usage: jenkins-trigger "), "{}", ran.whole());
    }
}

#[test]
fn the_version_is_one_line() {
    let home = home();
    let ran = home.tool(&home.path("home"), &["--version"]);
    assert_eq!(
        ran.stdout,
        concat!("jenkins-trigger ", env!("CARGO_PKG_VERSION"), "\n")
    );
}

#[test]
fn the_help_names_every_command_and_variable() {
    let home = home();
    let ran = home.tool(&home.path("home"), &["--help"]);
    insta::assert_snapshot!(ran.stdout, @"
    Triggers the mapped Jenkins job when git pushes or commits.

    A git hook reads `.jenkins-trigger.yml` from the repository and asks Jenkins, in the background, to build the job that the file maps the branch to, with the branch as a parameter.

    Usage: jenkins-trigger [OPTIONS] <COMMAND>

    Commands:
      install    Install the hooks into this repository, or for every one
      uninstall  Take out exactly what install put in
      status     Show what git will really run, and what waits
      trust      Allow this repository to reach the servers and fire the jobs that its file names
      untrust    Take back what this repository may reach and fire
      login      Keep credentials for a server, after Jenkins has accepted them
      logout     Erase the credentials that are kept for a server
      whoami     Show which credentials answer for a server, and who Jenkins says they are
      check      Read the file and say what is wrong; with --branch or --tag, which rules fire and why
      doctor     Ask Jenkins, step by step, whether a trigger would be taken; starts nothing
      jobs       List the jobs that you can build, with their parameters
      trigger    Trigger by hand what the file maps a branch to
      push       Push, and trigger at once what the remote took
      retry      Send now what waits or failed
      cancel     Drop what waits or failed
      log        Show what became of the triggers
      deliver    Send what waits, until nothing is left that can be sent; with --watch, as a service
      help       Print this message or the help of the given subcommand(s)

    Options:
      -C <DIR>
              Work as if started in DIR

          --color <WHEN>
              When to use colours

              Possible values:
              - auto:   On a terminal, unless `NO_COLOR` is set
              - always: Always
              - never:  Never
              
              [default: auto]

      -q, --quiet
              Print results and errors only

      -v, --verbose
              Print details too

      -h, --help
              Print help (see a summary with '-h')

      -V, --version
              Print version

    Credentials come from the first of these that has some for the server: JENKINS_USER_ID and JENKINS_API_TOKEN (for the
    server in JENKINS_URL, if that is set); the file that JENKINS_TRIGGER_TOKEN_FILE names; what `jenkins-trigger login` kept;
    git's credential helpers; ~/.netrc. A job's trigger token, with `token_from: name` in the file, is in the variable
    JENKINS_TRIGGER_TOKEN_<NAME> or in the same places (`jenkins-trigger login --job-token NAME`).
    JENKINS_TRIGGER=0 switches the hook off for one command: JENKINS_TRIGGER=0 git push ...

    Exit codes: 0 done, 1 you must act, 2 unexpected, 3 Jenkins refused, 4 build not successful (trigger --wait),
    130 interrupted.
    ");
}

#[test]
fn bad_arguments_end_with_1_on_stderr() {
    let home = home();
    let repository = home.repository("shop", "");
    let before = listing(&home.path(""));
    for arguments in [
        &["no-such-command"][..],
        &["install", "pre-commit"],
        &["install", "post-commit", "--no-such-option"],
        &["uninstall", "more"],
        &["check", "--event", "x", "--branch", "main"],
        &["check", "--color", "perhaps"],
        &["-q", "-v", "check"],
        &["-C"],
        &["log", "--number"],
    ] {
        let ran = repository.tool(arguments);
        assert_eq!(
            (ran.code, ran.stdout.as_str()),
            (1, ""),
            "{arguments:?}\n{}",
            ran.whole()
        );
        assert!(
            ran.stderr.starts_with("error: "),
            "{arguments:?}\n{}",
            ran.whole()
        );
    }
    assert_eq!(listing(&home.path("")), before);
}

#[test]
fn without_arguments_it_shows_the_help_and_ends_with_1() {
    let home = home();
    let ran = home.tool(&home.path("home"), &[]);
    assert_eq!((ran.code, ran.stdout.as_str()), (1, ""));
    assert!(ran.stderr.contains("Usage: jenkins-trigger "), "{}", ran.whole());
}

#[test]
fn a_misspelt_command_gets_the_nearest_one() {
    let home = home();
    let ran = home.tool(&home.path("home"), &["instal"]);
    assert!(ran.stderr.contains("'install'"), "{}", ran.whole());
}

#[test]
fn hidden_commands_are_not_in_the_help() {
    let home = home();
    let ran = home.tool(&home.path("home"), &["--help"]);
    assert!(!ran.stdout.contains("after-push"), "{}", ran.stdout);
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let home = home();
    let repository = home.repository(
        "shop",
        "version: 1\nserver: https://ci.example.com\njobs:\n  main: shop/deploy\n",
    );
    let mut shell = home.command("bash", &repository.folder);
    shell
        .args(["-c", "\"$0\" check | true; exit \"${PIPESTATUS[0]}\""])
        .arg(crate::support::program());
    let ran = Ran::of(&mut shell);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{}", ran.whole());
}

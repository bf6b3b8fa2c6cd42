//! The main job, end to end, on an embedded stand-in Jenkins: a fresh repository with a remote, the
//! hook installed, a push of a mapped and of an unmapped branch, and what came of them.
//!
//! `cargo run --example demo`. Asks nothing, needs only git, leaves nothing behind.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a demo talks")]

use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::thread;
use std::time::{Duration, Instant};

use jenkins_stand_in::{Job, Permission, Setup, StandIn, User};
use jenkins_trigger::spool::Spool;

const PATIENCE: Duration = Duration::from_secs(30);

fn main() -> ExitCode {
    // git starts this same program as the hook, and the hook starts it as the sender: then it is
    // jenkins-trigger, and nothing else need be built.
    if std::env::args_os().len() > 1 {
        return jenkins_trigger::cli::main();
    }
    match demo() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("the demo failed: {error}");
            ExitCode::FAILURE
        }
    }
}

fn demo() -> Result<(), Box<dyn Error>> {
    let jenkins = StandIn::start(
        Setup::new()
            .quiet_period(Duration::from_secs(1))
            .user(User::new("ada", "an-api-token").grant([
                Permission::OverallRead,
                Permission::JobRead,
                Permission::JobBuild,
            ]))
            .job(
                Job::new("shop/deploy")
                    .string_parameter("BRANCH", "main")
                    .build_time(Duration::from_millis(200)),
            ),
    );
    let folder = tempfile::tempdir()?;
    let world = World {
        home: folder.path(),
        repository: &folder.path().join("shop"),
    };
    fs::create_dir(world.repository)?;

    println!(
        "A Jenkins (stand-in) at {}, with the job shop/deploy. A repository with a remote:\n",
        jenkins.url()
    );
    world.git("init -q --bare ../shop.git")?;
    world.git("init -q -b main .")?;
    world.git("remote add origin ../shop.git")?;
    let file = format!(
        "version: 1\nserver: {}\njobs:\n  main: shop/deploy\n",
        jenkins.url()
    );
    fs::write(world.repository.join(".jenkins-trigger.yml"), &file)?;
    println!("$ cat .jenkins-trigger.yml\n{file}");
    world.tool("install")?;

    world.git("add .jenkins-trigger.yml")?;
    world.git("commit -q -m first")?;
    world.git("push -q origin main")?;
    world.git("checkout -q -b docs/typo")?;
    world.git("commit -q --allow-empty -m second")?;
    world.git("push -q origin docs/typo")?;
    world.tool("check --branch docs/typo --event post-push")?;

    let built = jenkins.wait_until(
        |state| state.builds.iter().any(|build| build.result.is_some()),
        PATIENCE,
    );
    if !built {
        return Err(format!("Jenkins built nothing; it was asked {:?}", jenkins.requests()).into());
    }
    wait_for_sender(&world)?;
    world.tool("log")?;

    println!("What Jenkins got, and made of it:\n");
    for request in jenkins.requests() {
        let what = match request.body.as_slice() {
            [] => "to see what the job takes".into(),
            body => format!("with {}", String::from_utf8_lossy(body)),
        };
        println!("  {} {} {what}", request.method, request.path());
    }
    for build in jenkins.builds("shop/deploy") {
        println!(
            "  queue item {} became build #{} of shop/deploy, BRANCH={}",
            build.queue_id,
            build.number,
            build.parameter("BRANCH").unwrap_or_default()
        );
    }
    println!(
        "\nThe push of docs/typo, which the file maps to no job, triggered nothing.\n\
         To build commits before they are pushed: jenkins-trigger install post-commit"
    );
    folder.close()?;
    Ok(())
}

/// The sender is at work as long as it holds the spool's lock; its folder must outlive it. What waits
/// for the end of a push has told it before.
fn wait_for_sender(world: &World<'_>) -> Result<(), Box<dyn Error>> {
    let spool = Spool::of(&world.repository.join(".git"));
    let patience = Instant::now() + PATIENCE;
    while spool.oldest_waiting(0)?.1 > 0 || spool.lock_sending()?.is_none() {
        if Instant::now() > patience {
            return Err("the sender did not come to an end".into());
        }
        thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}

/// A home and a repository that are nobody else's.
struct World<'a> {
    home: &'a Path,
    repository: &'a Path,
}

impl World<'_> {
    fn git(&self, arguments: &str) -> Result<(), Box<dyn Error>> {
        self.run(Command::new("git"), "git", arguments)
    }

    fn tool(&self, arguments: &str) -> Result<(), Box<dyn Error>> {
        let program = std::env::current_exe()?;
        self.run(Command::new(program), "jenkins-trigger", arguments)
    }

    fn run(&self, mut command: Command, name: &str, arguments: &str) -> Result<(), Box<dyn Error>> {
        println!("$ {name} {arguments}");
        let status = command
            .args(arguments.split(' '))
            .current_dir(self.repository)
            .env("HOME", self.home)
            .env("XDG_STATE_HOME", self.home.join("state"))
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env_remove("XDG_CONFIG_HOME")
            .env_remove("GIT_CONFIG_GLOBAL")
            .env_remove("GIT_CONFIG_COUNT")
            .env_remove("GIT_CONFIG_PARAMETERS")
            .env_remove("GIT_DIR")
            .env_remove("GIT_WORK_TREE")
            .env("GIT_AUTHOR_NAME", "Ada")
            .env("GIT_AUTHOR_EMAIL", "ada@example.com")
            .env("GIT_COMMITTER_NAME", "Ada")
            .env("GIT_COMMITTER_EMAIL", "ada@example.com")
            .env("JENKINS_USER_ID", "ada")
            .env("JENKINS_API_TOKEN", "an-api-token")
            .env_remove("JENKINS_URL")
            .env_remove("JENKINS_TRIGGER")
            .status()?;
        println!();
        if status.success() {
            Ok(())
        } else {
            Err(format!("{name} {arguments}: {status}").into())
        }
    }
}

//! A kill at any moment of an installation or of its undoing: the user's hook still runs, and
//! once, and whatever comes next restores it.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

#[cfg(target_arch = "x86_64")]
use nix::errno::Errno;

use crate::support::{Git, Home, Ran, gits, program};
use crate::traced::{Calls, Ended, Fate, FileSystem, run};
use crate::tree::{Node, Tree, assert_same};

const INSTALL: &[&str] = &["install", "post-commit"];
const BY_CONFIG: &[&str] = &["install", "post-commit", "--via", "config"];
const BY_FILE: &[&str] = &["install", "post-commit", "--via", "file"];
const UNINSTALL: &[&str] = &["uninstall"];

/// A hook of the user's.
type Hook = fn(&Scenario) -> Node;

/// A repository in which one command is killed again and again, each time one call later.
struct Scenario {
    home: Home,
    hooks: PathBuf,
    /// As the user made it.
    before: Tree,
    /// As the command finds it.
    start: Tree,
    /// What installs here.
    install: &'static [&'static str],
}

impl Scenario {
    /// An empty repository without a hooks folder, and a place for what hooks say.
    fn new(git: &Git) -> Self {
        let home = Home::new(git);
        fs::create_dir(home.path("scripts")).expect("a folder");
        let shop = home.path("shop");
        fs::create_dir(&shop).expect("a folder");
        home.git(&shop, &["init", "-q", "--template="]);
        Self {
            hooks: ".git/hooks".into(),
            before: Tree::of(&shop),
            start: Tree::of(&shop),
            home,
            install: INSTALL,
        }
    }

    fn shop(&self) -> PathBuf {
        self.home.path("shop")
    }

    /// A hook of the user's that says that it ran.
    fn hook(&self) -> Node {
        let ran = self.home.path("ran");
        Node::script(format!(
            "#!/bin/sh\n# \u{fc}\nprintf 'ran ' >>'{}'",
            ran.display()
        ))
    }

    fn with(mut self, change: impl FnOnce(&Self, &Path)) -> Self {
        change(&self, &self.shop());
        self.before = Tree::of(&self.shop());
        self.start = self.before.clone();
        self
    }

    /// With these hooks in the folder.
    fn with_hooks(self, hooks: &[(&str, Hook)]) -> Self {
        self.with(|scenario, shop| {
            let folder = shop.join(&scenario.hooks);
            fs::create_dir_all(&folder).expect("a folder");
            for (name, node) in hooks {
                node(scenario).put(&folder.join(name));
            }
        })
    }

    /// With `core.hooksPath` set.
    fn with_hooks_path(mut self, path: &str) -> Self {
        self.hooks = path.into();
        let path = path.to_owned();
        self.with(|scenario, shop| {
            scenario.home.git(shop, &["config", "core.hooksPath", &path]);
        })
    }

    /// What was done by the tool before.
    fn after(mut self, arguments: &[&str]) -> Self {
        self.home.tool(&self.shop(), arguments).succeeded();
        self.start = Tree::of(&self.shop());
        self
    }

    /// Kills this command at each of its calls.
    #[track_caller]
    fn survives(&self, command: &[&str]) {
        // What git changes for it is in its config.
        let calls = if self.install == INSTALL {
            Calls::Files
        } else {
            Calls::FilesAndStarts
        };
        self.survives_on(FileSystem::Real, calls, command);
    }

    #[track_caller]
    fn survives_on(&self, on: FileSystem, calls: Calls, command: &[&str]) {
        let installed = self.installed();
        let mut seen = HashSet::new();
        for at in 1.. {
            self.start.put(&self.shop());
            let ended = run(&mut self.quiet(command), on, calls, Fate::Killed, at);
            let killed = Tree::of(&self.shop());
            // A process id is in the name of what is not yet in its place.
            let mut shape = format!("{killed:?}");
            shape.retain(|c| !c.is_ascii_digit());
            if seen.insert(shape) {
                self.check(&killed, &installed, &format!("{command:?} killed at call {at}"));
            }
            if let Ended::Exited(code, made) = ended {
                assert_eq!(code, 0);
                assert!(made > 2, "{command:?} did nothing at all");
                return;
            }
        }
    }

    /// As it is when nothing comes in between; that, too, can be undone.
    #[track_caller]
    fn installed(&self) -> Tree {
        self.before.put(&self.shop());
        self.home.tool(&self.shop(), self.install).succeeded();
        let installed = Tree::of(&self.shop());
        self.hooks_are_safe(&installed, "installed");
        self.a_commit_runs_the_hook_once("installed");
        installed.put(&self.shop());
        self.home.tool(&self.shop(), UNINSTALL).succeeded();
        assert_same(&Tree::of(&self.shop()), &self.before, "there and back");
        installed
    }

    fn quiet(&self, arguments: &[&str]) -> Command {
        let mut tool = self.home.command(program(), &self.shop());
        tool.args(arguments).stdout(Stdio::null()).stderr(Stdio::null());
        tool
    }

    /// Lets each call of this command fail, one at a time: either it does all that it is to do, or
    /// it refuses and nothing has changed.
    #[cfg(target_arch = "x86_64")]
    #[track_caller]
    fn is_all_or_nothing(&self, command: &[&str]) {
        self.is_all_or_nothing_on(FileSystem::Real, command);
    }

    #[cfg(target_arch = "x86_64")]
    #[track_caller]
    fn is_all_or_nothing_on(&self, on: FileSystem, command: &[&str]) {
        self.start.put(&self.shop());
        self.home.tool(&self.shop(), command).succeeded();
        let done = Tree::of(&self.shop());
        for at in 1.. {
            self.start.put(&self.shop());
            let fate = Fate::Fails(Errno::ENOSPC);
            let ended = run(&mut self.quiet(command), on, Calls::FilesAndStarts, fate, at);
            let now = Tree::of(&self.shop());
            let when = format!("{command:?} when call {at} fails");
            match ended {
                Ended::Exited(0, calls) => {
                    self.is_done(now, &done, &when);
                    if calls < at {
                        return;
                    }
                }
                Ended::Exited(1 | 2, _) => assert_same(&now, &self.start, &when),
                other => panic!("{when}: {other:?}"),
            }
        }
    }

    /// Lets each call of this command fail, one at a time: an `uninstall` puts all back.
    #[cfg(target_arch = "x86_64")]
    #[track_caller]
    fn is_undone_after_an_error(&self, command: &[&str]) {
        for at in 1.. {
            self.start.put(&self.shop());
            let fate = Fate::Fails(Errno::EACCES);
            let ended = run(
                &mut self.quiet(command),
                FileSystem::Real,
                Calls::FilesAndStarts,
                fate,
                at,
            );
            let when = format!("{command:?} when call {at} fails");
            self.hooks_are_safe(&Tree::of(&self.shop()), &when);
            self.home.tool(&self.shop(), UNINSTALL).succeeded();
            assert_same(&Tree::of(&self.shop()), &self.before, &when);
            if matches!(ended, Ended::Exited(0, calls) if calls < at) {
                return;
            }
        }
    }

    /// As it should be, but for what could not be removed: that goes with the hooks.
    #[cfg(target_arch = "x86_64")]
    #[track_caller]
    fn is_done(&self, mut now: Tree, done: &Tree, when: &str) {
        now.nodes
            .retain(|path, _| !path.to_string_lossy().contains(".jenkins-trigger-new"));
        assert_same(&now, done, when);
        self.home.tool(&self.shop(), UNINSTALL).succeeded();
        assert_same(
            &Tree::of(&self.shop()),
            &self.before,
            &format!("{when}, then uninstall"),
        );
    }

    #[track_caller]
    fn check(&self, killed: &Tree, installed: &Tree, when: &str) {
        self.hooks_are_safe(killed, when);
        self.a_commit_runs_the_hook_once(when);

        killed.put(&self.shop());
        self.home.tool(&self.shop(), UNINSTALL).succeeded();
        assert_same(
            &Tree::of(&self.shop()),
            &self.before,
            &format!("{when}, then uninstall"),
        );

        killed.put(&self.shop());
        self.home.tool(&self.shop(), self.install).succeeded();
        // And what that one is undone to is known.
        assert_same(
            &Tree::of(&self.shop()),
            installed,
            &format!("{when}, then install"),
        );
    }

    /// Each of the user's hooks is in its place, or where the one of ours that is there says.
    #[track_caller]
    fn hooks_are_safe(&self, now: &Tree, when: &str) {
        for (path, users) in &self.before.nodes {
            if !path.starts_with(&self.hooks) || matches!(users, Node::Folder(_)) {
                continue;
            }
            let found = now.nodes.get(path);
            if found == Some(users) {
                continue;
            }
            let chained = found.and_then(Node::chained).unwrap_or_default();
            let aside = now.nodes.get(&path.with_file_name(chained));
            assert_eq!(aside, Some(users), "{when}: {} in {now:#?}", path.display());
        }
    }

    #[track_caller]
    fn a_commit_runs_the_hook_once(&self, when: &str) {
        let ran = self.home.path("ran");
        let hook = self.before.nodes.get(&self.hooks.join("post-commit"));
        let expected = match hook {
            Some(Node::File(mode, _)) if mode & 0o111 != 0 => "ran ",
            Some(Node::Link(target)) if target.is_absolute() => "ran ",
            _ => "",
        };
        // Our script alone runs it where it is switched off, else the program does.
        for switch in ["0", ""] {
            fs::write(&ran, "").expect("a file");
            let mut git = self.home.command("git", &self.shop());
            git.args(["commit", "-q", "--allow-empty", "-m", "one"])
                .env("JENKINS_TRIGGER", switch);
            let said = Ran::of(&mut git);
            assert_eq!(said.code, 0, "{when}: {}", said.whole());
            assert_eq!(
                fs::read_to_string(&ran).expect("a file"),
                expected,
                "{when}: {}\n{:#?}",
                said.whole(),
                Tree::of(&self.shop().join(&self.hooks))
            );
        }
    }
}

/// Once with each git would be the same: none of what is killed depends on it.
fn git() -> Git {
    gits()[0].clone()
}

fn a_script(scenario: &Scenario) -> Node {
    scenario.hook()
}

fn a_link(scenario: &Scenario) -> Node {
    let target = scenario.home.path("scripts/hook");
    if !target.exists() {
        scenario.hook().put(&target);
    }
    Node::Link(target)
}

fn a_dangling_link(_: &Scenario) -> Node {
    Node::Link("nowhere".into())
}

fn not_executable(scenario: &Scenario) -> Node {
    match scenario.hook() {
        Node::File(_, content) => Node::File(0o640, content),
        other => other,
    }
}

/// Repositories with every kind of hook that may have been there before.
fn over_foreign_hooks() -> [Scenario; 2] {
    let one = |hooks: [Hook; 3]| {
        Scenario::new(&git()).with_hooks(&[
            ("post-commit", hooks[0]),
            ("post-merge", hooks[1]),
            ("post-rewrite", hooks[2]),
            ("pre-commit", not_executable),
        ])
    };
    [
        one([a_script, a_dangling_link, not_executable]),
        one([a_link, a_script, a_dangling_link]),
    ]
}

#[test]
fn an_installation_into_an_empty_folder() {
    Scenario::new(&git()).with_hooks(&[]).survives(INSTALL);
}

#[test]
fn an_installation_without_a_folder() {
    Scenario::new(&git()).survives(INSTALL);
}

#[test]
fn an_installation_without_two_levels_of_folders_in_the_work_tree() {
    let scenario = || Scenario::new(&git()).with_hooks_path("tools/hooks");
    scenario().survives(INSTALL);
    scenario().after(INSTALL).survives(UNINSTALL);
}

#[test]
fn an_installation_over_foreign_hooks() {
    for scenario in over_foreign_hooks() {
        scenario.survives(INSTALL);
    }
}

#[test]
fn an_installation_over_foreign_hooks_in_the_work_tree() {
    let scenario = || {
        Scenario::new(&git())
            .with_hooks_path("tools/hooks")
            .with_hooks(&[("post-commit", a_script), ("post-merge", not_executable)])
    };
    scenario().survives(INSTALL);
    scenario().after(INSTALL).survives(UNINSTALL);
}

/// The whole `.git/info` may be missing, and the exclude file may be the user's.
#[test]
fn an_installation_in_the_work_tree_beside_an_exclude_file_of_the_users() {
    let scenario = || {
        Scenario::new(&git())
            .with(|_, shop| {
                fs::create_dir(shop.join(".git/info")).expect("a folder");
                Node::File(0o640, "mine".into()).put(&shop.join(".git/info/exclude"));
            })
            .with_hooks_path("hooks")
    };
    scenario().survives(INSTALL);
    scenario().after(INSTALL).survives(UNINSTALL);
}

#[test]
fn a_renewal() {
    Scenario::new(&git()).after(INSTALL).survives(INSTALL);
    let off = Scenario::new(&git()).with_hooks(&[("post-commit", not_executable)]);
    off.after(INSTALL).survives(INSTALL);
    for scenario in over_foreign_hooks() {
        scenario.after(INSTALL).survives(INSTALL);
    }
}

#[test]
fn taking_out() {
    Scenario::new(&git()).after(INSTALL).survives(UNINSTALL);
    Scenario::new(&git())
        .with_hooks(&[])
        .after(INSTALL)
        .survives(UNINSTALL);
    for scenario in over_foreign_hooks() {
        scenario.after(INSTALL).survives(UNINSTALL);
    }
}

/// Repositories with a git that knows hooks in its config.
fn with_config_hooks() -> Option<impl Fn(&'static [&'static str]) -> Scenario> {
    let Some(git) = gits().into_iter().find(|git| git.supports(2, 54)) else {
        skipped("there is no git 2.54 or newer on the PATH");
        return None;
    };
    Some(move |install| Scenario {
        install,
        ..Scenario::new(&git).with_hooks(&[("post-commit", a_script)])
    })
}

/// Between two calls of `git config` as well.
#[test]
fn hooks_in_the_git_config() {
    let Some(scenario) = with_config_hooks() else {
        return;
    };
    scenario(BY_CONFIG).survives(BY_CONFIG);
    scenario(BY_CONFIG).after(BY_CONFIG).survives(BY_CONFIG);
    scenario(BY_CONFIG).after(BY_CONFIG).survives(UNINSTALL);
    scenario(BY_CONFIG).after(BY_FILE).survives(BY_CONFIG);
    scenario(BY_FILE).after(BY_CONFIG).survives(BY_FILE);
}

/// Many file systems cannot let two files change places.
#[cfg(target_arch = "x86_64")]
#[test]
fn without_an_exchange_of_files() {
    for scenario in over_foreign_hooks() {
        scenario.is_all_or_nothing_on(FileSystem::WithoutExchange, INSTALL);
        scenario.survives_on(FileSystem::WithoutExchange, Calls::Files, INSTALL);
        let scenario = scenario.after(INSTALL);
        scenario.is_all_or_nothing_on(FileSystem::WithoutExchange, INSTALL);
        scenario.survives_on(FileSystem::WithoutExchange, Calls::Files, INSTALL);
        scenario.survives_on(FileSystem::WithoutExchange, Calls::Files, UNINSTALL);
    }
}

#[cfg(target_arch = "x86_64")]
#[test]
fn an_installation_is_all_or_nothing() {
    Scenario::new(&git()).is_all_or_nothing(INSTALL);
    Scenario::new(&git())
        .with_hooks_path("tools/hooks")
        .is_all_or_nothing(INSTALL);
    for scenario in over_foreign_hooks() {
        scenario.is_all_or_nothing(INSTALL);
        scenario.after(INSTALL).is_all_or_nothing(INSTALL);
    }
}

#[cfg(target_arch = "x86_64")]
#[test]
fn an_installation_into_the_git_config_is_all_or_nothing() {
    let Some(scenario) = with_config_hooks() else {
        return;
    };
    scenario(BY_CONFIG).is_all_or_nothing(BY_CONFIG);
    scenario(BY_FILE).after(BY_CONFIG).is_all_or_nothing(BY_FILE);
}

#[cfg(target_arch = "x86_64")]
#[test]
fn moving_into_the_git_config_is_undone_after_an_error() {
    let Some(scenario) = with_config_hooks() else {
        return;
    };
    scenario(BY_CONFIG)
        .after(BY_FILE)
        .is_undone_after_an_error(BY_CONFIG);
}

#[cfg(target_arch = "x86_64")]
#[test]
fn taking_out_is_done_again_after_an_error() {
    Scenario::new(&git())
        .after(INSTALL)
        .is_undone_after_an_error(UNINSTALL);
    Scenario::new(&git())
        .with_hooks_path("tools/hooks")
        .after(INSTALL)
        .is_undone_after_an_error(UNINSTALL);
    for scenario in over_foreign_hooks() {
        scenario.after(INSTALL).is_undone_after_an_error(UNINSTALL);
    }
}

/// Says loudly that a test could not run here.
#[allow(clippy::print_stderr, reason = "the harness shows what a test prints")]
fn skipped(reason: &str) {
    eprintln!("SKIPPED: {reason}");
}

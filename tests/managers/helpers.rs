//! A repository that a hook manager looks after, and what to hold against it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use bstr::{BString, ByteSlice as _};
use jenkins_stand_in::StandIn;

use crate::support::{Home, Ran, Repository, program, with_each_git};
use crate::watch::{commits, file_for_all, said, shop_with_sha};

/// The hooks that git runs ours from.
pub const HOOKS: [&str; 3] = ["post-commit", "post-merge", "post-rewrite"];

/// Files by their path: mode and content.
pub type Files = BTreeMap<PathBuf, (u32, BString)>;

/// A repository in which the managers are at hand, and nothing is committed yet.
pub struct Managed<'a> {
    pub repository: Repository<'a>,
    pub jenkins: &'a StandIn,
}

/// Runs a test with every git; the managers are on the PATH, and so is the program under test,
/// because a manager's configuration file calls it by its name.
#[expect(
    clippy::disallowed_methods,
    reason = "this names what the tests need, not the program"
)]
pub fn with_managers(test: impl Fn(&Managed<'_>)) {
    let folder = std::env::var_os("HOOK_MANAGERS");
    let folder = folder.expect("HOOK_MANAGERS is unset; set it to what tests/hook-managers prints");
    let installed = PathBuf::from(folder).join("bin");
    with_each_git(|home| {
        for name in ["lefthook", "husky", "pre-commit", "prek", "git-lfs"] {
            symlink(installed.join(name), home.path("bin").join(name)).expect("a link");
        }
        symlink(program(), home.path("bin/jenkins-trigger")).expect("a link");
        let jenkins = StandIn::start(shop_with_sha());
        let repository = home.repository("shop", &file_for_all(&jenkins));
        test(&Managed {
            repository,
            jenkins: &jenkins,
        });
    });
}

/// Says with which manager a test failed.
#[expect(clippy::print_stderr, reason = "the test harness shows it only then")]
pub fn note(manager: &str) {
    eprintln!("with {manager}");
}

impl Managed<'_> {
    pub fn home(&self) -> &Home {
        self.repository.home
    }

    /// A manager's command, whatever it answers.
    pub fn try_run(&self, command: &[&str]) -> Ran {
        let mut process = self.home().command(command[0], &self.repository.folder);
        Ran::of(process.args(&command[1..]))
    }

    /// A manager's command, which must succeed.
    #[track_caller]
    pub fn run(&self, command: &[&str]) -> Ran {
        self.try_run(command).succeeded()
    }

    pub fn install(&self) -> Ran {
        self.repository.install()
    }

    /// Whether the installed hook is one of git's configuration.
    pub fn uses_config_hook(&self) -> bool {
        let command = ["config", "--local", "hook.jenkins-trigger.command"];
        self.repository.try_git(&command).code == 0
    }

    pub fn uninstall(&self) -> Ran {
        self.repository.tool(&["uninstall"]).succeeded()
    }

    /// Whether git runs hooks from its configuration too.
    pub fn has_config_hooks(&self) -> bool {
        self.home().git.supports(2, 54)
    }

    /// The hooks folder that git has when nothing else is configured.
    pub fn hooks(&self) -> PathBuf {
        self.repository.path(".git/hooks")
    }

    /// What is in a folder, without git's examples.
    pub fn files(&self, folder: &str) -> Files {
        let mut found = Files::new();
        let mut folders = vec![self.repository.path(folder)];
        while let Some(next) = folders.pop() {
            for entry in fs::read_dir(&next).expect("a folder") {
                let path = entry.expect("an entry").path();
                let metadata = fs::symlink_metadata(&path).expect("metadata");
                if metadata.is_dir() {
                    folders.push(path);
                } else if path.extension().is_none_or(|extension| extension != "sample") {
                    let content = fs::read(&path).expect("a file").into();
                    found.insert(path, (metadata.permissions().mode(), content));
                }
            }
        }
        found
    }

    /// Those of the files that are not ours.
    pub fn foreign(&self, folder: &str) -> Files {
        let mut files = self.files(folder);
        files.retain(|_, (_, content)| !is_ours(content));
        files
    }

    /// All files that ours or a manager writes, and the repository's git config.
    pub fn state(&self) -> Files {
        let mut files = self.files(".git/hooks");
        if self.repository.path(".husky").exists() {
            files.extend(self.files(".husky"));
        }
        let config = self.repository.git(&["config", "--local", "--list"]).stdout;
        files.insert("git config".into(), (0, config.into()));
        files
    }

    /// A commit; asserts what follows.
    #[track_caller]
    pub fn commit(&self, jobs: usize, triggers: usize) -> Ran {
        self.watch(jobs, triggers, || self.repository.commit("a commit"))
    }

    /// Runs a git command; asserts that the manager's own hooks ran so many times meanwhile, that
    /// so many triggers were announced, and that nobody complained.
    #[track_caller]
    fn watch(&self, jobs: usize, triggers: usize, command: impl FnOnce() -> Ran) -> Ran {
        let before = self.jobs_done();
        let ran = command();
        let done = self.jobs_done() - before;
        assert_eq!(
            done,
            jobs,
            "the manager's own hooks ran {done} times\n{}",
            ran.whole()
        );
        let announced = said(&ran).iter().filter(|line| line.contains(" → ")).count();
        assert_eq!(announced, triggers, "{}", ran.whole());
        let complaints = ran.stderr.to_lowercase();
        for word in ["bug:", "error", "failed", "not found", "no such"] {
            assert!(!complaints.contains(word), "{}", ran.whole());
        }
        ran
    }

    /// Three commits of which each fires once and does the manager's job once; Jenkins got just
    /// these and what came before. It got the second one before the third, so whatever
    /// the first two set off is here by now.
    #[track_caller]
    pub fn assert_both_work(&self, before: &[String]) -> Vec<String> {
        let mut expected = before.to_vec();
        for _ in 0..3 {
            self.commit(1, 1);
            expected.push(self.repository.head());
            self.wait_for(&expected);
        }
        expected
    }

    /// A merge and a rebase: each fires once, however often the manager's own hooks run.
    #[track_caller]
    pub fn assert_merge_and_rebase_fire(&self, before: &[String], merge_jobs: usize, rebase_jobs: usize) {
        let git = |arguments: &[&str]| self.repository.git(arguments);
        let mut expected = before.to_vec();
        let side = git(&["commit-tree", "HEAD^{tree}", "-p", "HEAD~1", "-m", "aside"]).stdout;
        self.watch(merge_jobs, 1, || {
            git(&["merge", "--no-edit", "--no-ff", side.trim()])
        });
        expected.push(self.repository.head());
        self.wait_for(&expected);
        self.commit(1, 1);
        expected.push(self.repository.head());
        self.commit(1, 1);
        expected.push(self.repository.head());
        // Another time, else the commits come out as they are.
        self.watch(rebase_jobs, 1, || {
            git(&["rebase", "--force-rebase", "--ignore-date", "HEAD~2"])
        });
        expected.push(self.repository.head());
        self.wait_for(&expected);
    }

    /// The manager goes on alone: nothing fires, and the spool gets nothing.
    #[track_caller]
    pub fn assert_it_works_alone(&self) {
        let before = self.repository.journal().len();
        for _ in 0..2 {
            self.commit(1, 0);
        }
        assert_eq!(self.repository.spooled("new"), [] as [PathBuf; 0]);
        assert_eq!(self.repository.journal().len(), before);
    }

    #[track_caller]
    pub fn wait_for(&self, expected: &[String]) {
        self.repository.wait_for_journal(expected.len());
        assert_eq!(commits(self.jenkins), expected);
    }

    /// `status` says that all is well.
    #[track_caller]
    pub fn assert_status_is_good(&self) {
        self.repository.tool(&["status"]).succeeded();
    }

    /// `status` says that a commit does not trigger, and names what is to be looked at.
    #[track_caller]
    pub fn assert_status_tells(&self, words: &[&str]) {
        let status = self.repository.tool(&["status"]);
        assert_eq!(status.code, 1, "{}", status.whole());
        for word in words {
            assert!(
                status.whole().contains(word),
                "no {word:?} in\n{}",
                status.whole()
            );
        }
    }

    /// Nothing of ours is left in the folder or in the git config.
    #[track_caller]
    pub fn assert_nothing_is_left(&self, folder: &str) {
        for (path, (_, content)) in self.files(folder) {
            assert!(!is_ours(&content), "{} is ours", path.display());
            assert!(
                !path.to_string_lossy().contains("before-jenkins-trigger"),
                "{} is left",
                path.display()
            );
        }
        let config = self.repository.git(&["config", "--list"]).stdout;
        assert!(!config.contains("hook.jenkins-trigger"), "{config}");
    }

    /// What a manager's hook says in order to be counted.
    pub fn job() -> &'static str {
        "echo done >>$HOME/jobs"
    }

    fn jobs_done(&self) -> usize {
        let path = self.home().path("home/jobs");
        fs::read(path).map_or(0, |content| content.lines().count())
    }
}

/// Asserts that two states are the same, and names the files that differ.
#[track_caller]
pub fn assert_same(now: &Files, before: &Files) {
    let all: BTreeSet<&PathBuf> = now.keys().chain(before.keys()).collect();
    let differing: Vec<&PathBuf> = all
        .into_iter()
        .filter(|path| now.get(*path) != before.get(*path))
        .collect();
    assert_eq!(differing, [] as [&PathBuf; 0], "these are new, gone or changed");
}

pub fn is_ours(content: &[u8]) -> bool {
    content.contains_str("# jenkins-trigger hook, version ")
}

/// Writes an executable script.
pub fn write_script(path: &Path, content: &str) {
    fs::write(path, content).expect("a script");
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("its mode");
}

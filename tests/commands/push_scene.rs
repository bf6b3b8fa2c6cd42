//! A server whose own log is the truth about what it took, and a clone to push from.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use jenkins_stand_in::{Job, Setup, StandIn};

use crate::helpers::{file_for, put_hook};
use crate::support::{Home, Ran, Repository, developer, program};

/// Every branch, and the tags that begin with `v`.
pub const RULES: &str = "  - { job: shop/deploy, events: [post-push], parameters: { SHA: \"${sha}\" } }\n  \
                         - { name: tags, job: shop/deploy, tags: [\"v*\"], \
                         parameters: { SHA: \"${sha}\", TAG: \"${tag}\" } }\n";

pub struct Scene<'a> {
    pub home: &'a Home,
    pub server: PathBuf,
    pub clone: Repository<'a>,
    pub jenkins: StandIn,
}

pub fn jenkins() -> Setup {
    Setup::new().user(developer()).job(
        Job::new("shop/deploy")
            .string_parameter("BRANCH", "")
            .string_parameter("TAG", "")
            .string_parameter("SHA", ""),
    )
}

pub fn scene(home: &Home) -> Scene<'_> {
    scene_with(home, RULES)
}

pub fn scene_with<'a>(home: &'a Home, rules: &str) -> Scene<'a> {
    scene_in(home, rules, &[])
}

/// The same, with options for `git init`.
pub fn scene_in<'a>(home: &'a Home, rules: &str, options: &[&str]) -> Scene<'a> {
    let jenkins = StandIn::start(jenkins());
    let clone = home.repository_with("shop", &file_for(&jenkins, rules), options);
    clone.commit("first");
    clone.tool(&["trust"]).succeeded();
    let scene = Scene {
        home,
        server: home.path("server.git"),
        clone,
        jenkins,
    };
    scene.add_server("server.git", options);
    scene.clone.git(&["remote", "add", "origin", "../server.git"]);
    // What it is called otherwise may be another git's.
    scene
        .clone
        .git(&["config", "remote.origin.receivepack", "git receive-pack"]);
    scene
}

impl Scene<'_> {
    /// A bare repository that logs what it takes.
    pub fn add_server(&self, name: &str, options: &[&str]) {
        let top = self.home.path("");
        self.home
            .git(&top, &[&["init", "-q", "--bare"], options, &[name]].concat());
        let log = self.home.path("taken");
        let script = format!(
            "#!/bin/sh\nwhile read old new name; do echo \"$new $name\" >> '{}'; done\n",
            log.display()
        );
        put_hook(&self.home.path(name).join("hooks/post-receive"), script, 0o755);
    }

    /// Has the server refuse this branch.
    pub fn refuse(&self, branch: &str) {
        let script = format!("#!/bin/sh\n[ \"$1\" != refs/heads/{branch} ]\n");
        put_hook(&self.server.join("hooks/update"), script, 0o755);
    }

    /// The hook before a push, as it is installed.
    pub fn install(&self) {
        let script = format!("#!/bin/sh\nexec '{}' hook pre-push \"$@\"\n", program().display());
        put_hook(&self.clone.hooks().join("pre-push"), script, 0o755);
    }

    pub fn commit(&self, message: &str) -> String {
        self.clone.commit(message);
        self.clone.head()
    }

    pub fn branch(&self, name: &str) -> String {
        self.clone.git(&["checkout", "-q", "-b", name]);
        self.commit(name)
    }

    #[allow(clippy::print_stderr, reason = "the harness shows what a test prints")]
    pub fn push(&self, arguments: &[&str]) -> Ran {
        let ran = self.clone.tool(&[&["push"], arguments].concat());
        eprintln!("{}", ran.whole());
        ran
    }

    pub fn push_in(&self, arguments: &[&str], change: impl FnOnce(&mut Command)) -> Ran {
        self.clone.tool_in(&[&["push"], arguments].concat(), change)
    }

    /// What the server took, deletions left out, as `<branch or tag> <commit>`, sorted.
    pub fn taken(&self) -> Vec<String> {
        let log = fs::read_to_string(self.home.path("taken")).unwrap_or_default();
        let mut taken: Vec<String> = log
            .lines()
            .filter_map(|line| line.split_once(' '))
            .filter(|(id, _)| id.bytes().any(|digit| digit != b'0'))
            .map(|(id, name)| {
                let commit = self.clone.git(&["rev-parse", &format!("{id}^{{commit}}")]);
                let name = name.trim_start_matches("refs/heads/");
                format!(
                    "{} {}",
                    name.trim_start_matches("refs/tags/"),
                    commit.stdout.trim()
                )
            })
            .collect();
        taken.sort();
        taken
    }

    /// What Jenkins was asked for, in the same manner.
    pub fn fired(&self) -> Vec<String> {
        let mut fired: Vec<String> = self
            .jenkins
            .posts()
            .iter()
            .filter(|request| request.method == "POST")
            .map(|request| {
                let value = |name: &str| request.form_values(name).concat();
                let name = value("BRANCH") + &value("TAG");
                format!("{name} {}", value("SHA"))
            })
            .collect();
        fired.sort();
        fired
    }

    /// That Jenkins was asked for exactly what the server took, and that this is so much.
    #[track_caller]
    pub fn assert_fired(&self, count: usize) {
        let taken = self.taken();
        assert_eq!(self.fired(), taken);
        assert_eq!(taken.len(), count);
        assert!(
            self.clone.spooled("pushes").is_empty(),
            "something is left to be decided"
        );
        assert!(
            self.clone.spooled("new").is_empty(),
            "something is left to be sent"
        );
    }
}

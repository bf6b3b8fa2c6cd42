//! Somebody who pushes, a server that writes down what it took, and a Jenkins that is triggered:
//! the two must agree.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use jenkins_stand_in::{Job, Setup, StandIn};

use crate::server::{Server, Taken, Way};
use crate::support::{Home, Ran, Repository, developer, gits, wait_for};

pub struct Scene<'a> {
    pub home: &'a Home,
    pub jenkins: StandIn,
    pub server: Server<'a>,
    pub clone: Repository<'a>,
    /// The spool of the clone.
    pub spool: PathBuf,
}

/// A Jenkins with one job for branches and one for tags, which take all there is to know.
pub fn jenkins() -> StandIn {
    let job = |name: &str| {
        ["BRANCH", "TAG", "SHA", "REF", "REMOTE", "OLD"]
            .into_iter()
            .fold(Job::new(name), |job, parameter| {
                job.string_parameter(parameter, "")
            })
    };
    StandIn::start(
        Setup::new()
            .user(developer())
            .job(job("shop/deploy"))
            .job(job("shop/release"))
            .job(job("shop/other")),
    )
}

/// A file with a rule for every branch and one for every tag.
pub fn file(jenkins: &StandIn) -> String {
    format!(
        "version: 1\nserver: {}\nmax_triggers: 1000\ndefaults: {{ events: [post-push] }}\njobs:\n\
         \x20 - {{ job: shop/deploy, parameters: {{ SHA: \"${{sha}}\", REF: \"${{ref}}\", REMOTE: \"${{remote}}\", OLD: \"${{old_sha}}\" }} }}\n\
         \x20 - {{ job: shop/release, tags: [\"**\"], parameters: {{ SHA: \"${{sha}}\", REF: \"${{ref}}\", TAG: \"${{tag}}\" }} }}\n",
        jenkins.url()
    )
}

impl<'a> Scene<'a> {
    /// `main` is there on both sides, as remote `origin`, and the hook is installed.
    pub fn over(home: &'a Home, way: Way) -> Self {
        Self::with(home, way, &[])
    }

    pub fn by_path(home: &'a Home) -> Self {
        Self::over(home, Way::Path)
    }

    /// The same, with options for `git init`.
    pub fn with(home: &'a Home, way: Way, options: &[&str]) -> Self {
        let scene = Self::without_hook(home, way, options);
        scene.install(&scene.clone.folder);
        scene
    }

    pub fn without_hook(home: &'a Home, way: Way, options: &[&str]) -> Self {
        let jenkins = jenkins();
        // Only the kind of ids must be the same on both sides.
        let format: Vec<&str> = options
            .iter()
            .copied()
            .filter(|option| option.starts_with("--object-format"))
            .collect();
        let server = Server::with(home, "server.git", way, &format);
        let clone = home.repository_with("clone", &file(&jenkins), options);
        clone.commit("base");
        clone.git(&["remote", "add", "origin", &server.url()]);
        let spool = clone.spool();
        let scene = Self {
            home,
            jenkins,
            server,
            clone,
            spool,
        };
        scene.pushed(&["origin", "main"]);
        scene.server.news();
        scene
    }

    /// Installs the hook and trusts the file's server.
    pub fn install(&self, folder: &Path) {
        self.home.tool(folder, &["install", "post-push"]).succeeded();
    }

    /// git in the clone, with what it takes to reach the server.
    pub fn command(&self, folder: &Path, arguments: &[&str]) -> Command {
        let mut command = self.home.command("git", folder);
        command.args(arguments);
        if let Some(ssh) = self.server.ssh_command() {
            command.env("GIT_SSH_COMMAND", ssh);
        }
        command
    }

    /// `git push`, whatever becomes of it.
    pub fn push(&self, arguments: &[&str]) -> Ran {
        self.push_from(&self.clone.folder, arguments)
    }

    pub fn push_from(&self, folder: &Path, arguments: &[&str]) -> Ran {
        let ran = Ran::of(&mut self.command(folder, &[&["push"], arguments].concat()));
        // It belongs to whoever reads it, and that may be a program.
        let ours: Vec<&str> = ran
            .stdout
            .lines()
            .filter(|line| line.contains("jenkins"))
            .collect();
        assert!(ours.is_empty(), "{}", ran.whole());
        ran
    }

    /// `git push`, which must succeed.
    #[track_caller]
    pub fn pushed(&self, arguments: &[&str]) -> Ran {
        self.push(arguments).succeeded()
    }

    /// `git push`, which must fail.
    #[track_caller]
    pub fn refused(&self, arguments: &[&str]) -> Ran {
        let ran = self.push(arguments);
        assert_ne!(ran.code, 0, "{}", ran.whole());
        ran
    }

    /// One more commit on the branch that is checked out.
    pub fn commit(&self, message: &str) -> String {
        self.clone.git(&["commit", "-q", "--allow-empty", "-m", message]);
        self.clone.head()
    }

    /// A commit for each of these branches, which are new.
    pub fn branches(&self, names: &[&str]) {
        for name in names {
            self.clone.git(&["checkout", "-q", "-b", name, "main"]);
            self.commit(name);
        }
        self.clone.git(&["checkout", "-q", "main"]);
    }

    /// What Jenkins was told since the last call, sorted.
    pub fn triggered(&self) -> Vec<Taken> {
        let mut triggered: Vec<Taken> = self
            .jenkins
            .take_requests()
            .iter()
            .filter(|request| request.method == "POST")
            .map(|request| {
                let value = |name: &str| request.form_values(name).concat();
                let reference = value("REF");
                let name = match request.path() {
                    "/job/shop/job/release/buildWithParameters" => format!("refs/tags/{}", value("TAG")),
                    _ => format!("refs/heads/{}", value("BRANCH")),
                };
                assert_eq!(name, reference);
                Taken {
                    reference,
                    commit: value("SHA"),
                }
            })
            .collect();
        triggered.sort();
        triggered
    }

    /// Everything is decided, and Jenkins has it.
    #[track_caller]
    pub fn settle(&self) {
        settle(&self.spool);
    }

    /// What was pushed since the last call set off what the server took and nothing else, and that
    /// is these branches, and tags as `tags/NAME`.
    #[track_caller]
    pub fn assert_fired(&self, names: &[&str]) {
        self.settle();
        let news = self.server.news();
        let taken = self.server.taken(&news);
        assert_eq!(self.triggered(), taken, "the server wrote: {news:#?}");
        let mut expected: Vec<String> = names.iter().map(|name| full(name)).collect();
        expected.sort();
        let found: Vec<&str> = taken.iter().map(|taken| taken.reference.as_str()).collect();
        assert_eq!(found, expected, "the server wrote: {news:#?}");
    }
}

/// The whole name of a reference that may be one of a branch or `tags/NAME`.
fn full(name: &str) -> String {
    if name.starts_with("tags/") {
        format!("refs/{name}")
    } else {
        format!("refs/heads/{name}")
    }
}

/// Everything in this spool is decided, and Jenkins has it.
#[track_caller]
pub fn settle(spool: &Path) {
    for folder in ["pushes", "new"] {
        wait_for(&format!("{folder} to be empty in {}", spool.display()), || {
            entries(&spool.join(folder)).is_empty().then_some(())
        });
    }
}

pub fn entries(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    entries.filter_map(|entry| Some(entry.ok()?.path())).collect()
}

/// As `with_each_git`, at the same time: for tests that wait most of it.
pub fn with_all_gits(test: impl Fn(&Home) + Sync) {
    thread::scope(|scope| {
        for git in gits() {
            let test = &test;
            scope.spawn(move || {
                let home = Home::new(&git);
                test(&home);
            });
        }
    });
}

/// The lines that our hook wrote into git's stderr.
pub fn said(ran: &Ran) -> Vec<&str> {
    ran.stderr
        .lines()
        .filter(|line| line.contains("jenkins-trigger"))
        .collect()
}

/// Makes of each scenario a test over each way.
macro_rules! over_each_way {
    ($($scenario:ident),+ $(,)?) => {
        mod by_path {
            $(#[test]
            fn $scenario() {
                crate::scene::with_all_gits(|home| super::$scenario(&crate::scene::Scene::by_path(home)));
            })+
        }

        mod over_http {
            $(#[test]
            fn $scenario() {
                let way = crate::server::Way::Http;
                crate::scene::with_all_gits(|home| super::$scenario(&crate::scene::Scene::over(home, way)));
            })+
        }

        mod over_ssh {
            $(#[test]
            #[ignore = "needs sshd: see .ci/run"]
            fn $scenario() {
                let way = crate::server::Way::Ssh;
                crate::scene::with_all_gits(|home| super::$scenario(&crate::scene::Scene::over(home, way)));
            })+
        }
    };
}

pub(crate) use over_each_way;

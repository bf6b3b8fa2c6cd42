//! The other side of a push: a repository that writes down what it took.

use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};

use crate::http::HttpServer;
use crate::ssh::Sshd;
use crate::support::{Home, write_script};

/// How to get there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    Path,
    Ssh,
    Http,
}

/// A bare repository that refuses branches with `refused` in their names one by one, and a whole
/// push with `forbidden` in any.
#[derive(Debug)]
pub struct Server<'a> {
    home: &'a Home,
    pub bare: PathBuf,
    /// What its `post-receive` got, line by line: the truth.
    log: PathBuf,
    /// What of that was looked at.
    seen: Cell<usize>,
    pub door: Door,
}

#[derive(Debug)]
pub enum Door {
    Path,
    Ssh(Sshd),
    Http(HttpServer),
}

/// What the server took for a reference; nothing for its deletion.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Taken {
    pub reference: String,
    /// A commit, whatever it was pushed as.
    pub commit: String,
}

impl<'a> Server<'a> {
    pub fn new(home: &'a Home, name: &str, way: Way) -> Self {
        Self::with(home, name, way, &[])
    }

    /// The same, with options for `git init`.
    pub fn with(home: &'a Home, name: &str, way: Way, options: &[&str]) -> Self {
        let root = home.path("");
        home.git(&root, &[&["init", "-q", "--bare"], options, &[name]].concat());
        let bare = root.join(name);
        home.git(&bare, &["config", "http.receivepack", "true"]);
        let log = home.path(format!("{name}.log"));
        let server = Self {
            door: match way {
                Way::Path => Door::Path,
                Way::Ssh => Door::Ssh(Sshd::start(home)),
                Way::Http => Door::Http(HttpServer::start(home, &root)),
            },
            home,
            bare,
            log,
            seen: Cell::new(0),
        };
        server.hook("post-receive", "");
        server.hook("update", "case $1 in *refused*) exit 1 ;; esac");
        server.hook("pre-receive", "! grep -q forbidden");
        server
    }

    /// Writes a hook; that the push is written down is not for it to say.
    pub fn hook(&self, name: &str, script: &str) {
        let write_down = match name {
            "post-receive" => format!("cat >>'{}'\n", self.log.display()),
            _ => String::new(),
        };
        let path = self.bare.join("hooks").join(name);
        write_script(&path, format!("#!/bin/sh\n{write_down}{script}\n"), 0o755);
    }

    pub fn url(&self) -> String {
        match &self.door {
            Door::Path => self.bare.display().to_string(),
            Door::Ssh(sshd) => sshd.url(&self.bare),
            Door::Http(http) => {
                let name = self.bare.file_name().expect("a name");
                http.url(&name.to_string_lossy())
            }
        }
    }

    /// What `GIT_SSH_COMMAND` must be.
    pub fn ssh_command(&self) -> Option<String> {
        match &self.door {
            Door::Ssh(sshd) => Some(sshd.command()),
            _ => None,
        }
    }

    #[track_caller]
    pub fn http(&self) -> &HttpServer {
        match &self.door {
            Door::Http(http) => http,
            _ => panic!("this one speaks no HTTP"),
        }
    }

    /// Somebody with access to the server moves a branch there.
    pub fn move_branch(&self, branch: &str, to: &str) {
        let reference = format!("refs/heads/{branch}");
        self.home.git(&self.bare, &["update-ref", &reference, to]);
    }

    pub fn delete_branch(&self, branch: &str) {
        let reference = format!("refs/heads/{branch}");
        self.home.git(&self.bare, &["update-ref", "-d", &reference]);
    }

    /// The lines of `post-receive` since the last call.
    pub fn news(&self) -> Vec<String> {
        let lines = lines(&self.log);
        lines[self.seen.replace(lines.len())..].to_vec()
    }

    /// Of these lines the branches and tags that were not deleted and name a commit.
    pub fn taken(&self, news: &[String]) -> Vec<Taken> {
        let mut taken: Vec<Taken> = news.iter().filter_map(|line| self.read(line)).collect();
        taken.sort();
        taken
    }

    fn read(&self, line: &str) -> Option<Taken> {
        let words: Vec<&str> = line.splitn(3, ' ').collect();
        let &[_, new, reference] = words.as_slice() else {
            panic!("{line:?}")
        };
        let is_ours = reference.starts_with("refs/heads/") || reference.starts_with("refs/tags/");
        if !is_ours || new.bytes().all(|byte| byte == b'0') {
            return None;
        }
        let commit = format!("{new}^{{commit}}");
        let peeled = self
            .home
            .try_git(&self.bare, &["rev-parse", "-q", "--verify", &commit]);
        (peeled.code == 0).then(|| Taken {
            reference: reference.to_owned(),
            commit: peeled.stdout.trim().to_owned(),
        })
    }
}

fn lines(log: &Path) -> Vec<String> {
    let log = fs::read_to_string(log).unwrap_or_default();
    log.lines().map(str::to_owned).collect()
}

//! File systems that refuse, things that are no files, and several at once: said with the path,
//! and nothing changed.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::{Git, Home, PATIENCE, Ran, copy_program, gits, program};
use crate::tree::{Node, Tree, assert_same};

const INSTALL: &[&str] = &["install", "post-commit"];

/// Whom root's tests run the tool as: nobody may write to what is not his.
const NOBODY: u32 = 65534;

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// A repository of a user who is not root.
struct Shop {
    home: Home,
    folder: PathBuf,
}

impl Shop {
    fn new() -> Self {
        Self::with(&gits()[0])
    }

    fn with(git: &Git) -> Self {
        let home = Home::new(git);
        let folder = home.path("shop");
        fs::create_dir(&folder).expect("a folder");
        home.git(&folder, &["init", "-q", "--template="]);
        let own = home.path("bin/jenkins-trigger");
        // The one that was built may lie where only root may look.
        if fs::hard_link(program(), &own).is_err() {
            copy_program(program(), &own);
        }
        Self { home, folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn put(&self, name: &str, node: &Node) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        node.put(&path);
    }

    fn set_mode(&self, name: &str, mode: u32) {
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(mode)).expect("a mode");
    }

    fn tree(&self) -> Tree {
        Tree::of(&self.folder)
    }

    /// What a shell without root's rights would run.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self
            .home
            .command(self.home.path("bin/jenkins-trigger"), &self.folder);
        command.args(arguments);
        if is_root() {
            self.give_away();
            command.uid(NOBODY).gid(NOBODY);
        }
        command
    }

    /// All that root owns here.
    fn give_away(&self) {
        let root = self.home.path("");
        fs::set_permissions(&root, fs::Permissions::from_mode(0o755)).expect("a mode");
        for name in ["home", "state", "shop"] {
            give(&root.join(name));
        }
    }

    fn tool(&self, arguments: &[&str]) -> Ran {
        in_time(&mut self.command(arguments))
    }

    /// Refuses, names the path, and changes nothing.
    #[track_caller]
    fn refuses(&self, arguments: &[&str], path: &str) {
        self.refuses_when(&mut self.command(arguments), path);
    }

    #[track_caller]
    fn refuses_when(&self, command: &mut Command, path: &str) {
        let before = self.tree();
        let ran = in_time(command);
        assert!(matches!(ran.code, 1 | 2), "{}", ran.whole());
        let path = self.path(path);
        assert!(
            ran.stderr.contains(&path.display().to_string()),
            "{} is not named\n{}",
            path.display(),
            ran.whole()
        );
        assert_eq!(ran.stdout, "");
        assert_same(&self.tree(), &before, "refused");
    }
}

/// Whoever opens a pipe that nobody writes to waits for ever.
fn in_time(command: &mut Command) -> Ran {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    let patience = Instant::now() + PATIENCE;
    while child.try_wait().expect("a child").is_none() {
        if Instant::now() > patience {
            child.kill().expect("a kill");
            panic!("{command:?} does not end");
        }
        thread::sleep(Duration::from_millis(2));
    }
    Ran::from(child.wait_with_output().expect("its output"))
}

fn give(path: &Path) {
    use std::os::unix::fs::MetadataExt as _;
    let metadata = fs::symlink_metadata(path).expect("metadata");
    if metadata.uid() == 0 && !metadata.is_symlink() {
        chown(path, Some(NOBODY), Some(NOBODY)).expect("another owner");
    }
    if metadata.is_dir() {
        for entry in fs::read_dir(path).expect("a folder") {
            give(&entry.expect("an entry").path());
        }
    }
}

fn a_hook() -> Node {
    Node::script("#!/bin/sh\necho mine\n")
}

/// With this limit on the size of a file, as if the disk were full after so many bytes.
#[allow(unsafe_code, reason = "the limit is for the child alone")]
fn limited(shop: &Shop, arguments: &[&str], bytes: u64) -> Command {
    let mut command = shop.home.command("sh", &shop.folder);
    // The signal that comes with the limit would be death.
    command
        .args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""])
        .arg(program())
        .args(arguments);
    let limit = rustix::process::Rlimit {
        current: Some(bytes),
        maximum: Some(bytes),
    };
    // SAFETY: it is one system call.
    unsafe {
        command.pre_exec(move || {
            rustix::process::setrlimit(rustix::process::Resource::Fsize, limit)?;
            Ok(())
        });
    }
    command
}

#[test]
fn a_hooks_folder_that_is_read_only() {
    let shop = Shop::new();
    shop.put(".git/hooks/post-commit", &a_hook());
    shop.set_mode(".git/hooks", 0o555);
    shop.refuses(INSTALL, ".git/hooks/post-commit");
    shop.set_mode(".git/hooks", 0o755);
    shop.tool(INSTALL).succeeded();
    shop.set_mode(".git/hooks", 0o555);
    shop.refuses(INSTALL, ".git/hooks/post-commit");
    shop.refuses(&["uninstall"], ".git/hooks/post-commit");
}

#[test]
fn a_hooks_folder_that_cannot_be_made() {
    let shop = Shop::new();
    shop.home
        .git(&shop.folder, &["config", "core.hooksPath", "tools/more/hooks"]);
    fs::create_dir(shop.path("tools")).expect("a folder");
    shop.set_mode("tools", 0o555);
    shop.refuses(INSTALL, "tools/more");
}

#[test]
fn a_hooks_folder_that_may_not_be_read() {
    let shop = Shop::new();
    shop.put(".git/hooks/pre-commit", &a_hook());
    let folder = shop.path(".git/hooks").display().to_string();
    for arguments in [INSTALL, &["uninstall"]] {
        let mut command = shop.command(arguments);
        let before = shop.tree();
        shop.set_mode(".git/hooks", 0o300);
        let ran = in_time(&mut command);
        // Nor may this test.
        shop.set_mode(".git/hooks", 0o755);
        assert_eq!((ran.code, ran.stdout.as_str()), (1, ""), "{}", ran.whole());
        assert!(ran.stderr.contains(&folder), "{}", ran.whole());
        assert_same(&shop.tree(), &before, "refused");
    }
}

#[test]
fn a_hooks_folder_that_somebody_else_owns() {
    let shop = Shop::new();
    let folder = if is_root() {
        // What root does not own is not given away.
        shop.put(".git/theirs/post-commit", &a_hook());
        chown(shop.path(".git/theirs"), Some(NOBODY - 1), None).expect("another owner");
        shop.path(".git/theirs")
    } else {
        PathBuf::from("/")
    };
    let setting = folder.to_str().expect("UTF-8");
    shop.home
        .git(&shop.folder, &["config", "core.hooksPath", setting]);
    let before = shop.tree();
    let ran = shop.tool(INSTALL);
    assert_eq!(ran.code, 1, "{}", ran.whole());
    let hook = folder.join("post-commit").display().to_string();
    assert!(ran.stderr.contains(&hook), "{}", ran.whole());
    assert_same(&shop.tree(), &before, "refused");
}

#[test]
fn a_disk_that_is_full() {
    for folder in [true, false] {
        let shop = Shop::new();
        if folder {
            shop.put(".git/hooks/post-commit", &a_hook());
        }
        let path = if folder {
            ".git/hooks/post-commit"
        } else {
            ".git/hooks"
        };
        for bytes in [0, 1, 1000] {
            shop.refuses_when(&mut limited(&shop, INSTALL, bytes), path);
        }
    }
}

/// The three scripts differ in length: the last one is the longest.
#[test]
fn a_disk_that_is_full_at_the_third_hook() {
    let shop = Shop::new();
    shop.put(".git/hooks/post-commit", &a_hook());
    shop.put(".git/hooks/post-merge", &Node::Link("nowhere".into()));
    shop.put(".git/hooks/post-rewrite", &a_hook());
    let before = shop.tree();
    shop.home.tool(&shop.folder, INSTALL).succeeded();
    let length = |hook: &str| {
        let path = shop.path(".git/hooks").join(hook);
        fs::metadata(path).expect("the hook").len()
    };
    let lengths = ["post-commit", "post-merge", "post-rewrite"].map(length);
    assert!(lengths[2] > lengths[0].max(lengths[1]), "{lengths:?}");
    // A renewal, and the first time.
    shop.refuses_when(
        &mut limited(&shop, INSTALL, lengths[2] - 1),
        ".git/hooks/post-rewrite",
    );
    before.put(&shop.folder);
    shop.refuses_when(
        &mut limited(&shop, INSTALL, lengths[2] - 1),
        ".git/hooks/post-rewrite",
    );
    Ran::of(&mut limited(&shop, INSTALL, lengths[2])).succeeded();
}

/// Taking out needs no room.
#[test]
fn a_disk_that_is_full_when_the_hook_is_taken_out() {
    for hook in [None, Some(a_hook())] {
        let shop = Shop::new();
        if let Some(hook) = hook {
            shop.put(".git/hooks/post-commit", &hook);
        }
        let before = shop.tree();
        shop.home.tool(&shop.folder, INSTALL).succeeded();
        Ran::of(&mut limited(&shop, &["uninstall"], 0)).succeeded();
        assert_same(&shop.tree(), &before, "taken out");
    }
}

#[test]
fn a_disk_that_is_full_at_the_exclude_file() {
    let shop = Shop::new();
    shop.home
        .git(&shop.folder, &["config", "core.hooksPath", "tools/hooks"]);
    let long = "# a line\n".repeat(1000);
    shop.put(".git/info/exclude", &Node::File(0o644, long.into()));
    shop.refuses_when(&mut limited(&shop, INSTALL, 5000), ".git/info/exclude");
    shop.put("tools/hooks/post-commit", &a_hook());
    shop.refuses_when(&mut limited(&shop, INSTALL, 5000), ".git/info/exclude");
}

#[test]
fn a_disk_that_is_full_at_the_git_config() {
    let Some(git) = gits().into_iter().find(|git| git.supports(2, 54)) else {
        skipped("there is no git 2.54 or newer on the PATH");
        return;
    };
    let shop = Shop::with(&git);
    let by_config = &["install", "post-commit", "--via", "config"];
    let config = fs::metadata(shop.path(".git/config")).expect("the config").len();
    shop.home.tool(&shop.folder, by_config).succeeded();
    let installed = fs::metadata(shop.path(".git/config")).expect("the config").len();
    shop.home.tool(&shop.folder, &["uninstall"]).succeeded();
    for bytes in (config..installed).step_by(20) {
        shop.refuses_when(&mut limited(&shop, by_config, bytes), ".git/config");
    }
    Ran::of(&mut limited(&shop, by_config, installed)).succeeded();
}

#[test]
fn what_is_no_file_in_a_hooks_place() {
    for hook in ["post-commit", "post-rewrite"] {
        let name = format!(".git/hooks/{hook}");
        let folder = Shop::new();
        folder.put(&name, &Node::Folder(0o755));
        folder.refuses(INSTALL, &name);
        let pipe = Shop::new();
        fs::create_dir_all(pipe.path(".git/hooks")).expect("a folder");
        make_pipe(&pipe.path(&name));
        pipe.refuses(INSTALL, &name);
        // Whoever opened it would wait for ever.
        let before = pipe.tree();
        pipe.tool(&["uninstall"]).succeeded();
        assert_same(&pipe.tree(), &before, "nothing to take out");
    }
}

#[test]
fn a_link_to_what_is_no_file_is_moved_aside_and_comes_back() {
    for folder in [true, false] {
        let shop = Shop::new();
        fs::create_dir_all(shop.path(".git/hooks")).expect("a folder");
        symlink("../other", shop.path(".git/hooks/post-commit")).expect("a link");
        if folder {
            fs::create_dir(shop.path(".git/other")).expect("a folder");
        } else {
            make_pipe(&shop.path(".git/other"));
        }
        let before = shop.tree();
        shop.tool(INSTALL).succeeded();
        shop.tool(&["uninstall"]).succeeded();
        assert_same(&shop.tree(), &before, "there and back");
    }
}

#[test]
fn a_hooks_path_that_is_no_folder() {
    for (path, setting) in [
        (".git/hooks", None),
        ("tools", Some("tools")),
        ("tools", Some("tools/hooks")),
    ] {
        let shop = Shop::new();
        if let Some(setting) = setting {
            shop.home
                .git(&shop.folder, &["config", "core.hooksPath", setting]);
        }
        shop.put(path, &a_hook());
        shop.refuses(INSTALL, path);
        let ran = shop.tool(&["uninstall"]).succeeded();
        assert!(ran.stderr.starts_with("nothing to remove"), "{}", ran.whole());
        fs::remove_file(shop.path(path)).expect("a file to remove");
        make_pipe(&shop.path(path));
        shop.refuses(INSTALL, path);
        shop.tool(&["uninstall"]).succeeded();
    }
}

#[test]
fn git_info_that_is_no_folder() {
    for pipe in [true, false] {
        for in_work_tree in [true, false] {
            let shop = Shop::new();
            if pipe {
                make_pipe(&shop.path(".git/info"));
            } else {
                shop.put(".git/info", &a_hook());
            }
            if in_work_tree {
                shop.home
                    .git(&shop.folder, &["config", "core.hooksPath", "hooks"]);
                shop.refuses(INSTALL, ".git/info");
            } else {
                let before = shop.tree();
                shop.tool(INSTALL).succeeded();
                shop.tool(&["uninstall"]).succeeded();
                assert_same(&shop.tree(), &before, "there and back");
            }
        }
    }
}

/// The user's hook and where it is with ours in its place.
fn over_a_foreign_hook() -> (Shop, Tree, Tree) {
    let shop = Shop::new();
    shop.put(".git/hooks/post-commit", &a_hook());
    let before = shop.tree();
    shop.home.tool(&shop.folder, INSTALL).succeeded();
    let after = shop.tree();
    before.put(&shop.folder);
    (shop, before, after)
}

/// Runs them side by side, and gives how each ended.
fn at_once(shop: &Shop, commands: &[&[&str]]) -> Vec<Ran> {
    let start = |arguments: &&[&str]| {
        let mut command = shop.home.command(program(), &shop.folder);
        command
            .args(*arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts")
    };
    let running: Vec<_> = commands.iter().map(start).collect();
    let end = |child: Child| Ran::from(child.wait_with_output().expect("an end"));
    running.into_iter().map(end).collect()
}

/// Installs and takes out side by side. Whoever finds in the end that git will not run what he
/// installed says so with exit code 1.
fn race(shop: &Shop) {
    for ran in at_once(shop, &[INSTALL, &["uninstall"], INSTALL, &["uninstall"]]) {
        let lost = ran.code == 1 && ran.stderr.contains("error: git ");
        assert!(ran.code == 0 || lost, "{}", ran.whole());
    }
}

#[test]
fn several_installations_at_once_are_as_one() {
    let (shop, before, after) = over_a_foreign_hook();
    for several in [2, 6, 2, 6, 2, 6, 2, 6] {
        before.put(&shop.folder);
        for ran in at_once(&shop, &vec![INSTALL; several]) {
            ran.succeeded();
        }
        assert_same(&shop.tree(), &after, "installed");
        shop.home.tool(&shop.folder, &["uninstall"]).succeeded();
        assert_same(&shop.tree(), &before, "taken out");
    }
}

#[test]
fn several_installations_at_once_make_one_folder() {
    let shop = Shop::new();
    shop.home
        .git(&shop.folder, &["config", "core.hooksPath", "tools/hooks"]);
    let before = shop.tree();
    for several in [2, 6, 2, 6, 2, 6] {
        for ran in at_once(&shop, &vec![INSTALL; several]) {
            ran.succeeded();
        }
        shop.home.tool(&shop.folder, &["uninstall"]).succeeded();
        assert_same(&shop.tree(), &before, "taken out");
    }
}

#[test]
fn installing_and_taking_out_at_once_ends_as_one_of_both() {
    let (shop, before, after) = over_a_foreign_hook();
    for start in [&before, &after] {
        for _ in 0..8 {
            start.put(&shop.folder);
            race(&shop);
            let now = shop.tree();
            assert!(now == before || now == after, "{now:#?}");
        }
    }
}

#[test]
fn installing_and_taking_out_at_once_where_there_is_no_folder() {
    let shop = Shop::new();
    shop.home
        .git(&shop.folder, &["config", "core.hooksPath", "tools/hooks"]);
    let before = shop.tree();
    for _ in 0..8 {
        race(&shop);
        shop.home.tool(&shop.folder, &["uninstall"]).succeeded();
        assert_same(&shop.tree(), &before, "taken out");
    }
}

fn make_pipe(path: &Path) {
    let made = Command::new("mkfifo").arg(path).status().expect("mkfifo starts");
    assert!(made.success());
}

/// Says loudly that a test could not run here.
#[allow(clippy::print_stderr, reason = "the harness shows what a test prints")]
fn skipped(reason: &str) {
    eprintln!("SKIPPED: {reason}");
}

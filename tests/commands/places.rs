//! Where install puts hook files, and how they go again: scopes of `core.hooksPath`, folders that
//! are missing, the work tree, several work trees.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::helpers::{
    assert_same, command_after, listing, mode, put_hook, skipped, with_each_config_git, with_each_older_git,
};
use crate::support::{Home, Ran, Repository, program, with_each_git};

const HOOKS: [&str; 3] = ["post-commit", "post-merge", "post-rewrite"];

/// Installs, uninstalls, and looks at everything there is.
#[track_caller]
fn comes_out_again(repository: &Repository<'_>, install: impl FnOnce()) {
    let before = listing(&repository.home.path(""));
    install();
    assert_ne!(listing(&repository.home.path("")), before);
    repository.tool(&["uninstall"]).succeeded();
    assert_same(&listing(&repository.home.path("")), &before);
}

fn at(home: &Home, folder: PathBuf) -> Repository<'_> {
    Repository { home, folder }
}

/// Sets `core.hooksPath` in one scope; the variables that a command then needs.
fn set_hooks_path(repository: &Repository<'_>, scope: &str, value: &str) -> Variables {
    match scope {
        "system" => {
            let file = repository.home.path("system-config");
            fs::write(&file, "").expect("a config");
            let name = file.to_str().expect("text");
            repository.git(&["config", "--file", name, "core.hooksPath", value]);
            vec![("GIT_CONFIG_NOSYSTEM", "0".into()), ("GIT_CONFIG_SYSTEM", file)]
        }
        "command" => vec![
            ("GIT_CONFIG_COUNT", "1".into()),
            ("GIT_CONFIG_KEY_0", "core.hooksPath".into()),
            ("GIT_CONFIG_VALUE_0", value.into()),
        ],
        scope => {
            repository.git(&["config", &format!("--{scope}"), "core.hooksPath", value]);
            Vec::new()
        }
    }
}

#[test]
fn files_follow_a_hooks_path_of_the_repository_or_the_work_tree_and_of_nobody_else() {
    with_each_git(|home| {
        for (scope, own) in [
            ("system", false),
            ("global", false),
            ("local", true),
            ("worktree", true),
            ("command", false),
        ] {
            for (form, value) in [
                ("relative", "my hooks"),
                ("absolute", "/"),
                ("of-home", "~/hooks"),
            ] {
                scope_and_form(home, scope, own, form, value);
            }
        }
    });
}

fn scope_and_form(home: &Home, scope: &str, own: bool, form: &str, value: &str) {
    let repository = home.repository(&format!("{scope}-{form}"), "");
    repository.git(&["config", "extensions.worktreeConfig", "true"]);
    let folder = match form {
        "relative" => repository.path(value),
        "of-home" => home.path("home/hooks"),
        _ => home.path(format!("outside-{scope}")),
    };
    let absolute = folder.display().to_string();
    let value = if form == "absolute" { &absolute } else { value };
    let variables = set_hooks_path(&repository, scope, value);
    let before = listing(&home.path(""));
    let ran = repository.tool_in(&["install", "--via", "file", "post-commit"], |command| {
        command.envs(variables);
    });
    if own {
        ran.succeeded();
        for hook in HOOKS {
            assert!(folder.join(hook).is_file(), "{scope} {form}");
        }
        assert!(!repository.hooks().join("post-commit").exists());
        repository.all_well();
        repository.tool(&["uninstall"]).succeeded();
    } else {
        assert_eq!(ran.code, 1, "{scope} {form}\n{}", ran.whole());
        assert!(ran.stderr.contains(value), "{}", ran.whole());
        let said = if scope == "command" {
            "this one command"
        } else {
            scope
        };
        assert!(ran.stderr.contains(said), "{}", ran.whole());
    }
    assert_same(&listing(&home.path("")), &before);
    home.try_git(
        &repository.folder,
        &["config", "--global", "--unset", "core.hooksPath"],
    );
}

#[test]
fn a_missing_hooks_folder_of_several_levels_is_made_and_said_and_removed_again() {
    with_each_git(|home| {
        let repository = home.repository("shop", "");
        repository.write("tools/README", "");
        repository.git(&["config", "core.hooksPath", "tools/git/hooks"]);
        comes_out_again(&repository, || {
            let ran = repository.install();
            let made = repository.path("tools/git/hooks");
            assert!(
                ran.stderr.contains(&format!("created {}\n", made.display())),
                "{}",
                ran.whole()
            );
            // Renewed, the scripts still know which folders were made for them.
            repository.install();
        });
        repository.install();
        assert_eq!(repository.firings(), 1);
    });
}

#[test]
fn a_made_hooks_folder_that_somebody_put_a_file_into_stays() {
    with_each_git(|home| {
        let repository = home.repository("shop", "");
        repository.git(&["config", "core.hooksPath", "tools/git/hooks"]);
        repository.install();
        repository.write("tools/git/notes", "mine");
        let ran = repository.tool(&["uninstall"]).succeeded();
        let gone = repository.path("tools/git/hooks");
        assert!(
            ran.stderr
                .contains(&format!("removed {}, which was made", gone.display())),
            "{}",
            ran.whole()
        );
        assert!(!gone.exists());
        assert_eq!(
            fs::read(repository.path("tools/git/notes")).expect("a file"),
            b"mine"
        );

        repository.install();
        repository.write("tools/git/hooks/pre-commit", "#!/bin/sh\n");
        let ran = repository.tool(&["uninstall"]).succeeded();
        assert!(!ran.stderr.contains("which was made"), "{}", ran.whole());
        assert_eq!(fs::read_dir(&gone).expect("a folder").count(), 1);
    });
}

/// The exclude file as it may be before: `None` is no file.
const EXCLUDES: [Option<&[u8]>; 6] = [
    None,
    Some(b""),
    Some(b"*.o\n"),
    Some(b"*.o"),
    Some(b"# \xff\r\n\r\n*.o\r\n"),
    Some(b"\n\n"),
];

#[test]
fn files_in_the_work_tree_are_hidden_from_git_status_until_uninstall() {
    with_each_git(|home| {
        for (number, before) in EXCLUDES.into_iter().enumerate() {
            let repository = home.repository(&format!("shop-{number}"), "");
            let exclude = repository.path(".git/info/exclude");
            match before {
                None => fs::remove_file(&exclude).expect("removed"),
                Some(content) => fs::write(&exclude, content).expect("a file"),
            }
            hidden_and_shown_again(&repository);
        }
        let repository = home.repository_with("bare-bones", "", &["--template="]);
        assert!(!repository.path(".git/info").exists());
        hidden_and_shown_again(&repository);
    });
}

#[track_caller]
fn hidden_and_shown_again(repository: &Repository<'_>) {
    repository.git(&["config", "core.hooksPath", "[hooks] of us"]);
    put_hook(
        &repository.path("[hooks] of us/post-commit"),
        "#!/bin/sh\n",
        0o755,
    );
    let shown = "?? \"[hooks] of us/post-commit\"\n";
    assert_eq!(repository.changed(), shown);
    comes_out_again(repository, || {
        let ran = repository.install();
        assert!(ran.stderr.contains("hidden from git status"), "{}", ran.whole());
        assert_eq!(repository.changed(), "", "what was moved aside too");
        let again = repository.install();
        assert!(!again.stderr.contains("hidden"), "{}", again.whole());
    });
    assert_eq!(repository.changed(), shown);
}

#[test]
fn an_exclude_file_is_left_alone_where_git_ignores_the_folder_already() {
    with_each_git(|home| {
        let repository = home.repository("shop", "");
        repository.git(&["config", "core.hooksPath", ".githooks"]);
        repository.write(".gitignore", ".githooks\n");
        let exclude = repository.path(".git/info/exclude");
        let before = fs::read(&exclude).expect("a file");
        let ran = repository.install();
        assert!(!ran.stderr.contains("hidden"), "{}", ran.whole());
        assert_eq!(fs::read(&exclude).expect("a file"), before);
        assert_eq!(repository.changed(), "?? .gitignore\n");
    });
}

#[test]
fn what_somebody_adds_to_the_exclude_file_after_install_stays() {
    with_each_git(|home| {
        for before in EXCLUDES {
            let repository = home.repository("shop", "");
            repository.git(&["config", "core.hooksPath", ".githooks"]);
            let exclude = repository.path(".git/info/exclude");
            match before {
                None => fs::remove_file(&exclude).expect("removed"),
                Some(content) => fs::write(&exclude, content).expect("a file"),
            }
            repository.install();
            let mut content = fs::read(&exclude).expect("a file");
            content.extend_from_slice(b"*.mine\n");
            fs::write(&exclude, content).expect("a file");
            repository.tool(&["uninstall"]).succeeded();
            let left = fs::read(&exclude).expect("a file");
            let expected = [before.unwrap_or_default(), b"*.mine\n"].concat();
            let with_line_end = [before.unwrap_or_default(), b"\n*.mine\n"].concat();
            assert!(left == expected || left == with_line_end, "{left:?}");
            fs::remove_dir_all(&repository.folder).expect("removed");
        }
    });
}

/// A repository whose hooks folder is in the work tree, with a tracked `post-commit`.
fn with_tracked_hook(home: &Home) -> Repository<'_> {
    let repository = home.repository("shop", "");
    put_hook(
        &repository.path(".githooks/post-commit"),
        "#!/bin/sh\necho team >&2\n",
        0o755,
    );
    repository.commit("with a hook");
    repository.git(&["config", "core.hooksPath", ".githooks"]);
    repository
}

#[track_caller]
fn refused_unchanged(repository: &Repository<'_>, arguments: &[&str]) -> Ran {
    let root = repository.home.path("");
    let before = listing(&root);
    let ran = repository.tool(arguments);
    assert_eq!((ran.code, ran.stdout.as_str()), (1, ""), "{}", ran.whole());
    assert_same(&listing(&root), &before);
    ran
}

#[test]
fn a_tracked_hook_is_never_moved_and_the_line_to_add_is_named() {
    with_each_git(|home| {
        let repository = with_tracked_hook(home);
        let ran = refused_unchanged(&repository, &["install", "--via", "file", "post-commit"]);
        assert!(ran.stderr.contains("tracked by git"), "{}", ran.whole());
        let line = ran
            .stderr
            .lines()
            .find_map(|line| line.strip_prefix("in post-commit: "))
            .unwrap_or_else(|| panic!("no line in:\n{}", ran.stderr));
        let hook = repository.path(".githooks/post-commit");
        put_hook(
            &hook,
            format!("#!/bin/sh\necho team >&2\n{}\n", line.trim()),
            0o755,
        );
        repository.tool(&["install", "--via", "file", "post-commit"]);
        // Others have no such program, and their commits must not fail of it.
        let commit = repository.commit("theirs");
        assert_eq!(commit.stderr, "team\n");
        let told = repository.tool(&["status"]);
        assert_eq!(told.code, 1, "{}", told.whole());
        assert!(told.stderr.contains("not on the PATH"), "{}", told.whole());
        symlink(program(), home.path("bin/jenkins-trigger")).expect("a link");
        let commit = repository.commit("ours too");
        assert!(commit.stderr.contains("team\n"), "{}", commit.whole());
        assert_eq!(repository.firings(), 1);
        repository.all_well();
        assert_eq!(repository.changed(), "");
        repository.tool(&["uninstall"]).succeeded();
        assert!(!repository.path(".githooks/post-merge").exists());
        assert_eq!(repository.changed(), "");
    });
}

#[test]
fn a_tracked_hook_is_refused_by_itself_below_git_2_54() {
    with_each_older_git(|home| {
        let repository = with_tracked_hook(home);
        let ran = refused_unchanged(&repository, &["install", "post-commit"]);
        assert!(ran.stderr.contains("tracked by git"), "{}", ran.whole());
    });
}

#[test]
fn beside_a_tracked_hook_the_git_config_is_used_since_git_2_54() {
    with_each_config_git(|home| {
        let repository = with_tracked_hook(home);
        let ran = repository.install();
        assert!(
            ran.stderr.contains("by the git config, because") && ran.stderr.contains("tracked by git"),
            "{}",
            ran.whole()
        );
        assert_eq!(repository.changed(), "");
        repository.all_well();
        repository.tool(&["uninstall"]).succeeded();
    });
}

#[test]
fn a_hooks_path_that_is_empty_or_dev_null_is_refused_with_the_reason() {
    with_each_git(|home| {
        for (name, value) in [("empty", ""), ("null", "/dev/null")] {
            let repository = home.repository(name, "");
            repository.git(&["config", "core.hooksPath", value]);
            for via in ["auto", "file"] {
                let ran = refused_unchanged(&repository, &["install", "--via", via, "post-commit"]);
                assert!(
                    ran.stderr
                        .contains(&format!("core.hooksPath is set to {value:?} in the local")),
                    "{}",
                    ran.whole()
                );
            }
            if home.git.supports(2, 54) {
                repository
                    .tool(&["install", "--via", "config", "post-commit"])
                    .succeeded();
                repository.all_well();
                repository.tool(&["uninstall"]).succeeded();
            }
            let fix = "git config --local --unset-all core.hooksPath";
            let ran = repository.tool(&["install", "--via", "file", "post-commit"]);
            assert!(ran.stderr.contains(fix), "{}", ran.whole());
            repository.follow(fix);
            repository.install();
            assert_eq!(repository.firings(), 1);
        }
    });
}

#[test]
fn a_relative_hooks_path_that_is_nothing_in_a_linked_work_tree_is_refused_in_both() {
    with_each_git(|home| {
        let repository = home.repository("shop", "");
        repository.commit("first");
        repository.git(&["worktree", "add", "-q", "../linked", "-b", "topic"]);
        repository.git(&["config", "core.hooksPath", ".git/hooks"]);
        let linked = at(home, home.path("linked"));
        let mut fix = String::new();
        for work_tree in [&repository, &linked] {
            let ran = refused_unchanged(work_tree, &["install", "--via", "file", "post-commit"]);
            let dead = format!(
                "in {} that is {}/.git/hooks, where no folder can be",
                linked.folder.display(),
                linked.folder.display()
            );
            assert!(ran.stderr.contains(&dead), "{}", ran.whole());
            command_after(&ran.stderr, "as an absolute path:").clone_into(&mut fix);
            assert!(fix.ends_with(&repository.hooks().display().to_string()), "{fix}");
        }
        linked.follow(&fix);
        linked.install();
        for work_tree in [&repository, &linked] {
            assert_eq!(work_tree.firings(), 1);
            work_tree.all_well();
        }
    });
}

#[test]
fn a_relative_hooks_path_that_is_another_folder_in_each_work_tree_is_said() {
    with_each_git(|home| {
        let repository = home.repository("shop", "");
        repository.commit("first");
        repository.git(&["worktree", "add", "-q", "../linked tree", "-b", "topic"]);
        repository.git(&["worktree", "add", "-q", "../gone", "-b", "gone"]);
        fs::remove_dir_all(home.path("gone")).expect("removed");
        repository.git(&["config", "core.hooksPath", ".githooks"]);
        let ran = repository.install();
        assert!(
            !ran.stderr.contains(&home.path("gone").display().to_string()),
            "nobody commits in a work tree that is gone:\n{}",
            ran.whole()
        );
        let linked = at(home, home.path("linked tree"));
        assert_eq!(linked.firings(), 0);
        let fix = command_after(&ran.stderr, "install there too: jenkins-trigger");
        let mut shell = home.command("sh", &home.path(""));
        let script = format!("\"$0\" {fix}");
        Ran::of(shell.args(["-c", &script]).arg(program())).succeeded();
        assert_eq!(linked.firings(), 1);
        let again = repository.install();
        assert!(!again.stderr.contains("install there too"), "{}", again.whole());
        for work_tree in [&repository, &linked] {
            assert_eq!(work_tree.changed(), "");
        }
        repository.tool(&["uninstall"]).succeeded();
        for work_tree in [&repository, &linked] {
            assert!(!work_tree.path(".githooks").exists());
            assert_eq!(work_tree.firings(), 0);
            assert_eq!(work_tree.changed(), "");
        }
    });
}

/// One way to lay out a repository.
#[derive(Debug, Clone, Copy)]
enum Layout {
    Plain,
    Linked,
    LinkedOfBare,
    Submodule,
    SeparateGitDir,
    SeparateWorkTree,
    Variables,
    Reftable,
    Sha256,
}

type Variables = Vec<(&'static str, PathBuf)>;

/// The work tree, where its hooks belong, and the variables that commands there need.
fn laid_out(home: &Home, layout: Layout) -> Option<(PathBuf, PathBuf, Variables)> {
    let plain = |options: &[&str]| home.repository_with("shop", "", options);
    let commit = |repository: &Repository<'_>| repository.commit("first");
    let (folder, hooks) = match layout {
        Layout::Plain => {
            commit(&plain(&[]));
            ("shop", "shop/.git/hooks")
        }
        Layout::Linked => {
            let repository = plain(&[]);
            commit(&repository);
            repository.git(&["worktree", "add", "-q", "../linked"]);
            ("linked", "shop/.git/hooks")
        }
        Layout::LinkedOfBare => {
            commit(&plain(&[]));
            home.git(&home.path(""), &["clone", "-q", "--bare", "shop", "shop.git"]);
            home.git(
                &home.path("shop.git"),
                &["worktree", "add", "-q", "../linked", "-b", "topic"],
            );
            ("linked", "shop.git/hooks")
        }
        Layout::Submodule => {
            commit(&home.repository("library", ""));
            let outer = plain(&[]);
            outer.git(&["submodule", "--quiet", "add", "../library", "library"]);
            ("shop/library", "shop/.git/modules/library/hooks")
        }
        Layout::SeparateGitDir => {
            plain(&["--separate-git-dir", "../data"]);
            ("shop", "data/hooks")
        }
        Layout::SeparateWorkTree => {
            let repository = home.repository("data", "");
            fs::create_dir(home.path("shop")).expect("a folder");
            repository.git(&["config", "core.worktree", "../../shop"]);
            ("shop", "data/.git/hooks")
        }
        Layout::Variables => {
            fs::create_dir(home.path("shop")).expect("a folder");
            home.git(&home.path(""), &["init", "-q", "--bare", "data.git"]);
            home.git(&home.path("data.git"), &["config", "core.bare", "false"]);
            ("shop", "data.git/hooks")
        }
        Layout::Reftable if home.git.supports(2, 45) => {
            plain(&["--ref-format=reftable"]);
            ("shop", "shop/.git/hooks")
        }
        Layout::Sha256 => {
            plain(&["--object-format=sha256"]);
            ("shop", "shop/.git/hooks")
        }
        Layout::Reftable => {
            skipped(&format!("git {} has no reftable", home.git.version));
            return None;
        }
    };
    let variables = match layout {
        Layout::Variables => vec![
            ("GIT_DIR", PathBuf::from("../data.git")),
            ("GIT_WORK_TREE", PathBuf::from(".")),
        ],
        Layout::SeparateWorkTree => vec![("GIT_DIR", home.path("data/.git"))],
        _ => Vec::new(),
    };
    Some((home.path(folder), home.path(hooks), variables))
}

#[test]
fn in_every_layout_the_hooks_are_found_and_fire_once_and_go_again() {
    with_each_git(|home| {
        for layout in [
            Layout::Plain,
            Layout::Linked,
            Layout::LinkedOfBare,
            Layout::Submodule,
            Layout::SeparateGitDir,
            Layout::SeparateWorkTree,
            Layout::Variables,
            Layout::Reftable,
            Layout::Sha256,
        ] {
            let own = Home::new(&home.git);
            if let Some((folder, hooks, variables)) = laid_out(&own, layout) {
                in_layout(&own, layout, &folder, &hooks, &variables);
            }
        }
    });
}

fn in_layout(
    home: &Home,
    layout: Layout,
    folder: &Path,
    hooks: &Path,
    variables: &[(&'static str, PathBuf)],
) {
    let run = |program: &Path, arguments: &[&str]| {
        let mut command: Command = home.command(program, folder);
        command.args(arguments).envs(variables.iter().cloned());
        let ran = Ran::of(&mut command);
        assert_eq!(ran.code, 0, "{layout:?} {arguments:?}\n{}", ran.whole());
        ran
    };
    let git = home.path("bin/git");
    let before = listing(hooks);
    run(program(), &["install", "post-commit"]);
    for hook in HOOKS {
        assert!(hooks.join(hook).is_file(), "{layout:?}");
    }
    run(program(), &["status"]);
    let commit = run(&git, &["commit", "--allow-empty", "-m", "one"]);
    assert_eq!(
        crate::helpers::said(&commit).len(),
        1,
        "{layout:?}\n{}",
        commit.whole()
    );
    run(program(), &["uninstall"]);
    assert_eq!(listing(hooks), before, "{layout:?}");
    let commit = run(&git, &["commit", "--allow-empty", "-m", "two"]);
    assert!(crate::helpers::said(&commit).is_empty(), "{}", commit.whole());
}

#[test]
fn in_a_repository_that_a_group_shares_everybody_may_run_the_hooks() {
    with_each_git(|home| {
        let options = ["--bare", "--shared=group", "--template="];
        let repository = home.repository_with("shop.git", "", &options);
        let mut shell = home.command("sh", &repository.folder);
        shell
            .args(["-c", "umask 077; exec \"$0\" install post-receive"])
            .arg(program());
        Ran::of(&mut shell).succeeded();
        let objects = mode(&repository.path("objects"));
        assert_eq!(mode(&repository.path("hooks")), objects);
        assert_eq!(mode(&repository.path("hooks/post-receive")), 0o755);
    });
}

#[test]
fn a_repository_that_was_moved_keeps_its_hooks_and_loses_them_at_uninstall() {
    with_each_git(|home| {
        for (name, hooks_path) in [("plain", None), ("relative", Some(".githooks"))] {
            let repository = home.repository(name, "");
            if let Some(value) = hooks_path {
                repository.git(&["config", "core.hooksPath", value]);
            }
            let folder = repository.path(hooks_path.unwrap_or(".git/hooks"));
            put_hook(&folder.join("post-commit"), "#!/bin/sh\necho mine >&2\n", 0o755);
            repository.install();
            let moved = at(home, home.path(format!("{name}-moved")));
            fs::rename(&repository.folder, &moved.folder).expect("moved");
            moved.all_well();
            moved.install();
            moved.tool(&["uninstall"]).succeeded();
            let folder = moved.path(hooks_path.unwrap_or(".git/hooks"));
            assert_eq!(
                fs::read(folder.join("post-commit")).expect("the hook"),
                b"#!/bin/sh\necho mine >&2\n"
            );
            assert!(!folder.join("post-merge").exists());
            assert!(!folder.join("post-commit.before-jenkins-trigger").exists());
        }
    });
}

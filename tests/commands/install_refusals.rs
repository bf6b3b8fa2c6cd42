//! What install leaves alone.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use crate::helpers::{filtered, home, listing, skipped};
use crate::support::{Ran, Repository, with_each_git};

const FILE: &str = "version: 1\nserver: https://ci.example.com\njobs:\n  main: shop/deploy\n";

/// Installs and expects a refusal that leaves everything as it was.
#[track_caller]
fn refused(repository: &Repository<'_>) -> Ran {
    let home = repository.home;
    let before = (listing(&repository.folder), listing(&home.path("state")));
    let ran = repository.tool(&["install", "post-commit"]);
    assert_eq!(ran.code, 1, "{}", ran.whole());
    assert_eq!(ran.stdout, "");
    assert_eq!(
        (listing(&repository.folder), listing(&home.path("state"))),
        before
    );
    ran
}

#[test]
fn a_folder_in_the_hooks_place_is_refused_before_anything_is_written() {
    let home = home();
    let repository = home.repository("folder", FILE);
    // The last of the three: the others are not written either.
    fs::create_dir_all(repository.hooks().join("post-rewrite")).expect("a folder");
    let ran = refused(&repository);
    assert!(
        ran.stderr.contains("hooks/post-rewrite is not a file"),
        "{}",
        ran.whole()
    );
}

#[test]
fn a_broken_file_stops_the_install() {
    let home = home();
    let repository = home.repository(
        "shop",
        "version: 1\nserver: https://ci.example.com\njobs:\n  main: [\n",
    );
    let ran = refused(&repository);
    filtered(&home, || {
        insta::assert_snapshot!(ran.whole(), @"
        exit code: 1
        ----- stdout -----
        ----- stderr -----
        error: a list or map in brackets is not finished here
         --> .jenkins-trigger.yml:4:10
          |
        4 |   main: [
          |          ^
          |
          = help: close every `[` with `]` and every `{` with `}`
        ");
    });
}

#[test]
fn a_file_that_is_a_link_or_a_folder_stops_the_install() {
    let home = home();
    let link = home.repository("link", "");
    fs::write(home.path("elsewhere.yml"), FILE).expect("a file");
    symlink(home.path("elsewhere.yml"), link.path(".jenkins-trigger.yml")).expect("a link");
    let ran = refused(&link);
    assert!(ran.stderr.contains("not a regular file"), "{}", ran.whole());
    let folder = home.repository("folder", "");
    fs::create_dir(folder.path(".jenkins-trigger.yml")).expect("a folder");
    refused(&folder);
}

#[test]
fn nobody_commits_in_a_bare_repository() {
    with_each_git(|home| {
        let folder = home.path("shop.git");
        home.git(&home.path(""), &["init", "-q", "--bare", "shop.git"]);
        let before = (listing(&folder), listing(&home.path("state")));
        let ran = home.tool(&folder, &["install", "post-commit"]);
        assert_eq!(ran.code, 1);
        assert_eq!((listing(&folder), listing(&home.path("state"))), before);
        filtered(home, || {
            insta::allow_duplicates! {
                insta::assert_snapshot!(ran.whole(), @"
                exit code: 1
                ----- stdout -----
                ----- stderr -----
                error: [HOME]/shop.git is bare: nobody commits in it
                help: install post-commit where people work; here: jenkins-trigger install post-receive
                ");
            }
        });
    });
}

#[test]
fn outside_a_repository_one_line_says_so() {
    with_each_git(|home| {
        for command in [
            &["install", "post-commit"][..],
            &["uninstall"],
            &["trust"],
            &["check"],
            &["trigger"],
            &["log"],
        ] {
            let ran = home.tool(&home.path("home"), command);
            assert_eq!((ran.code, ran.stdout.as_str()), (1, ""), "{command:?}");
            filtered(home, || {
                insta::allow_duplicates! {
                    insta::assert_snapshot!(ran.stderr, @"error: [HOME]/home is not in a git repository; go into one, or name it: jenkins-trigger -C DIR ...");
                }
            });
        }
        assert_eq!(
            listing(&home.path("home")).len(),
            1,
            "only the git config is there"
        );
        assert!(listing(&home.path("state")).is_empty());
    });
}

#[test]
fn a_directory_that_does_not_exist_is_said() {
    let home = home();
    let ran = home.tool(&home.path("home"), &["-C", "nowhere", "install", "post-commit"]);
    assert_eq!(ran.code, 1, "{}", ran.whole());
    assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.whole());
}

#[test]
fn a_hooks_folder_that_cannot_be_written_is_said() {
    if rustix::process::geteuid().is_root() {
        skipped("root may write everywhere");
        return;
    }
    let home = home();
    let repository = home.repository("shop", FILE);
    fs::create_dir_all(repository.hooks()).expect("a folder");
    fs::set_permissions(repository.hooks(), fs::Permissions::from_mode(0o555)).expect("a mode");
    let ran = refused(&repository);
    assert!(ran.stderr.contains("hooks/post-commit"), "{}", ran.whole());
}

/// A line that somebody wrote into our hook is his: not overwritten, and not removed.
#[test]
fn our_own_hook_with_other_lines_in_it_stays() {
    with_each_git(|home| {
        let repository = home.repository("shop", FILE);
        repository.install();
        let hook = repository.hooks().join("post-commit");
        let ours = fs::read_to_string(&hook).expect("the hook");
        for edited in [
            ours.replace("\nbinary=", "\nnotify-send committed\nbinary="),
            ours.replace("\n[ -f", "\nexport SECRET='a b'\n[ -f"),
            format!("{ours}true\n"),
        ] {
            edited_hook_stays(&repository, &hook, &ours, &edited);
        }
    });
}

fn edited_hook_stays(repository: &Repository<'_>, hook: &Path, ours: &str, edited: &str) {
    assert_ne!(edited, ours);
    fs::write(hook, edited).expect("the hook");
    let ran = refused(repository);
    assert!(
        ran.stderr
            .contains("it is jenkins-trigger's with other lines in it"),
        "{}",
        ran.whole()
    );
    repository.tool(&["uninstall"]).succeeded();
    assert_eq!(fs::read_to_string(hook).expect("the hook"), edited);
}

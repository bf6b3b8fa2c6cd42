//! SHA-256 objects and reftable references, which libgit2 cannot open, work like everything else.

use jenkins_stand_in::StandIn;

use crate::receive;
use crate::support::{Home, Repository, shop, short_file, with_each_git};
use crate::watch::{
    assert_fired, complaints, file_for_all, file_with, said, shop_with_sha, triggers, wait_for_fired,
};

/// Formats that libgit2 cannot open: the options for `git init`, each with the git that has it.
fn with_each_format(test: impl Fn(&Home, &[&str])) {
    with_each_git(|home| {
        test(home, &["--object-format=sha256"]);
        if home.git.supports(2, 45) {
            test(home, &["--ref-format=reftable"]);
            test(home, &["--ref-format=reftable", "--object-format=sha256"]);
        }
    });
}

fn fresh<'a>(home: &'a Home, options: &[&str], what: &str, file: &str) -> Repository<'a> {
    home.repository_with(&format!("{what}{}", options.concat()), file, options)
}

#[test]
fn formats_that_libgit2_cannot_open_fire_alike() {
    with_each_format(|home, options| {
        let jenkins = StandIn::start(shop());
        let repository = fresh(home, options, "shop", &short_file(&jenkins));
        repository.install();
        let ran = repository.commit("first");
        repository.wait_for_journal(1);
        assert_eq!(complaints(&ran), [""; 0]);
        assert_eq!(triggers(&jenkins)[0].body, b"BRANCH=main");
        repository.git(&["checkout", "-q", "-b", "topic"]);
        assert_eq!(said(&repository.commit("unmapped")), [""; 0]);
        repository.git(&["checkout", "-q", "main"]);
        repository.git(&[
            "worktree",
            "add",
            "-q",
            "--detach",
            &format!("../linked{}", options.concat()),
        ]);
        let linked = Repository {
            home,
            folder: home.path(format!("linked{}", options.concat())),
        };
        assert_eq!(said(&linked.commit("detached")).len(), 1);
        repository.commit("second");
        repository.wait_for_journal(2);
        assert_eq!(triggers(&jenkins).len(), 2);
    });
}

/// Root commit, rename and ignored paths through the `git` program.
#[test]
fn formats_that_libgit2_cannot_open_filter_paths_alike() {
    with_each_format(|home, options| {
        let jenkins = StandIn::start(shop_with_sha());
        let file = file_with(&jenkins, "", "paths: [\"src/**\"]\npaths_ignore: [\"**/*.md\"]");
        let repository = fresh(home, options, "paths", &file);
        repository.install();
        repository.write("src/a", "a\n");
        repository.commit("root");
        let mut fired = vec![repository.head()];
        repository.write("docs/a", "x");
        repository.commit("elsewhere");
        repository.write("src/read.md", "x");
        repository.commit("ignored");
        repository.commit("empty");
        repository.git(&["mv", "src/a", "docs/moved"]);
        repository.commit("moved away");
        fired.push(repository.head());
        repository.write("src/é \"quoted\"", "x");
        repository.commit("awkward");
        fired.push(repository.head());
        repository.write(".jenkins-trigger.yml", file_for_all(&jenkins));
        repository.git(&["add", "--all"]);
        assert_fired(&repository, &jenkins, &fired);
    });
}

/// Reflog, sequencer state and HEAD through the `git` program.
#[test]
fn formats_that_libgit2_cannot_open_skip_alike() {
    with_each_format(|home, options| {
        let jenkins = StandIn::start(shop_with_sha());
        let file = file_with(&jenkins, "skip: { while: [revert, cherry-pick] }", "");
        let repository = fresh(home, options, "skip", &file);
        repository.commit("base");
        repository.git(&["checkout", "-q", "-b", "topic"]);
        repository.write("a", "a");
        repository.commit("a");
        repository.git(&["checkout", "-q", "main"]);
        repository.write("b", "b");
        repository.commit("b");
        repository.install();
        assert_eq!(
            complaints(&repository.git(&["revert", "--no-edit", "HEAD"])).len(),
            1
        );
        assert_eq!(complaints(&repository.git(&["cherry-pick", "topic"])).len(), 1);
        repository.git(&["checkout", "-q", "topic"]);
        let ran = repository.git(&["rebase", "--merge", "main~1"]);
        assert_eq!(said(&ran).len(), 1, "{}", ran.whole());
        let rebased = repository.head();
        assert_fired(&repository, &jenkins, &[rebased]);
    });
}

/// Whoever may push at all may push there, and not to the default branch.
#[test]
fn what_replaces_the_default_branchs_file_is_not_read() {
    with_each_git(|home| {
        for format in ["sha1", "sha256"] {
            let home = Home::new(&home.git);
            let jenkins = StandIn::start(shop_with_sha());
            let file = receive::file(&jenkins);
            let option = format!("--object-format={format}");
            let scene = receive::scene_with(&home, &file, &[&option]);
            let read = scene
                .clone
                .git(&["rev-parse", "HEAD:.jenkins-trigger.yml"])
                .stdout;
            scene.clone.write("evil", file.replace("${sha}", "another"));
            let evil = scene.clone.git(&["hash-object", "-w", "evil"]).stdout;
            let replaces = format!("{}:refs/replace/{}", evil.trim(), read.trim());
            scene.push(&[&replaces]);
            let commit = scene.commit("second");
            scene.push(&["main"]);
            wait_for_fired(&jenkins, &[commit]);
        }
    });
}

/// git would fetch what it lacks, and the commit would wait for that.
#[test]
fn a_partial_clone_fetches_nothing_to_see_what_is_allowed() {
    with_each_git(|home| {
        for format in ["sha1", "sha256"] {
            let home = Home::new(&home.git);
            let jenkins = StandIn::start(shop());
            let option = format!("--object-format={format}");
            let seed = home.repository_with("seed", &short_file(&jenkins), &[&option]);
            seed.commit("first");
            seed.git(&["config", "uploadpack.allowFilter", "true"]);
            seed.git(&["config", "uploadpack.allowAnySHA1InWant", "true"]);
            let url = format!("file://{}", seed.folder.display());
            let upload = "--upload-pack=git upload-pack";
            home.git(
                &home.path(""),
                &["clone", "-q", "--filter=blob:none", upload, &url, "clone"],
            );
            let clone = Repository {
                home: &home,
                folder: home.path("clone"),
            };
            clone.install();
            seed.write(
                ".jenkins-trigger.yml",
                short_file(&jenkins).replace("deploy", "other"),
            );
            seed.commit("second");
            clone.git(&["fetch", "-q", upload]);
            let contacted = home.path("contacted");
            let notes = format!("sh -c ': >\"{}\"; exit 1' --", contacted.display());
            clone.git(&["config", "remote.origin.uploadpack", &notes]);
            clone.write(
                ".jenkins-trigger.yml",
                short_file(&jenkins).replace("deploy", "other") + "# ours\n",
            );
            let ran = clone.commit("ours");
            assert_eq!(complaints(&ran).len(), 1, "{}", ran.whole());
            assert!(!contacted.exists(), "{format}: the remote was contacted");
        }
    });
}

//! Path filters against what a push brought.

use jenkins_stand_in::StandIn;

use crate::receive::{Scene, scene_with};
use crate::support::with_each_git;
use crate::watch::{said, shop_with_sha, wait_for_each_fired};

fn file(jenkins: &StandIn) -> String {
    format!(
        "version: 1\nserver: {}\njobs:\n\
         \x20 - {{ job: shop/deploy, paths: [\"src/**\"], parameters: {{ SHA: \"${{sha}}\" }} }}\n",
        jenkins.url()
    )
}

impl Scene<'_> {
    /// Commits a change of this file.
    fn change(&self, path: &str) -> String {
        self.clone.write(
            path,
            format!(
                "{path} after {:?}",
                self.clone.try_git(&["rev-parse", "HEAD"]).stdout
            ),
        );
        self.clone.git(&["add", "--all"]);
        self.clone.git(&["commit", "-q", "-m", path]);
        self.clone.head()
    }
}

#[test]
fn a_push_fires_if_a_file_matches_that_any_of_its_commits_changed() {
    with_each_git(|home| {
        let mut formats = vec!["--object-format=sha1", "--object-format=sha256"];
        if home.git.supports(2, 45) {
            formats.push("--ref-format=reftable");
        }
        for format in formats {
            let jenkins = StandIn::start(shop_with_sha());
            let scene = scene_with(home, &file(&jenkins), &[format]);
            let silent = |what: &[&str]| assert_eq!(said(&scene.push(what)), [""; 0], "{format} {what:?}");
            let fires = |what: &[&str]| assert_eq!(said(&scene.push(what)).len(), 1, "{format} {what:?}");
            let mut fired = Vec::new();

            // Several commits at once: the first has it.
            scene.change("src/a");
            fired.push(scene.change("docs/a"));
            fires(&["main"]);
            scene.change("docs/b");
            silent(&["main"]);

            // New branches, compared with where they left the default one.
            silent(&["main:same"]);
            scene.clone.git(&["checkout", "-q", "-b", "docs"]);
            scene.change("docs/c");
            silent(&["docs"]);
            scene.clone.git(&["checkout", "-q", "-b", "topic", "main~1"]);
            scene.change("src/b");
            fired.push(scene.change("docs/d"));
            fires(&["topic"]);

            // Forced back: what was there before is gone now, and that is a change too.
            scene.clone.git(&["reset", "-q", "--hard", "HEAD^"]);
            scene.clone.git(&["push", "-q", "--force", "origin", "topic"]);
            scene.clone.git(&["reset", "-q", "--hard", "HEAD^"]);
            scene.clone.git(&["commit", "-q", "--allow-empty", "-m", "back"]);
            fired.push(scene.clone.head());
            fires(&["--force", "topic"]);

            std::fs::remove_dir_all(&scene.bare).expect("the repository");
            std::fs::remove_dir_all(&scene.clone.folder).expect("the clone");
            wait_for_each_fired(&jenkins, &fired);
        }
    });
}

#[test]
fn what_cannot_be_compared_counts_as_a_match_and_that_is_said() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let scene = scene_with(home, &file(&jenkins), &[]);
        scene.clone.git(&["checkout", "-q", "--orphan", "alone"]);
        scene.clone.git(&["rm", "-q", "-rf", "."]);
        let alone = scene.change("docs/a");
        let ran = scene.push(&["alone"]);
        let notes: Vec<&str> = said(&ran)
            .into_iter()
            .filter(|line| !line.contains(" → "))
            .collect();
        assert_eq!(
            notes,
            [
                "remote: jenkins-trigger: alone: rule shop/deploy counts as matched whatever changed: it is new, and has no \
                 commit in common with main"
            ]
        );
        wait_for_each_fired(&jenkins, &[alone]);
    });
}

#[test]
fn a_new_tag_counts_as_a_match_too() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let file = file(&jenkins).replace("paths:", "tags: [\"v*\"], paths:");
        let scene = scene_with(home, &file, &[]);
        let tagged = scene.change("docs/a");
        scene.clone.git(&["push", "-q", "origin", "main"]);
        scene.clone.git(&["tag", "v1"]);
        let ran = scene.push(&["v1"]);
        let note =
            "rule shop/deploy counts as matched whatever changed: a new tag has nothing to be compared with";
        assert!(ran.stderr.contains(note), "{}", ran.whole());
        wait_for_each_fired(&jenkins, &[tagged]);
    });
}

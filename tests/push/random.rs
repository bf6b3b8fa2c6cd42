//! Pushes as they come.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use rustix::process::Signal;

use crate::held::{gits as gits_at, kill_waiters};
use crate::scene::{Scene, entries};
use crate::server::Taken;
use crate::support::dice::Dice;
use crate::support::{Git, Home, gits, wait_for};

const PUSHES: usize = 500;

/// More references than pushes that are killed have.
const MOST_KILLED: usize = 300;

const BRANCHES: &[&str] = &[
    "a",
    "b",
    "c",
    "d",
    "e",
    "f",
    "g",
    "h",
    "i",
    "j",
    "k",
    "l",
    "deep/m",
    "deep/n",
    "deep/o",
    "refused-1",
    "refused-2",
    "refused-3",
];
const TAGS: &[&str] = &["v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "refused-4"];

/// With `PUSH_SEED=N` in the environment, those of an earlier run.
#[test]
fn of_500_random_pushes_exactly_what_the_remote_took_fires() {
    let Dice(seed) = Dice::of("PUSH_SEED");
    let gits = gits();
    let each = PUSHES.div_ceil(gits.len());
    thread::scope(|scope| {
        for git in &gits {
            scope.spawn(move || {
                println!("PUSH_SEED={seed}, git {}", git.version);
                push_at_random(git, seed, each);
            });
        }
    });
}

fn push_at_random(git: &Git, seed: u64, pushes: usize) {
    let home = Home::new(git);
    let scene = Scene::by_path(&home);
    let mut pusher = Pusher {
        objects: objects(&scene),
        scene: &scene,
        dice: Dice(seed),
        touched: BTreeSet::new(),
        story: Vec::new(),
        killed: 0,
        killings: Vec::new(),
        late: Vec::new(),
    };
    for n in 0..pushes {
        // Later there would be more to wait for in the end.
        if n < pushes / 2 && pusher.dice.one_in(4) {
            pusher.push_and_kill();
        } else {
            pusher.push();
        }
        pusher.meanwhile();
    }
    pusher.end();
}

/// What can be pushed.
struct Objects {
    /// What is on the server under names of its own, and not pushed again.
    old: String,
    commits: Vec<String>,
    annotated: Vec<String>,
}

/// Commits with several histories, which the server knows too, and a few tag objects.
fn objects(scene: &Scene<'_>) -> Objects {
    let git = |arguments: &[&str]| scene.clone.git(arguments).stdout.trim().to_owned();
    let mut commits = vec![scene.clone.head()];
    for n in 0..24 {
        let parent = &commits[n * 7 % 5 * n / 5];
        let message = n.to_string();
        commits.push(git(&["commit-tree", "-m", &message, "-p", parent, "HEAD^{tree}"]));
    }
    let annotated = (0..6)
        .map(|n| {
            let name = format!("local-{n}");
            scene
                .clone
                .git(&["tag", "-a", "-m", "a tag", &name, &commits[n * 4]]);
            git(&["rev-parse", &format!("refs/tags/{name}")])
        })
        .collect();
    // Else nobody could move a branch of the server's to one of them.
    for (n, commit) in commits.iter().enumerate() {
        let kept = format!("{commit}:refs/kept/{n}");
        scene.clone.git(&["push", "-q", "--no-verify", "origin", &kept]);
    }
    let old = git(&["commit-tree", "-m", "old", "-p", "HEAD", "HEAD^{tree}"]);
    let refspecs: Vec<String> = (0..MOST_KILLED)
        .map(|n| format!("{old}:refs/heads/killed/old/{n}"))
        .collect();
    let mut words = vec!["push", "-q", "--no-verify", "origin"];
    words.extend(refspecs.iter().map(String::as_str));
    scene.clone.git(&words);
    scene.server.news();
    Objects {
        old,
        commits,
        annotated,
    }
}

fn is_killed(taken: &Taken) -> bool {
    taken.reference.contains("/killed/")
}

struct Pusher<'a> {
    scene: &'a Scene<'a>,
    dice: Dice,
    objects: Objects,
    /// What was pushed and may not be decided yet. Whether the remote took something cannot be
    /// told any more when it was pushed to once again.
    touched: BTreeSet<String>,
    /// All that was done since everything was settled, for whoever has to find a mistake.
    story: Vec<String>,
    /// How many references were used for pushes that were killed.
    killed: usize,
    killings: Vec<String>,
    /// What those have set off so far.
    late: Vec<Taken>,
}

impl Pusher<'_> {
    fn references(&mut self) -> Vec<String> {
        let count = 1 + self.dice.below(4);
        let chosen: BTreeSet<String> = (0..count)
            .map(|_| {
                if self.dice.one_in(3) {
                    format!("refs/tags/{}", self.dice.pick(TAGS))
                } else {
                    format!("refs/heads/{}", self.dice.pick(BRANCHES))
                }
            })
            .collect();
        chosen.into_iter().collect()
    }

    fn refspec(&mut self, reference: &str) -> String {
        if self.dice.one_in(6) {
            return format!(":{reference}");
        }
        let force = if self.dice.one_in(3) { "+" } else { "" };
        let annotated = reference.starts_with("refs/tags/") && self.dice.one_in(2);
        let among = if annotated {
            &self.objects.annotated
        } else {
            &self.objects.commits
        };
        let object = &among[self.dice.below(among.len())];
        format!("{force}{object}:{reference}")
    }

    fn push(&mut self) {
        let references = self.references();
        if references
            .iter()
            .any(|reference| self.touched.contains(reference))
        {
            self.settle();
        }
        let mut words = self.options();
        for reference in &references {
            let refspec = self.refspec(reference);
            words.push(refspec);
        }
        self.story.push(words.join(" "));
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        // Some of them fail, and some in part.
        self.scene.push(&words);
        self.touched.extend(references);
    }

    fn options(&mut self) -> Vec<String> {
        let mut words: Vec<String> = Vec::new();
        for (option, one_in) in [("--force", 4), ("--atomic", 8), ("--dry-run", 8)] {
            if self.dice.one_in(one_in) {
                words.push(option.into());
            }
        }
        words.push(if self.dice.one_in(5) {
            self.scene.server.url()
        } else {
            "origin".into()
        });
        words
    }

    /// Kills a push, perhaps with all that belongs to it, on the server too. It has references of
    /// its own, as the remote is asked for a while what became of it.
    fn push_and_kill(&mut self) {
        let mut words = self.options();
        for _ in 0..=self.dice.below(3) {
            self.killed += 1;
            let folder = self.dice.pick(&[
                "refs/heads/killed/old",
                "refs/heads/killed/new",
                "refs/tags/killed",
            ]);
            let refspec = self.refspec(&format!("{folder}/{}", self.killed));
            words.push(refspec);
        }
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let push = self.scene.start(&words);
        let moment = u64::try_from(self.dice.below(60)).expect("a small number");
        // At any moment: there is nothing to wait for.
        thread::sleep(Duration::from_millis(moment));
        let signal = self.dice.one_in(2);
        if signal {
            push.signal(Signal::KILL);
        } else {
            push.kill();
        }
        self.killings.push(format!(
            "{} (after {moment} ms, its group: {signal})",
            words.join(" ")
        ));
        wait_for("the end of the server's side", || {
            gits_at(self.scene.home).is_empty().then_some(())
        });
        self.remove_locks();
    }

    /// As git asks its user to, who is told of each.
    fn remove_locks(&self) {
        for folder in [&self.scene.server.bare, &self.scene.clone.path(".git")] {
            let mut find = self.scene.home.command("find", folder);
            let find = find.args([
                ".",
                "-name",
                "*.lock",
                "-not",
                "-path",
                "./jenkins-trigger/*",
                "-delete",
            ]);
            assert!(find.status().expect("find starts").success());
        }
    }

    /// What the killed pushes have moved on the server.
    fn taken_all_the_same(&self) -> Vec<Taken> {
        let format = "--format=%(objectname) %(*objectname) %(refname)";
        let words = ["for-each-ref", format, "refs/heads/killed", "refs/tags/killed"];
        let listed = self.scene.home.git(&self.scene.server.bare, &words).stdout;
        let mut taken: Vec<Taken> = listed
            .lines()
            .map(|line| {
                let words: Vec<&str> = line.split(' ').collect();
                let peeled = if words[1].is_empty() { words[0] } else { words[1] };
                Taken {
                    reference: words[2].to_owned(),
                    commit: peeled.to_owned(),
                }
            })
            .filter(|taken| taken.commit != self.objects.old)
            .collect();
        taken.sort();
        taken
    }

    /// What others do, here and on the server.
    fn meanwhile(&mut self) {
        if self.dice.one_in(6) {
            let prune: &[&str] = if self.dice.one_in(2) { &["--prune"] } else { &[] };
            self.story.push(format!("fetch {prune:?}"));
            self.scene
                .clone
                .git(&[&["fetch", "-q", "origin"], prune].concat());
        }
        let branch = self.dice.pick(BRANCHES);
        if self.dice.one_in(6) && !self.touched.contains(&format!("refs/heads/{branch}")) {
            let commit = self.objects.commits[self.dice.below(self.objects.commits.len())].clone();
            self.story.push(format!("{branch} on the server is {commit}"));
            self.scene.server.move_branch(branch, &commit);
        }
    }

    /// All but what was killed is decided.
    fn settle(&mut self) {
        let was_killed =
            |push: &PathBuf| fs::read_to_string(push).is_ok_and(|push| push.contains("/killed/"));
        wait_for("everything to be decided", || {
            entries(&self.scene.spool.join("pushes"))
                .iter()
                .all(|push| was_killed(push) || !push.exists())
                .then_some(())
        });
        self.compare();
    }

    fn compare(&mut self) {
        wait_for("everything to be sent", || {
            entries(&self.scene.spool.join("new")).is_empty().then_some(())
        });
        let news = self.scene.server.news();
        let mut taken = self.scene.server.taken(&news);
        // The log may end before these.
        taken.retain(|taken| !is_killed(taken));
        let triggered = self.scene.triggered().into_iter();
        let (late, triggered): (Vec<_>, Vec<_>) = triggered.partition(is_killed);
        self.late.extend(late);
        assert_eq!(triggered, taken, "{:#?}\nthe server wrote: {news:#?}", self.story);
        self.touched.clear();
        self.story.clear();
    }

    /// What was killed is decided too.
    fn end(mut self) {
        self.settle();
        // Some have died before they were processes of their own, and some still ask.
        kill_waiters(self.scene.home);
        self.scene.clone.tool(&["retry"]).succeeded();
        self.scene.settle();
        self.compare();
        assert_eq!(entries(&self.scene.spool.join("undecided")).len(), 0);
        self.late.sort();
        assert_eq!(self.late, self.taken_all_the_same(), "{:#?}", self.killings);
    }
}

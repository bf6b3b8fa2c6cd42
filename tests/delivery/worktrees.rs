//! Linked work trees share one spool.

use std::thread;

use jenkins_stand_in::StandIn;

use crate::scene::{
    assert_each_once, assert_in_order, assert_journal_agrees, file, jenkins, taken, wait_for_all,
};
use crate::support::{PATIENCE, Ran, with_each_git};

const TREES: usize = 10;
const COMMITS: usize = 5;

#[test]
fn commits_in_ten_linked_work_trees_at_once_are_one_trigger_each() {
    with_each_git(|home| {
        let jenkins = StandIn::start(jenkins());
        let repository = home.repository("shop", &file(&jenkins, ""));
        repository.commit("before the hook");
        repository.install();
        let job = |tree: usize| ["waits", "builds-0"][tree % 2];
        let trees: Vec<String> = (0..TREES).map(|tree| format!("{}/{tree}", job(tree))).collect();
        for name in &trees {
            repository.git(&["worktree", "add", "-q", "-b", name, &format!("../linked/{name}")]);
        }
        let commit = |name: &String, number: usize| {
            let folder = home.path("linked").join(name);
            let mut git = home.command("git", &folder);
            git.args(["commit", "-q", "--allow-empty", "-m"])
                .arg(format!("{name} {number}"));
            let ran = Ran::of(&mut git).succeeded();
            assert!(
                ran.stderr.contains(&format!("jenkins-trigger: {name} → ")),
                "{}",
                ran.stderr
            );
            let head = home.git(&folder, &["rev-parse", "HEAD"]).stdout;
            head.trim().to_owned()
        };
        let branches: Vec<(String, Vec<String>)> = thread::scope(|scope| {
            let threads: Vec<_> = trees
                .iter()
                .map(|name| {
                    scope.spawn(move || {
                        let commits = (0..COMMITS).map(|number| commit(name, number)).collect();
                        (name.clone(), commits)
                    })
                })
                .collect();
            threads
                .into_iter()
                .map(|thread| thread.join().expect("no panic"))
                .collect()
        });
        let all: Vec<&String> = branches.iter().flat_map(|(_, commits)| commits).collect();
        assert_eq!(all.len(), TREES * COMMITS);
        // Nothing keeps a sender waiting: it ends when all is sent.
        wait_for_all(home);
        assert!(jenkins.wait_until_deserted(PATIENCE));
        assert_each_once(&jenkins, all.iter().copied());
        let taken = taken(&jenkins);
        assert_in_order(&branches, &taken);
        let journal = repository.journal();
        assert_eq!(journal.len(), all.len(), "{journal:?}");
        assert_eq!(assert_journal_agrees(&journal, &taken), all.len());
        assert!(repository.spooled("new").is_empty());
    });
}

//! A file that is pushed into a bare repository by whoever may push.

use jenkins_stand_in::StandIn;

use crate::branch::{assert_nothing_came, hostile_files};
use crate::canary::Search;
use crate::scene::{command, file, git, home, setup, tool, wait_for_all};
use crate::support::{Ran, Repository, program};

/// The file that the repository's owner installed with, on its default branch.
fn pushed_to<'a>(home: &'a crate::support::Home, trusted: &StandIn) -> (Repository<'a>, Repository<'a>) {
    let clone = home.repository("clone", &file(trusted, "{ job: shop/deploy }"));
    clone.commit("base");
    let other_side = "--upload-pack=git upload-pack";
    home.git(
        &home.path(""),
        &["clone", "-q", "--bare", other_side, "clone", "bare.git"],
    );
    let bare = Repository {
        home,
        folder: home.path("bare.git"),
    };
    clone.git(&["remote", "add", "origin", &bare.folder.display().to_string()]);
    clone.git(&["config", "remote.origin.receivepack", "git receive-pack"]);
    (bare, clone)
}

#[test]
fn a_file_that_is_pushed_fires_nothing_beyond_the_bound() {
    let count = {
        let (trusted, evil) = (StandIn::start(setup()), StandIn::start(setup()));
        hostile_files(&trusted, &evil).len()
    };
    for number in 0..count {
        for is_bounded in [false, true] {
            let home = home();
            let (trusted, evil) = (StandIn::start(setup()), StandIn::start(setup()));
            let (name, hostile) = hostile_files(&trusted, &evil).swap_remove(number);
            let (bare, clone) = pushed_to(&home, &trusted);
            if is_bounded {
                let allowed = format!("{} shop/deploy", trusted.url());
                bare.git(&["config", "jenkinsTrigger.allow", &allowed]);
            }
            let mut search = Search::of(&home).trusted(&trusted).other(&evil);
            search.said(tool(&bare, &["install", "post-receive"]).succeeded());
            trusted.clear_requests();

            // On a branch of his own, then on the default one, where it counts for the next push.
            clone.git(&["checkout", "-q", "-b", "strangers"]);
            clone.write(".jenkins-trigger.yml", hostile);
            clone.commit("a stranger's");
            search.said(git(&clone, &["push", "-q", "origin", "strangers"]).succeeded());
            wait_for_all(&home);
            let branches: Vec<String> = trusted
                .posts()
                .iter()
                .flat_map(|request| request.form_values("BRANCH"))
                .collect();
            assert_eq!(
                branches,
                ["strangers"],
                "{name}: by the file of the default branch"
            );
            trusted.clear_requests();
            search.said(git(&clone, &["push", "-q", "origin", "strangers:main"]).succeeded());
            wait_for_all(&home);
            if is_bounded && name == "another token" {
                // The bound is about servers and jobs.
                trusted.clear_requests();
            }
            assert_nothing_came(name, &trusted);
            clone.git(&["commit", "-q", "--allow-empty", "-m", "more"]);
            search.said(git(&clone, &["push", "-q", "origin", "HEAD:more"]).succeeded());
            for arguments in [&["status"][..], &["check"], &["retry"], &["log"], &["deliver"]] {
                let mut command = command(&home, program(), &bare.folder);
                search.said(Ran::of(command.args(arguments)));
            }
            wait_for_all(&home);
            if is_bounded && name == "another token" {
                trusted.clear_requests();
            }
            assert_nothing_came(name, &trusted);
            search.assert_nowhere();
        }
    }
}

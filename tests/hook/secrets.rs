//! No secret is written down, and none goes into an address.

use std::fs;
use std::path::{Path, PathBuf};

use jenkins_stand_in::{Fault, FaultAction, StandIn};

use crate::support::{JOB_TOKEN, Ran, TOKEN, shop, with_each_git};

fn files_below(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder)
        .expect("a folder")
        .flat_map(|entry| {
            let entry = entry.expect("an entry");
            let kind = entry.file_type().expect("its kind");
            if kind.is_dir() {
                files_below(&entry.path())
            } else if kind.is_file() {
                vec![entry.path()]
            } else {
                Vec::new()
            }
        })
        .collect()
}

fn contains(content: &[u8], secret: &str) -> bool {
    content
        .windows(secret.len())
        .any(|window| window == secret.as_bytes())
}

/// Accepted, refused, unanswered and waiting triggers, of both methods.
#[test]
fn no_secret_is_on_disk_on_the_terminal_or_in_an_address() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop());
        let url = jenkins.url();
        let file = format!(
            "version: 1\nserver: {url}\njobs:\n  - job: shop/deploy\n  - {{ job: shop/deploy, name: token, \
             token_from: deploy, parameters: {{ BRANCH: x }}, branch_parameter: false }}\n  - job: no/such/job\n"
        );
        let repository = home.repository("shop", &file);
        let mut said = vec![repository.install()];
        said.push(repository.commit("first"));
        repository.wait_for_journal(3);
        let with_job_token = jenkins
            .posts()
            .iter()
            .filter(|request| contains(&request.body, JOB_TOKEN))
            .count();
        assert_eq!(with_job_token, 1, "{:?}", jenkins.posts());

        jenkins.fault(Fault::of_posts(FaultAction::CloseUnanswered { processed: false }).times(3));
        said.push(repository.commit("second"));
        repository.wait_for_journal(6);
        jenkins.stop();
        said.push(repository.commit("third"));
        // The two of one job and branch wait for each other, and only the first was tried.
        repository.wait_for_journal(8);
        said.push(repository.tool(&["log"]));
        said.push(repository.tool(&["log", "--json"]));
        said.push(repository.tool(&["-v", "retry"]));

        for secret in [TOKEN, JOB_TOKEN] {
            for Ran { stdout, stderr, .. } in &said {
                assert!(
                    !stdout.contains(secret) && !stderr.contains(secret),
                    "{stdout}{stderr}"
                );
            }
            for request in jenkins.requests() {
                assert!(!request.target_contains(secret), "{request:?}");
            }
            for path in files_below(&home.path("")) {
                // Somebody else may have just dealt with it.
                let content = fs::read(&path).unwrap_or_default();
                assert!(!contains(&content, secret), "{} has a secret", path.display());
            }
        }
    });
}

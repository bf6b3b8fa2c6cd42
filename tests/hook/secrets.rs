//! No secret is written down, and none goes into an address.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use jenkins_stand_in::{Fault, FaultAction, StandIn};

use crate::support::{Home, JOB_TOKEN, Ran, TOKEN, gits, shop, with_each_git};

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
        repository.wait_for_journal(9);
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

/// Not even one that is kept where the hook has not looked yet.
#[test]
fn a_trigger_that_would_tell_a_kept_token_is_refused_before_it_is_written_down() {
    const KEPT: &str = "11kept0kept0kept0kept0kept0kept000";
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(shop());
    for (event, allowed) in [("post-commit", true), ("post-commit", false), ("post-push", true)] {
        let name = format!("{event}-{allowed}");
        let file = format!(
            "version: 1\nserver: {}\njobs:\n  - {{ job: shop/deploy, parameters: {{ NOTE: \"${{subject}}\" }} }}\n",
            jenkins.url()
        );
        let repository = home.repository(&name, &file);
        if allowed {
            repository.tool(&["install", event]).succeeded();
        } else {
            repository.tool(&["install", event, "--yes"]).succeeded();
            repository.tool(&["untrust"]).succeeded();
        }
        let store = home.path("home/.config/jenkins-trigger");
        fs::create_dir_all(&store).expect("a folder");
        fs::set_permissions(&store, Permissions::from_mode(0o700)).expect("a mode");
        let entry = format!(
            "{{\"v\":1,\"servers\":[{{\"url\":\"{}/\",\"user\":\"dev\",\"token\":\"{KEPT}\"}}]}}",
            jenkins.url()
        );
        let credentials = store.join("credentials");
        fs::write(&credentials, entry).expect("the store");
        fs::set_permissions(&credentials, Permissions::from_mode(0o600)).expect("a mode");
        repository.git(&["init", "-q", "--bare", &format!("../{name}.git")]);
        repository.git(&["remote", "add", "origin", &format!("../{name}.git")]);
        repository.git(&["add", "--all"]);
        let git = |arguments: &[&str]| {
            let mut git = home.command("git", &repository.folder);
            git.env_remove("JENKINS_USER_ID").env_remove("JENKINS_API_TOKEN");
            Ran::of(git.args(arguments)).succeeded().stderr
        };
        let mut said = git(&["commit", "-m", &format!("my token is {KEPT}")]);
        said += &git(&["push", "origin", "HEAD:main"]);
        assert!(said.contains("nothing triggered:"), "{name}: {said}");
        assert!(said.contains("the parameter NOTE"), "{name}: {said}");
        for path in files_below(&repository.path(".git/jenkins-trigger")) {
            let content = fs::read(&path).unwrap_or_default();
            assert!(!contains(&content, KEPT), "{} has it", path.display());
        }
    }
}

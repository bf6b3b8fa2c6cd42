//! No secret in an address, on disk, or on the screen.

use std::fs;
use std::path::Path;

use jenkins_stand_in::{Answer, Fault, StandIn};

use crate::support::{Home, JOB_TOKEN, TOKEN, gits, shop};

fn files_below(folder: &Path, found: &mut Vec<(String, Vec<u8>)>) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_symlink() {
            continue;
        }
        if path.is_dir() {
            files_below(&path, found);
        } else if let Ok(content) = fs::read(&path) {
            // What is gone by now was a sender's, who looks again in the background.
            found.push((path.display().to_string(), content));
        }
    }
}

#[test]
fn no_secret_is_left_anywhere_whatever_jenkins_answers() {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(shop());
    let file = format!(
        "version: 1\nserver: {}\njobs:\n  - {{ job: shop/deploy, token_from: deploy }}\n  \
         - {{ job: shop/deploy, method: token-root, token_from: deploy }}\n",
        jenkins.url()
    );
    let repository = home.repository("shop", &file);
    repository.install();
    repository.commit("first");
    repository.wait_for_journal(2);
    let echo = format!("<p>job?token={JOB_TOKEN} {TOKEN}</p>");
    let location = format!("/login?from=token={JOB_TOKEN}");
    let mut said = String::new();
    for status in [200, 302, 400, 401, 403, 404, 409, 500, 502, 503] {
        let answer = Answer::new(status)
            .header("Location", location.clone())
            .body(echo.clone());
        jenkins.fault(Fault::answer(answer).times(4));
        for arguments in [&["-v", "trigger"][..], &["-v", "trigger", "--json"]] {
            said += &repository.tool(arguments).whole();
        }
        jenkins.clear_faults();
    }
    for arguments in [
        &["log", "--json"][..],
        &["-v", "log"],
        &["trigger", "--dry-run", "--curl"],
        &["-v", "trigger", "--dry-run", "--json"],
        &["-v", "check"],
    ] {
        said += &repository.tool(arguments).whole();
    }
    said += &repository.commit("second").whole();
    for secret in [TOKEN, JOB_TOKEN] {
        for request in jenkins.requests() {
            assert!(!request.target_contains(secret), "{}", request.target);
        }
    }
    assert_no_secret(&home, &said);
}

/// Neither what was said nor any file of this home holds a secret.
#[track_caller]
pub fn assert_no_secret(home: &Home, said: &str) {
    for secret in [TOKEN, JOB_TOKEN] {
        assert!(!said.contains(secret), "{said}");
        let mut files = Vec::new();
        files_below(&home.path(""), &mut files);
        assert!(files.len() > 10, "{files:?}");
        for (path, content) in files {
            let found = content
                .windows(secret.len())
                .any(|window| window == secret.as_bytes());
            assert!(!found, "{path}");
        }
    }
}

/// `JENKINS_URL` binds the two variables to one origin.
#[test]
fn credentials_for_another_origin_stay_at_home() {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(shop());
    let repository = home.repository("shop", &crate::support::short_file(&jenkins));
    repository.install();
    repository.commit("first");
    repository.wait_for_journal(1);
    jenkins.clear_requests();
    let trigger = |url: &str| {
        let mut command = home.command(crate::support::program(), &repository.folder);
        command.arg("trigger").env("JENKINS_URL", url);
        crate::support::Ran::of(&mut command)
    };
    for url in ["https://ci.example.com", "http://127.0.0.1:1/", "rubbish"] {
        let ran = trigger(url);
        assert_eq!(ran.code, 1, "{}", ran.whole());
        assert!(jenkins.requests().is_empty());
    }
    assert_eq!(trigger(&format!("{}/jenkins/", jenkins.url())).code, 0);
    assert!(repository.spooled("new").is_empty());
}

//! `cancel` of what a push would trigger, while nobody knows whether the remote took it.

use std::fs;

use jenkins_stand_in::StandIn;
use serde_json::{Value, json};

use crate::helpers::home;
use crate::retry::with_waiting;
use crate::support::{Home, Repository, shop};

const PUSH: &str = "01K0000000000000000000000P";
const FIRST: &str = "01K0000000000000000000001A";
const SECOND: &str = "01K0000000000000000000002B";

/// A repository with one push of two branches, in this folder of the spool and of this git.
fn with_push<'a>(home: &'a Home, jenkins: &StandIn, folder: &str, git: u32) -> Repository<'a> {
    let repository = with_waiting(home, jenkins, &["a"]);
    let file = repository.spooled("new").remove(0);
    let model: Value = serde_json::from_slice(&fs::read(&file).expect("a file")).expect("JSON");
    fs::remove_file(&file).expect("removed");
    let reference = |id: &str, branch: &str| {
        let mut trigger = model.clone();
        trigger["id"] = id.into();
        trigger["branch"] = branch.into();
        json!({
            "reference": format!("refs/heads/{branch}"),
            "new": "1".repeat(40),
            "repeats": false,
            "triggers": [trigger],
        })
    };
    let push = json!({
        "v": 1,
        "id": PUSH,
        "created": model["created"],
        "git": { "pid": git, "started": 0 },
        "address": "/nowhere",
        "max_triggers": 50,
        "references": [reference(FIRST, "a"), reference(SECOND, "b")],
        "trouble": "it is away",
    });
    let folder = repository.spool().join(folder);
    fs::create_dir_all(&folder).expect("a folder");
    fs::write(folder.join(format!("{PUSH}.json")), push.to_string()).expect("a push");
    repository
}

/// The triggers that the push still has.
fn left(repository: &Repository<'_>) -> Vec<String> {
    let files = [repository.spooled("undecided"), repository.spooled("pushes")].concat();
    let mut left = Vec::new();
    for file in files {
        let push: Value = serde_json::from_slice(&fs::read(file).expect("a file")).expect("JSON");
        for reference in push["references"].as_array().expect("a list") {
            let id = reference["triggers"][0]["id"].as_str().expect("an id");
            left.push(id.to_owned());
        }
    }
    left
}

fn dropped(repository: &Repository<'_>) -> Vec<String> {
    let lines = repository.journal();
    let dropped = lines.iter().filter(|line| line["outcome"] == "dropped");
    dropped
        .map(|line| line["id"].as_str().expect("an id").to_owned())
        .collect()
}

#[test]
fn one_trigger_of_an_undecided_push_goes_and_the_others_stay() {
    let home = home();
    let jenkins = StandIn::start(shop());
    for folder in ["undecided", "pushes"] {
        let repository = with_push(&home, &jenkins, folder, 0);
        repository.tool(&["cancel", "2B"]).succeeded();
        assert_eq!(left(&repository), [FIRST]);
        assert_eq!(dropped(&repository), [SECOND]);
        repository.tool(&["cancel", "1A"]).succeeded();
        assert!(left(&repository).is_empty());
        fs::remove_dir_all(&repository.folder).expect("removed");
        jenkins.resume();
    }
}

#[test]
fn an_undecided_push_goes_as_a_whole_by_its_own_id_and_with_all() {
    let home = home();
    let jenkins = StandIn::start(shop());
    for argument in [PUSH, "--all"] {
        let repository = with_push(&home, &jenkins, "undecided", 0);
        repository.tool(&["cancel", argument]).succeeded();
        assert!(left(&repository).is_empty());
        assert_eq!(dropped(&repository), [FIRST, SECOND]);
        fs::remove_dir_all(&repository.folder).expect("removed");
        jenkins.resume();
    }
}

#[test]
fn while_git_pushes_it_is_left_alone_and_said() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = with_push(&home, &jenkins, "pushes", std::process::id());
    let ran = repository.tool(&["cancel", FIRST]);
    assert_eq!(ran.code, 1, "{}", ran.whole());
    assert!(ran.stderr.contains("is being pushed to"), "{}", ran.whole());
    let all = repository.tool(&["cancel", "--all"]).succeeded();
    assert!(all.stderr.contains("is being pushed to"), "{}", all.whole());
    assert_eq!(left(&repository), [FIRST, SECOND]);
}

#[test]
fn who_is_about_to_decide_it_is_not_disturbed() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = with_push(&home, &jenkins, "undecided", 0);
    let file = fs::File::open(repository.spooled("undecided").remove(0)).expect("the push");
    rustix::fs::flock(&file, rustix::fs::FlockOperation::LockExclusive).expect("locked");
    let ran = repository.tool(&["cancel", FIRST]);
    assert_eq!(ran.code, 1, "{}", ran.whole());
    assert!(ran.stderr.contains("is at it just now"), "{}", ran.whole());
    assert_eq!(left(&repository), [FIRST, SECOND]);
    assert!(dropped(&repository).is_empty());
}

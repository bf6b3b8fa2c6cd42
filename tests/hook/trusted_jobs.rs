//! A file on any branch may name any job: it fires those that its user, or the default branch of the
//! remote, has allowed.

use std::fs;

use jenkins_stand_in::{Job, RecordedRequest, StandIn};
use serde_json::Value;

use crate::support::{Home, JOB_TOKEN, Ran, Repository, gits, wait_for, with_each_git};
use crate::watch::{complaints, said, shop_with_sha, triggers};

const NAME: &str = ".jenkins-trigger.yml";
const CANARY: &str = "canary-of-the-environment";

/// A file for this server with these lines under `jobs`.
fn file(jenkins: &StandIn, jobs: &[&str]) -> String {
    let jobs: Vec<String> = jobs.iter().map(|job| format!("  - {{ {job} }}\n")).collect();
    format!("version: 1\nserver: {}\njobs:\n{}", jenkins.url(), jobs.concat())
}

fn with_env(file: &str, names: &str) -> String {
    file.replace("jobs:", &format!("env: [{names}]\njobs:"))
}

/// A repository whose file, with these jobs, was allowed when the hook was installed, and that has a
/// branch of a stranger's checked out.
fn installed<'a>(home: &'a Home, jenkins: &StandIn, jobs: &[&str]) -> Repository<'a> {
    let repository = home.repository("shop", &file(jenkins, jobs));
    repository.commit("base");
    repository.install();
    repository.git(&["checkout", "-q", "-b", "stranger"]);
    repository
}

/// Commits this file, and everything else, with a variable that no stranger is to see.
fn commit(repository: &Repository<'_>, file: &str) -> Ran {
    repository.write(NAME, file);
    repository.git(&["add", "--all"]);
    let mut git = repository.home.command("git", &repository.folder);
    git.args(["commit", "-q", "--allow-empty", "-m", "a change"]);
    let ran = Ran::of(git.env("CHANNEL", CANARY)).succeeded();
    wait_for("each trigger's line in the journal", || {
        let told = |waiting: &Value| waiting["trouble"].is_string();
        let all = waiting(repository);
        all.iter().all(told).then_some(())
    });
    ran
}

fn waiting(repository: &Repository<'_>) -> Vec<Value> {
    let mut files = repository.spooled("new");
    files.sort();
    // A sender may have just dealt with one.
    let read = |path: &std::path::PathBuf| serde_json::from_slice(&fs::read(path).ok()?).ok();
    files.iter().filter_map(read).collect()
}

/// `origin`, whose default branch is `main` as it is here.
fn with_origin(repository: &Repository<'_>) {
    repository.git(&["init", "-q", "--bare", "../origin.git"]);
    repository.git(&["remote", "add", "origin", "../origin.git"]);
    follow(repository, "origin", "main");
}

/// The remote has this branch as its default, and that is known here.
fn follow(repository: &Repository<'_>, remote: &str, branch: &str) {
    let copy = format!("refs/remotes/{remote}/{branch}");
    repository.git(&["update-ref", &copy, branch]);
    let head = format!("refs/remotes/{remote}/HEAD");
    repository.git(&["symbolic-ref", &head, &copy]);
}

/// A commit of all that is staged, that no hook sees.
fn commit_tree(repository: &Repository<'_>) -> String {
    let tree = repository.git(&["write-tree"]).stdout;
    let commit = repository
        .git(&["commit-tree", "-m", "reviewed", tree.trim()])
        .stdout;
    commit.trim().to_owned()
}

#[test]
fn what_the_file_names_anew_on_a_known_server_is_held_told_each_time_and_not_looked_at() {
    let home = Home::new(&gits()[0]);
    for (number, (job, told)) in [
        (
            "job: prod/deploy",
            "names prod/deploy on http://[SERVER]/ (api), which",
        ),
        (
            "job: shop/deploy, token_from: deploy",
            "names shop/deploy on http://[SERVER]/ (job-token, token_from deploy), which",
        ),
        (
            "job: shop/deploy, token_from: deploy, method: token-root",
            "names shop/deploy on http://[SERVER]/ (token-root, token_from deploy), which",
        ),
        (
            "job: shop/deploy, multibranch: true",
            "names each branch of shop/deploy on http://[SERVER]/ (api), which",
        ),
        (
            "job: shop, multibranch: true, branches: [stranger]",
            "names each branch of shop on http://[SERVER]/ (api), which",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let jenkins = StandIn::start(shop_with_sha());
        let repository = home.repository(&format!("shop-{number}"), &file(&jenkins, &["job: shop/deploy"]));
        repository.install();
        let told = told.replace("[SERVER]", jenkins.url().trim_start_matches("http://"));
        repository.git(&["checkout", "-q", "-b", "stranger"]);
        let first = commit(&repository, &file(&jenkins, &[job]));
        let line = format!(
            "jenkins-trigger: not sent: this file now {told} you have not allowed here; to allow it: \
             jenkins-trigger trust"
        );
        assert_eq!(complaints(&first), [line], "{job}");
        // Each later one tells of it too, whatever it is about itself.
        repository.git(&["checkout", "-q", "-b", "other"]);
        let other = commit(&repository, &file(&jenkins, &["job: x, branches: [none]"]));
        let lines = complaints(&other);
        assert!(lines.len() == 1 && lines[0].contains(&told), "{job}: {lines:?}");
        let retry = repository.tool(&["retry"]);
        assert_eq!(retry.code, 1, "{}", retry.whole());
        assert!(retry.stdout.contains(&told), "{}", retry.whole());
        assert_eq!(waiting(&repository).len(), 1);
        assert!(jenkins.requests().is_empty(), "{job}: {:?}", jenkins.requests());
    }
}

/// What the file keeps goes out beside it.
#[test]
fn what_the_file_names_anew_holds_back_nothing_else() {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(shop_with_sha());
    let repository = installed(&home, &jenkins, &["job: shop/deploy"]);
    commit(
        &repository,
        &file(&jenkins, &["job: shop/deploy", "job: shop/other"]),
    );
    wait_for("the one that is allowed", || {
        (triggers(&jenkins).len() == 1).then_some(())
    });
    assert!(triggers(&jenkins)[0].target.contains("/job/deploy/"));
    assert_eq!(waiting(&repository)[0]["job"], "shop/other");
    repository.tool(&["trust"]).succeeded();
    wait_for("the other", || (triggers(&jenkins).len() == 2).then_some(()));
}

/// Not even of its own job and branch.
#[test]
fn what_is_asked_for_in_another_way_holds_back_nothing_of_its_job_and_branch() {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(shop_with_sha());
    let allowed = file(&jenkins, &["job: shop/deploy"]);
    let repository = installed(&home, &jenkins, &["job: shop/deploy"]);
    for job in [
        "job: shop/deploy, token_from: deploy",
        "job: shop/deploy, parameters: { COMMIT: \"${env.CHANNEL}\" }",
    ] {
        let file = file(&jenkins, &[job]);
        commit(&repository, &with_env(&file, "CHANNEL"));
    }
    commit(&repository, &allowed);
    wait_for("the one that is allowed", || {
        (triggers(&jenkins).len() == 1).then_some(())
    });
    assert_eq!(waiting(&repository).len(), 2);
}

#[test]
fn what_the_default_branch_of_the_remote_names_needs_no_word_of_the_user() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let repository = installed(home, &jenkins, &["job: shop/deploy"]);
        let both = file(&jenkins, &["job: shop/deploy", "job: shop/other"]);
        with_origin(&repository);
        commit(&repository, &both);
        assert_eq!(waiting(&repository).len(), 1, "held until the remote has it");
        // A review later, and a fetch.
        repository.git(&["update-ref", "refs/remotes/origin/main", "stranger"]);
        let ran = commit(&repository, &both);
        // Nobody is asked any more for his word, be it for the one that waited.
        assert_eq!(complaints(&ran).len(), 0, "{}", ran.whole());
        wait_for("all of them", || waiting(&repository).is_empty().then_some(()));
        let other = triggers(&jenkins)
            .into_iter()
            .filter(|request| request.target.contains("/job/other/"));
        assert!(other.count() > 0);
    });
}

#[test]
fn no_other_reference_counts_as_the_default_branch() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop_with_sha());
        let repository = installed(home, &jenkins, &["job: shop/deploy"]);
        let evil = file(&jenkins, &["job: shop/other"]);
        repository.write(NAME, &evil);
        repository.git(&["add", "--all"]);
        repository.git(&["commit", "-q", "--no-verify", "-m", "evil"]);
        wait_for("its sender", || (waiting(&repository).len() == 1).then_some(()));
        with_origin(&repository);
        // A stranger's fork, of which git itself knows the default branch.
        repository.git(&["remote", "add", "fork", "../fork.git"]);
        follow(&repository, "fork", "stranger");
        let held = |why: &str| {
            let ran = repository.tool(&["retry"]);
            assert!(ran.stdout.contains("names shop/other"), "{why}: {}", ran.whole());
            assert!(jenkins.requests().is_empty(), "{why}");
        };
        held("another remote");
        let head = "refs/remotes/origin/HEAD";
        repository.git(&["symbolic-ref", head, "refs/remotes/fork/stranger"]);
        held("the remote's HEAD names a branch of another");
        repository.git(&["symbolic-ref", head, "refs/heads/stranger"]);
        held("the remote's HEAD names a branch of this repository");
        repository.git(&["symbolic-ref", "--delete", head]);
        repository.git(&["update-ref", head, "stranger"]);
        held("the remote's HEAD names a commit");
        repository.git(&["update-ref", "-d", head]);
        repository.git(&["remote", "rename", "origin", "upstream"]);
        follow(&repository, "upstream", "stranger");
        held("of two remotes none is called origin");
        repository.git(&["remote", "remove", "fork"]);
        repository.tool(&["retry"]).succeeded();
        assert_eq!(
            triggers(&jenkins).len(),
            1,
            "the only remote counts, whatever its name"
        );
    });
}

/// Whoever may push here could have written them.
#[test]
fn what_looks_like_a_remote_s_default_branch_counts_only_with_the_remote() {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(shop_with_sha());
    let repository = installed(&home, &jenkins, &["job: shop/deploy"]);
    let both = file(&jenkins, &["job: shop/deploy", "job: shop/other"]);
    repository.write(NAME, &both);
    repository.git(&["add", "--all"]);
    repository.git(&["update-ref", "refs/heads/reviewed", &commit_tree(&repository)]);
    follow(&repository, "origin", "reviewed");
    commit(&repository, &both);
    assert_eq!(waiting(&repository).len(), 1);
    repository.git(&["remote", "add", "origin", "../origin.git"]);
    commit(&repository, &both);
    wait_for("all of them", || waiting(&repository).is_empty().then_some(()));
}

#[test]
fn a_file_of_the_default_branch_that_cannot_be_read_allows_nothing() {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(shop_with_sha());
    let repository = installed(&home, &jenkins, &["job: shop/deploy"]);
    let other = file(&jenkins, &["job: shop/other"]);
    repository.git(&["checkout", "-q", "-b", "broken"]);
    repository.write(NAME, format!("{other}unknown: 1\n"));
    repository.commit("broken");
    with_origin(&repository);
    follow(&repository, "origin", "broken");
    repository.git(&["checkout", "-q", "stranger"]);
    commit(&repository, &other);
    assert_eq!(waiting(&repository).len(), 1);
    assert!(jenkins.requests().is_empty());
}

/// The default branch vouches for jobs on servers that the user trusts, and for no server.
#[test]
fn the_default_branch_trusts_no_server() {
    let home = Home::new(&gits()[0]);
    let (jenkins, other) = (StandIn::start(shop_with_sha()), StandIn::start(shop_with_sha()));
    let repository = installed(&home, &jenkins, &["job: shop/deploy"]);
    commit(&repository, &file(&other, &["job: shop/deploy"]));
    with_origin(&repository);
    follow(&repository, "origin", "stranger");
    let ran = repository.tool(&["retry"]);
    assert!(
        ran.stdout.contains("which you have not trusted here"),
        "{}",
        ran.whole()
    );
    assert!(other.requests().is_empty());
}

#[test]
fn a_variable_that_was_not_allowed_is_read_nowhere() {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(shop_with_sha());
    let repository = installed(&home, &jenkins, &["job: shop/deploy"]);
    let reads = "job: shop/deploy, parameters: { SHA: \"${env.CHANNEL:-none}\" }";
    let ran = commit(&repository, &with_env(&file(&jenkins, &[reads]), "CHANNEL"));
    let line = "jenkins-trigger: not sent: this file now reads CHANNEL from the environment, which you have not \
                allowed here; to allow it: jenkins-trigger trust";
    assert_eq!(complaints(&ran), [line]);
    assert_eq!(
        waiting(&repository)[0]["withheld"],
        serde_json::json!(["CHANNEL"])
    );
    let in_environment = |arguments: &[&str]| {
        let mut tool = home.command(crate::support::program(), &repository.folder);
        Ran::of(tool.args(arguments).env("CHANNEL", CANARY))
    };
    let shown = [
        in_environment(&["check", "--branch", "stranger"]),
        in_environment(&["trigger", "--dry-run"]),
        in_environment(&["trigger", "--dry-run", "--curl"]),
        in_environment(&["trigger"]),
        in_environment(&["doctor", "--branch", "stranger"]),
        in_environment(&["retry"]),
        ran,
    ];
    for ran in &shown {
        assert!(!ran.whole().contains(CANARY), "{}", ran.whole());
        assert!(ran.whole().contains("CHANNEL"), "{}", ran.whole());
    }
    let grep = repository
        .home
        .command("grep", &home.path(""))
        .args(["-r", CANARY, "."])
        .output();
    assert_eq!(String::from_utf8_lossy(&grep.expect("grep").stdout), "");
    let looked_at = |request: &RecordedRequest| request.target.contains("/job/");
    assert!(
        !jenkins.requests().iter().any(looked_at),
        "{:?}",
        jenkins.requests()
    );
    jenkins.clear_requests();

    // Allowed now, it still lacks the value: whoever wants it triggers it anew.
    in_environment(&["trust"]).succeeded();
    let journal = wait_for("its end", || {
        let journal = repository.journal();
        journal
            .iter()
            .any(|line| line["outcome"] == "failed")
            .then_some(journal)
    });
    let message = journal.last().expect("a line")["message"]
        .as_str()
        .expect("a message")
        .to_owned();
    let (_, again) = message.split_once("jenkins-trigger ").expect("a command");
    assert_eq!(again, "trigger --branch stranger --only shop/deploy");
    let told = commit(&repository, &file(&jenkins, &["job: x, branches: [none]"]));
    assert!(
        said(&told)[0].contains("made without CHANNEL"),
        "{}",
        told.whole()
    );
    assert!(triggers(&jenkins).is_empty());
    repository.git(&["reset", "-q", "--hard", "HEAD^"]);
    let words: Vec<&str> = again.split(' ').collect();
    in_environment(&words).succeeded();
    assert_eq!(triggers(&jenkins)[0].form_values("SHA"), [CANARY]);
}

#[test]
fn a_variable_that_no_firing_rule_reads_holds_nothing() {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(shop_with_sha());
    let repository = installed(&home, &jenkins, &["job: shop/deploy"]);
    let jobs = [
        "job: shop/deploy",
        "job: shop/deploy, name: never, branches: [none], parameters: { SHA: \"${env.CHANNEL}\" }",
    ];
    let ran = commit(&repository, &with_env(&file(&jenkins, &jobs), "CHANNEL, OTHER"));
    assert_eq!(complaints(&ran), [""; 0]);
    wait_for("the trigger", || (triggers(&jenkins).len() == 1).then_some(()));
}

#[test]
fn the_default_branch_lets_the_file_read_a_variable() {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(shop_with_sha());
    let repository = installed(&home, &jenkins, &["job: shop/deploy"]);
    let reads = "job: shop/deploy, parameters: { SHA: \"${env.CHANNEL}\" }";
    repository.write(NAME, with_env(&file(&jenkins, &[reads]), "CHANNEL"));
    repository.git(&["add", "--all"]);
    repository.git(&["-c", "core.hooksPath=/dev/null", "commit", "-q", "-m", "reviewed"]);
    with_origin(&repository);
    follow(&repository, "origin", "stranger");
    let ran = commit(&repository, &with_env(&file(&jenkins, &[reads]), "CHANNEL"));
    assert_eq!(complaints(&ran), [""; 0]);
    wait_for("the trigger", || (triggers(&jenkins).len() == 1).then_some(()));
    assert_eq!(triggers(&jenkins)[0].form_values("SHA"), [CANARY]);
}

#[test]
fn a_multibranch_project_is_allowed_for_all_of_its_branches_and_for_nothing_else() {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(shop_with_sha().job(Job::multibranch("shop/app")));
    for branch in ["stranger", "a/b"] {
        jenkins.put_branch("shop/app", branch, true);
    }
    let project = "job: shop/app, multibranch: true";
    let repository = installed(&home, &jenkins, &[project]);
    commit(&repository, &file(&jenkins, &[project]));
    repository.git(&["checkout", "-q", "-b", "a/b"]);
    repository.git(&["commit", "-q", "--allow-empty", "-m", "work"]);
    // One scan finds both.
    wait_for("both branches", || waiting(&repository).is_empty().then_some(()));
    let before = triggers(&jenkins).len();
    let ran = commit(&repository, &file(&jenkins, &["job: shop/app/stranger"]));
    assert!(
        complaints(&ran)[0].contains("names shop/app/stranger on"),
        "{}",
        ran.whole()
    );
    assert_eq!(triggers(&jenkins).len(), before);
}

/// An unpacked repository may bring a spool, whose entries say what they like.
#[test]
fn what_lies_in_a_spool_is_not_believed() {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(shop_with_sha().job(Job::multibranch("shop/app")));
    let repository = installed(
        &home,
        &jenkins,
        &["job: shop/deploy", "job: shop/app, multibranch: true"],
    );
    commit(&repository, &file(&jenkins, &["job: prod/deploy"]));
    let path = repository.spooled("new").remove(0);
    let entry: Value = serde_json::from_slice(&fs::read(&path).expect("a file")).expect("JSON");
    for (change, value) in [
        (&["job"][..], "shop/other"),
        (&["job", "multibranch"], "shop/other"),
        (&["job", "multibranch"], "shop/app/.."),
        (&["job", "multibranch"], "shop/app/"),
        (&["job", "multibranch"], "shop"),
        (&["job"], "shop/app/stranger"),
        (&["event"], "manual"),
        (&["event"], "post-receive"),
        (&["method"], "job-token"),
    ] {
        let mut forged = entry.clone();
        forged["trouble"] = Value::Null;
        forged[change[0]] = value.into();
        if change.len() > 1 {
            forged["multibranch"] = true.into();
        }
        fs::write(&path, forged.to_string()).expect("a file");
        let ran = repository.tool(&["retry"]);
        assert!(
            ran.stdout.contains("which you have not allowed here"),
            "{change:?} {value}: {}",
            ran.whole()
        );
        assert!(jenkins.requests().is_empty(), "{change:?} {value}");
    }
    assert!(!fs::read_to_string(&path).expect("a file").contains(JOB_TOKEN));
}

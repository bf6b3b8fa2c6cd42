//! `multibranch: true`: the branch's own job, which Jenkins may not know yet.

use std::time::Duration;

use jenkins_stand_in::{Answer, BuildResult, Fault, Job, Permission, RecordedRequest, Setup, StandIn, User};

use crate::scene::commit_without_credentials;
use crate::support::{Home, JOB_TOKEN, Ran, Repository, TOKEN, USER, developer, filtered, gits, wait_for};

const BRANCH: &str = "feature/x#1";
const BRANCH_JOB: &str = "shop/app/feature%2Fx%231";

fn setup() -> Setup {
    Setup::new()
        .user(developer())
        .job(Job::multibranch("shop/app").starts_first_build(false))
}

fn repository<'a>(home: &'a Home, jenkins: &StandIn, more: &str) -> Repository<'a> {
    let file = format!(
        "version: 1\nserver: {}\njobs:\n  - {{ job: shop/app, multibranch: true{more} }}\n",
        jenkins.url()
    );
    let repository = home.repository("shop", &file);
    repository.tool(&["trust", "--yes"]).succeeded();
    repository.git(&["switch", "-q", "-c", BRANCH]);
    repository.commit("first");
    repository
}

fn targets(jenkins: &StandIn) -> Vec<String> {
    jenkins
        .posts()
        .into_iter()
        .map(|request| request.target)
        .collect()
}

fn index(jenkins: &StandIn, home: &Home) {
    jenkins.put_branch("shop/app", BRANCH, true);
    let repository = repository(home, jenkins, "");
    repository.tool(&["trigger"]).succeeded();
    jenkins.clear_requests();
}

#[test]
fn the_branchs_job_is_built_without_parameters() {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(setup());
    jenkins.put_branch("shop/app", BRANCH, true);
    let ran = repository(&home, &jenkins, "").tool(&["trigger"]);
    assert_eq!(
        targets(&jenkins),
        [
            "/job/shop/job/app/build",
            "/job/shop/job/app/job/feature%252Fx%25231/build"
        ]
    );
    assert_eq!(jenkins.queue_items()[0].job, BRANCH_JOB);
    filtered(&home, || {
        insta::assert_snapshot!(ran.whole(), @"
        exit code: 0
        ----- stdout -----
        queued feature/x#1 → shop/app/feature%2Fx%231: item 1 http://[JENKINS]/queue/item/1/
        ----- stderr -----
        ");
    });
}

#[test]
fn a_branch_that_jenkins_knows_is_built_at_once() {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(setup());
    index(&jenkins, &home);
    let folder = home.path("shop");
    home.tool(&folder, &["trigger"]).succeeded();
    assert_eq!(
        targets(&jenkins),
        ["/job/shop/job/app/job/feature%252Fx%25231/build"]
    );
}

/// In the background, while other jobs go out.
#[test]
fn a_hooks_trigger_waits_until_jenkins_has_found_the_branch() {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(setup().job(Job::new("other").string_parameter("BRANCH", "")));
    let file = format!(
        "version: 1\nserver: {}\njobs:\n  - {{ job: shop/app, multibranch: true }}\n  - {{ job: other }}\n",
        jenkins.url()
    );
    let repository = home.repository("shop", &file);
    repository.install();
    repository.commit("first");
    wait_for("the other job", || {
        let items = jenkins.queue_items();
        items.iter().any(|item| item.job == "other").then_some(())
    });
    wait_for("the scan", || {
        repository
            .journal()
            .iter()
            .any(|line| line["outcome"] == "waiting")
            .then_some(())
    });
    jenkins.put_branch("shop/app", "main", true);
    // The scan that was asked for saw nothing; the next one does.
    jenkins.advance(Duration::from_secs(2));
    let mut scan = home.command("curl", &repository.folder);
    let url = format!("{}/job/shop/job/app/build", jenkins.url());
    let login = format!("{USER}:{TOKEN}");
    Ran::of(scan.args(["-s", "-X", "POST", "--user", &login, &url])).succeeded();
    jenkins.advance(Duration::from_secs(2));
    wait_for("the branch's job", || {
        let items = jenkins.queue_items();
        items.iter().any(|item| item.job == "shop/app/main").then_some(())
    });
    // One scan, however often it was looked for.
    let scans = targets(&jenkins);
    let scans = scans.iter().filter(|target| *target == "/job/shop/job/app/build");
    assert_eq!(scans.count(), 2, "{:?}", targets(&jenkins));
}

#[test]
fn a_branch_that_is_not_found_waits_and_says_so() {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(setup());
    let repository = repository(&home, &jenkins, "");
    repository.without_sleepers();
    let ran = repository.tool(&["trigger"]);
    filtered(&home, || {
        insta::assert_snapshot!(ran.whole(), @"
        exit code: 1
        ----- stdout -----
        waiting feature/x#1 → shop/app/feature%2Fx%231: multibranch project shop/app has no job for feature/x#1 yet; Jenkins was asked to look for new branches; it is sent as soon as there is one
        ----- stderr -----
        ");
    });
    assert_eq!(targets(&jenkins), ["/job/shop/job/app/build"]);
    // Its end: what waited for ten minutes waits for nothing.
    let waiting = &repository.spooled("new")[0];
    let text = std::fs::read_to_string(waiting).expect("an entry");
    let mut entry: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    entry["scan"]["first"] = "2026-01-02T03:04:05Z".into();
    std::fs::write(waiting, entry.to_string()).expect("written");
    let ran = repository.tool(&["retry"]);
    filtered(&home, || {
        insta::assert_snapshot!(ran.whole(), @"
        exit code: 3
        ----- stdout -----
        failed feature/x#1 → shop/app/feature%2Fx%231: multibranch project shop/app has made no job for feature/x#1; check that the branch was pushed, has a Jenkinsfile and is not filtered out by the project: http://[JENKINS]/job/shop/job/app/indexing/console; then: jenkins-trigger retry
        ----- stderr -----
        ");
    });
}

#[test]
fn who_may_not_scan_waits_for_somebody_who_may() {
    let home = Home::new(&gits()[0]);
    let reader = User::new(USER, TOKEN).grant([Permission::OverallRead, Permission::JobRead]);
    let jenkins = StandIn::start(setup());
    jenkins.put_user(reader);
    let repository = repository(&home, &jenkins, "");
    repository.without_sleepers();
    let ran = repository.tool(&["trigger"]);
    filtered(&home, || {
        insta::assert_snapshot!(ran.whole(), @"
        exit code: 1
        ----- stdout -----
        waiting feature/x#1 → shop/app/feature%2Fx%231: multibranch project shop/app has no job for feature/x#1 yet, and user dev may not have it look for new branches (HTTP 403); it is waited for; an administrator gives dev the permission Job/Build on shop/app, or has it scanned at http://[JENKINS]/job/shop/job/app/
        ----- stderr -----
        ");
    });
}

/// What `trigger` says to a rule of which Jenkins is to get nothing.
fn refused(rule: &str) -> (Home, Ran) {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(setup().job(Job::new("plain")));
    let file = format!("version: 1\nserver: {}\njobs:\n  - {rule}\n", jenkins.url());
    let ran = {
        let repository = home.repository("shop", &file);
        repository.tool(&["trust", "--yes"]).succeeded();
        repository.commit("first");
        repository.tool(&["trigger"])
    };
    assert!(jenkins.posts().is_empty(), "{:?}", targets(&jenkins));
    (home, ran)
}

#[test]
fn a_job_that_is_no_project_is_told() {
    let (home, ran) = refused("{ job: plain, multibranch: true }");
    filtered(&home, || {
        insta::assert_snapshot!(ran.whole(), @"
        exit code: 3
        ----- stdout -----
        failed main → plain/main: plain is no multibranch project, and `multibranch: true` stands in the rule; take `multibranch` out; then the branch is passed as a parameter
        ----- stderr -----
        ");
    });
}

#[test]
fn a_project_that_is_not_there_is_told() {
    let (home, ran) = refused("{ job: shop/apo, multibranch: true }");
    filtered(&home, || {
        insta::assert_snapshot!(ran.whole(), @"
        exit code: 3
        ----- stdout -----
        failed main → shop/apo/main: there is no job shop/apo, or user dev may not see it (tried http://[JENKINS]/job/shop/job/apo/); did you mean shop/app?; check `job` (the full name with its folders), and the permission Job/Read of dev on job and folders
        ----- stderr -----
        ");
    });
}

#[test]
fn a_project_that_is_taken_for_a_job_is_told() {
    let (home, ran) = refused("{ job: shop/app }");
    filtered(&home, || {
        insta::assert_snapshot!(ran.whole(), @"
        exit code: 3
        ----- stdout -----
        failed main → shop/app: shop/app is a multibranch project, whose branches are jobs of their own; write `multibranch: true` in the rule
        ----- stderr -----
        ");
    });
}

/// Contract, row 49: a pipeline knows its parameters only after its first run.
#[test]
fn the_first_run_of_a_branch_goes_out_without_parameters_and_says_so() {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(
        Setup::new().user(developer()).job(
            Job::multibranch("shop/app")
                .starts_first_build(false)
                .branch_jobs(
                    Job::new("any")
                        .string_parameter("COMMIT", "")
                        .parameters_after_first_run(),
                ),
        ),
    );
    jenkins.put_branch("shop/app", BRANCH, true);
    let repository = repository(&home, &jenkins, ", parameters: { COMMIT: \"${sha}\" }");
    let ran = repository.tool(&["trigger"]);
    filtered(&home, || {
        insta::assert_snapshot!(ran.whole(), @"
        exit code: 0
        ----- stdout -----
        queued feature/x#1 → shop/app/feature%2Fx%231: item 1 http://[JENKINS]/queue/item/1/; this is the first run of the pipeline, which knows its parameters only after it: sent without COMMIT
        ----- stderr -----
        ");
    });
    assert!(jenkins.posts().last().expect("a request").form().is_empty());
    wait_for("the first run", || {
        jenkins.advance(Duration::from_secs(6));
        let builds = jenkins.builds(BRANCH_JOB);
        builds
            .first()
            .is_some_and(|build| build.result == Some(BuildResult::Success))
            .then_some(())
    });
    repository.tool(&["trigger"]).succeeded();
    let last = jenkins.posts().pop().expect("a request");
    assert_eq!(last.form_values("COMMIT"), [repository.head()]);
}

/// Anything else would drop the branch.
#[test]
fn a_pipeline_that_never_ran_is_not_built_without_its_branch() {
    let home = Home::new(&gits()[0]);
    let pipeline = Job::pipeline("pipe")
        .string_parameter("BRANCH", "main")
        .parameters_after_first_run();
    let jenkins = StandIn::start(Setup::new().user(developer()).job(pipeline));
    let file = format!("version: 1\nserver: {}\njobs: {{ main: pipe }}\n", jenkins.url());
    let repository = home.repository("shop", &file);
    repository.tool(&["trust", "--yes"]).succeeded();
    repository.commit("first");
    let ran = repository.tool(&["trigger"]);
    assert!(jenkins.posts().is_empty());
    filtered(&home, || {
        insta::assert_snapshot!(ran.whole(), @"
        exit code: 3
        ----- stdout -----
        failed main → pipe: pipeline pipe has never run, so Jenkins does not know its parameters yet and would drop BRANCH; run it once by hand at http://[JENKINS]/job/pipe/, then: jenkins-trigger retry; or declare the parameters in the job
        ----- stderr -----
        ");
    });
}

fn scans(jenkins: &StandIn) -> usize {
    let scan = |target: &String| target == "/job/shop/job/app/build";
    targets(jenkins).iter().filter(|target| scan(target)).count()
}

/// One that waits and was not sent yet, with this much known of the search for its branch.
fn searched(repository: &Repository<'_>, first: &str, last: &str) {
    repository.without_sleepers();
    commit_without_credentials(repository);
    let waiting = &repository.spooled("new")[0];
    // The hook's own sender writes into it that it has no credentials.
    let mut entry = wait_for("the sender to hold it", || {
        let text = std::fs::read_to_string(waiting).ok()?;
        let entry: serde_json::Value = serde_json::from_str(&text).ok()?;
        entry.get("trouble").is_some().then_some(entry)
    });
    entry["scan"] = serde_json::json!({ "first": first, "last": last });
    std::fs::write(waiting, entry.to_string()).expect("written");
}

fn installed<'a>(home: &'a Home, jenkins: &StandIn) -> Repository<'a> {
    let repository = repository(home, jenkins, "");
    repository.install();
    repository
}

/// The advice that it comes with is `retry`.
#[test]
fn what_was_given_up_is_searched_anew_when_its_user_says_so() {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(setup());
    let repository = installed(&home, &jenkins);
    let now = jiff::Timestamp::now().to_string();
    searched(&repository, "2026-01-02T03:04:05Z", &now);
    assert_eq!(repository.tool(&["retry"]).code, 3);
    jenkins.put_branch("shop/app", BRANCH, true);
    repository.tool(&["retry"]).succeeded();
    assert_eq!(jenkins.queue_items()[0].job, BRANCH_JOB);
}

#[test]
fn a_search_that_was_broken_off_for_long_begins_anew() {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(setup());
    let repository = installed(&home, &jenkins);
    searched(&repository, "2026-01-02T03:04:05Z", "2026-01-02T03:04:05Z");
    jenkins.put_branch("shop/app", BRANCH, true);
    repository.tool(&["retry"]).succeeded();
    assert_eq!(jenkins.queue_items()[0].job, BRANCH_JOB);
}

/// Or it would go on until the clock is there again.
#[test]
fn a_search_that_a_clock_set_back_made_one_of_the_future_begins_anew() {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(setup());
    let repository = installed(&home, &jenkins);
    searched(&repository, "2999-01-02T03:04:05Z", "2999-01-02T03:04:05Z");
    assert_eq!(repository.tool(&["retry"]).code, 1);
    let entry = std::fs::read_to_string(&repository.spooled("new")[0]).expect("an entry");
    assert!(!entry.contains("2999"), "{entry}");
}

#[test]
fn many_new_branches_have_their_project_asked_once() {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(setup());
    let repository = installed(&home, &jenkins);
    repository.without_sleepers();
    for number in 0..5 {
        let branch = format!("new/{number}");
        repository.git(&["switch", "-q", "-c", &branch]);
        commit_without_credentials(&repository);
        jenkins.put_branch("shop/app", &branch, true);
    }
    assert_eq!(repository.spooled("new").len(), 5);
    jenkins.clear_requests();
    repository.tool(&["retry"]).succeeded();
    assert_eq!(jenkins.queue_items().len(), 5);
    let about_project = |request: &&RecordedRequest| request.path() == "/job/shop/job/app/api/json";
    assert_eq!(jenkins.requests().iter().filter(about_project).count(), 1);
    assert_eq!(scans(&jenkins), 1);
}

/// While it starts, Jenkins knows nobody for a moment.
#[test]
fn a_project_that_knows_nobody_for_a_moment_is_asked_again() {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(setup());
    jenkins.put_branch("shop/app", BRANCH, true);
    let unauthorized = Answer::new(401).header("WWW-Authenticate", "Basic realm=\"Jenkins\"");
    let of_project = |request: &RecordedRequest| request.path() == "/job/shop/job/app/api/json";
    jenkins.fault(Fault::answer(unauthorized).when(of_project).times(1));
    let repository = repository(&home, &jenkins, "");
    repository.without_sleepers();
    let ran = repository.tool(&["trigger"]);
    assert_eq!(ran.code, 1, "{}", ran.whole());
    repository.tool(&["retry"]).succeeded();
    assert_eq!(jenkins.queue_items()[0].job, BRANCH_JOB);
}

#[test]
fn a_branch_that_was_deleted_and_came_again_is_searched_anew() {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(setup());
    index(&jenkins, &home);
    wait_for("the first run", || {
        jenkins.advance(Duration::from_secs(6));
        let builds = jenkins.builds(BRANCH_JOB);
        let result = builds.first().and_then(|build| build.result);
        (result == Some(BuildResult::Success)).then_some(())
    });
    let folder = home.path("shop");
    home.tool(&folder, &["trigger"]).succeeded();
    jenkins.remove_job(BRANCH_JOB);
    home.tool(&folder, &["trigger"]).succeeded();
    assert_eq!(scans(&jenkins), 1);
}

/// build-token-root needs nobody who may see the job.
#[test]
fn who_may_not_see_the_project_triggers_its_branch_by_token_all_the_same() {
    let home = Home::new(&gits()[0]);
    let branch_job = Job::new("any").trigger_token(JOB_TOKEN);
    let jenkins = StandIn::start(setup().job(Job::multibranch("shop/app").branch_jobs(branch_job)));
    jenkins.put_branch("shop/app", BRANCH, true);
    index(&jenkins, &home);
    jenkins.put_user(User::new(USER, TOKEN).grant([Permission::OverallRead]));
    let file = format!(
        "version: 1\nserver: {}\njobs:\n  - {{ job: shop/app, multibranch: true, method: token-root, token_from: deploy }}\n",
        jenkins.url()
    );
    let repository = home.repository("again", &file);
    repository.tool(&["trust", "--yes"]).succeeded();
    repository.git(&["switch", "-q", "-c", BRANCH]);
    repository.commit("first");
    let ran = repository.tool(&["trigger"]).succeeded();
    assert!(
        ran.stdout.contains("queued") || ran.stdout.contains("merged"),
        "{}",
        ran.whole()
    );
}

/// Jenkins keeps the job of a branch that was deleted for a while, and nobody can enable it there.
#[test]
fn the_job_of_a_branch_that_came_again_is_waited_for_while_it_counts_as_deleted() {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(setup());
    jenkins.put_job(Job::pipeline(BRANCH_JOB).disabled());
    let repository = repository(&home, &jenkins, "");
    let ran = std::thread::scope(|scope| {
        let ran = scope.spawn(|| repository.tool(&["trigger"]));
        wait_for("the scan", || (scans(&jenkins) == 1).then_some(()));
        jenkins.put_job(Job::pipeline(BRANCH_JOB));
        ran.join().expect("it ends")
    });
    assert_eq!(ran.code, 0, "{}", ran.whole());
    assert_eq!(jenkins.queue_items()[0].job, BRANCH_JOB);
}

/// What waits for a first run to end would wait for ever.
#[test]
fn a_pipeline_whose_builds_were_deleted_is_in_no_first_run() {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(Setup::new().user(developer()).job(Job::pipeline("pipe")));
    jenkins.put_past_build("pipe", 7, BuildResult::Success);
    jenkins.delete_builds("pipe");
    let file = format!("version: 1\nserver: {}\njobs: {{ main: pipe }}\n", jenkins.url());
    let repository = home.repository("shop", &file);
    repository.tool(&["trust", "--yes"]).succeeded();
    repository.commit("first");
    let ran = repository.tool(&["trigger"]);
    assert_eq!(ran.code, 3, "{}", ran.whole());
}

#[test]
fn a_pipeline_in_its_first_run_is_waited_for() {
    let home = Home::new(&gits()[0]);
    let pipeline = Job::pipeline("pipe")
        .string_parameter("BRANCH", "")
        .parameters_after_first_run()
        .build_time(Duration::from_secs(24 * 60 * 60));
    let jenkins = StandIn::start(Setup::new().user(developer()).job(pipeline));
    let file = format!("version: 1\nserver: {}\njobs: {{ main: pipe }}\n", jenkins.url());
    let repository = home.repository("shop", &file);
    repository.tool(&["trust", "--yes"]).succeeded();
    repository.commit("first");
    repository.without_sleepers();
    let mut run = home.command("curl", &repository.folder);
    let url = format!("{}/job/pipe/build", jenkins.url());
    let login = format!("{USER}:{TOKEN}");
    Ran::of(run.args(["-s", "-X", "POST", "--user", &login, &url])).succeeded();
    wait_for("the first run", || {
        jenkins.advance(Duration::from_secs(6));
        (!jenkins.builds("pipe").is_empty()).then_some(())
    });
    jenkins.clear_requests();
    let ran = repository.tool(&["trigger"]);
    assert!(jenkins.posts().is_empty());
    filtered(&home, || {
        insta::assert_snapshot!(ran.whole(), @"
        exit code: 1
        ----- stdout -----
        waiting main → pipe: pipeline pipe is in its first run, and Jenkins does not know its parameters yet: BRANCH would be dropped; it is tried again until Jenkins does
        ----- stderr -----
        ");
    });
    jenkins.finish_build("pipe", 1, BuildResult::Success);
    repository.tool(&["retry"]).succeeded();
    assert_eq!(jenkins.posts()[0].form_values("BRANCH"), ["main"]);
}

/// One page of something in front of Jenkins is not Jenkins' last word.
#[test]
fn a_passing_failure_of_the_project_ends_no_search() {
    let is_project = |request: &jenkins_stand_in::RecordedRequest| {
        request.target.starts_with("/job/shop/job/app/api/json")
    };
    for answer in [
        Answer::new(500).body("Oops!"),
        Answer::new(200).body("<html>"),
        Answer::new(404).body("nginx"),
    ] {
        let home = Home::new(&gits()[0]);
        let jenkins = StandIn::start(setup());
        jenkins.put_branch("shop/app", BRANCH, true);
        jenkins.fault(Fault::answer(answer).when(is_project).times(1));
        let repository = repository(&home, &jenkins, "");
        repository.without_sleepers();
        let ran = repository.tool(&["trigger"]);
        assert!(ran.stdout.starts_with("waiting"), "{}", ran.whole());
        repository.tool(&["retry"]).succeeded();
        assert_eq!(jenkins.queue_items().len(), 1);
    }
}

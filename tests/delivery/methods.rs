//! The requests themselves, by method (contract, "What follows" 1 and 2).

use jenkins_stand_in::{Answer, Fault, Job, RecordedRequest, StandIn};

use crate::support::{Home, JOB_TOKEN, Repository, TOKEN, USER, developer, gits, shop};

fn long_file(jenkins: &StandIn, rule: &str) -> String {
    format!("version: 1\nserver: {}\njobs:\n  - {rule}\n", jenkins.url())
}

/// The one request that a commit on `main` leads to.
fn request(home: &Home, jenkins: &StandIn, rule: &str) -> RecordedRequest {
    let repository = home.repository("shop", &long_file(jenkins, rule));
    commit_and_wait(&repository);
    let mut requests = jenkins.posts();
    assert_eq!(requests.len(), 1, "{requests:?}");
    requests.remove(0)
}

/// The one request, and the id of its trigger.
fn request_and_id(home: &Home, jenkins: &StandIn, rule: &str) -> (RecordedRequest, String) {
    let repository = home.repository("shop", &long_file(jenkins, rule));
    commit_and_wait(&repository);
    let id = repository.journal()[0]["id"].as_str().expect("an id").to_owned();
    (jenkins.posts().remove(0), id)
}

fn commit_and_wait(repository: &Repository<'_>) {
    repository.install();
    repository.commit("first");
    let journal = repository.wait_for_journal(1);
    assert_eq!(journal[0]["outcome"], "queued", "{journal:?}");
}

fn body(request: &RecordedRequest) -> String {
    String::from_utf8_lossy(&request.body).into_owned()
}

fn basic() -> Vec<u8> {
    use base64::Engine as _;
    let login = base64::engine::general_purpose::STANDARD.encode(format!("{USER}:{TOKEN}"));
    format!("Basic {login}").into_bytes()
}

#[test]
fn api_sends_the_parameters_alone_with_the_login() {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(shop().context_path("/ci"));
    let request = request(&home, &jenkins, "{ job: shop/deploy, cause: a note }");
    assert_eq!(request.method, "POST");
    assert_eq!(request.target, "/ci/job/shop/job/deploy/buildWithParameters");
    assert_eq!(body(&request), "BRANCH=main");
    assert_eq!(request.header("Authorization"), Some(&basic()[..]));
    assert_eq!(
        request.header("Content-Type"),
        Some(&b"application/x-www-form-urlencoded"[..])
    );
    assert!(request.header("Jenkins-Crumb").is_none());
    assert!(request.header("Cookie").is_none());
}

#[test]
fn job_token_sends_the_token_and_the_cause_in_the_body() {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(shop());
    let rule = "{ job: shop/deploy, token_from: deploy, delay: 2m, cause: \"by ${author_name}\" }";
    let (request, id) = request_and_id(&home, &jenkins, rule);
    assert_eq!(request.target, "/job/shop/job/deploy/buildWithParameters");
    assert_eq!(
        body(&request),
        format!("token={JOB_TOKEN}&cause=by+Ada+%5B{id}%5D&delay=120sec&BRANCH=main")
    );
    assert_eq!(request.header("Authorization"), Some(&basic()[..]));
}

/// Contract, observed 2 (s3-20c): credentials are checked even here, so none are sent.
#[test]
fn token_root_names_the_job_in_the_body_and_sends_no_login() {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(shop());
    let rule = "{ job: shop/deploy, method: token-root, token_from: deploy }";
    let (request, id) = request_and_id(&home, &jenkins, rule);
    assert_eq!(request.target, "/buildByToken/buildWithParameters");
    let sha = home
        .git(&home.path("shop"), &["rev-parse", "--short=7", "HEAD"])
        .stdout;
    assert_eq!(
        body(&request),
        format!(
            "job=shop%2Fdeploy&token={JOB_TOKEN}&cause=post-commit+of+main%40{}+%5B{id}%5D&BRANCH=main",
            sha.trim()
        )
    );
    assert!(request.header("Authorization").is_none());
}

#[test]
fn token_root_needs_no_user_at_all() {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(shop());
    let rule = "{ job: shop/deploy, method: token-root, token_from: deploy }";
    let repository = home.repository("shop", &long_file(&jenkins, rule));
    repository.install();
    repository.commit("first");
    repository.wait_for_journal(1);
    let mut trigger = home.command(crate::support::program(), &repository.folder);
    trigger
        .arg("trigger")
        .env_remove("JENKINS_USER_ID")
        .env_remove("JENKINS_API_TOKEN");
    crate::support::Ran::of(&mut trigger).succeeded();
}

#[test]
fn delay_is_sent_in_seconds_and_only_if_the_file_says_so() {
    for (delay, sent) in [
        ("0s", "delay=0sec&"),
        ("30s", "delay=30sec&"),
        ("1h", "delay=3600sec&"),
    ] {
        let home = Home::new(&gits()[0]);
        let jenkins = StandIn::start(shop());
        let request = request(
            &home,
            &jenkins,
            &format!("{{ job: shop/deploy, delay: {delay} }}"),
        );
        assert_eq!(body(&request), format!("{sent}BRANCH=main"));
    }
}

#[test]
fn a_job_without_parameters_is_built_without_any() {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(shop().job(Job::new("plain")));
    let request = request(&home, &jenkins, "{ job: plain, branch_parameter: false }");
    assert_eq!(request.target, "/job/plain/build");
    assert_eq!(body(&request), "");
}

/// Contract, observed 1 (s2-27): a job with parameters answers 400 to `build`; its defaults do.
#[test]
fn a_job_with_parameters_is_asked_the_other_way_once() {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(shop());
    let look_up = |request: &RecordedRequest| request.method == "GET";
    jenkins.fault(Fault::answer(Answer::new(403)).when(look_up));
    let rule = "{ job: shop/deploy, branch_parameter: false }";
    let repository = home.repository("shop", &long_file(&jenkins, rule));
    commit_and_wait(&repository);
    let targets: Vec<_> = jenkins
        .posts()
        .into_iter()
        .map(|request| request.target)
        .collect();
    assert_eq!(
        targets,
        [
            "/job/shop/job/deploy/build",
            "/job/shop/job/deploy/buildWithParameters"
        ]
    );
}

/// The reverse would drop the branch silently and build the wrong one.
#[test]
fn a_job_that_takes_no_parameter_is_never_built_without_the_branch() {
    // Of the second Jenkins says it itself: nobody looked at the job.
    for (rule, posts) in [
        ("{ job: plain }", 0),
        ("{ job: plain, method: token-root, token_from: deploy }", 1),
    ] {
        let home = Home::new(&gits()[0]);
        let jenkins = StandIn::start(shop().job(Job::new("plain").trigger_token(JOB_TOKEN)));
        let repository = home.repository("shop", &long_file(&jenkins, rule));
        repository.install();
        repository.commit("first");
        let journal = repository.wait_for_journal(1);
        assert_eq!(journal[0]["outcome"], "failed", "{journal:?}");
        assert_eq!(jenkins.posts().len(), posts);
        assert!(jenkins.queue_items().is_empty());
    }
}

#[test]
fn names_with_blanks_and_other_letters_are_found() {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(shop().job(Job::new("my jöb").string_parameter("BRANCH", "")));
    let request = request(&home, &jenkins, "{ job: my jöb }");
    assert_eq!(request.target, "/job/my%20j%C3%B6b/buildWithParameters");
}

#[test]
fn every_field_goes_out_once() {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(
        shop().user(developer()).job(
            Job::new("wide")
                .string_parameter("BRANCH", "")
                .string_parameter("COMMIT", "")
                .string_parameter("EMPTY", "default")
                .trigger_token(JOB_TOKEN),
        ),
    );
    let rule = "{ job: wide, token_from: deploy, delay: 5s, \
                parameters: { COMMIT: \"${sha}\", EMPTY: \"\", GONE: \"${tag}\" } }";
    let request = request(&home, &jenkins, rule);
    let mut names: Vec<String> = request
        .form()
        .into_iter()
        .map(|(name, _)| String::from_utf8_lossy(&name).into_owned())
        .collect();
    names.sort_unstable();
    assert_eq!(names, ["BRANCH", "COMMIT", "EMPTY", "cause", "delay", "token"]);
}

//! What Jenkins refuses is kept, explained, told once, and can be sent again.

use jenkins_stand_in::{Answer, Fault, Job, Permission, Setup, StandIn, User};

use crate::support::{Home, JOB_TOKEN, TOKEN, USER, filtered, gits, shop, short_file, wait_for};

fn server(permissions: &[Permission]) -> Setup {
    Setup::new()
        .user(User::new(USER, TOKEN).grant(permissions.iter().copied()))
        .job(
            Job::new("shop/deploy")
                .string_parameter("BRANCH", "main")
                .trigger_token("another"),
        )
        .job(Job::new("plain").trigger_token(JOB_TOKEN))
        .job(
            Job::new("off")
                .string_parameter("BRANCH", "main")
                .trigger_token(JOB_TOKEN)
                .disabled(),
        )
        .job(
            Job::new("choice")
                .choice_parameter("BRANCH", ["dev", "test"])
                .trigger_token(JOB_TOKEN),
        )
        .job(Job::new("tokenless").string_parameter("BRANCH", "main"))
}

const ALL: &[Permission] = &[Permission::OverallRead, Permission::JobRead, Permission::JobBuild];

/// What `trigger` prints for a rule, refused.
fn refusal(setup: Setup, rule: &str) -> (Home, String) {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(setup);
    let file = format!("version: 1\nserver: {}\njobs:\n  - {rule}\n", jenkins.url());
    let repository = home.repository("shop", &file);
    repository.tool(&["trust", "--yes"]).succeeded();
    repository.commit("first");
    let ran = repository.tool(&["trigger"]);
    assert_eq!(ran.code, 3, "{}", ran.whole());
    assert!(jenkins.queue_items().is_empty());
    (home, ran.stdout + &ran.stderr)
}

#[test]
fn a_missing_build_permission_is_named_in_jenkins_own_words() {
    let (home, said) = refusal(server(&ALL[..2]), "{ job: shop/deploy }");
    filtered(&home, || {
        insta::assert_snapshot!(said, @"failed main → shop/deploy: user dev lacks the permission Job/Build on job shop/deploy; an administrator ticks Job/Build for dev at http://[JENKINS]/manage/configureSecurity/, or in the job's or folder's own matrix; then: jenkins-trigger retry");
    });
}

#[test]
fn a_job_that_cannot_be_seen_is_told_with_the_address_tried() {
    let (home, said) = refusal(server(&ALL[..1]), "{ job: shop/deploy }");
    filtered(&home, || {
        insta::assert_snapshot!(said, @"failed main → shop/deploy: there is no job shop/deploy, or user dev may not see it (tried http://[JENKINS]/job/shop/job/deploy/buildWithParameters); check `job` (the full name with its folders), and the permission Job/Read on job and folders");
    });
}

#[test]
fn a_job_that_does_not_exist_is_told_with_the_address_tried() {
    let (home, said) = refusal(server(ALL), "{ job: shop/nope }");
    filtered(&home, || {
        insta::assert_snapshot!(said, @"failed main → shop/nope: there is no job shop/nope, or user dev may not see it (tried http://[JENKINS]/job/shop/job/nope/buildWithParameters); check `job` (the full name with its folders), and the permission Job/Read on job and folders");
    });
}

#[test]
fn a_wrong_trigger_token_is_told_even_if_the_user_may_build() {
    let (home, said) = refusal(server(ALL), "{ job: shop/deploy, token_from: deploy }");
    filtered(&home, || {
        insta::assert_snapshot!(said, @r#"failed main → shop/deploy: the trigger token of job shop/deploy is wrong; compare it with "Trigger builds remotely" at http://[JENKINS]/job/shop/job/deploy/configure, and set the variable that `token_from` names; then: jenkins-trigger retry"#);
    });
}

#[test]
fn a_job_without_parameters_is_told_how_to_get_one() {
    let (home, said) = refusal(server(ALL), "{ job: plain }");
    filtered(&home, || {
        insta::assert_snapshot!(said, @"failed main → plain: job plain declares no parameters, so the branch cannot be passed; add the parameter to the job (a pipeline: run it once by hand, so that its parameters register), or write `branch_parameter: false`");
    });
}

#[test]
fn a_disabled_job_is_told() {
    let (home, said) = refusal(server(ALL), r#"{ job: "off" }"#);
    filtered(&home, || {
        insta::assert_snapshot!(said, @"failed main → off: job off is disabled; enable it at http://[JENKINS]/job/off/; then: jenkins-trigger retry");
    });
}

#[test]
fn a_value_that_is_no_choice_is_told_with_the_logging_id() {
    let (home, said) = refusal(server(ALL), "{ job: choice }");
    filtered(&home, || {
        insta::assert_snapshot!(said, @"failed main → choice: Jenkins failed over the request for job choice (Logging ID=[UUID]); usually a value that a choice parameter does not list; its log has the reason under that id");
    });
}

#[test]
fn a_wrong_token_at_build_token_root_is_told() {
    let (home, said) = refusal(
        server(ALL),
        "{ job: shop/deploy, method: token-root, token_from: deploy }",
    );
    filtered(&home, || {
        insta::assert_snapshot!(said, @r#"failed main → shop/deploy: the trigger token of job shop/deploy is wrong; compare it with "Trigger builds remotely" at http://[JENKINS]/job/shop/job/deploy/configure, and set the variable that `token_from` names; then: jenkins-trigger retry"#);
    });
}

#[test]
fn a_job_without_token_at_build_token_root_is_told() {
    let (home, said) = refusal(
        server(ALL),
        "{ job: tokenless, method: token-root, token_from: deploy }",
    );
    filtered(&home, || {
        insta::assert_snapshot!(said, @r#"failed main → tokenless: 127.0.0.1 knows no job tokenless with a trigger token; check `job`, and that "Trigger builds remotely" is on at http://[JENKINS]/job/tokenless/configure"#);
    });
}

#[test]
fn a_missing_build_token_root_plugin_is_told() {
    let (home, said) = refusal(
        server(ALL).build_token_root(false),
        "{ job: shop/deploy, method: token-root, token_from: deploy }",
    );
    filtered(&home, || {
        insta::assert_snapshot!(said, @"failed main → shop/deploy: Jenkins at 127.0.0.1 has no Build Authorization Token Root plugin; install the plugin build-token-root, or use `method: job-token`");
    });
}

#[test]
fn a_disabled_job_at_build_token_root_is_told() {
    let (home, said) = refusal(
        server(ALL),
        r#"{ job: "off", method: token-root, token_from: deploy }"#,
    );
    filtered(&home, || {
        insta::assert_snapshot!(said, @"failed main → off: job off takes no build this way (HTTP 400; the reason is in the server's log); the job is disabled, or declares no parameters: enable it or add the parameter, or write `branch_parameter: false`");
    });
}

#[test]
fn a_wrong_context_path_is_told() {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(shop().context_path("/jenkins"));
    let file = short_file(&jenkins).replace("/jenkins", "");
    let repository = home.repository("shop", &file);
    repository.tool(&["trust", "--yes"]).succeeded();
    repository.commit("first");
    let ran = repository.tool(&["trigger"]);
    filtered(&home, || {
        insta::assert_snapshot!(ran.whole(), @"
        exit code: 3
        ----- stdout -----
        failed main → shop/deploy: there is no Jenkins at http://[JENKINS]/ (tried http://[JENKINS]/job/shop/job/deploy/buildWithParameters); check `server` in .jenkins-trigger.yml, with its context path
        ----- stderr -----
        ");
    });
}

#[test]
fn a_refused_trigger_is_told_once_by_the_next_hook_and_can_be_sent_again() {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(server(&ALL[..2]));
    let repository = home.repository("shop", &short_file(&jenkins));
    repository.install();
    repository.commit("first");
    repository.wait_for_journal(1);
    wait_for("a failed trigger", || {
        (repository.spooled("failed").len() == 1).then_some(())
    });

    repository.git(&["checkout", "-q", "-b", "elsewhere"]);
    let told = |message: &str| {
        let ran = repository.commit(message);
        ran.stderr.lines().filter(|line| line.contains("failed")).count()
    };
    assert_eq!(told("second"), 1);
    assert_eq!(told("third"), 0);

    jenkins.put_user(User::new(USER, TOKEN).grant(ALL.iter().copied()));
    repository.tool(&["retry"]).succeeded();
    assert_eq!(jenkins.queue_items().len(), 1);
    assert!(repository.spooled("failed").is_empty());
}

/// security.md, "Never": a redirect is an answer to explain, not a way to follow.
#[test]
fn a_redirect_to_another_origin_is_never_followed() {
    for status in [301, 302, 307, 308] {
        let home = Home::new(&gits()[0]);
        let elsewhere = StandIn::start(shop());
        let jenkins = StandIn::start(shop());
        let target = format!("{}/job/shop/job/deploy/buildWithParameters", elsewhere.url());
        jenkins.fault(Fault::answer_to_posts(
            Answer::new(status).header("Location", target),
        ));
        let repository = home.repository("shop", &short_file(&jenkins));
        repository.install();
        repository.git(&["commit", "-q", "--allow-empty", "--no-verify", "-m", "first"]);
        repository.wait_for_journal(1);
        let ran = repository.tool(&["trigger"]);
        assert_eq!(ran.code, 3, "{}", ran.whole());
        let advice = format!("server: {}", elsewhere.url());
        assert!(ran.stdout.contains(&advice), "{}", ran.whole());
        assert!(elsewhere.requests().is_empty());
    }
}

/// What a front door sends people to is no Jenkins, and never offered as one.
#[test]
fn a_redirect_to_a_login_elsewhere_is_no_new_address() {
    for (location, advice) in [
        (
            "https://login.example.com/tenant/oauth2/authorize?x=y",
            "single sign-on",
        ),
        ("/securityRealm/commenceLogin?from=%2F", "single sign-on"),
        ("/login?from=%2F", "single sign-on"),
        ("javascript:alert(1)", "redirects to nowhere"),
        ("/elsewhere", "redirects to http://127.0.0.1"),
    ] {
        let home = Home::new(&gits()[0]);
        let jenkins = StandIn::start(shop());
        jenkins.fault(Fault::answer_to_posts(
            Answer::new(302).header("Location", location),
        ));
        let repository = home.repository("shop", &short_file(&jenkins));
        repository.tool(&["trust", "--yes"]).succeeded();
        repository.commit("first");
        let ran = repository.tool(&["trigger"]);
        assert_eq!(ran.code, 3, "{}", ran.whole());
        assert!(ran.stdout.contains(advice), "{location}\n{}", ran.whole());
        assert!(!ran.stdout.contains("if that is your Jenkins"), "{}", ran.whole());
    }
}

/// A server that sends everybody to https drops the path; one behind a proxy puts its own name.
#[test]
fn a_redirect_of_the_same_host_or_to_the_jobs_page_is_read_for_what_it_means() {
    for (location, advice) in [
        ("https://127.0.0.1:1/", "server: https://127.0.0.1:1/ci/"),
        (
            "https://internal.example/ci/job/shop/job/deploy/",
            "a policy on the server",
        ),
    ] {
        let home = Home::new(&gits()[0]);
        let jenkins = StandIn::start(shop().context_path("/ci"));
        jenkins.fault(Fault::answer_to_posts(
            Answer::new(302).header("Location", location),
        ));
        let repository = home.repository("shop", &short_file(&jenkins));
        repository.tool(&["trust"]).succeeded();
        repository.commit("first");
        let ran = repository.tool(&["trigger"]);
        assert_eq!(ran.code, 3, "{}", ran.whole());
        assert!(ran.stdout.contains(advice), "{location}\n{}", ran.whole());
    }
}

/// The journal has the last word on every trigger, also when it repeats the one before.
#[test]
fn a_second_refusal_is_in_the_journal_too() {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(server(&ALL[..2]));
    let repository = home.repository("shop", &short_file(&jenkins));
    repository.install();
    repository.commit("first");
    repository.wait_for_journal(1);
    assert_eq!(repository.tool(&["retry"]).code, 3);
    let outcomes: Vec<_> = repository
        .journal()
        .iter()
        .map(|line| line["outcome"].clone())
        .collect();
    assert_eq!(outcomes, ["failed", "failed"]);
}

#[test]
fn a_failure_that_nobody_saw_is_told_although_another_was_seen() {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(server(&ALL[..2]));
    let repository = home.repository("shop", &short_file(&jenkins));
    repository.install();
    repository.commit("first");
    repository.wait_for_journal(1);
    wait_for("a failed trigger", || {
        (repository.spooled("failed").len() == 1).then_some(())
    });
    assert_eq!(repository.tool(&["trigger"]).code, 3);
    repository.git(&["checkout", "-q", "-b", "elsewhere"]);
    let next = repository.commit("second");
    assert_eq!(next.stderr.matches("earlier, main").count(), 1, "{}", next.stderr);
    assert!(!next.stderr.contains("more"), "{}", next.stderr);
}

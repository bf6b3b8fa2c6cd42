//! `doctor`, from the hook to the credentials.

use std::fs;

use jenkins_stand_in::{Answer, Authorization, Fault, Permission, Setup, StandIn, User};
use serde_json::Value;

use crate::helpers::{Bait, file_for, filtered, home};
use crate::support::{
    Home, JOB_TOKEN, Ran, Repository, TOKEN, USER, developer, shop, short_file, with_each_git,
};

/// A repository that is set up as far as this machine goes.
pub fn ready<'a>(home: &'a Home, file: &str) -> Repository<'a> {
    let repository = home.repository("shop", file);
    repository.commit("first");
    repository.tool(&["install", "post-push"]).succeeded();
    repository
}

/// Runs it, and sees that nothing was started, and nothing secret told or put into an address.
#[track_caller]
pub fn doctor(jenkins: &StandIn, repository: &Repository<'_>, arguments: &[&str]) -> Ran {
    let ran = repository.tool(&[&["doctor"], arguments].concat());
    assert_harmless(jenkins, &ran);
    ran
}

#[track_caller]
fn assert_harmless(jenkins: &StandIn, ran: &Ran) {
    assert!(jenkins.taken().is_empty(), "{:?}", jenkins.taken());
    assert!(jenkins.queue_items().is_empty());
    assert_nothing_to_retry(ran);
    for secret in [TOKEN, JOB_TOKEN] {
        assert!(!ran.whole().contains(secret), "{}", ran.whole());
        let requests = jenkins.requests();
        assert!(requests.iter().all(|request| !request.target_contains(secret)));
    }
}

/// Whoever only asks has nothing that could be sent again.
#[track_caller]
pub fn assert_nothing_to_retry(ran: &Ran) {
    for promise in ["jenkins-trigger retry", "it is tried again"] {
        assert!(!ran.whole().contains(promise), "{}", ran.whole());
    }
}

/// What is the same in every test that gets as far as the server, left out.
pub fn from_the_server(ran: &Ran) -> String {
    let whole = ran.whole();
    let (code, _) = whole.split_once('\n').expect("a line");
    let at = whole.find("\nserver ").expect("a server");
    format!("{code}\n{}", &whole[at..])
}

/// The steps of `--json`, each as `step: state`.
pub fn states(ran: &Ran) -> Vec<String> {
    let whole: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    let steps = whole["steps"].as_array().expect("steps").iter();
    steps
        .map(|step| {
            format!(
                "{}: {}",
                step["step"].as_str().unwrap_or_default(),
                step["state"].as_str().unwrap_or_default()
            )
        })
        .collect()
}

#[test]
fn all_is_well() {
    with_each_git(|home| {
        let jenkins = StandIn::start(shop());
        let repository = ready(home, &short_file(&jenkins));
        let ran = doctor(&jenkins, &repository, &[]);
        filtered(home, || {
            insta::allow_duplicates! {
                insta::assert_snapshot!(ran.whole().replace(&home.git.version, "[GIT]"), @"
                exit code: 0
                ----- stdout -----
                ok           hook           git [GIT] runs it on pre-push (post-push)
                ok           file           .jenkins-trigger.yml is valid: 1 rule, 1 server

                server http://[JENKINS]/
                ok           server         it is trusted in this repository
                ok           connection     127.0.0.1 answers
                ok           Jenkins        Jenkins 2.528.2
                ok           credentials    an API token of user dev, from JENKINS_API_TOKEN

                job shop/deploy
                ok           job            user dev sees http://[JENKINS]/job/shop/job/deploy/
                ok           buildable      it is enabled
                ok           may build      user dev has Job/Build
                ok           parameters     the job declares BRANCH
                not checked  quiet period   the job's own counts, which Jenkins tells only who may configure the job

                0 failed, 0 warnings, 1 not checked
                ----- stderr -----
                ");
            }
        });
    });
}

#[test]
fn json_is_one_object() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = ready(&home, &short_file(&jenkins));
    let ran = doctor(&jenkins, &repository, &["--json"]);
    filtered(&home, || {
        insta::assert_snapshot!(ran.whole().replace(&home.git.version, "[GIT]"), @r#"
        exit code: 0
        ----- stdout -----
        {"state":"ok","steps":[{"step":"hook","state":"ok","message":"git [GIT] runs it on pre-push (post-push)"},{"step":"file","state":"ok","message":".jenkins-trigger.yml is valid: 1 rule, 1 server"},{"step":"server","server":"http://[JENKINS]/","state":"ok","message":"it is trusted in this repository"},{"step":"connection","server":"http://[JENKINS]/","state":"ok","message":"127.0.0.1 answers"},{"step":"jenkins","server":"http://[JENKINS]/","state":"ok","message":"Jenkins 2.528.2"},{"step":"credentials","server":"http://[JENKINS]/","state":"ok","message":"an API token of user dev, from JENKINS_API_TOKEN"},{"step":"job","server":"http://[JENKINS]/","job":"shop/deploy","state":"ok","message":"user dev sees http://[JENKINS]/job/shop/job/deploy/"},{"step":"buildable","server":"http://[JENKINS]/","job":"shop/deploy","state":"ok","message":"it is enabled"},{"step":"may-build","server":"http://[JENKINS]/","job":"shop/deploy","state":"ok","message":"user dev has Job/Build"},{"step":"parameters","server":"http://[JENKINS]/","job":"shop/deploy","rule":"shop/deploy","state":"ok","message":"the job declares BRANCH"},{"step":"quiet-period","server":"http://[JENKINS]/","job":"shop/deploy","rule":"shop/deploy","state":"not-checked","message":"the job's own counts, which Jenkins tells only who may configure the job"}]}
        ----- stderr -----
        "#);
    });
}

#[test]
fn without_hook_and_file_it_says_how_to_get_them() {
    let home = home();
    let repository = home.repository("shop", "");
    let ran = repository.tool(&["doctor"]);
    filtered(&home, || {
        insta::assert_snapshot!(ran.whole(), @"
        exit code: 1
        ----- stdout -----
        failed       hook           no hook is installed here, so nothing fires
                                    fix: jenkins-trigger install post-push
        failed       file           there is no [HOME]/shop/.jenkins-trigger.yml
                                    fix: write one, for example:
                                         version: 1
                                         server: https://ci.example.com
                                         jobs:
                                           main: folder/job
        not checked  server, connection, Jenkins, credentials: there is no file that names one

        2 failed, 0 warnings, 4 not checked
        ----- stderr -----
        ");
    });
}

#[test]
fn a_hook_that_git_does_not_run_is_what_status_says() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = ready(&home, &short_file(&jenkins));
    repository.git(&["config", "core.hooksPath", "/dev/null"]);
    let ran = repository.tool(&["doctor", "--json"]);
    assert_eq!(ran.code, 1);
    let whole: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    let status: Value = serde_json::from_str(&repository.tool(&["status", "--json"]).stdout).expect("JSON");
    assert_eq!(whole["state"], "failed");
    assert_eq!(whole["steps"][0]["message"], status["problems"][0]["message"]);
    assert_eq!(whole["steps"][0]["fix"], status["problems"][0]["help"]);
}

#[test]
fn a_wrong_file_is_named_with_its_line() {
    let home = home();
    let repository = home.repository("shop", "version: 1\nserver: https://ci.invalid\njob: x\n");
    repository.commit("first");
    let ran = repository.tool(&["doctor"]);
    filtered(&home, || {
        insta::assert_snapshot!(ran.whole(), @"
        exit code: 1
        ----- stdout -----
        failed       hook           no hook is installed here, so nothing fires
                                    fix: jenkins-trigger install post-push
        failed       file           .jenkins-trigger.yml:3:1: unknown key `job` in the file
                                    fix: `job` belongs in a rule under `jobs`
        not checked  server, connection, Jenkins, credentials: there is no file that names one

        2 failed, 0 warnings, 4 not checked
        ----- stderr -----
        ");
    });
}

#[test]
fn a_file_that_is_not_the_committed_one_is_warned_of() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = ready(&home, &short_file(&jenkins));
    repository.write(
        ".jenkins-trigger.yml",
        format!("{}  dev: shop/deploy\n", short_file(&jenkins)),
    );
    let ran = doctor(&jenkins, &repository, &[]).succeeded();
    let line = "warning      file           it differs from the committed one, which is what a hook reads";
    assert!(ran.stdout.contains(line), "{}", ran.whole());
    assert_eq!(ran.stderr, "");
}

#[test]
fn a_rule_that_no_installed_hook_serves_and_one_that_builds_twice_are_warned_of() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let rules = "  - { name: received, job: shop/deploy, events: [post-receive] }\n  - { name: both, job: shop/deploy }\n";
    let repository = ready(&home, &file_for(&jenkins, rules));
    repository.tool(&["install", "post-commit"]).succeeded();
    let ran = doctor(&jenkins, &repository, &[]);
    let (local, _) = ran.stdout.split_once("\nserver ").expect("a server");
    filtered(&home, || {
        insta::assert_snapshot!(local.replace(&home.git.version, "[GIT]"), @"
        ok           hook           git [GIT] runs it on post-commit, post-merge, post-rewrite, pre-push (post-commit, post-push)
        ok           file           .jenkins-trigger.yml is valid: 2 rules, 1 server
        warning      file           post-commit and post-push are both installed, so a commit builds once when it is made and again when it is pushed: both (line 5)
                                    fix: for the push only, write `events: [post-push]` in the rule, or `defaults: { events: [post-push] }` at the top of the file for all
        warning      file           rule received (line 4) fires for post-receive only, and no hook of that is installed
                                    fix: jenkins-trigger install post-receive
        ");
    });
}

#[test]
fn a_server_that_is_not_trusted_is_not_contacted() {
    with_each_git(|home| {
        let bait = Bait::new();
        let file = format!("version: 1\nserver: {}\njobs:\n  main: shop/deploy\n", bait.url());
        let repository = home.repository("shop", &file);
        repository.commit("first");
        let ran = repository.tool(&["doctor"]);
        bait.assert_untouched();
        filtered(home, || {
            insta::allow_duplicates! {
                insta::assert_snapshot!(from_the_server(&ran), @"
                exit code: 1

                server http://[JENKINS]/
                failed       server         it is not trusted in this repository, so nothing is sent to it
                                            fix: jenkins-trigger trust
                not checked  connection, Jenkins, credentials: a server that is not trusted is not contacted

                job shop/deploy
                not checked  job, buildable, may build, parameters, quiet period: a server that is not trusted is not contacted

                2 failed, 0 warnings, 8 not checked
                ----- stderr -----
                ");
            }
        });
    });
}

#[test]
fn nothing_is_asked_over_plain_http() {
    let home = home();
    let proxy = StandIn::start(shop());
    let repository = ready(
        &home,
        "version: 1\nserver: http://ci.invalid:8080/jenkins\njobs:\n  main: shop/deploy\n",
    );
    let ran = repository.tool_in(&["doctor"], |command| {
        command.env("http_proxy", proxy.url());
    });
    assert!(proxy.requests().is_empty());
    filtered(&home, || {
        insta::assert_snapshot!(from_the_server(&ran), @"
        exit code: 1

        server http://ci.invalid:8080/jenkins/
        failed       server         http://ci.invalid:8080/jenkins/ is plain http, so a token sent there can be read on the way
                                    fix: use https, or allow it: git config --global --add jenkinsTrigger.allowPlainHttp http://ci.invalid:8080
        not checked  connection, Jenkins, credentials: no token may go to it

        job shop/deploy
        not checked  job, buildable, may build, parameters, quiet period: no token may go to it

        1 failed, 0 warnings, 8 not checked
        ----- stderr -----
        ");
    });
}

#[test]
fn a_server_that_is_down_is_told_from_one_that_is_no_jenkins_and_one_that_starts() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = ready(&home, &short_file(&jenkins));
    let mut said = String::new();
    for answer in [
        Answer::new(200)
            .header("Content-Type", "text/html")
            .body("<h1>It works!</h1>"),
        Answer::new(302).header("Location", "https://sso.example.com/oauth2/start?rd=x"),
        Answer::new(404).body("nothing here"),
        Answer::new(503).body("<h1>Jenkins is getting ready to work</h1>"),
    ] {
        jenkins.fault(Fault::answer(answer));
        let ran = doctor(&jenkins, &repository, &[]);
        jenkins.clear_faults();
        assert_eq!(ran.code, 1);
        said += &from_the_server(&ran);
    }
    jenkins.stop();
    let ran = repository.tool(&["doctor"]);
    assert_nothing_to_retry(&ran);
    said += &from_the_server(&ran);
    filtered(&home, || {
        insta::assert_snapshot!(said, @"
        exit code: 1

        server http://[JENKINS]/
        ok           server         it is trusted in this repository
        ok           connection     127.0.0.1 answers
        failed       Jenkins        what answers at http://[JENKINS]/whoAmI/api/json (HTTP 200) is no Jenkins, or not all of it
                                    fix: check `server` in .jenkins-trigger.yml, with its context path
        not checked  credentials    there is no Jenkins to ask

        job shop/deploy
        not checked  job, buildable, may build, parameters, quiet period: the server was not reached

        1 failed, 0 warnings, 6 not checked
        ----- stderr -----
        exit code: 1

        server http://[JENKINS]/
        ok           server         it is trusted in this repository
        ok           connection     127.0.0.1 answers
        failed       Jenkins        127.0.0.1 asks for a login first, at https://sso.example.com/oauth2/start
                                    fix: a single sign-on stands before Jenkins: it must let API tokens through (Basic authentication), or use an internal URL as `server`
        not checked  credentials    there is no Jenkins to ask

        job shop/deploy
        not checked  job, buildable, may build, parameters, quiet period: the server was not reached

        1 failed, 0 warnings, 6 not checked
        ----- stderr -----
        exit code: 1

        server http://[JENKINS]/
        ok           server         it is trusted in this repository
        ok           connection     127.0.0.1 answers
        failed       Jenkins        there is no Jenkins at http://[JENKINS]/ (HTTP 404; tried http://[JENKINS]/whoAmI/api/json)
                                    fix: another server answers there; check `server` in .jenkins-trigger.yml, with its context path
        not checked  credentials    there is no Jenkins to ask

        job shop/deploy
        not checked  job, buildable, may build, parameters, quiet period: the server was not reached

        1 failed, 0 warnings, 6 not checked
        ----- stderr -----
        exit code: 1

        server http://[JENKINS]/
        ok           server         it is trusted in this repository
        ok           connection     127.0.0.1 answers
        failed       Jenkins        Jenkins at 127.0.0.1 is starting
                                    fix: try again later
        not checked  credentials    there is no Jenkins to ask

        job shop/deploy
        not checked  job, buildable, may build, parameters, quiet period: the server was not reached

        1 failed, 0 warnings, 6 not checked
        ----- stderr -----
        exit code: 1

        server http://[JENKINS]/
        ok           server         it is trusted in this repository
        failed       connection     127.0.0.1 port [PORT] refuses the connection
                                    fix: Jenkins is down, or `server` in .jenkins-trigger.yml is wrong
        not checked  Jenkins, credentials: the server was not reached

        job shop/deploy
        not checked  job, buildable, may build, parameters, quiet period: the server was not reached

        1 failed, 0 warnings, 7 not checked
        ----- stderr -----
        ");
    });
}

#[test]
fn a_jenkins_without_the_context_path_that_the_file_names_is_told_as_one() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let file = format!(
        "version: 1\nserver: {}/jenkins\njobs:\n  main: shop/deploy\n",
        jenkins.url()
    );
    let repository = ready(&home, &file);
    let ran = doctor(&jenkins, &repository, &[]);
    filtered(&home, || {
        insta::assert_snapshot!(from_the_server(&ran), @"
        exit code: 1

        server http://[JENKINS]/jenkins/
        ok           server         it is trusted in this repository
        ok           connection     127.0.0.1 answers
        failed       Jenkins        a Jenkins answers, but not at http://[JENKINS]/jenkins/ (HTTP 403; tried http://[JENKINS]/jenkins/whoAmI/api/json)
                                    fix: perhaps its context path is not /jenkins/: check `server` in .jenkins-trigger.yml, it may be http://[JENKINS]/
        not checked  credentials    there is no Jenkins to ask

        job shop/deploy
        not checked  job, buildable, may build, parameters, quiet period: the server was not reached

        1 failed, 0 warnings, 6 not checked
        ----- stderr -----
        ");
    });
}

#[test]
fn a_server_that_repeats_the_token_has_it_shown_and_kept_nowhere() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = ready(&home, &short_file(&jenkins));
    let me = Answer::new(200).header("X-Jenkins", "2.528.2");
    let me = me.body(format!(r#"{{"name":"{TOKEN}","anonymous":false}}"#));
    jenkins.fault(Fault::answer(me).when(|request| request.path() == "/whoAmI/api/json"));
    let job = format!(
        r#"{{"_class":"hudson.model.FreeStyleProject","fullName":"{TOKEN}","buildable":true,"url":"http://{TOKEN}/",
        "property":[{{"parameterDefinitions":[{{"name":"{TOKEN}","type":"StringParameterDefinition"}}]}}]}}"#
    );
    let of_job = Answer::new(200).header("X-Jenkins", "2.528.2").body(job.clone());
    jenkins.fault(Fault::answer(of_job).when(|request| request.path().ends_with("/deploy/api/json")));
    let all = Answer::new(200).body(format!(r#"{{"url":"http://{TOKEN}/","jobs":[{job}]}}"#));
    jenkins.fault(Fault::answer(all).when(|request| request.path() == "/api/json"));
    let said = doctor(&jenkins, &repository, &[]).whole();
    assert!(
        said.contains("it declares •••") && said.contains("of user •••"),
        "{said}"
    );
    assert!(said.contains("it takes itself for http://•••/"), "{said}");
    let jobs = repository.tool(&["jobs"]);
    assert!(
        jobs.stdout.contains("•••") && !jobs.whole().contains(TOKEN),
        "{}",
        jobs.whole()
    );
    let trigger = repository.tool(&["trigger"]);
    assert!(trigger.stdout.contains("it declares •••"), "{}", trigger.whole());
    assert!(!trigger.whole().contains(TOKEN), "{}", trigger.whole());
    assert!(!repository.tool(&["log", "--json"]).whole().contains(TOKEN));
}

#[test]
fn a_record_of_trust_that_cannot_be_read_is_a_failed_step() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = ready(&home, &short_file(&jenkins));
    fs::write(home.path("state/jenkins-trigger/trust"), "{").expect("the record");
    let ran = doctor(&jenkins, &repository, &[]);
    let json = doctor(&jenkins, &repository, &["--json"]);
    assert!(jenkins.requests().is_empty());
    assert_eq!(states(&json)[2..4], ["server: failed", "connection: not-checked"]);
    filtered(&home, || {
        insta::assert_snapshot!(from_the_server(&ran), @"
        exit code: 1

        server http://[JENKINS]/
        failed       server         [HOME]/state/jenkins-trigger/trust cannot be read (EOF while parsing an object at line 1 column 1)
                                    fix: move it away and run: jenkins-trigger trust
        not checked  connection, Jenkins, credentials: nobody knows whether the server is trusted

        job shop/deploy
        not checked  job, buildable, may build, parameters, quiet period: nobody knows whether the server is trusted

        1 failed, 0 warnings, 8 not checked
        ----- stderr -----
        ");
    });
}

#[test]
fn without_credentials_jenkins_is_found_and_its_jobs_are_not_asked_for() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = ready(&home, &short_file(&jenkins));
    let ran = repository.tool_in(&["doctor"], |command| {
        command.env_remove("JENKINS_API_TOKEN");
    });
    assert!(
        jenkins
            .requests()
            .iter()
            .all(|request| request.path() == "/whoAmI/api/json")
    );
    filtered(&home, || {
        insta::assert_snapshot!(from_the_server(&ran), @"
        exit code: 1

        server http://[JENKINS]/
        ok           server         it is trusted in this repository
        ok           connection     127.0.0.1 answers
        ok           Jenkins        Jenkins 2.528.2
        failed       credentials    no credentials for http://[JENKINS]/ (JENKINS_API_TOKEN is not set)
                                    fix: to log in: jenkins-trigger login http://[JENKINS]/

        job shop/deploy
        not checked  job            there are no credentials that Jenkins accepts
        not checked  buildable, may build, parameters: there are no credentials that Jenkins accepts
        not checked  quiet period   the job's own counts, which Jenkins tells only who may configure the job

        1 failed, 0 warnings, 5 not checked
        ----- stderr -----
        ");
    });
}

#[test]
fn a_wrong_token_is_looked_at_twice_and_then_called_wrong() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = ready(&home, &short_file(&jenkins));
    let ran = repository.tool_in(&["doctor"], |command| {
        command.env("JENKINS_API_TOKEN", "11wrong0wrong0wrong0wrong0wrong000");
    });
    let refused = jenkins
        .requests()
        .iter()
        .filter(|request| request.status == Some(401))
        .count();
    assert_eq!(refused, 2);
    filtered(&home, || {
        insta::assert_snapshot!(from_the_server(&ran), @"
        exit code: 1

        server http://[JENKINS]/
        ok           server         it is trusted in this repository
        ok           connection     127.0.0.1 answers
        ok           Jenkins        Jenkins 2.528.2
        failed       credentials    Jenkins at 127.0.0.1 does not accept the API token of user dev (from JENKINS_API_TOKEN)
                                    fix: it may be mistyped, revoked or expired: make one at http://[JENKINS]/user/dev/security/ (in an older Jenkins http://[JENKINS]/user/dev/configure) and set JENKINS_USER_ID (the user id, not the e-mail address or full name) and JENKINS_API_TOKEN, or unset both and log in: jenkins-trigger login http://[JENKINS]/

        job shop/deploy
        not checked  job            there are no credentials that Jenkins accepts
        not checked  buildable, may build, parameters: there are no credentials that Jenkins accepts
        not checked  quiet period   the job's own counts, which Jenkins tells only who may configure the job

        1 failed, 0 warnings, 5 not checked
        ----- stderr -----
        ");
    });
}

#[test]
fn a_password_works_and_is_warned_of() {
    let home = home();
    let jenkins = StandIn::start(
        shop().user(
            User::new("ada", "x")
                .password("correct horse")
                .grant([Permission::OverallRead]),
        ),
    );
    let repository = ready(&home, &short_file(&jenkins));
    let ran = repository.tool_in(&["doctor", "--json"], |command| {
        command
            .env("JENKINS_USER_ID", "ada")
            .env("JENKINS_API_TOKEN", "correct horse");
    });
    assert!(!ran.whole().contains("correct horse"));
    let whole: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    let steps = whole["steps"].as_array().expect("steps");
    let step = steps
        .iter()
        .find(|step| step["step"] == "credentials")
        .expect("the step");
    assert_eq!(step["state"], "warning");
    assert_eq!(
        step["message"],
        "a password of user ada, not an API token, from JENKINS_API_TOKEN"
    );
}

#[test]
fn where_crumbs_are_off_a_password_is_not_told_from_a_token() {
    let home = home();
    let jenkins = StandIn::start(shop().csrf(false));
    let repository = ready(&home, &short_file(&jenkins));
    let ran = doctor(&jenkins, &repository, &[]).succeeded();
    assert!(
        ran.stdout.contains(
            "user dev, from JENKINS_API_TOKEN, by API token or password: this server does not tell"
        ),
        "{}",
        ran.whole()
    );
}

#[test]
fn credentials_that_a_proxy_takes_away_are_missed() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = ready(&home, &short_file(&jenkins));
    let nobody =
        r#"{"_class":"hudson.security.WhoAmI","anonymous":true,"authenticated":true,"name":"anonymous"}"#;
    let answer = Answer::new(200).header("X-Jenkins", "2.528.2").body(nobody);
    jenkins.fault(Fault::answer(answer).when(|request| request.path() == "/whoAmI/api/json"));
    let ran = doctor(&jenkins, &repository, &[]);
    assert!(ran.stdout.contains("saw no credentials"), "{}", ran.whole());
    assert_eq!(ran.code, 1);
}

#[test]
fn a_user_without_overall_read_is_told_so() {
    let home = home();
    let jenkins = StandIn::start(shop().user(User::new(USER, TOKEN)));
    jenkins.put_user(User::new(USER, TOKEN).grant([Permission::JobRead, Permission::JobBuild]));
    let repository = ready(&home, &short_file(&jenkins));
    let ran = doctor(&jenkins, &repository, &[]);
    filtered(&home, || {
        insta::assert_snapshot!(from_the_server(&ran), @"
        exit code: 1

        server http://[JENKINS]/
        ok           server         it is trusted in this repository
        ok           connection     127.0.0.1 answers
        ok           Jenkins        Jenkins 2.528.2
        ok           credentials    an API token of user dev, from JENKINS_API_TOKEN
        failed       credentials    user dev lacks the permission Overall/Read
                                    fix: an administrator ticks Overall/Read for dev at http://[JENKINS]/manage/configureSecurity/

        job shop/deploy
        not checked  job            the user may not read anything there
        not checked  buildable, may build, parameters: the user may not read anything there
        not checked  quiet period   the job's own counts, which Jenkins tells only who may configure the job

        1 failed, 0 warnings, 5 not checked
        ----- stderr -----
        ");
    });
}

#[test]
fn another_root_url_and_a_shut_down_to_come_are_warned_of() {
    let home = home();
    let jenkins = StandIn::start(
        shop()
            .context_path("/jenkins")
            .root_url("https://ci.example.test/"),
    );
    jenkins.quiet_down(true);
    let repository = ready(&home, &short_file(&jenkins));
    let ran = doctor(&jenkins, &repository, &[]).succeeded();
    let (server, _) = ran.stdout.split_once("\njob ").expect("a job");
    let (_, server) = server.split_once("\nserver ").expect("a server");
    filtered(&home, || {
        insta::assert_snapshot!(server, @r#"
        http://[JENKINS]/jenkins/
        ok           server         it is trusted in this repository
        ok           connection     127.0.0.1 answers
        ok           Jenkins        Jenkins 2.528.2
        ok           credentials    an API token of user dev, from JENKINS_API_TOKEN
        warning      Jenkins        it takes itself for https://ci.example.test/: triggers do not mind, but links that it sends to people do
                                    fix: an administrator sets "Jenkins URL" at http://[JENKINS]/jenkins/manage/configure; or `server` in .jenkins-trigger.yml, if that address works from here too
        warning      Jenkins        it is about to shut down: it takes triggers, and builds nothing before it is back
                                    fix: an administrator calls that off at http://[JENKINS]/jenkins/
        "#);
    });
}

#[test]
fn a_server_without_security_is_fine() {
    let home = home();
    let jenkins = StandIn::start(shop().authorization(Authorization::AnyoneCanDoAnything));
    let repository = ready(&home, &short_file(&jenkins));
    doctor(&jenkins, &repository, &[]).succeeded();
}

#[test]
fn only_servers_of_the_chosen_rules_are_asked() {
    let home = home();
    let (jenkins, other) = (
        StandIn::start(shop()),
        StandIn::start(Setup::new().user(developer())),
    );
    let file = format!(
        "version: 1\nservers:\n  a: {{ url: {} }}\n  b: {{ url: {} }}\njobs:\n  - {{ name: one, job: shop/deploy, \
         server: a }}\n  - {{ name: two, job: x, server: b }}\n",
        jenkins.url(),
        other.url()
    );
    let repository = ready(&home, &file);
    doctor(&jenkins, &repository, &["--only", "one"]).succeeded();
    assert!(other.requests().is_empty());
    let ran = repository.tool(&["doctor", "--only", "three"]);
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains("no rule is called three"), "{}", ran.whole());
    assert!(ran.stderr.contains("one, two"), "{}", ran.whole());
}

#[test]
fn one_question_after_the_other_over_one_connection() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = ready(&home, &short_file(&jenkins));
    doctor(&jenkins, &repository, &[]).succeeded();
    let requests = jenkins.requests();
    assert!(requests.len() > 4);
    assert!(
        requests
            .iter()
            .all(|request| request.connection == requests[0].connection)
    );
}

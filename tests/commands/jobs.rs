//! `jobs`: what the user can build.

use jenkins_stand_in::{Answer, Fault, Job, Parameter, Permission, Setup, StandIn, User};
use serde_json::Value;

use crate::doctor::assert_nothing_to_retry;
use crate::helpers::{Bait, filtered, home, ready};
use crate::support::{Home, Repository, TOKEN, USER, developer, shop, short_file};

fn server() -> Setup {
    let many = Job::new("shop/many")
        .parameter(Parameter::string("BRANCH", "main").description("the branch to build\nand a second line"))
        .parameter(Parameter::boolean("DEPLOY", false))
        .parameter(Parameter::password("SECRET", "hunter2"))
        .parameter(Parameter::text("NOTES", "one\ntwo"))
        .parameter(Parameter::choice("ENV", ["dev", "prod"]).description("where \u{1b}[31mto"))
        .parameter(Parameter::file("upload"));
    let fresh = Job::pipeline("fresh")
        .string_parameter("BRANCH", "main")
        .parameters_after_first_run();
    Setup::new()
        .user(developer())
        .job(many)
        .job(Job::new("shop/off").disabled())
        .job(Job::new("plain"))
        .job(fresh)
        .job(Job::multibranch("shop/app"))
        .job(Job::pipeline("shop/app/main"))
        .job(Job::pipeline("shop/app/feature%2Fx"))
}

fn repository<'a>(home: &'a Home, jenkins: &StandIn) -> Repository<'a> {
    ready(home, &short_file(jenkins))
}

fn names(ran: &crate::support::Ran) -> Vec<String> {
    ran.stdout
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("JSON"))
        .map(|job| job["job"].as_str().expect("a name").to_owned())
        .collect()
}

#[test]
fn they_are_a_table_with_their_parameters() {
    let home = home();
    let jenkins = StandIn::start(server());
    let ran = repository(&home, &jenkins).tool(&["jobs"]);
    assert!(jenkins.taken().is_empty());
    assert!(!ran.whole().contains(TOKEN));
    assert!(!ran.whole().contains("hunter2"));
    assert!(!ran.stdout.contains('\u{1b}'));
    filtered(&home, || {
        insta::assert_snapshot!(ran.whole(), @r"
        exit code: 0
        ----- stdout -----
        JOB        PARAMETER  TYPE      DEFAULT  NOTE
        fresh                                    a pipeline of which no run has ended: its parameters are known after that
        plain                                    no parameters
        shop/app                                 multibranch project, 2 branches
        shop/many  BRANCH     text      main     the branch to build…
                   DEPLOY     boolean   false
                   SECRET     password
                   NOTES      text      one…
                   ENV        choice    dev      one of dev, prod; where \u{1b}[31mto
                   upload     file               a trigger carries no file: the build goes without
        ----- stderr -----
        1 more: disabled, or user dev lacks Job/Build; --all shows them
        ");
    });
}

#[test]
fn json_is_one_object_for_each() {
    let home = home();
    let jenkins = StandIn::start(server());
    let ran = repository(&home, &jenkins).tool(&["jobs", "--json", "--all"]);
    filtered(&home, || {
        insta::assert_snapshot!(ran.whole(), @r#"
        exit code: 0
        ----- stdout -----
        {"job":"fresh","server":"http://[JENKINS]/","url":"http://[JENKINS]/job/fresh/","multibranch":false,"buildable":true,"may_build":true,"parameters":[]}
        {"job":"plain","server":"http://[JENKINS]/","url":"http://[JENKINS]/job/plain/","multibranch":false,"buildable":true,"may_build":true,"parameters":[]}
        {"job":"shop/app","server":"http://[JENKINS]/","url":"http://[JENKINS]/job/shop/job/app/","multibranch":true,"branches":2,"parameters":[]}
        {"job":"shop/many","server":"http://[JENKINS]/","url":"http://[JENKINS]/job/shop/job/many/","multibranch":false,"buildable":true,"may_build":true,"parameters":[{"name":"BRANCH","type":"text","default":"main","description":"the branch to build\nand a second line"},{"name":"DEPLOY","type":"boolean","default":"false"},{"name":"SECRET","type":"password"},{"name":"NOTES","type":"text","default":"one\ntwo"},{"name":"ENV","type":"choice","choices":["dev","prod"],"default":"dev","description":"where \u001b[31mto"},{"name":"upload","type":"file"}]}
        {"job":"shop/off","server":"http://[JENKINS]/","url":"http://[JENKINS]/job/shop/job/off/","multibranch":false,"buildable":false,"parameters":[]}
        ----- stderr -----
        "#);
    });
}

#[test]
fn all_shows_those_too_that_the_user_cannot_build() {
    let home = home();
    let jenkins = StandIn::start(server());
    jenkins.put_user(User::new(USER, TOKEN).grant([Permission::OverallRead, Permission::JobRead]));
    let repository = repository(&home, &jenkins);
    let ran = repository.tool(&["jobs", "plain"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (1, ""), "{}", ran.whole());
    assert!(ran.stderr.contains("--all"), "{}", ran.whole());
    let ran = repository.tool(&["jobs", "--all"]).succeeded();
    filtered(&home, || {
        insta::assert_snapshot!(ran.whole(), @r"
        exit code: 0
        ----- stdout -----
        JOB        BUILD         PARAMETER  TYPE      DEFAULT  NOTE
        fresh      no Job/Build                                a pipeline of which no run has ended: its parameters are known after that
        plain      no Job/Build                                no parameters
        shop/app   not asked                                   multibranch project, 2 branches
        shop/many  no Job/Build  BRANCH     text      main     the branch to build…
                                 DEPLOY     boolean   false
                                 SECRET     password
                                 NOTES      text      one…
                                 ENV        choice    dev      one of dev, prod; where \u{1b}[31mto
                                 upload     file               a trigger carries no file: the build goes without
        shop/off   disabled                                    no parameters
        ----- stderr -----
        ");
    });
}

#[test]
fn a_pattern_or_a_part_of_the_name_chooses() {
    let home = home();
    let jenkins = StandIn::start(server());
    let repository = repository(&home, &jenkins);
    for (pattern, expected) in [
        ("shop/**", &["shop/app", "shop/many"][..]),
        ("*", &["fresh", "plain"]),
        ("SHOP/m", &["shop/many"]),
        ("{plain,fresh}", &["fresh", "plain"]),
        ("!shop/**", &["fresh", "plain"]),
    ] {
        let ran = repository.tool(&["jobs", "--json", pattern]).succeeded();
        assert_eq!(names(&ran), expected, "{pattern}");
    }
    let none = repository.tool(&["jobs", "nowhere"]);
    assert_eq!(none.code, 1);
    assert!(none.stderr.contains("sees matches nowhere"), "{}", none.whole());
    let wrong = repository.tool(&["jobs", "a**"]);
    assert_eq!(wrong.code, 1);
    assert!(wrong.stderr.contains("the pattern a**: "), "{}", wrong.whole());
}

#[test]
fn verbose_lists_the_branches_of_a_multibranch_project() {
    let home = home();
    let jenkins = StandIn::start(server());
    let ran = repository(&home, &jenkins)
        .tool(&["jobs", "-v", "--json", "shop/app"])
        .succeeded();
    assert_eq!(names(&ran), ["shop/app", "shop/app/feature%2Fx", "shop/app/main"]);
}

#[test]
fn folders_of_any_depth_are_looked_into() {
    let home = home();
    let deep = "a/b/c/d/e/f/g/h/i/j/k";
    let jenkins = StandIn::start(
        server()
            .job(Job::new(deep))
            .job(Job::multibranch("a/b/c/m"))
            .job(Job::pipeline("a/b/c/m/main")),
    );
    let repository = repository(&home, &jenkins);
    let ran = repository.tool(&["jobs", "--json", "a/**"]).succeeded();
    assert_eq!(names(&ran), ["a/b/c/m", deep]);
    let project: Value = serde_json::from_str(ran.stdout.lines().next().expect("a line")).expect("JSON");
    assert_eq!(project["branches"], 1);
    let requests = jenkins.requests();
    let longest = requests.iter().map(|request| request.target.len()).max();
    assert!(longest < Some(2000), "{longest:?}");
}

#[test]
fn a_folder_that_does_not_answer_is_named() {
    let home = home();
    let jenkins = StandIn::start(server().job(Job::new("a/b/c/d/e/f")));
    let repository = repository(&home, &jenkins);
    let fault = Fault::answer(Answer::new(500));
    jenkins.fault(fault.when(|request| request.path() == "/job/a/job/b/job/c/job/d/api/json"));
    let ran = repository.tool(&["jobs", "--json"]).succeeded();
    assert!(
        ran.stderr.contains("folder a/b/c/d could not be looked into"),
        "{}",
        ran.whole()
    );
    assert_eq!(names(&ran), ["fresh", "plain", "shop/app", "shop/many"]);
}

#[test]
fn of_more_than_a_hundred_nobody_is_asked_whether_he_may_build_each() {
    let home = home();
    let setup = (0..101).fold(Setup::new().user(developer()), |setup, number| {
        setup.job(Job::new(format!("job-{number}")))
    });
    let jenkins = StandIn::start(setup);
    let repository = repository(&home, &jenkins);
    let ran = repository.tool(&["jobs", "--json"]).succeeded();
    assert_eq!(names(&ran).len(), 101);
    assert!(!ran.stdout.contains("may_build"));
    assert!(
        ran.stderr.contains("Job/Build) was not asked: there are 101"),
        "{}",
        ran.whole()
    );
    let asked = |request: &jenkins_stand_in::RecordedRequest| request.path().contains("/buildWithParameters");
    assert!(!jenkins.requests().iter().any(asked));
    let ran = repository.tool(&["jobs", "--json", "job-10"]).succeeded();
    assert_eq!(ran.stdout.matches("\"may_build\":true").count(), 2);
}

#[test]
fn an_older_jenkins_is_not_asked_what_would_build() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = repository(&home, &jenkins);
    let me = r#"{"anonymous":true,"name":"anonymous"}"#;
    let answer = Answer::new(200).header("X-Jenkins", "2.462.3").body(me);
    jenkins.fault(Fault::answer(answer).when(|request| request.path() == "/whoAmI/api/json"));
    let ran = repository.tool(&["jobs", "--json"]).succeeded();
    assert!(
        ran.stderr
            .contains("Jenkins 2.462.3 cannot be asked without building"),
        "{}",
        ran.whole()
    );
    let asked = |request: &jenkins_stand_in::RecordedRequest| request.path().contains("/buildWithParameters");
    assert!(!jenkins.requests().iter().any(asked));
}

#[test]
fn where_there_are_none_it_says_why() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = repository(&home, &jenkins);
    let mut said = String::new();
    for permissions in [&[Permission::OverallRead][..], &[Permission::JobRead]] {
        jenkins.put_user(User::new(USER, TOKEN).grant(permissions.iter().copied()));
        said += &repository.tool(&["jobs"]).whole();
    }
    jenkins.put_user(User::new(USER, "another"));
    said += &repository.tool(&["jobs"]).whole();
    jenkins.fault(Fault::answer(Answer::new(200).body("<h1>It works!</h1>")));
    said += &repository.tool(&["jobs"]).whole();
    filtered(&home, || {
        insta::assert_snapshot!(said, @"
        exit code: 1
        ----- stdout -----
        ----- stderr -----
        error: user dev sees no job on http://[JENKINS]/
        help: there is none yet, or an administrator has to give dev the permission Job/Read (on folders too)
        exit code: 3
        ----- stdout -----
        ----- stderr -----
        error: user dev lacks the permission Overall/Read
        help: an administrator ticks Overall/Read for dev at http://[JENKINS]/manage/configureSecurity/
        exit code: 3
        ----- stdout -----
        ----- stderr -----
        error: Jenkins at 127.0.0.1 does not accept the API token of user dev (from JENKINS_API_TOKEN)
        help: it may be mistyped, revoked or expired: make one at http://[JENKINS]/user/dev/security/ (in an older Jenkins http://[JENKINS]/user/dev/configure) and set JENKINS_USER_ID (the user id, not the e-mail address or full name) and JENKINS_API_TOKEN, or unset both and log in: jenkins-trigger login http://[JENKINS]/
        exit code: 1
        ----- stdout -----
        ----- stderr -----
        error: what answers at http://[JENKINS]/whoAmI/api/json (HTTP 200) is no Jenkins, or not all of it
        help: check `server` in .jenkins-trigger.yml, with its context path
        ");
    });
}

#[test]
fn a_server_that_is_not_trusted_is_not_contacted_and_the_others_are() {
    let home = home();
    let (jenkins, bait) = (StandIn::start(shop()), Bait::new());
    let repository = repository(&home, &jenkins);
    let file = format!(
        "version: 1\nservers:\n  evil: {{ url: {} }}\n  good: {{ url: {} }}\njobs:\n  - {{ job: x, server: evil }}\n",
        bait.url(),
        jenkins.url()
    );
    repository.write(".jenkins-trigger.yml", file);
    let ran = repository.tool(&["jobs", "--json"]);
    assert_eq!(
        (ran.code, names(&ran)),
        (1, vec!["shop/deploy".to_owned()]),
        "{}",
        ran.whole()
    );
    assert!(ran.stderr.contains("jenkins-trigger trust"), "{}", ran.whole());
    repository.tool(&["jobs", "--server", "good"]).succeeded();
    let wrong = repository.tool(&["jobs", "--server", "other"]);
    assert_eq!(wrong.code, 1);
    assert!(
        wrong.stderr.contains("the file's servers: evil, good"),
        "{}",
        wrong.whole()
    );
    bait.assert_untouched();
}

#[test]
fn nothing_is_promised_of_what_only_asks() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = repository(&home, &jenkins);
    jenkins.fault(Fault::answer(Answer::new(503).body("Starting Jenkins")));
    let starting = repository.tool(&["jobs"]);
    jenkins.clear_faults();
    let wrong = repository.tool_in(&["jobs"], |command| {
        command.env("JENKINS_API_TOKEN", "wrong");
    });
    jenkins.stop();
    let stopped = repository.tool(&["jobs"]);
    for (ran, code) in [(&starting, 1), (&wrong, 3), (&stopped, 1)] {
        assert_eq!(ran.code, code, "{}", ran.whole());
        assert_nothing_to_retry(ran);
    }
    filtered(&home, || {
        insta::assert_snapshot!(starting.whole() + &stopped.whole(), @"
        exit code: 1
        ----- stdout -----
        ----- stderr -----
        error: Jenkins at 127.0.0.1 is starting
        help: try again later
        exit code: 1
        ----- stdout -----
        ----- stderr -----
        error: 127.0.0.1 port [PORT] refuses the connection
        help: Jenkins is down, or `server` in .jenkins-trigger.yml is wrong
        ");
    });
}

//! `doctor`, from the job to the quiet period.

use jenkins_stand_in::{Answer, Fault, Job, Parameter, Permission, Setup, StandIn, User};

use crate::doctor::{doctor, ready, states};
use crate::helpers::{file_for, filtered, home};
use crate::support::{JOB_TOKEN, Ran, TOKEN, USER, developer, shop, short_file};

/// What is said of the jobs.
fn of_jobs(ran: &Ran) -> String {
    let whole = ran.whole();
    let (code, _) = whole.split_once('\n').expect("a line");
    let at = whole.find("\njob ").expect("a job");
    format!("{code}\n{}", &whole[at..])
}

fn with_permissions(permissions: &[Permission]) -> StandIn {
    let jenkins = StandIn::start(shop());
    jenkins.put_user(User::new(USER, TOKEN).grant(permissions.iter().copied()));
    jenkins
}

#[test]
fn a_user_without_job_build_is_told_whom_to_ask() {
    let home = home();
    let jenkins = with_permissions(&[Permission::OverallRead, Permission::JobRead]);
    let repository = ready(&home, &short_file(&jenkins));
    let ran = doctor(&jenkins, &repository, &[]);
    filtered(&home, || {
        insta::assert_snapshot!(of_jobs(&ran), @"
        exit code: 1

        job shop/deploy
        ok           job            user dev sees http://[JENKINS]/job/shop/job/deploy/
        ok           buildable      it is enabled
        failed       may build      user dev lacks the permission Job/Build on job shop/deploy
                                    fix: an administrator ticks Job/Build for dev at http://[JENKINS]/manage/configureSecurity/, or in the job's or folder's own matrix
        ok           parameters     the job declares BRANCH
        not checked  quiet period   the job's own counts, which Jenkins tells only who may configure the job

        1 failed, 0 warnings, 1 not checked
        ----- stderr -----
        ");
    });
}

#[test]
fn a_job_that_is_not_there_or_not_seen_comes_with_the_names_that_are() {
    let home = home();
    let jenkins = StandIn::start(shop().job(Job::new("shop/deploy-docs")));
    let repository = ready(&home, &file_for(&jenkins, "  main: shop/deplyo\n"));
    let ran = doctor(&jenkins, &repository, &[]);
    filtered(&home, || {
        insta::assert_snapshot!(of_jobs(&ran), @"
        exit code: 1

        job shop/deplyo
        failed       job            there is no job shop/deplyo, or user dev may not see it (tried http://[JENKINS]/job/shop/job/deplyo/); did you mean shop/deploy?
                                    fix: check `job` (the full name with its folders), and the permission Job/Read of dev on job and folders
        not checked  buildable, may build, parameters: the job was not found, or is none
        not checked  quiet period   the job's own counts, which Jenkins tells only who may configure the job

        1 failed, 0 warnings, 4 not checked
        ----- stderr -----
        ");
    });
    let blind = with_permissions(&[Permission::OverallRead, Permission::JobBuild]);
    repository.write(".jenkins-trigger.yml", short_file(&blind));
    repository.tool(&["trust"]).succeeded();
    let ran = doctor(&blind, &repository, &[]);
    assert!(
        ran.stdout
            .contains("there is no job shop/deploy, or user dev may not see it"),
        "{}",
        ran.whole()
    );
}

#[test]
fn a_folder_a_disabled_job_and_a_multibranch_project_are_told_apart() {
    let home = home();
    let jenkins = StandIn::start(
        shop()
            .job(Job::new("off").string_parameter("BRANCH", "main").disabled())
            .job(Job::multibranch("many")),
    );
    let rules = "  - { name: folder, job: shop }\n  - { job: off }\n  - { job: many }\n  \
                 - { name: no-project, job: shop/deploy, multibranch: true }\n";
    let repository = ready(&home, &file_for(&jenkins, rules));
    let ran = doctor(&jenkins, &repository, &[]);
    filtered(&home, || {
        insta::assert_snapshot!(of_jobs(&ran), @"
        exit code: 1

        job shop
        failed       job            shop is a folder, not a job
                                    fix: write the full name of a job in it as `job`; see: jenkins-trigger jobs 'shop/**'
        not checked  buildable, may build, parameters: the job was not found, or is none
        not checked  quiet period   folder: the job's own counts, which Jenkins tells only who may configure the job

        job off
        ok           job            user dev sees http://[JENKINS]/job/off/
        failed       buildable      job off is disabled
                                    fix: enable it at http://[JENKINS]/job/off/
        ok           may build      user dev has Job/Build
        ok           parameters     the job declares BRANCH
        not checked  quiet period   the job's own counts, which Jenkins tells only who may configure the job

        job many
        failed       job            many is a multibranch project, whose branches are jobs of their own
                                    fix: write `multibranch: true` in the rule
        not checked  buildable, may build, parameters: the job was not found, or is none
        not checked  quiet period   the job's own counts, which Jenkins tells only who may configure the job

        job shop/deploy
        failed       job            shop/deploy is no multibranch project, and `multibranch: true` stands in the rule
                                    fix: take `multibranch` out; then the branch is passed as a parameter
        not checked  buildable, may build, parameters: the job was not found, or is none
        not checked  quiet period   no-project: the job's own counts, which Jenkins tells only who may configure the job

        4 failed, 0 warnings, 13 not checked
        ----- stderr -----
        ");
    });
}

#[test]
fn a_jenkins_that_builds_when_it_is_asked_by_get_is_not_asked() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = ready(&home, &short_file(&jenkins));
    let me = r#"{"_class":"hudson.security.WhoAmI","anonymous":false,"name":"dev"}"#;
    for version in ["2.462.3", "2.468", "", "next"] {
        let answer = Answer::new(200).header("X-Jenkins", version).body(me);
        jenkins.fault(Fault::answer(answer).when(|request| request.path() == "/whoAmI/api/json"));
        jenkins.clear_requests();
        let ran = doctor(&jenkins, &repository, &[]).succeeded();
        jenkins.clear_faults();
        assert!(ran.stdout.contains("not checked  may build"), "{}", ran.whole());
        let asked = |request: &jenkins_stand_in::RecordedRequest| request.path().contains("/build");
        assert!(!jenkins.requests().iter().any(asked));
    }
}

/// The parameters of every kind.
fn many() -> Job {
    Job::new("many")
        .string_parameter("Branch", "main")
        .parameter(Parameter::boolean("DEPLOY", false))
        .parameter(Parameter::password("SECRET", "hunter2"))
        .parameter(Parameter::text(
            "NOTES",
            "line1\nline2 that goes on and on until nobody reads it any more",
        ))
        .parameter(Parameter::choice("ENV", ["dev", "prod"]))
        .parameter(Parameter::file("upload"))
}

#[test]
fn parameters_are_compared_by_name_and_by_value_where_it_is_known() {
    let home = home();
    let jenkins = StandIn::start(shop().job(many()).job(Job::new("none")));
    let rules = "  - { name: names, job: many, parameters: { COMIT: \"${sha}\" } }\n  \
                 - { name: values, job: many, branch_parameter: Branch, parameters: { DEPLOY: \"yes\", ENV: test, upload: x } }\n  \
                 - { name: good, job: many, branch_parameter: Branch, parameters: { ENV: \"${branch}\", DEPLOY: \"true\" } }\n  \
                 - { name: lax, job: many, strict_parameters: false }\n  \
                 - { name: nothing, job: many, branch_parameter: false }\n  \
                 - { name: plain, job: none }\n  \
                 - { name: plain-lax, job: none, strict_parameters: false }\n  \
                 - { name: plain-nothing, job: none, branch_parameter: false }\n";
    let repository = ready(&home, &file_for(&jenkins, rules));
    let ran = doctor(&jenkins, &repository, &[]);
    assert!(!ran.whole().contains("hunter2"));
    filtered(&home, || {
        insta::assert_snapshot!(of_jobs(&ran), @r#"
        exit code: 1

        job many
        ok           job            user dev sees http://[JENKINS]/job/many/
        ok           buildable      it is enabled
        ok           may build      user dev has Job/Build
        failed       parameters     names: job many declares Branch, the rule sends BRANCH, which Jenkins would drop
                                    fix: write Branch in .jenkins-trigger.yml (`branch_parameter` or `parameters`), or rename it in the job; `strict_parameters: false` sends it all the same
        failed       parameters     names: job many declares no parameter COMIT, which Jenkins would drop (it declares Branch, DEPLOY, SECRET, NOTES, ENV, upload)
                                    fix: add it to the job, or take it out of .jenkins-trigger.yml (`branch_parameter: false` passes no branch); `strict_parameters: false` sends it all the same
        not checked  quiet period   names: the job's own counts, which Jenkins tells only who may configure the job
        failed       parameters     values: the parameter DEPLOY of job many is a boolean, and Jenkins reads "yes" as false
                                    fix: send true or false
        failed       parameters     values: "test" is no choice of the parameter ENV of job many, which takes dev, prod
                                    fix: send one of them, or add the value to the job's choices
        failed       parameters     values: the parameter upload of job many takes an uploaded file, and a trigger carries texts only
                                    fix: leave it out: the job then runs without the file, or make it a text
        not checked  quiet period   values: the job's own counts, which Jenkins tells only who may configure the job
        ok           parameters     good: the job declares Branch, ENV, DEPLOY; not passed: SECRET (its default), NOTES (stays "line1\nline2 that goes on and on until no…"), upload (a file, which no trigger carries: it stays empty); the value of ENV is checked with --branch
        not checked  quiet period   good: the job's own counts, which Jenkins tells only who may configure the job
        warning      parameters     lax: job many declares Branch, the rule sends BRANCH, which Jenkins would drop
                                    fix: write Branch in .jenkins-trigger.yml (`branch_parameter` or `parameters`), or rename it in the job; `strict_parameters: false` sends it all the same
        not checked  quiet period   lax: the job's own counts, which Jenkins tells only who may configure the job
        ok           parameters     nothing: none is passed; not passed: Branch (stays "main"), DEPLOY (stays "false"), SECRET (its default), NOTES (stays "line1\nline2 that goes on and on until no…"), ENV (stays "dev"), upload (a file, which no trigger carries: it stays empty)
        not checked  quiet period   nothing: the job's own counts, which Jenkins tells only who may configure the job

        job none
        ok           job            user dev sees http://[JENKINS]/job/none/
        ok           buildable      it is enabled
        ok           may build      user dev has Job/Build
        failed       parameters     plain: job none declares no parameters, so BRANCH cannot be passed
                                    fix: add the parameter to the job (a pipeline: run it once by hand, so that its parameters register), or write `branch_parameter: false`
        not checked  quiet period   plain: the job's own counts, which Jenkins tells only who may configure the job
        failed       parameters     plain-lax: job none declares no parameters, so BRANCH cannot be passed
                                    fix: add the parameter to the job (a pipeline: run it once by hand, so that its parameters register), or write `branch_parameter: false`
        not checked  quiet period   plain-lax: the job's own counts, which Jenkins tells only who may configure the job
        ok           parameters     plain-nothing: the job has none, and none is passed
        not checked  quiet period   plain-nothing: the job's own counts, which Jenkins tells only who may configure the job

        7 failed, 1 warning, 8 not checked
        ----- stderr -----
        "#);
    });
}

#[test]
fn with_a_branch_only_the_rules_that_fire_for_it_and_their_values_are_looked_at() {
    let home = home();
    let jenkins = StandIn::start(shop().job(many()));
    let rules = "  - { name: app, job: many, branch_parameter: ENV, branches: [\"*\"] }\n  \
                 - { name: release, job: shop/deploy, branches: [\"release/*\"] }\n";
    let repository = ready(&home, &file_for(&jenkins, rules));
    let ran = doctor(&jenkins, &repository, &["--branch", "feature-x"]);
    filtered(&home, || {
        insta::assert_snapshot!(of_jobs(&ran), @r#"
        exit code: 1

        job many
        ok           job            user dev sees http://[JENKINS]/job/many/
        ok           buildable      it is enabled
        ok           may build      user dev has Job/Build
        failed       parameters     app: "feature-x" is no choice of the parameter ENV of job many, which takes dev, prod
                                    fix: send one of them, or add the value to the job's choices
        not checked  quiet period   app: the job's own counts, which Jenkins tells only who may configure the job

        1 failed, 0 warnings, 2 not checked
        ----- stderr -----
        note: there is no branch feature-x here; its commit is shown as zeros
        "#);
    });
    assert!(ran.stdout.contains("not checked  rule"), "{}", ran.whole());
    doctor(&jenkins, &repository, &["--branch", "prod"]).succeeded();
}

#[test]
fn a_pipeline_that_never_ran_has_parameters_that_nobody_knows() {
    let home = home();
    let fresh = Job::pipeline("fresh")
        .string_parameter("BRANCH", "main")
        .parameters_after_first_run();
    let jenkins = StandIn::start(shop().job(fresh));
    let repository = ready(&home, &file_for(&jenkins, "  main: fresh\n"));
    let ran = doctor(&jenkins, &repository, &[]);
    assert_eq!(ran.code, 1);
    filtered(&home, || {
        insta::assert_snapshot!(of_jobs(&ran), @"
        exit code: 1

        job fresh
        ok           job            user dev sees http://[JENKINS]/job/fresh/
        ok           buildable      it is enabled
        ok           may build      user dev has Job/Build
        failed       parameters     no run of pipeline fresh has ended, so Jenkins does not know its parameters yet
                                    fix: run it once by hand at http://[JENKINS]/job/fresh/
        not checked  quiet period   the job's own counts, which Jenkins tells only who may configure the job

        1 failed, 0 warnings, 1 not checked
        ----- stderr -----
        ");
    });
}

#[test]
fn of_a_multibranch_rule_the_project_is_looked_at_and_with_a_branch_its_job() {
    let home = home();
    let setup = Setup::new().user(developer()).job(Job::multibranch("shop/app"));
    let jenkins = StandIn::start(setup.job(Job::pipeline("shop/app/feature%2Fx")));
    let rules = "  - { job: shop/app, multibranch: true, branches: [\"**\"] }\n";
    let repository = ready(&home, &file_for(&jenkins, rules));
    let mut said = String::new();
    for arguments in [&[][..], &["--branch", "feature/x"], &["--branch", "not-yet"]] {
        let ran = doctor(&jenkins, &repository, arguments).succeeded();
        said += &of_jobs(&ran);
    }
    filtered(&home, || {
        insta::assert_snapshot!(said, @"
        exit code: 0

        job shop/app
        ok           job            http://[JENKINS]/job/shop/job/app/ is a multibranch project
        not checked  buildable, may build, parameters: each branch has a job of its own; to look at one: jenkins-trigger doctor --branch BRANCH
        not checked  quiet period   the job's own counts, which Jenkins tells only who may configure the job

        0 failed, 0 warnings, 4 not checked
        ----- stderr -----
        exit code: 0

        job shop/app/feature%2Fx
        ok           job            http://[JENKINS]/job/shop/job/app/ is a multibranch project
        ok           job            user dev sees http://[JENKINS]/job/shop/job/app/job/feature%252Fx/
        ok           buildable      it is enabled
        ok           may build      user dev has Job/Build
        ok           parameters     the job has none, and none is passed
        not checked  quiet period   the job's own counts, which Jenkins tells only who may configure the job

        0 failed, 0 warnings, 1 not checked
        ----- stderr -----
        note: there is no branch feature/x here; its commit is shown as zeros
        exit code: 0

        job shop/app/not-yet
        ok           job            http://[JENKINS]/job/shop/job/app/ is a multibranch project
        warning      job            the project has no job for this branch yet (http://[JENKINS]/job/shop/job/app/job/not-yet/), or user dev may not see it
                                    fix: the first trigger has Jenkins look for new branches, and waits for it; or do it now at http://[JENKINS]/job/shop/job/app/
        not checked  buildable, may build, parameters: there is no such job yet
        not checked  quiet period   the job's own counts, which Jenkins tells only who may configure the job

        0 failed, 1 warning, 4 not checked
        ----- stderr -----
        note: there is no branch not-yet here; its commit is shown as zeros
        ");
    });
}

#[test]
fn quiet_periods_are_told_as_far_as_anybody_knows_them() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let rules = "  - { name: own, job: shop/deploy }\n  \
                 - { name: said, job: shop/deploy, delay: 2m }\n  \
                 - { name: held, job: shop/deploy, delay: 30s, coalesce: latest }\n  \
                 - { name: root, job: shop/deploy, method: token-root, token_from: deploy }\n  \
                 - { name: root-said, job: shop/deploy, method: token-root, token_from: deploy, delay: 0s }\n";
    let repository = ready(&home, &file_for(&jenkins, rules));
    let ran = doctor(&jenkins, &repository, &[]).succeeded();
    let quiet: Vec<&str> = ran
        .stdout
        .lines()
        .filter(|line| line.contains("quiet period"))
        .collect();
    insta::assert_snapshot!(quiet.join("\n"), @"
    not checked  quiet period   own: the job's own counts, which Jenkins tells only who may configure the job
    ok           quiet period   said: 120 s, by the rule's `delay`
    ok           quiet period   held: held here for 30 s, and then only the newest is sent
    warning      quiet period   root: none: with token-root a build starts at once, whatever quiet period the job has
    ok           quiet period   root-said: 0 s, by the rule's `delay`
    ");
}

#[test]
fn each_job_is_asked_for_once_whatever_its_rules() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let rules = "  - { name: a, job: shop/deploy, branches: [main] }\n  - { name: b, job: shop/deploy, tags: [\"v*\"] }\n";
    let repository = ready(&home, &file_for(&jenkins, rules));
    let ran = doctor(&jenkins, &repository, &["--json"]).succeeded();
    let looked = jenkins.requests();
    let looked = looked
        .iter()
        .filter(|request| request.path() == "/job/shop/job/deploy/api/json");
    assert_eq!(looked.count(), 1);
    let states = states(&ran);
    let count = |step: &str| states.iter().filter(|state| state.starts_with(step)).count();
    assert_eq!((count("job: "), count("parameters: ")), (1, 2), "{states:?}");
}

#[test]
fn of_a_server_that_goes_away_in_between_the_rest_is_not_checked() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = ready(&home, &short_file(&jenkins));
    let fault = Fault::answer(Answer::new(503).body("Starting Jenkins"));
    jenkins.fault(fault.when(|request| request.path().starts_with("/job/")));
    let ran = doctor(&jenkins, &repository, &[]);
    filtered(&home, || {
        insta::assert_snapshot!(of_jobs(&ran), @"
        exit code: 1

        job shop/deploy
        failed       job            Jenkins at 127.0.0.1 is starting
                                    fix: try again later
        not checked  buildable, may build, parameters: Jenkins did not answer
        not checked  quiet period   the job's own counts, which Jenkins tells only who may configure the job

        1 failed, 0 warnings, 4 not checked
        ----- stderr -----
        ");
    });
}

#[test]
fn a_poll_needs_the_permission_and_nothing_else() {
    let home = home();
    let jenkins = StandIn::start(shop().job(Job::new("polled").polls_scm().trigger_token(JOB_TOKEN)));
    let rules = "  - { job: polled, action: poll }\n";
    let repository = ready(&home, &file_for(&jenkins, rules));
    let ran = doctor(&jenkins, &repository, &[]).succeeded();
    filtered(&home, || {
        insta::assert_snapshot!(of_jobs(&ran), @"
        exit code: 0

        job polled
        ok           job            user dev sees http://[JENKINS]/job/polled/
        ok           buildable      it is enabled
        ok           may build      user dev has Job/Build
        ok           parameters     a poll passes none
        ok           quiet period   a poll goes without

        0 failed, 0 warnings, 0 not checked
        ----- stderr -----
        ");
    });
}

#[test]
fn rules_that_take_one_job_for_different_things_are_looked_at_one_by_one() {
    let home = home();
    let jenkins = StandIn::start(shop().job(Job::new("plain")).job(Job::multibranch("app")));
    let rules = "  - { job: plain, branch_parameter: false }\n  - { job: plain, name: as-project, multibranch: true }\n  \
                 - { job: app, multibranch: true }\n  - { job: app, name: as-job }\n";
    let repository = ready(&home, &file_for(&jenkins, rules));
    let ran = doctor(&jenkins, &repository, &[]);
    filtered(&home, || {
        insta::assert_snapshot!(of_jobs(&ran), @"
        exit code: 1

        job plain
        ok           job            user dev sees http://[JENKINS]/job/plain/
        ok           buildable      it is enabled
        ok           may build      user dev has Job/Build
        ok           parameters     the job has none, and none is passed
        not checked  quiet period   the job's own counts, which Jenkins tells only who may configure the job

        job plain
        failed       job            plain is no multibranch project, and `multibranch: true` stands in the rule
                                    fix: take `multibranch` out; then the branch is passed as a parameter
        not checked  buildable, may build, parameters: the job was not found, or is none
        not checked  quiet period   as-project: the job's own counts, which Jenkins tells only who may configure the job

        job app
        ok           job            http://[JENKINS]/job/app/ is a multibranch project
        not checked  buildable, may build, parameters: each branch has a job of its own; to look at one: jenkins-trigger doctor --branch BRANCH
        not checked  quiet period   the job's own counts, which Jenkins tells only who may configure the job

        job app
        failed       job            app is a multibranch project, whose branches are jobs of their own
                                    fix: write `multibranch: true` in the rule
        not checked  buildable, may build, parameters: the job was not found, or is none
        not checked  quiet period   as-job: the job's own counts, which Jenkins tells only who may configure the job

        2 failed, 0 warnings, 13 not checked
        ----- stderr -----
        ");
    });
}

//! What Jenkins says of a job decides how it is asked, and whether.

use jenkins_stand_in::{
    Answer, Fault, FaultAction, Job, Parameter, Permission, RecordedRequest, Setup, StandIn, User,
};

use crate::scene::commit_without_credentials;
use crate::support::{
    Home, JOB_TOKEN, Ran, Repository, TOKEN, USER, developer, filtered, gits, program, shop, short_file,
};

fn is_look_up(request: &RecordedRequest) -> bool {
    request.method == "GET" && request.target.contains("/api/json?tree=_class")
}

fn look_ups(jenkins: &StandIn) -> usize {
    let requests = jenkins.requests();
    requests.iter().filter(|request| is_look_up(request)).count()
}

fn declaring() -> Setup {
    Setup::new().user(developer()).job(
        Job::new("deploy")
            .string_parameter("Branch", "main")
            .parameter(Parameter::boolean("DRY", false))
            .choice_parameter("ENV", ["dev", "prod"])
            .parameter(Parameter::file("upload/file.txt"))
            .trigger_token(JOB_TOKEN),
    )
}

fn repository<'a>(home: &'a Home, jenkins: &StandIn, rule: &str) -> Repository<'a> {
    let file = format!("version: 1\nserver: {}\njobs:\n  - {rule}\n", jenkins.url());
    let repository = home.repository("shop", &file);
    repository.tool(&["trust", "--yes"]).succeeded();
    repository.commit("first");
    repository
}

/// What `trigger` says to a rule of which Jenkins is to get nothing.
fn refused(rule: &str) -> (Home, Ran) {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(declaring());
    let ran = repository(&home, &jenkins, rule).tool(&["trigger"]);
    assert!(jenkins.posts().is_empty(), "{}", ran.whole());
    (home, ran)
}

#[test]
fn a_name_that_differs_is_refused_with_the_one_that_is_declared() {
    let (home, ran) = refused("{ job: deploy }");
    filtered(&home, || {
        insta::assert_snapshot!(ran.whole(), @"
        exit code: 3
        ----- stdout -----
        failed main → deploy: job deploy declares Branch, the rule sends BRANCH, which Jenkins would drop; write Branch in .jenkins-trigger.yml (`branch_parameter` or `parameters`), or rename it in the job; `strict_parameters: false` sends it all the same
        ----- stderr -----
        ");
    });
}

#[test]
fn a_name_that_is_like_none_is_refused_with_all_that_are_declared() {
    let (home, ran) = refused("{ job: deploy, branch_parameter: Branch, parameters: { VERSION: \"1\" } }");
    filtered(&home, || {
        insta::assert_snapshot!(ran.whole(), @"
        exit code: 3
        ----- stdout -----
        failed main → deploy: job deploy declares no parameter VERSION, which Jenkins would drop (it declares Branch, DRY, ENV, upload/file.txt); add it to the job, or take it out of .jenkins-trigger.yml (`branch_parameter: false` passes no branch); `strict_parameters: false` sends it all the same
        ----- stderr -----
        ");
    });
}

#[test]
fn a_value_that_is_no_choice_is_refused_with_the_choices() {
    let (home, ran) = refused("{ job: deploy, branch_parameter: Branch, parameters: { ENV: \"test\" } }");
    filtered(&home, || {
        insta::assert_snapshot!(ran.whole(), @r#"
        exit code: 3
        ----- stdout -----
        failed main → deploy: "test" is no choice of the parameter ENV of job deploy, which takes dev, prod; send one of them, or add the value to the job's choices
        ----- stderr -----
        "#);
    });
}

#[test]
fn a_word_that_jenkins_would_read_as_false_is_refused() {
    let (home, ran) = refused("{ job: deploy, branch_parameter: Branch, parameters: { DRY: \"yes\" } }");
    filtered(&home, || {
        insta::assert_snapshot!(ran.whole(), @r#"
        exit code: 3
        ----- stdout -----
        failed main → deploy: the parameter DRY of job deploy is a boolean, and Jenkins reads "yes" as false; send true or false
        ----- stderr -----
        "#);
    });
}

#[test]
fn a_value_for_a_file_is_refused() {
    let rule = "{ job: deploy, branch_parameter: Branch, parameters: { upload/file.txt: \"x\" } }";
    let (home, ran) = refused(rule);
    filtered(&home, || {
        insta::assert_snapshot!(ran.whole(), @"
        exit code: 3
        ----- stdout -----
        failed main → deploy: the parameter upload/file.txt of job deploy takes an uploaded file, and a trigger carries texts only; leave it out: the job then runs without the file, or make it a text
        ----- stderr -----
        ");
    });
}

#[test]
fn what_is_declared_goes_out_whatever_is_left_out() {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(declaring());
    let rule = "{ job: deploy, branch_parameter: Branch, parameters: { DRY: \"True\", ENV: prod } }";
    let repository = repository(&home, &jenkins, rule);
    let ran = repository.tool(&["trigger", "-v"]).succeeded();
    assert_eq!(jenkins.posts()[0].form_values("Branch"), ["main"]);
    assert!(
        ran.stderr
            .contains("not sent, so the job's default: upload/file.txt"),
        "{}",
        ran.whole()
    );
    assert!(!ran.stderr.contains("default: ENV"), "{}", ran.whole());
}

#[test]
fn strict_parameters_false_sends_all_the_same_and_says_what_jenkins_drops() {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(declaring());
    let ran = repository(&home, &jenkins, "{ job: deploy, strict_parameters: false }").tool(&["trigger"]);
    assert_eq!(jenkins.posts()[0].form_values("BRANCH"), ["main"]);
    filtered(&home, || {
        insta::assert_snapshot!(ran.whole(), @"
        exit code: 0
        ----- stdout -----
        queued main → deploy: item 1 http://[JENKINS]/queue/item/1/; job deploy declares Branch, the rule sends BRANCH, which Jenkins would drop
        ----- stderr -----
        ");
    });
}

/// It would be built without the branch.
#[test]
fn a_job_without_parameters_gets_no_branch_even_then() {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(shop().job(Job::new("plain")));
    let ran = repository(&home, &jenkins, "{ job: plain, strict_parameters: false }").tool(&["trigger"]);
    assert_eq!(ran.code, 3, "{}", ran.whole());
    assert!(jenkins.posts().is_empty());
}

#[test]
fn a_disabled_job_is_not_asked() {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(shop().job(Job::new("off").string_parameter("BRANCH", "").disabled()));
    let ran = repository(&home, &jenkins, "{ job: off }").tool(&["trigger"]);
    assert!(jenkins.posts().is_empty());
    filtered(&home, || {
        insta::assert_snapshot!(ran.whole(), @"
        exit code: 3
        ----- stdout -----
        failed main → off: job off is disabled; enable it at http://[JENKINS]/job/off/; then: jenkins-trigger retry
        ----- stderr -----
        ");
    });
}

#[test]
fn a_folder_is_no_job() {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(shop());
    let ran = repository(&home, &jenkins, "{ job: shop }").tool(&["trigger"]);
    assert!(jenkins.posts().is_empty());
    filtered(&home, || {
        insta::assert_snapshot!(ran.whole(), @"
        exit code: 3
        ----- stdout -----
        failed main → shop: shop is a folder, not a job; write the full name of a job in it as `job`; see http://[JENKINS]/job/shop/
        ----- stderr -----
        ");
    });
}

#[test]
fn the_next_sender_does_not_ask_again() {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(shop());
    let repository = repository(&home, &jenkins, "{ job: shop/deploy }");
    for _ in 0..3 {
        repository.tool(&["trigger"]).succeeded();
    }
    assert_eq!(jenkins.posts().len(), 3);
    assert_eq!(look_ups(&jenkins), 1);
}

/// Whoever put the job right must not wait until what is kept is old.
#[test]
fn a_refusal_is_never_from_what_is_kept() {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(shop());
    let repository = repository(&home, &jenkins, "{ job: shop/deploy }");
    repository.tool(&["trigger"]).succeeded();
    let more = Job::new("shop/deploy")
        .string_parameter("BRANCH", "main")
        .string_parameter("COLOUR", "red");
    jenkins.put_job(more);
    repository
        .tool(&["trigger", "--param", "COLOUR=blue"])
        .succeeded();
    assert_eq!(jenkins.posts()[1].form_values("COLOUR"), ["blue"]);
}

#[test]
fn what_the_answer_belies_is_asked_anew() {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(shop());
    let repository = repository(&home, &jenkins, "{ job: shop/deploy }");
    repository.tool(&["trigger"]).succeeded();
    jenkins.put_job(Job::new("shop/deploy"));
    let ran = repository.tool(&["trigger"]);
    assert_eq!(ran.code, 3, "{}", ran.whole());
    let ran = repository.tool(&["retry"]);
    assert_eq!(ran.code, 3, "{}", ran.whole());
    assert_eq!(look_ups(&jenkins), 2);
    // The first two only: the third was not worth a request.
    assert_eq!(jenkins.posts().len(), 2);
}

/// What another user was told is not this one's to know.
#[test]
fn what_is_kept_is_for_the_user_that_asked() {
    let home = Home::new(&gits()[0]);
    let other =
        User::new("other", TOKEN).grant([Permission::OverallRead, Permission::JobRead, Permission::JobBuild]);
    let jenkins = StandIn::start(shop().user(other));
    let repository = repository(&home, &jenkins, "{ job: shop/deploy }");
    repository.tool(&["trigger"]).succeeded();
    let mut trigger = home.command(program(), &repository.folder);
    trigger.arg("trigger").env("JENKINS_USER_ID", "other");
    Ran::of(&mut trigger).succeeded();
    assert_eq!(look_ups(&jenkins), 2);
}

#[test]
fn what_is_kept_may_be_damaged_or_a_link() {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(shop());
    let repository = repository(&home, &jenkins, "{ job: shop/deploy }");
    repository.tool(&["trigger"]).succeeded();
    let kept = &repository.spooled("jobs")[0];
    let text = std::fs::read_to_string(kept).expect("a file");
    assert!(!text.contains(TOKEN) && !text.contains(JOB_TOKEN), "{text}");
    std::fs::write(kept, &text[..text.len() / 2]).expect("written");
    repository.tool(&["trigger"]).succeeded();
    assert_eq!(look_ups(&jenkins), 2);
    let elsewhere = home.path("elsewhere");
    std::fs::write(&elsewhere, text).expect("written");
    std::fs::remove_file(kept).expect("removed");
    std::os::unix::fs::symlink(&elsewhere, kept).expect("a link");
    repository.tool(&["trigger"]).succeeded();
    assert_eq!(look_ups(&jenkins), 3);
}

/// Who may build may not always look; the answer corrects what can be corrected.
#[test]
fn without_permission_to_look_it_goes_on_and_corrects_itself_once() {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(shop());
    jenkins.fault(Fault::answer(Answer::new(403)).when(is_look_up));
    let rule = "{ job: shop/deploy, branch_parameter: false }";
    repository(&home, &jenkins, rule).tool(&["trigger"]).succeeded();
    assert_eq!(jenkins.posts().len(), 2);
    assert_eq!(jenkins.queue_items().len(), 1);
}

#[test]
fn what_is_no_job_in_json_is_no_reason_to_stop() {
    for answer in [
        Answer::new(200).body("<html>"),
        Answer::new(200).body("{\"property\":7}"),
        Answer::new(200).body("{\"property\":[{\"parameterDefinitions\":[{}]}]}"),
        Answer::new(500).body("Oops!"),
        Answer::new(302).header("Location", "/login"),
    ] {
        let home = Home::new(&gits()[0]);
        let jenkins = StandIn::start(shop());
        jenkins.fault(Fault::answer(answer).when(is_look_up));
        repository(&home, &jenkins, "{ job: shop/deploy }")
            .tool(&["trigger"])
            .succeeded();
        assert_eq!(jenkins.queue_items().len(), 1);
    }
}

/// Nothing was sent, so nothing can be lost or doubled.
#[test]
fn a_server_that_does_not_say_is_asked_again_later() {
    for action in [
        FaultAction::CloseUnanswered { processed: false },
        FaultAction::CloseInBody { missing: 5 },
        FaultAction::Answer {
            processed: false,
            answer: Answer::new(502),
        },
        FaultAction::Answer {
            processed: false,
            answer: Answer::new(503),
        },
    ] {
        let home = Home::new(&gits()[0]);
        let jenkins = StandIn::start(shop());
        jenkins.fault(Fault::new(action).when(is_look_up).times(1));
        let repository = repository(&home, &jenkins, "{ job: shop/deploy }");
        repository.without_sleepers();
        let ran = repository.tool(&["trigger"]);
        assert_eq!(ran.code, 1, "{}", ran.whole());
        assert!(ran.stdout.starts_with("waiting"), "{}", ran.whole());
        assert!(jenkins.posts().is_empty());
        repository.tool(&["retry"]).succeeded();
        assert_eq!(jenkins.queue_items().len(), 1);
    }
}

/// While Jenkins starts it does not know valid credentials for a moment.
#[test]
fn a_doubt_at_the_look_up_is_looked_at_twice() {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(declaring());
    let doubt = Answer::new(401).header("WWW-Authenticate", "Basic realm=\"Jenkins\"");
    jenkins.fault(Fault::answer(doubt).when(is_look_up).times(1));
    // Were it not asked again, Jenkins would drop BRANCH.
    let ran = repository(&home, &jenkins, "{ job: deploy }").tool(&["trigger"]);
    assert_eq!(ran.code, 3, "{}", ran.whole());
    assert!(ran.stdout.contains("declares Branch"), "{}", ran.whole());
    assert!(jenkins.posts().is_empty());
}

/// Of the two kinds of 201 Jenkins tells only one apart; the number does it for the other.
#[test]
fn a_201_for_an_item_that_is_known_is_told_as_merged() {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(shop().job(Job::new("plain")));
    let repository = repository(&home, &jenkins, "{ job: plain, branch_parameter: false }");
    let first = repository.tool(&["trigger"]).succeeded();
    let second = repository.tool(&["trigger"]).succeeded();
    assert!(first.stdout.starts_with("queued"), "{}", first.whole());
    assert!(second.stdout.starts_with("merged"), "{}", second.whole());
    assert_eq!(jenkins.queue_items().len(), 1);
}

/// The plugin's own address takes no user; looking does.
#[test]
fn with_token_root_the_look_up_has_the_user_and_the_request_has_none() {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(declaring());
    let rule = "{ job: deploy, method: token-root, token_from: deploy }";
    let repository = repository(&home, &jenkins, rule);
    let mut trigger = home.command(program(), &repository.folder);
    trigger.arg("trigger").env("JENKINS_URL", jenkins.url());
    let ran = Ran::of(&mut trigger);
    assert!(ran.stdout.contains("declares Branch"), "{}", ran.whole());
    assert!(jenkins.posts().is_empty());
    jenkins.clear_requests();
    // Nothing says that the user is for this server. Nobody looks, and Jenkins drops what it does not
    // know.
    repository.tool(&["trigger"]).succeeded();
    assert_eq!(jenkins.requests().len(), 1);
    assert_eq!(jenkins.requests()[0].header("authorization"), None);
}

#[test]
fn names_that_the_user_sees_are_told_for_one_that_is_not_there() {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(shop());
    let file = short_file(&jenkins).replace("shop/deploy", "shop/depoly");
    let repository = home.repository("shop", &file);
    repository.tool(&["trust", "--yes"]).succeeded();
    repository.commit("first");
    let ran = repository.tool(&["trigger"]);
    assert!(ran.stdout.contains("shop/deploy"), "{}", ran.whole());
}

/// A directory behind Jenkins may lock who comes with a wrong password too often.
#[test]
fn credentials_that_jenkins_does_not_know_are_not_tried_for_every_trigger() {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(declaring());
    let repository = repository(&home, &jenkins, "{ job: deploy, branch_parameter: Branch }");
    repository.install();
    repository.without_sleepers();
    for number in 0..5 {
        repository.git(&["switch", "-q", "-c", &format!("work-{number}")]);
        commit_without_credentials(&repository);
    }
    assert_eq!(repository.spooled("new").len(), 5);
    jenkins.put_user(User::new(USER, "another"));
    jenkins.clear_requests();
    let ran = repository.tool(&["retry"]);
    assert_eq!(repository.spooled("failed").len(), 5, "{}", ran.whole());
    let requests = jenkins.requests();
    let refused = requests.iter().filter(|request| request.status == Some(401));
    assert_eq!(refused.count(), 2, "{requests:?}");
}

/// A look-up that hangs or is lost each time must not keep the trigger for ever.
#[test]
fn a_server_that_never_describes_a_job_is_asked_to_build_it_in_the_end() {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(shop());
    jenkins.fault(Fault::answer(Answer::new(504)).when(is_look_up));
    let repository = repository(&home, &jenkins, "{ job: shop/deploy }");
    repository.without_sleepers();
    repository.tool(&["trigger"]);
    for _ in 0..2 {
        assert!(jenkins.posts().is_empty());
        repository.tool(&["retry"]);
    }
    let ran = repository.tool(&["retry"]).succeeded();
    assert_eq!(jenkins.queue_items().len(), 1);
    assert!(
        ran.stdout
            .contains("nobody could look whether the job declares BRANCH"),
        "{}",
        ran.whole()
    );
}

/// Who may not look is told so once a pass.
#[test]
fn a_look_up_that_is_denied_is_not_repeated_for_every_trigger() {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(shop());
    jenkins.fault(Fault::answer(Answer::new(403)).when(is_look_up));
    jenkins.stop();
    let repository = repository(&home, &jenkins, "{ job: shop/deploy }");
    repository.without_sleepers();
    for branch in ["a", "b", "c"] {
        repository.git(&["branch", branch]);
        repository.tool(&["trigger", "--branch", branch]);
    }
    jenkins.resume();
    repository.tool(&["retry"]).succeeded();
    assert_eq!(jenkins.posts().len(), 3);
    assert_eq!(look_ups(&jenkins), 1);
}

//! What an answer was lost of is looked for in the queue and among the last builds.

use std::thread;
use std::time::{Duration, Instant};

use jenkins_stand_in::{
    Answer, BuildResult, Clock, Fault, FaultAction, Job, Permission, Setup, StandIn, StartUp, User,
};
use jenkins_trigger::jenkins::{Action, Attempt, Client, Looked, Method, Order, Security, Wanted};
use jenkins_trigger::secret::{Login, Secret};
use url::Url;

use crate::support::{JOB_TOKEN, PATIENCE, TOKEN, USER, developer, shop};

const JOB: &str = "shop/deploy";
const ID: &str = "01K7CANARY0000000000000ID1";
const MAIN: &[(&str, &[u8])] = &[("BRANCH", b"main")];
const OTHER: &[(&str, &[u8])] = &[("BRANCH", b"other")];

fn client(jenkins: &StandIn) -> Client {
    let server = Url::parse(&format!("{}/", jenkins.url())).expect("a URL");
    Client::new(server, &Security::default()).expect("a client")
}

fn login() -> Login {
    Login::new(USER.into(), Secret::new(TOKEN.into()))
}

/// Asks for a build; gives the number of the item.
fn trigger(jenkins: &StandIn, job: &str, parameters: &[(&str, &[u8])]) -> u64 {
    let login = login();
    let order = Order {
        action: Action::Build,
        is_branch_job: false,
        is_strict: true,
        method: Method::Api,
        job,
        parameters,
        delay: None,
        cause: b"",
        login: Some(&login),
        job_token: None,
    };
    accepted(&client(jenkins).trigger(&order, &order.blind_way()))
}

/// The same with the job's token and a note that ends in this id.
fn trigger_with_note(jenkins: &StandIn, id: &str) -> u64 {
    trigger_job_with_note(jenkins, JOB, id)
}

fn trigger_job_with_note(jenkins: &StandIn, job: &str, id: &str) -> u64 {
    let (login, token) = (login(), Secret::new(JOB_TOKEN.into()));
    let cause = format!("post-push of main [{id}]");
    let order = Order {
        action: Action::Build,
        is_branch_job: false,
        is_strict: true,
        method: Method::JobToken,
        job,
        parameters: MAIN,
        delay: None,
        cause: cause.as_bytes(),
        login: Some(&login),
        job_token: Some(&token),
    };
    accepted(&client(jenkins).trigger(&order, &order.blind_way()))
}

fn accepted(attempt: &Attempt) -> u64 {
    match attempt {
        Attempt::Accepted { item, .. } => *item,
        other => panic!("not accepted: {other:?}"),
    }
}

fn wanted<'a>(parameters: &'a [(&'a str, &'a [u8])]) -> Wanted<'a> {
    Wanted {
        job: JOB,
        parameters,
        id: None,
        may_lack_id: false,
        age: Some(Duration::from_secs(5)),
        after: None,
    }
}

fn look(jenkins: &StandIn, wanted: &Wanted<'_>) -> Looked {
    client(jenkins).look(wanted, &login())
}

#[track_caller]
fn assert_found(looked: &Looked, expected: u64) {
    match looked {
        Looked::Found { item, url } => {
            assert_eq!(*item, expected);
            assert!(url.ends_with(&format!("/queue/item/{expected}/")), "{url}");
        }
        other => panic!("{other:?}"),
    }
}

/// Lets the item's build start.
fn let_start(jenkins: &StandIn) {
    jenkins.advance(Duration::from_secs(6));
    assert!(jenkins.wait_until(|state| state.builds_of(JOB).len() == 1, PATIENCE));
}

#[test]
fn what_waits_in_the_queue_is_found() {
    let jenkins = StandIn::start(shop().next_queue_id(7));
    assert_eq!(look(&jenkins, &wanted(MAIN)), Looked::NotThere);
    trigger(&jenkins, JOB, OTHER);
    assert_eq!(look(&jenkins, &wanted(MAIN)), Looked::NotThere);
    trigger(&jenkins, JOB, MAIN);
    assert_found(&look(&jenkins, &wanted(MAIN)), 8);
}

/// Ours would have been merged with it.
#[test]
fn an_identical_item_is_found_however_long_it_waits() {
    let jenkins = StandIn::start(shop().clock(Clock::Manual));
    let item = trigger(&jenkins, JOB, MAIN);
    jenkins.quiet_down(true);
    jenkins.advance(Duration::from_secs(3600));
    assert_found(&look(&jenkins, &wanted(MAIN)), item);
}

#[test]
fn a_build_that_runs_is_found_by_the_item_it_came_from() {
    let jenkins = StandIn::start(shop().next_queue_id(7).clock(Clock::Manual));
    trigger(&jenkins, JOB, MAIN);
    let_start(&jenkins);
    assert_eq!(look(&jenkins, &wanted(OTHER)), Looked::NotThere);
    assert_found(&look(&jenkins, &wanted(MAIN)), 7);
    jenkins.finish_build(JOB, 1, BuildResult::Failure);
    assert_found(&look(&jenkins, &wanted(MAIN)), 7);
}

#[test]
fn an_identical_build_that_started_before_is_another_triggers() {
    let jenkins = StandIn::start(shop().clock(Clock::Manual));
    trigger(&jenkins, JOB, MAIN);
    let_start(&jenkins);
    jenkins.advance(Duration::from_secs(30));
    assert_eq!(look(&jenkins, &wanted(MAIN)), Looked::NotThere);
    let older = Wanted {
        age: Some(Duration::from_secs(60)),
        ..wanted(MAIN)
    };
    assert_found(&look(&jenkins, &older), 1);
}

/// Two pushes within a second: the build of the first is not taken for the second's.
#[test]
fn a_build_of_an_item_that_was_known_before_is_ours_only_if_it_surely_started_afterwards() {
    let jenkins = StandIn::start(shop().clock(Clock::Manual));
    let item = trigger(&jenkins, JOB, MAIN);
    let_start(&jenkins);
    let after = |seconds: u64, after| Wanted {
        age: Some(Duration::from_secs(seconds)),
        after,
        ..wanted(MAIN)
    };
    jenkins.advance(Duration::from_millis(500));
    assert_found(&look(&jenkins, &after(1, None)), item);
    assert_eq!(look(&jenkins, &after(1, Some(item))), Looked::NotThere);
    assert_found(&look(&jenkins, &after(1, Some(item - 1))), item);
    let unknown = Wanted {
        age: None,
        ..after(0, Some(item))
    };
    assert_eq!(look(&jenkins, &unknown), Looked::NotThere, "a clock was set back");
    // Merged with it before it started.
    assert_found(&look(&jenkins, &after(6, Some(item))), item);
}

/// The stand-in's clock is an hour ahead here; only its own `Date` tells what was before.
#[test]
fn the_servers_clock_counts_not_ours() {
    let jenkins = StandIn::start(shop().clock(Clock::Manual));
    jenkins.advance(Duration::from_secs(3600));
    trigger(&jenkins, JOB, MAIN);
    let_start(&jenkins);
    jenkins.advance(Duration::from_secs(30));
    assert_eq!(look(&jenkins, &wanted(MAIN)), Looked::NotThere);
}

/// An item leaves the queue before it has a build; whoever looks in between looks again.
#[test]
fn what_is_between_queue_and_builds_is_found() {
    let jenkins = StandIn::start(shop().quiet_period(Duration::from_secs(1)));
    let item = trigger(&jenkins, JOB, MAIN);
    let until = Instant::now() + Duration::from_secs(2);
    let mut looks = 0;
    while Instant::now() < until {
        assert_found(&look(&jenkins, &wanted(MAIN)), item);
        looks += 1;
    }
    assert!(looks > 20, "only {looks}");
    assert_eq!(jenkins.builds(JOB).len(), 1);
}

#[test]
fn an_id_is_found_among_the_causes_of_a_merged_item() {
    let jenkins = StandIn::start(shop().clock(Clock::Manual));
    let with_id = Wanted {
        id: Some(ID),
        ..wanted(MAIN)
    };
    trigger_with_note(&jenkins, "01K7OTHER00000000000000ID1");
    assert_eq!(look(&jenkins, &with_id), Looked::NotThere);
    let item = trigger_with_note(&jenkins, ID);
    trigger_with_note(&jenkins, "01K7OTHER00000000000000ID2");
    assert_eq!(item, 1, "merged");
    assert_found(&look(&jenkins, &with_id), item);
    let_start(&jenkins);
    // Whatever the clocks say.
    jenkins.advance(Duration::from_secs(3600));
    assert_found(&look(&jenkins, &with_id), item);
}

/// A job without a trigger token goes by the user's permission and keeps no note.
#[test]
fn where_the_note_was_dropped_it_is_known_by_its_user_and_parameters() {
    let jenkins = StandIn::start(
        shop()
            .user(User::new("other", TOKEN).grant([Permission::OverallRead, Permission::JobRead]))
            .job(Job::new("open").string_parameter("BRANCH", "")),
    );
    let dropped = Wanted {
        job: "open",
        id: Some(ID),
        may_lack_id: true,
        ..wanted(MAIN)
    };
    trigger(&jenkins, "open", OTHER);
    assert_eq!(look(&jenkins, &dropped), Looked::NotThere);
    let other = Login {
        user: "other".into(),
        ..login()
    };
    let item = trigger_job_with_note(&jenkins, "open", ID);
    assert_found(&look(&jenkins, &dropped), item);
    assert_eq!(client(&jenkins).look(&dropped, &other), Looked::NotThere);
    let kept = Wanted {
        may_lack_id: false,
        ..dropped
    };
    assert_eq!(look(&jenkins, &kept), Looked::NotThere);
}

#[test]
fn what_jenkins_dropped_added_or_hides_does_not_count() {
    let job = Job::new("many")
        .string_parameter("BRANCH", "")
        .string_parameter("ENV", "dev")
        .parameter(jenkins_stand_in::Parameter::password("SECRET", "hunter2"));
    let jenkins = StandIn::start(shop().job(job));
    let sent: &[(&str, &[u8])] = &[
        ("BRANCH", b" f\xfcr "),
        ("SECRET", b"other"),
        ("UNDECLARED", b"x"),
    ];
    let item = trigger(&jenkins, "many", sent);
    let here = Wanted {
        job: "many",
        ..wanted(sent)
    };
    assert_found(&look(&jenkins, &here), item);
    let elsewhere: &[(&str, &[u8])] = &[("BRANCH", b"f\xfcr"), ("ENV", b"prod")];
    let there = Wanted {
        parameters: elsewhere,
        ..here
    };
    assert_eq!(look(&jenkins, &there), Looked::NotThere);
}

/// Another rule's of the same push.
#[test]
fn what_was_not_sent_has_its_default() {
    let job = Job::new("many")
        .string_parameter("BRANCH", "")
        .string_parameter("ENV", "dev");
    let jenkins = StandIn::start(shop().job(job));
    let here = Wanted {
        job: "many",
        ..wanted(MAIN)
    };
    trigger(&jenkins, "many", &[MAIN[0], ("ENV", b"prod")]);
    assert_eq!(look(&jenkins, &here), Looked::NotThere);
    let item = trigger(&jenkins, "many", MAIN);
    assert_found(&look(&jenkins, &here), item);
}

#[test]
fn a_job_without_parameters_is_found_by_any_item_of_it() {
    let jenkins = StandIn::start(shop().job(Job::new("simple")).job(Job::new("shop/simple")));
    let wanted = Wanted {
        job: "simple",
        ..wanted(&[])
    };
    trigger(&jenkins, "shop/simple", &[]);
    assert_eq!(look(&jenkins, &wanted), Looked::NotThere);
    let item = trigger(&jenkins, "simple", &[]);
    assert_found(&look(&jenkins, &wanted), item);
}

#[test]
fn a_wrong_root_url_hides_nothing() {
    for root in ["http://wrong.invalid", "https://proxy.invalid/elsewhere/"] {
        let jenkins = StandIn::start(shop().context_path("/jenkins").root_url(root));
        let item = trigger(&jenkins, JOB, MAIN);
        assert_found(&look(&jenkins, &wanted(MAIN)), item);
    }
}

fn may_not_look(looked: Looked) -> String {
    match looked {
        Looked::MayNotLook(explanation) => explanation.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn who_may_not_see_the_job_may_not_look() {
    let blind = User::new(USER, TOKEN).grant([
        Permission::OverallRead,
        Permission::JobDiscover,
        Permission::JobBuild,
    ]);
    let only_build = User::new(USER, TOKEN).grant([Permission::OverallRead, Permission::JobBuild]);
    let nothing = User::new(USER, TOKEN);
    for user in [blind, only_build, nothing] {
        let jenkins = StandIn::start(Setup::new().user(user).job(Job::new(JOB)));
        let said = may_not_look(look(&jenkins, &wanted(MAIN)));
        let named = ["Job/Read", "Overall/Read"]
            .iter()
            .any(|name| said.contains(name));
        assert!(named, "{said}");
        assert!(
            said.contains("so nobody can look whether it was queued"),
            "{said}"
        );
    }
}

#[test]
fn a_token_that_is_refused_twice_may_not_look() {
    let jenkins = StandIn::start(Setup::new().user(User::new(USER, "another")).job(Job::new(JOB)));
    let said = may_not_look(look(&jenkins, &wanted(MAIN)));
    assert!(
        said.contains("does not accept the API token of user dev"),
        "{said}"
    );
}

#[test]
fn one_odd_401_says_nothing() {
    let jenkins = StandIn::start(shop());
    let answer = Answer::new(401).header("WWW-Authenticate", "Basic realm=\"Jenkins\"");
    jenkins.fault(Fault::answer(answer).times(1));
    assert!(matches!(look(&jenkins, &wanted(MAIN)), Looked::Unanswered(_)));
}

#[test]
fn a_login_page_may_not_be_looked_behind() {
    let jenkins = StandIn::start(shop());
    for answer in [
        Answer::new(302).header("Location", "/login?from=%2F"),
        Answer::new(200).body("<form><input type=password></form>"),
    ] {
        jenkins.clear_faults();
        jenkins.fault(Fault::answer(answer));
        let said = may_not_look(look(&jenkins, &wanted(MAIN)));
        assert!(said.contains("a single sign-on stands before Jenkins"), "{said}");
    }
}

#[test]
fn a_server_that_is_away_or_starts_is_asked_again() {
    let jenkins = StandIn::start(shop().clock(Clock::Manual));
    jenkins.stop();
    assert!(matches!(look(&jenkins, &wanted(MAIN)), Looked::Unanswered(_)));
    jenkins.restart(StartUp::default());
    jenkins.advance(Duration::from_secs(16));
    match look(&jenkins, &wanted(MAIN)) {
        Looked::Unanswered(explanation) => assert!(explanation.meaning.contains("is starting")),
        other => panic!("{other:?}"),
    }
    jenkins.advance(Duration::from_secs(10));
    for action in [
        FaultAction::CloseUnanswered { processed: true },
        FaultAction::CloseInBody { missing: 3 },
        FaultAction::Garbage(b"\0hello\n".to_vec()),
    ] {
        jenkins.clear_faults();
        jenkins.fault(Fault::new(action));
        assert!(matches!(look(&jenkins, &wanted(MAIN)), Looked::Unanswered(_)));
    }
}

/// With more builds since than Jenkins lists, nobody can tell.
#[test]
fn a_hundred_builds_since_hide_ours() {
    let setup = shop().executors(200).clock(Clock::Manual).user(developer());
    let job = Job::new("each").string_parameter("N", "").concurrent();
    let jenkins = StandIn::start(setup.job(job));
    let each = |n: &str| trigger(&jenkins, "each", &[("N", n.as_bytes())]);
    let first = each("0");
    jenkins.advance(Duration::from_secs(6));
    for n in 1..=99 {
        each(&n.to_string());
    }
    jenkins.advance(Duration::from_secs(6));
    assert_eq!(jenkins.builds("each").len(), 100);
    let mine = |n: &'static [u8]| {
        let parameters: &[(&str, &[u8])] = &[("N", n)];
        let wanted = Wanted {
            job: "each",
            age: Some(Duration::from_secs(60)),
            ..wanted(parameters)
        };
        look(&jenkins, &wanted)
    };
    assert_found(&mine(b"0"), first);
    let said = may_not_look(mine(b"100"));
    assert!(said.contains("100 builds since"), "{said}");
}

/// Ten seconds from the connection to the last byte, however the server stretches them.
#[test]
fn an_answer_that_drips_is_not_waited_for() {
    // The head has about 150 bytes, the body about 2,000.
    let slowly = [("head", 200), ("body", 50)].map(|(name, pause)| {
        thread::spawn(move || {
            let jenkins = StandIn::start(shop());
            for branch in ["one", "two", "three", "four", "five"] {
                trigger(&jenkins, JOB, &[("BRANCH", branch.as_bytes())]);
            }
            jenkins.fault(Fault::new(FaultAction::Trickle(Duration::from_millis(pause))));
            let begun = Instant::now();
            let looked = look(&jenkins, &wanted(MAIN));
            (name, looked, begun.elapsed())
        })
    });
    for look in slowly {
        let (name, looked, took) = look.join().expect("it ends");
        assert!(matches!(looked, Looked::Unanswered(_)), "{name}: {looked:?}");
        assert!(took > Duration::from_secs(9), "{name}: {took:?}");
        assert!(took < Duration::from_millis(11_500), "{name}: {took:?}");
    }
}

/// The same where the answer to a trigger is a page that matters.
#[test]
fn a_refusal_that_drips_is_not_waited_for() {
    let jenkins = StandIn::start(shop());
    jenkins.fault(Fault::of_posts(FaultAction::Trickle(Duration::from_millis(20))));
    let login = login();
    let order = Order {
        action: Action::Build,
        is_branch_job: false,
        is_strict: true,
        method: Method::Api,
        job: "missing",
        parameters: MAIN,
        delay: None,
        cause: b"",
        login: Some(&login),
        job_token: None,
    };
    let begun = Instant::now();
    let attempt = client(&jenkins).trigger(&order, &order.blind_way());
    assert!(matches!(attempt, Attempt::Refused(_)), "{attempt:?}");
    let took = begun.elapsed();
    assert!(took > Duration::from_secs(9), "{took:?}");
    // And what jobs there are instead is asked for no longer than a moment.
    assert!(took < Duration::from_secs(15), "{took:?}");
}

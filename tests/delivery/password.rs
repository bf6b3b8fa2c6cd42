//! A password where an API token should be: it needs a crumb, and the session that the crumb was
//! made for (contract, observed 1 and row 34).

use std::fs;
use std::path::Path;
use std::thread;

use jenkins_stand_in::{Answer, Fault, Job, Permission, RecordedRequest, Setup, StandIn, User};

use crate::support::{
    Home, JOB_TOKEN, Ran, Repository, TOKEN, USER, developer, developer_with, gits, program, shop, short_file,
};

const PASSWORD: &str = "canary pass:wörd";
/// In the shape that Jenkins gives them.
const REAL_TOKEN: &str = "11c0ffee00c0ffee00c0ffee00c0ffee00";

/// As [`shop`](crate::support::shop), with this user.
fn shop_of(user: User) -> Setup {
    Setup::new().user(user).job(
        Job::new("shop/deploy")
            .string_parameter("BRANCH", "main")
            .trigger_token(JOB_TOKEN),
    )
}

fn with_password() -> Setup {
    shop_of(developer().password(PASSWORD))
}

fn trigger(repository: &Repository<'_>, secret: &str, arguments: &[&str]) -> Ran {
    let mut trigger = repository.home.command(program(), &repository.folder);
    trigger
        .args(arguments)
        .arg("trigger")
        .env("JENKINS_API_TOKEN", secret);
    Ran::of(&mut trigger)
}

fn ready<'a>(home: &'a Home, file: &str) -> Repository<'a> {
    let repository = home.repository("shop", file);
    repository.tool(&["trust", "--yes"]).succeeded();
    repository.commit("first");
    repository
}

/// What was asked but for the look at the jobs, with what Jenkins answered.
fn asked(jenkins: &StandIn) -> Vec<String> {
    jenkins
        .requests()
        .iter()
        .filter(|request| !is_look(request))
        .map(|request| {
            let carries = ["Jenkins-Crumb", "Cookie"].map(|name| request.header(name).is_some());
            let with = match carries {
                [true, true] => " with a crumb and its session",
                [false, false] => "",
                other => panic!("{other:?}"),
            };
            let status = request.status.unwrap_or_default();
            format!("{} {} {status}{with}", request.method, request.target)
        })
        .collect()
}

fn is_look(request: &RecordedRequest) -> bool {
    request.target.contains("/api/json?tree=")
}

fn no_crumb() -> Answer {
    Answer::new(403).body("<title>Error 403 No valid crumb was included in the request</title>")
}

fn is_post(request: &RecordedRequest) -> bool {
    request.method == "POST"
}

const REFUSED: &str = "POST /job/shop/job/deploy/buildWithParameters 403";
const CRUMB: &str = "GET /crumbIssuer/api/json 200";
const TAKEN: &str = "POST /job/shop/job/deploy/buildWithParameters 201 with a crumb and its session";

#[test]
fn a_password_gets_a_crumb_and_the_commit_is_built() {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(with_password().context_path("/ci"));
    let repository = home.repository("shop", &short_file(&jenkins));
    repository.install();
    let mut commit = home.command("git", &repository.folder);
    commit
        .args(["commit", "-q", "--allow-empty", "-m", "first"])
        .env("JENKINS_API_TOKEN", PASSWORD);
    Ran::of(&mut commit).succeeded();
    let journal = repository.wait_for_journal(1);
    assert_eq!(journal[0]["outcome"], "queued", "{journal:?}");
    assert_eq!(
        asked(&jenkins),
        [REFUSED, CRUMB, TAKEN].map(|line| line.replace(" /", " /ci/"))
    );
}

#[test]
fn one_crumb_serves_all_that_is_posted_in_one_go() {
    let home = Home::new(&gits()[0]);
    let job = |name: &str| {
        Job::new(name)
            .string_parameter("BRANCH", "")
            .trigger_token(JOB_TOKEN)
    };
    let jenkins = StandIn::start(with_password().job(job("a")).job(job("b")).job(job("c")));
    let other = StandIn::start(with_password().job(job("d")));
    let rules = format!(
        "version: 1\nservers: {{ one: {{ url: {} }}, other: {{ url: {} }} }}\ndefaults: {{ server: one }}\njobs:\n\
         \x20 - {{ job: shop/deploy }}\n  - {{ job: a }}\n  - {{ job: b, token_from: deploy }}\n\
         \x20 - {{ job: c, method: token-root, token_from: deploy }}\n  - {{ job: d, server: other }}\n",
        jenkins.url(),
        other.url(),
    );
    let repository = ready(&home, &rules);
    trigger(&repository, PASSWORD, &[]).succeeded();
    let asked = asked(&jenkins);
    let crumbs = asked.iter().filter(|line| line.contains("crumbIssuer"));
    assert_eq!(crumbs.count(), 1, "{asked:?}");
    let refused = asked.iter().filter(|line| line.ends_with(" 403"));
    assert_eq!(refused.count(), 1, "{asked:?}");
    let mut taken: Vec<&String> = asked.iter().filter(|line| line.contains(" 201")).collect();
    taken.sort();
    assert_eq!(
        taken,
        [
            "POST /buildByToken/buildWithParameters 201",
            "POST /job/a/buildWithParameters 201 with a crumb and its session",
            "POST /job/b/buildWithParameters 201 with a crumb and its session",
            TAKEN,
        ]
    );
    // A session is told to the server that it is of, and to no other.
    let header = |jenkins: &StandIn, name: &str| {
        let requests = jenkins.requests();
        let mut values: Vec<Vec<u8>> = requests
            .iter()
            .filter_map(|request| request.header(name).map(<[u8]>::to_vec))
            .collect();
        values.dedup();
        assert_eq!(values.len(), 1, "{requests:?}");
        values.remove(0)
    };
    for name in ["Cookie", "Jenkins-Crumb"] {
        assert_ne!(header(&jenkins, name), header(&other, name));
    }
}

#[test]
fn a_session_that_ended_is_made_anew_once() {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(with_password().job(Job::new("b").string_parameter("BRANCH", "")));
    let file = format!(
        "version: 1\nserver: {}\njobs:\n  - {{ job: shop/deploy }}\n  - {{ job: b }}\n",
        jenkins.url()
    );
    let repository = ready(&home, &file);
    let to_b = |request: &RecordedRequest| is_post(request) && request.target.starts_with("/job/b/");
    jenkins.fault(Fault::answer(no_crumb()).when(to_b).times(1));
    trigger(&repository, PASSWORD, &[]).succeeded();
    assert_eq!(
        asked(&jenkins),
        [
            REFUSED,
            CRUMB,
            TAKEN,
            "POST /job/b/buildWithParameters 403 with a crumb and its session",
            CRUMB,
            "POST /job/b/buildWithParameters 201 with a crumb and its session",
        ]
    );
    let sessions = jenkins.requests();
    let cookie = |target: &str| {
        let last = sessions
            .iter()
            .rfind(|request| is_post(request) && request.target.contains(target));
        last.and_then(|request| request.header("Cookie"))
            .map(<[u8]>::to_vec)
    };
    assert_ne!(cookie("/deploy/"), cookie("/b/"));
}

#[test]
fn a_password_that_gets_no_crumb_is_told_the_permission_it_lacks() {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(shop());
    jenkins.put_user(
        User::new(USER, TOKEN)
            .password(PASSWORD)
            .grant([Permission::JobRead, Permission::JobBuild]),
    );
    let repository = ready(&home, &short_file(&jenkins));
    let ran = trigger(&repository, PASSWORD, &[]);
    assert_eq!(ran.code, 3, "{}", ran.whole());
    for part in [
        "a password needs a crumb from Jenkins at 127.0.0.1, and user dev lacks the permission Overall/Read to get one",
        "make an API token, which needs no crumb, at http://127.0.0.1:",
    ] {
        assert!(ran.stdout.contains(part), "{}", ran.whole());
    }
    // Nothing is asked twice.
    assert_eq!(asked(&jenkins), [REFUSED, "GET /crumbIssuer/api/json 403"]);
}

#[test]
fn a_crumb_that_is_refused_is_thrown_away_and_explained() {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(with_password());
    let repository = ready(&home, &short_file(&jenkins));
    jenkins.fault(Fault::answer(no_crumb()).when(is_post));
    let ran = trigger(&repository, PASSWORD, &[]);
    assert_eq!(ran.code, 3, "{}", ran.whole());
    assert!(
        ran.stdout.contains(
            "refused the crumb that it had just given to user dev; a proxy before it takes the session's"
        ),
        "{}",
        ran.whole()
    );
    let refused = "POST /job/shop/job/deploy/buildWithParameters 403 with a crumb and its session";
    // Jenkins may have been starting: all is tried a second time, and not with what was refused.
    assert_eq!(
        asked(&jenkins),
        [
            REFUSED,
            CRUMB,
            refused,
            "GET /whoAmI/api/json 200",
            REFUSED,
            CRUMB,
            refused
        ]
    );
}

#[test]
fn a_proxy_that_takes_the_credentials_away_is_told() {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(with_password());
    let repository = ready(&home, &short_file(&jenkins));
    let login_page = Answer::new(403)
        .header("X-Jenkins", "2.528.2")
        .body("<meta http-equiv='refresh' content='1;url=/login?from=%2F'>Authentication required");
    jenkins.fault(Fault::answer(no_crumb()).when(is_post));
    let issuer = |request: &RecordedRequest| request.target.contains("crumbIssuer");
    jenkins.fault(Fault::answer(login_page).when(issuer));
    let ran = trigger(&repository, PASSWORD, &[]);
    assert_eq!(ran.code, 3, "{}", ran.whole());
    assert!(
        ran.stdout.contains(
            "Jenkins at 127.0.0.1 saw no credentials; a proxy before it takes the Authorization header away"
        ),
        "{}",
        ran.whole()
    );
}

#[test]
fn without_csrf_protection_a_password_needs_no_crumb() {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(with_password().csrf(false));
    let repository = ready(&home, &short_file(&jenkins));
    trigger(&repository, PASSWORD, &[]).succeeded();
    assert_eq!(
        asked(&jenkins),
        ["POST /job/shop/job/deploy/buildWithParameters 201"]
    );
}

/// As SAML, OIDC and GitHub do (contract, row 34).
#[test]
fn a_password_that_is_not_taken_asks_for_no_crumb() {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(shop());
    let repository = ready(&home, &short_file(&jenkins));
    let ran = trigger(&repository, PASSWORD, &[]);
    assert_eq!(ran.code, 3, "{}", ran.whole());
    assert!(asked(&jenkins).iter().all(|line| !line.contains("crumb")));
    assert!(!ran.whole().contains(PASSWORD));
}

/// While Jenkins starts, a POST with a valid API token gets the same answer as one with a password
/// (contract, observed 4).
#[test]
fn an_api_token_is_never_taken_for_a_password() {
    for token in [REAL_TOKEN, TOKEN] {
        let home = Home::new(&gits()[0]);
        let jenkins = StandIn::start(shop_of(developer_with(token)));
        let repository = ready(&home, &short_file(&jenkins));
        jenkins.fault(Fault::answer(no_crumb()).when(is_post).times(1));
        let starting = Answer::new(503).body("Jenkins is getting ready to work");
        let issuer = |request: &RecordedRequest| request.target.contains("crumbIssuer");
        jenkins.fault(Fault::answer(starting).when(issuer));
        trigger(&repository, token, &[]).succeeded();
        let mut expected = vec![
            REFUSED,
            "GET /crumbIssuer/api/json 503",
            "GET /whoAmI/api/json 200",
            "POST /job/shop/job/deploy/buildWithParameters 201",
        ];
        if token == REAL_TOKEN {
            expected.remove(1);
        }
        assert_eq!(asked(&jenkins), expected);
    }
}

#[test]
fn crumb_issuers_that_answer_anything_else_are_lived_with() {
    let answers = [
        Answer::new(200).body("<html>Sign in</html>"),
        Answer::new(200).body("{}"),
        Answer::new(200).body("{\"crumb\":\"a\\nb\",\"crumbRequestField\":\"Jenkins-Crumb\"}"),
        Answer::new(200).body("{\"crumb\":\"x\",\"crumbRequestField\":\"Jenkins Crumb\"}"),
        Answer::new(200).body("{\"crumb\":\"x\",\"crumbRequestField\":\"Host\"}"),
        Answer::new(200).body(format!("{{\"crumb\":\"{}\"", "x".repeat(1_000_000))),
        Answer::new(302).header("Location", "https://elsewhere.invalid/"),
        Answer::new(403).body("Forbidden"),
        Answer::new(500),
    ];
    // Each of them waits for the second look.
    thread::scope(|threads| {
        for answer in answers {
            threads.spawn(move || {
                let home = Home::new(&gits()[0]);
                let jenkins = StandIn::start(with_password());
                let repository = ready(&home, &short_file(&jenkins));
                let issuer = |request: &RecordedRequest| request.target.contains("crumbIssuer");
                jenkins.fault(Fault::answer(answer.clone()).when(issuer));
                let ran = trigger(&repository, PASSWORD, &[]);
                assert_eq!(ran.code, 3, "{answer:?} {}", ran.whole());
                let said =
                    "took what user dev sent (from JENKINS_API_TOKEN) for no API token, and asked for a crumb; ";
                assert!(ran.stdout.contains(said), "{answer:?} {}", ran.whole());
            });
        }
    });
}

#[test]
fn neither_password_nor_crumb_nor_session_is_ever_shown_or_kept() {
    let home = Home::new(&gits()[0]);
    let jenkins = StandIn::start(with_password());
    let repository = ready(&home, &short_file(&jenkins));
    let mut shown = trigger(&repository, PASSWORD, &["--verbose"]).succeeded().whole();
    jenkins.put_job(Job::new("shop/deploy").disabled());
    shown += &trigger(&repository, PASSWORD, &["--verbose"]).whole();
    for command in [&["log", "--json"][..], &["log"], &["status"]] {
        shown += &repository.tool(command).whole();
    }
    let requests = jenkins.requests();
    let mut secrets = vec![PASSWORD.to_owned(), "canary+pass".into(), "canary%20pass".into()];
    for request in &requests {
        for name in ["Cookie", "Jenkins-Crumb"] {
            let value = request.header(name).map(String::from_utf8_lossy);
            let value = value.iter().flat_map(|value| value.split('=')).next_back();
            secrets.extend(value.map(str::to_owned));
        }
        assert!(!request.target_contains("canary"), "{request:?}");
        assert!(
            !String::from_utf8_lossy(&request.body).contains("canary"),
            "{request:?}"
        );
    }
    assert!(secrets.len() > 3, "{requests:?}");
    let mut kept = String::new();
    read_all(&repository.folder, &mut kept);
    read_all(&home.path("state"), &mut kept);
    for secret in &secrets {
        assert!(!shown.contains(secret), "{secret}: {shown}");
        assert!(!kept.contains(secret), "{secret}");
    }
}

fn read_all(folder: &Path, into: &mut String) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            read_all(&path, into);
        } else if let Ok(bytes) = fs::read(&path) {
            into.push_str(&String::from_utf8_lossy(&bytes));
        }
    }
}

//! A Jenkins, or what stands in front of it, that the user trusts, and that wants to send his secrets
//! elsewhere, or to see them written down.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jenkins_stand_in::{Answer, Fault, FaultAction, Job, StandIn};

use crate::canary::{PASSWORD, Search};
use crate::scene::{ask_all, command, file, home, run_with, setup, tool, wait_for_all};
use crate::support::{Home, JOB_TOKEN, Ran, Repository, TOKEN, USER, program};

/// Who is asked with what.
#[derive(Clone, Copy)]
struct Case {
    rule: &'static str,
    /// The user's API token, or password.
    secret: &'static str,
    /// All that the processes know that ask.
    known: &'static [&'static str],
}

const CASES: [Case; 4] = [
    Case {
        rule: "{ job: shop/deploy }",
        secret: TOKEN,
        known: &[TOKEN],
    },
    Case {
        rule: "{ job: shop/deploy }",
        secret: PASSWORD,
        known: &[PASSWORD],
    },
    Case {
        rule: "{ job: shop/deploy, token_from: deploy }",
        secret: TOKEN,
        known: &[TOKEN, JOB_TOKEN],
    },
    Case {
        rule: "{ job: shop/deploy, method: token-root, token_from: deploy }",
        secret: TOKEN,
        known: &[TOKEN, JOB_TOKEN],
    },
];

/// Does all that sends something, while the server answers so.
fn everything_while(home: &Home, trusted: &StandIn, case: Case, fault: impl Fn() -> Fault) -> Vec<Ran> {
    let repository = home.repository("shop", &file(trusted, case.rule));
    let mut said = vec![repository.install()];
    trusted.fault(fault());
    let git = |arguments: &[&str]| run_with(&repository, "git".as_ref(), case.secret, arguments);
    let tool = |arguments: &[&str]| run_with(&repository, program(), case.secret, arguments);
    git(&["add", "--all"]);
    said.push(git(&["commit", "-m", "work"]));
    repository.wait_for_journal(1);
    if case.known.contains(&JOB_TOKEN) {
        // What only asks about the user does not know the jobs' tokens.
        for arguments in [
            &["retry", "--all"][..],
            &["-v", "trigger"],
            &["log", "--json"],
            &["status"],
        ] {
            said.push(tool(arguments));
        }
    } else {
        said.extend(ask_all(&repository, case.secret));
        said.push(tool(&["-v", "jobs"]));
        said.push(login(&repository, trusted, case.secret));
    }
    said.push(git(&["commit", "--allow-empty", "-m", "more work"]));
    // Nobody tries on in the background.
    said.push(tool(&["cancel", "--all"]));
    said
}

fn login(repository: &Repository<'_>, server: &StandIn, secret: &str) -> Ran {
    use std::io::Write as _;
    use std::process::Stdio;
    let mut login = command(repository.home, program(), &repository.folder);
    login
        .args(["login", &server.url(), "--user", USER])
        .env_remove("JENKINS_API_TOKEN")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = login.spawn().expect("the program starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    // It may have ended without asking.
    let _ = writeln!(stdin, "{secret}");
    drop(stdin);
    Ran::from(child.wait_with_output().expect("it ends"))
}

/// Every answer to every question: nothing of it is followed, nothing of it is told.
#[track_caller]
fn gets_nothing(case: Case, answer: impl Fn(&StandIn, &StandIn) -> Answer) {
    let home = home();
    let trusted = StandIn::start(setup());
    let evil = StandIn::start(setup());
    let hostile = answer(&trusted, &evil);
    let said = everything_while(&home, &trusted, case, || Fault::answer(hostile.clone()));
    assert!(!trusted.requests().is_empty());
    wait_for_all(&home);
    Search::of(&home)
        .trusted(&trusted)
        .other(&evil)
        .all_said(said)
        .assert_nowhere();
}

#[test]
fn a_redirect_to_another_server_is_not_followed() {
    for (status, case) in [301, 302, 303, 307, 308]
        .into_iter()
        .zip(CASES.into_iter().cycle())
    {
        gets_nothing(case, |_, evil| {
            Answer::new(status).header("Location", format!("{}/job/shop/job/deploy/", evil.url()))
        });
    }
}

#[test]
fn a_queue_item_on_another_server_is_not_looked_at() {
    for case in CASES {
        gets_nothing(case, |_, evil| {
            Answer::new(201)
                .header("X-Jenkins", "2.479.1")
                .header("Location", format!("{}/queue/item/7/", evil.url()))
        });
    }
}

#[test]
fn a_refusal_that_asks_for_another_login_gets_none() {
    let challenges = [
        "Basic realm=\"another\"",
        "NTLM",
        "Negotiate",
        "Digest realm=\"x\", nonce=\"y\"",
        "Bearer",
    ];
    for (challenge, case) in challenges.into_iter().zip(CASES.into_iter().cycle()) {
        gets_nothing(case, |_, evil| {
            Answer::new(401)
                .header("WWW-Authenticate", challenge)
                .header("Proxy-Authenticate", challenge)
                .header("Location", evil.url())
        });
    }
}

#[test]
fn cookies_go_to_nobody_else() {
    let scopes = [
        "Path=/",
        "Path=/elsewhere",
        "Domain=127.0.0.1",
        "Domain=localhost",
        "Path=/; Domain=.evil.example",
    ];
    for (scope, case) in scopes.into_iter().zip(CASES.into_iter().cycle()) {
        gets_nothing(case, |_, evil| {
            Answer::new(302)
                .header("Set-Cookie", format!("JSESSIONID.evil=x; {scope}"))
                .header("Location", evil.url())
        });
    }
}

type Form = fn(&str) -> String;

fn percent(secret: &str) -> String {
    secret.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// The ways in which a server may repeat what it was told.
const FORMS: [Form; 8] = [
    str::to_owned,
    percent,
    |secret| form_urlencoded::byte_serialize(secret.as_bytes()).collect(),
    |secret| percent(secret).to_lowercase(),
    |secret| percent(secret).replace('%', "%25"),
    |secret| STANDARD.encode(secret),
    |secret| STANDARD.encode(format!("xx{secret}y")),
    |secret| serde_json::to_string(secret).expect("JSON"),
];

/// All that is known, repeated so.
fn echo(case: Case, form: Form) -> String {
    let login = format!("{USER}:{}", case.secret);
    let all = case.known.iter().copied().chain([login.as_str()]);
    all.map(form).collect::<Vec<_>>().join(" ")
}

/// As many pairs as there are forms, and each case in some of them.
fn pairs() -> impl Iterator<Item = (Form, Case)> {
    FORMS.into_iter().zip(CASES.into_iter().cycle())
}

#[test]
fn what_it_repeats_in_its_headers_is_not_told() {
    let statuses = [403, 401, 500, 302, 404];
    for ((form, case), status) in pairs().zip(statuses.into_iter().cycle()) {
        gets_nothing(case, |trusted, _| {
            let text = echo(case, form);
            Answer::new(status)
                .header("X-Jenkins", "2.479.1")
                .header("X-You-Are-Authenticated-As", text.clone())
                .header("X-Required-Permission", format!("hudson.model.Item.{text}"))
                .header("WWW-Authenticate", format!("Basic realm=\"{text}\""))
                .header("Server", text.clone())
                .header("Location", format!("{}/x/{text}", trusted.url()))
        });
    }
}

#[test]
fn what_it_repeats_in_its_body_is_not_told() {
    let statuses = [200, 400, 403, 404, 500];
    for ((form, case), status) in pairs().zip(statuses.into_iter().cycle()) {
        gets_nothing(case, |_, _| {
            let text = echo(case, form);
            let page = format!("<html><body><h1>{text}</h1><p class=\"error\">{text}</p></body></html>");
            Answer::new(status)
                .header("X-Jenkins", "2.479.1")
                .header("Content-Type", "text/html")
                .body(page)
        });
    }
}

/// Names of jobs, parameters and people end in messages, in what is kept of the server, and in the
/// addresses of further questions.
#[test]
fn what_it_calls_its_jobs_goes_nowhere() {
    for (form, case) in pairs() {
        gets_nothing(case, |_, _| {
            let text = serde_json::to_string(&echo(case, form)).expect("JSON");
            let json = format!(
                r#"{{"_class":"org.jenkinsci.plugins.workflow.job.WorkflowJob","name":{text},"fullName":{text},
                "displayName":{text},"url":{text},"buildable":true,"id":{text},"authenticated":true,
                "authorities":[{text}],"crumb":{text},"crumbRequestField":"Jenkins-Crumb",
                "jobs":[{{"_class":"hudson.model.FreeStyleProject","name":{text},"fullName":{text},"url":{text}}}],
                "property":[{{"parameterDefinitions":[{{"name":{text},"type":"StringParameterDefinition",
                "defaultParameterValue":{{"value":{text}}}}}]}}],"why":{text},"blocked":true,"stuck":true,
                "actions":[{{"causes":[{{"shortDescription":{text}}}]}}]}}"#
            );
            Answer::new(200)
                .header("X-Jenkins", "2.479.1")
                .header("Content-Type", "application/json")
                .body(json)
        });
    }
}

#[test]
fn answers_without_an_end_and_without_sense_tell_nothing() {
    for action in [
        FaultAction::HugeBody(64 << 20),
        FaultAction::Garbage(format!("HTTP/1.1 {TOKEN}\r\n{TOKEN}: {TOKEN}\r\n\r\n{TOKEN}").into_bytes()),
        FaultAction::CloseUnanswered { processed: false },
    ] {
        let home = home();
        let trusted = StandIn::start(setup());
        let said = everything_while(&home, &trusted, CASES[0], || Fault::new(action.clone()));
        wait_for_all(&home);
        Search::of(&home)
            .trusted(&trusted)
            .all_said(said)
            .assert_nowhere();
    }
}

/// Jenkins masks secrets in a console, and a job can print them all the same.
#[test]
fn what_a_build_prints_of_them_is_not_shown() {
    let home = home();
    let lines: String = FORMS
        .iter()
        .map(|form| format!("echo {}\n", echo(CASES[0], *form)))
        .collect();
    let job = Job::new("shop/loud").string_parameter("BRANCH", "").shell(lines);
    let trusted = StandIn::start(setup().job(job));
    let repository = home.repository("shop", &file(&trusted, "{ job: shop/loud }"));
    repository.install();
    repository.git(&["add", "--all"]);
    repository.git(&["commit", "-m", "work"]);
    repository.wait_for_journal(1);
    let followed = tool(&repository, &["-v", "trigger", "--follow"]);
    assert!(followed.stdout.contains("•••"), "{}", followed.whole());
    wait_for_all(&home);
    Search::of(&home)
        .trusted(&trusted)
        .all_said([followed])
        .assert_nowhere();
}

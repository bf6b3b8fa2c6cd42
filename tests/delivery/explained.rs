//! What the user reads for each way in which Jenkins, or what stands before it, can say no: one test
//! for each row of the table in `src/jenkins/explain/table.rs`.
//!
//! That an item was taken out of the queue, or why it waits, is told by `trigger --wait`, and that
//! the Location names another host is harmless; `commands/trigger_wait.rs` and `accepted.rs` have
//! those.

use jenkins_stand_in::{Answer, Fault, FaultAction, Job, Permission, RecordedRequest, Setup, StandIn, User};
use serde_json::Value;

use crate::support::{Home, JOB_TOKEN, Ran, TOKEN, USER, filtered, gits, program};

const ALL: &[Permission] = &[Permission::OverallRead, Permission::JobRead, Permission::JobBuild];

fn server(permissions: &[Permission]) -> Setup {
    server_of(User::new(USER, TOKEN).grant(permissions.iter().copied()))
}

fn server_of(user: User) -> Setup {
    let job = |name: &str| Job::new(name).string_parameter("BRANCH", "main");
    Setup::new()
        .user(user)
        .job(job("shop/deploy").trigger_token("another"))
        .job(Job::new("plain").trigger_token(JOB_TOKEN))
        .job(job("off").trigger_token(JOB_TOKEN).disabled())
        .job(
            Job::new("choice")
                .choice_parameter("BRANCH", ["dev", "test"])
                .trigger_token(JOB_TOKEN),
        )
        .job(job("tokenless"))
}

const SHORT: &str = "{ job: shop/deploy }";
const TOKEN_ROOT: &str = "{ job: shop/deploy, method: token-root, token_from: deploy }";

fn is_post(request: &RecordedRequest) -> bool {
    request.method == "POST"
}

/// Whether a job is looked at before it is triggered: only the answer to the trigger counts here.
fn is_look(request: &RecordedRequest) -> bool {
    request.method == "GET" && request.target.contains("/job/") && request.path().ends_with("/api/json")
}

/// This answers instead of Jenkins whoever wants to build.
fn for_builds(answer: Answer) -> impl Fn(&StandIn) {
    move |jenkins| jenkins.fault(Fault::answer(answer.clone()).when(is_post))
}

/// This answers whoever asks for anything.
fn for_all(answer: Answer) -> impl Fn(&StandIn) {
    move |jenkins| jenkins.fault(Fault::answer(answer.clone()))
}

/// The first of these answers whoever wants to build, and the second whoever asks who is there.
fn for_builds_and_others(build: Answer, other: Answer) -> impl Fn(&StandIn) {
    move |jenkins| {
        for_builds(build.clone())(jenkins);
        for_all(other.clone())(jenkins);
    }
}

fn nothing(_: &StandIn) {}

/// What `trigger` prints for a rule; the row must be this one, and no other's text in the journal.
#[track_caller]
fn said(row: &str, setup: Setup, rule: &str, arrange: impl Fn(&StandIn)) -> (Home, String) {
    said_with(row, (setup, rule), arrange, &[])
}

#[track_caller]
fn said_with(
    row: &str,
    (setup, rule): (Setup, &str),
    arrange: impl Fn(&StandIn),
    variables: &[(&str, &str)],
) -> (Home, String) {
    let jenkins = StandIn::start(setup);
    let look = Answer::new(403)
        .header("X-Jenkins", "2.528.2")
        .body("Access Denied");
    jenkins.fault(Fault::answer(look).when(is_look));
    arrange(&jenkins);
    let file = format!("version: 1\nserver: {}\njobs:\n  - {rule}\n", jenkins.url());
    let (home, ran, reasons) = triggered(&file, variables);
    assert_eq!(reasons, [row], "{}", ran.whole());
    assert!(jenkins.queue_items().is_empty());
    (home, ran.stdout + &ran.stderr)
}

/// A trigger by hand, and the reasons that the journal has for it.
fn triggered(file: &str, variables: &[(&str, &str)]) -> (Home, Ran, Vec<String>) {
    let home = Home::new(&gits()[0]);
    let (ran, journal) = {
        let repository = home.repository("shop", file);
        repository.tool(&["trust", "--yes"]).succeeded();
        repository.commit("first");
        let mut trigger = home.command(program(), &repository.folder);
        let ran = Ran::of(trigger.arg("trigger").envs(variables.iter().copied()));
        (ran, repository.journal())
    };
    let reason = |line: &Value| line["reason"].as_str().map(str::to_owned);
    let reasons = journal.iter().filter_map(reason).collect();
    (home, ran, reasons)
}

/// What the journal has about a trigger whose first request this met, and what is printed in the end.
#[track_caller]
fn lost(row: &str, action: FaultAction) -> (Home, String) {
    let jenkins = StandIn::start(server(ALL));
    jenkins.fault(Fault::new(action).when(is_post).times(1));
    let home = Home::new(&gits()[0]);
    let text = {
        let file = format!("version: 1\nserver: {}\njobs:\n  - {SHORT}\n", jenkins.url());
        let repository = home.repository("shop", &file);
        repository.tool(&["trust", "--yes"]).succeeded();
        repository.commit("first");
        let ran = repository.tool(&["trigger"]).succeeded();
        let journal = repository.journal();
        assert_eq!(journal[0]["reason"], row, "{journal:?}");
        assert_eq!(journal[1]["reason"], Value::Null, "{journal:?}");
        format!(
            "{}\n{}",
            journal[0]["message"].as_str().expect("a message"),
            ran.stdout
        )
    };
    assert_eq!(jenkins.queue_items().len(), 1);
    (home, text)
}

/// Says it for the one whom the test is about.
macro_rules! reads {
    ($said:expr, @$snapshot:literal) => {
        let (home, text) = $said;
        filtered(&home, || insta::assert_snapshot!(text, @$snapshot));
    };
}

// The table, and what of it cannot be had from a server of this machine.

/// The table's own unit tests have these: there is no such network here, and a trigger reads nothing. For
/// TLS there is tests/delivery/tls.rs.
const ELSEWHERE: [&str; 7] = [
    "impossible-request",
    "no-route",
    "no-connection",
    "certificate",
    "cut-short",
    "not-json",
    "wants-https",
];

#[test]
fn every_row_of_the_table_has_a_test() {
    let table = include_str!("../../src/jenkins/explain/table.rs");
    let (_, tests) = include_str!("explained.rs").split_once("#[test]").expect("tests");
    let names: Vec<String> = table
        .lines()
        .filter_map(|line| line.trim().strip_prefix("name: "))
        .map(|name| name.trim_matches(|c| c == '"' || c == ','))
        .map(|name| name.to_lowercase().replace('_', "-"))
        .collect();
    assert!(names.len() > 30, "{names:?}");
    for name in names {
        let is_here = tests.contains(&format!("\"{name}\""));
        assert_ne!(is_here, ELSEWHERE.contains(&name.as_str()), "{name}");
    }
}

// No answer.

/// A trigger for a server that is not there.
#[track_caller]
fn unanswered(row: &str, server: &str) -> (Home, String) {
    let (home, ran, reasons) = triggered(
        &format!("version: 1\nserver: {server}\njobs:\n  - {SHORT}\n"),
        &[],
    );
    assert_eq!(reasons, [row], "{}", ran.whole());
    assert_eq!(ran.code, 1, "{}", ran.whole());
    (home, ran.stdout + &ran.stderr)
}

#[test]
fn a_host_name_that_does_not_exist() {
    reads!(unanswered("host-not-found", "https://jenkins.invalid/"), @"waiting main → shop/deploy: the host name jenkins.invalid cannot be resolved; check `server` in .jenkins-trigger.yml, the network or VPN; then: jenkins-trigger retry");
}

#[test]
fn a_port_that_nobody_listens_on() {
    let jenkins = StandIn::start(server(ALL));
    jenkins.stop();
    reads!(unanswered("connection-refused", &jenkins.url()), @"waiting main → shop/deploy: 127.0.0.1 port [PORT] refuses the connection; Jenkins is down, or `server` in .jenkins-trigger.yml is wrong; then: jenkins-trigger retry");
}

#[test]
fn no_answer_in_time() {
    reads!(lost("no-answer", FaultAction::Hold { processed: true }), @"
    127.0.0.1 took the request and gave no answer within 10 s: it may have been queued; before it is sent again it is looked for in the queue and at http://[JENKINS]/job/shop/job/deploy/
    queued main → shop/deploy: item 1 http://[JENKINS]/queue/item/1/; the answer was lost, and it was found in Jenkins
    ");
}

#[test]
fn an_answer_that_is_no_http() {
    reads!(lost("broken-answer", FaultAction::Garbage(b"SSH-2.0-OpenSSH_9.6\r\n".to_vec())), @"
    the connection to 127.0.0.1 broke before an answer that is HTTP (invalid HTTP version parsed): it may have been queued; before it is sent again it is looked for in the queue and at http://[JENKINS]/job/shop/job/deploy/
    queued main → shop/deploy: item 1 http://[JENKINS]/queue/item/1/
    ");
}

// Redirects.

#[test]
fn a_redirect_to_https() {
    let answer = Answer::new(301).header(
        "Location",
        "https://127.0.0.1/job/shop/job/deploy/buildWithParameters",
    );
    reads!(said("moved", server(ALL), SHORT, for_all(answer)), @"failed main → shop/deploy: http://[JENKINS]/ redirects to https://127.0.0.1/job/shop/job/deploy/buildWithParameters; write in .jenkins-trigger.yml: server: https://127.0.0.1/");
}

/// Some servers send everybody to https and drop the path.
#[test]
fn a_redirect_to_https_without_the_path() {
    let answer = Answer::new(302).header("Location", "https://127.0.0.1:1/");
    let (_, text) = said("moved", server(ALL).context_path("/ci"), SHORT, for_all(answer));
    assert!(text.contains("server: https://127.0.0.1:1/ci/"), "{text}");
}

#[test]
fn a_redirect_to_another_host_with_the_same_path() {
    let to = "https://ci.example.com/jenkins/job/shop/job/deploy/buildWithParameters?token=x";
    for status in [302, 307, 308] {
        let answer = Answer::new(status).header("Location", to);
        insta::allow_duplicates! {
            reads!(said("moved", server(ALL), SHORT, for_all(answer)), @"failed main → shop/deploy: http://[JENKINS]/ redirects to https://ci.example.com/jenkins/job/shop/job/deploy/buildWithParameters; if that is your Jenkins, write in .jenkins-trigger.yml: server: https://ci.example.com/jenkins/");
        }
    }
}

#[test]
fn a_redirect_to_the_jobs_own_page() {
    let answer = Answer::new(302).header("Location", "https://internal.example/ci/job/shop/job/deploy/");
    reads!(said("vetoed", server(ALL).context_path("/ci"), SHORT, for_builds(answer)), @"failed main → shop/deploy: a policy on the server refused to queue job shop/deploy; a throttle, build blocker or folder rule says no; ask its administrator");
}

#[test]
fn a_redirect_to_an_identity_provider() {
    let to = "https://login.example.com/tenant/oauth2/authorize?client_id=1&state=secret";
    let answer = Answer::new(302).header("Location", to);
    reads!(said("single-sign-on", server(ALL), SHORT, for_all(answer)), @"failed main → shop/deploy: 127.0.0.1 asks for a login first, at https://login.example.com/tenant/oauth2/authorize; a single sign-on stands before Jenkins: it must let API tokens through (Basic authentication), or use an internal URL as `server`");
}

#[test]
fn a_redirect_to_a_login_page_of_the_same_host() {
    for path in ["/login?from=%2Fjob", "/securityRealm/commenceLogin?from=%2F"] {
        let answer = Answer::new(302).header("Location", path);
        let (home, text) = said("single-sign-on", server(ALL), SHORT, for_all(answer));
        let text = text.replace(path.split('?').next().expect("a path"), "/LOGIN");
        insta::allow_duplicates! {
            filtered(&home, || insta::assert_snapshot!(text, @"failed main → shop/deploy: 127.0.0.1 asks for a login first, at http://[JENKINS]/LOGIN; a single sign-on stands before Jenkins: it must let API tokens through (Basic authentication), or use an internal URL as `server`"));
        }
    }
}

#[test]
fn a_login_page_in_place_of_every_answer() {
    let page = "<form method=post><input name=user><input type=\"password\" name=pass></form>";
    let answer = Answer::new(200).header("Content-Type", "text/html").body(page);
    reads!(said("single-sign-on", server(ALL), SHORT, for_all(answer)), @"failed main → shop/deploy: 127.0.0.1 shows a login page in Jenkins' place; a single sign-on stands before Jenkins: it must let API tokens through (Basic authentication), or use an internal URL as `server`");
}

#[test]
fn a_401_of_what_sends_everybody_else_to_a_login() {
    let build = Answer::new(401).header("WWW-Authenticate", "Bearer");
    let other = Answer::new(302).header("Location", "https://sso.example.com/auth?nonce=1");
    let said = said(
        "single-sign-on",
        server(ALL),
        SHORT,
        for_builds_and_others(build, other),
    );
    reads!(said, @"failed main → shop/deploy: 127.0.0.1 asks for a login first, at https://sso.example.com/auth; a single sign-on stands before Jenkins: it must let API tokens through (Basic authentication), or use an internal URL as `server`");
}

#[test]
fn a_redirect_to_something_else_of_the_server() {
    let answer = Answer::new(302).header("Location", "/elsewhere?token=x");
    reads!(said("redirected", server(ALL), SHORT, for_builds(answer)), @"failed main → shop/deploy: http://[JENKINS]/job/shop/job/deploy/buildWithParameters redirects to http://[JENKINS]/elsewhere; check `server` in .jenkins-trigger.yml, with its context path; or a single sign-on stands before Jenkins");
}

#[test]
fn a_redirect_to_no_address() {
    for to in ["javascript:alert(1)", "http://[", "file:///etc/passwd"] {
        let answer = Answer::new(302).header("Location", to);
        insta::allow_duplicates! {
            reads!(said("redirect-nowhere", server(ALL), SHORT, for_builds(answer)), @"failed main → shop/deploy: http://[JENKINS]/job/shop/job/deploy/buildWithParameters redirects to nowhere (HTTP 302); check `server` in .jenkins-trigger.yml");
        }
    }
}

// Somebody else in Jenkins' place.

#[test]
fn a_proxy_that_wants_a_login() {
    let answer = Answer::new(407).header("Proxy-Authenticate", "Basic realm=\"proxy\"");
    reads!(said("proxy-login", server(ALL), SHORT, for_all(answer)), @"failed main → shop/deploy: a proxy on the way to 127.0.0.1 wants a login of its own (HTTP 407); put user and password into the proxy's address in HTTPS_PROXY or HTTP_PROXY, or name the host in NO_PROXY");
}

/// As with nginx's `auth_basic "Jenkins"`: by its words it is Jenkins.
#[test]
fn a_login_before_jenkins_that_calls_itself_jenkins() {
    let answer = Answer::new(401)
        .header("WWW-Authenticate", "Basic realm=\"Jenkins\"")
        .header("Server", "nginx")
        .body("<h1>401 Authorization Required</h1>");
    reads!(said("front-login", server(ALL), SHORT, for_all(answer)), @r#"failed main → shop/deploy: something before Jenkins at 127.0.0.1 wants a login of its own (HTTP 401, realm "Jenkins"); the proxy must let requests with an API token through to Jenkins, which checks it; or use an internal URL as `server`"#);
}

#[test]
fn a_login_before_jenkins_for_builds_alone() {
    let answer = Answer::new(401).header("WWW-Authenticate", "Digest realm=\"x\", nonce=\"y\"");
    reads!(said("front-login", server(ALL), SHORT, for_builds(answer)), @"failed main → shop/deploy: something before Jenkins at 127.0.0.1 wants a login of its own (HTTP 401); the proxy must let requests with an API token through to Jenkins, which checks it; or use an internal URL as `server`");
}

#[test]
fn a_missing_context_path() {
    let jenkins = StandIn::start(server(ALL).context_path("/jenkins"));
    let file = format!(
        "version: 1\nserver: {}\njobs:\n  - {SHORT}\n",
        jenkins.url().replace("/jenkins", "")
    );
    let (home, ran, reasons) = triggered(&file, &[]);
    assert_eq!(reasons, ["wrong-context-path"], "{}", ran.whole());
    filtered(
        &home,
        || insta::assert_snapshot!(ran.stdout, @"failed main → shop/deploy: there is no Jenkins at http://[JENKINS]/ (tried http://[JENKINS]/job/shop/job/deploy/buildWithParameters); a Jetty answers there, as under Jenkins: perhaps the context path is missing (as in http://[JENKINS]/jenkins/); correct `server` in .jenkins-trigger.yml"),
    );
}

#[test]
fn another_server() {
    for (status, name) in [
        (404, "nginx/1.27"),
        (405, "nginx/1.27"),
        (200, "nginx/1.27"),
        (403, "nginx/1.27"),
    ] {
        let answer = Answer::new(status)
            .header("Server", name)
            .body("<h1>Welcome to nginx!</h1>");
        let (home, text) = said("not-jenkins", server(ALL), SHORT, for_all(answer));
        let text = text.replace(&format!("HTTP {status}"), "HTTP [STATUS]");
        insta::allow_duplicates! {
            filtered(&home, || insta::assert_snapshot!(text, @"failed main → shop/deploy: there is no Jenkins at http://[JENKINS]/ (HTTP [STATUS]; tried http://[JENKINS]/job/shop/job/deploy/buildWithParameters); nginx/1.27 answers there; check `server` in .jenkins-trigger.yml, with its context path"));
        }
    }
}

#[test]
fn a_firewall_that_lets_nobody_build() {
    let answer = Answer::new(403)
        .header("Server", "cloudflare")
        .body("Sorry, you have been blocked");
    reads!(said("blocked-on-the-way", server(ALL), SHORT, for_builds(answer)), @"failed main → shop/deploy: something before Jenkins at 127.0.0.1 refuses http://[JENKINS]/job/shop/job/deploy/buildWithParameters (HTTP 403); the proxy or firewall there must let a POST to it pass; or use an internal URL as `server`");
}

#[test]
fn a_proxy_that_knows_no_jobs() {
    let answer = Answer::new(404).body("no route");
    reads!(said("blocked-on-the-way", server(ALL), TOKEN_ROOT, for_builds(answer)), @"failed main → shop/deploy: something before Jenkins at 127.0.0.1 refuses http://[JENKINS]/buildByToken/buildWithParameters (HTTP 404); the proxy or firewall there must let a POST to it pass; or use an internal URL as `server`");
}

/// It is no secret who is there, so none goes out to whom it may be.
#[test]
fn who_is_there_is_asked_once_and_without_credentials() {
    let jenkins = StandIn::start(server(ALL));
    let answer = Answer::new(401).header("WWW-Authenticate", "Basic realm=\"Jenkins\"");
    jenkins.fault(Fault::answer(answer));
    let two = "{ job: shop/deploy }\n  - { job: tokenless }";
    let file = format!("version: 1\nserver: {}\njobs:\n  - {two}\n", jenkins.url());
    let (_home, ran, reasons) = triggered(&file, &[]);
    assert_eq!(reasons, ["front-login", "front-login"], "{}", ran.whole());
    let requests = jenkins.requests();
    let (anonymous, others): (Vec<_>, Vec<_>) = requests
        .iter()
        .partition(|request| request.header("Authorization").is_none());
    assert_eq!(anonymous.len(), 1, "{anonymous:?}");
    assert_eq!(anonymous[0].target, "/whoAmI/api/json");
    assert!(others.len() >= 2, "{others:?}");
}

// Jenkins.

#[test]
fn a_200_or_201_without_a_queue_item() {
    for answer in [
        Answer::new(200).body("<html>welcome</html>"),
        Answer::new(201).header("Location", "/job/shop/job/deploy/"),
        Answer::new(204),
    ] {
        let (home, text) = said("no-queue-item", server(ALL), SHORT, for_builds(answer.clone()));
        let status = ["200", "201", "204"]
            .into_iter()
            .find(|status| text.contains(&format!("HTTP {status}")));
        let text = text.replace(&format!("HTTP {}", status.expect("a status")), "HTTP [STATUS]");
        insta::allow_duplicates! {
            filtered(&home, || insta::assert_snapshot!(text, @"failed main → shop/deploy: http://[JENKINS]/job/shop/job/deploy/buildWithParameters answered HTTP [STATUS] without a queue item: nothing says that a build was queued; check that `server` in .jenkins-trigger.yml is a Jenkins, with its context path, and see http://[JENKINS]/job/shop/job/deploy/"));
        }
    }
}

#[test]
fn a_parameterised_job_whose_form_got_lost() {
    for sentence in ["Nothing is submitted", "This page expects a form submission"] {
        let answer = Answer::new(400).body(format!("<td>{sentence}</td>"));
        insta::allow_duplicates! {
            reads!(said("wants-parameters", server(ALL), SHORT, for_builds(answer)), @"failed main → shop/deploy: job shop/deploy declares parameters and did not take them (HTTP 400); something on the way lost the form that was sent to http://[JENKINS]/job/shop/job/deploy/buildWithParameters; a proxy may");
        }
    }
}

#[test]
fn a_job_without_parameters() {
    reads!(said("no-parameters", server(ALL), "{ job: plain }", nothing), @"failed main → plain: job plain declares no parameters, so the branch cannot be passed; add the parameter to the job (a pipeline: run it once by hand, so that its parameters register), or write `branch_parameter: false`");
}

/// Before 2.524 that was a 500.
#[test]
fn a_job_without_parameters_on_an_older_jenkins() {
    let answer = Answer::new(500).body("java.lang.IllegalStateException: plain is not parameterized");
    let (_, text) = said("no-parameters", server(ALL), "{ job: plain }", for_builds(answer));
    assert!(text.contains("declares no parameters"), "{text}");
}

#[test]
fn a_disabled_job_at_build_token_root() {
    let rule = "{ job: \"off\", method: token-root, token_from: deploy }";
    reads!(said("refused-at-token-root", server(ALL), rule, nothing), @"failed main → off: job off takes no build this way (HTTP 400; the reason is in the server's log); the job is disabled, or declares no parameters: enable it or add the parameter, or write `branch_parameter: false`; then: jenkins-trigger retry");
}

#[test]
fn a_disabled_job_without_parameters_at_build_token_root() {
    let rule = "{ job: still, branch_parameter: false, method: token-root, token_from: deploy }";
    let setup = server(ALL).job(Job::new("still").trigger_token(JOB_TOKEN).disabled());
    reads!(said("refused-at-token-root", setup, rule, nothing), @"failed main → still: job still takes no build this way (HTTP 400; the reason is in the server's log); the job is disabled: enable it; then: jenkins-trigger retry");
}

#[test]
fn a_400_for_another_reason() {
    let answer = Answer::new(400).body("<a href=\"https://jetty.org/\">Powered by Jetty:// 12.0.17</a>");
    reads!(said("bad-request", server(ALL), SHORT, for_builds(answer)), @"failed main → shop/deploy: http://[JENKINS]/job/shop/job/deploy/buildWithParameters was not understood (HTTP 400); check `server` and `job` in .jenkins-trigger.yml");
}

#[test]
fn a_wrong_api_token() {
    let said = said_with(
        "credentials",
        (server(ALL), SHORT),
        nothing,
        &[("JENKINS_API_TOKEN", "wrong")],
    );
    reads!(said, @"failed main → shop/deploy: Jenkins at 127.0.0.1 does not accept the API token of user dev (from JENKINS_API_TOKEN); it may be mistyped, revoked or expired: make one at http://[JENKINS]/user/dev/security/ (in an older Jenkins http://[JENKINS]/user/dev/configure) and set JENKINS_USER_ID (the user id, not the e-mail address or full name) and JENKINS_API_TOKEN, or unset both and log in: jenkins-trigger login http://[JENKINS]/; then: jenkins-trigger retry");
}

#[test]
fn an_e_mail_address_in_place_of_the_user_id() {
    let variables = [("JENKINS_USER_ID", "ada@example.com")];
    let (_, text) = said_with("credentials", (server(ALL), SHORT), nothing, &variables);
    assert!(text.contains("of user ada@example.com (from"), "{text}");
    assert!(text.contains("/user/ada%40example.com/security/"), "{text}");
}

/// While a proxy lets nothing but the jobs' own addresses through, nobody can ask who is there.
#[test]
fn a_wrong_api_token_where_whoami_is_blocked() {
    let build = Answer::new(401).header("WWW-Authenticate", "Basic realm=\"Jenkins\"");
    let arrange = for_builds_and_others(build, Answer::new(403).body("blocked"));
    let (_, text) = said("credentials", server(ALL), SHORT, arrange);
    assert!(text.contains("does not accept the API token"), "{text}");
}

#[test]
fn a_missing_build_token_root_plugin() {
    let setup = server(ALL).build_token_root(false);
    reads!(said("no-token-root", setup, TOKEN_ROOT, nothing), @"failed main → shop/deploy: Jenkins at 127.0.0.1 has no Build Authorization Token Root plugin (tried http://[JENKINS]/buildByToken/buildWithParameters); install the plugin build-token-root, or use `method: job-token`");
}

const NO_CRUMB: &str = "<td>No valid crumb was included in the request</td>";

#[test]
fn a_password_where_only_tokens_work() {
    let arrange = |jenkins: &StandIn| {
        for_builds(Answer::new(403).body(NO_CRUMB))(jenkins);
        let issuer = |request: &RecordedRequest| request.target.contains("crumbIssuer");
        jenkins.fault(Fault::answer(Answer::new(404)).when(issuer));
    };
    reads!(said("no-api-token", server(ALL), SHORT, arrange), @"failed main → shop/deploy: Jenkins at 127.0.0.1 took what user dev sent (from JENKINS_API_TOKEN) for no API token, and asked for a crumb; a password serves only where Jenkins gives it a crumb; make an API token at http://[JENKINS]/user/dev/security/ (in an older Jenkins http://[JENKINS]/user/dev/configure) and set JENKINS_USER_ID (the user id, not the e-mail address or full name) and JENKINS_API_TOKEN, or unset both and log in: jenkins-trigger login http://[JENKINS]/; then: jenkins-trigger retry");
}

#[test]
fn a_password_of_a_user_who_gets_no_crumb() {
    let user = User::new(USER, TOKEN).password("correct horse battery");
    let setup = server_of(user.grant([Permission::JobRead, Permission::JobBuild]));
    let variables = [("JENKINS_API_TOKEN", "correct horse battery")];
    let said = said_with("no-crumb-for-user", (setup, SHORT), nothing, &variables);
    reads!(said, @"failed main → shop/deploy: a password needs a crumb from Jenkins at 127.0.0.1, and user dev lacks the permission Overall/Read to get one; an administrator ticks Overall/Read for dev at http://[JENKINS]/manage/configureSecurity/; or make an API token, which needs no crumb, at http://[JENKINS]/user/dev/security/ (in an older Jenkins http://[JENKINS]/user/dev/configure) and set JENKINS_USER_ID (the user id, not the e-mail address or full name) and JENKINS_API_TOKEN, or unset both and log in: jenkins-trigger login http://[JENKINS]/; then: jenkins-trigger retry");
}

#[test]
fn a_crumb_that_does_not_arrive() {
    let answer = Answer::new(403).body(NO_CRUMB);
    reads!(said("crumb-refused", server(ALL), SHORT, for_builds(answer)), @"failed main → shop/deploy: Jenkins at 127.0.0.1 refused the crumb that it had just given to user dev; a proxy before it takes the session's cookie or the crumb's header away; make an API token, which needs neither, at http://[JENKINS]/user/dev/security/ (in an older Jenkins http://[JENKINS]/user/dev/configure) and set JENKINS_USER_ID (the user id, not the e-mail address or full name) and JENKINS_API_TOKEN, or unset both and log in: jenkins-trigger login http://[JENKINS]/; then: jenkins-trigger retry");
}

#[test]
fn a_wrong_trigger_token_though_the_user_may_build() {
    let rule = "{ job: shop/deploy, token_from: deploy }";
    reads!(said("trigger-token", server(ALL), rule, nothing), @r#"failed main → shop/deploy: the trigger token of job shop/deploy is wrong; set a new one under "Trigger builds remotely" at http://[JENKINS]/job/shop/job/deploy/configure (a Jenkins since 2.541 does not show the old one), and keep it by the name that `token_from` has: jenkins-trigger login --job-token NAME; then: jenkins-trigger retry"#);
}

#[test]
fn a_wrong_trigger_token_at_build_token_root() {
    let (_, text) = said("trigger-token", server(ALL), TOKEN_ROOT, nothing);
    assert!(
        text.contains("the trigger token of job shop/deploy is wrong"),
        "{text}"
    );
}

#[test]
fn credentials_that_a_proxy_takes_away() {
    let answer = Answer::new(403)
        .header("X-Jenkins", "2.528.2")
        .header("X-You-Are-Authenticated-As", "anonymous")
        .header("X-Required-Permission", "hudson.model.Hudson.Read")
        .body("Authentication required");
    reads!(said("no-credentials-arrived", server(ALL), SHORT, for_builds(answer)), @"failed main → shop/deploy: Jenkins at 127.0.0.1 saw no credentials; a proxy before it takes the Authorization header away: let it forward that of user dev, or use an internal URL as `server`");
}

#[test]
fn a_missing_overall_permission() {
    let answer = Answer::new(403)
        .header("X-Jenkins", "2.528.2")
        .header("X-You-Are-Authenticated-As", USER)
        .header("X-Required-Permission", "hudson.model.Hudson.Read")
        .body("dev is missing the Overall/Read permission");
    reads!(said("overall-permission", server(ALL), SHORT, for_builds(answer)), @"failed main → shop/deploy: user dev lacks the permission Overall/Read in Jenkins; an administrator ticks Overall/Read for dev at http://[JENKINS]/manage/configureSecurity/; then: jenkins-trigger retry");
}

#[test]
fn a_missing_build_permission() {
    reads!(said("job-permission", server(&ALL[..2]), SHORT, nothing), @"failed main → shop/deploy: user dev lacks the permission Job/Build on job shop/deploy; an administrator ticks Job/Build for dev at http://[JENKINS]/manage/configureSecurity/, or in the job's or folder's own matrix; then: jenkins-trigger retry");
}

#[test]
fn a_job_that_may_be_discovered_and_not_read() {
    let blind = [
        Permission::OverallRead,
        Permission::JobDiscover,
        Permission::JobBuild,
    ];
    reads!(said("job-read", server(&blind), SHORT, nothing), @"failed main → shop/deploy: user dev lacks the permission Job/Read on job shop/deploy; an administrator ticks Job/Read for dev on the job and its folders; then: jenkins-trigger retry");
}

#[test]
fn a_403_for_another_reason() {
    let answer = Answer::new(403)
        .header("X-Jenkins", "2.528.2")
        .body("Access Denied");
    reads!(said("forbidden", server(ALL), SHORT, for_builds(answer)), @"failed main → shop/deploy: http://[JENKINS]/job/shop/job/deploy/buildWithParameters is forbidden for user dev (HTTP 403); check the job's permissions and its trigger token");
}

#[test]
fn a_job_without_a_trigger_token_at_build_token_root() {
    let rule = "{ job: tokenless, method: token-root, token_from: deploy }";
    reads!(said("no-job-at-token-root", server(ALL), rule, nothing), @r#"failed main → tokenless: 127.0.0.1 knows no job tokenless with a trigger token; check `job`, and that "Trigger builds remotely" is on at http://[JENKINS]/job/tokenless/configure; then: jenkins-trigger retry"#);
}

#[test]
fn a_job_that_does_not_exist() {
    reads!(said("no-job", server(ALL), "{ job: shop/nope }", nothing), @"failed main → shop/nope: there is no job shop/nope, or user dev may not see it (tried http://[JENKINS]/job/shop/job/nope/buildWithParameters); check `job` (the full name with its folders; for a branch of a multibranch project, the project's and `multibranch: true`), and the permission Job/Read of dev on job and folders");
}

#[test]
fn a_job_whose_name_is_misspelt() {
    let rule = "{ job: shop/deplyo }";
    reads!(said("no-job", server(ALL), rule, StandIn::clear_faults), @"failed main → shop/deplyo: there is no job shop/deplyo, or user dev may not see it (tried http://[JENKINS]/job/shop/job/deplyo/buildWithParameters); did you mean shop/deploy?; check `job` (the full name with its folders; for a branch of a multibranch project, the project's and `multibranch: true`), and the permission Job/Read of dev on job and folders");
}

#[test]
fn a_job_that_cannot_be_seen() {
    reads!(said("no-job", server(&ALL[..1]), SHORT, nothing), @"failed main → shop/deploy: there is no job shop/deploy, or user dev may not see it (tried http://[JENKINS]/job/shop/job/deploy/buildWithParameters); check `job` (the full name with its folders; for a branch of a multibranch project, the project's and `multibranch: true`), and the permission Job/Read of dev on job and folders");
}

/// A job that is there, and has no such address.
#[test]
fn a_job_that_cannot_poll() {
    let rule = "{ job: plain, action: poll }";
    let arrange = |jenkins: &StandIn| {
        jenkins.clear_faults();
        for_builds(Answer::new(404).header("X-Jenkins", "2.528.2"))(jenkins);
    };
    reads!(said("no-polling", server(ALL), rule, arrange), @"failed main → plain: job plain cannot be told to poll (tried http://[JENKINS]/job/plain/polling); only freestyle and similar jobs can; write `action: build`");
}

#[test]
fn a_job_without_polling_at_build_token_root() {
    let rule = "{ job: plain, action: poll, method: token-root, token_from: deploy }";
    reads!(said("no-scm-polling", server(ALL), rule, nothing), @r#"failed main → plain: job plain is not set up to poll its SCM, or is disabled (HTTP 400; the reason is in the server's log); tick "Poll SCM" at http://[JENKINS]/job/plain/configure, its schedule may be empty; or write `action: build`"#);
}

#[test]
fn a_post_that_became_a_get() {
    let answer = Answer::new(405)
        .header("Allow", "POST")
        .header("X-Jenkins", "2.528.2")
        .body("You must use POST method to trigger builds");
    reads!(said("post-arrived-as-get", server(ALL), SHORT, for_builds(answer)), @"failed main → shop/deploy: the POST to http://[JENKINS]/job/shop/job/deploy/buildWithParameters did not arrive as one (HTTP 405); a redirect on the way turned it into a GET; check the scheme (https?) of `server` in .jenkins-trigger.yml");
}

#[test]
fn a_405_for_another_reason() {
    let answer = Answer::new(405)
        .header("X-Jenkins", "2.528.2")
        .body("Build with Parameters");
    reads!(said("method-refused", server(ALL), SHORT, for_builds(answer)), @"failed main → shop/deploy: http://[JENKINS]/job/shop/job/deploy/buildWithParameters wants another HTTP method (HTTP 405); the address is not a job's; check `server` and `job` in .jenkins-trigger.yml");
}

#[test]
fn a_disabled_job() {
    reads!(said("job-disabled", server(ALL), "{ job: \"off\" }", nothing), @"failed main → off: job off is disabled; enable it at http://[JENKINS]/job/off/; then: jenkins-trigger retry");
}

#[test]
fn a_request_that_is_too_large() {
    for status in [413, 414, 431] {
        let (home, text) = said("too-large", server(ALL), SHORT, for_builds(Answer::new(status)));
        let text = text.replace(&format!("HTTP {status}"), "HTTP [STATUS]");
        insta::allow_duplicates! {
            filtered(&home, || insta::assert_snapshot!(text, @"failed main → shop/deploy: the request is too large for 127.0.0.1 (HTTP [STATUS]); send shorter parameters (a commit message can be long), or raise the limit of the proxy before Jenkins"));
        }
    }
}

#[test]
fn too_many_requests() {
    reads!(said("too-often", server(ALL), SHORT, for_builds(Answer::new(429))), @"waiting main → shop/deploy: 127.0.0.1 is asked too often (HTTP 429); it is tried again later");
}

#[test]
fn a_value_that_is_no_choice() {
    reads!(said("server-error", server(ALL), "{ job: choice }", nothing), @"failed main → choice: Jenkins failed over the request for job choice (Logging ID=[UUID]); usually a value that a choice parameter does not list; its log has the reason under that id, for an administrator");
}

#[test]
fn a_proxy_that_lost_jenkins() {
    for status in [502, 504] {
        let action = FaultAction::Answer {
            processed: true,
            answer: Answer::new(status).body("<h1>Bad Gateway</h1>"),
        };
        let (home, text) = lost("lost-by-proxy", action);
        let text = text.replace(&format!("HTTP {status}"), "HTTP [STATUS]");
        insta::allow_duplicates! {
            filtered(&home, || insta::assert_snapshot!(text, @"
            the proxy before 127.0.0.1 lost Jenkins (HTTP [STATUS]): it may have been queued; before it is sent again it is looked for in the queue and at http://[JENKINS]/job/shop/job/deploy/
            queued main → shop/deploy: item 1 http://[JENKINS]/queue/item/1/; the answer was lost, and it was found in Jenkins
            "));
        }
    }
}

#[test]
fn a_jenkins_that_starts() {
    for page in [
        "<title>Starting Jenkins</title><h1>Jenkins is getting ready to work</h1>",
        // Until 2.477.
        "<h1>Please wait while Jenkins is getting ready to work ...</h1>",
    ] {
        let answer = Answer::new(503).body(page);
        insta::allow_duplicates! {
            reads!(said("starting", server(ALL), SHORT, for_all(answer)), @"waiting main → shop/deploy: Jenkins at 127.0.0.1 is starting; it is tried again later");
        }
    }
}

#[test]
fn a_503_for_another_reason() {
    reads!(said("unavailable", server(ALL), SHORT, for_builds(Answer::new(503))), @"waiting main → shop/deploy: 127.0.0.1 is not available (HTTP 503); it is tried again later");
}

#[test]
fn a_status_that_no_jenkins_has() {
    reads!(said("unknown-answer", server(ALL), SHORT, for_builds(Answer::new(418))), @"failed main → shop/deploy: http://[JENKINS]/job/shop/job/deploy/buildWithParameters answered HTTP 418; this is no answer of a Jenkins; check `server` in .jenkins-trigger.yml");
}

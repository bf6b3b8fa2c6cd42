//! Everything that Jenkins is asked because of a trigger, for every way there is to ask: held
//! against the contract's rules ("What follows" 1, 2 and 5), and shown as one table.

use std::fmt::Write as _;

use base64::Engine as _;
use jenkins_stand_in::{Job, Permission, RecordedRequest, Setup, StandIn, User};

use crate::support::{Home, JOB_TOKEN, Ran, TOKEN, USER, gits, program};

const PASSWORD: &str = "canary-password";
const BRANCH: &str = "feature/ü&x#1";
const FORM: &[u8] = b"application/x-www-form-urlencoded";

/// One way to ask.
#[derive(Debug, Clone, Copy)]
struct Case {
    method: &'static str,
    poll: bool,
    job: Kind,
    delay: Option<&'static str>,
    may_look: bool,
    password: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Plain,
    WithParameters,
    /// The rule leaves everything to the job's defaults.
    Defaults,
    InFolder,
    Branch,
}

impl Kind {
    /// The rule's keys for it.
    fn rule(self) -> &'static str {
        match self {
            Self::Plain => "job: plain, branch_parameter: false",
            Self::WithParameters => "job: my jöb, parameters: { COMMIT: \"a&b=c\" }",
            Self::Defaults => "job: my jöb, branch_parameter: false",
            Self::InFolder => "job: team/app/deploy",
            Self::Branch => "job: team/app/all, multibranch: true",
        }
    }

    /// The parameters that the form must have.
    fn parameters(self) -> Vec<(&'static str, &'static str)> {
        match self {
            Self::Plain | Self::Defaults | Self::Branch => Vec::new(),
            Self::WithParameters => vec![("COMMIT", "a&b=c"), ("BRANCH", BRANCH)],
            Self::InFolder => vec![("BRANCH", BRANCH)],
        }
    }

    /// The job's address, and its name for build-token-root.
    fn job(self) -> (&'static str, &'static str) {
        match self {
            Self::Plain => ("/ci/job/plain/", "plain"),
            Self::WithParameters | Self::Defaults => ("/ci/job/my%20j%C3%B6b/", "my jöb"),
            Self::InFolder => ("/ci/job/team/job/app/job/deploy/", "team/app/deploy"),
            Self::Branch => (
                "/ci/job/team/job/app/job/all/job/feature%252F%C3%BC%26x%25231/",
                "team/app/all/feature%2Fü&x%231",
            ),
        }
    }
}

impl Case {
    fn rule(self) -> String {
        let mut rule = self.job.rule().to_owned();
        if self.poll {
            // It takes nothing along.
            rule = rule.split(", ").next().unwrap_or_default().to_owned();
            rule.push_str(", action: poll");
        }
        if self.method != "api" {
            write!(
                rule,
                ", method: {}, token_from: deploy, cause: \"by ${{branch}}\"",
                self.method
            )
            .expect("memory");
            if self.poll {
                rule = rule.replace(", cause: \"by ${branch}\"", "");
            }
        }
        if let Some(delay) = self.delay {
            write!(rule, ", delay: {delay}").expect("memory");
        }
        rule
    }

    /// What the file says of the delay, as Jenkins is told it.
    fn seconds(self) -> Option<String> {
        self.delay.map(|delay| match delay {
            "0s" => "0sec".to_owned(),
            "2m" => "120sec".to_owned(),
            other => panic!("{other}"),
        })
    }

    fn title(self) -> String {
        format!("{} {}", self.method, if self.poll { "poll" } else { "build" })
    }
}

/// All of them, but for those that the file refuses: a poll takes no delay, and is no matter of
/// branches.
fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for method in ["api", "job-token", "token-root"] {
        for (poll, job) in [
            (false, Kind::Plain),
            (false, Kind::WithParameters),
            (false, Kind::Defaults),
            (false, Kind::InFolder),
            (false, Kind::Branch),
            (true, Kind::Plain),
            (true, Kind::WithParameters),
            (true, Kind::InFolder),
        ] {
            for delay in [None, Some("0s"), Some("2m")] {
                for may_look in [true, false] {
                    for password in [false, true] {
                        // Who may not look at a branch's job cannot tell whether there is one.
                        let is_impossible = poll && delay.is_some() || job == Kind::Branch && !may_look;
                        if !is_impossible {
                            cases.push(Case {
                                method,
                                poll,
                                job,
                                delay,
                                may_look,
                                password,
                            });
                        }
                    }
                }
            }
        }
    }
    cases
}

/// A Jenkins that builds nothing: each case finds it as the one before did.
fn jenkins() -> StandIn {
    let job = |name: &str| Job::new(name).trigger_token(JOB_TOKEN).polls_scm();
    let with_branch = |name: &str| job(name).string_parameter("BRANCH", "main");
    let jenkins = StandIn::start(
        Setup::new()
            .context_path("/ci")
            .executors(0)
            .project_based_matrix(true)
            .job(job("plain"))
            .job(with_branch("my jöb").string_parameter("COMMIT", ""))
            .job(with_branch("team/app/deploy"))
            .job(
                Job::multibranch("team/app/all")
                    .starts_first_build(false)
                    .branch_jobs(Job::pipeline("").trigger_token(JOB_TOKEN)),
            ),
    );
    jenkins.put_branch("team/app/all", BRANCH, true);
    jenkins
}

/// The user of a case: with Job/Discover alone a trigger token still builds what he may not look at.
fn user(may_look: bool) -> User {
    use Permission as P;
    let permissions = if may_look {
        vec![P::OverallRead, P::JobRead, P::JobBuild]
    } else {
        vec![P::OverallRead, P::JobDiscover, P::JobBuild]
    };
    User::new(USER, TOKEN).password(PASSWORD).grant(permissions)
}

/// What Jenkins was asked because of one `trigger`.
fn ask(home: &Home, jenkins: &StandIn, case: Case) -> Vec<RecordedRequest> {
    let folder = home.path("shop");
    let file = format!(
        "version: 1\nserver: {}\njobs:\n  - {{ {} }}\n",
        jenkins.url(),
        case.rule()
    );
    std::fs::write(folder.join(".jenkins-trigger.yml"), file).expect("the file");
    // What is known of jobs from before would spare the look at them.
    let _ = std::fs::remove_dir_all(folder.join(".git/jenkins-trigger"));
    jenkins.put_user(user(case.may_look));
    home.tool(&folder, &["trust", "--yes"]).succeeded();
    jenkins.clear_requests();
    let mut trigger = home.command(program(), &folder);
    trigger.arg("trigger").env("JENKINS_URL", jenkins.url());
    if case.password {
        trigger.env("JENKINS_API_TOKEN", PASSWORD);
    }
    let ran = Ran::of(&mut trigger);
    // Without Job/Read Jenkins refuses all but build-token-root.
    let is_taken = case.may_look || case.method == "token-root";
    assert_eq!(
        ran.code,
        if is_taken { 0 } else { 3 },
        "{case:?}\n{}",
        ran.whole()
    );
    jenkins.requests()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The rules that hold for every request of every case.
fn check(case: Case, request: &RecordedRequest) {
    let basic = |secret: &str| {
        let login = base64::engine::general_purpose::STANDARD.encode(format!("{USER}:{secret}"));
        format!("Basic {login}")
    };
    let secret = if case.password { PASSWORD } else { TOKEN };
    let (is_post, path) = (request.method == "POST", request.path());
    let endpoint = path.rsplit('/').next().unwrap_or_default();
    let changes = ["build", "buildWithParameters", "polling"].contains(&endpoint);
    let said = format!("{case:?}\n{request:?}");
    assert!(is_post || request.method == "GET", "{said}");
    assert_eq!(is_post, changes, "{said}");
    assert!(path.starts_with("/ci/"), "{said}");
    for canary in ["canary", TOKEN, PASSWORD, JOB_TOKEN] {
        assert!(!request.target_contains(canary), "{said}");
    }
    let to_token_root = path.starts_with("/ci/buildByToken/");
    assert_eq!(to_token_root, is_post && case.method == "token-root", "{said}");
    let mut names: Vec<String> = request
        .headers
        .iter()
        .map(|(name, _)| name.to_ascii_lowercase())
        .collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), request.headers.len(), "each once\n{said}");
    for (name, value) in &request.headers {
        let value = text(value);
        match name.to_ascii_lowercase().as_str() {
            "authorization" => assert_eq!(value, basic(secret), "{said}"),
            "content-type" => assert_eq!(value.as_bytes(), FORM, "{said}"),
            "content-length" => assert_eq!(value, request.body.len().to_string(), "{said}"),
            "user-agent" => assert_eq!(
                value,
                concat!("jenkins-trigger/", env!("CARGO_PKG_VERSION")),
                "{said}"
            ),
            "accept" => assert_eq!(value, "*/*", "{said}"),
            "host" => assert!(value.starts_with("127.0.0.1:"), "{said}"),
            "cookie" => assert!(
                value.starts_with("JSESSIONID.") && !value.contains("Path"),
                "{said}"
            ),
            "jenkins-crumb" => assert_eq!(value.len(), 64, "{said}"),
            other => panic!("{other}: {said}"),
        }
    }
    let has = |name: &str| request.header(name).is_some();
    assert_eq!(has("Authorization"), !to_token_root, "{said}");
    assert_eq!(has("Content-Type"), is_post, "{said}");
    assert!(has("User-Agent"), "{said}");
    assert_eq!(has("Jenkins-Crumb"), has("Cookie"), "{said}");
    assert!(
        !has("Cookie") || (is_post && case.password && !to_token_root),
        "{said}"
    );
    if is_post {
        check_form(case, request, endpoint);
    } else {
        // Where a redirect leads to is a page.
        assert!(path.ends_with("/api/json") && request.body.is_empty(), "{said}");
    }
}

/// The form: what must be in it, each once, and nothing else.
fn check_form(case: Case, request: &RecordedRequest, endpoint: &str) {
    let said = format!("{case:?}\n{request:?}");
    assert!(!request.target.contains('?'), "{said}");
    let mut form: Vec<(String, String)> = request
        .form()
        .iter()
        .map(|(name, value)| (text(name), text(value)))
        .collect();
    let mut take = |name: &str| {
        let at = form.iter().position(|(other, _)| other == name)?;
        Some(form.remove(at).1)
    };
    let (address, name) = case.job.job();
    if request.path() == "/ci/job/team/job/app/job/all/build" {
        // Has the project look for new branches.
        assert_eq!(take("delay").as_deref(), Some("0sec"), "{said}");
        assert!(form.is_empty(), "{said}");
        return;
    }
    if case.method == "token-root" {
        assert_eq!(take("job").as_deref(), Some(name), "{said}");
        assert_eq!(request.path(), format!("/ci/buildByToken/{endpoint}"), "{said}");
    } else {
        assert_eq!(request.path(), format!("{address}{endpoint}"), "{said}");
    }
    assert_eq!(
        take("token").as_deref(),
        (case.method != "api").then_some(JOB_TOKEN),
        "{said}"
    );
    match (take("cause"), case.method != "api" && !case.poll) {
        (Some(cause), true) => assert!(cause.starts_with(&format!("by {BRANCH} [")), "{said}"),
        (None, false) => {}
        _ => panic!("{said}"),
    }
    assert_eq!(take("delay"), case.seconds(), "{said}");
    let mut expected: Vec<(String, String)> = Vec::new();
    if !case.poll {
        let parameters = case.job.parameters().into_iter();
        expected.extend(parameters.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }
    let is_right = match endpoint {
        "polling" => case.poll,
        "buildWithParameters" => !case.poll && (!expected.is_empty() || case.job == Kind::Defaults),
        // Who may not look at the job tries what would do without parameters first.
        _ => !case.poll && expected.is_empty() && !(case.job == Kind::Defaults && case.may_look),
    };
    assert!(is_right, "{said}");
    form.sort();
    expected.sort();
    assert_eq!(form, expected, "each once and nothing else\n{said}");
}

/// The rules for all requests of one case together.
fn check_all(case: Case, requests: &[RecordedRequest]) {
    let lines: Vec<String> = requests
        .iter()
        .map(|request| format!("{} {} {:?}", request.method, request.target, request.status))
        .collect();
    let crumbs = lines.iter().filter(|line| line.contains("crumbIssuer")).count();
    // With a password alone; and it is not asked for before Jenkins asks for it.
    let needs_one = case.password && case.method != "token-root";
    assert_eq!(crumbs, usize::from(needs_one), "{case:?} {lines:#?}");
    let taken = requests.iter().filter(|request| {
        request.method == "POST"
            && matches!(request.status, Some(200..=399))
            && !request.path().ends_with("/all/build")
    });
    let is_taken = case.may_look || case.method == "token-root";
    assert_eq!(
        taken.count(),
        usize::from(is_taken),
        "sent once\n{case:?} {lines:#?}"
    );
    let connections: Vec<usize> = requests.iter().map(|request| request.connection).collect();
    assert!(
        connections.iter().all(|connection| *connection == connections[0]),
        "one connection\n{case:?} {connections:?} {lines:#?}"
    );
}

/// Every request that is different from those before it under the same title: request line,
/// headers that not every request has, fields of the form, and the answer's status. Names only: the
/// values are checked, and some are different each time.
#[derive(Default)]
struct Table(String);

impl Table {
    fn add(&mut self, title: &str, requests: &[RecordedRequest]) {
        let title = format!("{title}:\n");
        if !self.0.contains(&title) {
            self.0.push_str(&title);
        }
        for row in requests.iter().map(row) {
            let section = self.0.rfind(&title).unwrap_or_default();
            if !self.0[section..].contains(&row) {
                self.0.push_str(&row);
            }
        }
    }
}

fn row(request: &RecordedRequest) -> String {
    let target = match request.target.split_once("?tree=") {
        Some((path, _)) => format!("{path}?tree=…"),
        None => request.target.clone(),
    };
    let headers: Vec<String> = request
        .headers
        .iter()
        .map(|(name, _)| name.to_ascii_lowercase())
        .filter(|name| !["accept", "host", "user-agent", "content-length"].contains(&name.as_str()))
        .collect();
    let fields: Vec<String> = request.form().iter().map(|(name, _)| text(name)).collect();
    let status = request.status.unwrap_or_default();
    format!(
        "  {} {target} [{}] {{{}}} {status}\n",
        request.method,
        headers.join(" "),
        fields.join(" ")
    )
}

#[test]
#[expect(clippy::too_many_lines, reason = "most of them are the table")]
fn every_request_of_every_way_to_ask_keeps_the_contract() {
    let home = Home::new(&gits()[0]);
    let jenkins = jenkins();
    let repository = home.repository("shop", "");
    repository.git(&["switch", "-q", "-c", BRANCH]);
    repository.commit("first");
    let mut table = Table::default();
    let cases = cases();
    let branch = *cases.iter().find(|case| case.job == Kind::Branch).expect("one");
    let requests = ask(&home, &jenkins, branch);
    for request in &requests {
        check(branch, request);
    }
    table.add("a branch that Jenkins does not know yet", &requests);
    for case in cases {
        // Nothing waits in the queue that it could be merged with.
        for item in jenkins.queue_items() {
            jenkins.cancel_item(item.id);
        }
        let requests = ask(&home, &jenkins, case);
        for request in &requests {
            check(case, request);
        }
        check_all(case, &requests);
        table.add(&case.title(), &requests);
    }
    insta::assert_snapshot!(table.0, @"
    a branch that Jenkins does not know yet:
      GET /ci/job/team/job/app/job/all/job/feature%252F%C3%BC%26x%25231/api/json?tree=… [authorization] {} 404
      GET /ci/job/team/job/app/job/all/api/json?tree=… [authorization] {} 200
      POST /ci/job/team/job/app/job/all/build [content-type authorization] {delay} 302
      GET /ci/job/team/job/app/job/all/job/feature%252F%C3%BC%26x%25231/api/json?tree=… [authorization] {} 200
      POST /ci/job/team/job/app/job/all/job/feature%252F%C3%BC%26x%25231/build [content-type authorization] {} 201
    api build:
      GET /ci/job/plain/api/json?tree=… [authorization] {} 200
      POST /ci/job/plain/build [content-type authorization] {} 201
      POST /ci/job/plain/build [content-type authorization] {} 403
      GET /ci/crumbIssuer/api/json [authorization] {} 200
      POST /ci/job/plain/build [content-type authorization jenkins-crumb cookie] {} 201
      GET /ci/job/plain/api/json?tree=… [authorization] {} 403
      POST /ci/job/plain/build [content-type authorization jenkins-crumb cookie] {} 403
      POST /ci/job/plain/build [content-type authorization] {delay} 201
      POST /ci/job/plain/build [content-type authorization] {delay} 403
      POST /ci/job/plain/build [content-type authorization jenkins-crumb cookie] {delay} 201
      POST /ci/job/plain/build [content-type authorization jenkins-crumb cookie] {delay} 403
      GET /ci/job/my%20j%C3%B6b/api/json?tree=… [authorization] {} 200
      POST /ci/job/my%20j%C3%B6b/buildWithParameters [content-type authorization] {BRANCH COMMIT} 201
      POST /ci/job/my%20j%C3%B6b/buildWithParameters [content-type authorization] {BRANCH COMMIT} 403
      POST /ci/job/my%20j%C3%B6b/buildWithParameters [content-type authorization jenkins-crumb cookie] {BRANCH COMMIT} 201
      GET /ci/job/my%20j%C3%B6b/api/json?tree=… [authorization] {} 403
      POST /ci/job/my%20j%C3%B6b/buildWithParameters [content-type authorization jenkins-crumb cookie] {BRANCH COMMIT} 403
      POST /ci/job/my%20j%C3%B6b/buildWithParameters [content-type authorization] {delay BRANCH COMMIT} 201
      POST /ci/job/my%20j%C3%B6b/buildWithParameters [content-type authorization] {delay BRANCH COMMIT} 403
      POST /ci/job/my%20j%C3%B6b/buildWithParameters [content-type authorization jenkins-crumb cookie] {delay BRANCH COMMIT} 201
      POST /ci/job/my%20j%C3%B6b/buildWithParameters [content-type authorization jenkins-crumb cookie] {delay BRANCH COMMIT} 403
      POST /ci/job/my%20j%C3%B6b/buildWithParameters [content-type authorization] {} 201
      POST /ci/job/my%20j%C3%B6b/buildWithParameters [content-type authorization] {} 403
      POST /ci/job/my%20j%C3%B6b/buildWithParameters [content-type authorization jenkins-crumb cookie] {} 201
      POST /ci/job/my%20j%C3%B6b/build [content-type authorization] {} 403
      POST /ci/job/my%20j%C3%B6b/build [content-type authorization jenkins-crumb cookie] {} 403
      POST /ci/job/my%20j%C3%B6b/buildWithParameters [content-type authorization] {delay} 201
      POST /ci/job/my%20j%C3%B6b/buildWithParameters [content-type authorization] {delay} 403
      POST /ci/job/my%20j%C3%B6b/buildWithParameters [content-type authorization jenkins-crumb cookie] {delay} 201
      POST /ci/job/my%20j%C3%B6b/build [content-type authorization] {delay} 403
      POST /ci/job/my%20j%C3%B6b/build [content-type authorization jenkins-crumb cookie] {delay} 403
      GET /ci/job/team/job/app/job/deploy/api/json?tree=… [authorization] {} 200
      POST /ci/job/team/job/app/job/deploy/buildWithParameters [content-type authorization] {BRANCH} 201
      POST /ci/job/team/job/app/job/deploy/buildWithParameters [content-type authorization] {BRANCH} 403
      POST /ci/job/team/job/app/job/deploy/buildWithParameters [content-type authorization jenkins-crumb cookie] {BRANCH} 201
      GET /ci/job/team/job/app/job/deploy/api/json?tree=… [authorization] {} 403
      POST /ci/job/team/job/app/job/deploy/buildWithParameters [content-type authorization jenkins-crumb cookie] {BRANCH} 403
      POST /ci/job/team/job/app/job/deploy/buildWithParameters [content-type authorization] {delay BRANCH} 201
      POST /ci/job/team/job/app/job/deploy/buildWithParameters [content-type authorization] {delay BRANCH} 403
      POST /ci/job/team/job/app/job/deploy/buildWithParameters [content-type authorization jenkins-crumb cookie] {delay BRANCH} 201
      POST /ci/job/team/job/app/job/deploy/buildWithParameters [content-type authorization jenkins-crumb cookie] {delay BRANCH} 403
      GET /ci/job/team/job/app/job/all/job/feature%252F%C3%BC%26x%25231/api/json?tree=… [authorization] {} 200
      POST /ci/job/team/job/app/job/all/job/feature%252F%C3%BC%26x%25231/build [content-type authorization] {} 201
      POST /ci/job/team/job/app/job/all/job/feature%252F%C3%BC%26x%25231/build [content-type authorization] {} 403
      POST /ci/job/team/job/app/job/all/job/feature%252F%C3%BC%26x%25231/build [content-type authorization jenkins-crumb cookie] {} 201
      POST /ci/job/team/job/app/job/all/job/feature%252F%C3%BC%26x%25231/build [content-type authorization] {delay} 201
      POST /ci/job/team/job/app/job/all/job/feature%252F%C3%BC%26x%25231/build [content-type authorization] {delay} 403
      POST /ci/job/team/job/app/job/all/job/feature%252F%C3%BC%26x%25231/build [content-type authorization jenkins-crumb cookie] {delay} 201
    api poll:
      GET /ci/job/plain/api/json?tree=… [authorization] {} 200
      POST /ci/job/plain/polling [content-type authorization] {} 302
      POST /ci/job/plain/polling [content-type authorization] {} 403
      GET /ci/crumbIssuer/api/json [authorization] {} 200
      POST /ci/job/plain/polling [content-type authorization jenkins-crumb cookie] {} 302
      GET /ci/job/plain/api/json?tree=… [authorization] {} 403
      POST /ci/job/plain/polling [content-type authorization jenkins-crumb cookie] {} 403
      GET /ci/job/my%20j%C3%B6b/api/json?tree=… [authorization] {} 200
      POST /ci/job/my%20j%C3%B6b/polling [content-type authorization] {} 302
      POST /ci/job/my%20j%C3%B6b/polling [content-type authorization] {} 403
      POST /ci/job/my%20j%C3%B6b/polling [content-type authorization jenkins-crumb cookie] {} 302
      GET /ci/job/my%20j%C3%B6b/api/json?tree=… [authorization] {} 403
      POST /ci/job/my%20j%C3%B6b/polling [content-type authorization jenkins-crumb cookie] {} 403
      GET /ci/job/team/job/app/job/deploy/api/json?tree=… [authorization] {} 200
      POST /ci/job/team/job/app/job/deploy/polling [content-type authorization] {} 302
      POST /ci/job/team/job/app/job/deploy/polling [content-type authorization] {} 403
      POST /ci/job/team/job/app/job/deploy/polling [content-type authorization jenkins-crumb cookie] {} 302
      GET /ci/job/team/job/app/job/deploy/api/json?tree=… [authorization] {} 403
      POST /ci/job/team/job/app/job/deploy/polling [content-type authorization jenkins-crumb cookie] {} 403
    job-token build:
      GET /ci/job/plain/api/json?tree=… [authorization] {} 200
      POST /ci/job/plain/build [content-type authorization] {token cause} 201
      POST /ci/job/plain/build [content-type authorization] {token cause} 403
      GET /ci/crumbIssuer/api/json [authorization] {} 200
      POST /ci/job/plain/build [content-type authorization jenkins-crumb cookie] {token cause} 201
      GET /ci/job/plain/api/json?tree=… [authorization] {} 403
      POST /ci/job/plain/build [content-type authorization jenkins-crumb cookie] {token cause} 403
      POST /ci/job/plain/build [content-type authorization] {token cause delay} 201
      POST /ci/job/plain/build [content-type authorization] {token cause delay} 403
      POST /ci/job/plain/build [content-type authorization jenkins-crumb cookie] {token cause delay} 201
      POST /ci/job/plain/build [content-type authorization jenkins-crumb cookie] {token cause delay} 403
      GET /ci/job/my%20j%C3%B6b/api/json?tree=… [authorization] {} 200
      POST /ci/job/my%20j%C3%B6b/buildWithParameters [content-type authorization] {token cause BRANCH COMMIT} 201
      POST /ci/job/my%20j%C3%B6b/buildWithParameters [content-type authorization] {token cause BRANCH COMMIT} 403
      POST /ci/job/my%20j%C3%B6b/buildWithParameters [content-type authorization jenkins-crumb cookie] {token cause BRANCH COMMIT} 201
      GET /ci/job/my%20j%C3%B6b/api/json?tree=… [authorization] {} 403
      POST /ci/job/my%20j%C3%B6b/buildWithParameters [content-type authorization jenkins-crumb cookie] {token cause BRANCH COMMIT} 403
      POST /ci/job/my%20j%C3%B6b/buildWithParameters [content-type authorization] {token cause delay BRANCH COMMIT} 201
      POST /ci/job/my%20j%C3%B6b/buildWithParameters [content-type authorization] {token cause delay BRANCH COMMIT} 403
      POST /ci/job/my%20j%C3%B6b/buildWithParameters [content-type authorization jenkins-crumb cookie] {token cause delay BRANCH COMMIT} 201
      POST /ci/job/my%20j%C3%B6b/buildWithParameters [content-type authorization jenkins-crumb cookie] {token cause delay BRANCH COMMIT} 403
      POST /ci/job/my%20j%C3%B6b/buildWithParameters [content-type authorization] {token cause} 201
      POST /ci/job/my%20j%C3%B6b/buildWithParameters [content-type authorization] {token cause} 403
      POST /ci/job/my%20j%C3%B6b/buildWithParameters [content-type authorization jenkins-crumb cookie] {token cause} 201
      POST /ci/job/my%20j%C3%B6b/build [content-type authorization] {token cause} 403
      POST /ci/job/my%20j%C3%B6b/build [content-type authorization jenkins-crumb cookie] {token cause} 403
      POST /ci/job/my%20j%C3%B6b/buildWithParameters [content-type authorization] {token cause delay} 201
      POST /ci/job/my%20j%C3%B6b/buildWithParameters [content-type authorization] {token cause delay} 403
      POST /ci/job/my%20j%C3%B6b/buildWithParameters [content-type authorization jenkins-crumb cookie] {token cause delay} 201
      POST /ci/job/my%20j%C3%B6b/build [content-type authorization] {token cause delay} 403
      POST /ci/job/my%20j%C3%B6b/build [content-type authorization jenkins-crumb cookie] {token cause delay} 403
      GET /ci/job/team/job/app/job/deploy/api/json?tree=… [authorization] {} 200
      POST /ci/job/team/job/app/job/deploy/buildWithParameters [content-type authorization] {token cause BRANCH} 201
      POST /ci/job/team/job/app/job/deploy/buildWithParameters [content-type authorization] {token cause BRANCH} 403
      POST /ci/job/team/job/app/job/deploy/buildWithParameters [content-type authorization jenkins-crumb cookie] {token cause BRANCH} 201
      GET /ci/job/team/job/app/job/deploy/api/json?tree=… [authorization] {} 403
      POST /ci/job/team/job/app/job/deploy/buildWithParameters [content-type authorization jenkins-crumb cookie] {token cause BRANCH} 403
      POST /ci/job/team/job/app/job/deploy/buildWithParameters [content-type authorization] {token cause delay BRANCH} 201
      POST /ci/job/team/job/app/job/deploy/buildWithParameters [content-type authorization] {token cause delay BRANCH} 403
      POST /ci/job/team/job/app/job/deploy/buildWithParameters [content-type authorization jenkins-crumb cookie] {token cause delay BRANCH} 201
      POST /ci/job/team/job/app/job/deploy/buildWithParameters [content-type authorization jenkins-crumb cookie] {token cause delay BRANCH} 403
      GET /ci/job/team/job/app/job/all/job/feature%252F%C3%BC%26x%25231/api/json?tree=… [authorization] {} 200
      POST /ci/job/team/job/app/job/all/job/feature%252F%C3%BC%26x%25231/build [content-type authorization] {token cause} 201
      POST /ci/job/team/job/app/job/all/job/feature%252F%C3%BC%26x%25231/build [content-type authorization] {token cause} 403
      POST /ci/job/team/job/app/job/all/job/feature%252F%C3%BC%26x%25231/build [content-type authorization jenkins-crumb cookie] {token cause} 201
      POST /ci/job/team/job/app/job/all/job/feature%252F%C3%BC%26x%25231/build [content-type authorization] {token cause delay} 201
      POST /ci/job/team/job/app/job/all/job/feature%252F%C3%BC%26x%25231/build [content-type authorization] {token cause delay} 403
      POST /ci/job/team/job/app/job/all/job/feature%252F%C3%BC%26x%25231/build [content-type authorization jenkins-crumb cookie] {token cause delay} 201
    job-token poll:
      GET /ci/job/plain/api/json?tree=… [authorization] {} 200
      POST /ci/job/plain/polling [content-type authorization] {token} 302
      POST /ci/job/plain/polling [content-type authorization] {token} 403
      GET /ci/crumbIssuer/api/json [authorization] {} 200
      POST /ci/job/plain/polling [content-type authorization jenkins-crumb cookie] {token} 302
      GET /ci/job/plain/api/json?tree=… [authorization] {} 403
      POST /ci/job/plain/polling [content-type authorization jenkins-crumb cookie] {token} 403
      GET /ci/job/my%20j%C3%B6b/api/json?tree=… [authorization] {} 200
      POST /ci/job/my%20j%C3%B6b/polling [content-type authorization] {token} 302
      POST /ci/job/my%20j%C3%B6b/polling [content-type authorization] {token} 403
      POST /ci/job/my%20j%C3%B6b/polling [content-type authorization jenkins-crumb cookie] {token} 302
      GET /ci/job/my%20j%C3%B6b/api/json?tree=… [authorization] {} 403
      POST /ci/job/my%20j%C3%B6b/polling [content-type authorization jenkins-crumb cookie] {token} 403
      GET /ci/job/team/job/app/job/deploy/api/json?tree=… [authorization] {} 200
      POST /ci/job/team/job/app/job/deploy/polling [content-type authorization] {token} 302
      POST /ci/job/team/job/app/job/deploy/polling [content-type authorization] {token} 403
      POST /ci/job/team/job/app/job/deploy/polling [content-type authorization jenkins-crumb cookie] {token} 302
      GET /ci/job/team/job/app/job/deploy/api/json?tree=… [authorization] {} 403
      POST /ci/job/team/job/app/job/deploy/polling [content-type authorization jenkins-crumb cookie] {token} 403
    token-root build:
      GET /ci/job/plain/api/json?tree=… [authorization] {} 200
      POST /ci/buildByToken/build [content-type] {job token cause} 201
      GET /ci/job/plain/api/json?tree=… [authorization] {} 403
      POST /ci/buildByToken/build [content-type] {job token cause delay} 201
      GET /ci/job/my%20j%C3%B6b/api/json?tree=… [authorization] {} 200
      POST /ci/buildByToken/buildWithParameters [content-type] {job token cause BRANCH COMMIT} 201
      GET /ci/job/my%20j%C3%B6b/api/json?tree=… [authorization] {} 403
      POST /ci/buildByToken/buildWithParameters [content-type] {job token cause delay BRANCH COMMIT} 201
      POST /ci/buildByToken/buildWithParameters [content-type] {job token cause} 201
      POST /ci/buildByToken/build [content-type] {job token cause} 400
      POST /ci/buildByToken/buildWithParameters [content-type] {job token cause delay} 201
      POST /ci/buildByToken/build [content-type] {job token cause delay} 400
      GET /ci/job/team/job/app/job/deploy/api/json?tree=… [authorization] {} 200
      POST /ci/buildByToken/buildWithParameters [content-type] {job token cause BRANCH} 201
      GET /ci/job/team/job/app/job/deploy/api/json?tree=… [authorization] {} 403
      POST /ci/buildByToken/buildWithParameters [content-type] {job token cause delay BRANCH} 201
      GET /ci/job/team/job/app/job/all/job/feature%252F%C3%BC%26x%25231/api/json?tree=… [authorization] {} 200
    token-root poll:
      GET /ci/job/plain/api/json?tree=… [authorization] {} 200
      POST /ci/buildByToken/polling [content-type] {job token} 200
      GET /ci/job/plain/api/json?tree=… [authorization] {} 403
      GET /ci/job/my%20j%C3%B6b/api/json?tree=… [authorization] {} 200
      GET /ci/job/my%20j%C3%B6b/api/json?tree=… [authorization] {} 403
      GET /ci/job/team/job/app/job/deploy/api/json?tree=… [authorization] {} 200
      GET /ci/job/team/job/app/job/deploy/api/json?tree=… [authorization] {} 403
    ");
}

//! Everything that Jenkins is asked because of a trigger, for every way there is to ask: held
//! against the contract's rules ("What follows" 1, 2 and 5), and shown as one table.

use std::fmt::Write as _;

use base64::Engine as _;
use jenkins_stand_in::{Clock, Job, Permission, RecordedRequest, Setup, StandIn, User};

use crate::support::{Home, JOB_TOKEN, Ran, TOKEN, USER, gits, program};

const PASSWORD: &str = "canary-password";
const BRANCH: &str = "feature/ü x#1";
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
    InFolder,
    Branch,
}

impl Kind {
    /// The rule's keys for it.
    fn rule(self) -> &'static str {
        match self {
            Self::Plain => "job: plain, branch_parameter: false",
            Self::WithParameters => "job: my jöb, parameters: { COMMIT: \"a&b=c\" }",
            Self::InFolder => "job: team/app/deploy",
            Self::Branch => "job: team/app/all, multibranch: true",
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Plain => "no parameters",
            Self::WithParameters => "parameters",
            Self::InFolder => "folder",
            Self::Branch => "branch job",
        }
    }

    /// The parameters that the form must have.
    fn parameters(self) -> Vec<(&'static str, &'static str)> {
        match self {
            Self::Plain | Self::Branch => Vec::new(),
            Self::WithParameters => vec![("COMMIT", "a&b=c"), ("BRANCH", BRANCH)],
            Self::InFolder => vec![("BRANCH", BRANCH)],
        }
    }

    /// The job's address, and its name for build-token-root.
    fn job(self) -> (&'static str, &'static str) {
        match self {
            Self::Plain => ("/ci/job/plain/", "plain"),
            Self::WithParameters => ("/ci/job/my%20j%C3%B6b/", "my jöb"),
            Self::InFolder => ("/ci/job/team/job/app/job/deploy/", "team/app/deploy"),
            Self::Branch => (
                "/ci/job/team/job/app/job/all/job/feature%252F%C3%BC%20x%25231/",
                "team/app/all/feature%2Fü x%231",
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
        let mut title = format!("{} {}", self.method, if self.poll { "poll" } else { "build" });
        write!(title, ", {}", self.job.word()).expect("memory");
        if let Some(delay) = self.delay {
            write!(title, ", delay {delay}").expect("memory");
        }
        if !self.may_look {
            title.push_str(", may not look");
        }
        if self.password {
            title.push_str(", password");
        }
        title
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

/// A Jenkins that keeps what it is sent, so that nothing depends on how fast it builds.
fn jenkins() -> StandIn {
    let job = |name: &str| Job::new(name).trigger_token(JOB_TOKEN).polls_scm();
    let with_branch = |name: &str| job(name).string_parameter("BRANCH", "main");
    let jenkins = StandIn::start(
        Setup::new()
            .context_path("/ci")
            .clock(Clock::Manual)
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
    trigger.arg("trigger");
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
        assert!(request.body.is_empty(), "{said}");
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
        "buildWithParameters" => !case.poll && !expected.is_empty(),
        _ => !case.poll && expected.is_empty(),
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
    // A crumb is asked for by whom it is refused to: with a password, once, and never by token-root.
    let needs_one = case.password && (case.method != "token-root" || case.job == Kind::Branch);
    assert!(crumbs <= usize::from(needs_one), "{case:?} {lines:#?}");
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

/// Names only: the values are checked, and some are different each time.
fn row(request: &RecordedRequest) -> String {
    let target = request.target.split("?tree=").collect::<Vec<_>>();
    let target = match target[..] {
        [path, _] => format!("{path}?tree=…"),
        _ => request.target.clone(),
    };
    let headers: Vec<String> = request
        .headers
        .iter()
        .map(|(name, _)| name.to_ascii_lowercase())
        .filter(|name| !["accept", "host", "user-agent", "content-length"].contains(&name.as_str()))
        .collect();
    let fields: Vec<String> = request.form().iter().map(|(name, _)| text(name)).collect();
    let mut row = format!("  {} {target} | {}", request.method, headers.join(" "));
    if request.method == "POST" {
        write!(row, " | {}", fields.join(" ")).expect("memory");
    }
    write!(row, " -> {}", request.status.unwrap_or_default()).expect("memory");
    row
}

#[test]
fn every_request_of_every_way_to_ask_keeps_the_contract() {
    let home = Home::new(&gits()[0]);
    let jenkins = jenkins();
    let repository = home.repository("shop", "");
    repository.git(&["switch", "-q", "-c", BRANCH]);
    repository.commit("first");
    // The project learns of the branch once; how that is asked for is shown first.
    let mut table = String::new();
    for case in cases() {
        // Nothing waits in the queue that it could be merged with.
        for item in jenkins.queue_items() {
            jenkins.cancel_item(item.id);
        }
        let requests = ask(&home, &jenkins, case);
        for request in &requests {
            check(case, request);
        }
        check_all(case, &requests);
        writeln!(table, "{}", case.title()).expect("memory");
        for request in &requests {
            writeln!(table, "{}", row(request)).expect("memory");
        }
    }
    insta::assert_snapshot!(table);
}

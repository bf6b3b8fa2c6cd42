//! `login` keeps what Jenkins accepts, and nothing else.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use jenkins_stand_in::{Answer, Fault, Job, Permission, RecordedRequest, Setup, StandIn, User};

use crate::helpers::{Bait, filtered, home, mode};
use crate::keyboard::Terminal;
use crate::support::{Home, JOB_TOKEN, Ran, Repository, USER, program, short_file};

/// In the shape that Jenkins gives them.
pub const REAL_TOKEN: &str = "11ca0a1ca0a1ca0a1ca0a1ca0a1ca0a1ca";
pub const PASSWORD: &str = "canary pass:wörd";

/// Nobody's environment has credentials in it.
pub fn bare(command: &mut Command) {
    command
        .env_remove("JENKINS_USER_ID")
        .env_remove("JENKINS_API_TOKEN")
        .env_remove("JENKINS_TRIGGER_TOKEN_DEPLOY");
}

/// Runs a command with this as its standard input, and without credentials in the environment.
pub fn piped(repository: &Repository<'_>, arguments: &[&str], input: &str) -> Ran {
    piped_in(repository, arguments, input, |_| {})
}

pub fn piped_in(
    repository: &Repository<'_>,
    arguments: &[&str],
    input: &str,
    change: impl FnOnce(&mut Command),
) -> Ran {
    let mut command = repository.home.command(program(), &repository.folder);
    bare(&mut command);
    command
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    change(&mut command);
    let mut child = command.spawn().expect("it starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    // Whoever refuses before he reads has closed it.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    Ran::from(child.wait_with_output().expect("it ends"))
}

/// Runs a command without credentials in the environment.
pub fn without(repository: &Repository<'_>, arguments: &[&str]) -> Ran {
    repository.tool_in(arguments, bare)
}

/// A user with a token of the real shape and a password.
pub fn developer() -> User {
    User::new(USER, REAL_TOKEN).password(PASSWORD).grant([
        Permission::OverallRead,
        Permission::JobRead,
        Permission::JobBuild,
    ])
}

pub fn shop() -> Setup {
    shop_of(developer())
}

pub fn shop_of(user: User) -> Setup {
    Setup::new().user(user).job(
        Job::new("shop/deploy")
            .string_parameter("BRANCH", "main")
            .trigger_token(JOB_TOKEN),
    )
}

pub fn store(home: &Home) -> PathBuf {
    home.path("home/.config/jenkins-trigger/credentials")
}

pub fn kept(home: &Home) -> String {
    fs::read_to_string(store(home)).unwrap_or_default()
}

/// A repository whose file names this server, and that may reach it.
pub fn ready<'a>(home: &'a Home, jenkins: &StandIn) -> Repository<'a> {
    let repository = home.repository("shop", &short_file(jenkins));
    repository.commit("first");
    repository.tool(&["trust", "--yes"]).succeeded();
    repository
}

fn is_post_to(action: &str) -> impl Fn(&RecordedRequest) -> bool + Send + '_ {
    move |request| request.method == "POST" && request.target.contains(action)
}

/// How many API tokens were made.
fn made(jenkins: &StandIn) -> usize {
    let requests = jenkins.requests();
    requests
        .iter()
        .filter(|request| is_post_to("generateNewToken")(request))
        .count()
}

fn read_all(folder: &Path, except: &[PathBuf], into: &mut String) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() && !path.is_symlink() {
            read_all(&path, except, into);
        } else if !except.contains(&path)
            && let Ok(bytes) = fs::read(&path)
        {
            into.push_str(&String::from_utf8_lossy(&bytes));
        }
    }
}

/// The secrets stand nowhere below this home but in these files.
#[track_caller]
pub fn assert_nowhere(home: &Home, secrets: &[&str], except: &[PathBuf]) {
    let mut all = String::new();
    read_all(&home.path(""), except, &mut all);
    for secret in secrets {
        assert!(!all.contains(secret), "{secret} was written somewhere");
    }
}

#[test]
fn a_token_from_a_pipe_is_kept_in_a_file_that_only_its_user_can_read() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = home.repository("shop", &short_file(&jenkins));
    let ran = piped(
        &repository,
        &["login", "--user", "dev"],
        &format!("{REAL_TOKEN}\n"),
    );
    filtered(&home, || {
        insta::assert_snapshot!(ran.whole(), @"
        exit code: 0
        ----- stdout -----
        logged in to http://[JENKINS]/ as dev: an API token, kept in ~/.config/jenkins-trigger/credentials
        ----- stderr -----
        trusted: http://[JENKINS]/ may be sent your credentials
        ");
    });
    assert_eq!(mode(&store(&home)), 0o600);
    assert_eq!(mode(store(&home).parent().expect("a folder")), 0o700);
    assert_eq!(kept(&home).matches(REAL_TOKEN).count(), 1);
    assert_eq!(made(&jenkins), 0);
    assert_nowhere(&home, &[REAL_TOKEN], &[store(&home)]);
}

#[test]
fn a_line_with_user_and_token_needs_no_option() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = home.repository("shop", &short_file(&jenkins));
    for input in [
        format!("dev:{REAL_TOKEN}"),
        format!("dev:{REAL_TOKEN}\r\nmore\n"),
        format!(" dev : {REAL_TOKEN} \n"),
    ] {
        let ran = piped(&repository, &["login"], &input).succeeded();
        assert!(
            ran.stdout.contains("as dev: an API token, kept in"),
            "{}",
            ran.whole()
        );
        without(&repository, &["logout"]).succeeded();
    }
}

#[test]
fn a_password_is_turned_into_a_token_and_forgotten() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = home.repository("shop", &short_file(&jenkins));
    let ran = piped(&repository, &["login"], &format!("DEV:{PASSWORD}\n"));
    filtered(&home, || {
        insta::assert_snapshot!(ran.whole().replace(host().trim(), "[HOST]"), @r#"
        exit code: 0
        ----- stdout -----
        logged in to http://[JENKINS]/ as dev: a new API token, kept in ~/.config/jenkins-trigger/credentials
        ----- stderr -----
        made the API token "jenkins-trigger on [HOST]" of user dev
        trusted: http://[JENKINS]/ may be sent your credentials
        "#);
    });
    let posts = jenkins.posts();
    let making = posts
        .iter()
        .find(|request| is_post_to("generateNewToken")(request))
        .expect("a token was made");
    assert_eq!(
        making.form_values("newTokenName"),
        [format!("jenkins-trigger on {}", host().trim())]
    );
    assert!(making.target.starts_with("/user/dev/"), "{}", making.target);
    assert!(kept(&home).contains("\"user\": \"dev\""), "as Jenkins writes it");
    assert_nowhere(&home, &[PASSWORD, "canary"], &[]);
    let asked = without(&repository, &["whoami", &jenkins.url()]).succeeded();
    assert!(asked.stdout.contains("dev, an API token"), "{}", asked.whole());
}

fn host() -> String {
    let ran = Command::new("uname").arg("-n").output().expect("uname");
    String::from_utf8_lossy(&ran.stdout).into_owned()
}

#[test]
fn the_new_token_can_have_another_name() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = home.repository("shop", &short_file(&jenkins));
    let arguments = ["login", "--user", "dev", "--name", "büro & co"];
    piped(&repository, &arguments, PASSWORD).succeeded();
    let posts = jenkins.posts();
    let making = posts
        .iter()
        .find(|request| is_post_to("generateNewToken")(request));
    assert_eq!(
        making.expect("a token").form_values("newTokenName"),
        ["büro & co"]
    );
}

#[test]
fn what_jenkins_does_not_accept_is_not_kept_and_what_was_kept_stays() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = home.repository("shop", &short_file(&jenkins));
    piped(&repository, &["login"], &format!("dev:{REAL_TOKEN}")).succeeded();
    let before = kept(&home);
    let ran = piped(&repository, &["login"], "dev:11canary");
    filtered(&home, || {
        insta::assert_snapshot!(ran.whole(), @"
        exit code: 3
        ----- stdout -----
        ----- stderr -----
        error: Jenkins at 127.0.0.1 does not accept that API token or password of user dev; nothing was kept
        help: it may be mistyped, revoked or expired, and the user id is not the e-mail address or full name; with a single sign-on Jenkins takes API tokens only: make one at http://[JENKINS]/me/security/
        ");
    });
    assert_eq!(kept(&home), before);
}

#[test]
fn where_crumbs_are_off_the_shape_decides() {
    let home = home();
    let jenkins = StandIn::start(shop().csrf(false));
    let repository = home.repository("shop", &short_file(&jenkins));
    piped(&repository, &["login"], &format!("dev:{REAL_TOKEN}")).succeeded();
    assert_eq!(made(&jenkins), 0);
    assert!(kept(&home).contains(REAL_TOKEN));
    let ran = piped(&repository, &["login"], &format!("dev:{PASSWORD}")).succeeded();
    assert!(ran.stdout.contains("a new API token"), "{}", ran.whole());
    assert_eq!(made(&jenkins), 1);
    assert!(!kept(&home).contains(REAL_TOKEN));
    assert!(!kept(&home).contains("canary"));
}

#[test]
fn a_token_that_cannot_be_made_leaves_nothing() {
    let answers = [
        (Answer::new(403), "does not let user dev make an API token"),
        (
            Answer::new(403)
                .header("X-Jenkins", "2.528.2")
                .header("X-Required-Permission", "hudson.model.Hudson.Administer"),
            "does not let user dev make an API token",
        ),
        (
            Answer::new(404).header("X-Jenkins", "2.100").body("Not Found"),
            "has no page that makes API tokens for user dev",
        ),
        (
            Answer::new(200).body("<html>canary</html>"),
            "answered, but with no API token for user dev",
        ),
        (
            Answer::new(200).body("{\"status\":\"error\",\"message\":\"canary\"}"),
            "answered, but with no API token for user dev",
        ),
        (
            Answer::new(307).header("Location", "https://elsewhere.invalid/x"),
            "asks for a login first",
        ),
        (Answer::new(500).body("Oops! Logging ID=ab-cd"), "ab-cd"),
    ];
    for (answer, said) in answers {
        let home = home();
        let jenkins = StandIn::start(shop());
        let repository = home.repository("shop", &short_file(&jenkins));
        jenkins.fault(Fault::answer(answer).when(is_post_to("generateNewToken")));
        let ran = piped(&repository, &["login"], &format!("dev:{PASSWORD}"));
        assert_eq!(ran.code, 3, "{}", ran.whole());
        assert!(ran.stderr.contains(said), "{said}: {}", ran.whole());
        assert!(ran.stderr.contains("nothing was kept"), "{}", ran.whole());
        assert!(!ran.whole().contains("canary"), "{}", ran.whole());
        assert_eq!(kept(&home), "");
        assert_eq!(made(&jenkins), 1, "it is asked for once");
    }
}

#[test]
fn a_user_who_gets_no_crumb_is_told_the_permission_he_lacks() {
    let home = home();
    let user = User::new(USER, REAL_TOKEN).password(PASSWORD);
    let jenkins = StandIn::start(shop_of(user));
    let repository = home.repository("shop", &short_file(&jenkins));
    let ran = piped(&repository, &["login"], &format!("dev:{PASSWORD}"));
    assert_eq!(ran.code, 3, "{}", ran.whole());
    assert!(
        ran.stderr.contains("lacks the permission Overall/Read"),
        "{}",
        ran.whole()
    );
    assert_eq!(kept(&home), "");
}

/// Jenkins gives a token that it then does not take, as it does behind some login plugins.
#[test]
fn a_new_token_that_is_not_accepted_is_taken_back() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = home.repository("shop", &short_file(&jenkins));
    let after_making = |request: &RecordedRequest| {
        request.target.contains("whoAmI") && request.header("Authorization").is_some() && is_new(request)
    };
    jenkins.fault(
        Fault::answer(Answer::new(401).header("WWW-Authenticate", "Basic realm=\"Jenkins\""))
            .when(after_making),
    );
    let ran = piped(&repository, &["login"], &format!("dev:{PASSWORD}"));
    assert_eq!(ran.code, 3, "{}", ran.whole());
    assert_eq!(kept(&home), "");
    let revoked = jenkins
        .posts()
        .iter()
        .filter(|request| is_post_to("revoke")(request))
        .count();
    assert_eq!(revoked, 1);
}

/// Whether a request has neither the password nor the token that was there before.
fn is_new(request: &RecordedRequest) -> bool {
    use base64::Engine as _;
    let encode = |secret: &str| base64::engine::general_purpose::STANDARD.encode(format!("dev:{secret}"));
    let sent = request
        .header("Authorization")
        .map(String::from_utf8_lossy)
        .unwrap_or_default()
        .into_owned();
    ![PASSWORD, REAL_TOKEN]
        .iter()
        .any(|secret| sent.contains(&encode(secret)))
}

/// A store that cannot be written must not leave a token at Jenkins that nobody has.
#[test]
fn a_store_that_is_refused_is_said_before_anything_is_asked() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = home.repository("shop", &short_file(&jenkins));
    piped(&repository, &["login"], &format!("dev:{REAL_TOKEN}")).succeeded();
    jenkins.clear_requests();
    fs::set_permissions(store(&home), fs::Permissions::from_mode(0o644)).expect("a mode");
    let ran = piped(&repository, &["login"], &format!("dev:{PASSWORD}"));
    assert_eq!(ran.code, 1, "{}", ran.whole());
    assert!(ran.stderr.contains("chmod 600 "), "{}", ran.whole());
    assert!(jenkins.requests().is_empty());
}

#[test]
fn nothing_is_sent_where_no_jenkins_answers() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = home.repository("shop", &short_file(&jenkins));
    let login_page = Answer::new(302).header("Location", "https://sso.invalid/authorize?client=ci");
    let fault = |answer: Answer| jenkins.fault(Fault::answer(answer).when(|_| true));
    for (answer, said) in [
        (login_page, "sso.invalid"),
        (Answer::new(200).body("<html>hello</html>"), "is no Jenkins"),
        (
            Answer::new(503).body("Starting Jenkins: Jenkins is getting ready to work"),
            "start",
        ),
    ] {
        jenkins.clear_faults();
        fault(answer);
        let ran = piped(&repository, &["login"], &format!("dev:{REAL_TOKEN}"));
        assert_eq!(ran.code, 1, "{}", ran.whole());
        assert!(ran.stderr.contains(said), "{said}: {}", ran.whole());
    }
    let sent = jenkins.requests();
    assert!(
        sent.iter()
            .all(|request| request.header("Authorization").is_none())
    );
    jenkins.stop();
    let ran = piped(&repository, &["login"], &format!("dev:{REAL_TOKEN}"));
    assert_eq!(ran.code, 1, "{}", ran.whole());
    assert!(!ran.stderr.contains("retry"), "{}", ran.whole());
    assert_eq!(kept(&home), "");
}

/// While Jenkins starts, a valid token is asked for a crumb, as a password is.
#[test]
fn a_token_is_not_taken_for_a_password_while_jenkins_starts() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = home.repository("shop", &short_file(&jenkins));
    let no_crumb = Answer::new(403).body("No valid crumb was included in the request");
    jenkins.fault(Fault::answer(no_crumb).when(is_post_to("whoAmI")).times(1));
    piped(&repository, &["login"], &format!("dev:{REAL_TOKEN}")).succeeded();
    assert_eq!(made(&jenkins), 0);
    assert!(kept(&home).contains(REAL_TOKEN));
}

#[test]
fn plain_http_to_another_host_is_refused_with_the_line_that_allows_it() {
    let home = home();
    let proxy = StandIn::start(shop());
    let repository = home.repository("shop", "");
    let url = "http://ci.invalid:8080/jenkins";
    let change = |command: &mut Command| {
        command.env("http_proxy", proxy.url());
    };
    let ran = piped_in(&repository, &["login", url], &format!("dev:{REAL_TOKEN}"), change);
    assert!(proxy.requests().is_empty());
    filtered(&home, || {
        insta::assert_snapshot!(ran.whole(), @"
        exit code: 1
        ----- stdout -----
        ----- stderr -----
        error: http://ci.invalid:8080/jenkins/ is plain http, so a token sent there can be read on the way
        help: use https, or allow it: git config --global --add jenkinsTrigger.allowPlainHttp http://ci.invalid:8080
        ");
    });
}

#[test]
fn the_server_is_the_files_only_one_or_is_named() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let url = jenkins.url();
    let bait = Bait::new();
    let file = format!(
        "version: 1\nservers:\n  main: {{ url: {url} }}\n  other: {{ url: {} }}\ndefaults: {{ server: main }}\n\
         jobs:\n  main: shop/deploy\n",
        bait.url()
    );
    let repository = home.repository("shop", &file);
    let token = format!("dev:{REAL_TOKEN}");
    let ran = piped(&repository, &["login"], &token);
    assert_eq!(ran.code, 1, "{}", ran.whole());
    assert!(
        ran.stderr.contains(&format!("jenkins-trigger login {url}")),
        "{}",
        ran.whole()
    );
    piped(&repository, &["login", "main"], &token).succeeded();
    assert!(kept(&home).contains(&format!("\"{url}/\"")), "{}", kept(&home));
    bait.assert_untouched();
    // Written in another way it is the same one.
    let other_way = url.replace("http://", "HTTP://") + "//";
    without(&repository, &["logout", &other_way]).succeeded();
    assert!(!kept(&home).contains(REAL_TOKEN));
}

#[test]
fn a_server_by_hand_needs_no_repository() {
    let home = home();
    let jenkins = StandIn::start(shop().context_path("/jenkins"));
    let nowhere = Repository {
        home: &home,
        folder: home.path("home"),
    };
    let url = format!("{}/jenkins", jenkins.url().trim_end_matches("/jenkins"));
    piped(&nowhere, &["login", &url], &format!("dev:{REAL_TOKEN}")).succeeded();
    let ran = without(&nowhere, &["whoami", &url]).succeeded();
    assert!(
        ran.stdout.contains("dev, an API token from ~/.config/"),
        "{}",
        ran.whole()
    );
    without(&nowhere, &["logout", &url]).succeeded();
    for command in ["login", "logout", "whoami"] {
        let ran = piped(&nowhere, &[command], "");
        assert_eq!(ran.code, 1, "{}", ran.whole());
        assert!(
            ran.stderr.contains("is not in a git repository")
                && ran
                    .stderr
                    .contains("or give the URL of the server after the command"),
            "{}",
            ran.whole()
        );
    }
}

#[test]
fn addresses_that_are_none_are_refused_and_no_password_in_them_is_repeated() {
    let home = home();
    let repository = home.repository("shop", "");
    for (address, said) in [
        ("ci.example.com", "https://ci.example.com"),
        (
            "https://dev:canary@ci.example.com",
            "a user or password in the server's URL",
        ),
        ("dev:canary@ci.example.com", "no scheme"),
        ("ftp://ci.example.com", "https or http"),
        ("https://ci.example.com/?token=canary", "query"),
        ("https://ci.example.com/job/a/job/b", "not of a server"),
        ("", "empty"),
    ] {
        let ran = piped(&repository, &["login", address], &format!("dev:{REAL_TOKEN}"));
        assert_eq!(ran.code, 1, "{address}: {}", ran.whole());
        assert!(ran.stderr.contains(said), "{address}: {}", ran.whole());
        assert!(!ran.whole().contains("canary"), "{address}: {}", ran.whole());
    }
}

#[test]
fn empty_and_impossible_answers_are_refused_before_anything_is_sent() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = home.repository("shop", &short_file(&jenkins));
    let token = format!("{REAL_TOKEN}\n");
    let long = "x".repeat(10_000);
    let with_user = ["login", "--user", "dev"];
    for (arguments, input) in [
        (&["login"][..], ""),
        (&["login"], "\n"),
        (&["login"], "dev:\n"),
        (&["login"], ":canary\n"),
        (&["login"], "canary\n"),
        (&["login"], "dev:can\tary\n"),
        (&["login"], &long),
        (&with_user, ""),
        (&with_user, "\n"),
        (&["login", "--user", "de:v"], &token),
        (&["login", "--user", ""], &token),
        (&["login", "--user", "dev\n"], &token),
    ] {
        let ran = piped(&repository, arguments, input);
        assert_eq!(ran.code, 1, "{arguments:?} {}", ran.whole());
        assert!(!ran.whole().contains("canary"), "{}", ran.whole());
    }
    let sent = jenkins.requests();
    assert!(
        sent.iter()
            .all(|request| request.header("Authorization").is_none())
    );
    assert_eq!(kept(&home), "");
}

#[test]
fn on_a_terminal_it_asks_and_does_not_show_the_token() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = home.repository("shop", &short_file(&jenkins));
    let mut terminal = Terminal::of(&repository, "login", bare);
    terminal.answer("with your credentials? [y/N]", "y");
    terminal.answer("User id:", "dev");
    terminal.answer("API token or password of dev:", REAL_TOKEN);
    let ran = terminal.end();
    filtered(&home, || {
        insta::assert_snapshot!(ran.whole(), @"
        exit code: 0
        ----- stdout -----
        Trust http://[JENKINS]/ with your credentials? [y/N] y
        An API token is made at http://[JENKINS]/me/security/ (Add new Token); a password will do: one is made with it.
        User id: dev
        API token or password of dev: 
        logged in to http://[JENKINS]/ as dev: an API token, kept in ~/.config/jenkins-trigger/credentials
        ----- stderr -----
        ");
    });
    // The second time neither the server nor the user is new.
    let mut terminal = Terminal::of(&repository, "login", bare);
    terminal.answer("User id [dev]:", "");
    terminal.answer("API token or password of dev:", REAL_TOKEN);
    let ran = terminal.end();
    assert_eq!(ran.code, 0, "{}", ran.whole());
    assert!(!ran.stdout.contains("with your credentials?"), "{}", ran.whole());
    assert!(!ran.stdout.contains(REAL_TOKEN));
}

#[test]
fn on_a_terminal_it_asks_whether_a_password_is_to_be_replaced() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = home.repository("shop", &short_file(&jenkins));
    for (answer, code) in [("n", 1), ("", 0)] {
        let mut terminal = Terminal::of(&repository, "login --user dev", bare);
        if code == 1 {
            terminal.answer("with your credentials? [y/N]", "y");
        }
        terminal.answer("API token or password of dev:", PASSWORD);
        terminal.answer("and forget the password? [Y/n]", answer);
        let ran = terminal.end();
        assert_eq!(ran.code, code, "{}", ran.whole());
        assert!(!ran.stdout.contains("canary"), "{}", ran.whole());
        assert_eq!(made(&jenkins), usize::from(code == 0));
        assert_eq!(kept(&home).is_empty(), code == 1);
    }
    assert_nowhere(&home, &["canary"], &[]);
}

#[test]
fn a_server_that_is_not_trusted_is_sent_nothing() {
    let home = home();
    let bait = Bait::new();
    let repository = home.repository("shop", "");
    let mut terminal = Terminal::of(&repository, &format!("login {}", bait.url()), bare);
    terminal.answer("with your credentials? [y/N]", "");
    let ran = terminal.end();
    assert_eq!(ran.code, 1, "{}", ran.whole());
    bait.assert_untouched();
    assert_eq!(kept(&home), "");
}

#[test]
fn on_a_terminal_plain_http_is_asked_about_first() {
    let home = home();
    let proxy = StandIn::start(shop());
    let repository = home.repository("shop", "");
    let with_proxy = |command: &mut Command| {
        bare(command);
        command.env("http_proxy", proxy.url());
    };
    let mut terminal = Terminal::of(&repository, "login http://ci.invalid:8080", with_proxy);
    terminal.answer("is plain http", "n");
    assert_eq!(terminal.end().code, 1);
    assert!(proxy.requests().is_empty());
    let mut terminal = Terminal::of(&repository, "login http://ci.invalid:8080", with_proxy);
    terminal.answer("is plain http", "y");
    terminal.answer("Trust http://ci.invalid:8080/ with your credentials?", "n");
    assert_eq!(terminal.end().code, 1);
    assert!(proxy.requests().is_empty());
    let allowed = repository.git(&["config", "--global", "--get-all", "jenkinsTrigger.allowPlainHttp"]);
    assert_eq!(allowed.stdout, "http://ci.invalid:8080\n");
}

/// Who changes his mind must find his terminal as it was.
#[test]
fn ctrl_c_while_it_asks_leaves_the_terminal_as_it_was() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = home.repository("shop", &short_file(&jenkins));
    repository.tool(&["trust", "--yes"]).succeeded();
    let line = format!(
        "trap : INT; stty -a; '{}' login --user dev; echo code $?; stty -a",
        program().display()
    );
    for keys in ["\u{3}", "can\u{3}"] {
        let mut terminal = Terminal::line(&repository, &line, bare);
        terminal.shows("API token or password of dev:");
        terminal.press(keys);
        let ran = terminal.end();
        assert!(ran.stdout.contains("code 130"), "{}", ran.whole());
        let modes: Vec<&str> = ran.stdout.lines().filter(|line| line.contains("isig")).collect();
        assert_eq!(modes.len(), 2, "{}", ran.whole());
        assert_eq!(modes[0], modes[1]);
        let echo = ran.stdout.lines().filter(|line| line.contains(" echo ")).count();
        assert_eq!(echo, 2, "{}", ran.whole());
        assert!(!ran.stdout.contains("can^C"), "{}", ran.whole());
    }
    let sent = jenkins.requests();
    assert!(
        sent.iter()
            .all(|request| request.header("Authorization").is_none())
    );
}

#[test]
fn ctrl_c_after_the_token_ends_it_as_ever() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = home.repository("shop", &short_file(&jenkins));
    repository.tool(&["trust", "--yes"]).succeeded();
    let mut terminal = Terminal::of(&repository, "login --user dev", bare);
    terminal.answer("API token or password of dev:", PASSWORD);
    terminal.shows("[Y/n]");
    terminal.press("\u{3}");
    assert_eq!(terminal.end().code, 130);
    assert_eq!(made(&jenkins), 0);
    assert_eq!(kept(&home), "");
}

#[test]
fn what_goes_first_and_is_another_is_said() {
    let home = home();
    let jenkins = StandIn::start(shop());
    let repository = home.repository("shop", &short_file(&jenkins));
    let change = |command: &mut Command| {
        command
            .env("JENKINS_USER_ID", "dev")
            .env("JENKINS_API_TOKEN", "11canary");
    };
    let ran = piped_in(&repository, &["login"], &format!("dev:{REAL_TOKEN}"), change).succeeded();
    assert!(
        ran.stderr.contains("JENKINS_API_TOKEN goes first"),
        "{}",
        ran.whole()
    );
    let change = |command: &mut Command| {
        command
            .env("JENKINS_USER_ID", "dev")
            .env("JENKINS_API_TOKEN", REAL_TOKEN);
    };
    let ran = piped_in(&repository, &["login"], &format!("dev:{REAL_TOKEN}"), change).succeeded();
    assert!(!ran.stderr.contains("goes first"), "{}", ran.whole());
}

//! Servers that are reached by https: whom they have to prove to be, and who has to prove it to them.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use jenkins_stand_in::StandIn;

use crate::support::{
    Home, Ran, Repository, TOKEN, USER, filters, gits, program, shop, wait_for, with_each_git,
};
use crate::tls_server::{Authority, Issued, Machine, TlsServer, signed_by_itself};

fn file(url: &str, ca_file: &str) -> String {
    let ca_file = match ca_file {
        "" => String::new(),
        name => format!(", ca_file: {name}"),
    };
    format!("version: 1\nservers: {{ main: {{ url: \"{url}\"{ca_file} }} }}\njobs:\n  main: shop/deploy\n")
}

/// Runs a block with the usual filters and those for what a certificate brings.
fn filtered(home: &Home, snapshots: impl FnOnce()) {
    let mut settings = insta::Settings::clone_current();
    for (pattern, replacement) in filters(home) {
        settings.add_filter(&pattern, replacement);
    }
    settings.add_filter(r"localhost:\d+", "localhost:[PORT]");
    settings.add_filter("[0-9a-f]{64}", "[SHA256]");
    settings.add_filter("commit [0-9a-f]{7}", "commit [COMMIT]");
    settings.bind(snapshots);
}

/// What a hook said, without what git says of the commit.
fn said_by_hook(ran: &Ran) -> String {
    let lines = ran
        .stderr
        .lines()
        .filter(|line| line.starts_with("jenkins-trigger: "));
    lines.collect::<Vec<_>>().join("\n")
}

/// Waits until Jenkins has taken so many.
fn accepted(repository: &Repository<'_>, count: usize) {
    wait_for(&format!("{count} to be accepted"), || {
        let journal = repository.journal();
        let taken = journal.iter().filter(|line| {
            let outcome = line["outcome"].as_str();
            outcome.is_some_and(|outcome| ["queued", "merged"].contains(&outcome))
        });
        (taken.count() >= count).then_some(())
    });
}

/// What `trigger` says of a server with this certificate.
#[track_caller]
fn refusal(own: impl FnOnce(&Authority) -> Issued, host: &str) -> (Home, String) {
    let home = Home::new(&gits()[0]);
    let machine = Machine::new(&home);
    let jenkins = StandIn::start(shop());
    let server = TlsServer::before(&jenkins, &own(&machine.system));
    let url = format!("https://{host}:{}", server.port);
    let repository = home.repository("shop", &file(&url, ""));
    machine.commit(&repository, "first");
    machine.tool(&repository, &["trust"]).succeeded();
    let ran = machine.tool(&repository, &["trigger"]);
    assert_eq!(ran.code, 1, "{}", ran.whole());
    assert!(jenkins.requests().is_empty(), "{}", ran.whole());
    (home, ran.stdout + &ran.stderr)
}

fn refusal_here(own: impl FnOnce(&Authority) -> Issued) -> (Home, String) {
    refusal(own, "localhost")
}

#[test]
fn an_authority_that_the_file_names_is_read_from_the_commit_and_vouches_for_the_server() {
    with_each_git(|home| {
        let machine = Machine::new(home);
        let jenkins = StandIn::start(shop());
        let private = Authority::new("Private Root");
        let server = TlsServer::before(&jenkins, &private.server());
        let repository = home.repository("shop", &file(&server.url(), "./ci/ca.pem"));
        repository.write("ci/ca.pem", &private.pem);
        machine.tool(&repository, &["install", "post-commit"]).succeeded();
        machine.commit(&repository, "first");
        accepted(&repository, 1);
        // Nobody reads this one, which nobody trusts.
        repository.write("ci/ca.pem", Authority::new("Stranger's Root").pem);
        machine.git(&repository, &["commit", "--allow-empty", "-qm", "second"]);
        accepted(&repository, 2);
        assert!(server.connections() > 0);
    });
}

#[test]
fn the_authority_of_a_commit_that_is_pushed_vouches_for_its_trigger_here_and_where_it_is_received() {
    let home = Home::new(&gits()[0]);
    let machine = Machine::new(&home);
    let jenkins = StandIn::start(shop());
    let private = Authority::new("Private Root");
    let server = TlsServer::before(&jenkins, &private.server());
    let repository = home.repository("shop", &file(&server.url(), "ca.pem"));
    repository.write("ca.pem", &private.pem);
    machine.commit(&repository, "first");
    machine.git(&repository, &["clone", "-q", "--bare", ".", "../bare.git"]);
    let bare = Repository {
        home: &home,
        folder: home.path("bare.git"),
    };
    machine.tool(&bare, &["install", "post-receive"]).succeeded();
    machine.git(&repository, &["remote", "add", "origin", "../bare.git"]);
    machine.commit(&repository, "second");
    machine.git(&repository, &["push", "-q", "origin", "main"]);
    accepted(&bare, 1);
    // The work tree's own is not the commit's.
    machine.tool(&repository, &["install", "post-push"]).succeeded();
    machine.git(&repository, &["commit", "--allow-empty", "-qm", "third"]);
    repository.write("ca.pem", Authority::new("Stranger's Root").pem);
    machine.git(&repository, &["push", "-q", "origin", "main"]);
    accepted(&repository, 1);
    accepted(&bare, 2);
}

#[test]
fn an_authority_that_the_file_names_takes_none_of_the_systems_away() {
    let home = Home::new(&gits()[0]);
    let machine = Machine::new(&home);
    let jenkins = StandIn::start(shop());
    let server = TlsServer::before(&jenkins, &machine.system.server());
    let repository = home.repository("shop", &file(&server.url(), "ca.pem"));
    repository.write("ca.pem", Authority::new("Private Root").pem);
    machine.commit(&repository, "first");
    machine.tool(&repository, &["trust"]).succeeded();
    machine.tool(&repository, &["trigger", "--wait"]).succeeded();
}

#[test]
fn a_system_without_any_authority_does_where_the_file_names_one() {
    let home = Home::new(&gits()[0]);
    let mut machine = Machine::new(&home);
    machine.environment[0].1 = home.path("none.pem").display().to_string();
    let jenkins = StandIn::start(shop());
    let private = Authority::new("Private Root");
    let server = TlsServer::before(&jenkins, &private.server());
    let ca = machine.write("ca.pem", &private.pem);
    let repository = home.repository("shop", &file(&server.url(), ""));
    machine.commit(&repository, "first");
    machine.tool(&repository, &["trust"]).succeeded();
    let without = machine.tool(&repository, &["trigger"]);
    assert_eq!(without.code, 1);
    repository.write(
        ".jenkins-trigger.yml",
        file(&server.url(), &ca.display().to_string()),
    );
    machine.tool(&repository, &["trust"]).succeeded();
    machine.tool(&repository, &["trigger"]).succeeded();
    filtered(&home, || {
        insta::assert_snapshot!(without.whole(), @"
        exit code: 1
        ----- stdout -----
        waiting main → shop/deploy: no HTTPS client could be set up: unexpected error: No CA certificates were loaded from the system; install the system's CA certificates (package ca-certificates), or name the server's by `ca_file: FILE` in .jenkins-trigger.yml
        ----- stderr -----
        ");
    });
}

#[test]
fn the_curl_command_names_what_vouches_for_the_server() {
    let home = Home::new(&gits()[0]);
    let machine = Machine::new(&home);
    let jenkins = StandIn::start(shop());
    let private = Authority::new("Private Root");
    let server = TlsServer::before(&jenkins, &private.server());
    let repository = home.repository("shop", &file(&server.url(), "ca.pem"));
    repository.write("ca.pem", &private.pem);
    machine.commit(&repository, "first");
    let shown = machine
        .tool(&repository, &["trigger", "--dry-run", "--curl"])
        .succeeded();
    let (_, rest) = shown.stdout.split_once("--cacert ").expect("the option");
    let named = rest.split(' ').next().expect("a file");
    assert_eq!(fs::read_to_string(named).expect("the file"), private.pem);
}

#[test]
fn a_certificate_of_an_unknown_authority_is_told_with_that_authority() {
    let private = Authority::new("Private Root");
    let (home, said) = refusal_here(|_| private.server());
    filtered(&home, || {
        insta::assert_snapshot!(said, @"waiting main → shop/deploy: the TLS certificate of localhost is issued by CN=Private Root, an authority that is not trusted here (valid from 2020-01-01 to 2089-01-01); if that is the right one, name the file with its certificate in .jenkins-trigger.yml, as `ca_file: FILE` of the server, or add it to this system's trust store or to git's http.sslCAInfo; then: jenkins-trigger retry");
    });
}

#[test]
fn a_certificate_of_an_authority_that_only_has_a_trusted_ones_name_is_refused() {
    let (home, said) = refusal_here(|_| Authority::new("System Root").server());
    filtered(&home, || {
        insta::assert_snapshot!(said, @"waiting main → shop/deploy: the TLS certificate of localhost is issued by CN=System Root, but not by the authority of that name that is trusted here (valid from 2020-01-01 to 2089-01-01); if that is the right one, name the file with its certificate in .jenkins-trigger.yml, as `ca_file: FILE` of the server, or add it to this system's trust store or to git's http.sslCAInfo; then: jenkins-trigger retry");
    });
}

#[test]
fn a_certificate_that_signs_itself_is_told() {
    let (home, said) = refusal_here(|_| signed_by_itself(false));
    filtered(&home, || {
        insta::assert_snapshot!(said, @"waiting main → shop/deploy: the TLS certificate of localhost is signed by itself, and is not trusted here (valid from 2020-01-01 to 2089-01-01); if it is the right one, name the file with its certificate in .jenkins-trigger.yml, as `ca_file: FILE` of the server, or add it to this system's trust store or to git's http.sslCAInfo; then: jenkins-trigger retry");
    });
}

#[test]
fn a_certificate_that_signs_itself_does_where_the_file_names_it() {
    let home = Home::new(&gits()[0]);
    let machine = Machine::new(&home);
    let jenkins = StandIn::start(shop());
    let own = signed_by_itself(false);
    let server = TlsServer::before(&jenkins, &own);
    let repository = home.repository("shop", &file(&server.url(), "ca.pem"));
    repository.write("ca.pem", &own.certificate);
    machine.commit(&repository, "first");
    machine.tool(&repository, &["trust"]).succeeded();
    machine.tool(&repository, &["trigger"]).succeeded();
}

#[test]
fn an_authoritys_own_certificate_as_a_servers_is_told_with_how_to_make_another() {
    let home = Home::new(&gits()[0]);
    let machine = Machine::new(&home);
    let jenkins = StandIn::start(shop());
    let own = signed_by_itself(true);
    let server = TlsServer::before(&jenkins, &own);
    let repository = home.repository("shop", &file(&server.url(), "ca.pem"));
    repository.write("ca.pem", &own.certificate);
    machine.commit(&repository, "first");
    machine.tool(&repository, &["trust"]).succeeded();
    let ran = machine.tool(&repository, &["trigger"]);
    filtered(&home, || {
        insta::assert_snapshot!(ran.whole(), @"
    exit code: 1
    ----- stdout -----
    waiting main → shop/deploy: the TLS certificate of localhost is made for an authority (CA:TRUE), and no server may use such a one as its own (issued by CN=ci, valid from 2020-01-01 to 2089-01-01); have one made for the server, with basicConstraints=CA:FALSE and subjectAltName=DNS:localhost; then: jenkins-trigger retry
    ----- stderr -----
    ");
    });
}

#[test]
fn an_expired_certificate_is_told_with_its_dates_and_the_clock() {
    let (home, said) = refusal_here(|system| system.server_between((2021, 2022)));
    filtered(&home, || {
        insta::assert_snapshot!(said, @"waiting main → shop/deploy: the TLS certificate of localhost has expired: valid from 2021-01-01 to 2022-01-01, and the clock here says [TIME] UTC (issued by CN=System Root); if the clock is right, the server needs another one; then: jenkins-trigger retry");
    });
}

#[test]
fn a_certificate_that_is_not_valid_yet_is_told_with_its_dates_and_the_clock() {
    let (home, said) = refusal_here(|system| system.server_between((2080, 2081)));
    filtered(&home, || {
        insta::assert_snapshot!(said, @"waiting main → shop/deploy: the TLS certificate of localhost is not valid yet: valid from 2080-01-01 to 2081-01-01, and the clock here says [TIME] UTC (issued by CN=System Root); if the clock is right, the server needs another one; then: jenkins-trigger retry");
    });
}

#[test]
fn a_certificate_for_another_name_is_told_with_the_names_that_it_is_for() {
    let (home, said) =
        refusal_here(|system| system.server_for(&["ci.example.com", "*.example.org", "10.1.2.3"]));
    filtered(&home, || {
        insta::assert_snapshot!(said, @"waiting main → shop/deploy: the TLS certificate of localhost is not for localhost but for ci.example.com, *.example.org, 10.1.2.3 (issued by CN=System Root, valid from 2020-01-01 to 2089-01-01); write a name that it is for as the server's in .jenkins-trigger.yml, or have it made for localhost; then: jenkins-trigger retry");
    });
}

#[test]
fn a_certificate_for_no_name_is_told() {
    let (home, said) = refusal(|system| system.server_for(&[]), "127.0.0.1");
    filtered(&home, || {
        insta::assert_snapshot!(said, @"waiting main → shop/deploy: the TLS certificate of 127.0.0.1 is not for 127.0.0.1 but for no name at all (the one in its subject, CN=ci, does not count) (issued by CN=System Root, valid from 2020-01-01 to 2089-01-01); write a name that it is for as the server's in .jenkins-trigger.yml, or have it made for 127.0.0.1; then: jenkins-trigger retry");
    });
}

/// A repository that is installed with this server and a private authority.
struct Installed<'a> {
    machine: Machine<'a>,
    jenkins: StandIn,
    server: TlsServer,
    repository: Repository<'a>,
}

fn installed(home: &Home) -> Installed<'_> {
    let machine = Machine::new(home);
    let jenkins = StandIn::start(shop());
    let private = Authority::new("Private Root");
    let server = TlsServer::before(&jenkins, &private.server());
    let repository = home.repository("shop", &file(&server.url(), "ca.pem"));
    repository.write("ca.pem", &private.pem);
    let ran = machine.tool(&repository, &["install", "post-commit"]).succeeded();
    let said = format!(
        "trusted: ca.pem says who {}/ is (CN=Private Root, SHA-256 ",
        server.url()
    );
    assert!(ran.stderr.contains(&said), "{}", ran.whole());
    Installed {
        machine,
        jenkins,
        server,
        repository,
    }
}

#[test]
fn another_authority_that_the_file_names_is_held_until_it_is_trusted() {
    let home = Home::new(&gits()[0]);
    let Installed {
        machine,
        jenkins,
        server,
        repository,
    } = installed(&home);
    let good = fs::read_to_string(repository.path("ca.pem")).expect("the file");
    // Also one that has the good one in it: somebody else could speak for the server then.
    let stranger = Authority::new("Stranger's Root").pem;
    repository.write("ca.pem", good + &stranger);
    let hook = machine.commit(&repository, "a stranger's change");
    let journal = repository.wait_for_journal(1);
    assert_eq!(journal[0]["outcome"], "held");
    let again = machine.tool(&repository, &["retry"]);
    let by_hand = machine.tool(&repository, &["trigger"]);
    assert_eq!(server.connections(), 0);
    let trust = machine.tool(&repository, &["trust"]);
    accepted(&repository, 1);
    assert_eq!(jenkins.queue_items().len(), 1);
    filtered(&home, || {
        insta::assert_snapshot!(said_by_hook(&hook), @"jenkins-trigger: not sent: this file names another certificate authority for https://localhost:[PORT]/; to allow it: jenkins-trigger trust");
        insta::assert_snapshot!(again.whole(), @"
            exit code: 1
            ----- stdout -----
            held main → shop/deploy: this file names another certificate authority for https://localhost:[PORT]/; to allow it: jenkins-trigger trust
            ----- stderr -----
            ");
        insta::assert_snapshot!(by_hand.whole(), @"
        exit code: 1
        ----- stdout -----
        ----- stderr -----
        error: this file names another certificate authority for https://localhost:[PORT]/; nothing was sent
        help: to allow it: jenkins-trigger trust
        ");
        insta::assert_snapshot!(trust.whole(), @"
            exit code: 0
            ----- stdout -----
            trusted: https://localhost:[PORT]/ may be sent your credentials from here
            trusted: ca.pem says who https://localhost:[PORT]/ is (CN=Private Root and 1 more, SHA-256 [SHA256])
            ----- stderr -----
            1 that waited are being sent; see: jenkins-trigger log
            ");
    });
}

#[test]
fn doctor_and_jobs_reach_a_server_by_its_authority_and_no_other() {
    let home = Home::new(&gits()[0]);
    let Installed {
        machine,
        jenkins: _jenkins,
        server,
        repository,
    } = installed(&home);
    machine.commit(&repository, "first");
    accepted(&repository, 1);
    machine.tool(&repository, &["doctor"]).succeeded();
    let jobs = machine.tool(&repository, &["jobs"]).succeeded();
    assert!(jobs.stdout.contains("shop/deploy"), "{}", jobs.whole());
    let before = server.connections();
    repository.write("ca.pem", Authority::new("Stranger's Root").pem);
    let doctor = machine.tool(&repository, &["doctor"]);
    let jobs = machine.tool(&repository, &["jobs"]);
    assert_eq!((doctor.code, jobs.code), (1, 1));
    assert_eq!(server.connections(), before);
    for ran in [doctor, jobs] {
        let said = format!("{}{}", ran.stdout, ran.stderr);
        assert!(said.contains("ca.pem (CN=Stranger's Root, SHA-256 "), "{said}");
        assert!(said.contains("jenkins-trigger trust"), "{said}");
    }
}

#[test]
fn login_and_whoami_reach_a_server_by_its_authority_and_no_other() {
    let home = Home::new(&gits()[0]);
    let Installed {
        machine,
        jenkins,
        server,
        repository,
    } = installed(&home);
    let line = format!("echo '{USER}:{TOKEN}' | '{}' login", program().display());
    let by_hand = format!("{line} {}", server.url());
    for line in [&line, &by_hand] {
        let ran = machine.shell(&repository, line).succeeded();
        assert!(ran.stdout.contains("logged in to https://"), "{}", ran.whole());
    }
    machine.tool(&repository, &["whoami"]).succeeded();
    let before = (server.connections(), jenkins.requests().len());
    repository.write("ca.pem", Authority::new("Stranger's Root").pem);
    let login = machine.shell(&repository, &line);
    let whoami = machine.tool(&repository, &["whoami"]);
    // Outside of the repository nothing vouches for it.
    let elsewhere = machine.shell(&repository, &format!("cd .. && {by_hand}"));
    assert_eq!((login.code, whoami.code, elsewhere.code), (1, 1, 1));
    assert_eq!(server.connections() - before.0, 1, "only the one from elsewhere");
    assert_eq!(jenkins.requests().len(), before.1);
    for ran in [login, whoami] {
        assert!(
            ran.stderr.contains("ca.pem (CN=Stranger's Root, SHA-256 "),
            "{}",
            ran.whole()
        );
        assert!(ran.stderr.contains("jenkins-trigger trust"), "{}", ran.whole());
    }
    assert!(elsewhere.stderr.contains("certificate"), "{}", elsewhere.whole());
}

#[test]
fn a_commit_without_the_authority_that_its_file_names_is_not_sent_without_it() {
    let home = Home::new(&gits()[0]);
    let Installed {
        machine,
        server,
        repository,
        jenkins: _jenkins,
    } = installed(&home);
    // Another repository of the same user, that trusts the server and no authority yet.
    let other = home.repository("other", &file(&server.url(), ""));
    machine.tool(&other, &["install", "post-commit"]).succeeded();
    other.write(".jenkins-trigger.yml", file(&server.url(), "ca.pem"));
    let hook = machine.commit(&other, "names a file that is not there");
    let journal = other.wait_for_journal(1);
    assert_eq!(journal[0]["outcome"], "held");
    assert_eq!(server.connections(), 0);
    other.write("ca.pem", fs::read(repository.path("ca.pem")).expect("the file"));
    machine.tool(&other, &["trust"]).succeeded();
    accepted(&other, 1);
    filtered(&home, || {
        insta::assert_snapshot!(said_by_hook(&hook), @"jenkins-trigger: not sent: the `ca_file` ca.pem cannot be used: commit [COMMIT] has no such file; put it right, then: jenkins-trigger trust");
    });
}

#[test]
fn a_kept_authority_that_somebody_changed_is_not_used() {
    let home = Home::new(&gits()[0]);
    let Installed {
        machine,
        server,
        repository,
        jenkins: _jenkins,
    } = installed(&home);
    let mut commit = home.command("git", &repository.folder);
    repository.git(&["add", "--all"]);
    commit
        .args(["commit", "-qm", "first"])
        .env_remove("JENKINS_API_TOKEN");
    assert!(commit.output().expect("git").status.success());
    repository.wait_for_journal(1);
    let kept = repository.spooled("ca");
    assert_eq!(kept.len(), 1);
    fs::write(&kept[0], Authority::new("Stranger's Root").pem).expect("a file");
    let ran = machine.tool(&repository, &["retry"]);
    assert_eq!((ran.code, server.connections()), (1, 0), "{}", ran.whole());
    assert!(ran.stdout.contains("jenkins-trigger trust"), "{}", ran.whole());
    machine.tool(&repository, &["trust"]).succeeded();
    accepted(&repository, 1);
}

#[test]
fn what_no_trigger_names_any_more_is_removed_after_a_day_and_nothing_else() {
    let home = Home::new(&gits()[0]);
    let Installed {
        machine,
        repository,
        jenkins: _jenkins,
        server: _server,
    } = installed(&home);
    machine.commit(&repository, "first");
    accepted(&repository, 1);
    let known = repository.spooled("ca").remove(0);
    repository.write("ca.pem", Authority::new("Stranger's Root").pem);
    machine.commit(&repository, "not trusted");
    repository.wait_for_journal(2);
    let mut kept = repository.spooled("ca");
    kept.retain(|path| *path != known);
    let [strange] = &kept[..] else { panic!("{kept:?}") };
    let age = |path: &Path| {
        let time = std::time::SystemTime::now() - Duration::from_secs(24 * 60 * 60 + 60);
        fs::File::options()
            .append(true)
            .open(path)
            .and_then(|file| file.set_modified(time))
            .expect("a time");
    };
    age(strange);
    age(&known);
    machine.tool(&repository, &["retry"]);
    assert!(strange.exists(), "one that waits names it");
    machine.tool(&repository, &["cancel", "--all"]).succeeded();
    fs::write(strange, Authority::new("Stranger's Root").pem).expect("a file");
    machine.tool(&repository, &["retry"]);
    assert!(strange.exists(), "it is young");
    age(strange);
    machine.tool(&repository, &["retry"]);
    assert!(!strange.exists(), "nobody names it");
    assert!(known.exists(), "it was accepted");
}

#[test]
fn what_was_accepted_days_ago_vouches_for_triggers_that_name_nothing() {
    let home = Home::new(&gits()[0]);
    let Installed {
        machine,
        repository,
        server,
        jenkins: _jenkins,
    } = installed(&home);
    machine.git(&repository, &["add", ".jenkins-trigger.yml"]);
    machine.git(&repository, &["commit", "-qm", "without the file that it names"]);
    accepted(&repository, 1);
    let time = std::time::SystemTime::now() - Duration::from_secs(7 * 24 * 60 * 60);
    let kept = repository.spooled("ca").remove(0);
    fs::File::options()
        .append(true)
        .open(&kept)
        .and_then(|file| file.set_modified(time))
        .expect("a time");
    machine.git(&repository, &["commit", "--allow-empty", "-qm", "a week later"]);
    accepted(&repository, 2);
    repository.write(".jenkins-trigger.yml", file(&server.url(), ""));
    machine.git(&repository, &["commit", "-qam", "names none"]);
    accepted(&repository, 3);
}

#[test]
fn a_client_certificate_comes_from_the_users_git_config_and_not_from_the_repositorys() {
    with_each_git(|home| {
        let machine = Machine::new(home);
        let jenkins = StandIn::start(shop());
        let users = Authority::new("Users");
        let server = TlsServer::for_users_of(&users, &jenkins, &machine.system.server());
        let own = users.user();
        let certificate = machine.write("home/own.pem", &own.certificate);
        let key = machine.write("home/own.key", &own.key);
        let repository = home.repository("shop", &file(&server.url(), ""));
        machine.commit(&repository, "first");
        machine.tool(&repository, &["trust"]).succeeded();
        let (certificate, key) = (certificate.display().to_string(), key.display().to_string());
        machine.git(&repository, &["config", "http.sslCert", &certificate]);
        machine.git(&repository, &["config", "http.sslKey", &key]);
        let without = machine.tool(&repository, &["trigger"]);
        assert!(jenkins.requests().is_empty(), "{}", without.whole());
        machine.set(&repository, "http.https://localhost.sslCert", &certificate);
        machine.set(&repository, "http.https://localhost.sslKey", &key);
        assert_eq!(machine.tool(&repository, &["trigger"]).code, 1, "another port");
        machine.set(
            &repository,
            &format!("http.{}.sslCert", server.url()),
            "~/own.pem",
        );
        machine.set(&repository, &format!("http.{}.sslKey", server.url()), "~/own.key");
        machine.tool(&repository, &["trigger", "--wait"]).succeeded();
        filtered(home, || {
            insta::allow_duplicates! { insta::assert_snapshot!(without.whole(), @"
                exit code: 1
                ----- stdout -----
                waiting main → shop/deploy: localhost wants a client certificate; name yours in your git config: git config --global http.https://localhost:[PORT]/.sslCert FILE, and its key: git config --global http.https://localhost:[PORT]/.sslKey FILE; then: jenkins-trigger retry
                ----- stderr -----
                "); }
        });
    });
}

#[test]
fn a_client_certificate_that_cannot_be_used_is_told() {
    let home = Home::new(&gits()[0]);
    let machine = Machine::new(&home);
    let jenkins = StandIn::start(shop());
    let users = Authority::new("Users");
    let server = TlsServer::for_users_of(&users, &jenkins, &machine.system.server());
    let stranger = Authority::new("Strangers").user();
    let both = format!("{}{}", stranger.certificate, stranger.key);
    let encrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    machine.write("home/strange.pem", &both);
    machine.write(
        "home/encrypted.pem",
        &format!("{}{encrypted}", stranger.certificate),
    );
    machine.write("home/mixed.key", &users.user().key);
    machine.write("home/empty.pem", "");
    let repository = home.repository("shop", &file(&server.url(), ""));
    machine.commit(&repository, "first");
    machine.tool(&repository, &["trust"]).succeeded();
    let mut said = String::new();
    for (certificate, key) in [
        ("~/none.pem", ""),
        ("~/empty.pem", ""),
        ("~/encrypted.pem", ""),
        ("~/strange.pem", "~/mixed.key"),
        ("~/strange.pem", ""),
    ] {
        machine.set(&repository, "http.sslCert", certificate);
        machine.set(&repository, "http.sslKey", key);
        let ran = machine.tool(&repository, &["trigger"]);
        assert_eq!(ran.code, 1, "{}", ran.whole());
        said += &format!("{certificate} {key}\n{}{}\n", ran.stdout, ran.stderr);
        machine.tool(&repository, &["cancel", "--all"]);
    }
    assert!(jenkins.requests().is_empty());
    filtered(&home, || {
        insta::assert_snapshot!(said, @"
        ~/none.pem 
        held main → shop/deploy: your git config names [HOME]/home/none.pem for https://localhost:[PORT]/ (http.sslCert), and it cannot be read: No such file or directory (os error 2); mend it: git config --global --edit

        ~/empty.pem 
        waiting main → shop/deploy: the client certificate that your git config names cannot be used: no certificate is in it (a line -----BEGIN CERTIFICATE-----); see: git config --global --get-regexp 'http.*ssl'; then: jenkins-trigger retry

        ~/encrypted.pem 
        waiting main → shop/deploy: the key of the client certificate that your git config names has a passphrase, and nobody is there to type it; write it without one (openssl pkey -in KEY -out NEW, then chmod 600 NEW) and name that by http.sslKey; then: jenkins-trigger retry

        ~/strange.pem ~/mixed.key
        waiting main → shop/deploy: the client certificate that your git config names cannot be used: keys may not be consistent: KeyMismatch; see: git config --global --get-regexp 'http.*ssl'; then: jenkins-trigger retry

        ~/strange.pem 
        waiting main → shop/deploy: localhost does not accept the client certificate that your git config names for it; compare it with what the server's administrator gave you: git config --get-urlmatch http.sslCert https://localhost:[PORT]/; then: jenkins-trigger retry
        ");
    });
}

#[test]
fn authorities_of_the_users_git_config_count_and_its_switch_against_verifying_does_not() {
    let home = Home::new(&gits()[0]);
    let machine = Machine::new(&home);
    let jenkins = StandIn::start(shop());
    let private = Authority::new("Private Root");
    let server = TlsServer::before(&jenkins, &private.server());
    let ca = machine.write("ca.pem", &private.pem);
    let repository = home.repository("shop", &file(&server.url(), ""));
    machine.commit(&repository, "first");
    machine.tool(&repository, &["trust"]).succeeded();
    machine.set(&repository, "http.sslVerify", "false");
    assert_eq!(machine.tool(&repository, &["trigger"]).code, 1);
    assert!(jenkins.requests().is_empty());
    machine.set(&repository, "http.sslCAInfo", &ca.display().to_string());
    machine.tool(&repository, &["trigger"]).succeeded();
}

#[test]
fn a_bundle_of_the_users_git_config_counts_whatever_else_is_in_it_and_a_broken_one_is_told() {
    let home = Home::new(&gits()[0]);
    let machine = Machine::new(&home);
    let jenkins = StandIn::start(shop());
    let private = Authority::new("Private Root");
    let server = TlsServer::before(&jenkins, &private.server());
    let repository = home.repository("shop", &file(&server.url(), ""));
    machine.commit(&repository, "first");
    machine.tool(&repository, &["trust"]).succeeded();
    let strange = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let bundle = machine.write("bundle.pem", &format!("# all\n{strange}{}", private.pem));
    machine.set(&repository, "http.sslCAInfo", &bundle.display().to_string());
    machine.tool(&repository, &["trigger"]).succeeded();
    machine.write("bundle.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n");
    let broken = machine.tool(&repository, &["trigger"]);
    filtered(&home, || {
        insta::assert_snapshot!(broken.whole(), @"
        exit code: 1
        ----- stdout -----
        waiting main → shop/deploy: the authorities that your git config names (http.sslCAInfo) cannot be used: certificate 1 in it cannot be read: its last line, -----END CERTIFICATE-----, is missing; see: git config --global --get-regexp 'http.*ssl'; then: jenkins-trigger retry
        ----- stderr -----
        ");
    });
}

/// What `trigger` says of a server at this address.
fn said_of(url: &str) -> (Home, String) {
    let home = Home::new(&gits()[0]);
    let machine = Machine::new(&home);
    let repository = home.repository("shop", &file(url, ""));
    machine.commit(&repository, "first");
    machine.tool(&repository, &["trust"]).succeeded();
    let ran = machine.tool(&repository, &["trigger"]);
    assert_ne!(ran.code, 0, "{}", ran.whole());
    (home, ran.stdout + &ran.stderr)
}

#[test]
fn https_to_a_port_that_speaks_http_is_told() {
    // What Jenkins's own web server says to bytes that are no request.
    let server = TlsServer::saying(b"HTTP/1.1 400 Illegal character CNTL=0x16\r\nConnection: close\r\n\r\n");
    let (home, said) = said_of(&server.url());
    filtered(&home, || {
        insta::assert_snapshot!(said, @"waiting main → shop/deploy: localhost port [PORT] does not speak TLS; if it speaks plain http, write as the server's URL http://localhost:[PORT]/, else the right port; then: jenkins-trigger retry");
    });
}

#[test]
fn http_to_a_port_that_speaks_tls_is_told() {
    // What Jenkins's own web server says there: an alert, "unexpected message".
    let server = TlsServer::saying(&[0x15, 3, 3, 0, 2, 2, 10]);
    let (home, said) = said_of(&format!("http://127.0.0.1:{}", server.port));
    filtered(&home, || {
        insta::assert_snapshot!(said, @"waiting main → shop/deploy: 127.0.0.1 port [PORT] answers something that is no HTTP, as one that speaks TLS does; write as the server's URL https://[JENKINS]/ in .jenkins-trigger.yml, then: jenkins-trigger trust");
    });
    // nginx's.
    let server = TlsServer::saying(
        b"HTTP/1.1 400 Bad Request\r\nServer: nginx\r\nContent-Length: 55\r\n\r\n\
          400 The plain HTTP request was sent to HTTPS port nginx",
    );
    let (home, said) = said_of(&format!("http://127.0.0.1:{}", server.port));
    filtered(&home, || {
        insta::assert_snapshot!(said, @"failed main → shop/deploy: 127.0.0.1 port [PORT] speaks TLS, and was asked without; write as the server's URL https://[JENKINS]/ in .jenkins-trigger.yml, then: jenkins-trigger trust");
    });
}

#[test]
fn a_server_that_speaks_only_old_tls_is_told() {
    // An alert, "protocol version".
    let server = TlsServer::saying(&[0x15, 3, 1, 0, 2, 2, 70]);
    let (home, said) = said_of(&server.url());
    filtered(&home, || {
        insta::assert_snapshot!(said, @"waiting main → shop/deploy: localhost port [PORT] speaks no TLS that is safe: neither 1.2 nor 1.3, or no cipher of these; switch TLS 1.2 or 1.3 on at the server; then: jenkins-trigger retry");
    });
}

#[test]
fn a_handshake_that_trickles_is_given_up_in_time() {
    let server = TlsServer::trickling();
    let begun = Instant::now();
    let (home, said) = said_of(&server.url());
    assert!(begun.elapsed() < Duration::from_secs(30), "{said}");
    filtered(&home, || {
        insta::assert_snapshot!(said, @"waiting main → shop/deploy: localhost port [PORT] does not answer; check the network or VPN; then: jenkins-trigger retry");
    });
}

#[test]
fn the_name_of_an_authority_pushes_nothing_out_of_sight() {
    let home = Home::new(&gits()[0]);
    let machine = Machine::new(&home);
    let long = Authority::new(&"Company Root ".repeat(1000));
    let repository = home.repository("shop", &file("https://localhost:9", "ca.pem"));
    repository.write("ca.pem", &long.pem);
    let ran = machine.tool(&repository, &["trust"]).succeeded();
    filtered(&home, || {
        insta::assert_snapshot!(ran.whole(), @"
        exit code: 0
        ----- stdout -----
        trusted: https://localhost:[PORT]/ may be sent your credentials from here
        trusted: ca.pem says who https://localhost:[PORT]/ is (CN=Company Root Company Root Company Root Company Root Company Root Company Root…, SHA-256 [SHA256])
        + shop/deploy on https://localhost:[PORT]/ (api)
        ----- stderr -----
        ");
    });
}

/// As hooks do: what others have looked at before it reached the default branch.
#[test]
fn whoami_takes_a_reviewed_authority_for_a_trusted_server() {
    let home = Home::new(&gits()[0]);
    let machine = Machine::new(&home);
    let jenkins = StandIn::start(shop());
    let private = Authority::new("Private Root");
    let server = TlsServer::before(&jenkins, &private.server());
    let repository = home.repository("shop", &file(&server.url(), "ca.pem"));
    repository.write("ca.pem", &Authority::new("Old Root").pem);
    machine.commit(&repository, "first");
    machine.tool(&repository, &["trust"]).succeeded();
    repository.write("ca.pem", &private.pem);
    machine.commit(&repository, "second");
    let own = machine.tool(&repository, &["whoami"]);
    assert!(
        own.stderr.contains("is not trusted in this repository"),
        "{}",
        own.whole()
    );
    review(&repository);
    machine.tool(&repository, &["whoami"]).succeeded();
}

/// Nobody has looked at what lies there, only at the file that names it.
#[test]
fn an_authority_outside_of_the_repository_is_not_reviewed_with_it() {
    let home = Home::new(&gits()[0]);
    let machine = Machine::new(&home);
    let jenkins = StandIn::start(shop());
    let private = Authority::new("Private Root");
    let server = TlsServer::before(&jenkins, &private.server());
    let outside = home.path("ca.pem");
    std::fs::write(&outside, &Authority::new("Old Root").pem).expect("a file");
    let repository = home.repository("shop", &file(&server.url(), &outside.display().to_string()));
    machine.commit(&repository, "first");
    machine.tool(&repository, &["trust"]).succeeded();
    review(&repository);
    std::fs::write(&outside, &private.pem).expect("a file");
    let ran = machine.tool(&repository, &["whoami"]);
    assert_eq!(ran.code, 1, "{}", ran.whole());
    assert!(
        ran.stderr.contains("is not trusted in this repository"),
        "{}",
        ran.whole()
    );
    assert_eq!(jenkins.requests().len(), 0);
}

/// What is checked out has reached the default branch of the remote.
fn review(repository: &Repository<'_>) {
    repository.git(&["remote", "add", "origin", "../origin.git"]);
    repository.git(&["update-ref", "refs/remotes/origin/main", "HEAD"]);
    repository.git(&[
        "symbolic-ref",
        "refs/remotes/origin/HEAD",
        "refs/remotes/origin/main",
    ]);
}

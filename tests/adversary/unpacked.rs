//! A repository out of an archive: its config, its hooks, what waits in it and whom it trusts are all
//! somebody else's.

use std::fs;
use std::path::Path;

use jenkins_stand_in::StandIn;

use crate::canary::{OWN, Search, found_in};
use crate::scene::{ask_all, command, file, home, setup, tool, wait_for_all};
use crate::support::{Home, Ran, Repository, TOKEN, write_script};

/// A program of the adversary's: it writes down all that it is told.
fn spy(home: &Home) -> std::path::PathBuf {
    let spy = home.path("spy");
    let log = home.path("spied");
    let script = format!(
        "#!/bin/sh\nexec 9>>'{0}'\necho \"called $0 $*\" >&9\ncat /proc/self/environ >&9\ncat /proc/$PPID/environ /proc/$PPID/cmdline >&9\n\
         [ \"$1\" = get ] && cat >&9\nexit 0\n",
        log.display()
    );
    write_script(&spy, script, 0o755);
    spy
}

fn set(repository: &Repository<'_>, key: &str, value: &str) {
    repository.git(&["config", "--local", "--add", key, value]);
}

/// All that a repository's own config can make git do, and what could widen what this tool does.
fn spoil(repository: &Repository<'_>, spy: &Path, trusted: &StandIn, evil: &StandIn) {
    let spy = spy.display().to_string();
    let included = repository.home.path("included");
    fs::write(
        &included,
        format!(
            "[jenkinsTrigger]\n\tallowPlainHttp = *\n\tallow = *\n[credential]\n\thelper = !{spy} included\n"
        ),
    )
    .expect("a file");
    for (key, value) in [
        ("core.fsmonitor", spy.clone()),
        ("core.sshCommand", spy.clone()),
        ("core.askPass", spy.clone()),
        ("core.pager", spy.clone()),
        ("core.editor", spy.clone()),
        ("core.alternateRefsCommand", spy.clone()),
        ("credential.helper", format!("!{spy} helper")),
        (
            &format!("credential.{}.helper", trusted.url()),
            format!("!{spy} helper"),
        ),
        ("diff.external", spy.clone()),
        ("gpg.program", spy.clone()),
        ("uploadpack.packObjectsHook", spy.clone()),
        ("http.proxy", evil.url()),
        ("http.sslCert", "/dev/null".into()),
        ("http.extraHeader", "X-Evil: 1".into()),
        (&format!("url.{}.insteadOf", evil.url()), trusted.url()),
        ("include.path", included.display().to_string()),
        ("jenkinsTrigger.allowPlainHttp", trusted.url()),
        ("jenkinsTrigger.allowPlainHttp", "http://ci.invalid:8080".into()),
        ("jenkinsTrigger.allow", "*".into()),
        ("jenkinsTrigger.allow", format!("{} **", evil.url())),
        ("alias.config", format!("!{spy} alias")),
        ("filter.spy.clean", spy.clone()),
        ("filter.spy.smudge", spy.clone()),
    ] {
        set(repository, key, &value);
    }
    repository.write(".gitattributes", "*.txt filter=spy diff=spy\n");
}

/// As a trigger lies in a spool.
fn planted(server: &StandIn, number: u32, job: &str) -> String {
    format!(
        "{{\"v\":1,\"id\":\"01K0000000000000000000000{number}\",\"created\":\"2026-01-02T03:04:05Z\",\"event\":\"post-commit\",\
         \"rules\":[\"x\"],\"server\":\"{}/\",\"method\":\"api\",\"job\":\"{job}\",\"parameters\":[[\"NOTE\",\"planted\"]],\
         \"cause\":\"\",\"branch\":\"main\",\"sha\":\"0000000000000000000000000000000000000000\"}}\n",
        server.url()
    )
}

#[test]
fn a_repository_that_somebody_else_made_gets_no_secret_and_sends_nothing() {
    for format in ["sha1", "sha256"] {
        let home = home();
        let (trusted, evil) = (StandIn::start(setup()), StandIn::start(setup()));
        // The user has allowed his own repository, and so this server.
        let own = home.repository("own", &file(&trusted, "{ job: shop/deploy }"));
        own.install();
        let option = format!("--object-format={format}");
        let both = format!(
            "version: 1\nservers:\n  main: {}\n  other: {}\n  far: http://ci.invalid:8080\ndefaults: {{ server: main }}\n\
             jobs:\n  - {{ job: shop/prod }}\n  - {{ job: shop/deploy, server: other }}\n  - {{ job: shop/deploy, server: far }}\n",
            trusted.url(),
            evil.url()
        );
        let repository = home.repository_with("unpacked", &both, &[&option]);
        repository.write("a.txt", "text");
        repository.commit("theirs");
        let spy = spy(&home);
        spoil(&repository, &spy, &trusted, &evil);
        let spool = repository.spool();
        fs::create_dir_all(spool.join("new")).expect("a folder");
        for folder in [&spool, &spool.join("new")] {
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o700);
            fs::set_permissions(folder, mode).expect("a mode");
        }
        for (number, (server, job)) in [(1, (&trusted, "shop/prod")), (2, (&evil, "shop/deploy"))] {
            let name = format!("01K0000000000000000000000{number}.json");
            fs::write(spool.join("new").join(name), planted(server, number, job)).expect("a file");
        }
        let state = home.path("state/jenkins-trigger/trust");
        let trust = fs::read_to_string(&state).expect("the record");
        let trust = trust
            .replace(
                &own.folder.display().to_string(),
                &repository.folder.display().to_string(),
            )
            .replace(&trusted.url(), &evil.url());
        for place in ["trust", "state/jenkins-trigger/trust", "jenkins-trigger/trust"] {
            repository.write(&format!(".git/{place}"), &trust);
        }

        let said = ask_all(&repository, TOKEN);
        wait_for_all(&home);
        let more = tool(&repository, &["trust", "--list"]);
        assert_eq!(trusted.posts(), []);
        for request in trusted.requests() {
            assert!(!request.target.contains("prod"), "{request:?}");
        }
        let spied = fs::read(home.path("spied")).unwrap_or_default();
        assert_eq!(
            found_in(&spied, &OWN),
            None,
            "{}",
            String::from_utf8_lossy(&spied)
        );
        // It would have been.
        home.command("git", &repository.folder)
            .args(["status"])
            .output()
            .expect("git");
        let spied = fs::read(home.path("spied")).expect("the spy was called");
        assert!(found_in(&spied, &OWN).is_some());
        fs::remove_file(home.path("spied")).expect("what the spy wrote");
        Search::of(&home)
            .trusted(&trusted)
            .other(&evil)
            .all_said(said)
            .all_said([more])
            .assert_nowhere();
    }
}

/// An id is a part of the names of files.
#[test]
fn what_lies_in_an_unpacked_spool_leads_to_no_file_outside_of_it() {
    let home = home();
    let jenkins = StandIn::start(setup());
    let repository = home.repository("unpacked", &file(&jenkins, "{ job: shop/deploy }"));
    repository.commit("theirs");
    // From the folder of a spool's entries.
    let (own, way) = (home.path("home/settings.json"), "../../../../../home/settings");
    assert!(
        repository
            .spool()
            .join("new")
            .join(way)
            .with_extension("json")
            .starts_with(home.path(""))
    );
    fs::write(&own, "{}").expect("a file");
    let spool = repository.spool();
    let id = "01K00000000000000000000001";
    let trigger = planted(&jenkins, 1, "shop/deploy");
    let led = trigger.replace(id, way);
    let push = |id: &str, trigger: &str| {
        format!(
            "{{\"v\":1,\"id\":\"{id}\",\"created\":\"2026-01-02T03:04:05Z\",\"git\":{{\"pid\":0,\"started\":0}},\
             \"remote\":\"origin\",\"address\":\"/nowhere\",\"max_triggers\":9,\"references\":[{{\
             \"reference\":\"refs/heads/main\",\"new\":\"00\",\"triggers\":[{}]}}]}}\n",
            trigger.trim()
        )
    };
    for (place, content) in [
        ("new/01K00000000000000000000001.json", led.clone()),
        (
            "new/01K00000000000000000000002.json",
            trigger.replace("\"cause\"", &format!("\"with\":[\"{way}\"],\"cause\"")),
        ),
        ("failed/01K00000000000000000000003.json", led.clone()),
        ("pushes/01K00000000000000000000004.json", push(way, &trigger)),
        (
            "undecided/01K00000000000000000000005.json",
            push("01K00000000000000000000005", &led),
        ),
    ] {
        let path = spool.join(place);
        for folder in path
            .ancestors()
            .skip(1)
            .take(2)
            .collect::<Vec<_>>()
            .into_iter()
            .rev()
        {
            fs::create_dir_all(folder).expect("a folder");
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o700);
            fs::set_permissions(folder, mode).expect("a mode");
        }
        fs::write(path, content).expect("a file");
    }
    for trusted in [false, true] {
        if trusted {
            tool(&repository, &["trust", "--yes"]).succeeded();
        }
        for arguments in [&["retry", "--all"][..], &["status"], &["cancel", "--all"]] {
            tool(&repository, arguments);
            let content = fs::read_to_string(&own).ok();
            assert_eq!(content.as_deref(), Some("{}"), "{arguments:?}");
            wait_for_all(&home);
        }
    }
    assert_eq!(jenkins.posts(), []);
}

/// A pipe has no end as long as nobody writes to it.
#[test]
fn no_hook_waits_for_what_lies_in_an_unpacked_spool() {
    let home = home();
    let jenkins = StandIn::start(setup());
    let repository = home.repository("unpacked", &file(&jenkins, "{ job: shop/deploy }"));
    repository.install();
    repository.commit("first");
    repository.wait_for_journal(1);
    wait_for_all(&home);
    let spool = repository.spool();
    for place in ["new", "failed", "pushes", "undecided"] {
        let folder = spool.join(place);
        fs::create_dir_all(&folder).expect("a folder");
        fs::set_permissions(&folder, std::os::unix::fs::PermissionsExt::from_mode(0o700)).expect("a mode");
        let pipe = folder.join("01K00000000000000000000001.json");
        home.command("mkfifo", &folder)
            .arg(pipe)
            .status()
            .expect("mkfifo");
    }
    let mut commit = command(&home, "timeout", &repository.folder);
    commit.args(["20", "git", "commit", "--allow-empty", "-q", "-m", "second"]);
    let ran = Ran::of(&mut commit);
    assert_eq!(ran.code, 0, "{}", ran.whole());
    // What can be read goes out all the same.
    repository.wait_for_journal(2);
    assert_eq!(jenkins.posts().len(), 2);
}

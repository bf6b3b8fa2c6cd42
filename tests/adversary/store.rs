//! Whoever gets at the file that the secrets are kept in.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jenkins_stand_in::StandIn;

use crate::canary::Search;
use crate::scene::{command, file, home, setup, wait_for_all};
use crate::support::{Home, Ran, Repository, TOKEN, USER, program};

fn store(home: &Home) -> PathBuf {
    home.path("home/.config/jenkins-trigger/credentials")
}

/// A store as `login` writes it.
fn content(trusted: &StandIn, token: &str) -> String {
    format!(
        "{{\"v\":1,\"servers\":[{{\"url\":\"{}/\",\"user\":\"{USER}\",\"token\":\"{token}\",\"job_tokens\":[]}}]}}\n",
        trusted.url()
    )
}

fn write(path: &Path, content: &str, mode: u32) {
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    fs::set_permissions(
        path.parent().expect("a folder"),
        fs::Permissions::from_mode(0o700),
    )
    .expect("a mode");
    fs::write(path, content).expect("a file");
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("a mode");
}

/// The tool for who has his secrets in the store alone.
fn tool(repository: &Repository<'_>, arguments: &[&str]) -> Ran {
    let mut tool = command(repository.home, program(), &repository.folder);
    tool.args(arguments);
    for variable in [
        "JENKINS_USER_ID",
        "JENKINS_API_TOKEN",
        "JENKINS_TRIGGER_TOKEN_DEPLOY",
    ] {
        tool.env_remove(variable);
    }
    Ran::of(&mut tool)
}

fn repository<'a>(home: &'a Home, trusted: &StandIn) -> Repository<'a> {
    let repository = home.repository("shop", &file(trusted, "{ job: shop/deploy }"));
    repository.install();
    repository.git(&["add", "--all"]);
    repository.git(&["-c", "core.hooksPath=/dev/null", "commit", "-q", "-m", "work"]);
    repository
}

#[test]
fn a_store_that_is_not_the_user_s_alone_is_not_used_and_nothing_of_it_is_said() {
    type Spoil = fn(&Path);
    let ways: [(&str, Spoil); 6] = [
        ("chmod", |store| mode(store, 0o644)),
        ("chmod", |store| mode(store, 0o640)),
        ("chmod", |store| mode(store, 0o602)),
        ("chmod", |store| mode(store.parent().expect("a folder"), 0o777)),
        ("a link", |store| {
            let elsewhere = store.with_file_name("elsewhere");
            fs::rename(store, &elsewhere).expect("a move");
            symlink(&elsewhere, store).expect("a link");
        }),
        ("credentials", |store| {
            fs::remove_file(store).expect("the store");
            fs::create_dir(store).expect("a folder");
        }),
    ];
    for (said, spoil) in ways {
        let home = home();
        let trusted = StandIn::start(setup());
        let repository = repository(&home, &trusted);
        let store = store(&home);
        write(&store, &content(&trusted, TOKEN), 0o600);
        assert_eq!(tool(&repository, &["trigger"]).code, 0, "as long as it is sound");
        trusted.clear_requests();
        spoil(&store);
        let mut search = Search::of(&home)
            .other(&trusted)
            .own_file(store.clone())
            .own_file(store.with_file_name("elsewhere"));
        for arguments in [
            &["trigger"][..],
            &["whoami"],
            &["retry"],
            &["status"],
            &["check"],
            &["doctor"],
        ] {
            let ran = tool(&repository, arguments);
            if arguments == ["trigger"] {
                assert_eq!(ran.code, 1, "{}", ran.whole());
                assert!(ran.whole().contains(said), "{}", ran.whole());
            }
            if arguments == ["doctor"] {
                // It asks, as nobody.
                trusted.clear_requests();
            }
            search.said(ran);
        }
        wait_for_all(&home);
        search.assert_nowhere();
    }
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("a mode");
}

/// Again and again somebody puts a link, or a file that others can read, in the place of the store, and
/// the store back: what is checked is what is read.
#[test]
fn a_store_that_is_replaced_while_it_is_read_is_used_as_it_should_be_or_not_at_all() {
    const OTHER: &str = "11another0token0that0nobody0checked";
    let home = home();
    let trusted = StandIn::start(setup());
    let repository = repository(&home, &trusted);
    let store = store(&home);
    let spoilt = |name: &str| store.with_file_name(name);
    write(&store, &content(&trusted, TOKEN), 0o600);
    write(&spoilt("sound"), &content(&trusted, TOKEN), 0o600);
    write(&spoilt("open"), &content(&trusted, OTHER), 0o644);
    let stopped = AtomicBool::new(false);
    let mut said = Vec::new();
    thread::scope(|scope| {
        scope.spawn(|| {
            let put = |name: &str| {
                let draft = spoilt("draft");
                let _ = fs::remove_file(&draft);
                match name {
                    "link" => symlink(spoilt("open"), &draft).expect("a link"),
                    // With its mode.
                    name => drop(fs::copy(spoilt(name), &draft).expect("a copy")),
                }
                fs::rename(&draft, &store).expect("a move");
            };
            while !stopped.load(Ordering::Relaxed) {
                for name in ["link", "sound", "open", "sound"] {
                    put(name);
                }
            }
        });
        for _ in 0..60 {
            said.push(tool(&repository, &["trigger"]));
        }
        stopped.store(true, Ordering::Relaxed);
    });
    let used = said.iter().filter(|ran| ran.code == 0).count();
    assert!(used > 0 && used < said.len(), "{used} times it was used");
    wait_for_all(&home);
    let sound = format!("Basic {}", STANDARD.encode(format!("{USER}:{TOKEN}")));
    for request in trusted.requests() {
        let sent = request.header("Authorization");
        assert!(sent.is_none_or(|sent| sent == sound.as_bytes()), "{request:?}");
    }
    for ran in &said {
        assert!(!ran.whole().contains(OTHER), "{}", ran.whole());
    }
    Search::of(&home)
        .trusted(&trusted)
        .all_said(said)
        .own_file(store.clone())
        .own_file(spoilt("sound"))
        .own_file(spoilt("draft"))
        .assert_nowhere();
}

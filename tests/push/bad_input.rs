//! What the hook may be told instead of what git says.

use std::fs;
use std::process::Stdio;

use crate::scene::{Scene, said, with_all_gits};
use crate::support::{Ran, program, with_each_git, write_script};

/// Runs a push at whose hook ours is told each of these words and inputs, and returns what it did
/// each time.
fn told(scene: &Scene<'_>, tells: &[(&str, &[u8])]) -> Vec<Ran> {
    let folder = scene.home.path("told");
    fs::create_dir(&folder).expect("a folder");
    let mut script = format!(
        "#!/bin/sh\nGIT_DIR=$PWD/.git\nexport GIT_DIR\ncd '{}'\n",
        folder.display()
    );
    for (n, (words, input)) in tells.iter().enumerate() {
        fs::write(folder.join(format!("{n}.input")), input).expect("an input");
        script.push_str(&format!(
            "'{}' hook pre-push {words} <{n}.input >{n}.stdout 2>{n}.stderr\necho $? >{n}.code\n",
            program().display()
        ));
    }
    write_script(&scene.clone.path(".git/hooks/pre-push"), script, 0o755);
    scene.pushed(&["--dry-run", "origin", "main"]);
    let read = |n: usize, name: &str| {
        let bytes = fs::read(folder.join(format!("{n}.{name}"))).expect("what it did");
        String::from_utf8_lossy(&bytes).into_owned()
    };
    let ran = |n: usize| Ran {
        code: read(n, "code").trim().parse().expect("a code"),
        stdout: read(n, "stdout"),
        stderr: read(n, "stderr"),
    };
    (0..tells.len()).map(ran).collect()
}

#[test]
fn whatever_the_hook_is_told_it_ends_well_and_fires_nothing() {
    with_each_git(|home| {
        let scene = Scene::by_path(home);
        let id = scene.commit("work");
        let zeros = "0".repeat(id.len());
        let long = "x".repeat(1 << 20);
        let line = format!("refs/heads/main {id} refs/heads/main {zeros}\n");
        let origin = format!("origin '{}'", scene.server.url());
        let cut = |length: usize| line.as_bytes()[..length].to_vec();
        let inputs: Vec<Vec<u8>> = vec![
            Vec::new(),
            b"\n\n\n".to_vec(),
            b"no line of references\n".to_vec(),
            b"four words but nonsense\n".to_vec(),
            cut(10),
            cut(40),
            cut(70),
            cut(line.len() - 30),
            cut(line.len() - 1),
            line.replace(' ', "  ").into_bytes(),
            line.replace(&id, &id[1..]).into_bytes(),
            line.replace(&id, &"f".repeat(id.len())).into_bytes(),
            line.replace(&zeros, &"f".repeat(id.len())).into_bytes(),
            format!("refs/heads/{long} {id} refs/heads/{long} {zeros}\n").into_bytes(),
            format!("refs/tags/{long} {id} refs/tags/{long} {zeros}\n").into_bytes(),
            long.into_bytes(),
            (0..=255).cycle().take(100_000).collect(),
            format!("refs/heads/\u{0} {id} refs/heads/\u{0} {zeros}\n{line}").into_bytes(),
            format!("refs/heads/\u{1b}[31m {id} refs/heads/\u{1b}[31m {zeros}\n").into_bytes(),
            line.repeat(100).into_bytes(),
        ];
        let mut tells: Vec<(&str, &[u8])> = inputs
            .iter()
            .map(|input| (origin.as_str(), input.as_slice()))
            .collect();
        for words in [
            "",
            "origin",
            "nonsense \"$(printf '\\033[31m')\"",
            "'' ''",
            "a b c d",
        ] {
            tells.push((words, line.as_bytes()));
        }
        for ((words, input), ran) in tells.iter().zip(told(&scene, &tells)) {
            let shown = String::from_utf8_lossy(&input[..input.len().min(100)]);
            let text = &ran.stderr[..ran.stderr.len().min(1000)];
            assert_eq!(
                (ran.code, ran.stdout.as_str()),
                (0, ""),
                "{words} {shown:?}: {text}"
            );
            for sign in ["panicked", "fault of its own", "\u{1b}"] {
                assert!(!ran.stderr.contains(sign), "{words} {shown:?}: {text:?}");
            }
        }
        scene.assert_fired(&[]);
        // And nothing of that is in the way of what comes.
        fs::remove_file(scene.clone.path(".git/hooks/pre-push")).expect("the hook");
        scene.install(&scene.clone.folder);
        scene.pushed(&["origin", "main"]);
        scene.assert_fired(&["main"]);
    });
}

#[test]
fn with_everything_closed_it_ends_well() {
    with_each_git(|home| {
        let scene = Scene::by_path(home);
        let script = format!(
            "exec '{}' hook pre-push origin x <&- >&- 2>&-",
            program().display()
        );
        let mut shell = home.command("sh", &scene.clone.folder);
        assert_eq!(Ran::of(shell.args(["-c", &script])).code, 0);
        scene.assert_fired(&[]);
    });
}

/// Some clients run git's hooks and speak to the remote themselves.
#[test]
fn without_a_git_that_pushes_the_remote_is_asked_until_it_has_it() {
    with_all_gits(|home| {
        let scene = Scene::by_path(home);
        let old = scene.clone.head();
        let new = scene.commit("work");
        let mut hook = home.command(program(), &scene.clone.folder);
        hook.args(["hook", "pre-push", "origin", &scene.server.url()]);
        let line = home.path("line");
        fs::write(&line, format!("refs/heads/main {new} refs/heads/main {old}\n")).expect("a line");
        hook.stdin(Stdio::from(fs::File::open(&line).expect("the line")));
        let ran = Ran::of(&mut hook).succeeded();
        assert_eq!(said(&ran).len(), 1, "{}", ran.whole());
        scene.pushed(&["--no-verify", &scene.server.url(), "main"]);
        scene.assert_fired(&["main"]);
    });
}

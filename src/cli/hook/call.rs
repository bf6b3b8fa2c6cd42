//! What a hook script, or git's config, asks for.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::install::chain::Chained;

/// A hook of git's that this program serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hook {
    /// After a commit.
    Commit,
    /// After a merge, a fast-forward included.
    Merge,
    /// After an amended commit and after a rebase.
    Rewrite,
    /// Before a push, where it was made.
    Push,
    /// After a push, where it was received.
    Receive,
}

impl Hook {
    const ALL: [Self; 5] = [
        Self::Commit,
        Self::Merge,
        Self::Rewrite,
        Self::Push,
        Self::Receive,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Commit => "post-commit",
            Self::Merge => "post-merge",
            Self::Rewrite => "post-rewrite",
            Self::Push => "pre-push",
            Self::Receive => "post-receive",
        }
    }
}

/// The event of a config hook: one command serves several hooks, and git does not say which.
const CONFIG: &str = "config";

/// `hook [--chain PATH] [--everywhere] EVENT [ARGUMENT...]`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Call {
    pub(super) chained: Option<Chained>,
    /// Whether it was installed for every repository of the user, and not for this one.
    pub(super) everywhere: bool,
    pub(super) event: OsString,
    /// `None`: `post-commit` or `post-receive`, as the folder has it, or, with a chained hook,
    /// one that this version does not know.
    pub(super) hook: Option<Hook>,
    pub(super) arguments: Vec<OsString>,
}

impl Call {
    /// Reads the words after `hook`.
    ///
    /// # Errors
    /// What is wrong with them, in one line.
    pub(super) fn read(words: &[OsString]) -> Result<Self, String> {
        let mut words = words.iter();
        let mut chained = None;
        let mut everywhere = false;
        let event = loop {
            match words.next() {
                Some(word) if word == "--chain" => {
                    let path = words.next().ok_or("`hook --chain` needs the path of a hook")?;
                    chained = Some(Chained::new(PathBuf::from(path)));
                }
                Some(word) if word == "--everywhere" => everywhere = true,
                Some(event) => break event,
                None => return Err(unknown("")),
            }
        };
        let arguments: Vec<OsString> = words.cloned().collect();
        let hook = match Hook::ALL.into_iter().find(|hook| event == hook.name()) {
            None if event == CONFIG => told_by(&arguments)?,
            // The user's hook is there to be run, whatever an older version makes of its event.
            None if chained.is_none() => return Err(unknown(&event.to_string_lossy())),
            found => found,
        };
        Ok(Self {
            chained,
            everywhere,
            event: event.clone(),
            hook,
            arguments,
        })
    }

    /// Whether git can have done anything that counts, as far as the arguments tell.
    pub(super) fn is_of_interest(&self) -> bool {
        let first = self.arguments.first();
        match self.hook {
            // A squashed merge has made no commit yet.
            Some(Hook::Merge) => first.is_some_and(|word| word == "0"),
            // An amended commit has had its `post-commit`.
            Some(Hook::Rewrite) => first.is_some_and(|word| word == "rebase"),
            Some(Hook::Commit | Hook::Push | Hook::Receive) => true,
            None => self.event == CONFIG,
        }
    }
}

/// The hook that git runs with these arguments.
fn told_by(arguments: &[OsString]) -> Result<Option<Hook>, String> {
    match arguments {
        [] => Ok(None),
        [word] if word == "0" || word == "1" => Ok(Some(Hook::Merge)),
        [word] if word == "amend" || word == "rebase" => Ok(Some(Hook::Rewrite)),
        // The remote and its address.
        [_, _] => Ok(Some(Hook::Push)),
        _ => Err(
            "git's config runs `jenkins-trigger hook config` for a hook that it does not serve; see: git config \
             --get-regexp '^hook\\.'"
                .into(),
        ),
    }
}

fn unknown(event: &str) -> String {
    let known: Vec<&str> = Hook::ALL.into_iter().map(Hook::name).collect();
    format!("unknown hook {event}; this version knows {}", known.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &[&str]) -> Result<Call, String> {
        let words: Vec<OsString> = words.iter().map(OsString::from).collect();
        Call::read(&words)
    }

    #[test]
    fn the_arguments_tell_a_config_hook_s_event() {
        let cases: &[(&[&str], Option<Hook>)] = &[
            (&[], None),
            (&["0"], Some(Hook::Merge)),
            (&["1"], Some(Hook::Merge)),
            (&["amend"], Some(Hook::Rewrite)),
            (&["rebase"], Some(Hook::Rewrite)),
            (&["origin", "../shop.git"], Some(Hook::Push)),
        ];
        for (arguments, hook) in cases {
            let call = read(&[&["--everywhere", "config"], *arguments].concat()).expect("a call");
            assert_eq!(call.hook, *hook, "{arguments:?}");
            assert!(call.everywhere);
        }
        for arguments in [&["2"][..], &[""], &["a", "b", "c"]] {
            assert!(read(&[&["config"], arguments].concat()).is_err(), "{arguments:?}");
        }
    }

    #[test]
    fn options_come_first_and_everything_after_the_event_is_an_argument() {
        let call = read(&["--chain", "mine", "post-merge", "--chain", "1"]).expect("a call");
        assert_eq!(call.arguments, ["--chain", "1"]);
        assert_eq!(call.chained, Some(Chained::new("mine".into())));
        assert!(!call.everywhere);
        for words in [
            &[][..],
            &["--chain"],
            &["--chain", "x"],
            &["--help"],
            &["post-teleport"],
        ] {
            assert!(read(words).is_err(), "{words:?}");
        }
        let newer = read(&["--chain", "mine", "post-teleport"]).expect("a call");
        assert!(!newer.is_of_interest());
    }
}

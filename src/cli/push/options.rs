//! What the arguments of `git push` say, read as git's own parser reads them (`parse-options.c`,
//! `builtin/push.c`), as far as this tool has to know.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt as _;

use bstr::{BStr, BString, ByteSlice as _};

/// The long options, and whether they take a value that may be the next word. One that is missing
/// here is taken for a switch.
const LONG: &[(&str, bool)] = &[
    ("all", false),
    ("atomic", false),
    ("branches", false),
    ("delete", false),
    ("dry-run", false),
    ("exec", true),
    ("follow-tags", false),
    ("force", false),
    ("force-if-includes", false),
    ("force-with-lease", false),
    ("ipv4", false),
    ("ipv6", false),
    ("mirror", false),
    ("porcelain", false),
    ("progress", false),
    ("prune", false),
    ("push-option", true),
    ("quiet", false),
    ("receive-pack", true),
    ("recurse-submodules", true),
    ("repo", true),
    ("set-upstream", false),
    ("signed", false),
    ("tags", false),
    ("thin", false),
    ("verbose", false),
    ("verify", false),
];

/// What the arguments say.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Options {
    /// Nothing is pushed.
    pub(super) dry_run: bool,
    /// The user wants to read the lines for programs himself.
    pub(super) porcelain: bool,
    /// Above 0: `--verbose`; below: `--quiet`.
    pub(super) verbosity: i32,
    /// The remote, or an address.
    pub(super) remote: Option<BString>,
    pub(super) refspecs: Vec<BString>,
    /// How many of the arguments stand before what can be no option any more.
    end: usize,
    /// Whether the last option lacks its value: what is put after it would become that.
    cut_off: bool,
    not_porcelain: bool,
}

impl Options {
    pub(super) fn of(arguments: &[OsString]) -> Self {
        let mut options = Self::default();
        let mut repo = None;
        let mut positional = Vec::new();
        let mut words = arguments.iter().enumerate();
        options.end = arguments.len();
        while let Some((place, word)) = words.next() {
            let bytes = word.as_bytes();
            if bytes == b"--" || bytes == b"--end-of-options" {
                options.end = place;
                positional.extend(words.by_ref().map(|(_, word)| word));
            } else if let Some(long) = bytes.strip_prefix(b"--") {
                let (name, value) = match long.split_once_str("=") {
                    Some((name, value)) => (name, Some(BString::from(value))),
                    None => (long, None),
                };
                let Some((name, takes_value, on)) = long_option(name) else {
                    continue;
                };
                if takes_value && on {
                    let value = value.or_else(|| Some(words.next()?.1.as_bytes().into()));
                    options.cut_off = value.is_none();
                    if name == "repo" {
                        repo = value;
                    }
                } else {
                    options.switch(name, on);
                }
            } else if let Some(letters) = bytes.strip_prefix(b"-").filter(|letters| !letters.is_empty()) {
                // The rest of the word, or the next one, is the value of `-o`.
                let (switches, value) = match letters.split_once_str("o") {
                    Some((switches, value)) => (switches, Some(value)),
                    None => (letters, None),
                };
                for letter in switches {
                    options.short(*letter);
                }
                if value.is_some_and(<[u8]>::is_empty) {
                    options.cut_off = words.next().is_none();
                }
            } else {
                positional.push(word);
            }
        }
        let mut positional = positional.into_iter().map(|word| BString::from(word.as_bytes()));
        options.remote = positional.next().or(repo);
        options.refspecs = positional.collect();
        options
    }

    fn short(&mut self, letter: u8) {
        match letter {
            b'n' => self.switch("dry-run", true),
            b'q' => self.switch("quiet", true),
            b'v' => self.switch("verbose", true),
            _ => {}
        }
    }

    fn switch(&mut self, name: &str, on: bool) {
        match (name, on) {
            ("dry-run", on) => self.dry_run = on,
            ("porcelain", on) => {
                self.porcelain = on;
                self.not_porcelain = !on;
            }
            // As `parse_opt_verbosity_cb` counts.
            ("quiet", true) => self.verbosity = self.verbosity.min(0) - 1,
            ("verbose", true) => self.verbosity = self.verbosity.max(0) + 1,
            ("quiet" | "verbose", false) => self.verbosity = 0,
            _ => {}
        }
    }

    /// The arguments with which git prints for each reference what became of it, whatever else
    /// the user wants it to print.
    pub(super) fn telling(&self, arguments: &[OsString]) -> Vec<OsString> {
        let mut added: Vec<&str> = Vec::new();
        if self.not_porcelain {
            added.push("--porcelain");
        }
        if self.verbosity < 0 {
            added.extend(["--no-quiet", "--no-progress"]);
        }
        if self.cut_off {
            added.clear();
        }
        let (options, rest) = arguments.split_at(self.end);
        [OsString::from("--porcelain")]
            .into_iter()
            .chain(options.iter().cloned())
            .chain(added.into_iter().map(OsString::from))
            .chain(rest.iter().cloned())
            .collect()
    }
}

/// The option that this is the name of, or the beginning of only one name; whether it takes a
/// value, and whether it is switched on.
fn long_option(given: &[u8]) -> Option<(&'static str, bool, bool)> {
    let given = BStr::new(given);
    let names = || {
        let both = |(name, takes_value): &(&'static str, bool)| {
            let no = (format!("no-{name}"), *name, *takes_value, false);
            [((*name).to_owned(), *name, *takes_value, true), no]
        };
        LONG.iter().flat_map(both)
    };
    let exact = names().find(|(full, ..)| full.as_bytes() == given.as_bytes());
    let mut beginnings = names().filter(|(full, ..)| full.as_bytes().starts_with(given));
    let found = exact.or_else(|| {
        let first = beginnings.next();
        first.filter(|_| beginnings.next().is_none())
    });
    found.map(|(_, name, takes_value, on)| (name, takes_value, on))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        line.split_whitespace().map(OsString::from).collect()
    }

    fn of(line: &str) -> Options {
        Options::of(&words(line))
    }

    #[test]
    fn a_dry_run_is_seen_in_every_spelling_that_git_takes() {
        for line in [
            "-n",
            "--dry-run",
            "--dry",
            "--dr",
            "origin main -n",
            "-fn",
            "-nf origin",
            "--no-dry-run --dry-run",
            "-no ci.skip",
            "-o x -n",
            "-ox -n",
            "--repo origin -n",
            "--force-with-lease -n",
            "--signed --dry-run main",
            "--no-recurse-submodules -n",
        ] {
            assert!(of(line).dry_run, "{line}");
        }
    }

    #[test]
    fn what_is_no_option_is_no_dry_run() {
        for line in [
            "",
            "origin n",
            "-o -n",
            "-fo -n",
            "-on",
            "-o--dry-run",
            "--push-option --dry-run",
            "--push -n",
            "--push-option=-n",
            "--repo -n",
            "--rep --dry-run",
            "--receive-pack -n",
            "--exec --dry-run",
            "--recurse-submodules -n",
            "-- -n",
            "origin -- --dry-run",
            "--end-of-options --dry-run",
            "--dry-run --no-dry-run",
            "-n --no-dry",
            "--dry-runs",
            "-",
        ] {
            assert!(!of(line).dry_run, "{line}");
        }
    }

    #[test]
    fn the_last_word_about_what_is_printed_counts() {
        for (line, verbosity) in [
            ("-q", -1),
            ("--quiet", -1),
            ("-fq", -1),
            ("-q --no-quiet", 0),
            ("-q -v", 1),
            ("-vv", 2),
            ("-v -q", -1),
            ("--no-verbose", 0),
            ("--no-verify", 0),
        ] {
            assert_eq!(of(line).verbosity, verbosity, "{line}");
        }
        assert!(of("--porcelain").porcelain);
        assert!(of("--po").porcelain);
        assert!(!of("--porcelain --no-porcelain").porcelain);
    }

    #[test]
    fn the_remote_and_what_is_pushed_are_the_words_left_over() {
        let options = of("-f origin --tags main v1");
        assert_eq!(options.remote, Some("origin".into()));
        assert_eq!(options.refspecs, ["main", "v1"]);
        assert_eq!(of("--repo=backup").remote, Some("backup".into()));
        assert_eq!(of("--repo backup origin").remote, Some("origin".into()));
        assert_eq!(of("-- -x").remote, Some("-x".into()));
        assert_eq!(of("-u").remote, None);
    }

    #[test]
    fn what_git_is_told_on_top_never_changes_what_it_pushes() {
        for (line, expected) in [
            ("-u origin main", "--porcelain -u origin main"),
            (
                "-q origin -- main",
                "--porcelain -q origin --no-quiet --no-progress -- main",
            ),
            (
                "origin --no-porcelain",
                "--porcelain origin --no-porcelain --porcelain",
            ),
            ("-q -o", "--porcelain -q -o"),
            ("-q --repo", "--porcelain -q --repo"),
        ] {
            assert_eq!(of(line).telling(&words(line)), words(expected), "{line}");
        }
    }
}

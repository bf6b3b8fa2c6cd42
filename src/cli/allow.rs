//! What pushes into a repository may trigger, as its owner has bounded it in its own git config.

use bstr::{BString, ByteSlice as _};

use super::reviewed;
use crate::config::{Config, EventKind, PatternList, Rule};
use crate::credentials::trust::ALLOW_SETTING;
use crate::deliver;
use crate::git::{Error, Repository};
use crate::ui::Printer;

/// The values of [`ALLOW_SETTING`], each a server and a pattern of jobs on it.
#[derive(Debug, Default)]
pub(super) struct Allow {
    entries: Vec<Entry>,
    /// The values that cannot be read, each with why. They allow nothing.
    pub(super) wrong: Vec<String>,
    /// All of them, as they are written.
    pub(super) values: Vec<BString>,
}

#[derive(Debug)]
struct Entry {
    /// The value as it is written.
    text: String,
    server: Servers,
    /// `None`: every job.
    jobs: Option<PatternList>,
}

#[derive(Debug)]
enum Servers {
    Every,
    /// The base URL, without the `/` at its end.
    One(String),
    /// The scheme, and what comes after `://`.
    Like(PatternList, PatternList),
}

/// Says what pushes into this repository may trigger, where its owner has bounded it, and which rules
/// of the file are outside of that.
pub(super) fn say_bound(printer: &Printer, repository: &Repository, config: &Config) -> Result<(), Error> {
    let Some(allow) = Allow::of(repository)? else {
        return Ok(());
    };
    allow.tell(printer);
    for outside in allow.outside(config) {
        printer.warning(&outside);
    }
    Ok(())
}

impl Allow {
    /// What the repository's owner has set; `None` if that is nothing.
    ///
    /// # Errors
    /// What libgit2 or git says.
    pub(super) fn of(repository: &Repository) -> Result<Option<Self>, Error> {
        let values = repository.own_settings(ALLOW_SETTING)?;
        Ok((!values.is_empty()).then(|| Self::read(values)))
    }

    /// A bound that lets nothing pass, where it is not known what is set.
    pub(super) fn nothing(why: &Error) -> Self {
        Self {
            wrong: vec![format!(
                "{ALLOW_SETTING} cannot be read, so it allows nothing: {why}"
            )],
            ..Self::default()
        }
    }

    /// Says what it lets pushes trigger, and what of it cannot be read.
    pub(super) fn tell(&self, printer: &Printer) {
        for entry in &self.entries {
            printer.note(&format!("{ALLOW_SETTING} lets pushes trigger: {}", entry.text));
        }
        for wrong in &self.wrong {
            printer.warning(wrong);
        }
    }

    /// The rules of the file that pushes would trigger and that are outside of it, each with what is
    /// said of it.
    pub(super) fn outside(&self, config: &Config) -> Vec<String> {
        let heard = |rule: &&Rule| rule.events.contains(&EventKind::PostReceive);
        let mut told = Vec::new();
        for rule in config.rules.iter().filter(heard) {
            let fire = reviewed::fire_of(config, rule);
            if !self.has(&fire.server, &fire.job) {
                told.push(format!("line {}: {}", rule.line, deliver::out_of_bounds(&fire)));
            }
        }
        told
    }

    fn read(values: Vec<BString>) -> Self {
        let mut allow = Self::default();
        for value in &values {
            match Entry::read(value) {
                Ok(entry) => allow.entries.push(entry),
                Err(why) => allow.wrong.push(format!(
                    "{ALLOW_SETTING} = {value} cannot be read, so it allows nothing: {why}"
                )),
            }
        }
        Self { values, ..allow }
    }

    /// Whether this job, or multibranch project, is within it.
    pub(super) fn has(&self, server: &str, job: &str) -> bool {
        let server = server.strip_suffix('/').unwrap_or(server);
        self.entries.iter().any(|entry| {
            let here = match &entry.server {
                Servers::Every => true,
                Servers::One(known) => known == server,
                Servers::Like(scheme, place) => server.split_once("://").is_some_and(|(own, there)| {
                    scheme.matches(own.as_bytes()) && place.matches(there.as_bytes())
                }),
            };
            here && entry
                .jobs
                .as_ref()
                .is_none_or(|jobs| jobs.matches(job.as_bytes()))
        })
    }
}

impl Entry {
    fn read(value: &BString) -> Result<Self, String> {
        const FORM: &str = "write a server, and a pattern of its jobs: https://ci.example.com shop/**";
        let value = value.to_str().map_err(|_| "it is no text".to_owned())?.trim();
        let (server, jobs) = value.split_once(char::is_whitespace).unwrap_or((value, ""));
        if server.is_empty() {
            return Err(FORM.into());
        }
        let server = server.strip_suffix('/').unwrap_or(server);
        let server = match (server, server.split_once("://")) {
            ("*" | "**", _) => Servers::Every,
            (_, None) => return Err(format!("{server} is no server; {FORM}")),
            // An address may have brackets in it.
            _ if !server.contains(['*', '?', '{', '!', '\\']) => Servers::One(server.to_owned()),
            (_, Some((scheme, place))) => Servers::Like(patterns(scheme)?, patterns(place)?),
        };
        let jobs = jobs.trim_start();
        let jobs = (!jobs.is_empty()).then(|| patterns(jobs)).transpose()?;
        Ok(Self {
            text: value.to_owned(),
            server,
            jobs,
        })
    }
}

fn patterns(text: &str) -> Result<PatternList, String> {
    if text.starts_with('!') {
        return Err("each value allows something; none takes back what another allows".into());
    }
    PatternList::parse(&[text]).map_err(|error| format!("{error}; {}", error.help()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credentials::trust::Fire;

    fn allow(values: &[&str]) -> Allow {
        Allow::read(values.iter().map(|value| BString::from(*value)).collect())
    }

    #[test]
    fn a_server_is_meant_with_or_without_its_last_slash() {
        for value in ["https://ci/jenkins shop/*", "https://ci/jenkins/   shop/*"] {
            let allow = allow(&[value]);
            assert!(allow.has("https://ci/jenkins/", "shop/deploy"), "{value}");
            assert!(!allow.has("https://ci/jenkins/", "prod/deploy"));
            assert!(!allow.has("https://ci/jenkins/", "shop/a/b"));
            assert!(!allow.has("https://ci/", "shop/deploy"));
            assert!(!allow.has("http://ci/jenkins/", "shop/deploy"));
            assert!(!allow.has("https://ci/jenkins2/", "shop/deploy"));
        }
    }

    #[test]
    fn any_of_several_values_is_enough() {
        let allow = allow(&[
            "https://one shop/**",
            "https://two",
            "https://*.example.com a b/*",
        ]);
        assert!(allow.has("https://one/", "shop/a/b"));
        assert!(allow.has("https://two/", "what/ever"));
        assert!(allow.has("https://ci.example.com/", "a b/c"));
        assert!(!allow.has("https://one/", "prod"));
        assert!(!allow.has("https://ci.example.com/", "c"));
        // One `*` is no `/`.
        assert!(!allow.has("https://evil/.example.com/", "a b/c"));
    }

    #[test]
    fn what_is_offered_to_its_owner_allows_just_that_job() {
        for job in ["shop/deploy", "a [b]{c,d}*?\\", "!urgent"] {
            let fire = Fire {
                server: "https://[::1]:8080/ci/".into(),
                method: "api".into(),
                job: job.into(),
                multibranch: false,
                token_from: None,
            };
            let line = deliver::out_of_bounds(&fire);
            let (_, value) = line
                .rsplit_once(&format!("--add {ALLOW_SETTING} "))
                .expect("a value");
            let allow = allow(&[value.trim_matches('\'')]);
            assert_eq!(allow.wrong, [""; 0], "{line}");
            assert!(allow.has(&fire.server, job), "{line}");
            assert!(!allow.has(&fire.server, "a bc"), "{line}");
        }
    }

    #[test]
    fn a_star_is_every_server() {
        let allow = allow(&["* shop/deploy"]);
        assert!(allow.has("https://one/", "shop/deploy"));
        assert!(!allow.has("https://one/", "shop/other"));
    }

    #[test]
    fn what_cannot_be_read_allows_nothing_and_is_said() {
        for value in [
            "",
            "  ",
            "shop/deploy",
            "https://one !prod/**",
            "!https://one",
            "https://one a**b",
            "https://one [",
        ] {
            let allow = allow(&[value]);
            assert_eq!(allow.wrong.len(), 1, "{value}");
            assert!(!allow.has("https://one/", "shop/deploy"), "{value}");
        }
        assert!(allow(&["https://one !x", "https://one y"]).has("https://one/", "y"));
    }
}

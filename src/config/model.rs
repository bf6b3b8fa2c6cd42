//! What a configuration file says, once it is read: everything resolved, nothing left to look up.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use url::Url;

use crate::environment::job_token_variable;

use super::pattern::PatternList;
use super::template::{Template, Variable};

/// The parameter that takes the branch when the file does not name one.
pub const DEFAULT_BRANCH_PARAMETER: &str = "BRANCH";

/// A configuration file. Defaults are already applied to the rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The servers; at least one.
    pub servers: Vec<Server>,
    /// The only environment variables that a rule may read.
    pub env: Vec<String>,
    /// When not to trigger at all.
    pub skip: Skip,
    /// How many triggers one event may cause before all of them are held.
    pub max_triggers: usize,
    /// The rules, in the order of the file; at least one.
    pub rules: Vec<Rule>,
}

/// A Jenkins server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Its name under `servers`; `default` for the only `server`.
    pub name: String,
    /// `http` or `https`, no user, query or fragment, no default port; the path ends with exactly
    /// one `/`.
    pub url: Url,
    /// The method for its rules, where the file gives one.
    pub method: Option<Method>,
    /// A file with certificates of authorities, for https: a path from the top of the repository,
    /// with `/` and without `.` and `..`, or an absolute one of this machine.
    pub ca_file: Option<String>,
}

/// How Jenkins is asked to build.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// With a user and an API token.
    Api,
    /// With a user, an API token and the job's own trigger token.
    JobToken,
    /// With the job's trigger token only, by the plugin Build Authorization Token Root.
    TokenRoot,
}

/// What Jenkins is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// To build the job.
    Build,
    /// To look into the job's SCM, and to build if something is new there.
    Poll,
}

/// Something git did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// A commit was made here.
    PostCommit,
    /// A push from here was accepted.
    PostPush,
    /// A push to this repository was accepted.
    PostReceive,
}

/// What git may be in the middle of when a commit is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// `git rebase`.
    Rebase,
    /// `git bisect`.
    Bisect,
    /// `git cherry-pick`.
    CherryPick,
    /// `git revert`.
    Revert,
    /// `git merge`.
    Merge,
}

/// When not to trigger at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skip {
    /// Whether markers such as `[skip ci]` in a commit's message are heeded.
    pub markers: bool,
    /// Commits that these make do not trigger.
    pub while_: Vec<Operation>,
}

impl Default for Skip {
    fn default() -> Self {
        Self {
            markers: true,
            while_: vec![Operation::Rebase, Operation::Bisect],
        }
    }
}

/// Which events of which branches and tags trigger which job, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// A name for people; the job where the file gives none.
    pub name: String,
    /// Whether the file gives the name. Only given names are unique.
    pub named: bool,
    /// The line of the file on which the rule begins, from 1.
    pub line: usize,
    /// The job's full name in Jenkins, `folder/job`.
    pub job: String,
    /// Index into [`Config::servers`].
    pub server: usize,
    /// How Jenkins is asked.
    pub method: Method,
    /// The name of the job's trigger token; always there unless the method is [`Method::Api`], and
    /// only then.
    pub token_from: Option<String>,
    /// The events that count; at least one.
    pub events: Vec<EventKind>,
    /// Branches that count. With neither `branches` nor `tags`: every branch; with only `tags`: none.
    pub branches: Option<PatternList>,
    /// Tags that count; `None`: no tag.
    pub tags: Option<PatternList>,
    /// Names of the remotes whose pushes count, at least one; `None`: every remote, and an address.
    pub remotes: Option<Vec<String>>,
    /// At least one changed file must match this…
    pub paths: Option<PatternList>,
    /// …and not this.
    pub paths_ignore: Option<PatternList>,
    /// The parameter that takes the branch.
    pub branch_parameter: BranchParameter,
    /// More parameters, in the order of the file; no name occurs twice.
    pub parameters: Vec<(String, Template)>,
    /// The quiet period to ask for; `None`: the job's own.
    pub delay: Option<Duration>,
    /// Whether it is the tool that waits for `delay`, and then sends only the newest trigger of a
    /// branch.
    pub coalesce: bool,
    /// The note that token methods record.
    pub cause: Template,
    /// Whether the file gives the note.
    pub cause_given: bool,
    /// Whether the job is a multibranch project, and what is built is the branch's job in it.
    pub multibranch: bool,
    /// What Jenkins is asked for.
    pub action: Action,
    /// Whether what the job does not declare is refused.
    pub strict_parameters: bool,
    /// Whether skip markers count for this rule.
    pub skip_ci: bool,
}

impl Rule {
    /// The environment variables that its texts name, each once.
    #[must_use]
    pub fn variables(&self) -> BTreeSet<&str> {
        let parameters = self.parameters.iter().map(|(_, template)| template);
        let named = parameters.chain([&self.cause]).flat_map(Template::variables);
        named
            .filter_map(|variable| match variable {
                Variable::Env(name) => Some(name.as_str()),
                _ => None,
            })
            .collect()
    }

    /// The environment variable that holds the job's trigger token.
    #[must_use]
    pub fn token_variable(&self) -> Option<String> {
        self.token_from.as_deref().map(job_token_variable)
    }
}

/// Whether, and in which parameter, the branch is passed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BranchParameter {
    /// Not passed.
    Off,
    /// In this parameter, by the file's `defaults` or because nothing is said.
    Default(String),
    /// In this parameter, because the rule says so.
    Explicit(String),
}

/// A word that is none of the known ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not one of {}", .known.join(", "))]
pub struct UnknownName {
    /// The words that would have been understood.
    pub known: &'static [&'static str],
}

/// A closed set of words in the file. `NAMES` and `ALL` are in the same order.
pub(super) trait Word: Copy + 'static {
    const NAMES: &'static [&'static str];
    const ALL: &'static [Self];

    fn from_name(text: &str) -> Option<Self> {
        Self::NAMES
            .iter()
            .zip(Self::ALL)
            .find_map(|(name, word)| (*name == text).then_some(*word))
    }
}

macro_rules! words {
    ($type:ident { $($variant:ident = $name:literal),+ $(,)? }) => {
        impl Word for $type {
            const NAMES: &'static [&'static str] = &[$($name),+];
            const ALL: &'static [Self] = &[$(Self::$variant),+];
        }

        impl $type {
            /// The word in the file and in messages.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name),+
                }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.pad(self.name())
            }
        }

        impl FromStr for $type {
            type Err = UnknownName;

            fn from_str(text: &str) -> Result<Self, UnknownName> {
                Self::from_name(text).ok_or(UnknownName { known: Self::NAMES })
            }
        }
    };
}

words!(Method { Api = "api", JobToken = "job-token", TokenRoot = "token-root" });
words!(Action { Build = "build", Poll = "poll" });
words!(EventKind {
    PostCommit = "post-commit",
    PostPush = "post-push",
    PostReceive = "post-receive",
});
words!(Operation {
    Rebase = "rebase",
    Bisect = "bisect",
    CherryPick = "cherry-pick",
    Revert = "revert",
    Merge = "merge",
});

//! What a job declares against what is sent to it. Pure.
//!
//! Jenkins itself drops what a job does not declare, reads every word but `true` as false, and
//! answers 500 to a choice that is none (contract, observed 1): none of it tells who sent it.

use serde::{Deserialize, Serialize};

/// A parameter that a job declares.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Definition {
    /// Its name; letter case counts.
    pub name: String,
    /// What it takes.
    pub kind: Kind,
    /// The values of a choice, in the job's order; the first is the default.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<String>,
    /// What it is when nothing is sent, as far as Jenkins tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
}

/// What a parameter takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A text, of one line or more.
    Text,
    /// `true` or `false`.
    Boolean,
    /// One of its choices.
    Choice,
    /// A text that Jenkins keeps to itself.
    Password,
    /// An uploaded file.
    File,
    /// What a plugin brought; whether a value is legal is the plugin's to say.
    Other(String),
}

impl Kind {
    /// From Jenkins's `type`, such as `StringParameterDefinition`.
    #[must_use]
    pub fn of(name: &str) -> Self {
        match name {
            "StringParameterDefinition" | "TextParameterDefinition" => Self::Text,
            "BooleanParameterDefinition" => Self::Boolean,
            "ChoiceParameterDefinition" => Self::Choice,
            "PasswordParameterDefinition" => Self::Password,
            "FileParameterDefinition" => Self::File,
            other => Self::Other(other.trim_end_matches("ParameterDefinition").to_owned()),
        }
    }

    /// The word people read.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Text => "text",
            Self::Boolean => "boolean",
            Self::Choice => "choice",
            Self::Password => "password",
            Self::File => "file",
            Self::Other(name) => name,
        }
    }
}

/// What is wrong with one value that was to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mistake {
    /// The job has no parameters at all.
    NoneDeclared {
        /// The names that were to be sent.
        sent: Vec<String>,
    },
    /// The job has no parameter of that name.
    Undeclared {
        /// The name that was to be sent.
        sent: String,
        /// The declared one that was probably meant.
        nearest: Option<String>,
        /// All that are declared.
        declared: Vec<String>,
    },
    /// The value is none of the choices.
    IllegalChoice {
        /// The parameter.
        name: String,
        /// What was to be sent.
        value: String,
        /// What is legal.
        choices: Vec<String>,
    },
    /// Jenkins would read the value as false.
    NotBoolean {
        /// The parameter.
        name: String,
        /// What was to be sent.
        value: String,
    },
    /// The parameter takes a file, and a trigger carries none.
    File {
        /// The parameter.
        name: String,
    },
}

impl Mistake {
    /// What is wrong, as one sentence without its full stop.
    #[must_use]
    pub fn meaning(&self, job: &str) -> String {
        match self {
            Self::NoneDeclared { sent } => format!(
                "job {job} declares no parameters, so {} cannot be passed",
                sent.join(", ")
            ),
            Self::Undeclared {
                sent,
                nearest: Some(nearest),
                ..
            } => format!("job {job} declares {nearest}, the rule sends {sent}, which Jenkins would drop"),
            Self::Undeclared { sent, declared, .. } => format!(
                "job {job} declares no parameter {sent}, which Jenkins would drop (it declares {})",
                listed(declared)
            ),
            Self::IllegalChoice { name, value, choices } => format!(
                "{value:?} is no choice of the parameter {name} of job {job}, which takes {}",
                listed(choices)
            ),
            Self::NotBoolean { name, value } => format!(
                "the parameter {name} of job {job} is a boolean, and Jenkins reads {value:?} as false"
            ),
            Self::File { name } => format!(
                "the parameter {name} of job {job} takes an uploaded file, and a trigger carries texts only"
            ),
        }
    }

    /// What to do.
    #[must_use]
    pub fn advice(&self) -> String {
        match self {
            Self::NoneDeclared { .. } => "add the parameter to the job (a pipeline: run it once by hand, so that \
                                          its parameters register), or write `branch_parameter: false`"
                .into(),
            Self::Undeclared {
                nearest: Some(nearest),
                ..
            } => format!(
                "write {nearest} in .jenkins-trigger.yml (`branch_parameter` or `parameters`), or rename it in the \
                 job; `strict_parameters: false` sends it all the same"
            ),
            Self::Undeclared { .. } => "add it to the job, or take it out of .jenkins-trigger.yml \
                                        (`branch_parameter: false` passes no branch); `strict_parameters: false` \
                                        sends it all the same"
                .into(),
            Self::IllegalChoice { .. } => "send one of them, or add the value to the job's choices".into(),
            Self::NotBoolean { .. } => "send true or false".into(),
            Self::File { .. } => "leave it out: the job then runs without the file, or make it a text".into(),
        }
    }
}

/// The first few of them.
fn listed(names: &[String]) -> String {
    const FEW: usize = 12;
    let few = names.iter().take(FEW).map(String::as_str).collect::<Vec<_>>();
    match names.len().saturating_sub(FEW) {
        0 if few.is_empty() => "nothing".into(),
        0 => few.join(", "),
        more => format!("{} and {more} more", few.join(", ")),
    }
}

/// What is wrong with what is to be sent, in its order.
#[must_use]
pub fn check(declared: &[Definition], sent: &[(&str, &[u8])]) -> Vec<Mistake> {
    let sent: Vec<_> = sent.iter().map(|(name, value)| (*name, Some(*value))).collect();
    check_as_far_as_known(declared, &sent)
}

/// The same where not every value is known yet.
#[must_use]
pub fn check_as_far_as_known(declared: &[Definition], sent: &[(&str, Option<&[u8]>)]) -> Vec<Mistake> {
    if declared.is_empty() && !sent.is_empty() {
        let sent = sent.iter().map(|(name, _)| (*name).to_owned()).collect();
        return vec![Mistake::NoneDeclared { sent }];
    }
    sent.iter()
        .filter_map(|(name, value)| {
            let Some(definition) = declared.iter().find(|definition| definition.name == *name) else {
                return Some(undeclared(declared, name));
            };
            match value {
                Some(value) => wrong_value(definition, value),
                None => (definition.kind == Kind::File).then(|| Mistake::File {
                    name: definition.name.clone(),
                }),
            }
        })
        .collect()
}

/// What is wrong with a value of a parameter that is declared.
fn wrong_value(definition: &Definition, value: &[u8]) -> Option<Mistake> {
    let name = definition.name.clone();
    let value = String::from_utf8_lossy(value).into_owned();
    match definition.kind {
        Kind::Choice if !definition.choices.contains(&value) => Some(Mistake::IllegalChoice {
            name,
            value,
            choices: definition.choices.clone(),
        }),
        Kind::Boolean if !is_boolean(&value) => Some(Mistake::NotBoolean { name, value }),
        Kind::File => Some(Mistake::File { name }),
        _ => None,
    }
}

fn is_boolean(value: &str) -> bool {
    value.eq_ignore_ascii_case("true") || value.eq_ignore_ascii_case("false")
}

/// A name that the job does not declare.
fn undeclared(declared: &[Definition], sent: &str) -> Mistake {
    let names: Vec<String> = declared
        .iter()
        .map(|definition| definition.name.clone())
        .collect();
    Mistake::Undeclared {
        sent: sent.to_owned(),
        nearest: nearest(sent, names.iter().map(String::as_str)).map(str::to_owned),
        declared: names,
    }
}

/// The name that somebody who wrote `name` probably meant.
#[must_use]
pub fn nearest<'n>(name: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    /// The comparison takes time with the product of the lengths, and a long name is no typing mistake.
    const LONGEST: usize = 80;
    if name.len() > LONGEST {
        return None;
    }
    let plain = |name: &str| name.to_lowercase().replace(['-', '_', ' '], "");
    let wanted = plain(name);
    let most = wanted.chars().count() / 3;
    names
        .filter(|other| other.len() <= LONGEST)
        .map(|other| {
            let plain = plain(other);
            let distance = strsim::damerau_levenshtein(&wanted, &plain);
            // BRANCH for BRANCH_NAME.
            let part =
                wanted.len() >= 3 && plain.len() >= 3 && (plain.contains(&wanted) || wanted.contains(&plain));
            (if part { distance.min(most) } else { distance }, other)
        })
        .filter(|(distance, _)| *distance <= most)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, other)| other)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn definition(name: &str, kind: Kind) -> Definition {
        Definition {
            name: name.into(),
            kind,
            choices: Vec::new(),
            default: None,
        }
    }

    fn declared() -> Vec<Definition> {
        let choices = ["dev".to_owned(), "prod".to_owned()].into();
        vec![
            definition("BRANCH_NAME", Kind::Text),
            definition("DEPLOY", Kind::Boolean),
            Definition {
                choices,
                ..definition("ENV", Kind::Choice)
            },
            definition("upload/file.txt", Kind::File),
            definition("GIT", Kind::of("PT_BRANCHParameterDefinition")),
        ]
    }

    #[test]
    fn what_is_declared_and_legal_passes() {
        let sent: &[(&str, &[u8])] = &[
            ("BRANCH_NAME", b"feature/x \xff"),
            ("DEPLOY", b"TRUE"),
            ("ENV", b"prod"),
            ("GIT", b"anything"),
        ];
        assert_eq!(check(&declared(), sent), []);
        assert_eq!(check(&[], &[]), []);
    }

    #[test]
    fn every_mistake_says_what_the_job_wants() {
        let said = |name: &str, value: &str| -> Vec<String> {
            let mistakes = check(&declared(), &[(name, value.as_bytes())]);
            let said = mistakes.iter().map(|mistake| mistake.meaning("j"));
            said.collect()
        };
        assert_eq!(
            said("BRANCH", "main"),
            ["job j declares BRANCH_NAME, the rule sends BRANCH, which Jenkins would drop"]
        );
        assert_eq!(
            said("QQQQ", ""),
            [
                "job j declares no parameter QQQQ, which Jenkins would drop (it declares BRANCH_NAME, DEPLOY, ENV, \
              upload/file.txt, GIT)"
            ]
        );
        assert_eq!(
            said("ENV", "test"),
            ["\"test\" is no choice of the parameter ENV of job j, which takes dev, prod"]
        );
        for value in ["yes", "1", "on", ""] {
            assert_eq!(
                said("DEPLOY", value),
                [format!(
                    "the parameter DEPLOY of job j is a boolean, and Jenkins reads {value:?} as false"
                )]
            );
        }
        assert_eq!(said("upload/file.txt", "x").len(), 1);
        assert_eq!(
            check(&[], &[("A", b"1"), ("B", b"2")])[0].meaning("j"),
            "job j declares no parameters, so A, B cannot be passed"
        );
    }

    #[test]
    fn the_nearest_name_is_the_one_meant_or_none() {
        let names = ["Branch", "DEPLOY_ENV", "x"];
        for (wrong, meant) in [
            ("BRANCH", Some("Branch")),
            ("branch_name", Some("Branch")),
            ("Brnch", Some("Branch")),
            ("deploy-env", Some("DEPLOY_ENV")),
            ("COMMIT", None),
            ("X", Some("x")),
            ("", None),
        ] {
            assert_eq!(nearest(wrong, names.into_iter()), meant, "{wrong}");
        }
    }
}

//! Multibranch projects: a branch has a job in them only after Jenkins looked for new branches.

use url::Url;

use super::client::{Client, TOTAL_LIMIT};
use super::explain::{self, Answer, Explanation, Reading, Tried, say};
use super::follow::Unseen;
use super::{job_path, job_url};
use crate::secret::Login;

/// What came of asking a project to look for new branches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scanned {
    /// It does.
    Asked,
    /// This user may not ask for it, by the status of the answer; somebody else may, or Jenkins does
    /// by itself.
    MayNot(u16),
    /// The server does not answer now.
    Away(Explanation),
    /// There is nothing that could ever have a job for the branch.
    Impossible(Explanation),
}

/// Whether the way leads to a login and not to the project.
fn is_login(answer: &Answer, server: &Url) -> bool {
    let location = answer.location.as_deref();
    location.is_some_and(|location| explain::login_at(location, server).is_some())
}

impl Client {
    /// Asks a multibranch project to look for new branches, after a look whether it is one.
    #[must_use]
    pub fn scan(&self, project: &str, login: &Login) -> Scanned {
        match self.look_up(project, login) {
            Ok(found) if found.is_multibranch() => {}
            Ok(_) => {
                return Scanned::Impossible(
                    say(
                        format!(
                            "{project} is no multibranch project, and `multibranch: true` stands in the rule"
                        ),
                        "take `multibranch` out; then the branch is passed as a parameter",
                    )
                    .named("no-multibranch"),
                );
            }
            // It knew the user just now, when it was asked for the branch's job.
            Err(Unseen::Denied(why)) if why.is_about_permission() => return Scanned::Impossible(why),
            // And a moment later it may be Jenkins again that answers.
            Err(Unseen::Away(why) | Unseen::Unknown(why) | Unseen::Denied(why)) => {
                return Scanned::Away(why);
            }
            Err(Unseen::Missing(why)) if !why.is_about_job() => return Scanned::Away(why),
            Err(Unseen::Missing(_)) => {
                let near = self.near(project, login, TOTAL_LIMIT);
                return Scanned::Impossible(explain::no_job(&self.server, project, &login.user, near));
            }
        }
        let url = format!("{}{}build", self.server, job_path(project));
        let answer = match self.post(&url, &[("delay", b"0sec".to_vec())], Some(login), TOTAL_LIMIT) {
            Ok(answer) => answer,
            Err(error) => return Scanned::Away(self.no_page(&error, TOTAL_LIMIT)),
        };
        match answer.status {
            // Back to the project (contract, row 47); a waiting scan is met with the same.
            200..=399 if !is_login(&answer, &self.server) => Scanned::Asked,
            500 if answer.says("cannot be recomputed") => {
                Scanned::Impossible(explain::disabled(&self.server, project))
            }
            429 | 500..=599 => Scanned::Away(self.explain_reading(&answer, (project, &url), login)),
            // While Jenkins starts it asks valid credentials for a crumb (contract, observed 4).
            403 if answer.wants_crumb() => {
                Scanned::Away(self.explain_reading(&answer, (project, &url), login))
            }
            status => Scanned::MayNot(status),
        }
    }

    fn explain_reading(&self, answer: &Answer, (project, url): (&str, &str), login: &Login) -> Explanation {
        let reading = Reading {
            job: project,
            login,
            for_trigger: true,
        };
        self.explain(answer, &Tried::to_read(&self.server, url, &reading))
    }

    /// What is said where this user may not have it look.
    #[must_use]
    pub fn may_not_scan(&self, project: &str, branch: &str, user: &str, status: u16) -> Explanation {
        say(
            format!(
                "multibranch project {project} has no job for {branch} yet, and user {user} may not have it look for new \
                 branches (HTTP {status})"
            ),
            format!(
                "it is waited for; an administrator gives {user} the permission Job/Build on {project}, or has it scanned \
                 at {}",
                job_url(&self.server, project)
            ),
        )
        .named("not-indexed")
    }

    /// What is said while the project looks.
    #[must_use]
    pub fn is_scanning(&self, project: &str, branch: &str) -> Explanation {
        say(
            format!(
                "multibranch project {project} has no job for {branch} yet; Jenkins was asked to look for new branches"
            ),
            "it is sent as soon as there is one",
        )
        .named("not-indexed")
    }

    /// What is said when it looked in vain.
    #[must_use]
    pub fn not_indexed(&self, project: &str, branch: &str) -> Explanation {
        say(
            format!("multibranch project {project} has made no job for {branch}"),
            format!(
                "check that the branch was pushed, has a Jenkinsfile and is not filtered out by the project: {}indexing/console; \
                 then: jenkins-trigger retry",
                job_url(&self.server, project)
            ),
        )
        .named("not-indexed")
    }
}

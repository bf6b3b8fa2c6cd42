//! The steps about one job, and what the rules send to it.

use super::parameters;
use super::report::{About, Report};
use super::server::{Ground, OVER};
use super::subject::Subject;
use crate::config::{self, Action, Rule};
use crate::jenkins::{Allowed, Job, Method, TokenCheck, Unseen, job_url};
use crate::secret::Login;

const JOB: &str = "job";
const BUILDABLE: &str = "buildable";
const MAY_BUILD: &str = "may build";
const TOKEN: &str = "trigger token";
const QUIET: &str = "quiet period";

/// Looks at each job once, whatever the number of its rules, as long as they take it for the same.
pub(super) fn examine_all(ground: &Ground<'_>, subjects: &[&Subject<'_>], report: &mut Report<'_>) {
    each_job(ground.url.as_str(), subjects, report, |subjects, report| {
        if ground.is_over() {
            report.unchecked_all(&steps(subjects), OVER);
        } else {
            examine(ground, subjects, report);
        }
    });
}

/// Says that no job of a server can be looked at.
pub(super) fn leave_all(server: &url::Url, subjects: &[&Subject<'_>], why: &str, report: &mut Report<'_>) {
    each_job(server.as_str(), subjects, report, |subjects, report| {
        report.unchecked_all(&steps(subjects), why);
    });
}

/// Says that these may not be triggered from here, each with why: they are not looked at.
pub(super) fn refuse_all(server: &url::Url, refused: &[(&Subject<'_>, String)], report: &mut Report<'_>) {
    let subjects: Vec<&Subject<'_>> = refused.iter().map(|(subject, _)| *subject).collect();
    each_job(server.as_str(), &subjects, report, |subjects, report| {
        of_each_rule(subjects, report, |subject, report| {
            let why = refused
                .iter()
                .find(|(refused, _)| std::ptr::eq(*refused, subject));
            let why = why.map_or("", |(_, why)| why);
            let (meaning, fix) = why.rsplit_once("; ").unwrap_or((why, ""));
            report.fail(JOB, meaning, fix.trim_start_matches("to allow it: "));
        });
        report.unchecked_all(
            &steps(subjects)[1..],
            "a job that is not allowed here is not looked at",
        );
    });
}

fn each_job(
    server: &str,
    subjects: &[&Subject<'_>],
    report: &mut Report<'_>,
    mut look: impl FnMut(&[&Subject<'_>], &mut Report<'_>),
) {
    // Rules that take a job for different things are not right or wrong together.
    let what = |subject: &Subject<'_>| (subject.job.clone(), subject.rule.multibranch);
    let mut done = Vec::new();
    for subject in subjects {
        if done.contains(&what(subject)) {
            continue;
        }
        done.push(what(subject));
        let same: Vec<&Subject<'_>> = subjects
            .iter()
            .copied()
            .filter(|other| what(other) == what(subject))
            .collect();
        let about = About {
            server: Some(server.to_owned()),
            job: Some(subject.job.clone()),
            rule: None,
        };
        report.turn_to(about, &format!("job {}", subject.job));
        look(&same, report);
        report.of_rule(None);
    }
}

fn steps(subjects: &[&Subject<'_>]) -> Vec<&'static str> {
    let mut steps = vec![JOB, BUILDABLE, MAY_BUILD, parameters::STEP, TOKEN, QUIET];
    if subjects.iter().all(|subject| subject.rule.token_from.is_none()) {
        steps.retain(|step| *step != TOKEN);
    }
    steps
}

fn examine(ground: &Ground<'_>, subjects: &[&Subject<'_>], report: &mut Report<'_>) {
    let seen = match &ground.login {
        Ok(login) => visible(ground, subjects, login, report).map(|found| (login, found)),
        Err(why) => {
            report.unchecked(JOB, *why);
            Err(*why)
        }
    };
    let (login, found) = match seen {
        Ok(seen) => seen,
        Err(why) => {
            let mut steps = steps(subjects);
            steps.retain(|step| ![JOB, QUIET].contains(step));
            report.unchecked_all(&steps, why);
            return of_each_rule(subjects, report, |subject, report| quiet(subject.rule, report));
        }
    };
    buildable(ground, subjects, &found, report);
    may_build(ground, subjects, login, report);
    of_each_rule(subjects, report, |subject, report| {
        parameters::compare(ground, subject, &found, report);
        token(ground, subject, &found, login, report);
        quiet(subject.rule, report);
    });
}

fn of_each_rule(
    subjects: &[&Subject<'_>],
    report: &mut Report<'_>,
    mut look: impl FnMut(&Subject<'_>, &mut Report<'_>),
) {
    for subject in subjects {
        report.of_rule(Some(subject.rule));
        look(subject, report);
    }
    report.of_rule(None);
}

const NO_JOB: &str = "the job was not found, or is none";

/// Whether the user sees the job, and whether it is what the rules take it for. The error is why the
/// steps after it are not taken.
fn visible(
    ground: &Ground<'_>,
    subjects: &[&Subject<'_>],
    login: &Login,
    report: &mut Report<'_>,
) -> Result<Job, &'static str> {
    let subject = subjects.first().ok_or(NO_JOB)?;
    let (job, rule) = (subject.job.as_str(), subject.rule);
    let url = job_url(ground.url, job);
    let of_branch = rule.multibranch && job != rule.job;
    if rule.multibranch {
        project(ground, (&rule.job, subjects), login, report)?;
    }
    if rule.multibranch && !of_branch {
        return Err(
            "each branch has a job of its own; to look at one: jenkins-trigger doctor --branch BRANCH",
        );
    }
    let found = match ground.client.look_up(job, login) {
        Ok(found) => found,
        Err(Unseen::Missing(_)) if of_branch => {
            report.warn(
                JOB,
                format!("the project has no job for this branch yet ({url}), or user {} may not see it", login.user),
                format!(
                    "the first trigger has Jenkins look for new branches, and waits for it; or do it now at {}",
                    job_url(ground.url, &rule.job)
                ),
            );
            return Err("there is no such job yet");
        }
        Err(unseen) => return Err(unseen_job(ground, (job, subjects), login, unseen, report)),
    };
    if found.is_multibranch() {
        report.fail(
            JOB,
            format!("{job} is a multibranch project, whose branches are jobs of their own"),
            "write `multibranch: true` in the rule",
        );
        return Err(NO_JOB);
    }
    if found.is_folder() {
        report.fail(
            JOB,
            format!("{job} is a folder, not a job"),
            format!("write the full name of a job in it as `job`; see: jenkins-trigger jobs '{job}/**'"),
        );
        return Err(NO_JOB);
    }
    report.ok(JOB, format!("user {} sees {url}", login.user));
    Ok(found)
}

/// Whether the project of a branch's job is there, and is one.
fn project(
    ground: &Ground<'_>,
    (project, subjects): (&str, &[&Subject<'_>]),
    login: &Login,
    report: &mut Report<'_>,
) -> Result<(), &'static str> {
    match ground.client.look_up(project, login) {
        Ok(found) if found.is_multibranch() => {
            let url = job_url(ground.url, project);
            report.ok(JOB, format!("{url} is a multibranch project"));
            Ok(())
        }
        Ok(_) => {
            report.fail(
                JOB,
                format!("{project} is no multibranch project, and `multibranch: true` stands in the rule"),
                "take `multibranch` out; then the branch is passed as a parameter",
            );
            Err(NO_JOB)
        }
        Err(unseen) => Err(unseen_job(ground, (project, subjects), login, unseen, report)),
    }
}

/// What is said of a job that is not seen, and of the steps after it.
fn unseen_job(
    ground: &Ground<'_>,
    (job, subjects): (&str, &[&Subject<'_>]),
    login: &Login,
    unseen: Unseen,
    report: &mut Report<'_>,
) -> &'static str {
    let (explanation, why) = match unseen {
        Unseen::Away(explanation) => (explanation, "Jenkins did not answer"),
        Unseen::Denied(explanation) | Unseen::Unknown(explanation) => (explanation, NO_JOB),
        Unseen::Missing(_) => (ground.client.missing(job, login), NO_JOB),
    };
    let explanation = explanation.of_question();
    let needs_none = |subject: &&Subject<'_>| subject.rule.method == config::Method::TokenRoot;
    if subjects.iter().all(needs_none) && why == NO_JOB {
        report.unchecked(
            JOB,
            format!("{} (token-root does not need him to)", explanation.meaning),
        );
        return "only who sees the job can find that out";
    }
    report.fail(JOB, explanation.meaning, explanation.advice);
    why
}

fn buildable(ground: &Ground<'_>, subjects: &[&Subject<'_>], found: &Job, report: &mut Report<'_>) {
    let job = subjects.first().map_or("", |subject| subject.job.as_str());
    match found.buildable {
        Some(true) => report.ok(BUILDABLE, "it is enabled"),
        Some(false) => report.fail(
            BUILDABLE,
            format!("job {job} is disabled"),
            format!("enable it at {}", job_url(ground.url, job)),
        ),
        None => report.unchecked(BUILDABLE, format!("Jenkins does not say it of a {}", found.class)),
    }
}

fn may_build(ground: &Ground<'_>, subjects: &[&Subject<'_>], login: &Login, report: &mut Report<'_>) {
    let by = |method| subjects.iter().find(|subject| subject.rule.method == method);
    let Some(subject) = by(config::Method::Api) else {
        return report.ok(
            MAY_BUILD,
            if by(config::Method::JobToken).is_some() {
                "not needed: with the job's trigger token Overall/Read and Job/Read are enough"
            } else {
                "not needed: the job's trigger token is all that token-root asks for"
            },
        );
    };
    match ground.client.may_build(&subject.job, login, &ground.version) {
        Allowed::Yes => report.ok(MAY_BUILD, format!("user {} has Job/Build", login.user)),
        Allowed::No(explanation) => report.fail(MAY_BUILD, explanation.meaning, explanation.advice),
        Allowed::Unknown(why) => report.unchecked(MAY_BUILD, why),
    }
}

/// Whether Jenkins takes the job's trigger token. Nothing is started by asking.
fn token(ground: &Ground<'_>, subject: &Subject<'_>, found: &Job, login: &Login, report: &mut Report<'_>) {
    let (job, rule) = (subject.job.as_str(), subject.rule);
    let Some(name) = &rule.token_from else { return };
    let token = match ground.keyring.job_token(ground.url, name, job) {
        Ok(found) => found,
        Err(error) => {
            let message = error.to_string();
            let (meaning, fix) = message.split_once("; ").unwrap_or((&message, ""));
            return report.fail(TOKEN, meaning, fix);
        }
    };
    if found.buildable != Some(true) {
        return report.unchecked(TOKEN, "a disabled job does not look at it");
    }
    if rule.method == config::Method::TokenRoot && ground.plugin == Some(false) {
        return report.unchecked(TOKEN, "the plugin that looks at it is not installed");
    }
    let method = match rule.method {
        config::Method::TokenRoot => Method::TokenRoot,
        config::Method::Api | config::Method::JobToken => Method::JobToken,
    };
    let named = format!("trigger token {name} from {}", token.source);
    match ground.client.check_token(method, job, login, &token.value) {
        TokenCheck::Ignored => report.warn(
            TOKEN,
            format!("the job has no trigger token: {named} is ignored, and your Job/Build counts"),
            format!(
                "set one under \"Trigger builds remotely\" at {}configure, or take `token_from` out of the rule",
                job_url(ground.url, job)
            ),
        ),
        TokenCheck::Accepted => report.ok(TOKEN, format!("Jenkins takes {named}")),
        TokenCheck::Refused(explanation) => report.fail(TOKEN, explanation.meaning, explanation.advice),
        TokenCheck::Unknown(why) => report.unchecked(TOKEN, why),
        TokenCheck::Queued { url } => report.warn(
            TOKEN,
            "the job was changed in this very moment, and the question has queued a build",
            format!("if it is not wanted, cancel it: {url}"),
        ),
    }
}

/// How long Jenkins waits before it builds.
fn quiet(rule: &Rule, report: &mut Report<'_>) {
    match rule.delay {
        _ if rule.action == Action::Poll => report.ok(QUIET, "a poll goes without"),
        Some(delay) if rule.coalesce => report.ok(
            QUIET,
            format!(
                "held here for {} s, and then only the newest is sent",
                delay.as_secs()
            ),
        ),
        Some(delay) => report.ok(QUIET, format!("{} s, by the rule's `delay`", delay.as_secs())),
        None if rule.method == config::Method::TokenRoot => report.warn(
            QUIET,
            "none: with token-root a build starts at once, whatever quiet period the job has",
            "write `delay` in the rule, such as `delay: 10s`; `delay: 0s` if that is what you want",
        ),
        None => report.unchecked(
            QUIET,
            "the job's own counts, which Jenkins tells only who may configure the job",
        ),
    }
}

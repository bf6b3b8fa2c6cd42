//! `trigger`: by hand, in the foreground.

use std::collections::BTreeSet;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use bstr::{BString, ByteSlice as _};
use clap::Args;
use serde::Serialize;
use url::Url;

use super::authorities::Authorities;
use super::consent::{self, Consent};
use super::enqueue::withheld_of;
use super::{Exit, Refusal, Session, enqueue, file, outcomes, watch};
use crate::config::Config;
use crate::credentials::trust::{Occasion, Trusted};
use crate::credentials::{Keyring, Source};
use crate::deliver::{self, Foreground};
use crate::environment;
use crate::event::{Event, manual};
use crate::git::{Head, Repository};
use crate::jenkins::{self, Order, encode_form};
use crate::plan::{self, Plan, Wishes};
use crate::secret::{self, Secret};
use crate::spool::{self, Outcome, Spool, Trigger};
use crate::text::{Text, shell_argument, shell_word};
use crate::ui::{Printer, Tone};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The branch to trigger for [default: the one checked out]
    #[arg(short, long, value_name = "BRANCH", value_parser = super::bytes())]
    branch: Option<BString>,

    /// Only the rule of this name (the job's, where a rule has none); may be repeated
    #[arg(long, value_name = "RULE")]
    only: Vec<String>,

    /// Pass this parameter too, or instead of the file's; may be repeated
    #[arg(short, long = "param", value_name = "NAME=VALUE", value_parser = parameter)]
    parameters: Vec<(String, BString)>,

    /// Show what would be sent and send nothing
    #[arg(long)]
    dry_run: bool,

    /// With --dry-run: show it as curl commands, secrets as the variables that hold them
    #[arg(long, requires = "dry_run", conflicts_with = "json")]
    curl: bool,

    /// Wait for the builds and print their results; Ctrl-C leaves them alone
    #[arg(long, conflicts_with = "dry_run")]
    wait: bool,

    /// The same, and print their consoles
    #[arg(long, conflicts_with_all = ["dry_run", "json"])]
    follow: bool,

    /// Print one JSON object per trigger
    #[arg(long)]
    json: bool,
}

fn parameter(argument: &str) -> Result<(String, BString), String> {
    let (name, value) = argument
        .split_once('=')
        .ok_or_else(|| "write it as NAME=VALUE".to_owned())?;
    crate::config::check_parameter_name(name)?;
    Ok((name.to_owned(), value.into()))
}

pub(super) fn run(session: &Session, arguments: &Arguments) -> anyhow::Result<Exit> {
    let printer = &session.printer;
    let repository = session.repository()?;
    let source = file::of_work_tree(&repository, printer)?;
    let config = source.read_with_files(&repository)?;
    let event = event(&repository, arguments)?;
    let wishes = Wishes {
        only: arguments.only.clone(),
        parameters: arguments.parameters.clone(),
        ..Wishes::default()
    };
    check_rules(&config, &wishes)?;
    let consent = Consent::of(&repository);
    let surroundings = enqueue::surroundings(&config, &consent, Occasion::Own);
    let plan = plan::plan(&event, &config, &surroundings, &wishes);
    for verdict in &plan.verdicts {
        let rule = &config.rules[verdict.rule];
        let fires = if verdict.fires { "fires" } else { "does not fire" };
        printer.detail(&format!("rule {} {fires}: {}", rule.name, verdict.reason));
    }
    if plan.triggers.is_empty() {
        return Err(nothing_fires(&config, &event, &plan).into());
    }
    let mut authorities = Authorities::new(&repository, &source.place);
    // curl is told to read the file that a sender would.
    if !arguments.dry_run || arguments.curl {
        authorities = authorities.kept();
    }
    let triggers: Vec<Trigger> = enqueue::triggers(&event, &config, &plan, &authorities)
        .into_iter()
        // Asked for by hand, it is no storm.
        .map(|trigger| Trigger {
            hold: None,
            ..trigger
        })
        .collect();
    if arguments.dry_run {
        say_withheld(printer, &triggers);
        let (keyring, strangers) = (Keyring::default(), Keyring::without_programs());
        let mut told = BTreeSet::new();
        for trigger in &triggers {
            let refusal = consent.refusal(trigger);
            // Some of git's helpers ask the server.
            let keyring = if refusal.is_none() { &keyring } else { &strangers };
            if let Some(why) = refusal.filter(|why| told.insert(why.clone())) {
                printer.warning(&format!("nothing would be sent: {why}"));
            }
            show(printer, (&repository, keyring), trigger, arguments)?;
            if arguments.curl {
                for missing in not_in_variables(keyring, trigger)? {
                    if told.insert(missing.clone()) {
                        printer.note(&missing);
                    }
                }
            }
        }
        return Ok(Exit::Done);
    }
    let trusted = check_trust(&repository, &consent, &triggers)?;
    send(printer, (&repository, &trusted), &triggers, arguments)
}

fn event(repository: &Repository, arguments: &Arguments) -> anyhow::Result<Event> {
    let branch = match &arguments.branch {
        Some(branch) => branch.clone(),
        None => checked_out(repository)?,
    };
    match manual::read(repository, branch.as_ref())? {
        manual::Tip::Found(event) => Ok(*event),
        manual::Tip::Missing => Err(Refusal::new(
            format!("there is no branch {branch}, neither here nor on a remote as last fetched"),
            "see: git branch --all",
        )
        .into()),
        manual::Tip::Ambiguous(names) => Err(Refusal::new(
            format!("several remotes have a branch {branch}, with different commits"),
            format!(
                "make a local branch of the one you mean, for example: git branch {branch} {}",
                names[0]
            ),
        )
        .into()),
    }
}

fn checked_out(repository: &Repository) -> anyhow::Result<BString> {
    let refusal = |message: &str| Refusal::new(message, "name a branch: --branch BRANCH");
    match repository.head()? {
        Head::Branch {
            reference,
            tip: Some(_),
        } => Ok(reference
            .strip_prefix(b"refs/heads/")
            .unwrap_or(&reference)
            .into()),
        Head::Branch { .. } => Err(refusal("the branch checked out has no commit yet").into()),
        Head::Detached { .. } => {
            Err(refusal("HEAD is detached, so there is no branch to trigger for").into())
        }
    }
}

fn check_rules(config: &Config, wishes: &Wishes) -> Result<(), Refusal> {
    for name in &wishes.only {
        if !config.rules.iter().any(|rule| rule.name == *name) {
            let names: Vec<&str> = config.rules.iter().map(|rule| rule.name.as_str()).collect();
            return Err(Refusal::new(
                format!("no rule is called {name}"),
                format!("the file's rules: {}", names.join(", ")),
            ));
        }
    }
    Ok(())
}

fn nothing_fires(config: &Config, event: &Event, plan: &Plan) -> Refusal {
    let reasons: Vec<String> = plan
        .verdicts
        .iter()
        .map(|verdict| format!("{}: {}", config.rules[verdict.rule].name, verdict.reason))
        .collect();
    Refusal::new(
        format!(
            "no rule fires for branch {}",
            event.branch.clone().unwrap_or_default()
        ),
        reasons.join("\n      "),
    )
}

/// Refuses what must not go out: nothing is to lie and wait that its user asks for now.
fn check_trust(repository: &Repository, consent: &Consent, triggers: &[Trigger]) -> anyhow::Result<Trusted> {
    let trusted = consent::trusted(repository.common_dir()).map_err(Refusal::from)?;
    // Another certificate does for what waits in a spool, and not where somebody can mend this one.
    let refusal = |trigger: &Trigger| consent.refusal(trigger).or_else(|| trigger.ca_trouble.clone());
    if let Some(why) = triggers.iter().find_map(refusal) {
        return Err(match why.rsplit_once("; ") {
            Some((what, help)) => Refusal::new(format!("{what}; nothing was sent"), help),
            None => Refusal::plain(format!("{why}; nothing was sent")),
        }
        .into());
    }
    Ok(trusted)
}

fn send(
    printer: &Printer,
    (repository, trusted): (&Repository, &Trusted),
    triggers: &[Trigger],
    arguments: &Arguments,
) -> anyhow::Result<Exit> {
    let spool = Spool::of(repository.common_dir());
    // Without git's helpers, whom the sender asks.
    let known = Keyring::without_programs();
    for trigger in triggers {
        deliver::learn(&known, trigger);
    }
    if let Some(part) = triggers.iter().find_map(Trigger::secret_part) {
        return Err(spool::Error::Secret(part).into());
    }
    let sending = Foreground::begin(&spool, repository.common_dir(), consent::ask)?;
    for trigger in triggers {
        spool.put(trigger)?;
    }
    // Whoever asked by hand asks again when what holds it is put right; two would go out then.
    let what = (triggers, true);
    let (outcomes, sent) = outcomes::deliver(&spool, sending, what)?;
    if printer.is_verbose() {
        let keyring = Keyring::default();
        for trigger in triggers {
            say_defaults(printer, &spool, trigger, &keyring);
        }
    }
    if !(arguments.wait || arguments.follow) {
        let exit = outcomes::print(printer, &outcomes, arguments.json);
        sent?;
        return Ok(exit);
    }
    let (mut accepted, mut others) = (Vec::new(), Vec::new());
    for (trigger, entry) in outcomes {
        // Older ones that had to go first are nobody's to wait for.
        let asked_for = triggers.iter().any(|asked| asked.id == trigger.id);
        match entry {
            Some(entry) if asked_for && matches!(entry.outcome, Outcome::Queued | Outcome::Merged) => {
                accepted.push((trigger, entry));
            }
            entry => others.push((trigger, entry)),
        }
    }
    // Those that were sent as one share an item.
    let ids: Vec<String> = accepted.iter().map(|(trigger, _)| trigger.id.clone()).collect();
    accepted.retain(|(trigger, entry)| trigger.id == entry.id || !ids.contains(&entry.id));
    let refused = outcomes::print(printer, &others, arguments.json);
    sent?;
    let wishes = watch::Wishes {
        follow: arguments.follow,
        json: arguments.json,
    };
    let built = watch::run(printer, (&spool, trusted), &accepted, wishes)?;
    Ok(built.worse(refused))
}

/// What the job takes and the trigger leaves to its default.
fn say_defaults(printer: &Printer, spool: &Spool, trigger: &Trigger, keyring: &Keyring) {
    let server = Url::parse(&trigger.server).ok();
    let Some(login) = server.and_then(|server| keyring.login(&server).ok()) else {
        return;
    };
    let login = login.value;
    let job = deliver::known_job(spool, (&trigger.server, &trigger.job), &login.user);
    let defaults = job.map(|job| job.left_to_defaults(&deliver::parameters_of(trigger)));
    for default in defaults.into_iter().flatten() {
        printer.detail(&format!(
            "{}: not sent, so the job's default: {default}",
            trigger.job
        ));
    }
}

/// What would be sent is not what the file asks for.
fn say_withheld(printer: &Printer, triggers: &[Trigger]) {
    let withheld: BTreeSet<&String> = triggers.iter().flat_map(|trigger| &trigger.withheld).collect();
    for name in withheld {
        printer.warning(&withheld_of(name));
    }
}

/// A request as it would go out, secrets left out.
#[derive(Serialize)]
struct Shown<'a> {
    job: &'a str,
    server: &'a str,
    method: &'a str,
    url: String,
    parameters: Vec<(&'a str, Text)>,
    secrets: Vec<String>,
}

fn show(
    printer: &Printer,
    (repository, keyring): (&Repository, &Keyring),
    trigger: &Trigger,
    arguments: &Arguments,
) -> anyhow::Result<()> {
    let server = Url::parse(&trigger.server)?;
    let method: jenkins::Method = trigger.method.parse().map_err(anyhow::Error::msg)?;
    let parameters = deliver::parameters_of(trigger);
    let token = trigger.token_from.as_deref().map(environment::job_token_variable);
    let masked = Secret::unregistered(secret::MASK.into());
    let job_token = token.as_ref().map(|_| &masked);
    // Its id would be found nowhere.
    let cause = &trigger.cause.0;
    let order = deliver::order_of(trigger, method, &parameters, cause, None, job_token);
    let url = order.url(&server, !parameters.is_empty());
    if arguments.curl {
        let spool = Spool::of(repository.common_dir());
        let ca = trigger.ca.as_deref().map(|sha| spool.authorities_file(sha));
        printer.result(&curl(&order, &url, token.as_deref(), ca.as_deref()));
        return Ok(());
    }
    let secrets = secrets_of(keyring, trigger, method, &server);
    let form = order.form(true);
    if arguments.json {
        printer.json(&Shown {
            job: &trigger.job,
            server: &trigger.server,
            method: &trigger.method,
            url,
            parameters: form
                .into_iter()
                .map(|(name, value)| (name, Text::from(value)))
                .collect(),
            secrets,
        });
        return Ok(());
    }
    printer.toned(Tone::Dim, "would send", &format!(" POST {url}"));
    for (name, value) in &form {
        printer.result(&format!("    {name}={}", value.as_bstr()));
    }
    printer.result(&format!("    with {}", secrets.join(", ")));
    Ok(())
}

/// What secrets it would go out with, and where they are.
fn secrets_of(keyring: &Keyring, trigger: &Trigger, method: jenkins::Method, server: &Url) -> Vec<String> {
    let mut secrets = Vec::new();
    if method.needs_user() {
        secrets.push(match keyring.login(server) {
            Ok(found) => format!("the API token of {} from {}", found.value.user, found.source),
            Err(error) => error.to_string(),
        });
    }
    if let Some(name) = &trigger.token_from {
        secrets.push(match keyring.job_token(server, name, &trigger.job) {
            Ok(found) => format!("the trigger token {name} from {}", found.source),
            Err(error) => error.to_string(),
        });
    }
    secrets
}

/// Which variables of the command for a shell have to be set first, and what has it here instead.
fn not_in_variables(keyring: &Keyring, trigger: &Trigger) -> anyhow::Result<Vec<String>> {
    let server = Url::parse(&trigger.server)?;
    let method: jenkins::Method = trigger.method.parse().map_err(anyhow::Error::msg)?;
    let note = |variables: &str, what: &str, source: Option<Source>| match source {
        Some(Source::Environment(_)) => None,
        Some(source) => Some(format!(
            "for curl set {variables}: here {what} for {server} comes from {source}"
        )),
        None => Some(format!("for curl set {variables}")),
    };
    let user = method.needs_user().then(|| {
        let variables = format!("{} and {}", environment::USER_ID, environment::API_TOKEN);
        let found = keyring.login(&server).ok();
        note(&variables, "the API token", found.map(|found| found.source))
    });
    let token = trigger.token_from.as_deref().map(|name| {
        let found = keyring.job_token(&server, name, &trigger.job).ok();
        let variable = environment::job_token_variable(name);
        let what = format!("trigger token {name}");
        note(&variable, &what, found.map(|found| found.source))
    });
    Ok([user, token].into_iter().flatten().flatten().collect())
}

/// The same request for a shell; the shell fills the secrets in.
fn curl(order: &Order<'_>, url: &str, token: Option<&str>, ca: Option<&Path>) -> String {
    let mut command = vec!["curl -i -X POST".to_owned()];
    if let Some(ca) = ca {
        command.push(format!("--cacert {}", shell_argument(ca.as_os_str().as_bytes())));
    }
    if order.method.needs_user() {
        command.push("--user \"$JENKINS_USER_ID:$JENKINS_API_TOKEN\"".into());
    }
    for (name, value) in order.form(true) {
        match (name, token) {
            // No parameter can have this name.
            ("token", Some(variable)) => command.push(format!("--data-urlencode \"token=${variable}\"")),
            _ => command.push(format!("--data {}", quoted(&encode_form(&[(name, value)])))),
        }
    }
    if order.form(true).is_empty() {
        command.push("--data ''".into());
    }
    command.push(quoted(url));
    command.join(" ")
}

fn quoted(word: &str) -> String {
    shell_word(word.as_bytes()).to_str_lossy().into_owned()
}

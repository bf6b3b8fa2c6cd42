//! What `doctor` found, step by step: printed as it comes, or as one object at the end.

use serde::Serialize;

use crate::cli::Exit;
use crate::config::Rule;
use crate::ui::{Printer, Tone};

/// How a step went, or all of them: the order is that of how much one of them matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum State {
    NotChecked,
    Ok,
    Warning,
    Failed,
}

impl State {
    fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::NotChecked => "not checked",
            Self::Warning => "warning",
            Self::Failed => "failed",
        }
    }

    fn tone(self) -> Tone {
        match self {
            Self::Ok => Tone::Good,
            Self::NotChecked => Tone::Dim,
            Self::Warning => Tone::Warn,
            Self::Failed => Tone::Bad,
        }
    }
}

/// What a step is about, as far as it is about one.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct About {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) server: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) job: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) rule: Option<String>,
}

#[derive(Debug, Serialize)]
struct Finding {
    step: String,
    #[serde(flatten)]
    about: About,
    state: State,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<String>,
}

/// All steps so far.
pub(super) struct Report<'a> {
    printer: &'a Printer,
    json: bool,
    about: About,
    /// The rule's name, where people need it.
    speaker: String,
    steps: Vec<Finding>,
}

#[derive(Serialize)]
struct Whole<'a> {
    state: State,
    steps: &'a [Finding],
}

/// Where the names of steps and what is said of them begin in a line.
const STEP: usize = 13;
const MESSAGE: usize = 28;

impl<'a> Report<'a> {
    pub(super) fn new(printer: &'a Printer, json: bool) -> Self {
        Self {
            printer,
            json,
            about: About::default(),
            speaker: String::new(),
            steps: Vec::new(),
        }
    }

    /// The steps from here on are about this; people read `title` before them.
    pub(super) fn turn_to(&mut self, about: About, title: &str) {
        self.about = about;
        if !self.json {
            self.printer.result("");
            self.printer.result(title);
        }
    }

    /// The steps from here on are about this rule, or about none.
    pub(super) fn of_rule(&mut self, rule: Option<&Rule>) {
        self.about.rule = rule.map(|rule| rule.name.clone());
        // Without a name of its own a rule is called like its job, which stands above.
        let named = rule.filter(|rule| rule.named || self.about.job.is_none());
        self.speaker = named.map(|rule| format!("{}: ", rule.name)).unwrap_or_default();
    }

    pub(super) fn ok(&mut self, step: &'static str, message: impl Into<String>) {
        self.add(step, State::Ok, message.into(), None);
    }

    pub(super) fn warn(&mut self, step: &'static str, message: impl Into<String>, fix: impl Into<String>) {
        self.add(step, State::Warning, message.into(), Some(fix.into()));
    }

    pub(super) fn fail(&mut self, step: &'static str, message: impl Into<String>, fix: impl Into<String>) {
        self.add(step, State::Failed, message.into(), Some(fix.into()));
    }

    /// One without a way out that could be named.
    pub(super) fn fail_plainly(&mut self, step: &'static str, message: impl Into<String>) {
        self.add(step, State::Failed, message.into(), None);
    }

    pub(super) fn unchecked(&mut self, step: &'static str, why: impl Into<String>) {
        self.add(step, State::NotChecked, why.into(), None);
    }

    /// Steps that cannot be taken for the same reason: one line for people.
    pub(super) fn unchecked_all(&mut self, steps: &[&'static str], why: &str) {
        for step in steps {
            self.keep(step, State::NotChecked, why.to_owned(), None);
        }
        self.print(&steps.join(", "), State::NotChecked, why, None);
    }

    fn add(&mut self, step: &'static str, state: State, message: String, fix: Option<String>) {
        self.print(step, state, &message, fix.as_deref());
        self.keep(step, state, message, fix);
    }

    fn keep(&mut self, step: &'static str, state: State, message: String, fix: Option<String>) {
        self.steps.push(Finding {
            step: step.to_lowercase().replace(' ', "-"),
            about: self.about.clone(),
            state,
            message,
            fix,
        });
    }

    fn print(&self, step: &str, state: State, message: &str, fix: Option<&str>) {
        if self.json {
            return;
        }
        let rule = &self.speaker;
        let width = MESSAGE - STEP;
        let line = if step.chars().count() < width {
            format!("{step:width$}{rule}{message}")
        } else {
            format!("{step}: {rule}{message}")
        };
        let name = state.name();
        self.printer
            .toned(state.tone(), name, &format!("{:1$}{line}", "", STEP - name.len()));
        for (number, line) in fix.into_iter().flat_map(str::lines).enumerate() {
            let beginning = if number == 0 { "fix: " } else { "     " };
            self.printer
                .result(&format!("{:1$}{beginning}{line}", "", MESSAGE));
        }
    }

    /// Ends it. What has to be put right makes the exit code 1, whoever says so.
    pub(super) fn end(self) -> Exit {
        let count = |state| self.steps.iter().filter(|step| step.state == state).count();
        let (failed, warnings) = (count(State::Failed), count(State::Warning));
        if self.json {
            let state = self.steps.iter().map(|step| step.state).max();
            self.printer.json(&Whole {
                state: state.unwrap_or(State::Ok),
                steps: &self.steps,
            });
        } else {
            let plural = if warnings == 1 { "" } else { "s" };
            let line = format!(
                "{failed} failed, {warnings} warning{plural}, {} not checked",
                count(State::NotChecked)
            );
            self.printer.result("");
            self.printer.result(&line);
        }
        if failed == 0 { Exit::Done } else { Exit::Act }
    }
}

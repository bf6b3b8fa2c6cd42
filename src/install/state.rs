//! What git will really run on its hooks: asked from git, and looked at.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use bstr::ByteSlice as _;
use serde::Serialize;

use super::config_hook::{self, ConfigHook};
use super::folder::{Found, look};
use super::manager::{self, manager_of};
use super::place::{Place, own_folder};
use super::{Error, Event, is_executable, named};
use crate::environment;
use crate::git::{self, Repository, Version};
use crate::platform;

/// What is said of a hook that the git config switches off, before the key that does.
const OFF: &str = "switched off by ";

/// What is said of a line that runs the program by its name alone.
const NOT_ON_PATH: &str = "but jenkins-trigger is not on the PATH";

/// Who is behind something that git runs, or that it would run in another place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Whose {
    /// Our hook alone.
    Ours,
    /// Our hook, and before it the one that was there.
    Chained,
    /// Somebody else's hook that runs ours.
    Below,
    /// Somebody else's.
    Foreign,
    /// Ours, where git does not look or does not run it.
    Shadowed,
}

impl Whose {
    /// The word for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Chained => "chained",
            Self::Below => "below",
            Self::Foreign => "foreign",
            Self::Shadowed => "shadowed",
        }
    }

    /// Whether our program is run.
    #[must_use]
    pub fn fires(self) -> bool {
        matches!(self, Self::Ours | Self::Chained | Self::Below)
    }
}

/// One thing behind a hook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// Whose it is.
    pub whose: Whose,
    /// The file, or the scope and name in the git config.
    pub from: String,
    /// What else is to be known: the hook that runs first, the manager.
    pub note: Option<String>,
    /// The program that it runs, if it is ours.
    pub program: Option<PathBuf>,
}

/// One of git's hooks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HookState {
    /// Its name.
    pub hook: &'static str,
    /// What is behind it, in the order in which git runs it.
    pub entries: Vec<Entry>,
}

impl HookState {
    /// Whether our program is run on it.
    #[must_use]
    pub fn fires(&self) -> bool {
        self.entries.iter().any(|entry| entry.whose.fires())
    }
}

/// A program that hooks run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Program {
    /// Where the hook looks first.
    pub path: PathBuf,
    /// What it says it is; `None` where it is gone or does not answer.
    pub version: Option<String>,
    /// The one on the PATH that is run in its place.
    pub instead: Option<PathBuf>,
}

/// Something that should fire and will not, with what helps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: String,
}

/// All of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// The git that answered.
    pub version: Version,
    /// Where it looks for hook files.
    pub place: Place,
    /// The hooks of the events that are installed, or that a bare or other repository could have.
    pub hooks: Vec<(Event, Vec<HookState>)>,
    /// The programs behind them.
    pub programs: Vec<Program>,
    /// What is wrong.
    pub problems: Vec<Problem>,
    /// The command that installs, or that must come before it.
    pub remedy: String,
}

impl State {
    /// Whether anything of ours is there, run or not.
    #[must_use]
    pub fn is_installed(&self) -> bool {
        !installed(&self.hooks).is_empty()
    }

    /// The events on which git runs our program.
    #[must_use]
    pub fn firing(&self) -> Vec<Event> {
        let firing = self
            .hooks
            .iter()
            .filter(|(_, states)| states.iter().any(HookState::fires));
        firing.map(|(event, _)| *event).collect()
    }
}

/// Finds out.
///
/// # Errors
/// What git or the file system says.
pub fn inspect(repository: &Repository) -> Result<State, Error> {
    let version = git::version()?;
    let place = Place::of(repository)?;
    let bare = repository.work_tree().is_none();
    let mut inspection = Inspection {
        repository,
        version,
        place,
        configured: config_hook::read(Some(repository))?,
        problems: Vec::new(),
    };
    let mut hooks = Vec::new();
    for event in Event::ALL {
        let states: Result<Vec<HookState>, Error> =
            event.hooks().iter().map(|hook| inspection.hook(hook)).collect();
        let states = states?;
        let ours = states.iter().any(is_ours);
        let possible = (event == Event::PostReceive) == bare;
        if possible || ours {
            if ours {
                inspection.complain(event, &states)?;
            }
            hooks.push((event, states));
        }
    }
    inspection.complain_of_half();
    let programs = programs(repository, &hooks);
    for program in &programs {
        if program.version.is_none() && program.instead.is_none() {
            inspection.problems.push(Problem {
                message: format!("the hooks run {}, which is gone", program.path.display()),
                help: super::command(&installed(&hooks)),
            });
        }
    }
    Ok(State {
        remedy: inspection.remedy(Event::usual(repository)),
        version: inspection.version,
        place: inspection.place,
        hooks,
        programs,
        problems: inspection.problems,
    })
}

/// Whether anything of ours is there on this hook, run or not.
fn is_ours(state: &HookState) -> bool {
    state.entries.iter().any(|entry| entry.whose != Whose::Foreign)
}

/// The events of which anything of ours is there.
fn installed(hooks: &[(Event, Vec<HookState>)]) -> Vec<Event> {
    let ours = hooks.iter().filter(|(_, states)| states.iter().any(is_ours));
    ours.map(|(event, _)| *event).collect()
}

struct Inspection<'a> {
    repository: &'a Repository,
    version: Version,
    place: Place,
    configured: Vec<ConfigHook>,
    problems: Vec<Problem>,
}

impl Inspection<'_> {
    /// The command that gets the hooks of this event run.
    fn remedy(&self, event: Event) -> String {
        let install = super::command(&[event]);
        match self.place.check(self.repository) {
            Err(error) if error.config_helps() && self.version.has_config_hooks() => install,
            Err(Error::Husky { .. }) => format!("{install} --via file --yes"),
            Err(error) => error
                .setting_right()
                .or_else(|| error.help(&[event]))
                .unwrap_or(install),
            Ok(()) => install,
        }
    }

    fn hook(&self, hook: &'static str) -> Result<HookState, Error> {
        let mut entries = self.in_config(hook)?;
        entries.extend(self.in_folder(hook)?);
        entries.extend(self.elsewhere(hook)?);
        Ok(HookState { hook, entries })
    }

    /// The git config's hooks: since 2.54 git itself lists them; an older one runs none.
    fn in_config(&self, hook: &'static str) -> Result<Vec<Entry>, Error> {
        let command = self.configured.iter().rev().find_map(ConfigHook::program);
        let mut entries = Vec::new();
        if !self.version.has_config_hooks() {
            let scopes = self
                .configured
                .iter()
                .filter(|set| set.events.iter().any(|event| event == hook));
            entries.extend(scopes.map(|set| Entry {
                whose: Whose::Shadowed,
                from: format!("{} git config", set.scope),
                note: Some(format!("git {} runs no hooks of its config", self.version.text)),
                program: command.clone(),
            }));
            return Ok(entries);
        }
        let mut git = self.repository.command();
        git.args(["hook", "list", "--show-scope", hook]);
        for line in git::run(&mut git)?.stdout.lines() {
            let fields: Vec<&[u8]> = line.split_str("\t").collect();
            let (Some(scope), Some(name)) = (fields.first(), fields.last()) else {
                continue;
            };
            if fields.len() < 2 {
                continue;
            }
            let ours = *name == b"jenkins-trigger";
            let all_off = fields.contains(&&b"event-disabled"[..]);
            let disabled = all_off || fields.contains(&&b"disabled"[..]);
            let whose = match (ours, disabled) {
                (true, false) => Whose::Ours,
                (true, true) => Whose::Shadowed,
                (false, _) => Whose::Foreign,
            };
            entries.push(Entry {
                whose,
                from: format!("{} git config, hook.{}", scope.as_bstr(), name.as_bstr()),
                note: disabled.then(|| {
                    let key = if all_off { hook } else { "jenkins-trigger" };
                    format!("{OFF}hook.{key}.enabled")
                }),
                program: command.clone().filter(|_| ours),
            });
        }
        Ok(entries)
    }

    /// The file that git looks for.
    fn in_folder(&self, hook: &'static str) -> Result<Option<Entry>, Error> {
        if self.place.is_nowhere() {
            return Ok(None);
        }
        let path = self.place.folder.join(hook);
        let runs = is_executable(&path);
        let from = path.display().to_string();
        let entry = |whose, note: Option<String>, program| {
            Some(Entry {
                whose,
                from: from.clone(),
                note,
                program,
            })
        };
        Ok(match look(&path)? {
            Found::Nothing | Found::NoFile => None,
            Found::Ours(shim) if !runs => entry(
                Whose::Shadowed,
                Some("git skips it: it has no run bit".into()),
                Some(shim.program),
            ),
            Found::Ours(shim) => match &shim.chained {
                Some(aside) => {
                    let aside = self.place.folder.join(aside);
                    let note = if is_executable(&aside) {
                        format!("after {}", aside.display())
                    } else {
                        format!("{} is not run", aside.display())
                    };
                    entry(Whose::Chained, Some(note), Some(shim.program))
                }
                None => entry(Whose::Ours, None, Some(shim.program)),
            },
            Found::Edited => entry(Whose::Ours, Some("with other lines in it".into()), None),
            Found::Foreign(_) if !runs => None,
            Found::Foreign(content) => {
                let manager = manager_of(&content);
                match self.below(hook, &path, &content)? {
                    Some((whose, note, program)) => entry(whose, Some(note), program),
                    None => entry(Whose::Foreign, manager.map(|manager| manager.name().into()), None),
                }
            }
        })
    }

    /// How somebody else's hook runs ours, if it does.
    fn below(
        &self,
        hook: &'static str,
        path: &Path,
        content: &[u8],
    ) -> Result<Option<(Whose, String, Option<PathBuf>)>, Error> {
        let manager = manager_of(content);
        if manager.is_some_and(manager::Manager::runs_legacy) {
            let legacy = path.with_file_name(named(hook, manager::LEGACY));
            if let Found::Ours(shim) = look(&legacy)?
                && is_executable(&legacy)
            {
                return Ok(Some((
                    Whose::Below,
                    format!("{} below it", legacy.display()),
                    Some(shim.program),
                )));
            }
        }
        let top = self.repository.work_tree();
        let files = manager.map(manager::Manager::files).unwrap_or_default();
        let husky = manager::husky_of(&self.place.folder).map(|folder| folder.join(hook));
        let mut places: Vec<PathBuf> = husky.into_iter().collect();
        places.extend(files.iter().filter_map(|file| Some(top?.join(file))));
        if let Some(word) = manager::called(content, hook) {
            return Ok(Some(by_line(&word, "by a line in it".to_owned())));
        }
        Ok(places.iter().find_map(|file| {
            let word = manager::called(&std::fs::read(file).ok()?, hook)?;
            Some(by_line(&word, format!("by lines in {}", file.display())))
        }))
    }

    /// Our scripts where git does not look, or under a name that nobody runs.
    fn elsewhere(&self, hook: &'static str) -> Result<Vec<Entry>, Error> {
        let mut candidates = vec![self.place.folder.join(named(hook, ".old"))];
        let own = own_folder(self.repository);
        if own != self.place.folder {
            candidates.push(own.join(hook));
        }
        let mut entries = Vec::new();
        for path in candidates {
            if let Found::Ours(shim) = look(&path)? {
                entries.push(Entry {
                    whose: Whose::Shadowed,
                    from: path.display().to_string(),
                    note: Some("nobody runs it".into()),
                    program: Some(shim.program),
                });
            }
        }
        Ok(entries)
    }

    /// Something of ours is there: each hook of the event must fire, and once.
    fn complain(&mut self, event: Event, states: &[HookState]) -> Result<(), Error> {
        for state in states {
            let firing: Vec<&Entry> = state.entries.iter().filter(|entry| entry.whose.fires()).collect();
            let problem = match firing[..] {
                [] => self.silent(event, state)?,
                [_] => continue,
                [one, other, ..] => Problem {
                    message: format!(
                        "git runs it twice on {}: by {} and by {}",
                        state.hook, one.from, other.from
                    ),
                    help: twice(&firing),
                },
            };
            if !self.problems.contains(&problem) {
                self.problems.push(problem);
            }
        }
        Ok(())
    }

    /// Half a hook in the git config keeps git from running any.
    fn complain_of_half(&mut self) {
        let events = self.configured.iter().any(|set| !set.events.is_empty());
        let command = self.configured.iter().any(|set| set.command.is_some());
        if events && !command && self.version.has_config_hooks() {
            let global = self.configured.iter().any(|set| set.scope == "global");
            let option = if global { " --global" } else { "" };
            self.problems.push(Problem {
                message: "hook.jenkins-trigger in the git config has events and no command: every git that runs hooks \
                          fails"
                    .into(),
                help: format!("jenkins-trigger uninstall{option}"),
            });
        }
    }

    /// Why git does not run ours on this hook.
    fn silent(&self, event: Event, state: &HookState) -> Result<Problem, Error> {
        let of = |whose| state.entries.iter().find(|entry| entry.whose == whose);
        let problem = |message: String, help: String| Ok(Problem { message, help });
        let again = self.remedy(event);
        let Some(ours) = of(Whose::Shadowed) else {
            return match of(Whose::Foreign) {
                Some(other) => problem(
                    format!(
                        "git runs {} on {}, and not jenkins-trigger",
                        other.from, state.hook
                    ),
                    again,
                ),
                None => problem(
                    format!(
                        "git runs nothing on {}, which {} needs too",
                        state.hook,
                        event.name()
                    ),
                    again,
                ),
            };
        };
        let note = ours.note.as_deref().unwrap_or_default();
        if let Some(key) = note.strip_prefix(OFF) {
            return problem(
                format!("{} is {note}", ours.from),
                match self.repository.scope_of_setting(key)? {
                    Some(scope) => format!("git config --{scope} --unset-all {key}"),
                    None => format!("git config --unset-all {key}"),
                },
            );
        }
        if note.ends_with(NOT_ON_PATH) {
            return problem(
                format!("{} runs it {note}", ours.from),
                match platform::this_program() {
                    Ok(own) => format!("put a link to {} into a folder of your PATH", own.display()),
                    Err(_) => "put it into a folder of your PATH".to_owned(),
                },
            );
        }
        if let Some(other) = of(Whose::Foreign) {
            return problem(
                format!("git runs {} on {}, and not {}", other.from, state.hook, ours.from),
                again,
            );
        }
        let folder = Path::new(&ours.from).parent().unwrap_or(Path::new(""));
        match &self.place.setting {
            Some((scope, value)) if folder == own_folder(self.repository) && folder != self.place.folder => {
                problem(
                    format!(
                        "core.hooksPath is set to {value:?} in the {scope} git config, so git does not run the hooks \
                         that are installed in {}",
                        folder.display()
                    ),
                    again,
                )
            }
            _ => problem(format!("git does not run {}: {note}", ours.from), again),
        }
    }
}

/// A line that runs the program by this word, and whether it can.
fn by_line(word: &[u8], note: String) -> (Whose, String, Option<PathBuf>) {
    let path = Path::new(OsStr::from_bytes(word));
    if path.components().count() > 1 {
        return (Whose::Below, note, Some(path.to_owned()));
    }
    match environment::search_path()
        .into_iter()
        .map(|folder| folder.join(path))
        .find(|program| is_executable(program))
    {
        Some(program) => (Whose::Below, note, Some(program)),
        None => (Whose::Shadowed, format!("{note}, {NOT_ON_PATH}"), None),
    }
}

/// What leaves one of several.
fn twice(firing: &[&Entry]) -> String {
    let global = firing
        .iter()
        .any(|entry| entry.from.starts_with("global git config"));
    let by_line = firing.iter().find(|entry| entry.whose == Whose::Below);
    match by_line {
        Some(line) if global => format!("take the line out of {}", line.from),
        _ => "jenkins-trigger uninstall".into(),
    }
}

/// Whether the program came with the repository, perhaps from a stranger, and is not to be run to
/// look at it.
fn is_brought_along(repository: &Repository, program: &Path) -> bool {
    let real = program.canonicalize().unwrap_or_else(|_| program.to_owned());
    real.exists()
        && (real.starts_with(repository.common_dir())
            || repository.work_tree().is_some_and(|top| real.starts_with(top)))
}

fn programs(repository: &Repository, hooks: &[(Event, Vec<HookState>)]) -> Vec<Program> {
    let mut programs: Vec<Program> = Vec::new();
    let entries = hooks
        .iter()
        .flat_map(|(_, hooks)| hooks)
        .flat_map(|hook| &hook.entries)
        .filter(|entry| entry.whose.fires());
    for path in entries.filter_map(|entry| entry.program.clone()) {
        if programs.iter().any(|program| program.path == path) {
            continue;
        }
        let version = if is_brought_along(repository, &path) {
            Some("not asked, for it lies in this repository".to_owned())
        } else {
            version_of(&path)
        };
        let instead = match version {
            Some(_) => None,
            None => environment::search_path()
                .into_iter()
                .map(|folder| folder.join("jenkins-trigger"))
                .find(|program| is_executable(program)),
        };
        programs.push(Program {
            path,
            version,
            instead,
        });
    }
    programs
}

/// What the program says it is.
fn version_of(program: &Path) -> Option<String> {
    if platform::this_program().is_ok_and(|own| platform::is_same_file(&own, program)) {
        return Some(env!("CARGO_PKG_VERSION").to_owned());
    }
    if !is_executable(program) {
        return None;
    }
    let mut asked = Command::new(program);
    for name in environment::secret_variables() {
        asked.env_remove(name);
    }
    let answer = asked
        .arg("--version")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let said = answer.stdout.to_str_lossy();
    Some(said.trim().strip_prefix("jenkins-trigger ")?.to_owned())
}

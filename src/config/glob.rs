//! The matcher behind the patterns for branches, tags and paths.
//!
//! The crate `fast-glob` was tried against the reference in the tests: its `?` and classes take one
//! byte (`caf?` does not match `café`), and it reads `\n` as a line feed and `[^a]` as `[!a]`. It also
//! accepts what can never match, so the syntax had to be checked here anyway.
//!
//! A pattern becomes a small automaton whose states are followed all at once, so a match takes at
//! most pattern times name steps, whatever the braces and stars.

use super::glob_syntax::{Item, Refused, parse};

/// A compiled pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Glob {
    steps: Vec<Step>,
    /// What every match begins with, and the step after it: most names are turned away by it alone.
    prefix: String,
    start: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Slash,
    One(Single),
    /// `*`
    Run,
    /// `**`
    Components,
    /// Go on at each of these.
    Fork(Vec<usize>),
    Jump(usize),
    Done,
}

/// What takes one character.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Single {
    Literal(char),
    Any,
    Class {
        negated: bool,
        ranges: Vec<(char, char)>,
    },
}

/// What a name is made of: characters, and the bytes that are part of none.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unit {
    Character(char),
    Byte,
}

impl Glob {
    pub fn parse(text: &str) -> Result<Self, Refused> {
        let mut steps = Vec::new();
        compile(parse(text)?, &mut steps);
        let mut prefix = String::new();
        let plain = steps.iter().map_while(|step| match step {
            Step::Slash => Some('/'),
            Step::One(Single::Literal(literal)) => Some(*literal),
            _ => None,
        });
        prefix.extend(plain);
        let start = prefix.chars().count();
        steps.push(Step::Done);
        Ok(Self { steps, prefix, start })
    }

    pub fn matches(&self, name: &[u8]) -> bool {
        let Some(mut rest) = name.strip_prefix(self.prefix.as_bytes()) else {
            return false;
        };
        if matches!(self.steps[self.start], Step::Done) {
            return rest.is_empty();
        }
        let mut now = States::new(self.steps.len());
        let mut next = States::new(self.steps.len());
        self.enter(&mut now, self.start, false);
        while let Some((unit, length)) = first_unit(rest) {
            rest = &rest[length..];
            for state in &now.list {
                self.follow(&mut next, *state, unit);
            }
            now.clear();
            if next.list.is_empty() {
                return false;
            }
            std::mem::swap(&mut now, &mut next);
        }
        now.list
            .iter()
            .any(|state| matches!(self.steps[state.step], Step::Done))
    }

    /// Adds a state and all that it leads to without taking a character.
    fn enter(&self, states: &mut States, step: usize, skip_slash: bool) {
        let first = State {
            step,
            skip_slash,
            inside: false,
        };
        if matches!(self.steps[step], Step::Slash | Step::One(_)) && !skip_slash {
            states.add(first);
            return;
        }
        let mut todo = std::mem::take(&mut states.todo);
        todo.push(first);
        while let Some(state) = todo.pop() {
            let next = |step| State {
                step,
                skip_slash: false,
                inside: false,
            };
            let same = |step| State { step, ..state };
            match &self.steps[state.step] {
                Step::Fork(branches) if states.mark(state) => {
                    todo.extend(branches.iter().map(|step| same(*step)));
                }
                Step::Jump(target) if states.mark(state) => todo.push(same(*target)),
                // The component that `**` left out takes its slash with it.
                Step::Slash if state.skip_slash => {
                    if states.mark(state) {
                        todo.push(next(state.step + 1));
                    }
                }
                Step::Run => {
                    if states.add(state) {
                        todo.push(next(state.step + 1));
                    }
                }
                Step::Components => {
                    if states.mark(state) {
                        states.add(State {
                            inside: true,
                            ..next(state.step)
                        });
                        // It may take one empty component, or none and then no slash after it.
                        todo.push(next(state.step + 1));
                        todo.push(State {
                            skip_slash: true,
                            ..next(state.step + 1)
                        });
                    }
                }
                Step::Fork(_) | Step::Jump(_) => {}
                Step::Slash | Step::One(_) | Step::Done => {
                    states.add(state);
                }
            }
        }
        states.todo = todo;
    }

    fn follow(&self, next: &mut States, state: State, unit: Unit) {
        let slash = unit == Unit::Character('/');
        match &self.steps[state.step] {
            Step::Slash if slash && !state.skip_slash => self.enter(next, state.step + 1, false),
            Step::One(single) if !slash && single.takes(unit) => {
                self.enter(next, state.step + 1, false);
            }
            Step::Run if !slash => self.enter(next, state.step, false),
            Step::Components if state.inside => {
                next.add(state);
                self.enter(next, state.step + 1, false);
            }
            _ => {}
        }
    }
}

impl Single {
    fn takes(&self, unit: Unit) -> bool {
        match (self, unit) {
            (Self::Any, _) => true,
            (Self::Literal(literal), Unit::Character(character)) => *literal == character,
            (Self::Literal(_), Unit::Byte) => false,
            (Self::Class { negated, .. }, Unit::Byte) => *negated,
            (Self::Class { negated, ranges }, Unit::Character(character)) => {
                ranges
                    .iter()
                    .any(|(first, last)| (*first..=*last).contains(&character))
                    != *negated
            }
        }
    }
}

/// The first character of a name, or its first byte when that begins none.
fn first_unit(name: &[u8]) -> Option<(Unit, usize)> {
    match bstr::decode_utf8(name) {
        (_, 0) => None,
        (Some(character), length) => Some((Unit::Character(character), length)),
        (None, _) => Some((Unit::Byte, 1)),
    }
}

#[derive(Clone, Copy)]
struct State {
    step: usize,
    /// A `**` just before took no component.
    skip_slash: bool,
    /// `**` that is already taking.
    inside: bool,
}

/// A set of states in the order of adding.
struct States {
    list: Vec<State>,
    seen: Vec<bool>,
    /// What is `true` in `seen`, so that clearing takes no longer than filling.
    marked: Vec<usize>,
    /// Kept between calls for its memory.
    todo: Vec<State>,
}

impl States {
    fn new(steps: usize) -> Self {
        Self {
            list: Vec::new(),
            seen: vec![false; steps * 4],
            marked: Vec::new(),
            todo: Vec::new(),
        }
    }

    fn clear(&mut self) {
        self.list.clear();
        for index in self.marked.drain(..) {
            self.seen[index] = false;
        }
    }

    fn mark(&mut self, state: State) -> bool {
        let index = state.step * 4 + usize::from(state.skip_slash) + 2 * usize::from(state.inside);
        let new = !std::mem::replace(&mut self.seen[index], true);
        if new {
            self.marked.push(index);
        }
        new
    }

    fn add(&mut self, state: State) -> bool {
        let new = self.mark(state);
        if new {
            self.list.push(state);
        }
        new
    }
}

fn compile(items: Vec<Item>, steps: &mut Vec<Step>) {
    for item in items {
        match item {
            Item::Step(step, _) => steps.push(step),
            Item::Group(branches) => {
                let fork = steps.len();
                steps.push(Step::Fork(Vec::new()));
                let mut starts = Vec::new();
                let mut jumps = Vec::new();
                for branch in branches {
                    starts.push(steps.len());
                    compile(branch, steps);
                    jumps.push(steps.len());
                    steps.push(Step::Jump(0));
                }
                let end = steps.len();
                for jump in jumps {
                    steps[jump] = Step::Jump(end);
                }
                steps[fork] = Step::Fork(starts);
            }
        }
    }
}

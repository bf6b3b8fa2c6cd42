//! The slow and obvious matcher that the real one is held against.

/// A piece of a pattern, for the reference.
#[derive(Clone, Debug)]
enum Piece {
    Text(char),
    Any,
    Star,
    Stars,
    Class(bool, Vec<(char, char)>),
}

/// The reference: every combination of alternatives is written out, and each is tried in every way.
pub(super) fn matches(pattern: &str, name: &[u8]) -> bool {
    let units = units(name);
    let components: Vec<&[Option<char>]> = units.split(|unit| *unit == Some('/')).collect();
    alternatives(pattern).iter().any(|pieces| {
        let parts: Vec<&[Piece]> = pieces.split(|piece| matches!(piece, Piece::Text('/'))).collect();
        all_components(&parts, &components)
    })
}

fn units(mut name: &[u8]) -> Vec<Option<char>> {
    let mut units = Vec::new();
    while !name.is_empty() {
        let length = (1..=name.len().min(4)).find(|length| std::str::from_utf8(&name[..*length]).is_ok());
        let text = std::str::from_utf8(&name[..length.unwrap_or(0)]).unwrap_or_default();
        units.push(text.chars().next());
        name = &name[length.unwrap_or(1)..];
    }
    units
}

fn all_components(parts: &[&[Piece]], components: &[&[Option<char>]]) -> bool {
    match parts {
        [] => components.is_empty(),
        [[Piece::Stars], rest @ ..] => {
            let least = usize::from(rest.is_empty());
            (least..=components.len()).any(|taken| all_components(rest, &components[taken..]))
        }
        [part, rest @ ..] => match components {
            [] => false,
            [component, others @ ..] => one_component(part, component) && all_components(rest, others),
        },
    }
}

fn one_component(pieces: &[Piece], units: &[Option<char>]) -> bool {
    match pieces {
        [] => units.is_empty(),
        [Piece::Star, rest @ ..] => (0..=units.len()).any(|taken| one_component(rest, &units[taken..])),
        [piece, rest @ ..] => match units {
            [] => false,
            [unit, others @ ..] => {
                let takes = match (piece, unit) {
                    (Piece::Any, _) => true,
                    (Piece::Text(text), unit) => Some(*text) == *unit,
                    (Piece::Class(negated, ranges), unit) => {
                        unit.is_some_and(|unit| ranges.iter().any(|(from, to)| *from <= unit && unit <= *to))
                            != *negated
                    }
                    (Piece::Star | Piece::Stars, _) => false,
                };
                takes && one_component(rest, others)
            }
        },
    }
}

/// All ways through the braces of a pattern that was accepted.
fn alternatives(pattern: &str) -> Vec<Vec<Piece>> {
    let characters: Vec<char> = pattern.chars().collect();
    let mut at = 0;
    branch(&characters, &mut at, false)
}

fn branch(pattern: &[char], at: &mut usize, inside: bool) -> Vec<Vec<Piece>> {
    let mut ways = vec![Vec::new()];
    while let Some(character) = pattern.get(*at) {
        if inside && matches!(character, ',' | '}') {
            break;
        }
        let mut next = vec![Vec::new()];
        *at += 1;
        match character {
            '{' => {
                next.clear();
                loop {
                    next.extend(branch(pattern, at, true));
                    *at += 1;
                    if pattern[*at - 1] == '}' {
                        break;
                    }
                }
            }
            '*' if pattern.get(*at) == Some(&'*') => {
                *at += 1;
                next[0].push(Piece::Stars);
            }
            '*' => next[0].push(Piece::Star),
            '?' => next[0].push(Piece::Any),
            '[' => next[0].push(class(pattern, at)),
            '\\' => {
                *at += 1;
                next[0].push(Piece::Text(pattern[*at - 1]));
            }
            text => next[0].push(Piece::Text(*text)),
        }
        let joined = ways
            .iter()
            .flat_map(|way: &Vec<Piece>| next.iter().map(|more| [&way[..], more].concat()));
        ways = joined.collect();
    }
    ways
}

fn class(pattern: &[char], at: &mut usize) -> Piece {
    let negated = pattern[*at] == '!';
    *at += usize::from(negated);
    let mut ranges = Vec::new();
    let take = |at: &mut usize| {
        *at += 1 + usize::from(pattern[*at] == '\\');
        pattern[*at - 1]
    };
    while pattern[*at] != ']' {
        let from = take(at);
        let to = if pattern[*at] == '-' && pattern[*at + 1] != ']' {
            *at += 1;
            take(at)
        } else {
            from
        };
        ranges.push((from, to));
    }
    *at += 1;
    Piece::Class(negated, ranges)
}

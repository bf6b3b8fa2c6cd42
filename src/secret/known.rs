//! The secrets that this process has come to know.

use std::ops::Range;
use std::sync::{Arc, PoisonError, RwLock, Weak};

use zeroize::Zeroizing;

use super::SHORTEST_SAID;
use super::needle::{ENCODING, Needle, needles};

/// So many that nobody holds any more are remembered: a service meets new ones as long as it lives,
/// and an error may be told when the secret in it is gone.
const MOST_GONE: usize = 64;

static KNOWN: RwLock<Known> = RwLock::new(Known { all: Vec::new() });

/// A text that was made a secret.
#[derive(Debug)]
struct One {
    text: Zeroizing<String>,
    needles: Vec<Needle>,
    /// Dead once nobody has it any more.
    holder: Weak<Zeroizing<String>>,
}

/// Where secrets are in a text.
#[derive(Debug)]
pub(super) struct Spans {
    /// In order and apart from each other.
    pub(super) found: Vec<Range<usize>>,
    /// The first place from where to the text's end it may be the beginning of one.
    pub(super) cut: Option<usize>,
}

/// All of them, the newest last.
#[derive(Debug, Default)]
pub(super) struct Known {
    all: Vec<One>,
}

/// Remembers a text at least as long as `holder` lives.
pub(super) fn learn(holder: &Arc<Zeroizing<String>>, text: &str) {
    let mut known = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
    known.learn(holder, text);
}

/// Wipes all of them: nothing is told any more.
pub fn forget_all() {
    let mut known = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
    known.all.clear();
}

pub(super) fn with<T>(ask: impl FnOnce(&Known) -> T) -> T {
    ask(&KNOWN.read().unwrap_or_else(PoisonError::into_inner))
}

impl Known {
    pub(super) fn learn(&mut self, holder: &Arc<Zeroizing<String>>, text: &str) {
        if text.len() < SHORTEST_SAID {
            return;
        }
        let one = match self.all.iter().position(|one| *one.text == text) {
            // Learnt anew it is young again.
            Some(index) => One {
                holder: Arc::downgrade(holder),
                ..self.all.remove(index)
            },
            None => One {
                text: Zeroizing::new(text.to_owned()),
                needles: needles(text),
                holder: Arc::downgrade(holder),
            },
        };
        self.all.push(one);
        let is_gone = |one: &One| one.holder.strong_count() == 0;
        if self.all.iter().filter(|one| is_gone(one)).count() > MOST_GONE
            && let Some(oldest) = self.all.iter().position(is_gone)
        {
            self.all.remove(oldest);
        }
    }

    /// Where those of at least `shortest` bytes are.
    pub(super) fn spans(&self, text: &[u8], shortest: usize) -> Spans {
        let wanted: Vec<&Needle> = self
            .all
            .iter()
            .filter(|one| one.text.len() >= shortest)
            .flat_map(|one| &one.needles)
            .collect();
        let mut found: Vec<Range<usize>> = Vec::new();
        let mut cut = None;
        if wanted.is_empty() {
            return Spans { found, cut };
        }
        // Which needles may begin with a byte: a body can have many megabytes.
        let mut beginnings: [Vec<&Needle>; 256] = std::array::from_fn(|_| Vec::new());
        for needle in wanted {
            let literally = Some(needle.first()).filter(|first| !ENCODING.contains(first));
            for byte in ENCODING.into_iter().chain(literally) {
                beginnings[usize::from(byte)].push(needle);
            }
        }
        let may_begin: [bool; 256] = std::array::from_fn(|byte| !beginnings[byte].is_empty());
        for (begin, byte) in text.iter().enumerate() {
            if !may_begin[usize::from(*byte)] {
                continue;
            }
            for needle in &beginnings[usize::from(*byte)] {
                let (end, is_cut) = needle.find(text, begin);
                if is_cut {
                    cut.get_or_insert(begin);
                }
                match (end, found.last_mut()) {
                    (None, _) => {}
                    (Some(end), Some(last)) if begin < last.end => last.end = last.end.max(end),
                    (Some(end), _) => found.push(begin..end),
                }
            }
        }
        Spans { found, cut }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(text: &str) -> Arc<Zeroizing<String>> {
        Arc::new(Zeroizing::new(text.to_owned()))
    }

    #[test]
    fn of_many_that_are_gone_the_newest_are_still_known_and_every_one_that_is_held() {
        let mut known = Known::default();
        let one = held("held-0123456789");
        known.learn(&one, &one);
        for number in 0..4 * MOST_GONE {
            let other = held(&format!("gone-{number:010}"));
            known.learn(&other, &other);
        }
        let finds = |text: String| !known.spans(text.as_bytes(), SHORTEST_SAID).found.is_empty();
        assert!(finds(one.to_string()));
        assert!(finds(format!("gone-{:010}", 4 * MOST_GONE - 1)));
        assert!(!finds("gone-0000000000".into()));
        assert!(known.all.len() <= MOST_GONE + 2, "{}", known.all.len());
    }

    #[test]
    fn what_is_learnt_twice_is_kept_once_and_as_long_as_the_newer_one_lives() {
        let mut known = Known::default();
        let (one, other) = (held("twice-0123456789"), held("twice-0123456789"));
        known.learn(&one, &one);
        known.learn(&other, &other);
        drop(one);
        assert_eq!(known.all.len(), 1);
        assert_eq!(known.all[0].holder.strong_count(), 1);
    }

    #[test]
    fn what_is_shorter_than_a_word_is_not_looked_for() {
        let mut known = Known::default();
        let short = held("1234567");
        known.learn(&short, &short);
        assert!(known.all.is_empty());
    }
}

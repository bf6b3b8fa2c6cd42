//! Texts that must never be seen, and the watch that they are not: every value that becomes a
//! [`Secret`] is known to this process from then on, and nothing that it says or writes down has
//! one of them in it, whoever repeated it and however it is encoded.

mod known;
mod needle;
#[cfg(test)]
mod properties;

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

pub use known::forget_all;

/// What stands in a secret's place.
pub const MASK: &str = "•••";

/// What is shorter is a word like others and would be found where nobody meant it.
const SHORTEST_SAID: usize = 8;

/// Of what a server says, what is shorter than this may be the name of a job: with that changed, the
/// job would not be found.
const SHORTEST_HEARD: usize = 16;

/// A password, an API token or a job's trigger token. Prints as `•••` and is wiped with its last
/// copy; it has no other form, and two are compared by [`Secret::is`] alone.
#[derive(Clone)]
pub struct Secret(Arc<Zeroizing<String>>);

impl Secret {
    /// Takes hold of the text. From now on nothing shows it, if it has eight bytes or more.
    #[must_use]
    pub fn new(text: String) -> Self {
        let secret = Self::unregistered(text);
        known::learn(&secret.0, &secret.0);
        secret
    }

    /// The same for what is not looked for in what is said: it is not secret for sure, is that of nobody
    /// who is known yet, or is longer than anything that is said, as a key in PEM.
    #[must_use]
    pub fn unregistered(text: String) -> Self {
        Self(Arc::new(Zeroizing::new(text)))
    }

    /// The same as the trigger token of this job, registered unless it is a part of the job's name: that
    /// could not be kept from being seen, and everything that is said about the job would be spoilt.
    #[must_use]
    pub fn registered_for(self, job: &str) -> Self {
        if !job.contains(self.expose()) {
            known::learn(&self.0, &self.0);
        }
        self
    }

    /// The text itself, for the one place that sends it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether both are the same, in a time that does not tell how much of them is.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(MASK)
    }
}

/// A Jenkins user id with what proves it.
#[derive(Debug, Clone)]
pub struct Login {
    /// The user id.
    pub user: String,
    /// The API token, or the password.
    pub token: Secret,
    /// Where the two were found, if they are kept anywhere.
    pub provenance: Option<Provenance>,
}

/// Where a login was found, for whoever has to say what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provenance {
    /// The place, as its user would name it.
    pub name: String,
    /// How another token gets there: what follows after "make one at … and".
    pub renewal: String,
}

impl Login {
    /// A user with what proves it. From now on nothing shows that, nor the two as the `Authorization`
    /// header has them.
    #[must_use]
    pub fn new(user: String, token: Secret) -> Self {
        known::learn(&token.0, &token.0);
        let both = Zeroizing::new(format!("{user}:{}", token.expose()));
        known::learn(&token.0, &both);
        Self {
            user,
            token,
            provenance: None,
        }
    }
}

/// The text without any known secret: plain, percent-encoded, in base64, or as JSON and HTML escape
/// it. Nothing else is changed.
#[must_use]
pub fn redact(text: &str) -> Cow<'_, str> {
    let found = spans(text.as_bytes(), SHORTEST_SAID);
    if found.is_empty() {
        return Cow::Borrowed(text);
    }
    let kept = replaced(text.as_bytes(), &found, MASK.as_bytes());
    // What is UTF-8 is found from one character's beginning to another's.
    Cow::Owned(String::from_utf8_lossy(&kept).into_owned())
}

/// The same with as many characters as before, for a text of which some are pointed at.
#[must_use]
pub fn redact_in_place(text: &str) -> Cow<'_, str> {
    let found = spans(text.as_bytes(), SHORTEST_SAID);
    let mut shown = Cow::Borrowed(text);
    for span in found.into_iter().rev() {
        let Some(secret) = text.get(span.clone()) else {
            continue;
        };
        let mask = "•".repeat(secret.chars().count());
        shown.to_mut().replace_range(span, &mask);
    }
    shown
}

/// From where on a text may end in the beginning of a known secret: its length, if it does not.
#[must_use]
pub fn unfinished(text: &str) -> usize {
    let spans = known::with(|known| known.spans(text.as_bytes(), SHORTEST_SAID));
    let Some(cut) = spans.cut else { return text.len() };
    // What overlaps is one.
    let whole = spans.found.iter().find(|span| span.contains(&cut));
    whole.map_or(cut, |span| span.start)
}

/// Takes the known secrets out of what a server said, before anything is made of it: it may go into
/// a message in pieces, or into the address of the next request.
pub fn conceal(said: &mut Vec<u8>) {
    let found = spans(said, SHORTEST_HEARD);
    if !found.is_empty() {
        *said = replaced(said, &found, MASK.as_bytes());
    }
}

/// The same for a line of it.
#[must_use]
pub fn concealed(said: String) -> String {
    let mut bytes = said.into_bytes();
    conceal(&mut bytes);
    match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
    }
}

/// Whether a known secret is in it, in any of these forms.
#[must_use]
pub fn is_in(bytes: &[u8]) -> bool {
    !spans(bytes, SHORTEST_SAID).is_empty()
}

/// Where secrets of at least so many bytes are, in order and apart from each other.
fn spans(text: &[u8], shortest: usize) -> Vec<Range<usize>> {
    known::with(|known| known.spans(text, shortest).found)
}

fn replaced(text: &[u8], spans: &[Range<usize>], mask: &[u8]) -> Vec<u8> {
    let mut kept = Vec::with_capacity(text.len());
    let mut from = 0;
    for span in spans {
        kept.extend_from_slice(&text[from..span.start]);
        kept.extend_from_slice(mask);
        from = span.end;
    }
    kept.extend_from_slice(&text[from..]);
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_show_in_debug_output() {
        let shown = format!("{:?}", Some(Secret::new("hunter2".into())));
        assert_eq!(shown, "Some(•••)");
        let login = Login::new("ada".into(), Secret::new("correct horse".into()));
        assert_eq!(
            format!("{login:?}"),
            "Login { user: \"ada\", token: •••, provenance: None }"
        );
    }

    /// That it compiles is the test: with any of these there would be two ways to name the constant.
    #[test]
    fn a_secret_can_be_neither_printed_nor_serialised_nor_compared_in_passing() {
        trait Has<Which> {
            const IT: () = ();
        }
        impl<T> Has<()> for T {}
        macro_rules! has_not {
            ($($property:path),*) => {$({
                struct Property;
                impl<T: $property> Has<Property> for T {}
                let () = <Secret as Has<_>>::IT;
            })*};
        }
        has_not!(
            fmt::Display,
            fmt::LowerHex,
            serde::Serialize,
            PartialEq,
            AsRef<str>,
            std::ops::Deref
        );
    }

    #[test]
    fn two_secrets_are_the_same_when_all_of_them_is() {
        let secret = |text: &str| Secret::unregistered(text.into());
        assert!(secret("one and only").is(&secret("one and only")));
        for other in ["one and onlx", "one and onl", "one and only ", ""] {
            assert!(!secret("one and only").is(&secret(other)), "{other}");
        }
    }

    #[test]
    fn a_token_that_is_a_part_of_its_job_s_name_is_not_hidden() {
        let _token = Secret::unregistered("storefront".into()).registered_for("shop/storefront-deploy");
        assert_eq!(redact("shop/storefront-deploy"), "shop/storefront-deploy");
        let _token = Secret::unregistered("backoffice-x".into()).registered_for("shop/backoffice");
        assert_eq!(redact("token=backoffice-x"), "token=•••");
    }

    #[test]
    fn what_is_shown_in_place_keeps_its_length() {
        let _secret = Secret::new("pöinted-at".into());
        let shown = redact_in_place("a: pöinted-at, b");
        assert_eq!(shown, "a: ••••••••••, b");
    }

    #[test]
    fn a_text_that_is_cut_within_a_secret_is_cut_before_it() {
        let _secret = Secret::new("cut anywhere".into());
        for (text, whole) in [
            ("so far so good!", "so far so good!"),
            ("so far cut any", "so far "),
            ("so far cut%2", "so far "),
            ("cut anywhere cu", "cut anywhere "),
            ("cut anywhere, 5 %", "cut anywhere, 5 "),
            ("", ""),
        ] {
            assert_eq!(&text[..unfinished(text)], whole, "{text}");
        }
        let _secret = Secret::new("olololol".into());
        assert_eq!(unfinished("-olololololo"), 1);
    }

    #[test]
    fn a_short_password_is_left_in_what_a_server_says_and_not_in_what_is_told() {
        let _secret = Secret::new("kurz-kurz".into());
        assert_eq!(concealed("job kurz-kurz".into()), "job kurz-kurz");
        assert_eq!(redact("job kurz-kurz"), "job •••");
        let _secret = Secret::new("langes-langes-wort".into());
        assert_eq!(concealed("job langes-langes-wort".into()), "job •••");
    }
}

//! A text that must never be seen.

use std::fmt;

use zeroize::Zeroizing;

/// A password, an API token or a job's trigger token. Prints as `•••` and is wiped when dropped.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes hold of the text.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text itself, for the one place that sends it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("•••")
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
    /// A user with what proves it.
    #[must_use]
    pub fn new(user: String, token: Secret) -> Self {
        Self {
            user,
            token,
            provenance: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_show_in_debug_output() {
        let shown = format!("{:?}", Some(Secret::new("hunter2".into())));
        assert_eq!(shown, "Some(•••)");
    }
}

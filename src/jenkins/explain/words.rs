//! The words that several rows of the table share.

use percent_encoding::utf8_percent_encode;
use url::Url;

use super::{Case, ENCODED};
use crate::jenkins::job_url;
use crate::secret::redact;

pub(in crate::jenkins) const RETRY: &str = "then: jenkins-trigger retry";
pub(super) const AGAIN: &str = "it is tried again later";

/// The start of a text that may be too long.
pub(super) fn clipped(text: &str, longest: usize) -> String {
    match text.char_indices().nth(longest) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// An address as it may be shown: a redirect echoes what was sent.
pub(super) fn without_query(url: &Url) -> String {
    let mut shown = url.clone();
    shown.set_query(None);
    shown.set_fragment(None);
    let _ = shown.set_username("");
    let _ = shown.set_password(None);
    shown.into()
}

/// Jenkins' own words for a permission: what the matrix calls its cell.
pub(super) fn permission_in_words(id: &str) -> String {
    let (group, name) = match id.rsplit_once('.') {
        Some((group, name)) if !name.is_empty() => (group, name),
        _ => return clipped(id, 100),
    };
    let group = match group {
        "hudson.model.Hudson" | "jenkins.model.Jenkins" => "Overall",
        "hudson.model.Item" => "Job",
        "hudson.model.Run" => "Run",
        "hudson.model.View" => "View",
        "hudson.model.Computer" => "Agent",
        _ => return clipped(id, 100),
    };
    format!("{group}/{}", clipped(name, 50))
}

impl Case<'_> {
    /// Ends an advice about a trigger that was given up.
    pub(super) fn then_retry(&self) -> String {
        if self.tried.for_trigger {
            format!("; {RETRY}")
        } else {
            String::new()
        }
    }

    /// Where the user's token comes from, as a part of a sentence.
    pub(super) fn whence(&self) -> String {
        let provenance = self.tried.provenance;
        provenance.map_or_else(String::new, |provenance| format!(" (from {})", provenance.name))
    }

    /// What is to be done with an API token that was made anew.
    pub(super) fn renewal(&self) -> String {
        match self.tried.provenance {
            Some(provenance) => provenance.renewal.clone(),
            None => format!(
                "log in with the user id, not the e-mail address or full name: jenkins-trigger login {}",
                self.tried.server
            ),
        }
    }

    /// Where this user makes an API token.
    pub(super) fn token_page(&self) -> String {
        let server = self.tried.server;
        let user = match self.tried.user {
            Some(user) => format!("user/{}", utf8_percent_encode(user, ENCODED)),
            None => "me".into(),
        };
        format!("{server}{user}/security/ (in an older Jenkins {server}{user}/configure)")
    }

    /// The job's page in Jenkins.
    pub(super) fn job_page(&self) -> String {
        job_url(self.tried.server, self.tried.job)
    }

    /// The address that was tried, as it may be shown.
    pub(super) fn url(&self) -> String {
        let shown = self
            .tried
            .url
            .split_once('?')
            .map_or(self.tried.url, |(url, _)| url);
        clipped(shown, 500)
    }

    pub(super) fn host_and_port(&self) -> String {
        let port = self.tried.server.port_or_known_default().unwrap_or_default();
        format!("{} port {port}", self.tried.host())
    }

    /// What it means for a build that the answer is lost.
    pub(super) fn may_be_queued(&self) -> &'static str {
        if self.tried.builds() {
            ": it may have been queued"
        } else {
            ""
        }
    }

    pub(super) fn look_first(&self) -> String {
        if self.tried.builds() {
            format!(
                "before it is sent again it is looked for in the queue and at {}",
                self.job_page()
            )
        } else {
            AGAIN.into()
        }
    }

    /// Who answered in Jenkins' place, as far as it tells.
    pub(super) fn other_server(&self) -> String {
        let from_front = match self.front {
            Some(super::Front::NotJenkins { server, .. }) => server.as_deref(),
            _ => None,
        };
        let said = self.answer().and_then(|answer| answer.server.as_deref());
        match from_front.or(said).filter(|name| !name.is_empty()) {
            Some(name) => format!("{} answers there", clipped(&redact(name), 60)),
            None => "another server answers there".into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permissions_are_said_as_the_matrix_says_them() {
        for (id, words) in [
            ("hudson.model.Hudson.Read", "Overall/Read"),
            ("hudson.model.Item.Build", "Job/Build"),
            ("hudson.model.Item.Discover", "Job/Discover"),
            ("com.example.Plugin.Permission", "com.example.Plugin.Permission"),
            ("rubbish", "rubbish"),
            ("hudson.model.Item.", "hudson.model.Item."),
        ] {
            assert_eq!(permission_in_words(id), words);
        }
    }

    #[test]
    fn a_long_text_is_cut_between_two_characters() {
        assert_eq!(clipped("üüü", 2), "üü…");
        assert_eq!(clipped("üü", 2), "üü");
    }
}

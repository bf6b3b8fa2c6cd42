//! Users, their permissions, and who a request comes from.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// A permission of the authorisation matrix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Permission {
    /// Overall/Administer; implies every other.
    OverallAdminister,
    /// Overall/Read
    OverallRead,
    /// Job/Read
    JobRead,
    /// Job/Discover
    JobDiscover,
    /// Job/Build
    JobBuild,
    /// Job/Cancel
    JobCancel,
    /// Job/Configure
    JobConfigure,
    /// Job/Create
    JobCreate,
    /// Job/Delete
    JobDelete,
}

impl Permission {
    /// As in the header `X-Required-Permission`.
    pub(crate) fn id(self) -> &'static str {
        match self {
            Self::OverallAdminister => "hudson.model.Hudson.Administer",
            Self::OverallRead => "hudson.model.Hudson.Read",
            Self::JobRead => "hudson.model.Item.Read",
            Self::JobDiscover => "hudson.model.Item.Discover",
            Self::JobBuild => "hudson.model.Item.Build",
            Self::JobCancel => "hudson.model.Item.Cancel",
            Self::JobConfigure => "hudson.model.Item.Configure",
            Self::JobCreate => "hudson.model.Item.Create",
            Self::JobDelete => "hudson.model.Item.Delete",
        }
    }

    /// As in the sentence "… is missing the Job/Build permission".
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::OverallAdminister => "Overall/Administer",
            Self::OverallRead => "Overall/Read",
            Self::JobRead => "Job/Read",
            Self::JobDiscover => "Job/Discover",
            Self::JobBuild => "Job/Build",
            Self::JobCancel => "Job/Cancel",
            Self::JobConfigure => "Job/Configure",
            Self::JobCreate => "Job/Create",
            Self::JobDelete => "Job/Delete",
        }
    }
}

/// A user with an API token.
#[derive(Debug, Clone)]
pub struct User {
    pub(crate) id: String,
    pub(crate) full_name: String,
    pub(crate) password: Option<String>,
    /// `(uuid, value)`; the first was there from the start.
    pub(crate) tokens: Vec<(String, String)>,
    pub(crate) permissions: BTreeSet<Permission>,
}

impl User {
    /// A user without permissions whose API token is `api_token`.
    #[must_use]
    pub fn new(id: impl Into<String>, api_token: impl Into<String>) -> Self {
        let id = id.into();
        Self {
            full_name: id.clone(),
            id,
            password: None,
            tokens: vec![(String::new(), api_token.into())],
            permissions: BTreeSet::new(),
        }
    }

    /// Lets the user log in with a password too. Such requests need a crumb to POST.
    #[must_use]
    pub fn password(mut self, password: impl Into<String>) -> Self {
        self.password = Some(password.into());
        self
    }

    /// Adds permissions, valid everywhere.
    #[must_use]
    pub fn grant(mut self, permissions: impl IntoIterator<Item = Permission>) -> Self {
        self.permissions.extend(permissions);
        self
    }

    /// The name shown to people.
    #[must_use]
    pub fn full_name(mut self, name: impl Into<String>) -> Self {
        self.full_name = name.into();
        self
    }
}

/// Who a request comes from, once the credentials were accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Who {
    Anonymous,
    User {
        id: String,
        /// An API token needs no crumb, a password does.
        by_token: bool,
    },
}

/// The header asked for something that no user has: 401.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BadCredentials;

/// Reads an `Authorization` header. Only `Basic` counts; `Bearer` and the like are anonymous (s1-19), while a `Basic`
/// that cannot be read is refused like a wrong one (s1-19b…d).
pub(crate) fn authenticate(users: &[User], header: Option<&[u8]>) -> Result<Who, BadCredentials> {
    let Some(encoded) = header.and_then(basic) else {
        return Ok(Who::Anonymous);
    };
    let decoder = GeneralPurpose::new(
        &base64::alphabet::STANDARD,
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
    );
    let decoded = decoder.decode(encoded).map_err(|_| BadCredentials)?;
    let colon = decoded
        .iter()
        .position(|&byte| byte == b':')
        .ok_or(BadCredentials)?;
    let (name, secret) = (&decoded[..colon], &decoded[colon + 1..]);
    let name = std::str::from_utf8(name).map_err(|_| BadCredentials)?;
    // User ids are not case-sensitive (s1-26); secrets are compared byte for byte, a trailing newline included (s9-06b).
    let user = users
        .iter()
        .find(|user| same_name(&user.id, name))
        .ok_or(BadCredentials)?;
    if user
        .tokens
        .iter()
        .any(|(_, value)| !value.is_empty() && value.as_bytes() == secret)
    {
        return Ok(Who::User {
            id: user.id.clone(),
            by_token: true,
        });
    }
    if user
        .password
        .as_ref()
        .is_some_and(|password| !password.is_empty() && password.as_bytes() == secret)
    {
        return Ok(Who::User {
            id: user.id.clone(),
            by_token: false,
        });
    }
    Err(BadCredentials)
}

fn basic(header: &[u8]) -> Option<&[u8]> {
    let scheme = header.get(..6)?;
    scheme
        .eq_ignore_ascii_case(b"basic ")
        .then(|| header[6..].trim_ascii())
}

/// User ids and job names are looked up without regard to letter case (s1-26, s5-06r).
pub(crate) fn same_name(one: &str, other: &str) -> bool {
    one == other || one.to_lowercase() == other.to_lowercase()
}

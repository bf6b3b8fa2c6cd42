//! Secrets that may be nowhere but where their owner put them, and the search for them.

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use jenkins_stand_in::{RecordedRequest, StandIn};

use crate::support::{Home, JOB_TOKEN, Ran, TOKEN, USER};

/// What the user has in his environment for another program.
pub const CLOUD_VARIABLE: &str = "AWS_SECRET_ACCESS_KEY";
pub const CLOUD_KEY: &str = "canary/cloud+key=of&another?program";
/// The password that he has where Jenkins makes no tokens.
pub const PASSWORD: &str = "canary: \"päss\" & <word>/100%+";

pub const ALL: [&str; 4] = [TOKEN, JOB_TOKEN, CLOUD_KEY, PASSWORD];

/// The secrets that this tool sends, and no other program is to have.
pub const OWN: [&str; 3] = [TOKEN, JOB_TOKEN, PASSWORD];

/// The ways in which a secret can lie somewhere, each with the name of it.
pub fn needles(secret: &str) -> Vec<(&'static str, Vec<u8>)> {
    let bytes = secret.as_bytes();
    let percent = |upper: bool, all: bool| -> Vec<u8> {
        let encode = |byte: &u8| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' if !all => {
                char::from(*byte).to_string()
            }
            byte if upper => format!("%{byte:02X}"),
            byte => format!("%{byte:02x}"),
        };
        bytes.iter().map(encode).collect::<String>().into_bytes()
    };
    let form: String = form_urlencoded::byte_serialize(bytes).collect();
    let json = serde_json::to_string(secret).expect("JSON");
    let html = secret
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;");
    let mut all = vec![
        ("plain", bytes.to_vec()),
        ("percent", percent(true, false)),
        ("percent", percent(false, false)),
        ("percent", percent(true, true)),
        ("percent", percent(false, true)),
        ("form", form.into_bytes()),
        ("JSON", json.as_bytes()[1..json.len() - 1].to_vec()),
        ("HTML", html.into_bytes()),
    ];
    for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
        for before in 0..3 {
            let encoded = engine.encode([&vec![0; before], bytes].concat());
            let (first, last) = ((before * 8).div_ceil(6), (before + bytes.len()) * 8 / 6);
            all.push(("base64", encoded.as_bytes()[first..last].to_vec()));
        }
    }
    all
}

/// As what a secret is in a text, if one is.
pub fn found_in(text: &[u8], secrets: &[&str]) -> Option<String> {
    secrets.iter().find_map(|secret| {
        let (how, _) = needles(secret)
            .into_iter()
            .find(|(_, needle)| text.windows(needle.len()).any(|window| window == needle))?;
        Some(format!("{secret:?} as {how}"))
    })
}

/// All that there is to search.
pub struct Search<'a> {
    home: &'a Home,
    said: Vec<Ran>,
    trusted: Vec<&'a StandIn>,
    others: Vec<&'a StandIn>,
    own: Vec<PathBuf>,
}

impl<'a> Search<'a> {
    pub fn of(home: &'a Home) -> Self {
        Self {
            home,
            said: Vec::new(),
            trusted: Vec::new(),
            others: Vec::new(),
            // What `login` keeps.
            own: vec![home.path("home/.config/jenkins-trigger/credentials")],
        }
    }

    /// The server that the user sends his credentials to.
    pub fn trusted(mut self, server: &'a StandIn) -> Self {
        self.trusted.push(server);
        self
    }

    /// One that is to get nothing, not even a request.
    pub fn other(mut self, server: &'a StandIn) -> Self {
        self.others.push(server);
        self
    }

    /// Where the user himself keeps a secret.
    pub fn own_file(mut self, path: PathBuf) -> Self {
        self.own.push(path);
        self
    }

    /// What was printed.
    pub fn said(&mut self, ran: Ran) {
        self.said.push(ran);
    }

    /// The same for several.
    pub fn all_said(mut self, said: impl IntoIterator<Item = Ran>) -> Self {
        self.said.extend(said);
        self
    }

    #[track_caller]
    pub fn assert_nowhere(&self) {
        for ran in &self.said {
            let whole = ran.whole();
            assert_eq!(found_in(whole.as_bytes(), &ALL), None, "{whole}");
        }
        for path in everything_below(&self.home.path("")) {
            let name = path.as_os_str().as_bytes();
            assert_eq!(found_in(name, &ALL), None, "{}", path.display());
            if !self.own.contains(&path) {
                // Somebody may just have removed it.
                let content = fs::read(&path).unwrap_or_default();
                assert_eq!(found_in(&content, &ALL), None, "{}", path.display());
            }
        }
        for server in &self.trusted {
            for request in server.requests() {
                assert_sent_well(&request);
            }
        }
        for server in &self.others {
            assert_eq!(server.requests(), []);
        }
    }
}

/// The token in `Authorization`, the job's in the field for it, and nothing anywhere else.
#[track_caller]
fn assert_sent_well(request: &RecordedRequest) {
    assert_eq!(
        found_in(request.target.as_bytes(), &ALL),
        None,
        "{}",
        request.target
    );
    for (name, value) in &request.headers {
        if !name.eq_ignore_ascii_case("authorization") {
            assert_eq!(found_in(value, &ALL), None, "{name} in {request:?}");
        }
    }
    for (name, value) in request.form() {
        let secrets: Vec<&str> = ALL
            .into_iter()
            .filter(|secret| name != b"token" || *secret != JOB_TOKEN)
            .collect();
        assert_eq!(found_in(&value, &secrets), None, "{request:?}");
    }
}

/// Files and links below a folder; no link is followed.
fn everything_below(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        let Ok(entries) = fs::read_dir(folder) else {
            continue;
        };
        for entry in entries.filter_map(Result::ok) {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => open.push(entry.path()),
                Ok(kind) if kind.is_file() => all.push(entry.path()),
                _ => {}
            }
        }
    }
    all
}

/// That the search would find what is there.
#[test]
fn a_secret_is_found_in_every_form() {
    for secret in ALL {
        for (how, needle) in needles(secret) {
            let text = [b"<", needle.as_slice(), b">"].concat();
            assert!(found_in(&text, &[secret]).is_some(), "{secret} as {how}");
        }
        let header = STANDARD_NO_PAD.encode(format!("{USER}:{secret}"));
        assert!(found_in(header.as_bytes(), &[secret]).is_some(), "{header}");
        assert_eq!(found_in(b"nothing of the kind", &[secret]), None);
    }
}

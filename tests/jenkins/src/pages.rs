//! The pages that are not objects: Jetty's own, Jenkins's HTML, the page of a server that starts.

use crate::http::{Answer, reason};

/// The version that was recorded.
pub(crate) const VERSION: &str = "2.528.2";
const HTML: &str = "text/html;charset=utf-8";

/// Which of Jetty's representations a client prefers; only its own error pages ask (s2-38c), Jenkins's are HTML
/// whatever `Accept` says (s2-38).
fn wants_json(accept: Option<&str>) -> bool {
    accept.is_some_and(|accept| {
        let first = accept
            .split(',')
            .map(|kind| kind.split(';').next().unwrap_or_default().trim());
        first.into_iter().find_map(|kind| match kind {
            "application/json" | "text/json" => Some(true),
            "text/html" | "*/*" | "text/*" => Some(false),
            _ => None,
        }) == Some(true)
    })
}

/// An error page of Jetty, as it makes one for what Jenkins refuses with a plain status.
pub(crate) fn jetty(status: u16, message: &str, uri: &str, accept: Option<&str>) -> Answer {
    if wants_json(accept) {
        let body = format!(
            "{{\n\"servlet\":\"Stapler\",\n\"message\":\"{message}\",\n\"url\":\"{}\",\n\"status\":\"{status}\"\n}}",
            uri.replace('\\', "\\\\").replace('"', "\\\"")
        );
        return Answer::new(status)
            .header("Content-Type", "application/json")
            .body(body);
    }
    let servlet = "<tr><th>SERVLET:</th><td>Stapler</td></tr>\n";
    jetty_html(status, message, uri, servlet)
}

/// An error page of Jetty for what never reached Jenkins.
pub(crate) fn jetty_outside(status: u16, message: &str, uri: &str) -> Answer {
    jetty_html(status, message, uri, "\n")
}

fn jetty_html(status: u16, message: &str, uri: &str, servlet: &str) -> Answer {
    let (message, uri) = (escape(message), escape(uri));
    let body = format!(
        "<html>\n<head>\n<meta http-equiv=\"Content-Type\" content=\"text/html;charset=ISO-8859-1\"/>\n\
         <title>Error {status} {message}</title>\n</head>\n<body>\n<h2>HTTP ERROR {status} {message}</h2>\n<table>\n\
         <tr><th>URI:</th><td>{uri}</td></tr>\n<tr><th>STATUS:</th><td>{status}</td></tr>\n\
         <tr><th>MESSAGE:</th><td>{message}</td></tr>\n{servlet}</table>\n\
         <hr/><a href=\"https://jetty.org/\">Powered by Jetty:// 12.0.17</a><hr/>\n</body>\n</html>\n"
    );
    Answer::new(status)
        .header("Content-Type", "text/html;charset=iso-8859-1")
        .body(body)
}

/// 401, the same for every wrong credential and every path.
pub(crate) fn unauthorized(uri: &str, accept: Option<&str>) -> Answer {
    let answer = jetty(401, reason(401), uri, accept);
    answer.header("WWW-Authenticate", "Basic realm=\"Jenkins\"")
}

/// What an HTML page of Jenkins says, around and in its middle.
pub(crate) struct Page<'a> {
    pub(crate) status: u16,
    /// Before " - Jenkins"; empty for pages that are just called "Jenkins".
    pub(crate) title: &'a str,
    /// Where one is, after "Jenkins" in the header.
    pub(crate) breadcrumb: &'a str,
    /// The name in the header; nobody gets "Sign in".
    pub(crate) user: Option<&'a str>,
    /// Whether the header offers "Manage Jenkins".
    pub(crate) manages: bool,
    /// The middle, as HTML.
    pub(crate) main: &'a str,
    /// Whether the footer links the REST API of what the page shows.
    pub(crate) rest_api: bool,
}

impl Page<'_> {
    /// As large as the recorded pages, with what it has to say well past its first 2000 bytes: a client that looks only
    /// there must fail here too.
    pub(crate) fn answer(&self) -> Answer {
        let size = match (self.user, self.manages) {
            (_, true) => 84_400,
            (Some(_), false) => 19_400,
            (None, false) => 7_500,
        };
        let title = if self.title.is_empty() {
            "Jenkins".to_owned()
        } else {
            format!("{} - Jenkins", escape(self.title))
        };
        let breadcrumb = escape(self.breadcrumb);
        let manage = if self.manages {
            "<a href='/manage'>Manage Jenkins</a> "
        } else {
            ""
        };
        let user = self
            .user
            .map_or_else(|| "<a href='/login'>Sign in</a>".to_owned(), escape);
        let rest = if self.rest_api {
            "<a href='api/'>REST API</a> "
        } else {
            ""
        };
        let main = self.main;
        let rest_of_page = format!(
            "<title>{title}</title></head><body><a href='#skip2content'>Skip to content</a> <header>Jenkins {breadcrumb} \
             <button>Search</button> {manage}{user}</header> <div id='main-panel'>{main}</div> \
             <footer>{rest}Jenkins {VERSION}</footer></body></html>"
        );
        let start = "<!DOCTYPE html><html class=''><head resURL='/static/03e4ebf1'>";
        let padding = usize::saturating_sub(size, start.len() + rest_of_page.len()).max(2000);
        let body = format!(
            "{start}<!-- {} -->{rest_of_page}",
            "stylesheets, scripts ".repeat(padding / 21)
        );
        Answer::new(self.status)
            .header("Content-Type", HTML)
            .header("X-Jenkins", VERSION)
            .body(body)
    }
}

/// The 403 that sends an anonymous user to the login page and repeats the whole query twice while doing so (s1-10).
pub(crate) fn login_redirect(context_path: &str, target: &str) -> Answer {
    let from = form_encode(target);
    let url = format!("{context_path}/login?from={from}");
    let mut body = format!(
        "<html><head><meta http-equiv='refresh' content='1;url={url}'/><script id='redirect' data-redirect-url='{url}' \
         src='{context_path}/static/03e4ebf1/scripts/redirect.js'></script></head><body style='background-color:white; \
         color:white;'>\nAuthentication required\n<!--\n-->\n\n</body></html>"
    );
    // Filled up with blanks to the recorded 583 bytes plus what the path adds.
    let length = 583 + 2 * from.len() + 3 * context_path.len();
    while body.len() < length {
        body.push(' ');
    }
    Answer::new(403)
        .header("Content-Type", HTML)
        .header("X-Jenkins", VERSION)
        .body(body)
}

/// The page of a server that starts. No `Retry-After`, no `X-Jenkins`.
pub(crate) fn starting(context_path: &str) -> Answer {
    let mut body = format!(
        "<!DOCTYPE html><html><head><title>Starting Jenkins</title>\
         <link rel='stylesheet' href='{context_path}/static/simple-page.css'/></head><body>\
         <h1>Jenkins is getting ready to work</h1> <p>Your browser will reload automatically when Jenkins is ready.</p>"
    );
    // 843 bytes at the root and 7 mentions of the context path in the recordings (s8-02, s8-05).
    let length = 843 + 7 * context_path.len() - "</body></html>".len();
    while body.len() < length {
        body.push(' ');
    }
    body.push_str("</body></html>");
    Answer::new(503).header("Content-Type", HTML).body(body)
}

/// The login page.
pub(crate) fn login(context_path: &str) -> Answer {
    let body = format!(
        "<!DOCTYPE html><html><head><title>Sign in - Jenkins</title></head><body><h1>Sign in to Jenkins</h1> \
         <form method='post' action='{context_path}/j_spring_security_check'><label>Username</label> \
         <label>Password</label> <label>Keep me signed in</label> <button>Sign in</button></form></body></html>"
    );
    Answer::new(200)
        .header("Content-Type", HTML)
        .header("X-Jenkins", VERSION)
        .body(body)
}

pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// As Java's `URLEncoder` does it.
fn form_encode(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        match byte {
            b' ' => encoded.push('+'),
            byte if byte.is_ascii_alphanumeric() || b"-_.*".contains(&byte) => encoded.push(char::from(byte)),
            byte => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

//! The proxy between this machine and a server, as the environment names it.

use hyper_util::client::proxy::matcher::Matcher;
use url::Url;

use super::explain::{Explanation, RETRY, say};
use super::is_loopback;

/// The host and port of the proxy that requests to this server go through, if there is one: found
/// out by the same code that the HTTP client uses, and without what is secret in its address.
pub(super) fn of(server: &Url) -> Option<String> {
    if is_loopback(server) {
        return None;
    }
    let destination = server.as_str().parse().ok()?;
    let proxy = Matcher::from_system().intercept(&destination)?;
    let uri = proxy.uri();
    let host = uri.host()?;
    Some(match uri.port_u16() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    })
}

/// What a connection means that did not come about, if a proxy stands between.
pub(super) fn explain(cause: &str, timed_out: bool, server: &Url) -> Option<Explanation> {
    let proxy = of(server)?;
    let host = server.host_str().unwrap_or_default();
    let variable = variable(server);
    let lower = cause.to_lowercase();
    let advice =
        format!("check {variable}; if {host} is to be reached without it, add {host} to NO_PROXY; {RETRY}");
    if lower.contains("authorization required") {
        return Some(wants_login(server));
    }
    let explanation = if lower.contains("tunnel error: unsuccessful") {
        say(format!("the proxy {proxy} refuses to connect to {host}"), advice)
    } else if timed_out {
        say(
            format!("the proxy {proxy}, on the way to {host}, does not answer"),
            advice,
        )
    } else if lower.contains("lookup address") || lower.contains("dns") {
        say(
            format!("the name of the proxy {proxy}, on the way to {host}, cannot be resolved"),
            advice,
        )
    } else if lower.contains("refused") {
        say(
            format!("the proxy {proxy}, on the way to {host}, refuses the connection"),
            advice,
        )
    } else {
        say(
            format!("the proxy {proxy} makes no connection to {host}: {cause}"),
            advice,
        )
    };
    Some(explanation.named("proxy"))
}

/// That the proxy wants to know who asks.
pub(super) fn wants_login(server: &Url) -> Explanation {
    let Some(proxy) = of(server) else {
        return say(
            format!(
                "a proxy on the way to {} wants a login of its own (HTTP 407)",
                server.host_str().unwrap_or_default()
            ),
            "put user and password into the proxy's address in HTTPS_PROXY or HTTP_PROXY, or name the host in NO_PROXY",
        )
        .named("proxy-login");
    };
    let variable = variable(server);
    say(
        format!("the proxy {proxy} wants a login (HTTP 407)"),
        format!("write user and password into {variable}: http://USER:PASSWORD@{proxy}; {RETRY}"),
    )
    .named("proxy-login")
}

/// The variable that most likely names it.
fn variable(server: &Url) -> &'static str {
    match server.scheme() {
        "https" => "HTTPS_PROXY",
        _ => "HTTP_PROXY",
    }
}

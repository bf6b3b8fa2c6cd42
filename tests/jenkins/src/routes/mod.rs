//! From a request to its answer.

mod administration;
mod api;
mod build_token;
mod builds;
mod job;
mod objects;
mod queue;
mod trigger;
mod users;

use std::cell::OnceCell;

use percent_encoding::percent_decode_str;

use crate::auth::{Permission, Who, authenticate, same_name};
use crate::http::{Answer, Request};
use crate::pages::{self, Page, VERSION};
use crate::parameters::{BadParameters, Parameters};
use crate::start_up::Phase;
use crate::world::World;

/// A request on its way, with what is known about it so far.
pub(crate) struct Context<'a> {
    pub(crate) world: &'a mut World,
    pub(crate) request: &'a Request,
    pub(crate) who: Who,
    /// The path below the context path, decoded, without empty segments.
    pub(crate) segments: Vec<String>,
    pub(crate) trailing_slash: bool,
    parameters: OnceCell<Result<Parameters, BadParameters>>,
}

/// An answer that ends the work on a request early.
type Routed = Result<Answer, Answer>;

/// Answers a request of a server that is up.
pub(crate) fn answer(world: &mut World, request: &Request) -> Answer {
    world.settle();
    let answer = routed(world, request).unwrap_or_else(|refusal| refusal);
    world.settle();
    answer
        .header("X-Content-Type-Options", "nosniff")
        .header("Server", "Jetty(12.0.17)")
}

/// What a server that starts answers; `Err` is the moment until which it holds the request before asking again.
pub(crate) fn answer_starting(world: &mut World, request: &Request) -> Option<Result<Answer, u64>> {
    let (start_up, since) = world.since_launch()?;
    let launched = world.starting?.1;
    let phase = start_up.phase(since);
    let path = request.path();
    if !inside(&world.context_path, path) && phase != Phase::Ready {
        return Some(Ok(pages::jetty_outside(
            404,
            "Not Found",
            &format!("{}{}", request.origin(), request.target),
        )));
    }
    let below = &path[world.context_path.len()..];
    let has_credentials = request.header("authorization").is_some();
    match phase {
        Phase::Ready => {
            world.starting = None;
            None
        }
        // Credentials mean nothing yet, so every POST is one without a crumb, unless its path needs none.
        Phase::CrumbsOnly if request.method == "POST" && !needs_no_crumb(world, below) => {
            if !world.first_post_came && since < start_up.first_post_held_until {
                world.first_post_came = true;
                return Some(Err(launched + crate::clock::ms(start_up.first_post_held_until)));
            }
            Some(Ok(pages::jetty(
                403,
                NO_CRUMB,
                path,
                request.header_text("accept"),
            )))
        }
        Phase::CredentialsRefused if has_credentials => {
            let answer = pages::unauthorized(path, request.header_text("accept"));
            Some(Ok(with_session(world, request, answer)))
        }
        _ => Some(Ok(pages::starting(&world.context_path))),
    }
}

const NO_CRUMB: &str = "No valid crumb was included in the request";
const CRUMB_FIELD: &str = "Jenkins-Crumb";

fn inside(context_path: &str, path: &str) -> bool {
    context_path.is_empty()
        || path
            .strip_prefix(context_path)
            .is_some_and(|rest| rest.starts_with('/'))
}

/// build-token-root exempts its own path, when it is installed (s3-01, s8-06).
fn needs_no_crumb(world: &World, below: &str) -> bool {
    world.build_token_root && below.starts_with("/buildByToken/")
}

fn routed(world: &mut World, request: &Request) -> Routed {
    let path = request.path();
    let accept = request.header_text("accept");
    if !inside(&world.context_path, path) {
        if path == world.context_path {
            return Ok(redirect(301, &format!("{path}/")));
        }
        let uri = format!("{}{}", request.origin(), request.target);
        return Ok(pages::jetty_outside(404, "Not Found", &uri));
    }
    if path.contains(';') {
        return Ok(pages::jetty(
            400,
            "Semicolons are not allowed in the request URI",
            path,
            accept,
        ));
    }
    let below = path[world.context_path.len()..].to_owned();
    let (segments, trailing_slash) = segments(&below);
    let mut context = Context {
        world,
        request,
        who: Who::Anonymous,
        segments,
        trailing_slash,
        parameters: OnceCell::new(),
    };
    // `%2e%2e` is not `..`: Jetty refuses to guess (s9-05b).
    if below.split('/').any(|segment| {
        matches!(
            segment.to_ascii_lowercase().as_str(),
            "%2e" | "%2e%2e" | ".%2e" | "%2e."
        )
    }) {
        return Ok(context.failure());
    }
    match authenticate(&context.world.users, request.header("authorization")) {
        Ok(who) => context.who = who,
        Err(_) => {
            return Ok(with_session(
                context.world,
                request,
                pages::unauthorized(path, accept),
            ));
        }
    }
    context.check_crumb(&below)?;
    context.route()
}

/// Splits a path, undoes `.` and `..`, and decodes what is left. Bytes that are not UTF-8 become what no name has.
fn segments(path: &str) -> (Vec<String>, bool) {
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                segments.pop();
            }
            segment => segments.push(segment),
        }
    }
    let decoded = segments
        .iter()
        .map(|segment| percent_decode_str(segment).decode_utf8_lossy().into_owned())
        .collect();
    (decoded, path.ends_with('/'))
}

/// A redirect; Jenkins's are relative to the host.
fn redirect(status: u16, location: &str) -> Answer {
    Answer::new(status).header("Location", location)
}

/// The session that a request's cookie names, if there is one.
fn session_of(world: &World, request: &Request) -> Option<String> {
    let cookies = request
        .headers
        .iter()
        .filter(|(name, _)| name.eq_ignore_ascii_case("cookie"));
    cookies
        .filter_map(|(_, value)| std::str::from_utf8(value).ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|cookie| cookie.trim().split_once('='))
        .find(|(name, value)| name.starts_with("JSESSIONID") && world.sessions.contains(*value))
        .map(|(_, value)| value.to_owned())
}

/// Opens a session for a request that has none.
fn with_session(world: &mut World, request: &Request, answer: Answer) -> Answer {
    if session_of(world, request).is_some() {
        return answer;
    }
    let id = format!("node0{}", world.random_hex(26));
    world.sessions.insert(id.clone());
    let path = if world.context_path.is_empty() {
        "/"
    } else {
        &world.context_path
    };
    answer.header(
        "Set-Cookie",
        format!("JSESSIONID.5a1d2a5c={id}; Path={path}; HttpOnly"),
    )
}

impl Context<'_> {
    /// A POST needs a crumb and the session it was made for, unless an API token came with it or the path is exempt.
    fn check_crumb(&mut self, below: &str) -> Result<(), Answer> {
        let by_token = matches!(self.who, Who::User { by_token: true, .. });
        if !self.world.csrf || self.request.method != "POST" || by_token || needs_no_crumb(self.world, below)
        {
            return Ok(());
        }
        let in_header = self.request.header_text(CRUMB_FIELD).map(str::to_owned);
        let crumb = match in_header {
            Some(crumb) => Some(crumb),
            None => self.parameters()?.get(CRUMB_FIELD).map(str::to_owned),
        };
        let session = session_of(self.world, self.request);
        let expected = session.map(|session| self.world.crumb(&session, &self.who));
        if crumb.is_some() && crumb == expected {
            return Ok(());
        }
        let answer = pages::jetty(
            403,
            NO_CRUMB,
            self.request.path(),
            self.request.header_text("accept"),
        );
        // Looking at a crumb opens a session, its absence does not (s1-13, s1-15).
        Err(if crumb.is_some() {
            self.with_session(answer)
        } else {
            answer
        })
    }

    fn route(&mut self) -> Routed {
        let path = self.segments.clone();
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        // These can be reached without any permission.
        match path.as_slice() {
            ["login"] => return Ok(self.with_session(pages::login(&self.world.context_path))),
            ["whoAmI", "api", flavor] => return self.who_am_i(flavor),
            ["tcpSlaveAgentListener"] => {
                return Ok(text("text/plain;charset=utf-8", "\n\n  Jenkins\n"));
            }
            ["robots.txt"] => {
                let rules = "# we don't want robots to click \"build\" links\nUser-agent: *\nDisallow: /";
                return Ok(text("text/plain", rules));
            }
            ["favicon.ico"] => {
                let mut icon = vec![0, 0, 1, 0, 4, 0, b'0', b'0'];
                icon.resize(17_542, 0);
                return Ok(Answer::new(200)
                    .header("Content-Type", "image/vnd.microsoft.icon")
                    .body(icon));
            }
            ["buildByToken", rest @ ..] if self.world.build_token_root => return self.build_token_root(rest),
            _ => {}
        }
        self.require(Permission::OverallRead, None)?;
        match path.as_slice() {
            [] => Ok(self.plain_page(
                "Dashboard",
                "",
                "Build Queue No builds in the queue. Build Executor Status",
            )),
            ["api", flavor] => {
                let object = self.root_object();
                self.api(&object, flavor)
            }
            ["view", "all", rest @ ..] if !rest.is_empty() => self.items("", rest),
            ["job", ..] => self.items("", &path),
            ["me", rest @ ..] => self.me(rest),
            ["user", id, rest @ ..] => self.user(id, rest),
            ["crumbIssuer", "api", flavor] => self.crumb_issuer(flavor),
            ["queue", rest @ ..] => self.queue(rest),
            ["createItem"] => self.create_item(""),
            ["securityRealm", "createAccountByAdmin"] => self.create_account(),
            ["quietDown"] => self.quiet_down(true),
            ["cancelQuietDown"] => self.quiet_down(false),
            ["pluginManager", "api", flavor] => {
                self.require(Permission::OverallAdminister, None)?;
                let object = self.plugins_object();
                self.api(&object, flavor)
            }
            _ => Err(self.not_found()),
        }
    }

    /// Whether the method is POST; another spelling is another method (s9-04).
    fn is_post(&self) -> bool {
        self.request.method == "POST"
    }

    /// The parameters, or the 500 of a request whose parameters cannot be read.
    fn parameters(&mut self) -> Result<Parameters, Answer> {
        let request = self.request;
        let parameters = self.parameters.get_or_init(|| Parameters::read(request)).clone();
        parameters.map_err(|_| self.failure())
    }

    fn user_name(&self) -> Option<String> {
        match &self.who {
            Who::Anonymous => None,
            Who::User { id, .. } => Some(id.clone()),
        }
    }

    fn allows(&self, permission: Permission, job: Option<usize>) -> bool {
        self.world.allows(&self.who, permission, job)
    }

    fn require(&mut self, permission: Permission, job: Option<usize>) -> Result<(), Answer> {
        if self.allows(permission, job) {
            Ok(())
        } else {
            Err(self.missing(permission))
        }
    }

    /// 403 with the permission's name for a user, the way to the login page for nobody.
    fn missing(&mut self, permission: Permission) -> Answer {
        let Some(user) = self.user_name() else {
            return self.denied("");
        };
        let sentence = format!("{user} is missing the {} permission", permission.name());
        self.denied(&sentence)
            .header("X-You-Are-Authenticated-As", user)
            .header("X-Required-Permission", permission.id())
    }

    fn denied(&mut self, sentence: &str) -> Answer {
        if self.who == Who::Anonymous {
            let answer = pages::login_redirect(&self.world.context_path, &self.request.target);
            return self.with_session(answer);
        }
        let main = format!("<h1>Access Denied</h1> <p>{}</p>", pages::escape(sentence));
        self.page(403, "", "", &main, true)
    }

    fn not_found(&mut self) -> Answer {
        let hint = if self.who == Who::Anonymous {
            " <p>If you have an account, try logging in.</p>"
        } else {
            ""
        };
        let main = format!(
            "<h1>Oops!</h1> <h2>Not Found</h2> <p>This page may not exist, or you may not have permission to see it.</p>{hint}"
        );
        self.page(404, "Not Found", "", &main, false)
    }

    /// The page of an exception: only an id, the reason is in the server's log. It is made by the container, which does
    /// not know the user.
    fn failure(&mut self) -> Answer {
        self.oops(500, None, true)
    }

    fn oops(&mut self, status: u16, user: Option<&str>, rest_api: bool) -> Answer {
        let id = self.world.uuid();
        let main = format!(
            "<h1>Oops!</h1> <p>A problem occurred while processing the request</p> <p>Logging ID={id}</p>"
        );
        let manages = user.is_some() && self.allows(Permission::OverallAdminister, None);
        let page = Page {
            status,
            title: "Jenkins",
            breadcrumb: "",
            user,
            manages,
            main: &main,
            rest_api,
        };
        self.with_session(page.answer())
    }

    /// The 405 of an action that was asked for with another method than POST.
    fn post_required(&mut self, breadcrumb: &str) -> Answer {
        if self.is_post() {
            return self.failure();
        }
        let main = "<h1>This URL requires POST</h1> <p>The URL you're trying to access requires that requests be sent \
                    using POST (like a form submission). The button below allows you to retry accessing this URL using \
                    POST.</p>";
        self.page(405, "Method Not Allowed", breadcrumb, main, true)
    }

    fn page(&mut self, status: u16, title: &str, breadcrumb: &str, main: &str, rest_api: bool) -> Answer {
        let user = self.user_name();
        let manages = self.allows(Permission::OverallAdminister, None);
        let page = Page {
            status,
            title,
            breadcrumb,
            user: user.as_deref(),
            manages,
            main,
            rest_api,
        };
        self.with_session(page.answer())
    }

    fn plain_page(&mut self, title: &str, breadcrumb: &str, main: &str) -> Answer {
        self.page(200, title, breadcrumb, main, true)
    }

    /// A refusal without a page of its own: Jetty makes one.
    fn refused(&self, status: u16, sentence: &str) -> Answer {
        pages::jetty(
            status,
            sentence,
            self.request.path(),
            self.request.header_text("accept"),
        )
    }

    fn with_session(&mut self, answer: Answer) -> Answer {
        with_session(self.world, self.request, answer)
    }

    /// The path of an item below the context path: `job/team/job/app/`.
    fn item_path(full_name: &str) -> String {
        full_name
            .split('/')
            .map(|name| format!("job/{}/", api::encode_segment(name)))
            .collect()
    }
}

fn text(content_type: &str, body: &str) -> Answer {
    Answer::new(200).header("Content-Type", content_type).body(body)
}

/// An answer with the version header that objects carry.
fn versioned(answer: Answer) -> Answer {
    answer.header("X-Jenkins", VERSION)
}

impl Context<'_> {
    /// Walks `job/NAME/job/NAME…` down from a folder and answers for what it ends at.
    fn items(&mut self, parent: &str, path: &[&str]) -> Routed {
        match path {
            ["job", name, rest @ ..] => {
                // A name is one segment: an encoded slash in it makes no path (s1-25g, s9-05c).
                let found = self
                    .world
                    .children(parent)
                    .into_iter()
                    .find(|&index| same_name(self.world.jobs[index].job.name(), name));
                let Some(job) = found else {
                    return Err(self.not_found());
                };
                if !self.allows(Permission::JobRead, Some(job)) {
                    if self.allows(Permission::JobDiscover, Some(job)) {
                        let sentence =
                            format!("Please login to access job {}", self.world.jobs[job].job.name());
                        return Err(self.denied(&sentence));
                    }
                    return Err(self.not_found());
                }
                self.item(job, rest)
            }
            _ => Err(self.not_found()),
        }
    }
}

//! What a stand-in is made of.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::auth::{Permission, User};
use crate::clock::Clock;
use crate::jobs::{Job, Parameter};

/// The server's authorisation strategy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Authorization {
    /// Each user has the permissions granted to him, the anonymous one those of [`Setup::anonymous`].
    Matrix,
    /// Whoever logged in may do anything, nobody else anything.
    LoggedInUsersCanDoAnything,
    /// No authorisation at all. Crumbs and trigger tokens are checked all the same (s7-05).
    AnyoneCanDoAnything,
}

/// A server's configuration; [`StandIn::start`](crate::StandIn::start) runs it.
#[derive(Debug, Clone)]
pub struct Setup {
    pub(crate) users: Vec<User>,
    pub(crate) jobs: Vec<Job>,
    pub(crate) authorization: Authorization,
    pub(crate) anonymous: BTreeSet<Permission>,
    pub(crate) project_based_matrix: bool,
    pub(crate) csrf: bool,
    pub(crate) build_token_root: bool,
    pub(crate) context_path: String,
    pub(crate) root_url: Option<String>,
    pub(crate) executors: usize,
    pub(crate) quiet_period: Duration,
    pub(crate) item_life: Duration,
    pub(crate) idle_timeout: Duration,
    pub(crate) next_queue_id: u64,
    pub(crate) clock: Clock,
}

impl Default for Setup {
    fn default() -> Self {
        Self::new()
    }
}

impl Setup {
    /// A server as it comes: nobody and nothing on it, matrix authorisation, crumbs on, quiet period 5 s, 2 executors,
    /// build-token-root installed.
    #[must_use]
    pub fn new() -> Self {
        Self {
            users: Vec::new(),
            jobs: Vec::new(),
            authorization: Authorization::Matrix,
            anonymous: BTreeSet::new(),
            project_based_matrix: false,
            csrf: true,
            build_token_root: true,
            context_path: String::new(),
            root_url: None,
            executors: 2,
            quiet_period: Duration::from_secs(5),
            item_life: Duration::from_secs(300),
            idle_timeout: Duration::from_secs(30),
            next_queue_id: 1,
            clock: Clock::Real,
        }
    }

    /// The users and jobs of the recorded server. A user's API token is `NAME-api-token` and his password
    /// `NAME-password`, but for `builduser`, whose API token stands in the recordings.
    #[must_use]
    pub fn recorded_server() -> Self {
        use Permission as P;
        let user = |id: &str, permissions: &[Permission]| {
            User::new(id, format!("{id}-api-token"))
                .password(format!("{id}-password"))
                .grant(permissions.iter().copied())
        };
        let branch = || Parameter::string("BRANCH", "main").description("branch to build");
        let job = |name: &str, token: &str| Job::new(name).trigger_token(token);
        let seconds = Duration::from_secs;
        let mut setup = Self::new()
            .user(user("admin", &[P::OverallAdminister]))
            .user(user("reader", &[P::OverallRead, P::JobRead]))
            .user(user("nobuild", &[P::OverallRead]))
            .user(user(
                "blindbuilder",
                &[P::OverallRead, P::JobDiscover, P::JobBuild],
            ));
        setup = setup.user(
            User::new("builduser", "1111873655f48ad8b405a87d679a6975c7")
                .password("builduser-password")
                .grant([P::OverallRead, P::JobRead, P::JobBuild]),
        );
        let many = job("manyparams", "MANYTOKEN")
            .parameter(Parameter::string("BRANCH", "main").description("d"))
            .parameter(Parameter::boolean("DEPLOY", false).description("d"))
            .parameter(Parameter::password("SECRET", "hunter2").description("d"))
            .parameter(Parameter::text("NOTES", "line1\nline2").description("d"))
            .parameter(Parameter::choice("ENV", ["dev", "prod"]).description("d"))
            .parameter(Parameter::file("upload/file.txt").description("d"));
        let choice = Parameter::choice("BRANCH", ["main", "dev"]).description("branch to build");
        let trimmed = Parameter::trimmed_string("BRANCH", "main").description("branch to build");
        let branchy = job("branchy", "BRANCHTOKEN")
            .parameter(branch())
            .shell("echo branch=$BRANCH; sleep 1");
        let slow = job("slow", "SLOWTOKEN")
            .parameter(branch())
            .shell("echo start $BRANCH; sleep 30");
        let pipe = Job::pipeline("pipe")
            .trigger_token("PIPETOKEN")
            .parameter(branch());
        setup
            .job(job("simple", "SIMPLETOKEN").shell("echo simple"))
            .job(branchy.build_time(Duration::from_millis(1020)))
            .job(job("choicey", "CHOICETOKEN").parameter(choice))
            .job(job("disabled-job", "DISABLEDTOKEN").disabled())
            .job(
                Job::new("notoken")
                    .parameter(branch())
                    .shell("echo branch=$BRANCH"),
            )
            .job(slow.build_time(seconds(30)))
            .job(
                job("quiet", "QUIETTOKEN")
                    .quiet_period(seconds(20))
                    .build_time(seconds(1)),
            )
            .job(
                job("quietp", "QUIETPTOKEN")
                    .parameter(branch())
                    .quiet_period(seconds(20))
                    .build_time(seconds(1)),
            )
            .job(many)
            .job(job("polled", "POLLTOKEN").polls_scm())
            .job(job("my jöb", "SPACETOKEN").parameter(branch()))
            .job(job("throwaway", "THROWTOKEN").parameter(trimmed))
            .job(job("team/app/deploy", "DEPLOYTOKEN").parameter(branch()))
            .job(pipe)
    }

    /// Adds a user.
    #[must_use]
    pub fn user(mut self, user: User) -> Self {
        self.users.push(user);
        self
    }

    /// Adds a job, and the folders in its name that are not there yet. A job of the same name is replaced.
    #[must_use]
    pub fn job(mut self, job: Job) -> Self {
        let mut parent = job.parent().to_owned();
        while !parent.is_empty() {
            if !self.jobs.iter().any(|other| other.full_name == parent) {
                self.jobs.push(Job::folder(parent.clone()));
            }
            parent = parent
                .rsplit_once('/')
                .map_or_else(String::new, |(upper, _)| upper.to_owned());
        }
        self.jobs.retain(|other| other.full_name != job.full_name);
        self.jobs.push(job);
        self
    }

    /// Chooses the authorisation strategy.
    #[must_use]
    pub fn authorization(mut self, strategy: Authorization) -> Self {
        self.authorization = strategy;
        self
    }

    /// Grants permissions to the anonymous user of the matrix.
    #[must_use]
    pub fn anonymous(mut self, permissions: impl IntoIterator<Item = Permission>) -> Self {
        self.anonymous.extend(permissions);
        self
    }

    /// Anonymous users may read the server and its jobs, or (the default) nothing.
    #[must_use]
    pub fn anonymous_read(mut self, on: bool) -> Self {
        for permission in [Permission::OverallRead, Permission::JobRead] {
            if on {
                self.anonymous.insert(permission)
            } else {
                self.anonymous.remove(&permission)
            };
        }
        self
    }

    /// Whether permissions granted on single jobs count.
    #[must_use]
    pub fn project_based_matrix(mut self, on: bool) -> Self {
        self.project_based_matrix = on;
        self
    }

    /// Crumbs, on by default.
    #[must_use]
    pub fn csrf(mut self, on: bool) -> Self {
        self.csrf = on;
        self
    }

    /// Whether the plugin build-token-root is installed, as it is by default.
    #[must_use]
    pub fn build_token_root(mut self, installed: bool) -> Self {
        self.build_token_root = installed;
        self
    }

    /// The path under which Jenkins lives, such as `/jenkins`.
    #[must_use]
    pub fn context_path(mut self, path: impl AsRef<str>) -> Self {
        let trimmed = path.as_ref().trim_matches('/');
        self.context_path = if trimmed.is_empty() {
            String::new()
        } else {
            format!("/{trimmed}")
        };
        self
    }

    /// The configured "Jenkins URL", which `url` fields are made of. Without it, the true one.
    #[must_use]
    pub fn root_url(mut self, url: impl Into<String>) -> Self {
        self.root_url = Some(url.into());
        self
    }

    /// The number of executors.
    #[must_use]
    pub fn executors(mut self, count: usize) -> Self {
        self.executors = count;
        self
    }

    /// The server's quiet period.
    #[must_use]
    pub fn quiet_period(mut self, period: Duration) -> Self {
        self.quiet_period = period;
        self
    }

    /// How long a queue item can be asked for after it left the queue: 300 s.
    #[must_use]
    pub fn item_life(mut self, life: Duration) -> Self {
        self.item_life = life;
        self
    }

    /// After how much silence a kept-alive connection is closed, in real time: 30 s.
    #[must_use]
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.idle_timeout = timeout;
        self
    }

    /// The id of the first queue item.
    #[must_use]
    pub fn next_queue_id(mut self, id: u64) -> Self {
        self.next_queue_id = id;
        self
    }

    /// How time passes.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }
}

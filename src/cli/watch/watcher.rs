//! One queue item, from the queue to its build's result: asks, and tells what is new.

use std::ops::ControlFlow;
use std::sync::mpsc::SyncSender;
use std::thread;
use std::time::{Duration, Instant};

use crate::jenkins::{Client, Item, Origin, Place, Unseen};
use crate::secret::Login;

/// The first pause between two questions; each further one is longer.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// The pauses while a console is read.
const CONSOLE_PAUSES: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(1));
/// The longest pause while the server is away.
const LONGEST_AWAY: Duration = Duration::from_secs(30);
/// How often in a row a no must come to be believed: while Jenkins starts it says no to valid
/// credentials for less than a second (contract, observed 4).
const BELIEVED: u32 = 3;
/// How long an item may be unknown, and no build be of it: the queue tells of a new item, and the
/// job of a new build, not always at once.
const NOWHERE: Duration = Duration::from_secs(15);

/// What is new about an item.
#[derive(Debug)]
pub(super) enum News {
    /// It waits.
    Waits {
        why: String,
        /// The reason counts down.
        quiet: bool,
        /// Jenkins thinks that it will not go on by itself.
        stuck: bool,
    },
    /// It is a build.
    Builds(u64),
    /// What the build came of.
    CameOf(Origin),
    /// So long the build runs, and so long those before it took.
    Runs {
        duration: Duration,
        estimated: Option<Duration>,
    },
    /// More of the console.
    Console(Vec<u8>),
    /// The server does not answer, for this reason; it is asked again.
    Away(String),
    /// It does again.
    Back,
    /// This is the last that there is to tell.
    Ended(End),
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    /// The build ended with this result, in Jenkins's words.
    Built { result: String, duration: Duration },
    /// Somebody took it out of the queue.
    Cancelled,
    /// It cannot be seen, for this reason.
    Unseen { reason: String, advice: Option<String> },
}

impl End {
    fn unseen(reason: impl Into<String>, advice: Option<String>) -> Self {
        Self::Unseen {
            reason: reason.into(),
            advice,
        }
    }
}

/// Who asks about one item.
#[derive(Debug)]
pub(super) struct Watcher {
    pub(super) client: Client,
    pub(super) login: Login,
    pub(super) job: String,
    pub(super) item: u64,
    /// The console is wanted too.
    pub(super) follow: bool,
    /// Who is told, and the number by which he knows the item.
    pub(super) reader: (SyncSender<(usize, News)>, usize),
}

/// Nobody reads any more.
struct Unread;

type Told = Result<(), Unread>;

/// What asking once came to.
enum Step {
    /// Nothing that counts is new.
    Same,
    /// Something is: the pauses begin anew.
    Moved,
    Ended(End),
}

/// The build, once there is one.
#[derive(Debug, Clone, Copy)]
struct Running {
    number: u64,
    place: Place,
    /// It was told what it came of.
    known: bool,
    /// The console is wanted, and there is more to come of it.
    more: bool,
}

impl Watcher {
    /// Asks until it ended, or nobody reads any more.
    pub(super) fn run(self) {
        let _ = self.follow();
    }

    fn tell(&self, news: News) -> Told {
        let (reader, number) = &self.reader;
        reader.send((*number, news)).map_err(|_| Unread)
    }

    fn follow(&self) -> Told {
        let mut running = None;
        let mut nowhere_since = None;
        let (mut pause, mut away, mut denied) = (FIRST_PAUSE, 0, 0);
        loop {
            let step = match &mut running {
                Some(running) => self.ask_build(running)?,
                None => self.ask_item(&mut running, &mut nowhere_since)?,
            };
            if away > 0 && !matches!(step, Err(Unseen::Away(_))) {
                self.tell(News::Back)?;
                away = 0;
            }
            let reading = running.is_some_and(|running| running.more);
            let (first, longest) = if reading {
                CONSOLE_PAUSES
            } else {
                (FIRST_PAUSE, LONGEST_PAUSE)
            };
            let nap = match step {
                Ok(Step::Ended(end)) => return self.tell(News::Ended(end)),
                Ok(Step::Moved) => {
                    (pause, denied) = (first, 0);
                    pause
                }
                Ok(Step::Same) => {
                    denied = 0;
                    pause = pause.mul_f32(1.5).clamp(first, longest);
                    pause
                }
                Err(Unseen::Away(reason)) => {
                    if away == 0 {
                        self.tell(News::Away(reason.meaning))?;
                    }
                    away += 1;
                    FIRST_PAUSE
                        .saturating_mul(1 << (away - 1).min(10))
                        .min(LONGEST_AWAY)
                }
                Err(unseen) => {
                    denied += 1;
                    if denied == BELIEVED {
                        return self.tell(News::Ended(gone(unseen, running)));
                    }
                    FIRST_PAUSE
                }
            };
            thread::sleep(nap);
        }
    }

    fn ask_item(
        &self,
        running: &mut Option<Running>,
        nowhere_since: &mut Option<Instant>,
    ) -> Result<Result<Step, Unseen>, Unread> {
        let number = match self.client.item(&self.job, self.item, &self.login) {
            Ok(Item::Waits { why, quiet, stuck }) => {
                *nowhere_since = None;
                self.tell(News::Waits { why, quiet, stuck })?;
                return Ok(Ok(Step::Same));
            }
            Ok(Item::Left) => return Ok(Ok(Step::Moved)),
            Ok(Item::Cancelled) => return Ok(Ok(Step::Ended(End::Cancelled))),
            Ok(Item::Builds(number)) => number,
            Err(Unseen::Missing(_)) => match self.client.build_of(&self.job, self.item, &self.login) {
                Ok(Some(number)) => number,
                Ok(None) => {
                    let since = nowhere_since.get_or_insert_with(Instant::now);
                    let end = End::unseen(
                        format!(
                            "Jenkins no longer knows item {}, and no build came of it",
                            self.item
                        ),
                        None,
                    );
                    return Ok(Ok(if since.elapsed() < NOWHERE {
                        Step::Same
                    } else {
                        Step::Ended(end)
                    }));
                }
                // The item and the job: this is no matter of time.
                Err(missing @ Unseen::Missing(_)) => return Ok(Ok(Step::Ended(gone(missing, None)))),
                Err(unseen) => return Ok(Err(unseen)),
            },
            Err(unseen) => return Ok(Err(unseen)),
        };
        self.tell(News::Builds(number))?;
        *running = Some(Running {
            number,
            place: Place::default(),
            known: false,
            more: self.follow,
        });
        Ok(Ok(Step::Moved))
    }

    fn ask_build(&self, running: &mut Running) -> Result<Result<Step, Unseen>, Unread> {
        let place = running.place;
        let mut seen = None;
        if !running.known {
            match self
                .client
                .build_with_origin(&self.job, running.number, &self.login)
            {
                Ok((build, origin)) => {
                    self.tell(News::CameOf(origin))?;
                    running.known = true;
                    seen = Some(build);
                }
                Err(unseen) => return Ok(Err(unseen)),
            }
        }
        if running.more {
            // It may end while its console is read.
            seen = None;
            match self.read_console(running)? {
                Ok(more) => running.more = more,
                Err(unseen) => return Ok(Err(unseen)),
            }
        }
        let step = if running.place == place {
            Step::Same
        } else {
            Step::Moved
        };
        if running.more {
            return Ok(Ok(step));
        }
        let seen = match seen {
            Some(build) => Ok(build),
            None => self.client.build(&self.job, running.number, &self.login),
        };
        let build = match seen {
            Ok(build) => build,
            Err(unseen) => return Ok(Err(unseen)),
        };
        let duration = build.duration;
        Ok(Ok(match build.result {
            Some(result) => Step::Ended(End::Built { result, duration }),
            None => {
                self.tell(News::Runs {
                    duration,
                    estimated: build.estimated,
                })?;
                step
            }
        }))
    }

    fn read_console(&self, running: &mut Running) -> Result<Result<bool, Unseen>, Unread> {
        let mut told = Ok(());
        let read = self.client.console(
            (&self.job, running.number),
            &mut running.place,
            &self.login,
            &mut |bytes| {
                told = self.tell(News::Console(bytes.to_vec()));
                match told {
                    Ok(()) => ControlFlow::Continue(()),
                    Err(Unread) => ControlFlow::Break(()),
                }
            },
        );
        told.map(|()| read)
    }
}

/// What is told of what nobody may see any more.
fn gone(unseen: Unseen, running: Option<Running>) -> End {
    match (unseen, running) {
        (Unseen::Missing(_), Some(running)) => {
            End::unseen(format!("build {} is no longer there", running.number), None)
        }
        (Unseen::Away(why), _) => End::unseen(why.meaning, None),
        (Unseen::Missing(why) | Unseen::Unknown(why) | Unseen::Denied(why), _) => {
            End::unseen(why.meaning, Some(why.advice))
        }
    }
}

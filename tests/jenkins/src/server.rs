//! Sockets and threads: one listener, one thread per connection, everything else under the world's lock.

use std::io::{BufReader, Read as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::faults::{self, Fault, FaultAction};
use crate::http::{self, Answer, Request, Unreadable};
use crate::jobs::{Build, BuildResult, Job, JobState};
use crate::pages;
use crate::recorded::{BuildView, ItemView, RecordedRequest, StateView, Taken};
use crate::routes;
use crate::setup::Setup;
use crate::start_up::{Phase, StartUp};
use crate::world::World;
use crate::{ItemState, User};

/// A running stand-in. Dropping it stops the server and joins its threads.
#[derive(Debug)]
pub struct StandIn {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    world: Mutex<World>,
    changed: Condvar,
    network: Mutex<Network>,
    port: u16,
    context_path: String,
    connections_so_far: AtomicUsize,
    open_connections: AtomicUsize,
}

#[derive(Debug, Default)]
struct Network {
    listening: Option<Listening>,
    /// Opens the port when a start-up comes that far; only for clocks that run by themselves.
    opener: Option<(Arc<AtomicBool>, JoinHandle<()>)>,
}

#[derive(Debug)]
struct Listening {
    stop: Arc<AtomicBool>,
    acceptor: JoinHandle<()>,
    connections: Arc<Mutex<Vec<Connection>>>,
}

#[derive(Debug)]
struct Connection {
    stream: TcpStream,
    thread: JoinHandle<()>,
}

/// A panic in one thread must not take the others' view of the state away.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl StandIn {
    /// Starts a server on a free port of 127.0.0.1, ready to answer.
    ///
    /// # Panics
    ///
    /// If there is no free port.
    #[must_use]
    pub fn start(setup: Setup) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port on 127.0.0.1");
        let port = listener.local_addr().expect("the listener's own address").port();
        let context_path = setup.context_path.clone();
        let shared = Arc::new(Shared {
            world: Mutex::new(World::new(setup, port)),
            changed: Condvar::new(),
            network: Mutex::default(),
            port,
            context_path,
            connections_so_far: AtomicUsize::new(0),
            open_connections: AtomicUsize::new(0),
        });
        lock(&shared.network).listening = Some(listen(&shared, listener));
        Self { shared }
    }

    /// Where the server is: `http://127.0.0.1:PORT` and the context path, no slash at the end.
    #[must_use]
    pub fn url(&self) -> String {
        format!(
            "http://127.0.0.1:{}{}",
            self.shared.port, self.shared.context_path
        )
    }

    /// The port; it stays the same over restarts.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.shared.port
    }

    /// All requests so far, in the order in which their heads were read.
    #[must_use]
    pub fn requests(&self) -> Vec<RecordedRequest> {
        lock(&self.shared.world).requests.clone()
    }

    /// The POSTs among them: what only looks is left out.
    #[must_use]
    pub fn posts(&self) -> Vec<RecordedRequest> {
        let mut requests = self.requests();
        requests.retain(|request| request.method == "POST");
        requests
    }

    /// Gives away the requests so far, and forgets them: none that comes meanwhile is lost.
    #[must_use]
    pub fn take_requests(&self) -> Vec<RecordedRequest> {
        std::mem::take(&mut lock(&self.shared.world).requests)
    }

    /// Forgets the requests so far.
    pub fn clear_requests(&self) {
        lock(&self.shared.world).requests.clear();
    }

    /// Requests, queue and builds at this moment.
    #[must_use]
    pub fn state(&self) -> StateView {
        lock(&self.shared.world).view()
    }

    /// Waits until something holds of the state. `false` if it did not within `timeout` (in real time).
    #[must_use]
    pub fn wait_until(&self, holds: impl Fn(&StateView) -> bool, timeout: Duration) -> bool {
        let deadline = Instant::now() + timeout;
        let mut world = lock(&self.shared.world);
        loop {
            if holds(&world.view()) {
                return true;
            }
            let Some(left) = deadline.checked_duration_since(Instant::now()) else {
                return false;
            };
            // A clock that runs by itself changes the queue without anybody telling.
            let nap = if world.time.is_manual() {
                left
            } else {
                left.min(Duration::from_millis(10))
            };
            world = self
                .shared
                .changed
                .wait_timeout(world, nap)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    /// The queue items that can still be asked for, in the order of their ids.
    #[must_use]
    pub fn queue_items(&self) -> Vec<ItemView> {
        self.state().items
    }

    /// The builds of one job, first to last.
    #[must_use]
    pub fn builds(&self, job: &str) -> Vec<BuildView> {
        self.state()
            .builds
            .into_iter()
            .filter(|build| build.job == job)
            .collect()
    }

    /// Every trigger that ever took effect, in that order; unlike the queue, this outlives a restart.
    #[must_use]
    pub fn taken(&self) -> Vec<Taken> {
        lock(&self.shared.world).taken.clone()
    }

    /// Waits until no connection is open and none waits to be accepted: what clients that are dead by now had sent has
    /// taken effect, or never will. `false` if that did not come within `timeout` (in real time).
    #[must_use]
    pub fn wait_until_deserted(&self, timeout: Duration) -> bool {
        let deadline = Instant::now() + timeout;
        // Connections are accepted in turn: once this one was closed by the server, so was every earlier one seen.
        if let Ok(mut last) = TcpStream::connect((Ipv4Addr::LOCALHOST, self.shared.port)) {
            let _ = last.set_read_timeout(Some(timeout.max(Duration::from_millis(1))));
            let _ = last.shutdown(Shutdown::Write);
            let _ = last.read(&mut [0]);
        }
        let mut world = lock(&self.shared.world);
        while self.shared.open_connections.load(Ordering::SeqCst) > 0 {
            let Some(left) = deadline.checked_duration_since(Instant::now()) else {
                return false;
            };
            world = self
                .shared
                .changed
                .wait_timeout(world, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        true
    }

    /// Moves the clock, whatever kind it is, and lets everything happen that falls into that time.
    pub fn advance(&self, by: Duration) {
        {
            let mut world = lock(&self.shared.world);
            world.time.advance(by);
            world.settle();
        }
        self.shared.open_if_due();
        self.shared.changed.notify_all();
    }

    /// Adds a fault. Each request meets the first that applies to it.
    pub fn fault(&self, fault: Fault) {
        lock(&self.shared.world).faults.push(fault);
    }

    /// Removes all faults.
    pub fn clear_faults(&self) {
        lock(&self.shared.world).faults.clear();
    }

    /// Stops as a Jenkins does: no farewell, connections are refused from now on. Requests in flight are cut off.
    pub fn stop(&self) {
        self.shared.close();
    }

    /// Launches again after [`stop`](Self::stop) (or stops first) with the recorded start-up. Waiting items and ids
    /// survive; items that left the queue, running builds and sessions do not.
    pub fn restart(&self, start_up: StartUp) {
        self.shared.close();
        self.forget_what_was_in_memory();
        {
            let mut world = lock(&self.shared.world);
            let now = world.time.now();
            world.starting = Some((start_up, now));
            world.first_post_came = false;
        }
        self.shared.open_if_due();
        let manual = lock(&self.shared.world).time.is_manual();
        if !manual {
            let gone = Arc::new(AtomicBool::new(false));
            let (shared, flag) = (Arc::downgrade(&self.shared), Arc::clone(&gone));
            let opener = std::thread::spawn(move || {
                while !flag.load(Ordering::SeqCst) {
                    match shared.upgrade() {
                        Some(shared) if !shared.open_if_due() => {}
                        _ => return,
                    }
                    std::thread::sleep(Duration::from_millis(2));
                }
            });
            lock(&self.shared.network).opener = Some((gone, opener));
        }
        self.shared.changed.notify_all();
    }

    /// Comes back at once after [`stop`](Self::stop), without a start-up to be seen.
    pub fn resume(&self) {
        self.shared.close();
        self.forget_what_was_in_memory();
        lock(&self.shared.world).starting = None;
        self.shared.open();
        self.shared.changed.notify_all();
    }

    fn forget_what_was_in_memory(&self) {
        let mut world = lock(&self.shared.world);
        world.settle();
        let now = world.time.now();
        world.start_what_has_left(now);
        world
            .queue
            .items
            .retain(|item| !matches!(item.state, ItemState::Left { .. }));
        world.queue.quieting_down = false;
        world.sessions.clear();
        for build in world.jobs.iter_mut().flat_map(|state| &mut state.builds) {
            build.finished.get_or_insert((now, BuildResult::Aborted));
        }
    }

    /// Switches the quiet-down mode: triggers are accepted, nothing starts.
    pub fn quiet_down(&self, on: bool) {
        self.change(|world| world.queue.quieting_down = on);
    }

    /// Changes the number of executors; with 0 nothing starts.
    pub fn set_executors(&self, count: usize) {
        self.change(|world| world.executors = count);
    }

    /// The time since the server was made, on its own clock.
    #[must_use]
    pub fn now(&self) -> Duration {
        Duration::from_millis(lock(&self.shared.world).time.now())
    }

    /// Gives the next queue item this id.
    pub fn set_next_queue_id(&self, id: u64) {
        self.change(|world| world.queue.next_id = id);
    }

    /// Adds a job, or changes the one of that name and keeps its builds; what was queued of one that is disabled so is
    /// cancelled.
    pub fn put_job(&self, job: Job) {
        self.change(|world| match world.job(&job.full_name) {
            Some(index) => {
                if job.disabled {
                    world.cancel_all_of(index);
                }
                world.jobs[index].job = job;
            }
            None => world.jobs.push(JobState::new(job)),
        });
    }

    /// Makes a branch exist in the SCM of a multibranch project, or changes it. No scan begins: as long as none has
    /// seen the branch it has no job.
    ///
    /// # Panics
    ///
    /// If there is no such project.
    pub fn put_branch(&self, project: &str, branch: &str, has_jenkinsfile: bool) {
        let found = self.change(|world| {
            let project = world
                .job(project)
                .filter(|&index| world.jobs[index].job.multibranch.is_some())?;
            world.put_branch(project, branch, has_jenkinsfile);
            Some(())
        });
        assert!(found.is_some(), "{project} is no multibranch project");
    }

    /// Removes a job; what was queued of it is cancelled.
    pub fn remove_job(&self, full_name: &str) {
        self.change(|world| {
            if let Some(index) = world.job(full_name) {
                world.cancel_all_of(index);
                world.jobs[index].deleted = true;
            }
        });
    }

    /// Adds a user, or replaces the one of that id.
    pub fn put_user(&self, user: User) {
        self.change(|world| {
            world.users.retain(|other| other.id != user.id);
            world.users.push(user);
        });
    }

    /// Ends a running build. `false` if there is none of that number.
    #[expect(
        clippy::must_use_candidate,
        reason = "the deed counts, the answer may be ignored"
    )]
    pub fn finish_build(&self, job: &str, number: u32, result: BuildResult) -> bool {
        self.change(|world| {
            world
                .job(job)
                .is_some_and(|job| world.end_build(job, number, result))
        })
    }

    /// Cancels a queued item, as an administrator would. `false` if it is not queued any more.
    #[expect(
        clippy::must_use_candidate,
        reason = "the deed counts, the answer may be ignored"
    )]
    pub fn cancel_item(&self, id: u64) -> bool {
        self.change(|world| world.cancel(id))
    }

    /// Makes the past of a job: its last finished build, so that the next is number `last + 1`.
    pub fn put_past_build(&self, job: &str, last: u32, result: BuildResult) {
        self.change(|world| {
            let now = world.time.now();
            let Some(index) = world.job(job) else { return };
            let state = &mut world.jobs[index];
            state.next_build = last + 1;
            state.builds.retain(|build| build.number < last);
            state.builds.push(Build {
                number: last,
                queue_id: 0,
                parameters: None,
                causes: Vec::new(),
                started: now,
                ends: None,
                finished: Some((now, result)),
            });
        });
    }

    /// Deletes the builds of a job; the next has the number that it would have had.
    pub fn delete_builds(&self, job: &str) {
        self.change(|world| {
            if let Some(index) = world.job(job) {
                world.jobs[index].builds.clear();
            }
        });
    }

    /// The crumb and session cookie (`NAME=VALUE`) that a user, or nobody, would get from the crumb issuer.
    #[must_use]
    pub fn crumb_and_cookie(&self, user: Option<&str>) -> (String, String) {
        self.change(|world| {
            let session = format!("node0{}", world.random_hex(26));
            world.sessions.insert(session.clone());
            let who = user.map_or(crate::auth::Who::Anonymous, |id| crate::auth::Who::User {
                id: id.to_owned(),
                by_token: false,
            });
            (
                world.crumb(&session, &who),
                format!("JSESSIONID.5a1d2a5c={session}"),
            )
        })
    }

    fn change<T>(&self, change: impl FnOnce(&mut World) -> T) -> T {
        let mut world = lock(&self.shared.world);
        world.settle();
        let result = change(&mut world);
        world.settle();
        drop(world);
        self.shared.changed.notify_all();
        result
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.shared.close();
    }
}

impl Shared {
    /// Opens the port if a start-up has come that far. `true` when there is nothing left to wait for.
    fn open_if_due(self: &Arc<Self>) -> bool {
        let starting = lock(&self.world).since_launch();
        match starting {
            Some((start_up, since)) if start_up.phase(since) == Phase::Refused => false,
            Some(_) => {
                self.open();
                true
            }
            None => true,
        }
    }

    fn open(self: &Arc<Self>) {
        let mut network = lock(&self.network);
        if network.listening.is_none() {
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
            if let Ok(listener) = TcpListener::bind(address) {
                network.listening = Some(listen(self, listener));
            }
        }
    }

    fn close(&self) {
        let (listening, opener) = {
            let mut network = lock(&self.network);
            (network.listening.take(), network.opener.take())
        };
        if let Some((gone, opener)) = opener {
            gone.store(true, Ordering::SeqCst);
            let _ = opener.join();
        }
        // The opener may have opened the port just before it was told to stop.
        let late = lock(&self.network).listening.take();
        for listening in [listening, late].into_iter().flatten() {
            listening.stop.store(true, Ordering::SeqCst);
            // Wakes the thread that waits for a connection.
            let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
            let _ = listening.acceptor.join();
            let connections = std::mem::take(&mut *lock(&listening.connections));
            for connection in &connections {
                let _ = connection.stream.shutdown(Shutdown::Both);
            }
            {
                // Held requests look at the flag when woken; the lock makes sure that none is about to go to sleep.
                let _world = lock(&self.world);
                self.changed.notify_all();
            }
            for connection in connections {
                let _ = connection.thread.join();
            }
        }
    }
}

fn listen(shared: &Arc<Shared>, listener: TcpListener) -> Listening {
    let stop = Arc::new(AtomicBool::new(false));
    let connections = Arc::new(Mutex::new(Vec::new()));
    let acceptor = {
        let (shared, stop, connections) = (Arc::clone(shared), Arc::clone(&stop), Arc::clone(&connections));
        std::thread::spawn(move || accept(&shared, &listener, &stop, &connections))
    };
    Listening {
        stop,
        acceptor,
        connections,
    }
}

fn accept(
    shared: &Arc<Shared>,
    listener: &TcpListener,
    stop: &Arc<AtomicBool>,
    connections: &Mutex<Vec<Connection>>,
) {
    for stream in listener.incoming() {
        if stop.load(Ordering::SeqCst) {
            return;
        }
        let Ok(stream) = stream else { continue };
        let Ok(handle) = stream.try_clone() else { continue };
        let (shared, stop) = (Arc::clone(shared), Arc::clone(stop));
        shared.open_connections.fetch_add(1, Ordering::SeqCst);
        let thread = std::thread::spawn(move || {
            let open = OpenConnection(&shared);
            let number = shared.connections_so_far.fetch_add(1, Ordering::SeqCst);
            serve(&shared, stream, &stop, number);
            drop(open);
        });
        let mut connections = lock(connections);
        connections.retain(|connection| !connection.thread.is_finished());
        connections.push(Connection {
            stream: handle,
            thread,
        });
    }
}

/// Counts as one until dropped, also by a panic.
struct OpenConnection<'a>(&'a Shared);

impl Drop for OpenConnection<'_> {
    fn drop(&mut self) {
        {
            // Whoever waits for this has looked already, or is not yet about to sleep.
            let _world = lock(&self.0.world);
            self.0.open_connections.fetch_sub(1, Ordering::SeqCst);
        }
        self.0.changed.notify_all();
    }
}

/// Whether the connection goes on after a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Request,
    Close,
}

fn serve(shared: &Shared, mut stream: TcpStream, stop: &AtomicBool, connection: usize) {
    let remote_addr = stream
        .peer_addr()
        .map(|address| address.ip().to_string())
        .unwrap_or_default();
    let idle = lock(&shared.world).idle_timeout;
    let _ = stream.set_nodelay(true);
    let _ = stream.set_read_timeout(Some(idle.max(Duration::from_millis(1))));
    let Ok(clone) = stream.try_clone() else { return };
    let mut reader = BufReader::new(clone);
    while !stop.load(Ordering::SeqCst) {
        let request = match http::read_head(&mut reader) {
            Ok(request) => Request {
                remote_addr: remote_addr.clone(),
                ..request
            },
            Err(unreadable) => {
                refuse(shared, &mut stream, &mut reader, unreadable, connection, None);
                break;
            }
        };
        if serve_request(shared, &mut stream, &mut reader, request, stop, connection) == Next::Close {
            break;
        }
    }
    // The server keeps another handle of this socket, so dropping this one would not close it.
    let _ = stream.shutdown(Shutdown::Both);
}

/// Answers what is no request in Jetty's name, and reads on a little: closing with bytes unread would destroy the answer
/// on its way.
fn refuse(
    shared: &Shared,
    stream: &mut TcpStream,
    reader: &mut BufReader<TcpStream>,
    unreadable: Unreadable,
    connection: usize,
    recorded: Option<u64>,
) {
    let Unreadable::Refused {
        status,
        reason,
        target,
    } = unreadable
    else {
        return;
    };
    {
        let mut world = lock(&shared.world);
        let serial = recorded.unwrap_or_else(|| {
            world.record(RecordedRequest {
                target: target.clone(),
                connection,
                ..RecordedRequest::default()
            })
        });
        if let Some(request) = world.recorded(serial) {
            request.status = Some(status);
        }
    }
    shared.changed.notify_all();
    let answer = pages::jetty_outside(status, reason, &target);
    http::write(stream, &http::encode(&answer, false, true));
    let _ = stream.shutdown(Shutdown::Write);
    let _ = stream.set_read_timeout(Some(Duration::from_millis(500)));
    let mut sink = [0; 16 * 1024];
    for _ in 0..4096 {
        if !matches!(reader.read(&mut sink), Ok(1..)) {
            break;
        }
    }
}

fn serve_request(
    shared: &Shared,
    stream: &mut TcpStream,
    reader: &mut BufReader<TcpStream>,
    mut request: Request,
    stop: &AtomicBool,
    connection: usize,
) -> Next {
    let (serial, fault) = {
        let mut world = lock(&shared.world);
        let recorded = RecordedRequest {
            method: request.method.clone(),
            target: request.target.clone(),
            headers: request.headers.clone(),
            connection,
            ..RecordedRequest::default()
        };
        let fault = faults::choose(&mut world.faults, &recorded);
        (world.record(recorded), fault)
    };
    shared.changed.notify_all();
    if matches!(fault, Some(FaultAction::CloseUnread)) {
        return Next::Close;
    }
    // Sent before anything is decided, also to those who are refused then.
    if request.expects_continue() && !http::write(stream, b"HTTP/1.1 100 Continue\r\n\r\n") {
        return Next::Close;
    }
    if let Err(unreadable) = http::read_body(reader, &mut request) {
        refuse(shared, stream, reader, unreadable, connection, Some(serial));
        return Next::Close;
    }
    if let Some(recorded) = lock(&shared.world).recorded(serial) {
        recorded.body.clone_from(&request.body);
    }
    shared.changed.notify_all();

    let exchange = Exchange {
        shared,
        request: &request,
        stop,
        serial,
    };
    exchange.deliver(fault, stream)
}

/// One request between its being read and its being answered.
struct Exchange<'a> {
    shared: &'a Shared,
    request: &'a Request,
    stop: &'a AtomicBool,
    serial: u64,
}

impl Exchange<'_> {
    /// Lets the request take effect or not, and answers or not, as the fault has it.
    fn deliver(&self, fault: Option<FaultAction>, stream: &mut TcpStream) -> Next {
        let close = !self.request.keeps_alive();
        let head_only = self.request.method == "HEAD";
        let whole = |answer: &Answer| http::encode(answer, head_only, close);
        let next = if close { Next::Close } else { Next::Request };
        let sent = |done: bool| if done { next } else { Next::Close };
        match fault {
            None | Some(FaultAction::CloseUnread) => match self.process() {
                Some(answer) => sent(http::write(stream, &whole(&self.answered(answer)))),
                None => Next::Close,
            },
            Some(FaultAction::Delay(delay)) => {
                let Some(answer) = self.process() else {
                    return Next::Close;
                };
                self.wait(Some(delay), None);
                sent(http::write(stream, &whole(&self.answered(answer))))
            }
            Some(FaultAction::Hold { processed }) => {
                if processed {
                    self.process();
                }
                self.wait(None, Some(stream));
                Next::Close
            }
            Some(FaultAction::CloseUnanswered { processed }) => {
                if processed {
                    self.process();
                }
                Next::Close
            }
            Some(FaultAction::CloseInHead) => {
                if let Some(answer) = self.process() {
                    let head = http::encode(&answer, true, close);
                    http::write(stream, &head[..head.len() / 2]);
                }
                Next::Close
            }
            Some(FaultAction::CloseInBody { missing }) => {
                if let Some(answer) = self.process() {
                    let length = answer.body.len().max(missing);
                    let mut bytes = http::encode_head(&answer, length as u64, close);
                    bytes.extend_from_slice(&answer.body[..answer.body.len().saturating_sub(missing)]);
                    http::write(stream, &bytes);
                }
                Next::Close
            }
            Some(FaultAction::Answer { processed, answer }) => {
                if processed {
                    self.process();
                }
                sent(http::write(stream, &whole(&self.answered(answer))))
            }
            Some(FaultAction::Garbage(bytes)) => {
                http::write(stream, &bytes);
                Next::Close
            }
            Some(FaultAction::Trickle(pause)) => {
                let Some(answer) = self.process() else {
                    return Next::Close;
                };
                for byte in whole(&self.answered(answer)) {
                    if !http::write(stream, &[byte]) || self.wait(Some(pause), None) {
                        return Next::Close;
                    }
                }
                next
            }
            Some(FaultAction::HugeBody(length)) => {
                let answer =
                    self.answered(Answer::new(200).header("Content-Type", "text/html;charset=utf-8"));
                let mut alive = http::write(stream, &http::encode_head(&answer, length, close));
                let block = [b'x'; 8 * 1024];
                let mut left = length;
                while alive && left > 0 && !head_only {
                    let size = usize::try_from(left).unwrap_or(usize::MAX).min(block.len());
                    alive = http::write(stream, &block[..size]);
                    left -= size as u64;
                }
                sent(alive)
            }
        }
    }

    /// Lets the request take effect. `None` if the server stopped while it was held.
    fn process(&self) -> Option<Answer> {
        let mut world = lock(&self.shared.world);
        let answer = loop {
            match routes::answer_starting(&mut world, self.request) {
                None => break routes::answer(&mut world, self.request),
                Some(Ok(answer)) => break answer,
                Some(Err(until)) => {
                    while world.time.now() < until {
                        if self.stop.load(Ordering::SeqCst) {
                            return None;
                        }
                        let nap = Duration::from_millis(5);
                        world = self
                            .shared
                            .changed
                            .wait_timeout(world, nap)
                            .unwrap_or_else(PoisonError::into_inner)
                            .0;
                    }
                }
            }
        };
        drop(world);
        self.shared.changed.notify_all();
        Some(answer)
    }

    /// Notes the status before the first byte goes out, so that whoever has the answer finds it recorded. Jetty dates
    /// every answer.
    fn answered(&self, answer: Answer) -> Answer {
        let mut world = lock(&self.shared.world);
        let date = world.time.http_date();
        if let Some(recorded) = world.recorded(self.serial) {
            recorded.status = Some(answer.status);
        }
        drop(world);
        self.shared.changed.notify_all();
        match date {
            Some(date) if !answer.has_header("date") => answer.header("Date", date),
            _ => answer,
        }
    }

    /// Waits in real time, or for ever; ends early with `true` when the server stops or `client` has gone.
    fn wait(&self, time: Option<Duration>, client: Option<&TcpStream>) -> bool {
        let deadline = time.map(|time| Instant::now() + time);
        loop {
            if self.stop.load(Ordering::SeqCst) || client.is_some_and(has_gone) {
                return true;
            }
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            if left == Some(Duration::ZERO) {
                return false;
            }
            let nap = left.unwrap_or(Duration::MAX).min(Duration::from_millis(20));
            let world = lock(&self.shared.world);
            drop(
                self.shared
                    .changed
                    .wait_timeout(world, nap)
                    .unwrap_or_else(PoisonError::into_inner),
            );
        }
    }
}

fn has_gone(client: &TcpStream) -> bool {
    let _ = client.set_read_timeout(Some(Duration::from_millis(1)));
    matches!(client.peek(&mut [0; 1]), Ok(0))
}

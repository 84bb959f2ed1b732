//! Accept: accepts connections on a listening socket (accept(2)) and opens a [`Connection`] for each.

use super::{ClientRead, ClientWrite};
use crate::config::{Listener, Protocol};
use crate::connection::{Client, Connection, Identity};
use crate::engine::{Event, Flow, Notice, Seen, Task, TaskError, Want};
use crate::limits::{ACCEPTS_PER_TURN, EVICTED_PER_TURN, FREE_PART};
use crate::listen::Socket;
use crate::log::Level;
use crate::route::ListenerState;
use crate::task::Context;
use crate::task::directory::Directory;
use crate::task::echo::Echo;
use crate::task::http1::{Http1, ProxyProtocol};
use crate::worker::Worker;
use std::fmt;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use webserv_sys::net::{self, Address};
use webserv_sys::{Moment, Watch, memory};

/// How long no connection is accepted after the process ran out of descriptors or memory.
const PAUSE_AFTER_EXHAUSTION: Duration = Duration::from_millis(500);
/// How long the message that there are too few `worker_connections` is not repeated.
const LOG_INTERVAL: Duration = Duration::from_secs(60);

/// Accepts connections on one listening socket.
pub struct Accept {
    socket: Arc<Socket>,
    listener: Rc<ListenerState>,
    /// Descriptors or memory ran out: waits for the deadline.
    paused: bool,
    /// The present shortage has been logged.
    shortage_logged: bool,
    /// All `worker_connections` are in use: waits for one to close.
    waits: bool,
    /// When these were logged last: that idle connections are closed, and that clients wait.
    logged_at: [Option<Moment>; 2],
}

impl Accept {
    /// Accepts on a socket for this listener of the current configuration.
    pub fn new(socket: Arc<Socket>, configured: Listener, worker: &mut Worker) -> Self {
        let local = net::local_address(socket.as_fd()).unwrap_or_else(|_| configured.address.clone());
        let listener = worker.listener_state(configured, local);
        Self { socket, listener, paused: false, shortage_logged: false, waits: false, logged_at: [None; 2] }
    }

    fn open(&self, socket: OwnedFd, client: Address, cx: &mut Context<'_>) {
        cx.log(Level::Debug, format_args!("accepted {client} as fd={}", socket.as_raw_fd()));
        let (listener, number) = (Rc::clone(&self.listener), cx.worker.next_connection(cx.now));
        cx.worker.stats.count_accepted();
        let identity = Identity::new(listener, number, Client::from(&client));
        let connection = Connection::new(Some(socket), identity);
        let (protocol, timeout) = self.protocol(cx.now);
        cx.open(connection, [protocol, Box::new(ClientWrite), Box::new(ClientRead)], cx.now.after(timeout));
    }

    /// The protocol of this listener, and how long a client may take to send its first request.
    fn protocol(&self, now: Moment) -> (Box<dyn Task<Worker>>, Duration) {
        match &self.listener.configured.protocol {
            Protocol::Http => {
                let timeout = self.listener.route.settings.client_header_timeout;
                match self.listener.configured.proxy_protocol {
                    true => (Box::new(ProxyProtocol::new(now)), timeout),
                    false => (Box::new(Http1::new(now)), timeout),
                }
            }
            Protocol::Directory(server) => (Box::new(Directory::new(Arc::clone(server), now)), server.timeout),
            Protocol::Echo(server) => (Box::new(Echo::new(Arc::clone(server), now)), server.timeout),
        }
    }

    /// Checks the worker's state first: a notice about a drain or a reload may not have arrived yet.
    fn run(&mut self, cx: &mut Context<'_>) -> Flow {
        if cx.worker.draining {
            return Flow::Done;
        }
        if !cx.worker.is_current(&self.listener) && self.reload(cx) == Flow::Done {
            return Flow::Done;
        }
        self.accept(cx)
    }

    fn accept(&mut self, cx: &mut Context<'_>) -> Flow {
        if memory::is_short() && !self.make_memory(cx) {
            let what = format!("memory is short; no new clients for {} ms", PAUSE_AFTER_EXHAUSTION.as_millis());
            return self.pause(PAUSE_AFTER_EXHAUSTION, Level::Crit, &what, cx);
        }
        cx.worker.stats.set_open(cx.connections_open()); // a task that panicked has not said that its connection ends
        let room = cx.worker.connections_max().saturating_sub(cx.connections_open());
        let turns = if cx.worker.config.events.multi_accept { ACCEPTS_PER_TURN } else { 1 };
        self.evict(room, cx);
        if room == 0 {
            if !std::mem::replace(&mut self.waits, true) {
                cx.wait_for_place();
            }
            return Flow::Progress;
        }
        if room > turns {
            cx.pass_place_on(); // clients of another listener may wait, too
        }
        for _ in 0..turns.min(room) {
            match net::accept(self.socket.as_fd()) {
                Ok((socket, client)) => {
                    self.shortage_logged = false;
                    self.open(socket, client, cx);
                }
                Err(error) if error.would_block() => {
                    cx.pass_place_on();
                    return Flow::Blocked;
                }
                // Cached files hold descriptors. Clients have priority.
                Err(error) if cx.worker.files.relieve(error) => return Flow::Progress,
                Err(error) if error.is_exhaustion() => {
                    let what = format!("{error}; no new clients for {} ms", PAUSE_AFTER_EXHAUSTION.as_millis());
                    return self.pause(PAUSE_AFTER_EXHAUSTION, Level::Crit, &what, cx);
                }
                // The client closed before it was accepted (ECONNABORTED), or the network had a fault: on Linux,
                // accept(2) returns pending errors of the new socket. The next connection may be good.
                Err(error) => {
                    cx.pass_place_on();
                    cx.log(Level::Info, format_args!("{error}"));
                }
            }
        }
        Flow::Blocked // level-triggered: the next wait reports if there are more
    }

    /// An allocation has failed, and the next failure ends the process. Drops what can be dropped: cached files, and
    /// some idle connections. Returns true if memory can be kept back again.
    fn make_memory(&mut self, cx: &mut Context<'_>) -> bool {
        cx.worker.files.clear();
        cx.worker.transactions.clear();
        for _ in 0..EVICTED_PER_TURN {
            let Some(connection) = cx.worker.pop_idle() else { break };
            cx.notify_protocol(connection, Notice::Evict);
        }
        memory::keep_back()
    }

    /// Keeps some places free for new clients: closes idle connections, the least recently used first.
    fn evict(&mut self, room: usize, cx: &mut Context<'_>) {
        let most = cx.worker.connections_max();
        let missing = (most / FREE_PART).max(1).saturating_sub(room);
        let mut evicted = 0;
        while evicted < missing.min(EVICTED_PER_TURN)
            && let Some(connection) = cx.worker.pop_idle()
        {
            cx.notify_protocol(connection, Notice::Evict);
            evicted += 1;
        }
        let what = match most == cx.worker.config.events.worker_connections {
            true => "worker_connections",
            false => "connections, all that the limit of open files permits,",
        };
        if evicted > 0 {
            let said = format_args!("{most} {what} are not enough: idle ones are closed");
            self.log_rarely(0, Level::Warn, said, cx);
        } else if room == 0 {
            let said = format_args!("{most} {what} are not enough: new clients wait");
            self.log_rarely(1, Level::Alert, said, cx);
        }
    }

    /// Logs a message, unless it was logged a short while ago: a full server would repeat it for each client.
    fn log_rarely(&mut self, which: usize, level: Level, what: fmt::Arguments<'_>, cx: &mut Context<'_>) {
        if self.logged_at[which].is_none_or(|logged_at| cx.now >= logged_at.after(LOG_INTERVAL)) {
            self.logged_at[which] = Some(cx.now);
            cx.log(level, what);
        }
    }

    /// Stops accepting for a while and logs the reason once. (A level-triggered event would come again at once.)
    fn pause(&mut self, wait: Duration, level: Level, why: &str, cx: &mut Context<'_>) -> Flow {
        self.paused = true;
        cx.wake_after(wait);
        if !std::mem::replace(&mut self.shortage_logged, true) {
            cx.log(level, format_args!("{why}"));
        }
        Flow::Progress
    }

    /// Follows a reload: continues if the new configuration still has this address.
    fn reload(&mut self, cx: &mut Context<'_>) -> Flow {
        match cx.worker.listener_now(&self.listener) {
            Some(listener) => {
                self.listener = listener;
                Flow::Progress
            }
            None => {
                cx.pass_place_on();
                cx.doing("following a reload");
                cx.log(Level::Notice, format_args!("no longer listening on {}", self.listener.local));
                Flow::Done
            }
        }
    }
}

impl Task<Worker> for Accept {
    fn kind(&self) -> &'static str {
        "Accept"
    }

    fn doing(&self) -> &'static str {
        "accepting a connection"
    }

    fn watch<'w>(&'w self, _: Option<&'w Connection>) -> Watch<'w> {
        Watch::Read(self.socket.as_fd())
    }

    fn wants(&self, _: Seen<'_>) -> Want {
        if self.paused || self.waits { Want::Nothing } else { Want::Kernel }
    }

    fn handle(&mut self, event: Event, cx: &mut Context<'_>) -> Result<Flow, TaskError> {
        match event {
            Event::Ready | Event::Hangup => Ok(self.run(cx)),
            Event::Deadline => {
                self.paused = false;
                Ok(Flow::Progress)
            }
            Event::Cancel => Ok(Flow::Done),
        }
    }

    fn notice(&mut self, notice: Notice, cx: &mut Context<'_>) -> Result<Flow, TaskError> {
        match notice {
            Notice::Reload => {
                self.waits = false; // there may be more places now
                Ok(self.reload(cx))
            }
            Notice::Place => {
                if !std::mem::replace(&mut self.waits, false) {
                    cx.pass_place_on();
                }
                Ok(Flow::Progress)
            }
            Notice::Drain => Ok(Flow::Done),
            _ => Ok(Flow::Progress),
        }
    }
}

//! Accept: takes connections from a listening socket and opens a connection for each.

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
use crate::task::http1::Http1;
use crate::worker::Worker;
use std::fmt;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use webserv_sys::net::{self, Address};
use webserv_sys::{Moment, Watch};

/// How long no connection is taken after descriptors or memory ran out.
const PAUSE_AFTER_EXHAUSTION: Duration = Duration::from_millis(500);
/// How long after it was said that there are too few `worker_connections` it is not said again.
const SAID_FOR: Duration = Duration::from_secs(60);

/// Takes connections from one listening socket.
pub struct Accept {
    socket: Arc<Socket>,
    listener: Rc<ListenerState>,
    /// Descriptors or memory ran out.
    paused: bool,
    /// The present shortage of those has been told of.
    complained: bool,
    /// All `worker_connections` are open: it waits for one to close.
    waits: bool,
    /// When it was last said that idle connections are closed, and that clients wait.
    said: [Option<Moment>; 2],
}

impl Accept {
    /// Accepts from a socket that listens for this listener of the configuration in force.
    pub fn new(socket: Arc<Socket>, configured: Listener, worker: &mut Worker) -> Self {
        let local = net::local_address(socket.as_fd()).unwrap_or_else(|_| configured.address.clone());
        let listener = worker.listener_state(configured, local);
        Self { socket, listener, paused: false, complained: false, waits: false, said: [None; 2] }
    }

    fn open(&self, socket: OwnedFd, client: Address, cx: &mut Context<'_>) {
        cx.log(Level::Debug, format_args!("accepted {client} as fd={}", socket.as_raw_fd()));
        let (listener, number) = (Rc::clone(&self.listener), cx.worker.next_connection());
        let identity = Identity { listener, number, client: Client::from(&client) };
        let connection = Connection::new(Some(socket), identity);
        let (protocol, patience) = self.protocol(cx.now);
        cx.open(connection, [protocol, Box::new(ClientWrite), Box::new(ClientRead)], cx.now.after(patience));
    }

    /// What is spoken here, and how long a client may take to say something.
    fn protocol(&self, now: Moment) -> (Box<dyn Task<Worker>>, Duration) {
        match &self.listener.configured.protocol {
            Protocol::Http => (Box::new(Http1::new(now)), self.listener.route.settings.client_header_timeout),
            Protocol::Directory(server) => (Box::new(Directory::new(Arc::clone(server), now)), server.timeout),
            Protocol::Echo(server) => (Box::new(Echo::new(Arc::clone(server), now)), server.timeout),
        }
    }

    /// What has changed since the last turn, by the worker's own state: what all are told may still be on its way.
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
        let room = cx.worker.config.events.worker_connections.saturating_sub(cx.connections_open());
        let turns = if cx.worker.config.events.multi_accept { ACCEPTS_PER_TURN } else { 1 };
        self.evict(room, cx);
        if room == 0 {
            if !std::mem::replace(&mut self.waits, true) {
                cx.wait_for_place();
            }
            return Flow::Progress;
        }
        if room > turns {
            cx.pass_place_on(); // another listener's clients may wait, too
        }
        for _ in 0..turns.min(room) {
            match net::accept(self.socket.as_fd()) {
                Ok((socket, client)) => {
                    self.complained = false;
                    self.open(socket, client, cx);
                }
                Err(error) if error.would_block() => {
                    cx.pass_place_on();
                    return Flow::Blocked;
                }
                // Files that are kept hold descriptors that clients need more.
                Err(error) if error.is_exhaustion() && cx.worker.files.clear() => return Flow::Progress,
                Err(error) if error.is_exhaustion() => {
                    let what = format!("{error}; no new clients for {} ms", PAUSE_AFTER_EXHAUSTION.as_millis());
                    return self.pause(PAUSE_AFTER_EXHAUSTION, Level::Crit, &what, cx);
                }
                // The client was gone before we looked (ECONNABORTED), or the network had a fault: accept(2) on Linux
                // passes on what is pending on the new socket. The next one may be well.
                Err(error) => {
                    cx.pass_place_on();
                    cx.log(Level::Info, format_args!("{error}"));
                }
            }
        }
        Flow::Blocked // level-triggered: the kernel says so at the next wait if more are there
    }

    /// Sees to it that some places are free before they are needed: idle connections are closed, those first that were
    /// used least recently.
    fn evict(&mut self, room: usize, cx: &mut Context<'_>) {
        let most = cx.worker.config.events.worker_connections;
        let missing = (most / FREE_PART).max(1).saturating_sub(room);
        let mut evicted = 0;
        while evicted < missing.min(EVICTED_PER_TURN)
            && let Some(connection) = cx.worker.idle.pop()
        {
            cx.tell_protocol(connection, Notice::Evict);
            evicted += 1;
        }
        if evicted > 0 {
            self.say(
                0,
                Level::Warn,
                format_args!("{most} worker_connections are not enough: idle ones are closed"),
                cx,
            );
        } else if room == 0 {
            self.say(1, Level::Alert, format_args!("{most} worker_connections are not enough: new clients wait"), cx);
        }
    }

    /// Says it, unless that was done a short while ago: a full server would say it for each client.
    fn say(&mut self, which: usize, level: Level, what: fmt::Arguments<'_>, cx: &mut Context<'_>) {
        if self.said[which].is_none_or(|said| cx.now >= said.after(SAID_FOR)) {
            self.said[which] = Some(cx.now);
            cx.log(level, what);
        }
    }

    /// Stops for a while, and says why once: a level-triggered event would come again at once.
    fn pause(&mut self, wait: Duration, level: Level, why: &str, cx: &mut Context<'_>) -> Flow {
        self.paused = true;
        cx.wake_after(wait);
        if !std::mem::replace(&mut self.complained, true) {
            cx.log(level, format_args!("{why}"));
        }
        Flow::Progress
    }

    /// Goes on with the new configuration, if it still has this address.
    fn reload(&mut self, cx: &mut Context<'_>) -> Flow {
        match cx.worker.listener_now(&self.listener) {
            Some(listener) => {
                self.listener = listener;
                Flow::Progress
            }
            None => {
                cx.pass_place_on();
                cx.doing("following a reload");
                cx.log(Level::Notice, format_args!("listens on {} no more", self.listener.local));
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

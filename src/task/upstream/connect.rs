//! Connect: connects to a server behind. One task is one socket and one attempt.

use super::{UpstreamRead, UpstreamWrite, fail};
use crate::connection::{Connection, FailureKind};
use crate::engine::{Event, Flow, Seen, Task, TaskError, Want};
use crate::task::Context;
use crate::worker::Worker;
use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;
use webserv_sys::net::{self, Address};
use webserv_sys::{Error, Watch, process};

/// Connects to one address, and adds the tasks that write the request and read the answer.
pub struct Connect {
    address: Address,
    /// `_bind`
    local: Option<Address>,
    /// The socket, once there is one. It stays until the task is gone, since the kernel may watch it.
    socket: Option<Rc<OwnedFd>>,
}

impl Connect {
    /// Connects to this address, from a local one if that is given.
    pub fn new(address: Address, local: Option<Address>) -> Self {
        Self { address, local, socket: None }
    }

    fn begin(&mut self, cx: &mut Context<'_>) -> Flow {
        let mut begun = net::connect_from(&self.address, self.local.as_ref());
        if let Err(error) = begun
            && cx.worker.files.relieve(error)
        {
            begun = net::connect_from(&self.address, self.local.as_ref());
        }
        match begun {
            Ok((socket, true)) => connected(Rc::new(socket), cx),
            Ok((socket, false)) => {
                self.socket = Some(Rc::new(socket));
                let timeout = cx.work().and_then(|w| Some(w.t.http.passing()?.gateway.rules.connect_timeout));
                cx.wake_after(timeout.unwrap_or_default());
                Flow::Blocked
            }
            Err(error) if error.is_forbidden() && matches!(self.address, Address::Unix(_)) => {
                let why = format!("{error} ({})", permission_advice(cx));
                fail(FailureKind::Connect, &why, cx)
            }
            Err(error) => fail(FailureKind::Connect, &error, cx),
        }
    }

    /// The kernel has finished its attempt.
    fn finish(&mut self, cx: &mut Context<'_>) -> Flow {
        let Some(socket) = &self.socket else { return Flow::Done };
        match net::take_error(socket.as_fd()) {
            Ok(()) => connected(Rc::clone(socket), cx),
            Err(error) => fail(FailureKind::Connect, &error, cx),
        }
    }
}

/// What to do if the rights of this process do not suffice for a unix socket (unix(7)).
fn permission_advice(cx: &mut Context<'_>) -> String {
    let user = cx.work().and_then(|w| w.identity.listener.routes.config().user.as_ref().map(|user| user.name.clone()));
    let user = match (process::effective_user(), user) {
        (0, _) => "root".to_owned(), // the process has not changed its user
        (_, Some(name)) => name,
        (number, None) => format!("number {number}"),
    };
    format!(
        "the user {user} may not write to the socket, or not search a folder above it; give the socket the mode 660 \
         and a group that this user and the application have in common"
    )
}

/// Adds the tasks of a connection that is there.
fn connected(socket: Rc<OwnedFd>, cx: &mut Context<'_>) -> Flow {
    let now = cx.now;
    let Some(mut w) = cx.work() else { return Flow::Done };
    let Some(passed) = &mut w.t.http.passed else { return Flow::Done };
    if let Some(attempt) = passed.attempt() {
        attempt.connected = Some(now.since(attempt.began));
    }
    let Some(passing) = &mut passed.now else { return Flow::Done };
    if passing.peer.as_ref().is_some_and(|peer| matches!(**peer.address(), Address::Inet(_))) {
        let _ = net::set_nodelay(socket.as_fd(), true); // it only saves time
    }
    if passing.gateway.rules.socket_keepalive {
        let _ = net::set_keepalive(socket.as_fd());
    }
    passing.progress_at = now;
    if let Some(write) = UpstreamWrite::new(Rc::clone(&socket), w.t) {
        w.join(Box::new(write));
    }
    if let Some(read) = UpstreamRead::new(socket, w.t, now) {
        w.join(Box::new(read));
    }
    Flow::Done
}

impl Task<Worker> for Connect {
    fn kind(&self) -> &'static str {
        "Connect"
    }

    fn doing(&self) -> &'static str {
        "connecting to the server behind"
    }

    fn watch<'w>(&'w self, _: Option<&'w Connection>) -> Watch<'w> {
        self.socket.as_ref().map_or(Watch::Always, |socket| Watch::Write(socket.as_fd()))
    }

    fn wants(&self, _: Seen<'_>) -> Want {
        Want::Kernel
    }

    fn handle(&mut self, event: Event, cx: &mut Context<'_>) -> Result<Flow, TaskError> {
        Ok(match event {
            Event::Ready | Event::Hangup if self.socket.is_some() => self.finish(cx),
            Event::Ready | Event::Hangup => self.begin(cx),
            Event::Deadline => fail(FailureKind::Timeout, &Error::timed_out("connect"), cx),
            Event::Cancel => Flow::Done,
        })
    }
}

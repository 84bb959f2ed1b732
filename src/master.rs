//! The master process: stays root while its worker process serves as another user.
//!
//! It opens what the configuration names and the worker process may not open: the files of the configuration, logs,
//! listening sockets. It reads no byte of a client. It waits in sigwait(3), so each of its actions has a signal as its
//! cause: SIGHUP, SIGUSR1, one that ends the server, or SIGCHLD.

use crate::handover::{HandoverReceive, HandoverSend, Purpose, is_gone};
use crate::listen::Sockets;
use crate::log::{ErrorLog, Level, LogFiles, LogOpener};
use crate::worker::{Leader, Rights};
use std::time::Duration;
use webserv_sys::process::{self, Account, Daemon, Pid, Status};
use webserv_sys::signal::{self, Signal};
use webserv_sys::{Moment, Result, net};

/// The signals that the master process waits for.
const SIGNALS: [Signal; 6] = [Signal::Term, Signal::Int, Signal::Quit, Signal::Hup, Signal::Usr1, Signal::Chld];

/// The most crashes of worker processes within [`CRASH_TIME`]. After one more the server ends.
const CRASHES_MAX: usize = 5;

/// See [`CRASHES_MAX`].
const CRASH_TIME: Duration = Duration::from_secs(60);

/// Which of the two processes this is.
pub enum Role {
    /// The master process, and the server has ended.
    Master(std::result::Result<(), String>),
    /// The worker process, with its end of the socket pair.
    Worker(HandoverReceive),
}

/// What both processes begin with. Each continues with its own copy.
pub struct Prepared {
    /// The current configuration and its logs.
    pub leader: Leader,
    /// The listening sockets.
    pub sockets: Sockets,
}

/// Starts a worker process, and returns in it. In the master process, returns when the server has ended.
///
/// Call it while the process has one thread. The signals that the server handles must be blocked, and SIGCHLD.
pub fn divide(prepared: &mut Prepared, account: &Account, daemon: Option<&Daemon>) -> Role {
    let log = ErrorLog::of_master(prepared.leader.config(), prepared.leader.logs());
    let mut master = Master { prepared, account, log, worker: 0, is_ending: false };
    let mut crashes: Vec<Moment> = Vec::new();
    loop {
        let end = match master.start() {
            Ok(Started::Worker(socket)) => return Role::Worker(socket),
            Ok(Started::Master(socket)) => master.serve(socket, daemon),
            Err(error) => End::Over(Err(format!("cannot start a worker process: {error}"))),
        };
        let number = match end {
            End::Crash(number) => number,
            End::Over(outcome) => return master.over(outcome),
        };
        let what = format!("worker process {} was ended by {}", master.worker, signal_name(number));
        let now = Moment::now();
        crashes.retain(|crash| now < crash.after(CRASH_TIME));
        crashes.push(now);
        if crashes.len() > CRASHES_MAX {
            return master
                .over(Err(format!("{what}; this was crash {} within a minute, so the server ends", crashes.len())));
        }
        master.log.announce(Level::Alert, format_args!("{what}; another one is started"));
    }
}

/// How a worker process has ended.
enum End {
    /// It has ended the server, or the server cannot go on.
    Over(std::result::Result<(), String>),
    /// This signal has ended it.
    Crash(i32),
}

/// The two sides of fork(2).
enum Started {
    Master(HandoverSend),
    Worker(HandoverReceive),
}

struct Master<'a> {
    prepared: &'a mut Prepared,
    account: &'a Account,
    log: ErrorLog,
    worker: Pid,
    /// The server was told to end, so no other worker process is started.
    is_ending: bool,
}

impl Master<'_> {
    fn start(&mut self) -> Result<Started> {
        // On the BSDs, SIGCHLD becomes pending only if it has a handler. The worker process resets it.
        signal::notice(Signal::Chld)?;
        let (ours, theirs) = net::pair()?;
        let master = process::pid();
        let Some(worker) = process::fork()? else {
            self.prepared.leader.set_master(master);
            return Ok(Started::Worker(HandoverReceive::new(theirs)));
        };
        self.worker = worker;
        let name = &self.account.name;
        let what =
            format_args!("master process {master} has started worker process {worker} as user {name}").to_string();
        self.log.announce(Level::Notice, format_args!("{what}"));
        Ok(Started::Master(HandoverSend::new(ours)))
    }

    /// Handles signals until the worker process has ended.
    fn serve(&mut self, mut to_worker: HandoverSend, daemon: Option<&Daemon>) -> End {
        // The worker process tells the waiting parent that the daemon is ready.
        if let Err(error) = daemon.map_or(Ok(()), Daemon::leave_terminal) {
            return End::Over(Err(format!("cannot become a daemon: {error}")));
        }
        loop {
            match signal::wait(&SIGNALS) {
                Ok(Signal::Chld) => match self.reap() {
                    None => {}
                    Some(Status::Exited(0)) => return End::Over(Ok(())),
                    Some(Status::Exited(code)) => {
                        return End::Over(Err(format!("the worker process has ended with exit status {code}")));
                    }
                    Some(Status::Killed(number)) if self.is_ending => {
                        let by = signal_name(number);
                        return End::Over(Err(format!("the worker process was ended by {by} while it stopped")));
                    }
                    Some(Status::Killed(number)) => return End::Crash(number),
                },
                Ok(signal) => self.arrived(signal, &mut to_worker),
                Err(error) => return End::Over(Err(format!("cannot wait for signals: {error}"))),
            }
        }
    }

    fn over(&mut self, outcome: std::result::Result<(), String>) -> Role {
        match &outcome {
            Ok(()) => self.log.announce(Level::Notice, format_args!("stopped")),
            Err(error) => self.log.announce(Level::Alert, format_args!("{error}")),
        }
        Role::Master(outcome)
    }

    fn arrived(&mut self, signal: Signal, to_worker: &mut HandoverSend) {
        self.log.announce(Level::Notice, format_args!("{} received", signal.name()));
        let outcome = match signal {
            Signal::Hup if self.is_ending => {
                self.log.announce(Level::Warn, format_args!("not reloaded: the server is shutting down"));
                Ok(())
            }
            Signal::Hup => self.reload(to_worker),
            Signal::Usr1 => self.reopen(to_worker),
            _ => {
                self.is_ending = true;
                // Else a client could still connect, and would wait until the last response is finished.
                self.prepared.sockets = Sockets::default();
                // ESRCH: it has ended, and its SIGCHLD is pending.
                let _ = process::kill(self.worker, signal);
                Ok(())
            }
        };
        for line in outcome.err().iter().flat_map(|error: &String| error.lines()) {
            self.log.announce(Level::Emerg, format_args!("{line}"));
        }
    }

    /// Returns how the worker process has ended; None if it still runs. As process 1 of a container, the master process
    /// also gets the children of others.
    fn reap(&self) -> Option<Status> {
        let mut status = None;
        while let Ok(Some((child, how))) = process::wait_any() {
            if child == self.worker {
                status = Some(how);
            }
        }
        status
    }

    /// Loads the configuration and passes it to the worker process, which logs the rest.
    fn reload(&mut self, to_worker: &mut HandoverSend) -> std::result::Result<(), String> {
        let stays = |error: String| format!("{error}\nthe old configuration stays in use");
        let leader = &mut self.prepared.leader;
        let (reload, _) = leader.prepare(Rights::ForUser(self.account.clone())).map_err(stays)?;
        let sockets = reload.take_all_sockets();
        let pass = |to: &mut HandoverSend| {
            to.begin()?;
            for (name, text) in reload.config.texts.iter().chain(&reload.config.secrets) {
                to.text(name, text)?;
            }
            pass_logs(&reload.logs, to)?;
            for (address, socket) in sockets.descriptors() {
                to.socket(&address.to_string(), socket)?;
            }
            to.end(Purpose::Reload)
        };
        let is_taken = match pass(to_worker) {
            // It has crashed: nothing uses the old configuration, and the next worker process starts with the new one.
            Err(error) if is_gone(&error) => true,
            outcome => passed(outcome).map_err(stays)?,
        };
        if is_taken {
            leader.commit(&reload);
            self.prepared.sockets.change(&reload.config.listeners, sockets);
            self.use_logs();
        }
        Ok(())
    }

    /// Opens the logs again and passes them to the worker process.
    fn reopen(&mut self, to_worker: &mut HandoverSend) -> std::result::Result<(), String> {
        let stay = |error: String| format!("{error}; the old log files stay in use");
        let logs = self.prepared.leader.reopen(&LogOpener::ForUser(self.account.clone())).map_err(stay)?;
        self.use_logs();
        let pass = |to: &mut HandoverSend| {
            to.begin()?;
            pass_logs(&logs, to)?;
            to.end(Purpose::Reopen)
        };
        match pass(to_worker) {
            Err(error) if is_gone(&error) => Ok(()), // the next worker process has these logs
            outcome => passed(outcome).map(drop),
        }
    }

    fn use_logs(&mut self) {
        let leader = &self.prepared.leader;
        self.log.replace(leader.config(), leader.logs());
    }
}

fn pass_logs(logs: &LogFiles, to: &HandoverSend) -> Result<()> {
    logs.descriptors().try_for_each(|(path, file)| to.log(path, file))
}

/// Whether the worker process has taken everything over. If not, it has logged the reason.
fn passed(outcome: Result<bool>) -> std::result::Result<bool, String> {
    outcome.map_err(|e| format!("the worker process does not take over what the master process has opened: {e}"))
}

fn signal_name(number: i32) -> String {
    Signal::from_raw(number).map_or_else(|| format!("signal {number}"), |signal| signal.name().to_owned())
}

//! The server as a process: from a configuration to running loops, and down again.

use crate::config::{Address, Config, Listener};
use crate::engine::Engine;
use crate::listen::{self, Sockets};
use crate::log::{AccessLogs, ErrorLog, Level, Line};
use crate::task::{Accept, Inbox, Signal};
use crate::worker::{Command, Loader, Mate, Team, Worker};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;
use webserv_sys::{pipe, poller, process, signal};

/// What one worker needs that is made before its thread.
struct Seat {
    number: usize,
    config: Arc<Config>,
    sockets: Vec<(Listener, OwnedFd)>,
    log: ErrorLog,
    access_logs: AccessLogs,
    inbox: Option<Inbox>,
    team: Team,
}

/// Serves until it is told to stop.
///
/// `loader` reads the configuration again at SIGHUP.
///
/// # Errors
/// What kept the server from starting, in words: an address, a log file, a user.
pub fn run(config: Config, loader: Loader) -> Result<(), String> {
    process::inherit_nothing().map_err(|e| e.to_string())?;
    let config = Arc::new(config);
    let workers = config.workers.max(1);
    // Each connection needs a descriptor, and a second one while it is sent a file.
    let wanted = 64 + 2 * config.events.worker_connections as u64 * workers as u64;
    let _ = process::raise_fd_limit(wanted);
    let mut sockets = listen::open(&config.listeners, workers).map_err(|e| e.to_string())?;
    let mut log = ErrorLog::open(&config, 0)?;
    if config.daemon {
        process::daemonize().map_err(|e| format!("cannot become a daemon: {e}"))?;
    }
    let pid_file = PidFile::write(config.pid.as_deref())?;
    if let Some(user) = &config.user {
        process::become_user(&user.name, user.group.as_deref())
            .map_err(|e| format!("cannot become user {:?}: {e}; only root can change the user", user.name))?;
    }
    signal::ignore(signal::Signal::Pipe).map_err(|e| e.to_string())?;
    signal::block(&Signal::ALL).map_err(|e| e.to_string())?;
    announce(&config, &sockets, &mut log);

    let mut mates = Vec::new();
    let mut threads = Vec::new();
    for number in 1..workers {
        let (mate, inbox) = mate()?;
        let seat = seat(number, &config, &mut sockets, ErrorLog::open(&config, number)?, Some(inbox), None)?;
        threads.push(start_thread(seat)?);
        mates.push(mate);
    }
    let leader = Team::leader(Arc::clone(&config), loader, mates);
    let seat = seat(0, &config, &mut sockets, log, None, Some(leader))?;
    let unix_paths = unix_paths(&config);
    drop(config);
    let outcome = serve(seat);
    for thread in threads {
        let _ = thread.join();
    }
    for path in unix_paths {
        let _ = std::fs::remove_file(path);
    }
    drop(pid_file);
    outcome
}

fn seat(
    number: usize,
    config: &Arc<Config>,
    sockets: &mut Sockets,
    log: ErrorLog,
    inbox: Option<Inbox>,
    leader: Option<Team>,
) -> Result<Seat, String> {
    let access_logs = AccessLogs::open(&config.access_logs)?;
    let sockets = sockets.take(number);
    let team = leader.unwrap_or_else(|| Team::member(number, Arc::clone(config)));
    Ok(Seat { number, config: Arc::clone(config), sockets, log, access_logs, inbox, team })
}

/// A channel with a bell: the first worker's end and the other's.
fn mate() -> Result<(Mate, Inbox), String> {
    let (commands, received): (_, Receiver<Command>) = channel();
    let (reader, bell) = pipe::pipe().map_err(|e| e.to_string())?;
    Ok((Mate { commands, bell }, Inbox::new(reader, received)))
}

fn start_thread(seat: Seat) -> Result<JoinHandle<()>, String> {
    let name = format!("worker {}", seat.number);
    let run = move || {
        if let Err(error) = serve(seat) {
            eprintln!("webserv: {error}");
        }
    };
    std::thread::Builder::new().name(name).spawn(run).map_err(|e| format!("cannot start a worker thread: {e}"))
}

/// One worker's loop, from its first task to its last. The poller is made here, in the worker's own thread.
fn serve(seat: Seat) -> Result<(), String> {
    let poller = poller::open(seat.config.events.poller).map_err(|e| format!("cannot watch descriptors: {e}"))?;
    let try_first = seat.config.events.try_first;
    let leads = seat.inbox.is_none();
    let worker = Worker::new(seat.config, seat.team, seat.access_logs);
    let mut engine = Engine::new(poller, try_first, seat.log, worker);
    match seat.inbox {
        Some(inbox) => engine.start(Box::new(inbox)),
        None => Signal::ALL.into_iter().for_each(|s| engine.start(Box::new(Signal::new(s)))),
    }
    for (listener, socket) in seat.sockets {
        engine.start(Box::new(Accept::new(socket, listener)));
    }
    let outcome = engine.run().map_err(|e| format!("the loop has ended: {e}"));
    engine.worker.access_logs.flush();
    if leads {
        // The others end with this one, also when it is its poller that has failed.
        engine.worker.team.tell_others(if engine.worker.draining { &Command::Drain } else { &Command::Stop });
        engine.log().write(Level::Notice, &Line::plain(format_args!("stopped")));
    }
    outcome
}

fn announce(config: &Config, sockets: &Sockets, log: &mut ErrorLog) {
    for warning in &config.warnings {
        log.write(Level::Warn, &Line::plain(format_args!("{warning}")));
    }
    if log.level() < Level::Notice {
        return;
    }
    let poller = config.events.poller.unwrap_or(poller::names()[0]);
    let (version, pid, workers) = (env!("CARGO_PKG_VERSION"), process::pid(), config.workers.max(1));
    let what = format_args!(
        "webserv {version} (pid {pid}, {poller}, {workers} worker{}) started",
        if workers == 1 { "" } else { "s" }
    )
    .to_string();
    log.write(Level::Notice, &Line::plain(format_args!("{what}")));
    for address in sockets.addresses() {
        let open = match &address {
            Address::Inet(address) => format!(" (http://{address}/)"),
            Address::Unix(_) => String::new(),
        };
        log.write(Level::Notice, &Line::plain(format_args!("listening on {address}{open}")));
    }
}

fn unix_paths(config: &Config) -> Vec<std::path::PathBuf> {
    let path = |l: &Listener| match &l.address {
        Address::Unix(path) => Some(path.clone()),
        Address::Inet(_) => None,
    };
    config.listeners.iter().filter_map(path).collect()
}

/// The file with the process number; removed when the server ends.
struct PidFile(Option<std::path::PathBuf>);

impl PidFile {
    fn write(path: Option<&Path>) -> Result<Self, String> {
        if let Some(path) = path {
            std::fs::write(path, format!("{}\n", process::pid()))
                .map_err(|e| format!("cannot write the pid file {}: {e}", path.display()))?;
        }
        Ok(Self(path.map(Path::to_owned)))
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        if let Some(path) = &self.0 {
            let _ = std::fs::remove_file(path);
        }
    }
}

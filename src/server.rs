//! The server as a process: from a configuration to running loops, and down again.

use crate::config::{Address, Config, Listener};
use crate::engine::Engine;
use crate::listen::{Open, Socket, Sockets};
use crate::log::{AccessLogs, ErrorLog, Level, Line, LogEvent, LogFiles, LogTarget};
use crate::pid_file::PidFile;
use crate::task::client::Accept;
use crate::task::server::{CommandRead, Signal, WorkerExit};
use crate::worker::{Command, Loader, Team, Worker, WorkerChannel};
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread::JoinHandle;
use webserv_sys::process::{self, Daemon};
use webserv_sys::{net, poller, signal};

/// What one worker needs that is made before its thread.
struct Seat {
    config: Arc<Config>,
    sockets: Vec<(Listener, Arc<Socket>)>,
    log: ErrorLog,
    access_logs: AccessLogs,
    /// The first worker has none: it hears signals instead.
    inbox: Option<CommandRead>,
    team: Team,
    /// The parent, which is to be told by the first worker that the server runs.
    daemon: Option<Daemon>,
}

/// Serves until it is told to stop.
///
/// `loader` reads the configuration again at SIGHUP.
///
/// # Errors
/// What kept the server from starting, in words: an address, a log file, a user. They can still be said on standard
/// error, also by a daemon.
pub fn run(config: Config, loader: Loader) -> Result<(), String> {
    process::inherit_nothing().map_err(|e| e.to_string())?;
    process::read_nothing().map_err(|e| e.to_string())?;
    let config = Arc::new(config);
    let workers = config.workers.max(1);
    let _ = process::raise_fd_limit(descriptors_wanted(&config));
    let account = account(&config)?;
    let mut open = Open::default();
    let mut sockets = open.open(&config.listeners, workers).map_err(|e| e.to_string())?;
    let files = LogFiles::open(&config)?;
    if let Some((user, group)) = account {
        files.give_to(user, group)?;
    }
    let daemon = config.daemon.then(process::daemonize).transpose();
    let daemon = daemon.map_err(|e| format!("cannot become a daemon: {e}"))?;
    let pid_file = config.pid.as_deref().map(PidFile::write).transpose()?;
    if let Some(user) = &config.user {
        process::become_user(&user.name, user.group.as_deref())
            .map_err(|e| format!("cannot become user {:?}: {e}", user.name))?;
    }
    signal::block(&Signal::ALL).map_err(|e| e.to_string())?;
    signal::block(&[signal::Signal::Chld]).map_err(|e| e.to_string())?; // it would only interrupt
    // Who has started us may ignore it, which is inherited: then children would leave no status.
    signal::reset(signal::Signal::Chld).map_err(|e| e.to_string())?;
    for failed_write in [signal::Signal::Pipe, signal::Signal::Xfsz] {
        // The call says it, too. What is held back and not ignored is the default again in a program that is started.
        signal::block(&[failed_write]).map_err(|e| e.to_string())?;
        signal::reset(failed_write).map_err(|e| e.to_string())?;
    }
    let mut log = ErrorLog::new(&config, &files, 0);
    announce(&config, &sockets, &mut log);

    let mut seat = |number, log, inbox, team| {
        let access_logs = AccessLogs::new(&config.access_logs, &files);
        Seat { config: Arc::clone(&config), sockets: sockets.take(number), log, access_logs, inbox, team, daemon: None }
    };
    let (mut others, mut threads) = (Vec::new(), Vec::new());
    for number in 1..workers {
        let (worker_channel, inbox) = worker_channel(number)?;
        let log = ErrorLog::new(&config, &files, number);
        threads.push(start_thread(number, seat(number, log, Some(inbox), Team::member(number)))?);
        others.push(worker_channel);
    }
    let leader = Team::leader(Arc::clone(&config), loader, open, others);
    let first = Seat { daemon, ..seat(0, log, None, leader) };
    drop((files, config)); // else files that are replaced would stay open
    let outcome = serve(first);
    for thread in threads {
        let _ = thread.join();
    }
    drop(pid_file);
    outcome
}

/// Each connection needs a descriptor, and most that are being answered one for a file. Pipelined answers, large files
/// that all wait for the same slow client, can hold more: the limit may be reached, and then a request gets 503. Beside
/// them there are the files that `open_file_cache` keeps, the logs, the pollers, the lines between workers, and a
/// socket for each worker and address.
fn descriptors_wanted(config: &Config) -> u64 {
    let workers = config.workers.max(1) as u64;
    let servers = config.listeners.iter().flat_map(|listener| &listener.hosts.servers);
    let kept = servers.map(|server| server.settings.open_file_cache.files_max as u64).max().unwrap_or(0);
    let per_worker = 2 * config.events.worker_connections as u64 + kept + config.listeners.len() as u64 + 5;
    let logs = config.access_logs.len() + config.error_logs.len();
    64 + logs as u64 + workers * per_worker
}

/// The numbers of the user and group that the server is to become.
fn account(config: &Config) -> Result<Option<(u32, u32)>, String> {
    let Some(user) = &config.user else { return Ok(None) };
    if process::effective_user() != 0 {
        return Err(format!("cannot become user {:?}: only root can change the user; leave \"user\" out", user.name));
    }
    let failed = |what: &str, name: &str, why: String| format!("cannot become {what} {name:?}: {why}");
    let found = process::lookup_user(&user.name).map_err(|e| failed("user", &user.name, e.to_string()))?;
    let found = found.ok_or_else(|| failed("user", &user.name, "there is none of this name".into()))?;
    let Some(name) = &user.group else { return Ok(Some((found.id, found.group))) };
    let group = process::lookup_group(name).map_err(|e| failed("group", name, e.to_string()))?;
    let group = group.ok_or_else(|| failed("group", name, "there is none of this name".into()))?;
    Ok(Some((found.id, group)))
}

/// A channel with a line beside it: the first worker's end and the other's.
fn worker_channel(number: usize) -> Result<(WorkerChannel, CommandRead), String> {
    let (commands, received) = channel();
    let (ours, theirs) = net::pair().map_err(|e| e.to_string())?;
    Ok((WorkerChannel { number, commands, line: Arc::new(ours) }, CommandRead::new(theirs, received)))
}

fn start_thread(number: usize, seat: Seat) -> Result<JoinHandle<()>, String> {
    // Why it has ended stands in its log, and the first worker sees that it has.
    let run = move || drop(serve(seat));
    let thread = std::thread::Builder::new().name(format!("worker {number}")).spawn(run);
    thread.map_err(|e| format!("cannot start a worker thread: {e}"))
}

/// One worker's loop, from its first task to its last. The poller is made here, in the worker's own thread.
fn serve(mut seat: Seat) -> Result<(), String> {
    let poller = poller::open(seat.config.events.poller).map_err(|e| format!("cannot watch descriptors: {e}"));
    let poller = poller.inspect_err(|e| seat.log.write(Level::Emerg, &Line::plain(format_args!("{e}"))))?;
    let try_first = seat.config.events.try_first;
    let leads = seat.inbox.is_none();
    let worker = Worker::new(seat.config, seat.team, seat.access_logs);
    let mut engine = Engine::new(poller, try_first, seat.log, worker);
    match seat.inbox {
        Some(inbox) => engine.start(Box::new(inbox)),
        None => Signal::ALL.into_iter().for_each(|s| engine.start(Box::new(Signal::new(s)))),
    }
    let lines: Vec<_> = engine.worker.team.others().iter().map(|m| (m.number, Arc::clone(&m.line))).collect();
    for (number, line) in lines {
        engine.start(Box::new(WorkerExit::new(number, line)));
    }
    for (listener, socket) in seat.sockets {
        let accept = Accept::new(socket, listener, &mut engine.worker);
        engine.start(Box::new(accept));
    }
    if let Some(daemon) = seat.daemon {
        daemon.ready().map_err(|e| format!("cannot become a daemon: {e}"))?;
    }
    let outcome = engine.run().map_err(|e| format!("the loop has ended: {e}"));
    engine.worker.access_logs.flush();
    while let Some(event) = engine.worker.access_logs.take_event() {
        if let LogEvent::Trouble(said) = event {
            engine.log().write(Level::Alert, &Line::plain(format_args!("{said}")));
        }
    }
    if let Err(error) = &outcome {
        engine.log().write(Level::Emerg, &Line::plain(format_args!("{error}")));
    }
    if leads {
        // The others have been told, unless it is this one's poller that has failed.
        engine.worker.team.tell_others(&Command::Stop);
        engine.log().write(Level::Notice, &Line::plain(format_args!("stopped")));
    }
    outcome
}

fn announce(config: &Config, sockets: &Sockets, log: &mut ErrorLog) {
    for warning in &config.warnings {
        log.write(Level::Warn, &Line::plain(format_args!("{warning}")));
    }
    if config.daemon && config.error_log.target == LogTarget::Stderr {
        let what = "a daemon has no standard error: nothing will be seen of this log from now on; name a file for it";
        log.write(Level::Warn, &Line::plain(format_args!("error_log: {what}")));
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
    for (address, listener) in sockets.addresses() {
        let open = match (&address, &listener.directory) {
            (Address::Inet(address), None) => format!(" (http://{address}/)"),
            (Address::Inet(address), Some(_)) => format!(" (webserv dir {address})"),
            (Address::Unix(_), _) => String::new(),
        };
        log.write(Level::Notice, &Line::plain(format_args!("listening on {address}{open}")));
    }
}

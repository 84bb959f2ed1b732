//! The server process: prepares everything from a configuration, runs the workers, and ends.

use crate::config::{Address, Config, Listener};
use crate::engine::Engine;
use crate::listen::{Open, Socket, Sockets};
use crate::log::{AccessLogs, ErrorLog, Level, LogEvent, LogFiles, LogTarget};
use crate::pid_file::PidFile;
use crate::task::client::Accept;
use crate::task::server::{CommandRead, Orphans, Signal, WorkerExit};
use crate::worker::{Children, Command, Loader, Team, Worker, WorkerChannel};
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread::JoinHandle;
use webserv_sys::process::{self, Daemon};
use webserv_sys::{net, poller, signal};

/// What the main thread prepares for one worker, before it starts the worker's thread.
struct Seat {
    config: Arc<Config>,
    sockets: Vec<(Listener, Arc<Socket>)>,
    log: ErrorLog,
    access_logs: AccessLogs,
    /// `None` for the first worker, which handles the signals and gets no commands.
    inbox: Option<CommandRead>,
    team: Team,
    children: Children,
    /// The pipe to the parent process, which waits until the first worker runs. Only with `daemon on`, and only for the
    /// first worker.
    daemon: Option<Daemon>,
}

/// Starts the server and returns when it has stopped.
///
/// `loader` reads the configuration again after SIGHUP.
///
/// # Errors
/// A message for the user: why the server cannot start. A wrong address, log file or user is found before the process
/// becomes a daemon, so that the message can go to standard error.
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
    signal::block(&[signal::Signal::Chld]).map_err(|e| e.to_string())?; // for Orphans
    // The parent process may have set it to be ignored, which exec(2) inherits. Then waitpid(2) would get no status.
    signal::reset(signal::Signal::Chld).map_err(|e| e.to_string())?;
    for failed_write in [signal::Signal::Pipe, signal::Signal::Xfsz] {
        // The failing call returns an error, too, so the signal is not needed. It is blocked and not ignored, because a
        // CGI program would inherit an ignored signal.
        signal::block(&[failed_write]).map_err(|e| e.to_string())?;
        signal::reset(failed_write).map_err(|e| e.to_string())?;
    }
    let mut log = ErrorLog::new(&config, &files, 0);
    announce(&config, &sockets, &mut log);

    // The kernel gives pid 1 the children of processes that have ended. On other systems than Linux, init is pid 1.
    let adopts = cfg!(target_os = "linux") && process::pid() == 1;
    let all_children = if adopts { Children::with_orphans() } else { Children::default() };
    let mut seat = |number, log, inbox, team| {
        let access_logs = AccessLogs::new(&config.access_logs, &files);
        let (config, sockets, children) = (Arc::clone(&config), sockets.take(number), all_children.clone());
        Seat { config, sockets, log, access_logs, inbox, team, children, daemon: None }
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
    drop((files, config)); // else log files that a reload replaces would stay open
    let outcome = serve(first);
    for thread in threads {
        let _ = thread.join();
    }
    drop(pid_file);
    outcome
}

/// The number of descriptors that the process probably needs: for each connection, one for its socket and one for a
/// file; and those for the files in `open_file_cache`, the logs, the pollers, the wake-up sockets, and a listening
/// socket for each worker and address. A connection with pipelined requests for large files can need more. If the limit
/// is reached, a request gets 503.
fn descriptors_wanted(config: &Config) -> u64 {
    let workers = config.workers.max(1) as u64;
    let servers = config.listeners.iter().flat_map(|listener| &listener.hosts.servers);
    let kept = servers.map(|server| server.settings.open_file_cache.files_max as u64).max().unwrap_or(0);
    let per_worker = 2 * config.events.worker_connections as u64 + kept + config.listeners.len() as u64 + 5;
    let logs = config.access_logs.len() + config.error_logs.len();
    64 + logs as u64 + workers * per_worker
}

/// The ids of the user and the group in the configuration; `None` without `user`.
fn account(config: &Config) -> Result<Option<(u32, u32)>, String> {
    let Some(user) = &config.user else { return Ok(None) };
    if process::effective_user() != 0 {
        return Err(format!("cannot become user {:?}: only root can change the user; leave \"user\" out", user.name));
    }
    let failed = |what: &str, name: &str, why: String| format!("cannot become {what} {name:?}: {why}");
    let found = process::lookup_user(&user.name).map_err(|e| failed("user", &user.name, e.to_string()))?;
    let found = found.ok_or_else(|| failed("user", &user.name, "there is no such user".into()))?;
    let Some(name) = &user.group else { return Ok(Some((found.id, found.group))) };
    let group = process::lookup_group(name).map_err(|e| failed("group", name, e.to_string()))?;
    let group = group.ok_or_else(|| failed("group", name, "there is no such group".into()))?;
    Ok(Some((found.id, group)))
}

/// Makes a queue of commands and a pair of wake-up sockets. Returns the first worker's end and the other worker's end.
fn worker_channel(number: usize) -> Result<(WorkerChannel, CommandRead), String> {
    let (commands, received) = channel();
    let (ours, theirs) = net::pair().map_err(|e| e.to_string())?;
    Ok((WorkerChannel { number, commands, wake_up: Arc::new(ours) }, CommandRead::new(theirs, received)))
}

fn start_thread(number: usize, seat: Seat) -> Result<JoinHandle<()>, String> {
    // The result is not needed: `serve` logs an error, and the first worker's WorkerExit notices the end.
    let run = move || drop(serve(seat));
    let thread = std::thread::Builder::new().name(format!("worker {number}")).spawn(run);
    thread.map_err(|e| format!("cannot start a worker thread: {e}"))
}

/// Runs one worker: starts its first tasks, and runs its loop until it ends. The poller is opened here, in the worker's
/// own thread.
fn serve(mut seat: Seat) -> Result<(), String> {
    let poller = poller::open(seat.config.events.poller).map_err(|e| format!("cannot watch descriptors: {e}"));
    let poller = poller.inspect_err(|e| seat.log.announce(Level::Emerg, format_args!("{e}")))?;
    let try_first = seat.config.events.try_first;
    let leads = seat.inbox.is_none();
    let worker = Worker::new(seat.config, seat.team, seat.access_logs);
    let mut engine = Engine::new(poller, try_first, seat.log, worker);
    engine.worker.children = seat.children;
    if leads && engine.worker.children.adopts() {
        engine.start(Box::new(Orphans));
    }
    match seat.inbox {
        Some(inbox) => engine.start(Box::new(inbox)),
        None => Signal::ALL.into_iter().for_each(|s| engine.start(Box::new(Signal::new(s)))),
    }
    let wake_ups: Vec<_> = engine.worker.team.others().iter().map(|w| (w.number, Arc::clone(&w.wake_up))).collect();
    for (number, wake_up) in wake_ups {
        engine.start(Box::new(WorkerExit::new(number, wake_up)));
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
            engine.log().announce(Level::Alert, format_args!("{said}"));
        }
    }
    if let Err(error) = &outcome {
        engine.log().announce(Level::Emerg, format_args!("{error}"));
    }
    if leads {
        // The others have this command already, unless this worker ends because its poller failed.
        engine.worker.team.send_to_others(&Command::Stop);
        engine.log().announce(Level::Notice, format_args!("stopped"));
    }
    outcome
}

fn announce(config: &Config, sockets: &Sockets, log: &mut ErrorLog) {
    for warning in &config.warnings {
        log.announce(Level::Warn, format_args!("{warning}"));
    }
    if config.daemon && config.error_log.target == LogTarget::Stderr {
        let what = "a daemon has no standard error, so later messages are lost; set error_log to a file";
        log.announce(Level::Warn, format_args!("error_log: {what}"));
    }
    let poller = config.events.poller.unwrap_or(poller::names()[0]);
    let (version, pid, workers) = (env!("CARGO_PKG_VERSION"), process::pid(), config.workers.max(1));
    let what = format_args!(
        "webserv {version} (pid {pid}, {poller}, {workers} worker{}) started",
        if workers == 1 { "" } else { "s" }
    )
    .to_string();
    log.announce(Level::Notice, format_args!("{what}"));
    for (address, listener) in sockets.addresses() {
        let open = match &address {
            Address::Inet(address) => format!(" ({})", listener.protocol.example(address)),
            Address::Unix(_) => String::new(),
        };
        log.announce(Level::Notice, format_args!("listening on {address}{open}"));
    }
}

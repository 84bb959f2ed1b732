//! The server process: prepares everything from a configuration, runs the workers, and ends.

use crate::check;
use crate::config::{Address, Config, ErrorLogDirective, Listener};
use crate::engine::Engine;
use crate::handover::HandoverReceive;
use crate::listen::{Open, Socket, Sockets};
use crate::log::{AccessLogs, ErrorLog, Level, LogEvent, LogFiles, LogOpener, LogTarget};
use crate::master::{self, Prepared, Role};
use crate::pid_file::PidFile;
use crate::stats::Stats;
use crate::task::client::Accept;
use crate::task::resolve::ResolveServer;
use crate::task::server::{CommandRead, HandoverRead, Orphans, Signal, WorkerExit};
use crate::temp_folders;
use crate::worker::{Children, Command, Leader, Loader, Team, Worker, WorkerChannel, descriptors};
use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread::JoinHandle;
use webserv_sys::process::{self, Account, Daemon};
use webserv_sys::{memory, net, poller, signal};

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
    stats: Stats,
    /// The pipe to the parent process, which waits until the first worker runs. Only with `daemon on`, and only for the
    /// first worker.
    daemon: Option<Daemon>,
    /// The first worker's connection to the master process, if there is one.
    from_master: Option<HandoverReceive>,
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
    descriptors::raise_limit(&config);
    memory::keep_back();
    let account = account(&config)?;
    let mut open = Open::default();
    let sockets = open.open(&config.listeners, config.workers.max(1)).map_err(|e| e.to_string())?;
    temp_folders::make(&config, account.as_ref())?;
    let opener = account.clone().map_or(LogOpener::Own, LogOpener::ForUser);
    let logs = LogFiles::default().renew(&config, &opener)?;
    let daemon = config.daemon.then(process::daemonize).transpose();
    let daemon = daemon.map_err(|e| format!("cannot become a daemon: {e}"))?;
    handle_signals().map_err(|e| e.to_string())?; // before the pid file, so that none of them leaves it behind
    let mut pid_file = config.pid.as_deref().map(PidFile::write).transpose()?;
    let mut prepared = Prepared { leader: Leader::new(config, loader, logs, open), sockets };
    let mut from_master = None;
    if let Some(account) = account {
        match master::divide(&mut prepared, &account, daemon.as_ref()) {
            Role::Master(outcome) => return outcome,
            Role::Worker(end) => from_master = Some(end),
        }
        pid_file = None; // root trusts this file: the process that clients talk to cannot write it
        let became = process::become_user(&account);
        became.map_err(|e| format!("cannot become user {:?}: {e}", account.name))?;
    }
    // SIGCHLD may be ignored, which exec(2) inherits; then waitpid(2) would get no status. The master process has a
    // handler for it.
    signal::reset(signal::Signal::Chld).map_err(|e| e.to_string())?;
    let outcome = run_workers(prepared, daemon, from_master);
    drop(pid_file);
    outcome
}

/// Runs all workers of this process until they have ended.
fn run_workers(prepared: Prepared, daemon: Option<Daemon>, from_master: Option<HandoverReceive>) -> Result<(), String> {
    let Prepared { leader, mut sockets } = prepared;
    let (config, logs, workers) = (Arc::clone(leader.config()), leader.logs().clone(), leader.started().workers.max(1));
    let mut log = ErrorLog::new(&config, &logs, 0);
    announce(&config, workers, &sockets, &mut log);

    // The kernel gives pid 1 the children of processes that have ended. On other systems than Linux, init is pid 1.
    let adopts = cfg!(target_os = "linux") && process::pid() == 1;
    let all_children = if adopts { Children::with_orphans() } else { Children::default() };
    let all_stats = Stats::of_team(workers);
    let mut seat = |number: usize, log, inbox, team| {
        let (config, access_logs) = (Arc::clone(&config), AccessLogs::new(&config.access_logs, &logs));
        let (sockets, children, daemon, from_master) = (sockets.take(number), all_children.clone(), None, None);
        let stats = all_stats[number].clone();
        Seat { config, sockets, log, access_logs, inbox, team, children, stats, daemon, from_master }
    };
    let (mut others, mut threads) = (Vec::new(), Vec::new());
    for number in 1..workers {
        let (worker_channel, inbox) = worker_channel(number)?;
        let log = ErrorLog::new(&config, &logs, number);
        threads.push(start_thread(number, seat(number, log, Some(inbox), Team::member(number)))?);
        others.push(worker_channel);
    }
    let first = Seat { daemon, from_master, ..seat(0, log, None, Team::leader(leader, others)) };
    drop((logs, config)); // else log files that a reload replaces would stay open
    let outcome = serve(first);
    for thread in threads {
        let _ = thread.join();
    }
    outcome
}

/// Blocks the signals that the server waits for or does not need.
fn handle_signals() -> webserv_sys::Result<()> {
    signal::block(&Signal::ALL)?;
    signal::block(&[signal::Signal::Chld])?; // for Orphans and the master process
    for failed_write in [signal::Signal::Pipe, signal::Signal::Xfsz] {
        // The failing call returns an error, too, so the signal is not needed. It is blocked and not ignored, because a
        // CGI program would inherit an ignored signal.
        signal::block(&[failed_write])?;
        signal::reset(failed_write)?;
    }
    Ok(())
}

/// The user of the configuration. Returns None without `user`, and if the server is this user already.
///
/// # Errors
/// A message for the user: there is no such user, or its entry cannot be read.
pub fn account(config: &Config) -> Result<Option<Account>, String> {
    let Some(user) = &config.user else { return Ok(None) };
    let failed = |why: String| format!("cannot become user {:?}: {why}", user.name);
    let account = Account::find(&user.name, user.group.as_deref()).map_err(|e| failed(e.to_string()))?;
    match process::effective_user() {
        now if now == account.user => Ok(None),
        0 => Ok(Some(account)),
        _ => Err(failed("only root can change the user; leave \"user\" out".into())),
    }
}

/// What is not wrong with the configuration, but dangerous with the rights of this process.
pub fn warnings(config: &Config) -> Option<String> {
    let is_root = process::effective_user() == 0 && account(config).is_ok_and(|account| account.is_none());
    is_root.then(|| {
        "the server is root, and so is each program that it starts; write \"user NAME;\" in the configuration".into()
    })
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
    let mut worker = Worker::new(seat.config, seat.team, seat.access_logs);
    worker.limit_connections();
    let mut engine = Engine::new(poller, try_first, seat.log, worker);
    engine.worker.children = seat.children;
    engine.worker.stats = seat.stats;
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
    for resolve in ResolveServer::all(&engine.worker.config) {
        engine.start(Box::new(resolve));
    }
    if let Some(from_master) = seat.from_master {
        engine.start(Box::new(HandoverRead::new(from_master)));
    }
    if let Some(daemon) = seat.daemon {
        daemon.ready().map_err(|e| format!("cannot become a daemon: {e}"))?;
    }
    let outcome = engine.run().map_err(|e| format!("the loop has ended: {e}"));
    engine.worker.access_logs.flush();
    while let Some(event) = engine.worker.access_logs.take_event() {
        if let LogEvent::Trouble(level, said) = event {
            engine.log().announce(level, format_args!("{said}"));
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

fn announce(config: &Config, workers: usize, sockets: &Sockets, log: &mut ErrorLog) {
    for warning in &config.warnings {
        log.announce(Level::Warn, format_args!("{warning}"));
    }
    for warning in warnings(config).into_iter().chain(descriptors::warning(config)).chain(check::warnings(config)) {
        log.announce(Level::Warn, format_args!("{warning}"));
    }
    let access = config.access_logs.iter().map(|log| ("access_log", &*log.target));
    let error = config.error_logs.iter().map(|log| ("error_log", &log.target));
    for (name, target) in error.chain(access) {
        if config.daemon && matches!(target, LogTarget::Stdout | LogTarget::Stderr) {
            let what = "a daemon has no standard streams, so later lines are lost; name a file";
            log.announce(Level::Warn, format_args!("{name} {target}: {what}"));
        }
    }
    let poller = config.events.poller.unwrap_or(poller::names()[0]);
    let (version, pid) = (env!("CARGO_PKG_VERSION"), process::pid());
    let what = format_args!(
        "webserv {version} (pid {pid}, {poller}, {workers} worker{}) started",
        if workers == 1 { "" } else { "s" }
    )
    .to_string();
    log.announce(Level::Notice, format_args!("{what}"));
    let is_told = tells_terminal(io::stderr().is_terminal(), config);
    for (address, listener) in sockets.addresses() {
        let open = match &address {
            Address::Inet(address) => format!(" ({})", listener.protocol.example(address)),
            Address::Unix(_) => String::new(),
        };
        log.announce(Level::Notice, format_args!("listening on {address}{open}"));
        if is_told {
            let _ = writeln!(io::stderr(), "webserv: listening on {address}{open}"); // nobody needs it to go on
        }
    }
}

/// Whether the terminal gets the addresses besides the error log: it shows nothing of them if the log is a file, or
/// says less than `notice`.
fn tells_terminal(is_terminal: bool, config: &Config) -> bool {
    let shows = |log: &ErrorLogDirective| log.target == LogTarget::Stderr && log.level >= Level::Notice;
    is_terminal && !config.error_logs.iter().any(shows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_that_does_not_show_the_log_is_told_the_addresses() {
        let rows = [("stderr notice", false), ("stderr debug", false), ("stderr", true), ("a.log debug", true)];
        for (log, told) in rows {
            let text = format!("error_log {log}; http {{ server {{ listen 80; }} }}");
            let config = Config::from_text("test.conf", &text, std::path::Path::new("/srv"), "").expect("it is valid");
            assert_eq!(tells_terminal(true, &config), told, "{log}");
            assert!(!tells_terminal(false, &config), "{log}");
        }
    }
}

//! What the tasks of a worker share, and how workers send each other commands.

mod children;
mod command;
pub mod descriptors;
mod file_cache;
mod hasher;
mod idle;
mod listeners;
mod logins;
mod names;
mod programs;
mod refusals;
mod reload;
mod team;

pub use children::{Children, Ended};
pub use command::Command;
pub use file_cache::{CacheKey, Cached, CachedAnswer, FileCache};
pub use idle::{IdleList, IdleMark};
pub use logins::{HashAnswers, Logins, UserText};
pub use names::{HostNames, NameState};
pub use programs::{ProgramPlace, Programs, QueueFull};
pub use refusals::Refusals;
pub use reload::{Leader, Reload, Rights};
pub use team::{Team, WorkerChannel};

use crate::ages::Ages;
use crate::config::{Config, ConfigFiles};
use crate::connection::{Buffers, Identity, Pipes, SpareTransactions, Transaction};
use crate::date_cache::DateCache;
use crate::http::Scan;
use crate::limits::{READ_BYTES, SPARE_SCANS_MAX, UNWATCHED};
use crate::log::AccessLogs;
use crate::route::{ListenerState, Routes};
use crate::stats::Stats;
use crate::upstreams::Upstreams;
use crate::vars::{Params, View};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use webserv_sys::Moment;
use webserv_sys::random::RandomBytes;

/// Reads the configuration again, from these files. Returns an error message if it is not valid.
pub type Loader = Arc<dyn Fn(&ConfigFiles) -> Result<Config, String> + Send + Sync>;

/// What all tasks of one worker share. Each worker thread has its own; only the configuration is common to all workers.
pub struct Worker {
    /// The current configuration. Each connection follows a reload with its next request.
    pub config: Arc<Config>,
    routes: Rc<Routes>,
    /// The channels to the other workers.
    pub team: Team,
    /// The buffer for read(2), so that idle connections need no buffer.
    pub read_buffer: Box<[u8]>,
    /// Unused parsers for request heads.
    pub scans: Vec<Box<Scan>>,
    /// Unused buffers for heads and small responses.
    pub buffers: Buffers,
    /// The parameters of the request that is being passed on to a server behind.
    pub params: Params,
    /// Unused memory for transactions.
    pub transactions: SpareTransactions,
    /// Unused pipes.
    pub pipes: Pipes,
    /// The access logs.
    pub access_logs: AccessLogs,
    /// The time of day and formatted dates.
    pub date: DateCache,
    /// Random bytes for names and identifiers that nobody may guess.
    pub random: RandomBytes,
    /// The cache of open files.
    pub files: FileCache,
    /// Starts and reaps programs.
    pub children: Children,
    /// The file systems that refuse sendfile(2).
    pub refusals: Refusals,
    /// Running CGI programs that count for `cgi_max_processes`, and the requests that wait. Programs whose response has
    /// just been completed do not count.
    pub programs: Programs,
    /// When the programs that are not watched yet are checked next.
    pub programs_checked_at: Option<Moment>,
    /// The time of the last round in which a part of a password was hashed.
    pub hashed_at: Option<Moment>,
    /// Users of `auth_basic`, and who of them has sent the right password lately.
    pub logins: Logins,
    /// Names of hosts, and their addresses.
    pub names: HostNames,
    /// The servers behind this one, and the connections to them that are kept open.
    pub upstreams: Upstreams,
    /// How many connections and requests there are.
    pub stats: Stats,
    /// Idle connections, which may be closed for new clients.
    pub idle: IdleList,
    /// The worker finishes open requests; each response is the last of its connection.
    pub draining: bool,
    /// The connections with numbers up to this one are closed: `worker_shutdown_timeout` has passed since a reload.
    pub overdue: u64,
    connections: u64,
    /// How old connections are.
    pub ages: Ages,
    connections_max: usize,
    /// The listeners' states since the last reload.
    listeners: Vec<Rc<ListenerState>>,
}

impl Worker {
    /// A worker with this configuration.
    pub fn new(config: Arc<Config>, team: Team, access_logs: AccessLogs) -> Self {
        Self {
            routes: Rc::new(Routes::new(Arc::clone(&config))),
            connections_max: config.events.worker_connections,
            config,
            team,
            read_buffer: vec![0; READ_BYTES].into_boxed_slice(),
            scans: Vec::new(),
            buffers: Buffers::default(),
            params: Params::default(),
            transactions: SpareTransactions::default(),
            pipes: Pipes::default(),
            access_logs,
            date: DateCache::default(),
            random: RandomBytes::default(),
            files: FileCache::default(),
            children: Children::default(),
            refusals: Refusals::default(),
            programs: Programs::default(),
            programs_checked_at: None,
            hashed_at: None,
            logins: Logins::default(),
            names: HostNames::default(),
            upstreams: Upstreams::default(),
            stats: Stats::default(),
            idle: IdleList::default(),
            draining: false,
            overdue: 0,
            connections: 0,
            ages: Ages::default(),
            listeners: Vec::new(),
        }
    }

    /// How many connections may be open: `worker_connections`, or fewer if the limit of descriptors permits no more.
    pub fn connections_max(&self) -> usize {
        self.connections_max
    }

    /// Follows the configuration and the process's limit of descriptors.
    pub fn limit_connections(&mut self) {
        self.connections_max = descriptors::connections_max(&self.config);
    }

    /// When to check a program that was started now. Programs share these times, so that there are few wakeups.
    pub fn next_check(&mut self, now: Moment) -> Moment {
        match self.programs_checked_at {
            Some(look) if look >= now.after(UNWATCHED / 2) => look,
            _ => *self.programs_checked_at.insert(now.after(UNWATCHED)),
        }
    }

    /// Takes back a parser. Few are needed, because most heads come in one read.
    pub fn give_back(&mut self, scan: Box<Scan>) {
        if self.scans.len() < SPARE_SCANS_MAX {
            self.scans.push(scan);
        }
    }

    /// The values of variables, for this request now.
    pub fn view<'a>(&'a self, identity: &'a Identity, transaction: &'a Transaction, now: Moment) -> View<'a> {
        let (date, stats, ages, worker) = (&self.date, &self.stats, &self.ages, self.team.number());
        View { identity, transaction, date, stats, ages, worker, now, sent_bytes: 0 }
    }

    /// The connection that has been idle for longest, which leaves the list.
    pub fn pop_idle(&mut self) -> Option<u32> {
        let number = self.idle.pop();
        self.stats.set_waiting(self.idle.len());
        number
    }

    /// How old this connection is, about. It is known only if some place has a `keepalive_time`.
    pub fn age(&self, identity: &Identity, now: Moment) -> Duration {
        self.ages.age(identity.number, now)
    }

    /// The serial number of the last connection.
    pub fn last_connection(&self) -> u64 {
        self.connections
    }

    /// The serial number for a new connection.
    pub fn next_connection(&mut self, now: Moment) -> u64 {
        self.connections += 1;
        if let Some(rule) = self.config.ages {
            self.ages.note(self.connections, now, rule);
        }
        self.connections
    }
}

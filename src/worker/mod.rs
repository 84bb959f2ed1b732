//! What the tasks of one worker share, and how workers talk to each other.

mod command;
mod file_cache;
mod idle;
mod listeners;
mod reload;
mod team;

pub use command::Command;
pub use file_cache::{CacheKey, Cached, CachedAnswer, FileCache};
pub use idle::{IdleList, IdleMark};
pub use reload::Reload;
pub use team::{Team, WorkerChannel};

use crate::config::Config;
use crate::connection::{Buffers, Identity, Pipes, SpareTransactions, Transaction};
use crate::date_cache::DateCache;
use crate::http::Scan;
use crate::limits::{READ_BYTES, SPARE_SCANS_MAX, UNWATCHED};
use crate::log::AccessLogs;
use crate::route::{ListenerState, Routes};
use crate::vars::{self, View};
use std::rc::Rc;
use std::sync::Arc;
use webserv_sys::Moment;

/// Reads the configuration again; gives it with its warnings, or an error in words.
pub type Loader = Arc<dyn Fn() -> Result<Config, String> + Send + Sync>;

/// One loop's worth of shared things. Each worker thread has its own; only the configuration is common to all.
pub struct Worker {
    /// The configuration in force. Connections keep what they were accepted with until their next request.
    pub config: Arc<Config>,
    routes: Rc<Routes>,
    /// The other workers.
    pub team: Team,
    /// Where a read lands before its bytes go into a pipe: idle connections hold no buffer.
    pub read_buffer: Box<[u8]>,
    /// For heads that are about to come, with memory for them.
    pub scans: Vec<Box<Scan>>,
    /// Memory for heads and small answers.
    pub buffers: Buffers,
    /// Memory for requests.
    pub transactions: SpareTransactions,
    /// Pipes for connections that have something to say.
    pub pipes: Pipes,
    /// The access logs.
    pub access_logs: AccessLogs,
    /// The date field's value for the present second.
    pub date: DateCache,
    /// Files that were served and may be again.
    pub files: FileCache,
    /// Programs that have been started and not yet reaped, but for those that have answered just now.
    pub programs_running: usize,
    /// When those are looked at again that are not watched yet.
    pub programs_looked_at: Option<Moment>,
    /// The round in which a piece of a password was hashed last, by its time.
    pub hashed_at: Option<Moment>,
    /// Connections that may be closed to make room for new clients.
    pub idle: IdleList,
    /// Nothing new is begun: each response is its connection's last.
    pub draining: bool,
    connections: u64,
    /// Those that were asked for since the last reload.
    listeners: Vec<Rc<ListenerState>>,
}

impl Worker {
    /// A worker with this configuration.
    pub fn new(config: Arc<Config>, team: Team, access_logs: AccessLogs) -> Self {
        Self {
            routes: Rc::new(Routes::new(Arc::clone(&config))),
            config,
            team,
            read_buffer: vec![0; READ_BYTES].into_boxed_slice(),
            scans: Vec::new(),
            buffers: Buffers::default(),
            transactions: SpareTransactions::default(),
            pipes: Pipes::default(),
            access_logs,
            date: DateCache::default(),
            files: FileCache::default(),
            programs_running: 0,
            programs_looked_at: None,
            hashed_at: None,
            idle: IdleList::default(),
            draining: false,
            connections: 0,
            listeners: Vec::new(),
        }
    }

    /// When a program that was started now is to be looked at: with others, so that few wakeups serve many.
    pub fn next_look(&mut self, now: Moment) -> Moment {
        match self.programs_looked_at {
            Some(look) if look >= now.after(UNWATCHED / 2) => look,
            _ => *self.programs_looked_at.insert(now.after(UNWATCHED)),
        }
    }

    /// Takes back one that has come to the end of a head. Few are needed, since most heads come as a whole.
    pub fn give_back(&mut self, scan: Box<Scan>) {
        if self.scans.len() < SPARE_SCANS_MAX {
            self.scans.push(scan);
        }
    }

    /// What variables are made of, for this request now.
    pub fn view<'a>(&'a self, identity: &'a Identity, transaction: &'a Transaction, now: Moment) -> View<'a> {
        View { identity, transaction, date: &self.date, worker: self.team.number(), now, sent_bytes: 0 }
    }

    /// A number that no other request has.
    pub fn request_id(&self, identity: &Identity, transaction: &Transaction) -> u128 {
        vars::request_id(self.team.number(), identity.number, transaction.http.number)
    }

    /// The serial number of a connection that was accepted just now.
    pub fn next_connection(&mut self) -> u64 {
        self.connections += 1;
        self.connections
    }
}

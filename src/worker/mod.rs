//! What the tasks of one worker share, and how workers talk to each other.

mod command;
mod date;
mod file_cache;
mod reload;
mod team;

pub use command::Command;
pub use file_cache::{FileCache, Kept, KeptAnswer, Place};
pub use reload::Reload;
pub use team::{Mate, Team};

use crate::config::Config;
use crate::exchange::limits::READ_BYTES;
use crate::log::AccessLogs;
use date::DateCache;
use std::sync::Arc;

/// Reads the configuration again; gives it with its warnings, or an error in words.
pub type Loader = Arc<dyn Fn() -> Result<Config, String> + Send + Sync>;

/// One loop's worth of shared things. Each worker thread has its own; only the configuration is common to all.
pub struct Worker {
    /// The configuration in force. Connections keep what they were accepted with until their next request.
    pub config: Arc<Config>,
    /// The other workers.
    pub team: Team,
    /// Where a read lands before its bytes go into a pipe: idle connections hold no buffer.
    pub read_buffer: Box<[u8]>,
    /// The access logs.
    pub access_logs: AccessLogs,
    /// The date field's value for the present second.
    pub date: DateCache,
    /// Files that were served and may be again.
    pub files: FileCache,
    /// Programs that have been started and not yet reaped.
    pub programs_running: usize,
    /// How many idle connections are to make room for new clients.
    pub idle_to_close: usize,
    /// Nothing new is begun: each response is its connection's last.
    pub draining: bool,
    connections: u64,
}

impl Worker {
    /// A worker with this configuration.
    pub fn new(config: Arc<Config>, team: Team, access_logs: AccessLogs) -> Self {
        Self {
            config,
            team,
            read_buffer: vec![0; READ_BYTES].into_boxed_slice(),
            access_logs,
            date: DateCache::default(),
            files: FileCache::default(),
            programs_running: 0,
            idle_to_close: 0,
            draining: false,
            connections: 0,
        }
    }

    /// The serial number of a connection that was accepted just now.
    pub fn next_connection(&mut self) -> u64 {
        self.connections += 1;
        self.connections
    }
}

//! An engine for tests of tasks that stand alone.

use crate::config::Config;
use crate::engine::Engine;
use crate::log::{AccessLogs, ErrorLog, Level};
use crate::worker::{Team, Worker};
use std::sync::Arc;
use webserv_sys::poller;

/// An engine without tasks. Its log lines stay in memory.
pub fn engine() -> Engine<Worker> {
    let worker = Worker::new(Arc::new(Config::default()), Team::member(0), AccessLogs::default());
    let poller = poller::open(None).unwrap_or_else(|error| panic!("{error}"));
    Engine::new(poller, true, ErrorLog::in_memory(Level::Info), worker)
}

//! What a server of the directory protocol has of its own.

use super::Settings;
use crate::password::Users;
use std::sync::Arc;
use std::time::Duration;

/// A `server` in `directory`.
#[derive(Clone, Debug)]
pub struct DirectoryServer {
    /// How its files are read: below `root`, through no symbolic link.
    pub settings: Arc<Settings>,
    /// `users`: who may log in; `None`: nobody need.
    pub users: Option<Arc<Users>>,
    /// `timeout`: how long a client may take for a line, or take nothing of an answer. Default 60 s.
    pub timeout: Duration,
}

//! The connections that a group keeps open, as the tasks that wait on them.

use crate::config::Address;
use std::collections::VecDeque;
use std::sync::Arc;
use webserv_sys::Token;

/// The connections of a group of one worker, the one that was used last at the end.
#[derive(Default)]
pub(super) struct KeptConnections(VecDeque<KeptConnection>);

/// A connection that waits.
struct KeptConnection {
    task: Token,
    address: Arc<Address>,
    /// The location that has used it, see [`crate::balance::Ask::place`].
    place: usize,
}

impl KeptConnections {
    /// The number of connections.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Takes the connection to this address that was used last; `place`: by this location.
    pub fn take(&mut self, address: &Arc<Address>, place: Option<usize>) -> Option<Token> {
        let is_it = |kept: &KeptConnection| {
            Arc::ptr_eq(&kept.address, address) && place.is_none_or(|place| kept.place == place)
        };
        let at = self.0.iter().rposition(is_it)?;
        self.0.remove(at).map(|kept| kept.task)
    }

    /// Adds a connection. Returns the one that must be closed for that, if there are more than `most`: the one that was
    /// used least recently.
    pub fn keep(&mut self, address: &Arc<Address>, place: usize, task: Token, most: usize) -> Option<Token> {
        self.0.push_back(KeptConnection { task, address: Arc::clone(address), place });
        let is_full = self.0.len() > most;
        is_full.then(|| self.0.pop_front()).flatten().map(|kept| kept.task)
    }

    /// Forgets a connection.
    pub fn forget(&mut self, task: Token) {
        if let Some(at) = self.0.iter().position(|kept| kept.task == task) {
            self.0.remove(at);
        }
    }

    /// Takes the connections to addresses for which `stays` returns false.
    pub fn take_others(&mut self, stays: impl Fn(&Arc<Address>) -> bool) -> Vec<Token> {
        let others = self.0.iter().filter(|kept| !stays(&kept.address)).map(|kept| kept.task).collect();
        self.0.retain(|kept| stays(&kept.address));
        others
    }
}

//! The states of the peers of a group with a `zone`: all workers have the same ones.

use super::PeerState;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// With more states, those that no worker uses are forgotten: the addresses of a name may change for years.
const UNUSED_MAX: usize = 256;

/// The states that workers share. They are looked up when a worker makes its group, and not for a request.
#[derive(Debug, Default)]
pub struct SharedStates(OnceLock<Arc<Mutex<Vec<SharedState>>>>);

#[derive(Debug)]
struct SharedState {
    /// The index of the `server`, and the address.
    peer: (usize, String),
    state: Arc<PeerState>,
}

impl SharedStates {
    /// The state of this address of a server, which is made if no worker has asked for it yet.
    pub fn state(&self, server: usize, address: &str, weight: u32) -> Arc<PeerState> {
        let mut states = self.table().lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = states.iter().find(|it| it.peer.0 == server && it.peer.1 == address) {
            return Arc::clone(&known.state);
        }
        if states.len() >= UNUSED_MAX {
            states.retain(|it| Arc::strong_count(&it.state) > 1);
        }
        let state = Arc::new(PeerState::new(weight));
        states.push(SharedState { peer: (server, address.to_owned()), state: Arc::clone(&state) });
        state
    }

    /// Goes on with the states of the same group of an earlier configuration. States that are in use already stay.
    pub fn adopt(&self, earlier: &SharedStates) {
        let _ = self.0.set(Arc::clone(earlier.table()));
    }

    fn table(&self) -> &Arc<Mutex<Vec<SharedState>>> {
        self.0.get_or_init(Arc::default)
    }
}

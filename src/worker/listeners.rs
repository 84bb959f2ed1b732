//! The state of a worker's listeners under the current configuration.

use super::Worker;
use crate::config::Listener;
use crate::route::{ListenerState, Routes};
use std::rc::Rc;
use std::sync::Arc;
use webserv_sys::net::Address;

impl Worker {
    /// The state of a listener of the current configuration. Its socket is bound to `local`.
    pub fn listener_state(&mut self, configured: Listener, local: Address) -> Rc<ListenerState> {
        if !Arc::ptr_eq(self.routes.config(), &self.config) {
            self.routes = Rc::new(Routes::new(Arc::clone(&self.config)));
        }
        Rc::new(ListenerState::new(Rc::clone(&self.routes), configured, local))
    }

    /// The state of this listener under the current configuration. Returns `None` if that does not listen on the
    /// address.
    pub fn listener_now(&mut self, listener: &Rc<ListenerState>) -> Option<Rc<ListenerState>> {
        if self.is_current(listener) {
            return Some(Rc::clone(listener));
        }
        let config = Arc::clone(&self.config);
        self.listeners.retain(|known| Arc::ptr_eq(known.routes.config(), &config));
        let address = &listener.configured.address;
        if let Some(known) = self.listeners.iter().find(|known| known.configured.address == *address) {
            return Some(Rc::clone(known));
        }
        let configured = config.listeners.iter().find(|listener| listener.address == *address)?.clone();
        let fresh = self.listener_state(configured, listener.local.clone());
        self.listeners.push(Rc::clone(&fresh));
        Some(fresh)
    }

    /// Whether this state belongs to the current configuration.
    pub fn is_current(&self, listener: &ListenerState) -> bool {
        Arc::ptr_eq(listener.routes.config(), &self.config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::log::AccessLogs;
    use crate::worker::Team;
    use std::path::Path;

    fn config(listens: &str) -> Arc<Config> {
        let text = format!("http {{ server {{ {listens} }} }}");
        Arc::new(Config::from_text("test.conf", &text, Path::new("."), "").expect("it is valid"))
    }

    #[test]
    fn after_a_reload_all_connections_of_an_address_share_its_state() {
        let config_before = config("listen 127.0.0.1:1; listen 127.0.0.1:2;");
        let mut worker = Worker::new(Arc::clone(&config_before), Team::member(0), AccessLogs::default());
        let mut listener = |at: usize| {
            let configured = config_before.listeners[at].clone();
            let local = configured.address.clone();
            worker.listener_state(configured, local)
        };
        let (stays, goes) = (listener(0), listener(1));
        assert!(worker.listener_now(&goes).is_some_and(|now| Rc::ptr_eq(&now, &goes)), "there was no reload");
        worker.config = config("listen 127.0.0.1:1;");
        let now = worker.listener_now(&stays).expect("it is listened there");
        assert!(worker.is_current(&now));
        assert!(worker.listener_now(&stays).is_some_and(|again| Rc::ptr_eq(&again, &now)));
        assert!(worker.listener_now(&goes).is_none());
        worker.config = config("listen 127.0.0.1:1;");
        assert!(worker.listener_now(&now).is_some_and(|next| !Rc::ptr_eq(&next, &now)));
        assert_eq!(worker.listeners.len(), 1, "a state that is not shared any more is dropped");
    }
}

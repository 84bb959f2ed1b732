//! Where clients come in.

use super::Worker;
use crate::config::{Config, Listener, Settings};
use crate::connection::limits::INPUT_BYTES_MAX;
use crate::http::HeadLimits;
use std::rc::Rc;
use std::sync::Arc;
use webserv_sys::net::Address;

/// An address at which connections are accepted, who answers there, and the configuration that says so. All connections
/// of an address share one, so that each needs but a pointer.
pub struct ListenerState {
    /// The configuration that `configured` and the routes are of.
    pub config: Arc<Config>,
    /// Its address is as the configuration says it; a reload finds the listener again by this.
    pub configured: Listener,
    /// Where it really listens: port 0 has become a number.
    pub local: Address,
    /// What holds before a request has said which server it is for: the first server's.
    pub settings: Arc<Settings>,
    /// How much of a head is accepted.
    pub limits: HeadLimits,
}

impl ListenerState {
    /// The listener is one of this configuration.
    pub fn new(config: Arc<Config>, configured: Listener, local: Address) -> Self {
        let settings = Arc::clone(&configured.hosts.servers[0].settings);
        let limits = limits(&settings);
        Self { config, configured, local, settings, limits }
    }
}

/// The limits of a head, as nginx's directives mean them.
fn limits(settings: &Settings) -> HeadLimits {
    let (number, size) = settings.large_client_header_buffers;
    HeadLimits {
        line_bytes_max: size.max(settings.client_header_buffer_size),
        head_bytes_max: number.saturating_mul(size).max(settings.client_header_buffer_size).min(INPUT_BYTES_MAX),
        fields_max: settings.max_headers,
    }
}

impl Worker {
    /// This listener under the configuration in force; `None` if that does not listen there any more.
    pub fn listener_now(&mut self, listener: &Rc<ListenerState>) -> Option<Rc<ListenerState>> {
        let config = &self.config;
        if Arc::ptr_eq(&listener.config, config) {
            return Some(Rc::clone(listener));
        }
        self.listeners.retain(|known| Arc::ptr_eq(&known.config, config));
        let address = &listener.configured.address;
        if let Some(known) = self.listeners.iter().find(|known| known.configured.address == *address) {
            return Some(Rc::clone(known));
        }
        let configured = config.listeners.iter().find(|listener| listener.address == *address)?.clone();
        let local = listener.local.clone();
        let fresh = Rc::new(ListenerState::new(Arc::clone(config), configured, local));
        self.listeners.push(Rc::clone(&fresh));
        Some(fresh)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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
        let listener = |at: usize| {
            let listener = config_before.listeners[at].clone();
            let local = listener.address.clone();
            Rc::new(ListenerState::new(Arc::clone(&config_before), listener, local))
        };
        let (stays, goes) = (listener(0), listener(1));
        assert!(worker.listener_now(&goes).is_some_and(|now| Rc::ptr_eq(&now, &goes)), "there was no reload");
        worker.config = config("listen 127.0.0.1:1;");
        let now = worker.listener_now(&stays).expect("it is listened there");
        assert!(Arc::ptr_eq(&now.config, &worker.config));
        assert!(worker.listener_now(&stays).is_some_and(|again| Rc::ptr_eq(&again, &now)));
        assert!(worker.listener_now(&goes).is_none());
        worker.config = config("listen 127.0.0.1:1;");
        assert!(worker.listener_now(&now).is_some_and(|next| !Rc::ptr_eq(&next, &now)));
        assert_eq!(worker.listeners.len(), 1, "what nobody shares any more is not kept");
    }
}

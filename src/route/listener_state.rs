//! The state of a listening address.

use super::{Route, Routes};
use crate::config::{Listener, Settings};
use crate::http::HeadLimits;
use crate::limits::INPUT_BYTES_MAX;
use std::rc::Rc;
use webserv_sys::net::Address;

/// A listening address with its servers. All connections of an address share one, so that each needs only a pointer.
pub struct ListenerState {
    /// The routes of the configuration that contains `configured`.
    pub routes: Rc<Routes>,
    /// The listener in the configuration. A reload finds it again by its address.
    pub configured: Listener,
    /// The address that the socket is bound to: port 0 is replaced by the real port.
    pub local: Address,
    /// The route to the default server. It is used until the request's Host is known.
    pub route: Rc<Route>,
    /// The limits of a request's head.
    pub limits: HeadLimits,
}

impl ListenerState {
    /// The state of a listener, with the routes of its configuration.
    pub fn new(routes: Rc<Routes>, configured: Listener, local: Address) -> Self {
        let route = Rc::clone(routes.to_server(&configured.hosts.servers[0]));
        let limits = limits(&route.settings);
        Self { routes, configured, local, route, limits }
    }
}

#[cfg(test)]
impl ListenerState {
    /// A listener for tests.
    pub fn for_tests() -> Self {
        let text = "http { server { listen 127.0.0.1:1; } }";
        let config = crate::config::Config::from_text("played.conf", text, std::path::Path::new("."), "");
        let config = std::sync::Arc::new(config.expect("it is valid"));
        let configured = config.listeners[0].clone();
        let local = configured.address.clone();
        Self::new(Rc::new(Routes::new(config)), configured, local)
    }
}

/// The limits of a request's head, from nginx's directives.
fn limits(settings: &Settings) -> HeadLimits {
    let (number, size) = settings.large_client_header_buffers;
    HeadLimits {
        line_bytes_max: size.max(settings.client_header_buffer_size),
        head_bytes_max: number.saturating_mul(size).max(settings.client_header_buffer_size).min(INPUT_BYTES_MAX),
        fields_max: settings.max_headers,
    }
}

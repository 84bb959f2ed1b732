//! webserv: an HTTP/1.1 origin server on raw epoll and kqueue. ARCHITECTURE.md has the map.
#![forbid(unsafe_code)]

pub mod config;
pub mod http;
pub mod log;

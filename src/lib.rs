//! webserv: an HTTP/1.1 origin server on raw epoll and kqueue. ARCHITECTURE.md has the map.
#![forbid(unsafe_code)]

pub mod ages;
pub mod balance;
pub mod build_info;
pub mod cache;
pub mod check;
pub mod config;
pub mod connection;
pub mod date_cache;
pub mod directory;
pub mod dns;
pub mod engine;
pub mod fixed_path;
pub mod gateway;
pub mod handover;
pub mod http;
pub mod limits;
pub mod listen;
pub mod local_time;
pub mod log;
pub mod master;
pub mod password;
pub mod pattern;
pub mod pid_file;
pub mod rate;
pub mod route;
pub mod secure_link;
pub mod server;
pub mod stats;
pub mod task;
pub mod temp_folders;
pub mod upstreams;
pub mod vars;
pub mod worker;

//! Random schedules for the real Http1 and the real `task::http`, without sockets. The client, the kernel and the
//! handlers are simulated, and a simple model says which bytes the client may receive.
//!
//! `client` simulates the client and the kernel. `played` has handlers that follow a script: when Http1 starts a real
//! handler, the simulated reader cancels it before its first turn and starts a played handler in its place. These are
//! ordinary orders to the engine, so Http1 needs no code for the tests. `requests` makes requests with the expected
//! responses, `answers` parses the received bytes, `schedule` runs one schedule, and `check` is the model.
//!
//! `WEBSERV_SEED=7 cargo test --lib http1_by_chance` runs one schedule again, with every event on stderr.

mod answers;
mod check;
mod client;
mod played;
mod requests;
mod schedule;
mod schedules;

//! `events`: how a worker waits for the kernel.

use super::{Contexts, Directive, put, row};
use crate::config::parse::Statement;
use crate::config::problem::Fault;
use crate::config::scope::Scope;
use crate::config::suggest::accepted;
use webserv_sys::poller;

/// More connections than one process may have descriptors.
const CONNECTIONS_MAX: usize = 10_000_000;

pub(super) const TABLE: &[Directive] = &[
    row("events", Contexts::MAIN, 0..=0, "events { worker_connections 1024; }")
        .help("How a worker waits for the kernel.")
        .section(|scope, it, read| {
            read(&mut scope.inside(Contexts::EVENTS), it.statements());
            Ok(())
        }),
    row("use", Contexts::EVENTS, 1..=1, "use poll;")
        .syntax("METHOD")
        .without("the best method of the platform")
        .help("The call that waits for events: epoll, kqueue, poll or select.")
        .once(use_),
    row("worker_connections", Contexts::EVENTS, 1..=1, "worker_connections 1024;")
        .syntax("NUMBER")
        .default("512")
        .help("The number of open connections of each worker.")
        .once(|scope, it| {
            put(&mut scope.draft.config.events.worker_connections, it.args[0].count(1..=CONNECTIONS_MAX))
        }),
    row("multi_accept", Contexts::EVENTS, 1..=1, "multi_accept on;")
        .syntax("on|off")
        .default("off")
        .help("Accepts all waiting connections in one turn, and not one.")
        .once(|scope, it| put(&mut scope.draft.config.events.multi_accept, it.args[0].flag())),
    row("try_first", Contexts::EVENTS, 1..=1, "try_first off;")
        .syntax("on|off")
        .default("on")
        .own()
        .help("Tries a system call before the kernel is asked whether it would block.")
        .once(|scope, it| put(&mut scope.draft.config.events.try_first, it.args[0].flag())),
];

/// `use METHOD;`
fn use_(scope: &mut Scope<'_>, it: &Statement) -> Result<(), Fault> {
    let word = &it.args[0];
    let Some(method) = poller::names().iter().find(|name| **name == word.text) else {
        let have = accepted(&word.text, "this platform has", poller::names());
        return Err(word.fault(format!("unknown method \"{}\"{have}", word.text)));
    };
    scope.draft.config.events.poller = Some(method);
    Ok(())
}

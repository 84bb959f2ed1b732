//! `events`: how a worker waits for the kernel.

use super::{Contexts, Directive, Form, put};
use crate::config::parse::Statement;
use crate::config::problem::Fault;
use crate::config::scope::Scope;
use crate::config::suggest::accepted;
use webserv_sys::poller;

/// More connections than one process may have descriptors.
const CONNECTIONS_MAX: usize = 10_000_000;

pub(super) const TABLE: &[Directive] = &[
    Directive {
        name: "events",
        contexts: Contexts::MAIN,
        args: 0..=0,
        example: "events { worker_connections 1024; }",
        form: Form::Section(|scope, it, read| {
            read(&mut scope.inside(Contexts::EVENTS), it.statements());
            Ok(())
        }),
    },
    Directive { name: "use", contexts: Contexts::EVENTS, args: 1..=1, example: "use poll;", form: Form::Once(use_) },
    Directive {
        name: "worker_connections",
        contexts: Contexts::EVENTS,
        args: 1..=1,
        example: "worker_connections 1024;",
        form: Form::Once(|scope, it| {
            put(&mut scope.draft.config.events.worker_connections, it.args[0].count(1..=CONNECTIONS_MAX))
        }),
    },
    Directive {
        name: "multi_accept",
        contexts: Contexts::EVENTS,
        args: 1..=1,
        example: "multi_accept on;",
        form: Form::Once(|scope, it| put(&mut scope.draft.config.events.multi_accept, it.args[0].flag())),
    },
    Directive {
        name: "try_first",
        contexts: Contexts::EVENTS,
        args: 1..=1,
        example: "try_first off;",
        form: Form::Once(|scope, it| put(&mut scope.draft.config.events.try_first, it.args[0].flag())),
    },
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

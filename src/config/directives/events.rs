//! `events`: how a worker waits for the kernel.

use super::{Contexts, Directive, Form, put};

/// The methods of `use` that this platform has, the best first.
const POLLERS: &[(&str, &str)] = &[
    #[cfg(has_epoll)]
    ("epoll", "epoll"),
    #[cfg(any(has_kqueue, feature = "kqueue-shim"))]
    ("kqueue", "kqueue"),
    ("poll", "poll"),
    ("select", "select"),
];

/// More connections than one process may have descriptors for.
const CONNECTIONS_MAX: usize = 10_000_000;

pub(super) const TABLE: &[Directive] = &[
    Directive {
        name: "events",
        contexts: Contexts::MAIN,
        args: 0..=0,
        example: "events { worker_connections 1024; }",
        form: Form::Section(|scope, it| {
            scope.inside(Contexts::EVENTS).read(it.statements());
            Ok(())
        }),
    },
    Directive {
        name: "use",
        contexts: Contexts::EVENTS,
        args: 1..=1,
        example: "use poll;",
        form: Form::Once(|scope, it| {
            let method = it.args[0].choice("method of this platform", POLLERS)?;
            scope.draft.config.events.poller = Some(method);
            Ok(())
        }),
    },
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
        // Read for the sake of files written for nginx: here accepting always goes on until the queue is empty.
        form: Form::Once(|_, it| it.args[0].flag().map(drop)),
    },
    Directive {
        name: "try_first",
        contexts: Contexts::EVENTS,
        args: 1..=1,
        example: "try_first off;",
        form: Form::Once(|scope, it| put(&mut scope.draft.config.events.try_first, it.args[0].flag())),
    },
];

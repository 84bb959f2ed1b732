//! Connections: keep-alive, timeouts, limits for requests, and how bytes are sent.

use super::{Contexts, Directive, Form, put};
use crate::config::parse::Statement;
use crate::config::problem::Fault;
use crate::config::scope::Scope;
use crate::config::types::{BodyInFile, LingeringClose, TempFolder};
use std::time::Duration;

/// `http` and `server`: settings that are needed before the location is known.
const HEAD: Contexts = Contexts::HTTP.union(Contexts::SERVER);

/// The least size of a buffer for requests, in bytes.
const BUFFER_BYTES_MIN: u64 = 64;

/// The largest size of one buffer for requests, in bytes.
const BUFFER_BYTES_MAX: u64 = 16 << 20;

/// More than any normal head needs.
const HEADERS_MAX: usize = 100_000;

pub(super) const TABLE: &[Directive] = &[
    Directive {
        name: "keepalive_timeout",
        contexts: Contexts::REQUEST,
        args: 1..=2,
        example: "keepalive_timeout 75s;",
        form: Form::Once(keepalive_timeout),
    },
    Directive {
        name: "keepalive_requests",
        contexts: Contexts::REQUEST,
        args: 1..=1,
        example: "keepalive_requests 1000;",
        form: Form::Once(|scope, it| put(&mut scope.settings.keepalive_requests, it.args[0].number(0..=u64::MAX))),
    },
    Directive {
        name: "client_header_timeout",
        contexts: HEAD,
        args: 1..=1,
        example: "client_header_timeout 60s;",
        form: Form::Once(|scope, it| put(&mut scope.settings.client_header_timeout, it.args[0].time())),
    },
    Directive {
        name: "client_body_timeout",
        contexts: Contexts::REQUEST,
        args: 1..=1,
        example: "client_body_timeout 60s;",
        form: Form::Once(|scope, it| put(&mut scope.settings.client_body_timeout, it.args[0].time())),
    },
    Directive {
        name: "send_timeout",
        contexts: Contexts::REQUEST,
        args: 1..=1,
        example: "send_timeout 60s;",
        form: Form::Once(|scope, it| put(&mut scope.settings.send_timeout, it.args[0].time())),
    },
    Directive {
        name: "lingering_close",
        contexts: Contexts::REQUEST,
        args: 1..=1,
        example: "lingering_close on;",
        form: Form::Once(|scope, it| {
            let choices =
                [("off", LingeringClose::Off), ("on", LingeringClose::On), ("always", LingeringClose::Always)];
            put(&mut scope.settings.lingering.mode, it.args[0].choice("value", &choices))
        }),
    },
    Directive {
        name: "lingering_time",
        contexts: Contexts::REQUEST,
        args: 1..=1,
        example: "lingering_time 30s;",
        form: Form::Once(|scope, it| put(&mut scope.settings.lingering.time, it.args[0].time())),
    },
    Directive {
        name: "lingering_timeout",
        contexts: Contexts::REQUEST,
        args: 1..=1,
        example: "lingering_timeout 5s;",
        form: Form::Once(|scope, it| put(&mut scope.settings.lingering.timeout, it.args[0].time())),
    },
    Directive {
        name: "reset_timedout_connection",
        contexts: Contexts::REQUEST,
        args: 1..=1,
        example: "reset_timedout_connection on;",
        form: Form::Once(|scope, it| put(&mut scope.settings.reset_timedout_connection, it.args[0].flag())),
    },
    Directive {
        name: "client_max_body_size",
        contexts: Contexts::REQUEST,
        args: 1..=1,
        example: "client_max_body_size 1m;",
        form: Form::Once(|scope, it| put(&mut scope.settings.client_max_body_size, it.args[0].size())),
    },
    Directive {
        name: "client_body_buffer_size",
        contexts: Contexts::REQUEST,
        args: 1..=1,
        example: "client_body_buffer_size 128k;",
        form: Form::Once(|scope, it| {
            put(&mut scope.settings.client_body_buffer_size, it.args[0].buffer(BUFFER_BYTES_MIN..=BUFFER_BYTES_MAX))
        }),
    },
    Directive {
        name: "client_body_temp_path",
        contexts: Contexts::REQUEST,
        args: 1..=4,
        example: "client_body_temp_path /var/tmp;",
        form: Form::Once(client_body_temp_path),
    },
    Directive {
        name: "client_body_in_file_only",
        contexts: Contexts::REQUEST,
        args: 1..=1,
        example: "client_body_in_file_only clean;",
        form: Form::Once(|scope, it| {
            let choices = [("off", BodyInFile::Off), ("on", BodyInFile::On), ("clean", BodyInFile::Clean)];
            put(&mut scope.settings.client_body_in_file_only, it.args[0].choice("value", &choices))
        }),
    },
    Directive {
        name: "client_header_buffer_size",
        contexts: HEAD,
        args: 1..=1,
        example: "client_header_buffer_size 1k;",
        form: Form::Once(|scope, it| {
            put(&mut scope.settings.client_header_buffer_size, it.args[0].buffer(BUFFER_BYTES_MIN..=BUFFER_BYTES_MAX))
        }),
    },
    Directive {
        name: "large_client_header_buffers",
        contexts: HEAD,
        args: 2..=2,
        example: "large_client_header_buffers 4 8k;",
        form: Form::Once(|scope, it| {
            let number = it.args[0].count(1..=1024)?;
            let size = it.args[1].buffer(BUFFER_BYTES_MIN..=BUFFER_BYTES_MAX)?;
            scope.settings.large_client_header_buffers = (number, size);
            Ok(())
        }),
    },
    Directive {
        name: "max_headers",
        contexts: HEAD,
        args: 1..=1,
        example: "max_headers 1000;",
        form: Form::Once(|scope, it| put(&mut scope.settings.max_headers, it.args[0].count(1..=HEADERS_MAX))),
    },
    Directive {
        name: "sendfile",
        contexts: Contexts::REQUEST.union(Contexts::LOCATION_IF),
        args: 1..=1,
        example: "sendfile on;",
        form: Form::Once(|scope, it| put(&mut scope.settings.sendfile, it.args[0].flag())),
    },
    Directive {
        name: "sendfile_max_chunk",
        contexts: Contexts::REQUEST.union(Contexts::LOCATION_IF),
        args: 1..=1,
        example: "sendfile_max_chunk 2m;",
        form: Form::Once(|scope, it| put(&mut scope.settings.sendfile_max_chunk, it.args[0].size())),
    },
    Directive {
        name: "tcp_nopush",
        contexts: Contexts::REQUEST,
        args: 1..=1,
        example: "tcp_nopush on;",
        form: Form::Once(|scope, it| put(&mut scope.settings.tcp_nopush, it.args[0].flag())),
    },
    Directive {
        name: "tcp_nodelay",
        contexts: Contexts::REQUEST,
        args: 1..=1,
        example: "tcp_nodelay on;",
        form: Form::Once(|scope, it| put(&mut scope.settings.tcp_nodelay, it.args[0].flag())),
    },
];

/// `client_body_temp_path DIR [LEVEL [LEVEL [LEVEL]]];` nginx's levels of folders help if there are very many files.
/// Here most temporary files have no name, so all files are in one folder and the levels are ignored.
fn client_body_temp_path(scope: &mut Scope<'_>, it: &Statement) -> Result<(), Fault> {
    for level in &it.args[1..] {
        level.number(1..=3)?;
    }
    let path = scope.path(&it.args[0])?;
    let place = scope.draft.files.line(it.name.place);
    scope.draft.config.temp_folders.push(TempFolder { path: path.clone(), place });
    scope.settings.client_body_temp_path = path;
    Ok(())
}

/// `keepalive_timeout TIME [TIME];`: the client gets the second one, in whole seconds.
fn keepalive_timeout(scope: &mut Scope<'_>, it: &Statement) -> Result<(), Fault> {
    scope.settings.keepalive_timeout = it.args[0].time()?;
    scope.settings.keepalive_header = match it.args.get(1) {
        None => None,
        Some(word) => Some(word.time()?).filter(|time| *time >= Duration::from_secs(1)),
    };
    Ok(())
}

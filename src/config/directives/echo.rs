//! `echo`: servers that speak the echo protocol (RFC 862).

use super::{Contexts, Directive, Form, ProtocolRow, put};
use crate::config::types::{EchoBy, EchoServer, Protocol};
use std::sync::Arc;

/// RFC 862.
const PORT: u16 = 7;

pub(super) const ROW: ProtocolRow = ProtocolRow {
    name: "echo",
    block: Contexts::ECHO,
    server: Contexts::ECHO_SERVER,
    port: PORT,
    make: |_, draft, _| Ok(Protocol::Echo(Arc::new(EchoServer { by: draft.echo_by, timeout: draft.timeout }))),
};

pub(super) const TABLE: &[Directive] = &[
    Directive {
        name: "echo",
        contexts: Contexts::MAIN,
        args: 0..=0,
        example: "echo { server { listen 7777; } }",
        form: Form::Section(|scope, it, read| {
            read(&mut scope.inside(Contexts::ECHO), it.statements());
            Ok(())
        }),
    },
    Directive {
        name: "echo_by",
        contexts: Contexts::ECHO.union(Contexts::ECHO_SERVER),
        args: 1..=1,
        example: "echo_by lines;",
        form: Form::Once(|scope, it| {
            let by = it.args[0].choice("value", &[("bytes", EchoBy::Bytes), ("lines", EchoBy::Lines)]);
            put(&mut scope.protocol.echo_by, by)
        }),
    },
];

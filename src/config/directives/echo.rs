//! `echo`: servers that speak the echo protocol (RFC 862).

use super::{Contexts, Directive, ProtocolRow, put, row};
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
    row("echo", Contexts::MAIN, 0..=0, "echo { server { listen 7777; } }")
        .own()
        .help("The servers of the echo protocol (RFC 862).")
        .section(|scope, it, read| {
            read(&mut scope.inside(Contexts::ECHO), it.statements());
            Ok(())
        }),
    row("echo_by", Contexts::ECHO.union(Contexts::ECHO_SERVER), 1..=1, "echo_by lines;")
        .syntax("bytes|lines")
        .default("bytes")
        .own()
        .help("Whether an echo server answers as bytes come, or with whole lines.")
        .once(|scope, it| {
            let by = it.args[0].choice("value", &[("bytes", EchoBy::Bytes), ("lines", EchoBy::Lines)]);
            put(&mut scope.protocol.echo_by, by)
        }),
];

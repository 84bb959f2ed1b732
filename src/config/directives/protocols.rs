//! The protocols beside HTTP: each has a block of its own at the top level, with servers in it.
//!
//! To add one: its levels in `scope.rs`, its row in [`ROWS`], a file with its directives and its `make`, its variant
//! in `types/protocol.rs`, and the arm that opens its connections in `task/client/accept.rs`.

use super::{Contexts, ProtocolRow, Read, directory, echo};
use crate::config::listeners::{Listen, ServerDraft};
use crate::config::parse::Statement;
use crate::config::problem::Fault;
use crate::config::scope::Scope;
use crate::config::types::{Address, Server};
use std::net::Ipv4Addr;
use std::sync::Arc;

const ROWS: [ProtocolRow; 2] = [directory::ROW, echo::ROW];

/// The row of the protocol that has this level.
fn row(context: Contexts) -> Option<&'static ProtocolRow> {
    const { &ROWS }.iter().find(|row| row.block == context || row.server == context)
}

/// The port of an address without one on this level, if the level is one of these protocols.
pub(super) fn port(context: Contexts) -> Option<u16> {
    row(context).map(|row| row.port)
}

/// The level inside a `server` on this level, if the level is the block of one of these protocols.
pub(super) fn server_level(context: Contexts) -> Option<Contexts> {
    row(context).map(|row| row.server)
}

/// The level inside the block with this name, if it is one of these protocols.
pub(super) fn block_level(name: &str) -> Option<Contexts> {
    const { &ROWS }.iter().find(|row| row.name == name).map(|row| row.block)
}

/// `in "directory"`, for messages.
pub(super) fn level(context: Contexts) -> Option<String> {
    row(context).map(|row| match context == row.block {
        true => format!("in \"{}\"", row.name),
        false => format!("in a \"server\" of \"{}\"", row.name),
    })
}

/// `server { ... }` in the block of one of these protocols.
pub(super) fn server(scope: &mut Scope<'_>, it: &Statement, read: Read) -> Result<(), Fault> {
    let Some(row) = row(scope.context) else { return Ok(()) };
    let (place, outer_root) = (it.name.place, scope.seen.get("root").copied());
    let mut inner = scope.inside(row.server);
    read(&mut inner, it.statements());
    let Scope { mut settings, mut listens, protocol, seen, .. } = inner;
    if listens.is_empty() {
        let address = Address::Inet((Ipv4Addr::UNSPECIFIED, row.port).into());
        listens.push(Listen::new(address, place));
    }
    settings.send_timeout = protocol.timeout;
    let root_place = seen.get("root").copied().or(outer_root).unwrap_or(place);
    let protocol = (row.make)(&mut settings, protocol, root_place)?;
    let server = Server {
        names: Vec::new(),
        settings: Arc::new(settings),
        locations: Default::default(),
        place: scope.draft.files.line(place),
        route: scope.draft.next_route(),
    };
    scope.draft.servers.push(ServerDraft {
        server: Arc::new(server),
        listens,
        names: Vec::new(),
        regexes: Vec::new(),
        place,
        protocol,
    });
    Ok(())
}

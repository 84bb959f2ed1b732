//! `server`: a virtual host, its names and paths. `listen` has its own file.

use super::{Contexts, Directive, MANY, Read, listen, protocols, put, row};
use crate::config::lex::Word;
use crate::config::listeners::ServerDraft;
use crate::config::parse::Statement;
use crate::config::problem::Fault;
use crate::config::scope::Scope;
use crate::config::types::{Phases, Protocol, Server};
use std::sync::Arc;

/// The longest host name (RFC 1035, section 2.3.4).
const NAME_BYTES_MAX: usize = 255;

pub(super) const TABLE: &[Directive] = &[
    row("server", Contexts::HTTP.union(Contexts::PROTOCOL_BLOCK), 0..=0, "server { listen 8080; }")
        .help("A virtual host: its addresses, its names, and what it answers.")
        .sections(|scope, it, read| match scope.context {
            Contexts::HTTP => server(scope, it, read),
            _ => protocols::server(scope, it, read),
        }),
    row("listen", Contexts::SERVER.union(Contexts::PROTOCOL_SERVER), 1..=MANY, "listen 127.0.0.1:8080;")
        .syntax("ADDRESS[:PORT[-PORT]]|PORT[-PORT]|unix:PATH [OPTION ...]")
        .without("port 80, or 8000 if the server is not started as root")
        .differs("reuseport is on without it, so that each worker has its own socket")
        .differs(
            "mode=660, owner=USER and group=GROUP are for the file of a unix socket, which has mode 666 without them",
        )
        .help("An address that the server accepts connections on.")
        .repeat(listen::listen),
    row("server_name", Contexts::SERVER, 1..=MANY, "server_name example.org *.example.org;")
        .syntax("NAME ...")
        .without("the server has no name")
        .help("The names of the host: exact, or with * as the first or the last label.")
        .repeat(|scope, it| it.args.iter().try_for_each(|word| server_name(scope, word))),
    row("merge_slashes", Contexts::HTTP.union(Contexts::SERVER), 1..=1, "merge_slashes on;")
        .syntax("on|off")
        .default("on")
        .help("Takes several slashes in a path as one.")
        .once(|scope, it| put(&mut scope.settings.merge_slashes, it.args[0].flag())),
];

fn server(scope: &mut Scope<'_>, it: &Statement, read: Read) -> Result<(), Fault> {
    let mut inner = scope.inside(Contexts::SERVER);
    read(&mut inner, it.statements());
    for word in std::mem::take(&mut inner.named_uses) {
        if !inner.locations.named.contains_key(&word.text) {
            let message = format!("this server has no location \"{}\": what is sent there gets 500", word.text);
            inner.warn(&word, message);
        }
    }
    let Scope { settings, locations, listens, names, regexes, .. } = inner;
    let server = Server {
        names: names.iter().map(|word| word.text.clone()).collect(),
        settings: Arc::new(settings),
        locations,
        place: scope.draft.files.line(it.name.place),
        route: scope.draft.next_route(),
    };
    let place = it.name.place;
    let (server, protocol) = (Arc::new(server), Protocol::Http);
    scope.draft.servers.push(ServerDraft { server, listens, names, regexes, place, protocol });
    Ok(())
}

/// One name: exact, `*.example.org`, `www.example.*`, `.example.org`, an address, `$hostname` for the name of this
/// machine, or "" for requests without a host.
fn server_name(scope: &mut Scope<'_>, word: &Word) -> Result<(), Fault> {
    let mut text = word.text.to_ascii_lowercase();
    if text == "$hostname" {
        text = webserv_sys::process::hostname().unwrap_or_default().to_ascii_lowercase();
        if text.is_empty() || scope.names.iter().any(|name| name.text == text) {
            return Ok(()); // the machine has the name that stands here already, as "localhost"
        }
    }
    if let Some(expression) = word.text.strip_prefix('~') {
        let regex = scope.regex(word, expression, true)?;
        scope.settings.phases |= Phases::SERVER_REWRITE;
        if scope.names.is_empty() && scope.regexes.is_empty() {
            scope.settings.server_name = Arc::from(&word.text[..]);
        }
        scope.regexes.push(regex);
        return Ok(());
    }
    if text.contains('$') {
        scope.warn(word, format!("\"{text}\" matches no host: of variables, only $hostname has a meaning here"));
    }
    if text.len() > NAME_BYTES_MAX {
        return Err(word.fault(format!("this name is longer than {NAME_BYTES_MAX} bytes")));
    }
    let inner = text.strip_prefix("*.").or(text.strip_suffix(".*")).or(text.strip_prefix('.')).unwrap_or(&text);
    if inner.contains('*') || (inner.is_empty() && !text.is_empty()) {
        return Err(word.fault(format!(
            "\"{}\" is no server name; a wildcard is the first or the last label, as in *.example.org or www.example.*",
            word.text
        )));
    }
    if let Some(first) = scope.names.iter().find(|name| name.text == text) {
        let message = format!("the name \"{}\" is given twice, {}", word.text, scope.first_at(first.place));
        scope.warn(word, message);
        return Ok(());
    }
    if text.contains(['/', ':', ' ']) && !text.starts_with('[') {
        scope.warn(word, format!("\"{}\" matches no host: a server's name has no scheme, port or path", word.text));
    }
    if scope.names.is_empty() && scope.regexes.is_empty() {
        // ".example.org" is that name and every name below it.
        scope.settings.server_name = Arc::from(text.strip_prefix('.').unwrap_or(&text));
    }
    scope.names.push(Word { text, ..word.clone() });
    Ok(())
}

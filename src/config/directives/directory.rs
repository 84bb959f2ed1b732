//! `directory`: servers that speak the directory protocol (docs/directory.md), their users and timeouts.

use super::{Contexts, Directive, ProtocolRow, put, row};
use crate::config::lex::Word;
use crate::config::problem::{Fault, Position};
use crate::config::scope::{ProtocolDraft, Scope};
use crate::config::source::ConfigFiles;
use crate::config::types::{Autoindex, DirectoryServer, DisableSymlinks, EtagForm, Protocol, Settings};
use crate::directory;
use crate::password::Users;
use std::sync::Arc;

/// The largest users file in bytes: some 10,000 users.
const USERS_BYTES_MAX: usize = 1 << 20;

const LEVELS: Contexts = Contexts::DIRECTORY.union(Contexts::DIRECTORY_SERVER);

pub(super) const ROW: ProtocolRow = ProtocolRow {
    name: "directory",
    block: Contexts::DIRECTORY,
    server: Contexts::DIRECTORY_SERVER,
    port: directory::PORT,
    make,
};

pub(super) const TABLE: &[Directive] = &[
    row("directory", Contexts::MAIN, 0..=0, "directory { server { listen 1202; root html; } }")
        .own()
        .help("The servers of the directory protocol (docs/directory.md).")
        .section(|scope, it, read| {
            read(&mut scope.inside(Contexts::DIRECTORY), it.statements());
            Ok(())
        }),
    row("users", LEVELS, 1..=1, "users config/users;")
        .syntax("FILE|off")
        .default("off")
        .own()
        .help("The file with the users of a directory server and their passwords.")
        .once(|scope, it| {
            scope.protocol.users = users(scope, &it.args[0])?;
            Ok(())
        }),
    row("timeout", Contexts::PROTOCOL_BLOCK.union(Contexts::PROTOCOL_SERVER), 1..=1, "timeout 60s;")
        .syntax("TIME")
        .default("60s")
        .own()
        .help("How long a client of a directory or echo server may be silent.")
        .once(|scope, it| put(&mut scope.protocol.timeout, it.args[0].time())),
];

/// `users FILE|off;`
fn users(scope: &mut Scope<'_>, word: &Word) -> Result<Option<Arc<Users>>, Fault> {
    if word.text == "off" {
        return Ok(None);
    }
    let path = scope.path(word)?;
    let text = scope.draft.reader.read(&path, USERS_BYTES_MAX);
    let text = text.map_err(|error| word.fault(format!("this file cannot be read: {error}")))?;
    scope.draft.config.secrets.push((ConfigFiles::name(&path), text.as_str().into()));
    let users = Users::parse(&text).map_err(|(line, what)| match line {
        0 => word.fault(format!("this file cannot be used: {what}")),
        line => word.fault(format!("in line {line} of this file, {what}")),
    })?;
    Ok(Some(Arc::new(users)))
}

/// The protocol of a `server` in `directory`.
fn make(settings: &mut Settings, draft: ProtocolDraft, root_place: Position) -> Result<Protocol, Fault> {
    // Links below the root are not followed, but the path to the root may contain some.
    let root = settings.root.canonicalize().map_err(|error| error.to_string());
    let root = root.and_then(|root| if root.is_dir() { Ok(root) } else { Err("it is no directory".to_owned()) });
    settings.root = root.map_err(|why| {
        Fault::new(root_place, format!("the root {} cannot be served: {why}", settings.root.display()))
    })?;
    settings.disable_symlinks = DisableSymlinks::On;
    settings.autoindex = Autoindex { on: true, ..settings.autoindex };
    settings.etag = EtagForm::Off;
    let ProtocolDraft { users, timeout, .. } = draft;
    Ok(Protocol::Directory(Arc::new(DirectoryServer { settings: Arc::new(settings.clone()), users, timeout })))
}

//! Connections: keep-alive, timeouts, limits for requests, and how bytes are sent.

use super::{Contexts, Directive, put, row};
use crate::ages::AgeRule;
use crate::config::parse::Statement;
use crate::config::problem::Fault;
use crate::config::scope::Scope;
use crate::config::types::{BodyInFile, Keepalive, LingeringClose, OldBrowsers, TempFolder};
use std::path::PathBuf;
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
    row("keepalive_timeout", Contexts::REQUEST, 1..=2, "keepalive_timeout 75s;")
        .syntax("TIME [TIME]")
        .default("75s")
        .help("How long an idle connection stays open; the second time is told the client.")
        .once(keepalive_timeout),
    row("keepalive_requests", Contexts::REQUEST, 1..=1, "keepalive_requests 1000;")
        .syntax("NUMBER")
        .default("1000")
        .help("The number of requests on one connection.")
        .once(|scope, it| put(&mut scope.settings.keepalive.requests, it.args[0].number(0..=u64::MAX))),
    row("keepalive_time", Contexts::REQUEST, 1..=1, "keepalive_time 1h;")
        .syntax("TIME")
        .without("as long as requests come")
        .differs("nginx's default is 1h")
        .help("How long requests are answered on one connection; the next response is the last.")
        .once(|scope, it| {
            let time = Some(it.args[0].time()?);
            scope.settings.keepalive.time = time;
            let ages = &mut scope.draft.config.ages;
            let needed = time.map(AgeRule::up_to);
            *ages = needed.map(|needed| ages.map_or(needed, |ages| ages.and(needed))).or(*ages);
            Ok(())
        }),
    row("keepalive_disable", Contexts::REQUEST, 1..=2, "keepalive_disable msie6;")
        .syntax("none|BROWSER [BROWSER]")
        .default("none")
        .differs("nginx's default is msie6")
        .help("The browsers whose connections end after each response: msie6 (after POST), safari.")
        .once(keepalive_disable),
    row("underscores_in_headers", HEAD, 1..=1, "underscores_in_headers on;")
        .syntax("on|off")
        .default("off")
        .help("Passes fields with underscores in their name to programs and to $http_NAME.")
        .once(|scope, it| put(&mut scope.settings.field_names.underscores, it.args[0].flag())),
    row("ignore_invalid_headers", HEAD, 1..=1, "ignore_invalid_headers off;")
        .syntax("on|off")
        .default("on")
        .differs("a name that no request may have (RFC 9110, section 5.1) is refused either way")
        .help("Keeps fields with unusual names from programs and from $http_NAME.")
        .once(|scope, it| put(&mut scope.settings.field_names.all, it.args[0].flag().map(|on| !on))),
    row("client_header_timeout", HEAD, 1..=1, "client_header_timeout 60s;")
        .syntax("TIME")
        .default("60s")
        .help("The time for the whole head of a request.")
        .once(|scope, it| put(&mut scope.settings.client_header_timeout, it.args[0].time())),
    row("client_body_timeout", Contexts::REQUEST, 1..=1, "client_body_timeout 60s;")
        .syntax("TIME")
        .default("60s")
        .help("The longest time between two pieces of a body.")
        .once(|scope, it| put(&mut scope.settings.client_body_timeout, it.args[0].time())),
    row("send_timeout", Contexts::REQUEST, 1..=1, "send_timeout 60s;")
        .syntax("TIME")
        .default("60s")
        .help("The longest time in which a client takes nothing of a response.")
        .once(|scope, it| put(&mut scope.settings.send_timeout, it.args[0].time())),
    row("lingering_close", Contexts::REQUEST, 1..=1, "lingering_close on;")
        .syntax("off|on|always")
        .default("on")
        .help("Reads on before it closes, so that the response is not lost to a reset.")
        .once(|scope, it| {
            let choices =
                [("off", LingeringClose::Off), ("on", LingeringClose::On), ("always", LingeringClose::Always)];
            put(&mut scope.settings.lingering.mode, it.args[0].choice("value", &choices))
        }),
    row("lingering_time", Contexts::REQUEST, 1..=1, "lingering_time 30s;")
        .syntax("TIME")
        .default("30s")
        .help("The longest time that lingering_close reads.")
        .once(|scope, it| put(&mut scope.settings.lingering.time, it.args[0].time())),
    row("lingering_timeout", Contexts::REQUEST, 1..=1, "lingering_timeout 5s;")
        .syntax("TIME")
        .default("5s")
        .help("The longest pause while lingering_close reads.")
        .once(|scope, it| put(&mut scope.settings.lingering.timeout, it.args[0].time())),
    row("reset_timedout_connection", Contexts::REQUEST, 1..=1, "reset_timedout_connection on;")
        .syntax("on|off")
        .default("off")
        .help("Resets the connection of a client that was too slow.")
        .once(|scope, it| put(&mut scope.settings.reset_timedout_connection, it.args[0].flag())),
    row("client_max_body_size", Contexts::REQUEST, 1..=1, "client_max_body_size 1m;")
        .syntax("SIZE")
        .default("1m")
        .help("The largest body of a request; 0: no limit.")
        .once(|scope, it| put(&mut scope.settings.client_max_body_size, it.args[0].size())),
    row("client_body_buffer_size", Contexts::REQUEST, 1..=1, "client_body_buffer_size 128k;")
        .syntax("SIZE")
        .default("128k")
        .differs("nginx's default is 16k")
        .help("How much of a body is held in memory; more is stored in a file.")
        .once(|scope, it| {
            put(&mut scope.settings.client_body_buffer_size, it.args[0].buffer(BUFFER_BYTES_MIN..=BUFFER_BYTES_MAX))
        }),
    row("client_body_temp_path", Contexts::REQUEST, 1..=4, "client_body_temp_path /var/tmp;")
        .syntax("FOLDER [LEVEL [LEVEL [LEVEL]]]")
        .without("the folder TMPDIR, or /tmp")
        .differs("the levels are accepted and not used")
        .help("The folder of bodies that are stored in a file.")
        .once(client_body_temp_path),
    row("client_body_in_file_only", Contexts::REQUEST, 1..=1, "client_body_in_file_only clean;")
        .syntax("off|on|clean")
        .default("off")
        .help("Stores each body in a file; with clean the file is removed at the end.")
        .once(|scope, it| {
            let choices = [("off", BodyInFile::Off), ("on", BodyInFile::On), ("clean", BodyInFile::Clean)];
            put(&mut scope.settings.client_body_in_file_only, it.args[0].choice("value", &choices))
        }),
    row("client_header_buffer_size", HEAD, 1..=1, "client_header_buffer_size 1k;")
        .syntax("SIZE")
        .default("1k")
        .help("The first buffer for the head of a request.")
        .once(|scope, it| {
            put(&mut scope.settings.client_header_buffer_size, it.args[0].buffer(BUFFER_BYTES_MIN..=BUFFER_BYTES_MAX))
        }),
    row("large_client_header_buffers", HEAD, 2..=2, "large_client_header_buffers 4 8k;")
        .syntax("NUMBER SIZE")
        .default("4 8k")
        .help("The buffers for a longer head; a line must fit into one.")
        .once(|scope, it| {
            let number = it.args[0].count(1..=1024)?;
            let size = it.args[1].buffer(BUFFER_BYTES_MIN..=BUFFER_BYTES_MAX)?;
            scope.settings.large_client_header_buffers = (number, size);
            Ok(())
        }),
    row("max_headers", HEAD, 1..=1, "max_headers 1000;")
        .syntax("NUMBER")
        .default("1000")
        .help("The most field lines in the head of a request.")
        .once(|scope, it| put(&mut scope.settings.max_headers, it.args[0].count(1..=HEADERS_MAX))),
    row("sendfile", Contexts::REQUEST.union(Contexts::LOCATION_IF), 1..=1, "sendfile on;")
        .syntax("on|off")
        .default("on")
        .differs("nginx's default is off")
        .help("Sends long files with sendfile(2).")
        .once(|scope, it| put(&mut scope.settings.sendfile, it.args[0].flag())),
    row("sendfile_max_chunk", Contexts::REQUEST.union(Contexts::LOCATION_IF), 1..=1, "sendfile_max_chunk 2m;")
        .syntax("SIZE")
        .default("4m")
        .differs("nginx's default is 2m")
        .help("The most bytes of one call of sendfile(2); 0: no limit but that of a turn.")
        .once(|scope, it| put(&mut scope.settings.sendfile_max_chunk, it.args[0].size())),
    row("tcp_nopush", Contexts::REQUEST, 1..=1, "tcp_nopush on;")
        .syntax("on|off")
        .default("off")
        .help("Sends only full segments with sendfile.")
        .once(|scope, it| put(&mut scope.settings.tcp_nopush, it.args[0].flag())),
    row("tcp_nodelay", Contexts::REQUEST, 1..=1, "tcp_nodelay on;")
        .syntax("on|off")
        .default("on")
        .help("Sends small segments at once (TCP_NODELAY).")
        .once(|scope, it| put(&mut scope.settings.tcp_nodelay, it.args[0].flag())),
];

/// `client_body_temp_path DIR [LEVEL [LEVEL [LEVEL]]];` nginx's levels of folders help if there are very many files.
/// Here most temporary files have no name, so all files are in one folder and the levels are ignored.
fn client_body_temp_path(scope: &mut Scope<'_>, it: &Statement) -> Result<(), Fault> {
    scope.settings.client_body_temp_path = temp_folder(scope, it)?;
    Ok(())
}

/// The folder of a directive for temporary files, which is made at the start.
pub(super) fn temp_folder(scope: &mut Scope<'_>, it: &Statement) -> Result<PathBuf, Fault> {
    for level in &it.args[1..] {
        level.number(1..=3)?;
    }
    let path = scope.path(&it.args[0])?;
    let place = scope.draft.files.line(it.name.place);
    let directive = it.name.text.clone();
    scope.draft.config.temp_folders.push(TempFolder { directive, path: path.clone(), place });
    Ok(path)
}

/// Called after all plain directives of a level: notes whether a connection's end depends on more than the number of
/// its requests.
pub(in crate::config) fn settle(scope: &mut Scope<'_>) {
    let Keepalive { requests, time, disable, .. } = scope.settings.keepalive;
    scope.settings.keepalive.unasked = if time.is_none() && disable.is_empty() { requests } else { 0 };
}

/// `keepalive_disable none|BROWSER ...;`
fn keepalive_disable(scope: &mut Scope<'_>, it: &Statement) -> Result<(), Fault> {
    let choices = [("none", OldBrowsers::empty()), ("msie6", OldBrowsers::MSIE6), ("safari", OldBrowsers::SAFARI)];
    scope.settings.keepalive.disable = OldBrowsers::empty();
    for word in &it.args {
        scope.settings.keepalive.disable |= word.choice("browser", &choices)?;
    }
    Ok(())
}

/// `keepalive_timeout TIME [TIME];`: the client gets the second one, in whole seconds.
fn keepalive_timeout(scope: &mut Scope<'_>, it: &Statement) -> Result<(), Fault> {
    scope.settings.keepalive.timeout = it.args[0].time()?;
    scope.settings.keepalive.header = match it.args.get(1) {
        None => None,
        Some(word) => Some(word.time()?).filter(|time| *time >= Duration::from_secs(1)),
    };
    Ok(())
}

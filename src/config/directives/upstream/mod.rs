//! `upstream`: a group of servers that requests are passed to, and the directives in it.

mod server;

use super::limits::{ZONE_BYTES_MAX, ZONE_BYTES_MIN};
use super::{Contexts, Directive, MANY, Read, put, row};
use crate::config::lex::Word;
use crate::config::parse::Statement;
use crate::config::problem::Fault;
use crate::config::scope::{ConfigDraft, Scope};
use crate::config::types::Balance;
use crate::config::upstreams::{UpstreamGroup, UpstreamZone};
use std::sync::Arc;

const UPSTREAM: Contexts = Contexts::UPSTREAM;

/// The largest number of kept connections and of their requests.
const COUNT_MAX: usize = u32::MAX as usize;

pub(super) const TABLE: &[Directive] = &[
    row("upstream", Contexts::HTTP, 1..=1, "upstream app { server 127.0.0.1:8000; server 127.0.0.1:8001; }")
        .syntax("NAME")
        .help("A group of servers, for proxy_pass http://NAME, fastcgi_pass NAME and their kind.")
        .sections(upstream),
    row("server", UPSTREAM, 1..=MANY, "server 127.0.0.1:8000 weight=2 max_fails=3;")
        .syntax("ADDRESS[:PORT]|unix:FILE [OPTION ...]")
        .without("a group needs one")
        .differs("service=, slow_start=, route= and drain are refused")
        .help("A server of the group: weight=, max_fails=, fail_timeout=, max_conns=, backup, down, resolve.")
        .repeat(server::server),
    row("least_conn", UPSTREAM, 0..=0, "least_conn;")
        .without("the servers take turns, by weight")
        .help("Chooses the server with the fewest requests for its weight.")
        .repeat(|scope, it| method(scope, it, Balance::LeastConn)),
    row("ip_hash", UPSTREAM, 0..=0, "ip_hash;")
        .without("the servers take turns, by weight")
        .help("Chooses the server by the client's address: the first three bytes of an IPv4 address.")
        .repeat(|scope, it| method(scope, it, Balance::IpHash)),
    row("hash", UPSTREAM, 1..=2, "hash $request_uri consistent;")
        .syntax("KEY [consistent]")
        .without("the servers take turns, by weight")
        .help("Chooses the server by a text; consistent: few keys move when a server comes or goes.")
        .repeat(hash),
    row("random", UPSTREAM, 0..=2, "random two least_conn;")
        .syntax("[two [least_conn]]")
        .without("the servers take turns, by weight")
        .help("Chooses a server at random; two: the one of two with fewer requests.")
        .repeat(random),
    row("zone", UPSTREAM, 1..=2, "zone app 64k;")
        .syntax("NAME [SIZE]")
        .without("each worker counts failures, requests and turns on its own")
        .differs("it goes on after a reload, and its size is not used")
        .help("All workers share what is known of the servers.")
        .once(zone),
    row("keepalive", UPSTREAM, 1..=2, "keepalive 16;")
        .syntax("NUMBER [local]")
        .default("32 local")
        .help("Connections that each worker keeps open; 0: none; local: for requests of the same location.")
        .once(keepalive),
    row("keepalive_requests", UPSTREAM, 1..=1, "keepalive_requests 100;")
        .syntax("NUMBER")
        .default("1000")
        .help("The most requests of one connection to a server of the group.")
        .once(|scope, it| {
            let count = it.args[0].number(0..=COUNT_MAX as u64);
            put(&mut scope.upstream.keepalive.requests, count)
        }),
    row("keepalive_time", UPSTREAM, 1..=1, "keepalive_time 10m;")
        .syntax("TIME")
        .default("1h")
        .help("How long a connection to a server of the group is used.")
        .once(|scope, it| put(&mut scope.upstream.keepalive.time, it.args[0].time())),
    row("keepalive_timeout", UPSTREAM, 1..=1, "keepalive_timeout 30s;")
        .syntax("TIME")
        .default("60s")
        .help("How long a connection to a server of the group stays open without a request.")
        .once(|scope, it| put(&mut scope.upstream.keepalive.timeout, it.args[0].time())),
];

/// `upstream NAME { ... }`. A group with faults is there all the same, so that directives that name it are not blamed.
fn upstream(scope: &mut Scope<'_>, it: &Statement, read: Read) -> Result<(), Fault> {
    let word = &it.args[0];
    let name = word.plain()?.to_owned();
    let key = name.to_ascii_lowercase();
    let first = scope.draft.upstreams.get(&key).map(|first| first.place);
    let mut inner = scope.inside(UPSTREAM);
    read(&mut inner, it.statements());
    let (group, resolver) = (std::mem::take(&mut inner.upstream), inner.settings.resolver.clone());
    if let Some(first) = first {
        return Err(word.fault(format!("the upstream \"{name}\" is defined twice, {}", scope.first_at(first))));
    }
    let fault = group.fault(word, inner.seen.contains_key("server"), &resolver);
    let upstream = Arc::new(group.upstream(&name, resolver));
    scope.draft.config.upstreams.push(Arc::clone(&upstream));
    scope.draft.upstreams.insert(key, UpstreamGroup { upstream, place: word.place });
    fault.map_or(Ok(()), Err)
}

/// One of the ways to choose a server. As in nginx, the last one holds.
fn method(scope: &mut Scope<'_>, it: &Statement, balance: Balance) -> Result<(), Fault> {
    if let Some((earlier, _)) = scope.upstream.method.replace((it.name.clone(), balance)) {
        let first = scope.first_at(earlier.place);
        let message = format!(
            "\"{}\" takes the place of \"{}\", {first}; a group has one way to choose a server",
            it.name.text, earlier.text
        );
        scope.warn(&it.name, message);
    }
    Ok(())
}

/// `hash KEY [consistent];`
fn hash(scope: &mut Scope<'_>, it: &Statement) -> Result<(), Fault> {
    let key = scope.template(&it.args[0])?;
    let consistent = match it.args.get(1) {
        Some(word) => word.choice("value", &[("consistent", true)])?,
        None => false,
    };
    method(scope, it, Balance::Hash { key, consistent })
}

/// `random [two [least_conn]];`
fn random(scope: &mut Scope<'_>, it: &Statement) -> Result<(), Fault> {
    let mut words = it.args.iter();
    let two = words.next().map(|word| word.choice("value", &[("two", ())])).transpose()?.is_some();
    words.next().map(|word| word.choice("value", &[("least_conn", ())])).transpose()?;
    method(scope, it, Balance::Random { two })
}

/// `zone NAME [SIZE];`
fn zone(scope: &mut Scope<'_>, it: &Statement) -> Result<(), Fault> {
    let word = &it.args[0];
    word.plain()?;
    let bytes = it.args.get(1).map(zone_bytes).transpose()?;
    if scope.draft.config.zones.has(&word.text) {
        return Err(word.fault(format!("the zone \"{}\" is one of limit_req_zone or limit_conn_zone", word.text)));
    }
    let mut sizes =
        scope.draft.upstream_zones.iter().filter(|zone| zone.word.text == word.text && zone.bytes.is_some());
    if let Some(first) = sizes.next().filter(|first| bytes.is_some() && first.bytes != bytes) {
        let first = scope.first_at(first.word.place);
        return Err(word.fault(format!("the zone \"{}\" has another size elsewhere, {first}", word.text)));
    }
    scope.draft.upstream_zones.push(UpstreamZone { word: word.clone(), bytes });
    scope.upstream.is_shared = true;
    Ok(())
}

fn zone_bytes(word: &Word) -> Result<u64, Fault> {
    let bytes = word.size()?;
    if !(ZONE_BYTES_MIN..=ZONE_BYTES_MAX).contains(&bytes) {
        let (least, most) = (ZONE_BYTES_MIN >> 10, ZONE_BYTES_MAX >> 30);
        return Err(word.fault(format!("a zone has a size from {least}k to {most}g")));
    }
    Ok(bytes)
}

/// `keepalive NUMBER [local];`
fn keepalive(scope: &mut Scope<'_>, it: &Statement) -> Result<(), Fault> {
    let connections = it.args[0].count(0..=COUNT_MAX)?;
    let is_local = match it.args.get(1) {
        Some(word) => word.choice("value", &[("local", true)])?,
        None => false,
    };
    let keepalive = &mut scope.upstream.keepalive;
    (keepalive.connections, keepalive.is_local) = (connections, is_local);
    Ok(())
}

/// Adds a fault for each zone that no directive gives a size.
pub(in crate::config) fn check(draft: &mut ConfigDraft) {
    let zones = &draft.upstream_zones;
    let has_size = |name: &str| zones.iter().any(|zone| zone.word.text == name && zone.bytes.is_some());
    let mut missing: Vec<&Word> = zones.iter().map(|zone| &zone.word).filter(|word| !has_size(&word.text)).collect();
    missing.dedup_by_key(|word| &word.text);
    let fault = |word: &Word| {
        let name = &word.text;
        word.fault(format!("no directive says the size of the zone \"{name}\"; write zone {name} 64k;"))
    };
    let faults: Vec<Fault> = missing.into_iter().map(fault).collect();
    draft.faults.extend(faults);
}

//! Limits of rates and of requests at a time: limit_req, limit_conn, limit_rate.

use super::{Contexts, Directive, put, row};
use crate::config::lex::Word;
use crate::config::parse::Statement;
use crate::config::problem::Fault;
use crate::config::scope::{ConfigDraft, Scope};
use crate::config::types::{Level, LimitRefusal, Phases, PlaceLimit, RequestLimit, Size, Zone, ZoneDefinition, Zones};
use crate::rate::{Places, Rate, Requests, ZoneTable};
use std::sync::Arc;

/// The least size of a zone: nginx's eight pages.
pub(super) const ZONE_BYTES_MIN: u64 = 32 << 10;

/// The largest size of a zone. The memory is taken when it is needed.
pub(super) const ZONE_BYTES_MAX: u64 = 64 << 30;

/// The largest burst, in requests.
const BURST_MAX: u64 = u32::MAX as u64;

/// A request, as the buckets count it.
const REQUEST: u64 = 1000;

/// Where the pace of a response may be set.
const PACE: Contexts = Contexts::REQUEST.union(Contexts::LOCATION_IF);

pub(super) const TABLE: &[Directive] = &[
    row("limit_req_zone", Contexts::HTTP, 3..=3, "limit_req_zone $binary_remote_addr zone=one:10m rate=1r/s;")
        .syntax("KEY zone=NAME:SIZE rate=RATE")
        .without("no zone")
        .help("A rate for requests with the same key, as 10r/s or 30r/m; all workers count together.")
        .repeat(|scope, it| {
            let rate = option(it, "rate")?;
            define(scope, it, parse_rate(&rate)?, requests)
        }),
    row("limit_req", Contexts::REQUEST, 1..=3, "limit_req zone=one burst=5 nodelay;")
        .syntax("zone=NAME [burst=NUMBER] [nodelay|delay=NUMBER]")
        .without("no limit")
        .help("Requests over the zone's rate wait, and those over the burst are refused.")
        .repeat(limit_req),
    row("limit_req_status", Contexts::REQUEST, 1..=1, "limit_req_status 429;")
        .syntax("STATUS")
        .default("503")
        .help("The status of a request that limit_req refuses.")
        .once(|scope, it| status(&mut scope.settings.limits.req.refusal, it)),
    row("limit_req_log_level", Contexts::REQUEST, 1..=1, "limit_req_log_level warn;")
        .syntax("info|notice|warn|error")
        .default("error")
        .help("The level of the log line for a refusal; that for a delay is one less serious.")
        .once(|scope, it| level(&mut scope.settings.limits.req.refusal, it)),
    row("limit_req_dry_run", Contexts::REQUEST, 1..=1, "limit_req_dry_run on;")
        .syntax("on|off")
        .default("off")
        .help("Refuses and delays nothing: only the log and $limit_req_status say it.")
        .once(|scope, it| put(&mut scope.settings.limits.req.refusal.dry_run, it.args[0].flag())),
    row("limit_conn_zone", Contexts::HTTP, 2..=2, "limit_conn_zone $binary_remote_addr zone=addr:10m;")
        .syntax("KEY zone=NAME:SIZE")
        .without("no zone")
        .help("Counts the requests with the same key that are being answered; all workers count together.")
        .repeat(|scope, it| define(scope, it, Rate::per_second(1), places)),
    row("limit_conn", Contexts::REQUEST, 2..=2, "limit_conn addr 10;")
        .syntax("ZONE NUMBER")
        .without("no limit")
        .help("The number of requests with the same key that are answered at a time; more are refused.")
        .repeat(limit_conn),
    row("limit_conn_status", Contexts::REQUEST, 1..=1, "limit_conn_status 429;")
        .syntax("STATUS")
        .default("503")
        .help("The status of a request that limit_conn refuses.")
        .once(|scope, it| status(&mut scope.settings.limits.conn.refusal, it)),
    row("limit_conn_log_level", Contexts::REQUEST, 1..=1, "limit_conn_log_level warn;")
        .syntax("info|notice|warn|error")
        .default("error")
        .help("The level of the log line for a refusal.")
        .once(|scope, it| level(&mut scope.settings.limits.conn.refusal, it)),
    row("limit_conn_dry_run", Contexts::REQUEST, 1..=1, "limit_conn_dry_run on;")
        .syntax("on|off")
        .default("off")
        .help("Refuses nothing: only the log and $limit_conn_status say it.")
        .once(|scope, it| put(&mut scope.settings.limits.conn.refusal.dry_run, it.args[0].flag())),
    row("limit_rate", PACE, 1..=1, "limit_rate 100k;")
        .syntax("SIZE")
        .default("0")
        .help("Bytes per second of one response; may have variables; 0: no limit.")
        .once(|scope, it| {
            let rate = size(scope, &it.args[0])?;
            scope.settings.limits.rate.rate = Some(rate).filter(|rate| *rate != Size::Fixed(0));
            Ok(())
        }),
    row("limit_rate_after", PACE, 1..=1, "limit_rate_after 1m;")
        .syntax("SIZE")
        .default("0")
        .help("Bytes at the beginning of a response that limit_rate does not slow down; may have variables.")
        .once(|scope, it| {
            scope.settings.limits.rate.after = size(scope, &it.args[0])?;
            Ok(())
        }),
];

/// `limit_req zone=NAME [burst=NUMBER] [nodelay|delay=NUMBER];`
fn limit_req(scope: &mut Scope<'_>, it: &Statement) -> Result<(), Fault> {
    let name = option(it, "zone")?;
    let (mut burst, mut undelayed) = (0, 0);
    for word in &it.args {
        if let Some(number) = word.option("burst") {
            burst = number.number(1..=BURST_MAX)? * REQUEST;
        } else if let Some(number) = word.option("delay") {
            undelayed = number.number(1..=BURST_MAX)? * REQUEST;
        } else if word.text == "nodelay" {
            undelayed = u64::MAX;
        } else if word.option("zone").is_none() {
            return Err(word.unknown("option", &["zone=", "burst=", "nodelay", "delay="]));
        }
    }
    if scope.first {
        scope.settings.limits.req.limits.clear();
    }
    let zone = used(scope.draft, &name, requests)?;
    if scope.settings.limits.req.limits.iter().any(|other| Arc::ptr_eq(&other.zone, &zone)) {
        return Err(name.fault(format!("the zone \"{}\" limits requests here already", name.text)));
    }
    scope.settings.limits.req.limits.push(RequestLimit { zone, burst, undelayed });
    scope.settings.phases |= Phases::PRE_ACCESS;
    Ok(())
}

/// `limit_conn NAME NUMBER;`
fn limit_conn(scope: &mut Scope<'_>, it: &Statement) -> Result<(), Fault> {
    let (name, most) = (&it.args[0], it.args[1].number(1..=65_535)? as u32);
    if scope.first {
        scope.settings.limits.conn.limits.clear();
    }
    let zone = used(scope.draft, name, places)?;
    if scope.settings.limits.conn.limits.iter().any(|other| Arc::ptr_eq(&other.zone, &zone)) {
        return Err(name.fault(format!("the zone \"{}\" limits connections here already", name.text)));
    }
    scope.settings.limits.conn.limits.push(PlaceLimit { zone, most });
    scope.settings.phases |= Phases::PRE_ACCESS;
    Ok(())
}

/// The zones of one kind, and those that have names in the same space.
struct Kind<'a, T> {
    zones: &'a mut Vec<Arc<Zone<T>>>,
    others: Vec<String>,
    /// The directive that defines the others.
    others_directive: &'static str,
}

fn requests(zones: &mut Zones) -> Kind<'_, Requests> {
    let others = zones.places.iter().map(|zone| zone.name.clone()).collect();
    Kind { zones: &mut zones.requests, others, others_directive: "limit_conn_zone" }
}

fn places(zones: &mut Zones) -> Kind<'_, Places> {
    let others = zones.requests.iter().map(|zone| zone.name.clone()).collect();
    Kind { zones: &mut zones.places, others, others_directive: "limit_req_zone" }
}

/// [`requests`] or [`places`].
type KindOf<T> = fn(&mut Zones) -> Kind<'_, T>;

/// The zone with this name. If no directive has named it yet, it is new and not defined.
fn zone<T: ZoneTable>(draft: &mut ConfigDraft, name: &Word, kind: KindOf<T>) -> Result<Arc<Zone<T>>, Fault> {
    let Kind { zones, others, others_directive } = kind(&mut draft.config.zones);
    if others.contains(&name.text) {
        return Err(name.fault(format!("the zone \"{}\" is one of {others_directive}", name.text)));
    }
    if let Some(zone) = zones.iter().find(|zone| zone.name == name.text) {
        return Ok(Arc::clone(zone));
    }
    let zone = Arc::new(Zone::named(name.text.clone()));
    zones.push(Arc::clone(&zone));
    Ok(zone)
}

/// The zone that a limit names.
fn used<T: ZoneTable>(draft: &mut ConfigDraft, name: &Word, kind: KindOf<T>) -> Result<Arc<Zone<T>>, Fault> {
    let zone = zone(draft, name, kind)?;
    if zone.definition().is_none() {
        draft.zones_used.push(name.clone());
    }
    Ok(zone)
}

/// `limit_..._zone KEY zone=NAME:SIZE ...;`
fn define<T: ZoneTable>(scope: &mut Scope<'_>, it: &Statement, rate: Rate, kind: KindOf<T>) -> Result<(), Fault> {
    let known = |word: &&Word| ["zone", "rate"].iter().any(|name| word.option(name).is_some());
    if let Some(word) = it.args[1..].iter().find(|word| !known(word)) {
        return Err(word.unknown("option", &["zone=", "rate="]));
    }
    let (key, key_text) = (scope.template(&it.args[0])?, it.args[0].text.clone());
    let word = option(it, "zone")?;
    let Some((name, size)) = word.text.split_once(':').filter(|(name, _)| !name.is_empty()) else {
        return Err(word.fault("a zone has a name and a size, as in zone=one:10m"));
    };
    let size = Word { text: size.to_owned(), ..word.clone() }.size()?;
    if !(ZONE_BYTES_MIN..=ZONE_BYTES_MAX).contains(&size) {
        return Err(word.fault(format!(
            "a zone has a size from {}k to {}g",
            ZONE_BYTES_MIN >> 10,
            ZONE_BYTES_MAX >> 30
        )));
    }
    let name = Word { text: name.to_owned(), ..word.clone() };
    let zone = zone(scope.draft, &name, kind)?;
    match zone.define(ZoneDefinition { key, key_text, bytes: size as usize, rate }) {
        true => Ok(()),
        false => Err(word.fault(format!("the zone \"{}\" is defined twice", name.text))),
    }
}

/// Adds a fault for each zone that is used and not defined.
pub(in crate::config) fn check(draft: &mut ConfigDraft) {
    let Zones { requests, places } = &draft.config.zones;
    let is_defined = |name: &str| {
        requests.iter().any(|zone| zone.name == name && zone.definition().is_some())
            || places.iter().any(|zone| zone.name == name && zone.definition().is_some())
    };
    let missing = draft.zones_used.iter().filter(|word| !is_defined(&word.text));
    let fault = |word: &Word| {
        let (name, is_req) = (&word.text, requests.iter().any(|zone| zone.name == word.text));
        let directive = if is_req { "limit_req_zone" } else { "limit_conn_zone" };
        word.fault(format!("no {directive} in \"http\" defines the zone \"{name}\""))
    };
    draft.faults.extend(missing.map(fault).collect::<Vec<_>>());
}

/// The value of an option that must be there.
fn option(it: &Statement, name: &str) -> Result<Word, Fault> {
    let found = it.args.iter().find_map(|word| word.option(name));
    found.ok_or_else(|| it.name.fault(format!("\"{}\" needs {name}=", it.name.text)))
}

/// `rate=10r/s` or `rate=30r/m`; without a unit, per second.
fn parse_rate(word: &Word) -> Result<Rate, Fault> {
    let text = &word.text[..];
    let (number, per): (&str, fn(u32) -> Rate) = match (text.strip_suffix("r/s"), text.strip_suffix("r/m")) {
        (Some(number), _) => (number, Rate::per_second),
        (_, Some(number)) => (number, Rate::per_minute),
        _ => (text, Rate::per_second),
    };
    match number.parse::<u32>() {
        Ok(number @ 1..) if !text.starts_with('+') => Ok(per(number)),
        _ => Err(word.fault(format!(
            "\"{text}\" is not a rate; write a whole number of requests per second or minute, as in 10r/s or 30r/m"
        ))),
    }
}

/// `limit_rate 100k;`, `limit_rate $speed;`
pub(super) fn size(scope: &mut Scope<'_>, word: &Word) -> Result<Size, Fault> {
    match word.text.contains('$') {
        true => scope.template(word).map(Size::Made),
        false => word.size().map(Size::Fixed),
    }
}

fn status(refusal: &mut LimitRefusal, it: &Statement) -> Result<(), Fault> {
    put(&mut refusal.status, it.args[0].number(400..=599).map(|status| status as u16))
}

fn level(refusal: &mut LimitRefusal, it: &Statement) -> Result<(), Fault> {
    let levels = [Level::Info, Level::Notice, Level::Warn, Level::Error];
    put(&mut refusal.level, it.args[0].choice("level", &levels.map(|level| (level.name(), level))))
}

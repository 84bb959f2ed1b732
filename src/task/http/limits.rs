//! The phase PreAccess: `limit_req`, then `limit_conn`, as in nginx. And the pace of a response: `limit_rate`.

use super::next::Next;
use super::page;
use crate::config::{RequestLimit, Size, Zone, ZoneDefinition};
use crate::connection::{LimitStatus, PhaseWait, Stage};
use crate::log::Level;
use crate::rate::{Judgment, NoPlace, Pace, Place, ZoneTable, delay_ms};
use crate::route::Route;
use crate::task::{Delay, Work};
use crate::vars;
use std::rc::Rc;
use std::time::Duration;

/// Longer keys of `limit_req` are not limited, as in nginx.
const REQUEST_KEY_BYTES_MAX: usize = 65_535;

/// Longer keys of `limit_conn` are not limited, as in nginx.
const PLACE_KEY_BYTES_MAX: usize = 255;

/// Runs the phase. While the request is delayed, it stays in it.
#[inline(never)] // keeps the phases of other requests short
pub(super) fn pre_access(w: &mut Work<'_>) -> Next {
    if w.t.http.rare.suspended.is_some() {
        return Next::Go(Stage::Access); // a subrequest belongs to a request that was counted
    }
    if w.t.http.rare.limited.wait.is_on() {
        return Next::Wait;
    }
    let route = Rc::clone(&w.t.route);
    let next = limit_requests(w, &route);
    next.or_else(|| limit_places(w, &route)).unwrap_or(Next::Go(Stage::Access))
}

/// `limit_req`. Returns `None` if the request goes on at once.
fn limit_requests(w: &mut Work<'_>, route: &Route) -> Option<Next> {
    let limit_req = &route.settings.limits.req;
    if w.t.http.rare.limited.request.is_some() {
        return None;
    }
    let (verdict, limit) = judge(w, &limit_req.limits)?;
    let (refusal, zone) = (limit_req.refusal, &limit.zone.name);
    let dry = if refusal.dry_run { ", dry run" } else { "" };
    let status = match verdict {
        Verdict::Passes { delay_ms: 0, .. } => LimitStatus::Passed,
        Verdict::Passes { excess, .. } => {
            let excess = thousandths(excess);
            let what = format_args!("delaying request{dry}, excess: {excess}, by zone \"{zone}\"");
            w.log(refusal.delay_level(), what);
            if refusal.dry_run { LimitStatus::DelayedDryRun } else { LimitStatus::Delayed }
        }
        Verdict::Refused(excess) => {
            match excess {
                Some(excess) => {
                    let excess = thousandths(excess);
                    w.log(refusal.level, format_args!("limiting requests{dry}, excess: {excess} by zone \"{zone}\""));
                }
                None => w.log(Level::Alert, format_args!("limit_req: no memory for this key in zone \"{zone}\"")),
            }
            if refusal.dry_run { LimitStatus::RejectedDryRun } else { LimitStatus::Rejected }
        }
    };
    w.t.http.rare.limited.request = Some(status);
    match (status, verdict) {
        (LimitStatus::Rejected, _) => Some(page::refuse(w, refusal.status)),
        (LimitStatus::Delayed, Verdict::Passes { delay_ms, .. }) => {
            Delay::begin(w, Duration::from_millis(delay_ms));
            Some(Next::Wait)
        }
        _ => None,
    }
}

/// What all limits together say of a request. Excesses are in thousandths of a request.
#[derive(Clone, Copy)]
enum Verdict {
    /// The request passes after this time. The excess is that of the limit with the longest delay.
    Passes { delay_ms: u64, excess: u64 },
    /// The request is over a limit with this excess; `None`: its zone has no room.
    Refused(Option<u64>),
}

/// Asks the limits in order. If none of them refuses the request, all of them count it. Returns the limit that decides,
/// or `None` if the request has no key for any of them.
///
/// The last limit judges and counts in one step. The others count only when the request has passed all of them.
fn judge<'l>(w: &mut Work<'_>, limits: &'l [RequestLimit]) -> Option<(Verdict, &'l RequestLimit)> {
    let now_ms = w.now.millis();
    let mut counted: Option<(Verdict, &RequestLimit)> = None;
    let mut passed: Vec<(&RequestLimit, &ZoneDefinition, Vec<u8>)> = Vec::new();
    for (at, limit) in limits.iter().enumerate() {
        let Some((definition, key)) = key(w, &limit.zone, REQUEST_KEY_BYTES_MAX) else { continue };
        let (table, rate, is_last) = (limit.zone.table(), definition.rate, at + 1 == limits.len());
        let judgment = match is_last {
            true => table.judge_and_count(&key, rate, limit.burst, now_ms),
            false => table.judge(&key, rate, limit.burst, now_ms),
        };
        match judgment {
            Judgment::TooMany(excess) => return Some((Verdict::Refused(Some(excess)), limit)),
            Judgment::NoRoom => return Some((Verdict::Refused(None), limit)),
            Judgment::Passes(excess) if is_last => {
                let delay_ms = delay_ms(excess, limit.undelayed, rate);
                counted = Some((Verdict::Passes { delay_ms, excess }, limit));
            }
            Judgment::Passes(_) => passed.push((limit, definition, key)),
        }
    }
    for (limit, definition, key) in passed.into_iter().rev() {
        let excess = limit.zone.table().count(&key, definition.rate, now_ms);
        let delay_ms = delay_ms(excess, limit.undelayed, definition.rate);
        if !matches!(counted, Some((Verdict::Passes { delay_ms: longest, .. }, _)) if longest >= delay_ms) {
            counted = Some((Verdict::Passes { delay_ms, excess }, limit));
        }
    }
    counted
}

/// `limit_conn`. Returns `None` if the request goes on.
fn limit_places(w: &mut Work<'_>, route: &Route) -> Option<Next> {
    let limit_conn = &route.settings.limits.conn;
    if w.t.http.rare.limited.place.is_some() {
        return None;
    }
    for limit in &limit_conn.limits {
        let Some((_, key)) = key(w, &limit.zone, PLACE_KEY_BYTES_MAX) else { continue };
        w.t.http.rare.limited.place = Some(LimitStatus::Passed);
        let why = match Place::take(limit.zone.table(), &key, limit.most) {
            Ok(place) => {
                w.t.http.rare.limited.places.push(place);
                continue;
            }
            Err(why) => why,
        };
        let limited = &mut w.t.http.rare.limited;
        limited.places.clear();
        if why == NoPlace::TooMany && w.t.http.pipelined && limited.wait != PhaseWait::Over {
            // The place may be that of an earlier request of this connection, whose response is in the output.
            (limited.place, limited.wait) = (None, PhaseWait::EarlierResponses);
            return Some(Next::Wait);
        }
        let (refusal, zone) = (limit_conn.refusal, &limit.zone.name);
        let dry = if refusal.dry_run { ", dry run," } else { "" };
        match why {
            NoPlace::TooMany => w.log(refusal.level, format_args!("limiting connections{dry} by zone \"{zone}\"")),
            NoPlace::NoRoom => {
                w.log(Level::Alert, format_args!("limit_conn: no memory for another key in zone \"{zone}\""));
            }
        }
        let limited = &mut w.t.http.rare.limited;
        if refusal.dry_run {
            limited.place = Some(LimitStatus::RejectedDryRun);
            return None;
        }
        limited.place = Some(LimitStatus::Rejected);
        return Some(page::refuse(w, refusal.status));
    }
    None
}

/// The value of a zone's key for this request. Returns `None` if it is empty or too long: the request is not limited.
fn key<'z, T: ZoneTable>(w: &mut Work<'_>, zone: &'z Zone<T>, max: usize) -> Option<(&'z ZoneDefinition, Vec<u8>)> {
    let definition = zone.definition()?;
    let key = vars::expand(&definition.key, &w.worker.view(w.identity, w.t, w.now));
    if key.len() > max {
        let name = &zone.name;
        w.log(Level::Error, format_args!("the key for zone \"{name}\" has more than {max} bytes: it is not limited"));
        return None;
    }
    (!key.is_empty()).then_some((definition, key))
}

/// "1.250".
fn thousandths(value: u64) -> String {
    format!("{}.{:03}", value / 1000, value % 1000)
}

/// The pace of this request's response, if `limit_rate` is not 0.
pub fn pace(w: &mut Work<'_>) -> Option<Pace> {
    let route = Rc::clone(&w.t.route);
    let limit_rate = &route.settings.limits.rate;
    let rate = match w.t.http.rare.limited.rate {
        Some(rate) => rate,
        None => {
            let rate = size(w, limit_rate.rate.as_ref()?);
            *w.t.http.rare.limited.rate.insert(rate)
        }
    };
    (rate > 0).then(|| Pace::new(rate, size(w, &limit_rate.after)))
}

/// The size for this request. A text that is not a size counts as 0, as in nginx.
fn size(w: &mut Work<'_>, size: &Size) -> u64 {
    match vars::size(size, &w.worker.view(w.identity, w.t, w.now)) {
        Ok(bytes) => bytes,
        Err(message) => {
            w.log(Level::Error, format_args!("limit_rate or limit_rate_after: {message}; it counts as 0"));
            0
        }
    }
}

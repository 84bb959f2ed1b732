//! `expires`: how long a client may use its copy of a response.

use super::Template;
use crate::config::value::time;
use std::sync::Arc;

/// A day in seconds.
const DAY_SECS: i64 = 24 * 60 * 60;

/// `expires [modified] TIME|@TIME|epoch|max|off;`: the fields Expires and Cache-Control. Not for errors, see
/// [`super::is_plain_status`].
#[derive(Clone, PartialEq, Debug)]
pub enum Expires {
    /// Neither field.
    Off,
    /// The response is stale from the start.
    Epoch,
    /// Ten years.
    Max,
    /// This number of seconds from now; a negative number means already stale.
    AfterNow(i64),
    /// This number of seconds after the file's last change; from now if the response has no such date.
    AfterModified(i64),
    /// The next time that the clock of this machine shows this number of seconds after midnight.
    AtTimeOfDay(i64),
    /// Each response has its own value, see [`Expires::parse`].
    Variable {
        /// The text that becomes the value.
        text: Arc<Template>,
        /// A time is meant from the file's last change.
        after_modified: bool,
    },
}

/// The result of [`Expires`] for one response.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Freshness {
    /// The value of Expires, in seconds since 1970.
    pub expires_secs: i64,
    /// `Cache-Control: max-age=`, in seconds; None: `Cache-Control: no-cache`.
    pub max_age_secs: Option<u64>,
}

impl Expires {
    /// nginx's constants: 1970-01-01 00:00:01, 2037-12-31 23:55:55 and ten years of 365 days.
    const EPOCH: Freshness = Freshness { expires_secs: 1, max_age_secs: None };
    const MAX: Freshness = Freshness { expires_secs: 2_145_916_555, max_age_secs: Some(315_360_000) };

    /// The values at the time `now_secs` (since 1970). `offset_secs` is the distance of local time from UTC at a time.
    /// Returns None if the response gets neither field, or if variables are not filled in yet.
    pub fn freshness(
        &self,
        now_secs: i64,
        last_modified_secs: Option<i64>,
        offset_secs: impl Fn(i64) -> i64,
    ) -> Option<Freshness> {
        let (from_secs, after_secs) = match *self {
            Expires::Off | Expires::Variable { .. } => return None,
            Expires::AtTimeOfDay(secs) => (now_secs, next(secs, now_secs, offset_secs) - now_secs),
            Expires::Epoch => return Some(Expires::EPOCH),
            Expires::Max => return Some(Expires::MAX),
            Expires::AfterNow(secs) => (now_secs, secs),
            Expires::AfterModified(secs) => (last_modified_secs.unwrap_or(now_secs), secs),
        };
        let expires_secs = from_secs.saturating_add(after_secs);
        // As in nginx, a negative time makes a response stale, even if the file's last change is in the future.
        let age_secs = if after_secs < 0 { None } else { u64::try_from(expires_secs.saturating_sub(now_secs)).ok() };
        Some(Freshness { expires_secs, max_age_secs: age_secs })
    }

    /// Parses a value without variables.
    ///
    /// # Errors
    /// What is wrong with the text, and what is accepted.
    pub fn parse(text: &str, after_modified: bool) -> Result<Expires, String> {
        let or = if after_modified { "" } else { ", epoch, max, off" };
        let wrong = |why: &str| format!("\"{text}\" {why}; accepted: seconds, or a time as in 30d or -1h{or}");
        let secs = |text: &str| match time(text) {
            Ok(time) if time.subsec_nanos() != 0 => Err(wrong("is no number of whole seconds")),
            Ok(time) => Ok(time.as_secs() as i64),
            Err(_) => Err(wrong("is no time")),
        };
        match text {
            "epoch" if !after_modified => return Ok(Expires::Epoch),
            "max" if !after_modified => return Ok(Expires::Max),
            "off" if !after_modified => return Ok(Expires::Off),
            _ => {}
        }
        if let Some(of_day) = text.strip_prefix('@') {
            return match secs(of_day)? {
                _ if after_modified => Err(wrong("is a time of the day, not a time after the file's last change")),
                secs if secs > DAY_SECS => Err(wrong("is later than 24 hours after midnight")),
                secs => Ok(Expires::AtTimeOfDay(secs)),
            };
        }
        let secs = match text.strip_prefix('-') {
            Some(size) => -secs(size)?,
            None => secs(text.strip_prefix('+').unwrap_or(text))?,
        };
        Ok(if after_modified { Expires::AfterModified(secs) } else { Expires::AfterNow(secs) })
    }
}

/// The next time after now that has this time of the day. The zone may change its distance from UTC until then.
fn next(of_day_secs: i64, now_secs: i64, offset_secs: impl Fn(i64) -> i64) -> i64 {
    let local = now_secs + offset_secs(now_secs);
    let midnight = local - local.rem_euclid(DAY_SECS);
    let at = |local: i64| {
        let about = local - offset_secs(now_secs);
        local - offset_secs(about)
    };
    let today = at(midnight + of_day_secs);
    if today > now_secs { today } else { at(midnight + DAY_SECS + of_day_secs) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn freshness() {
        let now = 1_000_000;
        let fresh = |expires_secs, max_age_secs| Some(Freshness { expires_secs, max_age_secs });
        let table = [
            (Expires::Off, None, None),
            (Expires::Epoch, None, fresh(1, None)),
            (Expires::Max, None, fresh(2_145_916_555, Some(315_360_000))),
            (Expires::AfterNow(0), Some(5), fresh(now, Some(0))),
            (Expires::AfterNow(60), Some(5), fresh(now + 60, Some(60))),
            (Expires::AfterNow(-60), Some(5), fresh(now - 60, None)),
            (Expires::AfterModified(60), Some(now - 50), fresh(now + 10, Some(10))),
            (Expires::AfterModified(60), Some(now - 60), fresh(now, Some(0))),
            (Expires::AfterModified(60), Some(now - 61), fresh(now - 1, None)),
            (Expires::AfterModified(60), None, fresh(now + 60, Some(60))),
            (Expires::AfterModified(-60), Some(now + 100), fresh(now + 40, None)),
            (Expires::AfterModified(60), Some(i64::MAX), fresh(i64::MAX, Some((i64::MAX - now) as u64))),
            (Expires::AfterModified(-60), Some(i64::MIN), fresh(i64::MIN, None)),
        ];
        for (expires, last_modified, expected) in table {
            assert_eq!(expires.freshness(now, last_modified, |_| 0), expected, "{expires:?} {last_modified:?}");
        }
    }

    #[test]
    fn the_next_time_of_the_day() {
        let (hour, day) = (3600, DAY_SECS);
        let summer = |secs: i64| if secs < 10 * day { 3600 } else { 7200 }; // the clock is put forward on day 10
        let table = [
            (15 * hour, 100 * day + 14 * hour, 0, 100 * day + 15 * hour),
            (15 * hour, 100 * day + 15 * hour, 0, 101 * day + 15 * hour),
            (0, 100 * day + 1, 0, 101 * day),
            (day, 100 * day + 1, 0, 101 * day),
            (15 * hour, 100 * day + 14 * hour, 2 * hour, 101 * day + 13 * hour),
            (hour, 100 * day + 23 * hour, -5 * hour, 101 * day + 6 * hour),
        ];
        for (of_day, now, offset, expected) in table {
            assert_eq!(next(of_day, now, |_| offset), expected, "{of_day} {now} {offset}");
        }
        assert_eq!(next(12 * hour, 10 * day - 5 * hour, summer), 10 * day + 10 * hour, "12:00 at two hours from UTC");
        let fresh = Expires::AtTimeOfDay(15 * hour).freshness(100 * day, None, |_| 0);
        let expected = Freshness { expires_secs: 100 * day + 15 * hour, max_age_secs: Some(54_000) };
        assert_eq!(fresh, Some(expected));
    }
}

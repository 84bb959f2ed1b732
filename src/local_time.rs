//! Dates and times in the local time zone, in the three formats of log files and variables. Each thread formats a
//! second once and reuses the text until the second ends.

use std::cell::Cell;
use std::io::Write;
use webserv_sys::clock::{self, Wall};

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Bytes of [`common`]'s text.
pub const COMMON_LEN: usize = 26;

/// Bytes of [`iso8601`]'s text.
pub const ISO8601_LEN: usize = 25;

/// The text of the last second that was formatted, and that second.
type Cached<const LEN: usize> = Cell<Option<(i64, [u8; LEN])>>;

thread_local! {
    static COMMON: Cached<COMMON_LEN> = const { Cell::new(None) };
    static ISO8601: Cached<ISO8601_LEN> = const { Cell::new(None) };
}

/// The format of the error log: `2026/11/22 02:35:09`.
pub fn stamp(wall: Wall) -> String {
    let t = clock::local(wall.secs);
    format!("{:04}/{:02}/{:02} {:02}:{:02}:{:02}", t.year, t.month, t.day, t.hour, t.minute, t.second)
}

/// The format of syslog (RFC 3164 section 4.1.2): `Nov  2 02:35:09`.
pub fn rfc3164(wall: Wall) -> String {
    let t = clock::local(wall.secs);
    let month = MONTHS[usize::from(t.month - 1) % 12];
    format!("{month} {:2} {:02}:{:02}:{:02}", t.day, t.hour, t.minute, t.second)
}

/// The Common Log Format, nginx's `$time_local`: `22/Nov/2026:02:35:09 +0000`.
#[inline]
pub fn common(wall: Wall) -> [u8; COMMON_LEN] {
    COMMON.with(|kept| of_second(kept, wall.secs, make_common))
}

/// ISO 8601, nginx's `$time_iso8601`: `2026-11-22T02:35:09+00:00`.
#[inline]
pub fn iso8601(wall: Wall) -> [u8; ISO8601_LEN] {
    ISO8601.with(|kept| of_second(kept, wall.secs, make_iso8601))
}

#[inline]
fn of_second<const LEN: usize>(kept: &Cached<LEN>, secs: i64, make: fn(i64) -> [u8; LEN]) -> [u8; LEN] {
    match kept.get() {
        Some((shown, text)) if shown == secs => text,
        _ => {
            let text = make(secs);
            kept.set(Some((secs, text)));
            text
        }
    }
}

#[cold]
fn make_common(secs: i64) -> [u8; COMMON_LEN] {
    let t = clock::local(secs);
    let (month, (sign, hours, minutes)) = (MONTHS[usize::from(t.month - 1) % 12], zone(t.offset_secs));
    text(format_args!(
        "{:02}/{month}/{:04}:{:02}:{:02}:{:02} {sign}{hours:02}{minutes:02}",
        t.day, t.year, t.hour, t.minute, t.second
    ))
}

#[cold]
fn make_iso8601(secs: i64) -> [u8; ISO8601_LEN] {
    let t = clock::local(secs);
    let (sign, hours, minutes) = zone(t.offset_secs);
    text(format_args!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}{sign}{hours:02}:{minutes:02}",
        t.year, t.month, t.day, t.hour, t.minute, t.second
    ))
}

/// Formats into an array. The length is fixed: a year has four digits, every other number two.
fn text<const LEN: usize>(shown: std::fmt::Arguments<'_>) -> [u8; LEN] {
    let mut text = [b' '; LEN];
    let _ = (&mut text[..]).write_fmt(shown);
    text
}

/// The sign, hours and minutes of a zone's distance from UTC.
fn zone(offset_secs: i32) -> (char, u32, u32) {
    let minutes = offset_secs.unsigned_abs() / 60;
    (if offset_secs < 0 { '-' } else { '+' }, minutes / 60 % 100, minutes % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_east_and_west() {
        let table = [(0, ('+', 0, 0)), (32_400, ('+', 9, 0)), (-12_600, ('-', 3, 30)), (20_700, ('+', 5, 45))];
        for (offset_secs, expected) in table {
            assert_eq!(zone(offset_secs), expected);
        }
    }

    #[test]
    fn the_three_formats_show_the_same_time() {
        // The seconds jump back and forth: a text that is reused must belong to the same second.
        for secs in [1_795_314_909, 0, 0, 1_795_314_909, 253_402_214_399, -62_167_000_000, i64::MAX, i64::MIN] {
            let wall = Wall { secs, nanos: 0 };
            let t = clock::local(secs);
            let (common, iso8601) = (common(wall), iso8601(wall));
            let [common, iso8601] = [&common[..], &iso8601[..]].map(|text| std::str::from_utf8(text).expect("ASCII"));
            let clock = format!("{:02}:{:02}:{:02}", t.hour, t.minute, t.second);
            let month = MONTHS[usize::from(t.month) - 1];
            let (sign, hours, minutes) = zone(t.offset_secs);
            let zone = format!("{sign}{hours:02}{minutes:02}");
            assert_eq!(stamp(wall), format!("{:04}/{:02}/{:02} {clock}", t.year, t.month, t.day));
            assert_eq!(common, format!("{:02}/{month}/{:04}:{clock} {zone}", t.day, t.year));
            let zone = format!("{}:{}", &zone[..3], &zone[3..]);
            assert_eq!(iso8601, format!("{:04}-{:02}-{:02}T{clock}{zone}", t.year, t.month, t.day));
        }
    }
}

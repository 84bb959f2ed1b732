//! Times as log files show them, in the local time zone.

use std::cell::RefCell;
use webserv_sys::clock::{self, Wall};

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// The error log's: `2026/11/22 02:35:09`.
pub fn stamp(wall: Wall) -> String {
    let t = clock::local(wall.secs);
    format!("{:04}/{:02}/{:02} {:02}:{:02}:{:02}", t.year, t.month, t.day, t.hour, t.minute, t.second)
}

/// Appends the common log format's: `22/Nov/2026:02:35:09 +0000`. Each line of an access log has it, and it is made
/// once a second.
pub fn push_common(out: &mut Vec<u8>, wall: Wall) {
    thread_local! {
        static LAST: RefCell<Option<(i64, String)>> = const { RefCell::new(None) };
    }
    LAST.with_borrow_mut(|last| {
        if last.as_ref().is_none_or(|(secs, _)| *secs != wall.secs) {
            *last = Some((wall.secs, common(wall)));
        }
        out.extend_from_slice(last.as_ref().map_or(b"", |(_, text)| text.as_bytes()));
    });
}

fn common(wall: Wall) -> String {
    let t = clock::local(wall.secs);
    let (month, zone) = (MONTHS[usize::from(t.month - 1) % 12], zone(t.offset_secs, ""));
    format!("{:02}/{month}/{:04}:{:02}:{:02}:{:02} {zone}", t.day, t.year, t.hour, t.minute, t.second)
}

/// ISO 8601's: `2026-11-22T02:35:09+00:00`.
pub fn iso8601(wall: Wall) -> String {
    let t = clock::local(wall.secs);
    let zone = zone(t.offset_secs, ":");
    format!("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}{zone}", t.year, t.month, t.day, t.hour, t.minute, t.second)
}

fn zone(offset_secs: i32, between: &str) -> String {
    let (sign, minutes) = (if offset_secs < 0 { '-' } else { '+' }, offset_secs.unsigned_abs() / 60);
    format!("{sign}{:02}{between}{:02}", minutes / 60, minutes % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_east_and_west() {
        for (offset_secs, told) in [(0, "+0000"), (32_400, "+0900"), (-12_600, "-0330"), (20_700, "+0545")] {
            assert_eq!(zone(offset_secs, ""), told);
        }
    }

    #[test]
    fn the_three_forms_tell_the_same_time() {
        let wall = Wall { secs: 1_795_314_909, nanos: 0 };
        let t = clock::local(wall.secs);
        let (day, year, second) = (format!("{:02}", t.day), t.year.to_string(), format!(":{:02}", t.second));
        for text in [stamp(wall), common(wall), iso8601(wall)] {
            assert!(text.contains(&day) && text.contains(&year) && text.contains(&second), "{text}");
        }
        assert_eq!(common(wall).len(), "22/Nov/2026:02:35:09 +0000".len());
    }
}

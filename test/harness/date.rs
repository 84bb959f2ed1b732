//! Dates in the formats of HTTP, for comparisons: from seconds since 1970, without the server's code.

use std::time::SystemTime;

const DAYS: [&str; 7] = ["Thursday", "Friday", "Saturday", "Sunday", "Monday", "Tuesday", "Wednesday"];
const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// A date and time in UTC.
struct Parts {
    year: u64,
    month: usize,
    day: u64,
    weekday: usize,
    clock: String,
}

fn parts(seconds: u64) -> Parts {
    let (days, second) = (seconds / 86400, seconds % 86400);
    let leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let (mut year, mut day) = (1970, days);
    while day >= 365 + u64::from(leap(year)) {
        day -= 365 + u64::from(leap(year));
        year += 1;
    }
    let lengths = [31, 28 + u64::from(leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 0;
    while day >= lengths[month] {
        day -= lengths[month];
        month += 1;
    }
    let clock = format!("{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60);
    Parts { year, month, day: day + 1, weekday: (days % 7) as usize, clock }
}

/// IMF-fixdate: `Sun, 06 Nov 1994 08:49:37 GMT`.
pub fn imf(seconds: u64) -> String {
    let p = parts(seconds);
    format!("{}, {:02} {} {} {} GMT", &DAYS[p.weekday][..3], p.day, MONTHS[p.month], p.year, p.clock)
}

/// RFC 850: `Sunday, 06-Nov-94 08:49:37 GMT`.
pub fn rfc850(seconds: u64) -> String {
    let p = parts(seconds);
    format!("{}, {:02}-{}-{:02} {} GMT", DAYS[p.weekday], p.day, MONTHS[p.month], p.year % 100, p.clock)
}

/// asctime(3): `Sun Nov  6 08:49:37 1994`.
pub fn asctime(seconds: u64) -> String {
    let p = parts(seconds);
    format!("{} {} {:2} {} {}", &DAYS[p.weekday][..3], MONTHS[p.month], p.day, p.clock, p.year)
}

/// The log's `$time_local` without its zone: `06/Nov/1994:08:49:37`.
pub fn log(seconds: u64) -> String {
    let p = parts(seconds);
    format!("{:02}/{}/{}:{}", p.day, MONTHS[p.month], p.year, p.clock)
}

/// The current time, in seconds since 1970.
pub fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()
}

//! HTTP dates (RFC 9110 section 5.6.7). Times are seconds since 1970-01-01 00:00 UTC; years run from 0 to 9999.

const DAYS: [&[u8; 3]; 7] = [b"Sun", b"Mon", b"Tue", b"Wed", b"Thu", b"Fri", b"Sat"];
const DAYS_LONG: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
#[rustfmt::skip]
const MONTHS: [&[u8; 3]; 12] = [
    b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec",
];

const DAY_SECS: i64 = 86_400;
/// 0000-01-01 00:00:00 and 9999-12-31 23:59:59: the limits of a year of four digits.
const YEARS_SECS: std::ops::RangeInclusive<i64> = -62_167_219_200..=253_402_300_799;

/// A calendar day.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Day {
    year: i64,
    /// 1 to 12.
    month: usize,
    /// From 1.
    day: usize,
}

/// Formats a time as IMF-fixdate, the only form that is sent: `Sun, 06 Nov 1994 08:49:37 GMT`. A time outside of the
/// years 0 to 9999 becomes the nearest time inside.
pub fn format(secs: i64) -> [u8; 29] {
    let secs = secs.clamp(*YEARS_SECS.start(), *YEARS_SECS.end());
    let (days, second) = (secs.div_euclid(DAY_SECS), secs.rem_euclid(DAY_SECS) as u32);
    let Day { year, month, day } = day_of(days);
    let (year, day) = (year as u32, day as u32);
    let mut out = *b"ddd, dd mmm yyyy hh:mm:ss GMT";
    out[0..3].copy_from_slice(DAYS[weekday(days)]);
    put_two(&mut out[5..7], day);
    out[8..11].copy_from_slice(MONTHS[month - 1]);
    put_two(&mut out[12..14], year / 100);
    put_two(&mut out[14..16], year % 100);
    put_two(&mut out[17..19], second / 3600);
    put_two(&mut out[20..22], second / 60 % 60);
    put_two(&mut out[23..25], second % 60);
    out
}

/// Formats a time as RFC 3339 in UTC: `1994-11-06T08:49:37Z`. A time outside of the years 0 to 9999 becomes the nearest
/// time inside.
pub fn format_rfc3339(secs: i64) -> [u8; 20] {
    let secs = secs.clamp(*YEARS_SECS.start(), *YEARS_SECS.end());
    let (days, second) = (secs.div_euclid(DAY_SECS), secs.rem_euclid(DAY_SECS) as u32);
    let Day { year, month, day } = day_of(days);
    let mut out = *b"yyyy-mm-ddThh:mm:ssZ";
    put_two(&mut out[0..], year as u32 / 100);
    put_two(&mut out[2..], year as u32 % 100);
    put_two(&mut out[5..], month as u32);
    put_two(&mut out[8..], day as u32);
    put_two(&mut out[11..], second / 3600);
    put_two(&mut out[14..], second / 60 % 60);
    put_two(&mut out[17..], second % 60);
    out
}

fn put_two(out: &mut [u8], number: u32) {
    out[0] = b'0' + (number / 10) as u8;
    out[1] = b'0' + (number % 10) as u8;
}

/// Parses any of the three forms, strictly: names are case-sensitive, widths are fixed, and the day and the time must
/// exist (second 60 is a leap second and counts as the first second of the next minute). The weekday must be a name of
/// a day, but need not match the date. `now_secs` decides the century of the RFC 850 form: the result is at most 50
/// years after it.
pub fn parse(text: &[u8], now_secs: i64) -> Option<i64> {
    match text.get(3)? {
        b',' => imf_fixdate(text),
        b' ' => asctime(text),
        _ => rfc850(text, now_secs),
    }
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`
fn imf_fixdate(text: &[u8]) -> Option<i64> {
    let text: &[u8; 29] = text.try_into().ok()?;
    let fixed =
        text[3..5] == *b", " && text[7] == b' ' && text[11] == b' ' && text[16] == b' ' && text[25..] == *b" GMT";
    if !fixed || !DAYS.contains(&text.first_chunk()?) {
        return None;
    }
    let day = Day { year: number(&text[12..16])? as i64, month: month(&text[8..11])?, day: number(&text[5..7])? };
    seconds(day, &text[17..25])
}

/// `Sun Nov  6 08:49:37 1994`
fn asctime(text: &[u8]) -> Option<i64> {
    let text: &[u8; 24] = text.try_into().ok()?;
    let fixed = text[3] == b' ' && text[7] == b' ' && text[10] == b' ' && text[19] == b' ';
    if !fixed || !DAYS.contains(&text.first_chunk()?) {
        return None;
    }
    let day = if text[8] == b' ' { number(&text[9..10])? } else { number(&text[8..10])? };
    let day = Day { year: number(&text[20..24])? as i64, month: month(&text[4..7])?, day };
    seconds(day, &text[11..19])
}

/// `Sunday, 06-Nov-94 08:49:37 GMT`
fn rfc850(text: &[u8], now_secs: i64) -> Option<i64> {
    let (name, rest) = text.split_at(memchr::memchr(b',', text)?);
    let rest: &[u8; 24] = rest.try_into().ok()?;
    let fixed = rest[..2] == *b", " && rest[4] == b'-' && rest[8] == b'-' && rest[11] == b' ' && rest[20..] == *b" GMT";
    if !fixed || !DAYS_LONG.iter().any(|day| day.as_bytes() == name) {
        return None;
    }
    let now_secs = now_secs.clamp(*YEARS_SECS.start(), *YEARS_SECS.end());
    let this_year = day_of(now_secs.div_euclid(DAY_SECS)).year;
    let two_digits = number(&rest[9..11])? as i64;
    let near =
        Day { year: this_year - this_year % 100 + two_digits, month: month(&rest[5..8])?, day: number(&rest[2..4])? };
    // RFC 9110: a time that seems to be more than 50 years in the future is the most recent one in the past.
    let candidates =
        [near.year + 100, near.year, near.year - 100].map(|year| seconds(Day { year, ..near }, &rest[12..20]));
    candidates.into_iter().flatten().find(|&secs| !is_over_50_years_ahead(secs, now_secs))
}

/// Whether a time is more than 50 calendar years after another. The leap days in between do not matter.
fn is_over_50_years_ahead(secs: i64, now_secs: i64) -> bool {
    let (then, now) = (day_of(secs.div_euclid(DAY_SECS)), day_of(now_secs.div_euclid(DAY_SECS)));
    let rank = |d: Day, secs: i64| (d.year, d.month, d.day, secs.rem_euclid(DAY_SECS));
    rank(then, secs) > rank(Day { year: now.year + 50, ..now }, now_secs)
}

fn number(digits: &[u8]) -> Option<usize> {
    digits.iter().try_fold(0, |n, byte| byte.is_ascii_digit().then(|| n * 10 + usize::from(byte - b'0')))
}

fn month(name: &[u8]) -> Option<usize> {
    MONTHS.iter().position(|month| month.as_slice() == name).map(|i| i + 1)
}

/// The seconds of a day and `hh:mm:ss`. Returns None if one of them does not exist or is outside of the years 0 to
/// 9999.
fn seconds(day: Day, time: &[u8]) -> Option<i64> {
    let (hour, minute, second) = (number(&time[..2])?, number(&time[3..5])?, number(&time[6..8])?);
    let exists = time[2] == b':' && time[5] == b':' && hour < 24 && minute < 60 && second <= 60;
    if !exists || day.day == 0 || day.day > days_in(day.year, day.month) {
        return None;
    }
    let secs = days_until(day) * DAY_SECS + (hour * 3600 + minute * 60 + second) as i64;
    // The leap second at the end of year 9999 is outside, and so are some centuries of the RFC 850 form.
    Some(secs).filter(|secs| YEARS_SECS.contains(secs))
}

const fn days_in(year: i64, month: usize) -> usize {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// 1970-01-01 was a Thursday.
const fn weekday(days: i64) -> usize {
    (days + 4).rem_euclid(7) as usize
}

/// Days between 0000-03-01 and 1970-01-01. Years are counted from March, so the leap day is the last day of a year.
const MARCH_TO_EPOCH: i64 = 719_468;
/// Days in 400 years; then the calendar repeats.
const CYCLE_DAYS: i64 = 146_097;

/// Days from 1970-01-01 to a calendar day.
const fn days_until(day: Day) -> i64 {
    let march_year = if day.month <= 2 { day.year - 1 } else { day.year };
    let (cycle, year) = (march_year.div_euclid(400), march_year.rem_euclid(400));
    let march_month = (day.month as i64 + 9) % 12;
    // From March on the months have 31 30 31 30 31 days, twice, and the rest: 153 days in five months.
    let day_of_year = (153 * march_month + 2) / 5 + day.day as i64 - 1;
    cycle * CYCLE_DAYS + year * 365 + year / 4 - year / 100 + day_of_year - MARCH_TO_EPOCH
}

/// The calendar day that is `days` after 1970-01-01, from the year 0 on. It runs for every response, so it divides
/// unsigned 32-bit numbers, which is the fastest division.
const fn day_of(days: i64) -> Day {
    // One cycle more, so that January of the year 0 is not negative.
    let days = (days + MARCH_TO_EPOCH + CYCLE_DAYS) as u32;
    let (cycle, day_of_cycle) = (days / CYCLE_DAYS as u32, days % CYCLE_DAYS as u32);
    // Take the leap days out: one in 1460 days, less one in 36524, plus the last day of the cycle.
    let year = (day_of_cycle - day_of_cycle / 1460 + day_of_cycle / 36_524 - day_of_cycle / 146_096) / 365;
    let day_of_year = day_of_cycle - (year * 365 + year / 4 - year / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = cycle * 400 + year + if month <= 2 { 1 } else { 0 };
    Day { year: year as i64 - 400, month: month as usize, day: day as usize }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_700_000_000; // Tue, 14 Nov 2023 22:13:20 GMT

    /// RFC 9110 section 5.6.7's own example in its three forms.
    #[test]
    fn the_example_of_the_rfc() {
        for text in ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"] {
            assert_eq!(parse(text.as_bytes(), NOW), Some(784_111_777), "{text}");
        }
        assert_eq!(&format(784_111_777), b"Sun, 06 Nov 1994 08:49:37 GMT");
    }

    #[test]
    fn known_times() {
        let table = [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (-1, "Wed, 31 Dec 1969 23:59:59 GMT"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
            (1_709_251_199, "Thu, 29 Feb 2024 23:59:59 GMT"),
            (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
            (i64::MAX, "Fri, 31 Dec 9999 23:59:59 GMT"),
            (i64::MIN, "Sat, 01 Jan 0000 00:00:00 GMT"),
        ];
        for (secs, text) in table {
            assert_eq!(format(secs).escape_ascii().to_string(), text);
        }
    }

    /// Both forms give the same time, on every day of 400 years, each day at another second.
    #[test]
    fn both_forms_tell_the_same_time() {
        for i in 0..CYCLE_DAYS {
            let secs = -62_167_219_200 + i * (DAY_SECS + 1);
            let (http, rfc3339) = (format(secs), format_rfc3339(secs));
            let month = number(&rfc3339[5..7]).map(|month| MONTHS[month - 1].as_slice());
            let parts = [&rfc3339[8..10], month.unwrap(), &rfc3339[..4], &rfc3339[11..19]];
            assert_eq!(http[5..25].escape_ascii().to_string(), parts.join(&b' ').escape_ascii().to_string());
        }
        assert_eq!(&format_rfc3339(784_111_777), b"1994-11-06T08:49:37Z");
        assert_eq!(&format_rfc3339(i64::MAX), b"9999-12-31T23:59:59Z");
        assert_eq!(&format_rfc3339(i64::MIN), b"0000-01-01T00:00:00Z");
    }

    /// Every day of 400 years, each at another second, in all forms.
    #[test]
    fn what_is_printed_is_read_back() {
        let mut secs = -62_167_219_200;
        for i in 0..(CYCLE_DAYS * 2) {
            let text = format(secs);
            assert_eq!(parse(&text, NOW), Some(secs), "{}", text.escape_ascii());
            let part = |range: std::ops::Range<usize>| std::str::from_utf8(&text[range]).unwrap().to_owned();
            let day = part(5..7).trim_start_matches('0').to_owned();
            let asctime = format!("{} {} {day:>2} {} {}", part(0..3), part(8..11), part(17..25), part(12..16));
            assert_eq!(parse(asctime.as_bytes(), NOW), Some(secs), "{asctime}");
            secs += DAY_SECS + i % 2;
        }
    }

    #[test]
    fn two_digit_years() {
        let at = |now: &str| parse(now.as_bytes(), NOW).unwrap();
        let now = at("Tue, 14 Nov 2023 22:13:20 GMT");
        let table = [
            ("Tuesday, 14-Nov-23 22:13:20 GMT", "Tue, 14 Nov 2023 22:13:20 GMT"),
            ("Tuesday, 14-Nov-73 22:13:20 GMT", "Tue, 14 Nov 2073 22:13:20 GMT"), // 50 years ahead, not more
            ("Tuesday, 14-Nov-73 22:13:21 GMT", "Wed, 14 Nov 1973 22:13:21 GMT"), // more
            ("Monday, 01-Jan-74 00:00:00 GMT", "Tue, 01 Jan 1974 00:00:00 GMT"),
            ("Monday, 01-Jan-00 00:00:00 GMT", "Sat, 01 Jan 2000 00:00:00 GMT"),
            ("Tuesday, 29-Feb-00 00:00:00 GMT", "Tue, 29 Feb 2000 00:00:00 GMT"),
        ];
        for (text, expected) in table {
            assert_eq!(parse(text.as_bytes(), now), Some(at(expected)), "{text}");
        }
        let now = at("Wed, 01 Jan 2098 00:00:00 GMT");
        assert_eq!(parse(b"Monday, 01-Jan-01 00:00:00 GMT", now), Some(at("Sat, 01 Jan 2101 00:00:00 GMT")));
    }

    #[test]
    fn what_is_not_a_date() {
        let table: [&[u8]; 33] = [
            b"",
            b"Sun",
            b"0",
            b"784111777",
            b"Sun, 06 Nov 1994 08:49:37 UTC",
            b"Sun, 06 Nov 1994 08:49:37 gmt",
            b"sun, 06 Nov 1994 08:49:37 GMT",
            b"Sun, 06 nov 1994 08:49:37 GMT",
            b"Xyz, 06 Nov 1994 08:49:37 GMT",
            b"Sun, 6 Nov 1994 08:49:37 GMT",
            b"Sun,  6 Nov 1994 08:49:37 GMT",
            b"Sun, 06 Nov 94 08:49:37 GMT",
            b"Sun, 00 Nov 1994 08:49:37 GMT",
            b"Sun, 31 Nov 1994 08:49:37 GMT",
            b"Sun, 29 Feb 1900 08:49:37 GMT",
            b"Sun, 29 Feb 2023 08:49:37 GMT",
            b"Sun, 06 Nov 1994 24:00:00 GMT",
            b"Sun, 06 Nov 1994 08:60:37 GMT",
            b"Sun, 06 Nov 1994 08:49:61 GMT",
            b"Sun, 06 Nov 1994 8:49:37 GMT ",
            b"Sun, 06 Nov 1994 08:49:37 GMT ",
            b" Sun, 06 Nov 1994 08:49:37 GMT",
            b"Sun, 06 Nov 1994 08:49:37",
            b"Sun, 06 Nov 1994 08:49:37 GMT; length=5",
            b"Sun, +6 Nov 1994 08:49:37 GMT",
            b"Sun, 06-Nov-1994 08:49:37 GMT",
            b"Sun, 06-Nov-94 08:49:37 GMT",
            b"sunday, 06-Nov-94 08:49:37 GMT",
            b"Sunday, 06-Nov-1994 08:49:37 GMT",
            b"Sunday, 06 Nov 94 08:49:37 GMT",
            b"Sun Nov 06  08:49:37 1994",
            b"Sun Nov  6 08:49:37 1994 GMT",
            b"Sun Nov 6 08:49:37 1994",
        ];
        for text in table {
            assert_eq!(parse(text, NOW), None, "{}", text.escape_ascii());
        }
        assert_eq!(parse(b"Sat, 31 Dec 2016 23:59:60 GMT", NOW), parse(b"Sun, 01 Jan 2017 00:00:00 GMT", NOW));
    }

    /// Found by fuzzing: the parser returned a time that [`format`] cannot show.
    #[test]
    fn no_leap_second_after_the_last_year() {
        assert_eq!(parse(b"Fri, 31 Dec 9999 23:59:59 GMT", NOW), Some(*YEARS_SECS.end()));
        assert_eq!(parse(b"Fri, 31 Dec 9999 23:59:60 GMT", NOW), None);
    }

    #[test]
    fn no_single_byte_change_panics() {
        for text in ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"] {
            for at in 0..text.len() {
                for byte in 0..=255 {
                    let mut bytes = text.as_bytes().to_vec();
                    bytes[at] = byte;
                    let secs = parse(&bytes, NOW);
                    assert!(secs.is_none_or(|s| YEARS_SECS.contains(&s)), "{}", bytes.escape_ascii());
                }
                assert_eq!(parse(&text.as_bytes()[..at], i64::MAX), None);
            }
        }
    }
}

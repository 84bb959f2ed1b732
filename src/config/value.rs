//! Parses words into values: switches, numbers, sizes, times, choices.

use super::lex::Word;
use super::problem::Fault;
use super::suggest::accepted;
use crate::http::octets::all_token;
use std::ops::RangeInclusive;
use std::time::Duration;

/// The longest time. A sum of several such times does not overflow the clock's arithmetic.
const TIME_YEARS_MAX: u64 = 100;

/// A day in milliseconds.
const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// The units of time, in milliseconds, in the order in which they must stand.
const TIME_UNITS: [(&str, u64); 8] = [
    ("y", 365 * DAY_MS),
    ("M", 30 * DAY_MS),
    ("w", 7 * DAY_MS),
    ("d", DAY_MS),
    ("h", 60 * 60 * 1000),
    ("m", 60 * 1000),
    ("s", 1000),
    ("ms", 1),
];

impl Word {
    /// `on` or `off`.
    pub fn flag(&self) -> Result<bool, Fault> {
        match &self.text[..] {
            "on" => Ok(true),
            "off" => Ok(false),
            text => Err(self.fault(format!("\"{text}\" is neither \"on\" nor \"off\""))),
        }
    }

    /// A whole number.
    pub fn number(&self, range: RangeInclusive<u64>) -> Result<u64, Fault> {
        match digits(&self.text) {
            Some(number) if range.contains(&number) => Ok(number),
            _ => Err(self.fault(format!("\"{}\" is not {}", self.text, number_in(&range)))),
        }
    }

    /// A whole number of things in memory.
    pub fn count(&self, range: RangeInclusive<usize>) -> Result<usize, Fault> {
        self.number(*range.start() as u64..=*range.end() as u64).map(|number| number as usize)
    }

    /// A number of bytes: `512`, `8k`, `1m`, `2g`.
    pub fn size(&self) -> Result<u64, Fault> {
        parse_size(&self.text).map_err(|message| self.fault(message))
    }

    /// The size of a buffer in bytes.
    pub fn buffer(&self, range: RangeInclusive<u64>) -> Result<usize, Fault> {
        let bytes = self.size()?;
        if !range.contains(&bytes) {
            let (from, to) = (range.start(), range.end() >> 10);
            return Err(self.fault(format!("\"{}\" is not a size from {from} bytes to {to}k", self.text)));
        }
        Ok(bytes as usize)
    }

    /// A time: `30`, `500ms`, `1h30m`.
    pub fn time(&self) -> Result<Duration, Fault> {
        time(&self.text).map_err(|message| self.fault(message))
    }

    /// Text for a header field or a list of names: not empty, no control characters.
    pub fn plain(&self) -> Result<&str, Fault> {
        match &self.text[..] {
            "" => Err(self.fault("this value is empty")),
            text if text.contains(char::is_control) => Err(self.fault("a control character in this value")),
            text => Ok(text),
        }
    }

    /// The name of a field.
    pub fn field_name(&self) -> Result<&str, Fault> {
        match &self.text[..] {
            text if all_token(text.as_bytes()) => Ok(text),
            text => Err(self.fault(format!("\"{text}\" is no name of a field"))),
        }
    }

    /// One of these words.
    pub fn choice<T: Copy>(&self, what: &str, choices: &[(&str, T)]) -> Result<T, Fault> {
        match choices.iter().find(|(name, _)| *name == self.text) {
            Some((_, value)) => Ok(*value),
            None => Err(self.unknown(what, &choices.iter().map(|(name, _)| *name).collect::<Vec<_>>())),
        }
    }

    /// The fault of a word that is not in `names`.
    pub fn unknown(&self, what: &str, names: &[&str]) -> Fault {
        self.fault(format!("unknown {what} \"{}\"{}", self.text, accepted(&self.text, "accepted:", names)))
    }

    /// The part behind `name=`, as a word with its own position. Returns None if the word does not begin with it.
    pub fn option(&self, name: &str) -> Option<Word> {
        let value = self.text.strip_prefix(name)?.strip_prefix('=')?;
        let mut place = self.place;
        // With quotes or escapes the columns differ from those of the text; then mark the whole word.
        if !self.quoted && place.width == self.text.chars().count() {
            place.column += name.chars().count() + 1;
            place.width = value.chars().count();
        }
        Some(Word { text: value.to_owned(), place, quoted: self.quoted })
    }
}

/// Parses a number. Returns None if it has a character that is not a digit, or does not fit.
pub(super) fn digits(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

/// "a number from 1 to 5".
fn number_in(range: &RangeInclusive<u64>) -> String {
    match (*range.start(), *range.end()) {
        (0, u64::MAX) => "a whole number".to_owned(),
        (from, u64::MAX) => format!("a whole number of {from} or more"),
        (from, to) => format!("a whole number from {from} to {to}"),
    }
}

/// Parses a number of bytes: `512`, `8k`, `1m`, `2g`. The error is a message for the author of the text.
pub fn parse_size(text: &str) -> Result<u64, String> {
    let (number, shift) = match text.as_bytes().last() {
        Some(b'k' | b'K') => (&text[..text.len() - 1], 10),
        Some(b'm' | b'M') => (&text[..text.len() - 1], 20),
        Some(b'g' | b'G') => (&text[..text.len() - 1], 30),
        _ => (text, 0),
    };
    if number.is_empty() || !number.bytes().all(|b| b.is_ascii_digit()) {
        return Err(format!("\"{text}\" is not a size; write bytes, or a number with k, m or g, as in 64k"));
    }
    // As in nginx, sizes are limited to the range of an off_t.
    let bytes = digits(number).and_then(|number| number.checked_mul(1 << shift));
    bytes.filter(|&bytes| bytes <= i64::MAX as u64).ok_or_else(|| format!("the size \"{text}\" is too large"))
}

pub(super) fn time(text: &str) -> Result<Duration, String> {
    let wrong = || {
        format!(
            "\"{text}\" is not a time; write seconds, or numbers with ms, s, m, h, d, w, M or y, as in 90s or 1h30m"
        )
    };
    let too_long = || format!("the time \"{text}\" is too long; the most is {TIME_YEARS_MAX}y");
    let mut rest = text.trim_matches(' ');
    let mut total_ms: u64 = 0;
    let mut units = TIME_UNITS.iter();
    if rest.is_empty() {
        return Err(wrong());
    }
    while !rest.is_empty() {
        let end = rest.bytes().position(|b| !b.is_ascii_digit()).unwrap_or(rest.len());
        let (number, tail) = rest.split_at(end);
        if number.is_empty() {
            return Err(wrong());
        }
        let letters = tail.bytes().position(|b| !b.is_ascii_alphabetic()).unwrap_or(tail.len());
        // A last number without unit means seconds. Each unit may be used once, the larger ones first.
        let unit = if tail.is_empty() { "s" } else { &tail[..letters] };
        let Some((_, unit_ms)) = units.find(|(name, _)| *name == unit) else {
            return Err(wrong());
        };
        let part_ms = digits(number).and_then(|number| number.checked_mul(*unit_ms)).ok_or_else(too_long)?;
        total_ms = total_ms.checked_add(part_ms).ok_or_else(too_long)?;
        rest = tail[letters..].trim_start_matches(' ');
    }
    if total_ms > TIME_YEARS_MAX * 365 * DAY_MS {
        return Err(too_long());
    }
    Ok(Duration::from_millis(total_ms))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        let table = [
            ("0", Some(0)),
            ("512", Some(512)),
            ("8k", Some(8 << 10)),
            ("8K", Some(8 << 10)),
            ("1m", Some(1 << 20)),
            ("1M", Some(1 << 20)),
            ("2g", Some(2 << 30)),
            ("2G", Some(2 << 30)),
            ("9223372036854775807", Some(i64::MAX as u64)),
            ("9223372036854775808", None),
            ("8589934591g", Some(8589934591 << 30)),
            ("8589934592g", None),
            ("99999999999999999999", None),
            ("", None),
            ("k", None),
            ("1kb", None),
            ("1.5m", None),
            ("-1", None),
            ("+1", None),
            ("1 k", None),
            ("٣", None),
        ];
        for (text, expected) in table {
            assert_eq!(parse_size(text).ok(), expected, "{text}");
        }
        assert_eq!(parse_size("8589934592g").unwrap_err(), "the size \"8589934592g\" is too large");
    }

    #[test]
    fn times() {
        let second = 1000;
        let hour = 3600 * second;
        let table = [
            ("0", Some(0)),
            ("75", Some(75 * second)),
            ("75s", Some(75 * second)),
            ("500ms", Some(500)),
            ("1h30m", Some(hour + hour / 2)),
            ("1h 30m", Some(hour + hour / 2)),
            ("1h 30", Some(hour + 30 * second)),
            ("1m500ms", Some(60 * second + 500)),
            ("1d", Some(24 * hour)),
            ("1w2d", Some(9 * 24 * hour)),
            ("1M", Some(30 * 24 * hour)),
            ("1y", Some(365 * 24 * hour)),
            ("100y", Some(36500 * 24 * hour)),
            ("100y1ms", None),
            ("99999999999999999999y", None),
            ("18446744073709551615", None),
            ("30m1h", None),
            ("1h1h", None),
            ("1s1s", None),
            ("1 2", None),
            ("1.5h", None),
            ("h", None),
            ("", None),
            (" ", None),
            ("-1", None),
            ("1H", None),
            ("1sec", None),
        ];
        for (text, expected) in table {
            assert_eq!(time(text).ok(), expected.map(Duration::from_millis), "{text}");
        }
        assert_eq!(time("101y").unwrap_err(), "the time \"101y\" is too long; the most is 100y");
    }

    #[test]
    fn options_have_their_own_place() {
        let place = super::super::problem::Position { file: 0, line: 1, column: 5, width: 10 };
        let word = Word { text: "backlog=12".into(), place, quoted: false };
        let value = word.option("backlog").unwrap();
        assert_eq!((&value.text[..], value.place.column, value.place.width), ("12", 13, 2));
        assert_eq!(word.option("back"), None);
        assert_eq!(word.option("backlog=1"), None);
    }
}

//! Dates: a parsed date that is printed and parsed again is the same time for every current date, and has the same
//! text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use webserv::http::date::{format, parse};

/// Current dates: around 1994, around 2026, and both ends of the range of dates.
const NOWS: [i64; 6] = [i64::MIN, -62_167_219_200, 784_111_777, 1_790_000_000, 253_402_300_799, i64::MAX];

fuzz_target!(|input: &[u8]| {
    for now_secs in NOWS {
        let Some(secs) = parse(input, now_secs) else { continue };
        let printed = format(secs);
        assert_eq!(parse(&printed, now_secs), Some(secs), "{}", printed.escape_ascii());
        // Except for the weekday, which is not checked, and leap seconds.
        if input[3] == b',' && !input.ends_with(b":60 GMT") {
            assert_eq!(printed[5..], input[5..], "{}", printed.escape_ascii());
        }
    }
    // Every 64-bit number can be printed as a time.
    if let Some(bytes) = input.first_chunk() {
        let printed = format(i64::from_le_bytes(*bytes));
        let secs = parse(&printed, 0).expect("a date that was printed");
        assert_eq!(format(secs), printed);
    }
});

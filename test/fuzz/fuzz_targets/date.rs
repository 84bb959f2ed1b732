//! Dates: what is read and printed is the same time whatever today is, and the same text if it had that form.
#![no_main]

use libfuzzer_sys::fuzz_target;
use webserv::http::date::{format, parse};

/// Around 1994, 2026 and both ends of what dates can say.
const NOWS: [i64; 6] = [i64::MIN, -62_167_219_200, 784_111_777, 1_790_000_000, 253_402_300_799, i64::MAX];

fuzz_target!(|input: &[u8]| {
    for now_secs in NOWS {
        let Some(secs) = parse(input, now_secs) else { continue };
        let printed = format(secs);
        assert_eq!(parse(&printed, now_secs), Some(secs), "{}", printed.escape_ascii());
        // But for the weekday, which nobody checks, and leap seconds.
        if input[3] == b',' && !input.ends_with(b":60 GMT") {
            assert_eq!(printed[5..], input[5..], "{}", printed.escape_ascii());
        }
    }
    // Any 64 bits are a time to print.
    if let Some(bytes) = input.first_chunk() {
        let printed = format(i64::from_le_bytes(*bytes));
        let secs = parse(&printed, 0).expect("a date that was printed");
        assert_eq!(format(secs), printed);
    }
});

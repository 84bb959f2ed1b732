//! Range values: parts are inside the length, not empty, at most as many as allowed, and the same when printed again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use webserv::http::range::{RangeVerdict, parse};

const RANGES_MAX: usize = 5;

fuzz_target!(|input: &[u8]| {
    assert_eq!(parse(input, 1000, 0), RangeVerdict::Whole, "max_ranges 0");
    for length in [0, 1, 2, 1000, u64::MAX - 1, u64::MAX] {
        let RangeVerdict::Satisfiable(parts) = parse(input, length, RANGES_MAX) else { continue };
        assert!((1..=RANGES_MAX).contains(&parts.len()), "{parts:?}");
        assert!(parts.iter().all(|part| part.start < part.end && part.end <= length), "{parts:?} of {length}");
        let sum = parts.iter().map(|part| u128::from(part.end - part.start)).sum::<u128>();
        assert!(sum <= u128::from(length), "{parts:?} of {length}");
        let printed: Vec<_> = parts.iter().map(|part| format!("{}-{}", part.start, part.end - 1)).collect();
        let printed = format!("bytes={}", printed.join(", "));
        assert_eq!(parse(printed.as_bytes(), length, RANGES_MAX), RangeVerdict::Satisfiable(parts), "{printed}");
    }
});

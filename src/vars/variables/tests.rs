//! Numbers as variables print them.

use super::*;

#[test]
fn numbers_have_at_least_three_digits() {
    for value in [0, 7, 42, 100, 208, 499, 990, 999, 1000, 12_345] {
        let mut out = Vec::new();
        push_three_digits(&mut out, value);
        assert_eq!(String::from_utf8_lossy(&out), format!("{value:03}"));
    }
}

#[test]
fn seconds_have_three_decimal_places() {
    for (secs, millis, expected) in [(0, 0, "0.000"), (3, 5, "3.005"), (12, 340, "12.340"), (1, 999, "1.999")] {
        let mut out = Vec::new();
        push_decimals(&mut out, secs, millis);
        assert_eq!(String::from_utf8_lossy(&out), expected);
    }
}

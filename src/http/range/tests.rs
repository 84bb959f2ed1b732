use super::*;
use crate::http::HeadLimits;
use crate::http::head::{Scan, request};
use crate::http::seeded::Seeded;

/// "whole", "416" or the parts as `start-end,...` with exclusive ends.
fn show(verdict: RangeVerdict) -> String {
    match verdict {
        RangeVerdict::Whole => "whole".into(),
        RangeVerdict::Unsatisfiable => "416".into(),
        RangeVerdict::Satisfiable(parts) => {
            parts.iter().map(|r| format!("{}-{}", r.start, r.end)).collect::<Vec<_>>().join(",")
        }
    }
}

/// RFC 9110 sections 14.1.1, 14.1.2 and 14.2.
#[test]
fn ranges_of_ten_thousand_bytes() {
    let table = [
        ("14.1.2: the first 500", "bytes=0-499", "0-500"),
        ("14.1.2: the second 500", "bytes=500-999", "500-1000"),
        ("14.1.2: the last 500", "bytes=-500", "9500-10000"),
        ("14.1.2: open", "bytes=9500-", "9500-10000"),
        ("14.1.2: first and last byte", "bytes=0-0,-1", "0-1,9999-10000"),
        ("14.1.2: first, middle, last", "bytes= 0-999, 4500-5499, -1000", "0-1000,4500-5500,9000-10000"),
        ("14.1.2: overlapping", "bytes=500-700,601-999", "500-701,601-1000"),
        ("14.1.2: unsorted", "bytes=5-6,1-2", "5-7,1-3"),
        ("14.1.2: all", "bytes=0-", "0-10000"),
        ("14.1.2: the last byte is beyond", "bytes=9999-20000", "9999-10000"),
        ("14.1.2: a longer suffix", "bytes=-20000", "0-10000"),
        ("14.1.2: one byte", "bytes=7-7", "7-8"),
        ("14.1.2: leading zeros", "bytes=007-0008", "7-9"),
        ("14.1.2: beyond 64 bits", "bytes=1-99999999999999999999999", "1-10000"),
        ("14.1.2: a suffix beyond 64 bits", "bytes=-99999999999999999999999", "0-10000"),
        ("14.1: a unit has no case", "BYTES=0-1", "0-2"),
        ("5.6.1: empty members", "bytes=,0-1 ,, 3-4,", "0-2,3-5"),
        ("14.1.2: one of two lies outside", "bytes=10000-,0-1", "0-2"),
        ("15.5.17: outside", "bytes=10000-", "416"),
        ("15.5.17: outside", "bytes=10000-10001,20000-", "416"),
        ("15.5.17: beyond 64 bits", "bytes=99999999999999999999999-", "416"),
        ("14.1.2: an empty suffix", "bytes=-0", "416"),
        ("14.1.1: the last before the first", "bytes=5-4", "whole"),
        ("14.1.1: one of two is malformed", "bytes=0-1,5-4", "whole"),
        ("14.2: another unit", "seconds=0-1", "whole"),
        ("14.2: another unit with our start", "bytes2=0-1", "whole"),
        ("14.1.1: no set", "bytes=", "whole"),
        ("14.1.1: an empty set", "bytes=,", "whole"),
        ("14.1.1: no unit", "0-1", "whole"),
        ("14.1.1: nothing", "", "whole"),
        ("14.1.1: no numbers", "bytes=-", "whole"),
        ("14.1.1: no dash", "bytes=5", "whole"),
        ("14.1.1: two dashes", "bytes=1-2-3", "whole"),
        ("14.1.1: a negative number", "bytes=--5", "whole"),
        ("14.1.1: a sign", "bytes=+1-2", "whole"),
        ("14.1.1: blanks around the dash", "bytes=1 - 2", "whole"),
        ("14.1.1: a blank before the equals", "bytes =1-2", "whole"),
        ("14.1.1: letters", "bytes=a-b", "whole"),
        ("14.1.1: hexadecimal", "bytes=0x1-0x2", "whole"),
        ("max_ranges", "bytes=0-1,1-2,2-3,3-4,4-5", "whole"),
        ("max_ranges counts those outside", "bytes=0-1,20000-,20000-,20000-,20000-", "whole"),
        ("14.2: more than the whole", "bytes=0-,0-", "whole"),
        ("14.2: exactly the whole", "bytes=0-4999,5000-", "0-5000,5000-10000"),
    ];
    for (rule, value, expected) in table {
        assert_eq!(show(parse(value.as_bytes(), 10_000, 4)), expected, "{rule}: {value}");
    }
}

#[test]
fn ranges_of_other_lengths() {
    let table = [
        ("bytes=0-", 0, "whole"), // section 14.2: a server may ignore the field
        ("bytes=0-0", 0, "whole"),
        ("bytes=5-", 0, "whole"),
        ("bytes=-1", 0, "whole"),
        ("bytes=-0", 0, "whole"),
        ("bytes=0-,-5", 0, "whole"),
        ("bytes=0-0", 1, "0-1"),
        ("bytes=-1", 1, "0-1"),
        ("bytes=1-", 1, "416"),
        ("bytes=18446744073709551614-18446744073709551615", u64::MAX, "18446744073709551614-18446744073709551615"),
        ("bytes=-1", u64::MAX, "18446744073709551614-18446744073709551615"),
        ("bytes=0-,0-", u64::MAX, "whole"),
    ];
    for (value, length, expected) in table {
        assert_eq!(show(parse(value.as_bytes(), length, 4)), expected, "{value} of {length}");
    }
    assert_eq!(show(parse(b"bytes=0-1", 10, 0)), "whole", "max_ranges 0");
}

#[test]
fn content_ranges() {
    for (range, expected) in [
        (ContentRange::Part { start: 0, end: 500, length: 1234 }, "bytes 0-499/1234"),
        (ContentRange::Part { start: 1233, end: 1234, length: 1234 }, "bytes 1233-1233/1234"),
        (ContentRange::None { length: 0 }, "bytes */0"),
        (ContentRange::None { length: 1234 }, "bytes */1234"),
    ] {
        let mut out = Vec::new();
        range.push(&mut out);
        assert_eq!(out, expected.as_bytes());
    }
}

/// Parts are inside and not empty, and they are what a naive reading of each member says.
#[test]
fn random_sets_agree_with_a_plain_reading() {
    let mut outcomes = [0; 3];
    for seed in 0..50_000 {
        let mut random = Seeded(seed);
        let length = random.below(40) as u64;
        let mut value = String::from("bytes=");
        let mut expected = Vec::new();
        for i in 0..1 + random.below(3) {
            let (a, b) = (random.below(45) as u64, random.below(45) as u64);
            let (a, b) = (a.min(b), a.max(b));
            value += if i > 0 { ", " } else { "" };
            let (text, part) = match random.below(3) {
                0 => (format!("{a}-{b}"), a..length.min(b + 1)),
                1 => (format!("{a}-"), a..length),
                _ => (format!("-{a}"), length - a.min(length)..length),
            };
            value += &text;
            expected.extend(Some(part).filter(|part| part.start < part.end));
        }
        let sum: u64 = expected.iter().map(|part| part.end - part.start).sum();
        match parse(value.as_bytes(), length, 10) {
            RangeVerdict::Satisfiable(parts) => {
                outcomes[0] += 1;
                assert_eq!(parts, expected, "{value} of {length}");
                assert!(sum <= length);
            }
            RangeVerdict::Unsatisfiable => {
                outcomes[1] += 1;
                assert!(expected.is_empty(), "{value} of {length}");
            }
            RangeVerdict::Whole => {
                outcomes[2] += 1;
                assert!(sum > length || length == 0, "{value} of {length}");
            }
        }
        let _ = parse(&random.mutate(value.as_bytes()), length, 10);
    }
    assert!(outcomes.iter().all(|&n| n > 500), "{outcomes:?}");
}

/// RFC 9110 section 14.2.
#[test]
fn a_request_s_range() {
    let validators = Validators { etag: Some(b"\"a\""), last_modified_secs: Some(784_111_777) };
    let table = [
        ("GET", "Range: bytes=0-1\r\n", "0-2"),
        ("GET", "", "whole"),
        ("GET", "Range: bytes=0-1\r\nRange: bytes=2-3\r\n", "whole"),
        ("HEAD", "Range: bytes=0-1\r\n", "whole"), // GET is the only method that has ranges
        ("POST", "Range: bytes=0-1\r\n", "whole"),
        ("GET", "Range: bytes=0-1\r\nIf-Range: \"a\"\r\n", "0-2"),
        ("GET", "Range: bytes=0-1\r\nIf-Range: \"b\"\r\n", "whole"),
        ("GET", "Range: bytes=99-\r\nIf-Range: \"b\"\r\n", "whole"), // section 13.1.5: not 416
        ("GET", "Range: bytes=99-\r\nIf-Range: \"a\"\r\n", "416"),
    ];
    for (method, lines, expected) in table {
        let head = format!("{method} / HTTP/1.1\r\nHost: a\r\n{lines}\r\n");
        let (request, _) = request(head.as_bytes(), &mut Scan::default(), &HeadLimits::default()).unwrap().unwrap();
        assert_eq!(show(evaluate(&request, &validators, 10, 4, 0)), expected, "{method} {lines}");
    }
}

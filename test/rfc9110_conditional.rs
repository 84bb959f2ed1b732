//! RFC 9110, section 13: preconditions, single ones and their order.
//! For the format of a row, see test/harness/conform.rs.

mod harness;

use harness::letters::{MTIME_S, Row, check, letters};
use harness::{date, each};

const A: &str = "GET /a.txt";

#[test]
fn tags() {
    let (s, tag) = letters();
    let unquoted = format!("If-None-Match: {}", tag.trim_matches('"'));
    let upper = format!("If-None-Match: {}", tag.to_uppercase());
    let rows: &[Row] = &[
        ("9110 13.1.2 MUST", A, "If-None-Match: TAG", &[304]),
        ("9110 13.1.2 MUST", A, "If-None-Match: *", &[304]),
        ("9110 13.1.2 MUST", A, "If-None-Match: \t TAG \t ", &[304]),
        ("9110 13.1.2 MUST", A, "if-NONE-match:TAG", &[304]),
        ("9110 13.1.2 MUST", "HEAD /a.txt", "If-None-Match: TAG", &[304]),
        ("9110 13.1.2 MUST", "HEAD /a.txt", "If-None-Match: *", &[304]),
        ("9110 13.1.2 MUST (weak)", A, "If-None-Match: W/TAG", &[304]),
        ("9110 13.1.2 MUST", A, "If-None-Match: \"x\", TAG", &[304]),
        ("9110 13.1.2 MUST", A, "If-None-Match: TAG, \"x\"", &[304]),
        ("9110 13.1.2 MUST", A, "If-None-Match: \"x\",W/\"y\",TAG,\"z\"", &[304]),
        ("9110 13.1.2 MUST", A, "If-None-Match: \"x\"|If-None-Match: TAG", &[304]),
        ("9110 8.8.3 (etagc)", A, "If-None-Match: \"a,b\", TAG", &[304]),
        ("9110 8.8.3 (etagc)", A, "If-None-Match: \"\\\", TAG", &[304]),
        ("9110 8.8.3 (etagc)", A, "If-None-Match: \"\u{fc}\", TAG", &[304]),
        ("9110 5.6.1 MUST", A, "If-None-Match: , ,\"x\",, TAG,", &[304]),
        ("9110 13.1.2", A, "If-None-Match: \"x\"", &[200]),
        ("9110 13.1.2", A, "If-None-Match: \"x\", W/\"y\"", &[200]),
        ("9110 13.1.2", A, "If-None-Match: \"\"", &[200]),
        ("9110 13.1.2", A, &upper.replace("W/", "w/"), &[200, 304]),
        ("9110 8.8.3 (case-sensitive)", A, "If-None-Match: w/TAG", &[200, 400]),
        ("9110 8.8.3", A, &unquoted, &[200, 400]),
        ("9110 8.8.3", A, "If-None-Match: 'x'", &[200, 400]),
        ("9110 8.8.3", A, "If-None-Match: \"x", &[200, 400]),
        ("9110 13.1.2", A, "If-None-Match: *, TAG", &[304, 200, 400]),
        ("9110 13.1.2", A, "If-None-Match:", &[200, 400]),
        ("9110 13.1.1", A, "If-Match: TAG", &[200]),
        ("9110 13.1.1", A, "If-Match: *", &[200]),
        ("9110 13.1.1", A, "If-Match: \"x\", TAG", &[200]),
        ("9110 13.1.1", A, "If-Match: \"x\"|If-Match: TAG", &[200]),
        ("9110 13.1.1", "HEAD /a.txt", "If-Match: TAG", &[200]),
        ("9110 13.1.1 MUST", A, "If-Match: \"x\"", &[412]),
        ("9110 13.1.1 MUST", A, "If-Match: \"x\", \"y\"", &[412]),
        ("9110 13.1.1 MUST", "HEAD /a.txt", "If-Match: \"x\"", &[412]),
        ("9110 13.1.1 MUST (strong)", A, "If-Match: W/TAG", &[412]),
        ("9110 13.1.1 MUST (strong)", A, "If-Match: W/TAG, \"x\"", &[412]),
        ("9110 8.8.3", A, "If-Match: nonsense", &[412, 400]),
    ];
    check(&s, &tag, rows);
}

#[test]
fn dates() {
    let (s, tag) = letters();
    let since = |date: String| format!("If-Modified-Since: {date}");
    let (year, now) = (1970 + date::now() / 31_556_952, date::now());
    // A date more than 50 years in the future means the previous century (5.6.7 MUST): the last day of that year, with
    // any weekday.
    let century_before = since(format!("Friday, 31-Dec-{:02} 23:59:59 GMT", (year + 52) % 100));
    let rows = [
        ("9110 13.1.3 SHOULD", since(date::imf(MTIME_S)), &[304u16][..]),
        ("9110 5.6.7 MUST", since(date::rfc850(MTIME_S)), &[304]),
        ("9110 5.6.7 MUST", since(date::asctime(MTIME_S)), &[304]),
        ("9110 13.1.3 SHOULD", since(date::imf(MTIME_S + 1)), &[304]),
        ("9110 13.1.3 SHOULD", since(date::imf(now)), &[304]),
        ("9110 13.1.3 SHOULD", since(date::imf(now + 86400)), &[304]),
        ("9110 13.1.3 SHOULD", since(date::rfc850(now)), &[304]),
        ("9110 13.1.3 SHOULD", since(date::asctime(now)), &[304]),
        ("9110 13.1.3", since(date::imf(MTIME_S - 1)), &[200]),
        ("9110 13.1.3", since(date::rfc850(MTIME_S - 1)), &[200]),
        ("9110 13.1.3", since(date::asctime(MTIME_S - 1)), &[200]),
        ("9110 13.1.3", since("Thu, 01 Jan 1970 00:00:00 GMT".into()), &[200]),
        ("9110 5.6.7 MUST", century_before, &[200]),
        ("9110 5.6.7 (leap second)", since("Sat, 31 Dec 2016 23:59:60 GMT".into()), &[304, 200]),
        ("9110 5.6.7 (leap day)", since("Thu, 29 Feb 1996 00:00:00 GMT".into()), &[304]),
    ];
    let rows: Vec<Row> = rows.iter().map(|(rule, fields, statuses)| (*rule, A, fields.as_str(), *statuses)).collect();
    check(&s, &tag, &rows);
    // Not a date: the field is ignored (13.1.3 MUST, 13.1.4 MUST).
    let none = [
        "",
        "now",
        "784111777",
        "2094-11-06T08:49:37Z",
        "Sat, 06 Nov 2094 08:49:37",
        "Sat, 06 Nov 2094 08:49:37 +0000",
        "Sat, 06 Nov 2094 08:49 GMT",
        "Sat, 06 Nov 2094 24:49:37 GMT",
        "Sat, 06 Nov 2094 08:60:37 GMT",
        "Sat, 06 Nov 2094 08:49:61 GMT",
        "Sat, 32 Nov 2094 08:49:37 GMT",
        "Sat, 00 Nov 2094 08:49:37 GMT",
        "Sat, 06 Nix 2094 08:49:37 GMT",
        "Sat, 06 Nov 94 08:49:37 GMT",
        "Sat, 06-Nov-2094 08:49:37 GMT",
        "Sat, -6 Nov 2094 08:49:37 GMT",
        "06 Nov 2094 08:49:37 GMT",
        "Sat Nov 6 08:49:37 2094 GMT",
        "Sat, 06 Nov 99999999999 08:49:37 GMT",
        "\"Sat, 06 Nov 2094 08:49:37 GMT\"",
    ];
    each(none, |value| {
        check(&s, &tag, &[("9110 13.1.3 MUST", A, &format!("If-Modified-Since: {value}"), &[200])]);
        let past = value.replace("2094", "1990");
        check(&s, &tag, &[("9110 13.1.4 MUST", A, &format!("If-Unmodified-Since: {past}"), &[200])]);
    });
    let rows: &[Row] = &[
        ("9110 13.1.3", "HEAD /a.txt", "If-Modified-Since: SAME", &[304]),
        ("9110 13.1.4", A, "If-Unmodified-Since: SAME", &[200]),
        ("9110 13.1.4", A, "If-Unmodified-Since: NEWER", &[200]),
        ("9110 13.1.4 MUST", A, "If-Unmodified-Since: OLDER", &[412]),
        ("9110 13.1.4 MUST", "HEAD /a.txt", "If-Unmodified-Since: OLDER", &[412]),
        ("9110 5.6.7 MUST", A, "If-Unmodified-Since: Sunday, 06-Nov-94 08:49:36 GMT", &[412]),
        ("9110 5.6.7 MUST", A, "If-Unmodified-Since: Sun Nov  6 08:49:36 1994", &[412]),
        ("9110 5.6.7 MUST", A, "If-Unmodified-Since: Sun Nov  6 08:49:37 1994", &[200]),
    ];
    check(&s, &tag, rows);
}

#[test]
fn the_order_of_preconditions() {
    let (s, tag) = letters();
    let rows: &[Row] = &[
        // If-Match, else If-Unmodified-Since; then If-None-Match, else If-Modified-Since; then If-Range.
        ("9110 13.2.2 MUST", A, "If-Match: TAG|If-Unmodified-Since: OLDER", &[200]),
        ("9110 13.2.2 MUST", A, "If-Unmodified-Since: OLDER|If-Match: TAG", &[200]),
        ("9110 13.2.2 MUST", A, "If-Match: \"x\"|If-Unmodified-Since: NEWER", &[412]),
        ("9110 13.2.2 MUST", A, "If-Match: *|If-Unmodified-Since: OLDER", &[200]),
        ("9110 13.2.2 MUST", A, "If-None-Match: TAG|If-Modified-Since: OLDER", &[304]),
        ("9110 13.2.2 MUST", A, "If-Modified-Since: OLDER|If-None-Match: TAG", &[304]),
        ("9110 13.2.2 MUST", A, "If-None-Match: \"x\"|If-Modified-Since: SAME", &[200]),
        ("9110 13.2.2 MUST", A, "If-None-Match: \"x\"|If-Modified-Since: NEWER", &[200]),
        ("9110 13.2.2 MUST", "HEAD /a.txt", "If-None-Match: \"x\"|If-Modified-Since: NEWER", &[200]),
        ("9110 13.2.2 MUST", A, "If-Match: TAG|If-None-Match: TAG", &[304]),
        ("9110 13.2.2 MUST", A, "If-Match: \"x\"|If-None-Match: TAG", &[412]),
        ("9110 13.2.2 MUST", A, "If-None-Match: TAG|If-Match: \"x\"", &[412]),
        ("9110 13.2.2 MUST", A, "If-Match: TAG|If-Modified-Since: SAME", &[304]),
        ("9110 13.2.2 MUST", A, "If-Match: \"x\"|If-Modified-Since: SAME", &[412]),
        ("9110 13.2.2 MUST", A, "If-Unmodified-Since: OLDER|If-None-Match: TAG", &[412]),
        ("9110 13.2.2 MUST", A, "If-Unmodified-Since: SAME|If-None-Match: TAG", &[304]),
        ("9110 13.2.2 MUST", A, "If-Unmodified-Since: OLDER|If-Modified-Since: SAME", &[412]),
        ("9110 13.2.2 MUST", A, "If-Unmodified-Since: SAME|If-Modified-Since: SAME", &[304]),
        (
            "9110 13.2.2 MUST",
            A,
            "If-Match: TAG|If-Unmodified-Since: OLDER|If-None-Match: \"x\"|If-Modified-Since: SAME",
            &[200],
        ),
        (
            "9110 13.2.2 MUST",
            A,
            "If-Match: TAG|If-Unmodified-Since: OLDER|If-None-Match: TAG|If-Modified-Since: OLDER",
            &[304],
        ),
        ("9110 13.2.2 MUST", A, "If-Match: TAG|Range: bytes=0-1", &[206]),
        ("9110 13.2.2 MUST", A, "If-Match: \"x\"|Range: bytes=0-1", &[412]),
        ("9110 13.2.2 MUST", A, "If-None-Match: TAG|Range: bytes=0-1", &[304]),
        ("9110 13.2.2 MUST", A, "If-None-Match: \"x\"|Range: bytes=0-1", &[206]),
        ("9110 13.2.2 MUST", A, "If-Modified-Since: SAME|Range: bytes=0-1", &[304]),
        ("9110 13.2.2 MUST", A, "If-Modified-Since: OLDER|Range: bytes=0-1", &[206]),
        ("9110 13.2.2 MUST", A, "If-Unmodified-Since: SAME|Range: bytes=0-1", &[206]),
        ("9110 13.2.2 MUST", A, "If-None-Match: TAG|Range: bytes=99-", &[304]),
        ("9110 13.2.2 MUST", A, "If-Match: \"x\"|Range: bytes=99-", &[412]),
        ("9110 13.2.2 MUST", A, "If-Match: TAG|Range: bytes=0-1|If-Range: \"x\"", &[200]),
        ("9110 13.2.2 MUST", A, "If-None-Match: TAG|Range: bytes=0-1|If-Range: TAG", &[304]),
        // Preconditions are evaluated only if the request would succeed without them (13.2.1 MUST).
        ("9110 13.2.1 MUST", "GET /absent", "If-Match: *", &[404]),
        ("9110 13.2.1 MUST", "GET /absent", "If-None-Match: *", &[404]),
        ("9110 13.2.1 MUST", "GET /absent", "If-Modified-Since: NEWER", &[404]),
        ("9110 13.2.1 MUST", "GET /absent", "If-Unmodified-Since: OLDER", &[404]),
        ("9110 13.2.1 MUST", "GET /dir", "If-Match: \"x\"", &[301]),
        ("9110 13.2.1 MUST", "GET /moved", "If-None-Match: *", &[301]),
        ("9110 13.2.1 MUST", "GET /dir/", "If-Match: \"x\"", &[403]),
        ("9110 13.2.1 MUST", "DELETE /a.txt", "If-Match: \"x\"", &[405]),
        ("9110 13.2.1 MUST", "POST /a.txt", "If-None-Match: *", &[405]),
        ("9110 13.2.1 MUST", "PUT /a.txt", "If-Unmodified-Since: OLDER", &[405]),
        ("9110 13.1.3 MUST", "OPTIONS /a.txt", "If-Modified-Since: SAME", &[200, 204]),
    ];
    check(&s, &tag, rows);
}

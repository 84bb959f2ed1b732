//! What holds for every input: splits do not matter, nothing after the head matters, nothing panics.

use super::corpus::{INVALID, VALID};
use super::*;
use crate::http::TargetForm;
use crate::http::seeded::Seeded;

/// All that a caller can see of a result; an error's line is compared apart, since more of it may have come.
fn summary(result: &Result<Option<(Rc<Request>, usize)>, HeadError>) -> String {
    match result {
        Ok(None) => "more".into(),
        Ok(Some((request, taken))) => format!("{taken} {:?} {}", request, request.fields.bytes.escape_ascii()),
        Err(error) => format!("{} {} {:?}", error.status, error.reason, error.method),
    }
}

fn whole(bytes: &[u8], limits: &HeadLimits) -> String {
    summary(&request(bytes, &mut Scan::default(), limits))
}

/// Gives the bytes in pieces that end at the cuts, as a connection does: each call sees all that has come.
fn in_pieces(bytes: &[u8], cuts: &[usize], limits: &HeadLimits) -> String {
    let mut scan = Scan::default();
    for &cut in cuts {
        match request(&bytes[..cut], &mut scan, limits) {
            Ok(None) => {}
            result => return summary(&result),
        }
    }
    summary(&request(bytes, &mut scan, limits))
}

fn corpus() -> impl Iterator<Item = &'static [u8]> {
    VALID.iter().chain(INVALID).copied()
}

/// Default limits, and such that something in most heads is too long.
fn all_limits() -> [HeadLimits; 4] {
    let limits = |line_bytes_max, head_bytes_max, fields_max| HeadLimits { line_bytes_max, head_bytes_max, fields_max };
    [HeadLimits::default(), limits(40, 200, 3), limits(30, 45, 2), limits(1000, 100, 100)]
}

#[test]
fn the_corpus_is_what_it_says() {
    for head in VALID {
        let (request, taken) = request(head, &mut Scan::default(), &HeadLimits::default()).unwrap().unwrap();
        assert_eq!(taken, head.len());
        let (empty_lines, line) = (head.len() - request.head().len(), request.line());
        assert_eq!(request.head(), &head[empty_lines..]);
        assert!(request.head().starts_with(line));
    }
    for head in INVALID {
        assert!(request(head, &mut Scan::default(), &HeadLimits::default()).is_err(), "{}", head.escape_ascii());
    }
}

#[test]
fn every_split_point_gives_the_same_result() {
    for head in corpus() {
        for limits in all_limits() {
            let expected = whole(head, &limits);
            for cut in 0..=head.len() {
                assert_eq!(in_pieces(head, &[cut], &limits), expected, "{} cut at {cut}", head.escape_ascii());
            }
            let every: Vec<usize> = (0..head.len()).collect();
            assert_eq!(in_pieces(head, &every, &limits), expected, "{} byte by byte", head.escape_ascii());
        }
    }
}

#[test]
fn a_complete_head_is_needed_and_no_more() {
    for head in VALID {
        for len in 0..head.len() {
            assert_eq!(whole(&head[..len], &HeadLimits::default()), "more", "{}", head[..len].escape_ascii());
        }
        let expected = whole(head, &HeadLimits::default());
        for after in [&b"GET / HTTP/1.1\r\n\r\n"[..], b"\0\xff\r\r", &[b'\n'; 40_000]] {
            assert_eq!(whole(&[head, after].concat(), &HeadLimits::default()), expected);
        }
    }
}

/// The first wrong byte decides: what comes after it changes neither status nor reason.
#[test]
fn an_error_stands_whatever_follows() {
    for head in INVALID {
        let expected = whole(head, &HeadLimits::default());
        for after in [&b"GET / HTTP/1.1\r\n\r\n"[..], b"\0\xff\r\r", &[b'\n'; 40_000], &[b'x'; 40_000]] {
            assert_eq!(whole(&[head, after].concat(), &HeadLimits::default()), expected);
        }
    }
}

#[test]
fn mutated_heads_never_panic_and_never_depend_on_splits() {
    let heads: Vec<&[u8]> = corpus().collect();
    let (mut accepted, mut refused) = (0, 0);
    for seed in 0..20_000 {
        let mut random = Seeded(seed);
        let bytes = {
            let head = *random.pick(&heads);
            random.mutate(head)
        };
        let limits = *random.pick(&all_limits());
        let result = request(&bytes, &mut Scan::default(), &limits);
        let expected = summary(&result);
        for _ in 0..3 {
            let cuts = random.cuts(bytes.len());
            assert_eq!(in_pieces(&bytes, &cuts, &limits), expected, "seed {seed}: {}", bytes.escape_ascii());
        }
        match result {
            Ok(Some((request, taken))) => {
                accepted += 1;
                check_invariants(&request, &bytes[..taken], &limits);
            }
            Ok(None) => {}
            Err(error) => {
                refused += 1;
                assert!([400, 414, 417, 501, 505].contains(&error.status));
                assert!(
                    error.line.len() <= limits.line_bytes_max && bytes.windows(error.line.len().max(1)).count() > 0
                );
            }
        }
    }
    assert!(accepted > 1000 && refused > 1000, "{accepted} accepted, {refused} refused: the mutations test nothing");
}

/// What callers rely on.
fn check_invariants(request: &Request, taken: &[u8], limits: &HeadLimits) {
    assert!(taken.ends_with(request.head()) && request.head().len() <= limits.head_bytes_max);
    assert!(request.head().ends_with(b"\n") && request.fields.len() <= limits.fields_max);
    assert!(request.line().len() <= limits.line_bytes_max);
    assert!(request.line().iter().all(|b| matches!(b, b' '..=b'~')));
    let line = [request.method_text(), b" ", request.target(), b" HTTP/1."].concat();
    assert!(request.line().starts_with(&line) && request.line().len() == line.len() + 1);
    assert!(request.version.major == 1 && request.version.minor <= 9);
    match request.form {
        TargetForm::Origin => assert!(request.path().starts_with(b"/") && request.target().starts_with(request.path())),
        TargetForm::Absolute => assert!(request.path().starts_with(b"/") || request.path().is_empty()),
        TargetForm::Authority => assert!(request.method == Method::Connect && request.path().is_empty()),
        TargetForm::Asterisk => {
            assert!(matches!(request.method, Method::Options | Method::Unknown) && request.path().is_empty());
        }
    }
    assert!(!request.path().iter().chain(request.query().unwrap_or(b"")).any(|b| *b == b'#'));
    if let Some(host) = request.host() {
        assert!(!host.is_empty() && !host.iter().any(u8::is_ascii_uppercase));
        assert_eq!(crate::http::host::parse(host).map(|h| h.name), Ok(host));
    }
    for field in request.fields.iter() {
        assert!(!field.name.is_empty() && field.name.iter().all(|&b| is_token(b)));
        assert!(field.value.iter().all(|&b| b == b'\t' || b >= b' ' && b != 0x7f));
        assert_eq!(field.value, crate::http::octets::trim(field.value));
        assert_eq!(field.known, Known::parse(field.name));
        assert!(request.fields.get_by_name(field.name).is_some());
    }
}

/// parse(print(x)) = x for requests made at random.
#[test]
fn what_is_printed_is_parsed() {
    const TOKEN: &[u8] = b"abcXYZ019-_.!#$%&'*+^`|~";
    const VALUE: &[u8] = b"abc XYZ\t019:;,\"\\()\x80\xff=/@";
    for seed in 0..3_000 {
        let mut random = Seeded(seed);
        let method = *random.pick(&Method::KNOWN[..6]);
        let len = random.below(60);
        let path = [b"/", &random.text(b"abc/%20.~-_", len)[..]].concat();
        let query = (random.below(2) == 0).then(|| random.text(b"a=b&c?/", 9));
        let mut fields = vec![(b"Host".to_vec(), b"example.org".to_vec())];
        for i in 0..random.below(20) {
            let (name_len, value_len) = (1 + random.below(20), random.below(60));
            let name = [b"x", &random.text(TOKEN, name_len)[..], i.to_string().as_bytes()].concat();
            let value = random.text(VALUE, value_len);
            fields.push((name, crate::http::octets::trim(&value).to_vec()));
        }
        let target = [&path[..], if query.is_some() { b"?" } else { b"" }, query.as_deref().unwrap_or(b"")].concat();
        let mut bytes = [method.name().as_bytes(), b" ", &target, b" HTTP/1.1\r\n"].concat();
        for (name, value) in &fields {
            let blanks = [&b""[..], b" ", b" \t "][random.below(3)];
            bytes.extend([&name[..], b":", blanks, value, b"\r\n"].concat());
        }
        bytes.extend_from_slice(b"\r\n");
        let (request, taken) = request(&bytes, &mut Scan::default(), &HeadLimits::default()).unwrap().unwrap();
        assert_eq!(taken, bytes.len());
        assert_eq!((request.method, request.path(), request.query()), (method, &path[..], query.as_deref()));
        let parsed: Vec<_> = request.fields.iter().map(|f| (f.name.to_vec(), f.value.to_vec())).collect();
        assert_eq!(parsed, fields, "seed {seed}");
    }
}

/// One scan serves a connection: pipelined heads one after another, with the memory of those before.
#[test]
fn a_scan_is_used_again() {
    let all = VALID.concat();
    for recycles in [false, true] {
        let (mut scan, mut at) = (Scan::default(), 0);
        for head in VALID {
            assert!(!scan.is_started());
            let (parsed, taken) = request(&all[at..], &mut scan, &HeadLimits::default()).unwrap().unwrap();
            let alone = request(head, &mut Scan::default(), &HeadLimits::default()).unwrap().unwrap();
            assert_eq!(summary(&Ok(Some((parsed.clone(), taken)))), summary(&Ok(Some(alone))));
            at += taken;
            if recycles {
                scan.recycle(parsed);
            }
        }
        assert_eq!(at, all.len());
    }
    let mut scan = Scan::default();
    request(INVALID[2], &mut scan, &HeadLimits::default()).unwrap_err();
    assert!(request(VALID[0], &mut scan, &HeadLimits::default()).unwrap().is_some());
    assert_eq!(request(b"\r\n\r", &mut scan, &HeadLimits::default()).map(|r| r.is_some()), Ok(false));
    assert!(!scan.is_started());
    assert_eq!(request(b"\r\n\r\nG", &mut scan, &HeadLimits::default()).map(|r| r.is_some()), Ok(false));
    assert!(scan.is_started());
}

/// Whatever was in a request's memory before, good or bad, nothing of it is left.
#[test]
fn nothing_of_an_earlier_head_is_seen() {
    for before in corpus() {
        for head in corpus() {
            let mut scan = Scan::default();
            if let Ok(Some((request, _))) = request(before, &mut scan, &HeadLimits::default()) {
                scan.recycle(request);
            }
            let after = summary(&request(head, &mut scan, &HeadLimits::default()));
            assert_eq!(
                after,
                whole(head, &HeadLimits::default()),
                "{} after {}",
                head.escape_ascii(),
                before.escape_ascii()
            );
        }
    }
}

/// Whoever still has a request keeps it as it is.
#[test]
fn a_request_that_someone_has_is_not_recycled() {
    let mut scan = Scan::default();
    let (first, _) = request(VALID[1], &mut scan, &HeadLimits::default()).unwrap().unwrap();
    scan.recycle(Rc::clone(&first));
    let (second, _) = request(VALID[0], &mut scan, &HeadLimits::default()).unwrap().unwrap();
    assert_eq!((first.head(), second.head()), (VALID[1], VALID[0]));
    let place = Rc::as_ptr(&second);
    scan.recycle(second);
    let (third, _) = request(VALID[2], &mut scan, &HeadLimits::default()).unwrap().unwrap();
    assert_eq!((Rc::as_ptr(&third), third.head()), (place, VALID[2]));
}

/// What an idle connection keeps of the heads before is bounded.
#[test]
fn large_heads_are_not_kept() {
    let large = [b"GET / HTTP/1.0\r\nX: ", &b"y".repeat(5000)[..], b"\r\n\r\n"].concat();
    let many = [b"GET / HTTP/1.0\r\n", &b"X:y\r\n".repeat(200)[..], b"\r\n"].concat();
    for (head, kept) in [(VALID[0], true), (&large[..], false), (&many[..], false)] {
        let mut scan = Scan::default();
        let (parsed, _) = request(head, &mut scan, &HeadLimits::default()).unwrap().unwrap();
        scan.recycle(parsed);
        assert_eq!(scan.request.is_some(), kept);
    }
}

/// However slowly a head comes, no byte is looked at twice: but for a method (32 bytes), a version (10), and each field
/// line once more when it is complete.
#[test]
fn a_slow_head_costs_no_more() {
    let long = "x".repeat(5000);
    let head = format!("GET /{long} HTTP/1.1\r\nHost: a\r\nX: {long}\r\n{long}: y\r\n\r\n").into_bytes();
    let mut scan = Scan::default();
    for len in 0..head.len() {
        assert_eq!(request(&head[..len], &mut scan, &HeadLimits::default()).map(|r| r.is_some()), Ok(false));
        assert!(scan.at + METHOD_BYTES_MAX >= len, "{} of {len}", scan.at);
        assert!(scan.stage < Stage::Fields || scan.at == len || head[..len].ends_with(b"\r"), "{} of {len}", scan.at);
    }
    assert!(request(&head, &mut scan, &HeadLimits::default()).unwrap().is_some());
}

/// The next head may have begun when the last request is done.
#[test]
fn recycling_does_not_disturb_a_scan() {
    let mut scan = Scan::default();
    let (first, _) = request(VALID[1], &mut scan, &HeadLimits::default()).unwrap().unwrap();
    let (head, half) = (VALID[8], VALID[8].len() / 2);
    assert!(request(&head[..half], &mut scan, &HeadLimits::default()).unwrap().is_none());
    scan.recycle(first);
    assert_eq!(summary(&request(head, &mut scan, &HeadLimits::default())), whole(head, &HeadLimits::default()));
}

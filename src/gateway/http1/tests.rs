//! Requests as they are printed, and which fields of a client go on. Answers stand in `answer_tests.rs`.

use super::*;
use crate::http::seeded::Seeded;
use crate::http::{HeadLimits, Scan, Version, head};

/// The head of a request with these fields, and whether all of it was printed.
fn printed(method: &str, target: &str, version: Version, fields: &[(&str, &str)]) -> Result<String, String> {
    let mut out = Vec::new();
    let mut print = || {
        let mut head = RequestPrinter::begin(method.as_bytes(), target.as_bytes(), version, &mut out)?;
        for (name, value) in fields {
            head.field(name.as_bytes(), value.as_bytes())?;
        }
        head.end();
        Ok(())
    };
    let result: Result<(), crate::gateway::GatewayFault> = print();
    result.map_err(|fault| fault.reason.into_owned())?;
    Ok(String::from_utf8_lossy(&out).into_owned())
}

#[test]
fn a_request_is_printed() {
    let fields = [("Host", "a:8080"), ("X-Empty", ""), ("X-Text", "\u{fc}\tx")];
    let expected = " HTTP/1.1\r\nHost: a:8080\r\nX-Empty: \r\nX-Text: \u{fc}\tx\r\n\r\n";
    assert_eq!(printed("GET", "/a?b", Version::HTTP_1_1, &fields), Ok(format!("GET /a?b{expected}")));
    let old = printed("PURGE", "*", Version::HTTP_1_0, &[]);
    assert_eq!(old.as_deref(), Ok("PURGE * HTTP/1.0\r\n\r\n"));
    let mut out = Vec::new();
    let mut head = RequestPrinter::begin(b"PUT", b"/", Version::HTTP_1_1, &mut out).unwrap();
    head.content_length(u64::MAX);
    head.chunked();
    head.end();
    let expected = "PUT / HTTP/1.1\r\nContent-Length: 18446744073709551615\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert_eq!(out, expected.as_bytes());
}

#[test]
fn nothing_is_smuggled_into_a_request() {
    for bad in ["", "GET ", "G\r\nET", "GET\0", "G:T", "\u{fc}"] {
        assert!(printed(bad, "/", Version::HTTP_1_1, &[]).is_err(), "the method {bad:?}");
    }
    for bad in
        ["", "/a b", "/a\r\n", "/\0", "/\u{7f}", "/\u{fc}", " /", "/ HTTP/1.1\r\nX: y\r\n\r\n", "/\t", "/aaaaaaaa\n"]
    {
        assert!(printed("GET", bad, Version::HTTP_1_1, &[]).is_err(), "the target {bad:?}");
    }
    for bad in ["", "X Y", "X:", "X\r\n", "\u{fc}", "X\0"] {
        assert!(printed("GET", "/", Version::HTTP_1_1, &[(bad, "y")]).is_err(), "the name {bad:?}");
    }
    for bad in ["y\r\nA: b", "y\n", "y\r", "\0", "\u{7f}", "long enough for two words\u{1}"] {
        assert!(printed("GET", "/", Version::HTTP_1_1, &[("X", bad)]).is_err(), "the value {bad:?}");
    }
}

/// Whatever the texts are: if a request is printed, it has the method, the target and the fields that were given.
#[test]
fn what_is_printed_is_read_again() {
    let mut random = Seeded(0x9112);
    let (mut good, mut bad) = (0, 0);
    for _ in 0..20_000 {
        let mut text = |from: &[&str]| {
            let text = random.pick(from).as_bytes();
            let text = if random.below(12) == 0 { random.mutate(text) } else { text.to_vec() };
            String::from_utf8_lossy(&text).into_owned()
        };
        let (method, target) = (text(&["GET", "POST", "PROPFIND"]), text(&["/", "/a/b?c=d&e", "/%20%00"]));
        let fields =
            [(); 3].map(|()| (text(&["X", "Accept", "X-Long-Name"]), text(&["", "y", "a long value", "a\tb"])));
        let all: Vec<(&str, &str)> =
            [("Host", "a")].into_iter().chain(fields.iter().map(|(name, value)| (&name[..], &value[..]))).collect();
        let Ok(text) = printed(&method, &target, Version::HTTP_1_1, &all) else {
            bad += 1;
            continue;
        };
        let read = head::request(text.as_bytes(), &mut Scan::default(), &HeadLimits::default());
        let Ok(Some((request, taken))) = read else { continue }; // a field that means something, and means it wrongly
        assert_eq!(taken, text.len());
        assert_eq!(request.method_text(), method.as_bytes());
        assert_eq!(request.target(), target.as_bytes());
        let found: Vec<(&[u8], &[u8])> = request.fields.iter().map(|field| (field.name, field.value)).collect();
        let trim = |value| crate::http::octets::trim(value);
        let expected: Vec<_> = all.iter().map(|(name, value)| (name.as_bytes(), trim(value.as_bytes()))).collect();
        assert_eq!(found, expected);
        good += 1;
    }
    assert!(good > 5000 && bad > 2000, "{good} good, {bad} bad");
}

#[test]
fn fields_of_one_connection_stay_here() {
    let lines = "Host: a\r\nConnection: close, X-One ,,x-two\r\nConnection: keep-alive\r\nX-One: 1\r\nX-Two: 2\r\n\
        X-Three: 3\r\nKeep-Alive: x\r\nProxy-Connection: x\r\nTE: trailers\r\nTrailer: X\r\nUpgrade: x\r\n\
        Expect: 100-continue\r\nProxy-Authorization: x\r\nContent-Length: 1\r\nAuthorization: x\r\nCookie: a=b\r\n";
    let text = format!("POST / HTTP/1.1\r\n{lines}\r\n");
    let read = head::request(text.as_bytes(), &mut Scan::default(), &HeadLimits::default());
    let (request, _) = read.unwrap().unwrap();
    let rules = HopByHop::of(&request.fields);
    let fields = request.fields.iter().filter(|field| !rules.stays_here(field.name, field.known));
    let names: Vec<_> = fields.map(|field| String::from_utf8_lossy(field.name).into_owned()).collect();
    assert_eq!(names, ["X-Three", "Proxy-Authorization", "Authorization", "Cookie"]);
}

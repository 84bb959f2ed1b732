use super::*;
use crate::http::seeded::Seeded;
use std::borrow::Cow;

/// A name and its value.
type Pair<'a> = (&'a [u8], &'a [u8]);

/// A strict reader of SCGI: the parameters and where the body begins.
fn read(request: &[u8]) -> (Vec<Pair<'_>>, usize) {
    let colon = request.iter().position(|b| *b == b':').expect("a length");
    let length: usize = std::str::from_utf8(&request[..colon]).unwrap().parse().unwrap();
    assert_ne!(request[0], b'0', "no leading zero");
    let (params, rest) = request[colon + 1..].split_at(length);
    assert_eq!(rest[0], b',');
    let mut texts: Vec<&[u8]> = params.split(|b| *b == 0).collect();
    assert_eq!(texts.pop(), Some(&b""[..]), "each text ends with a NUL");
    (texts.chunks(2).map(|pair| (pair[0], pair[1])).collect(), colon + 1 + length + 1)
}

#[test]
fn the_request_of_the_specification() {
    let mut out = b"before".to_vec();
    let params = [("REQUEST_METHOD", "POST"), ("SCGI", "2"), ("CONTENT_LENGTH", "0"), ("REQUEST_URI", "/deepthought")];
    head(params, 27, &mut out).unwrap();
    let expected = "before70:CONTENT_LENGTH\x0027\0SCGI\x001\0REQUEST_METHOD\0POST\0REQUEST_URI\0/deepthought\0,";
    assert_eq!(out.escape_ascii().to_string(), expected.as_bytes().escape_ascii().to_string());
}

#[test]
fn a_nul_begins_no_other_parameter() {
    for (name, value) in [("A\0B", "c"), ("A", "\0"), ("A", "b\0HTTPS\0on")] {
        let mut out = b"before".to_vec();
        assert!(head([(name, value)], 0, &mut out).is_err());
        assert_eq!(out, b"before");
    }
}

#[test]
fn what_is_written_is_read_again() {
    let mut random = Seeded(0x5c61);
    for _ in 0..500 {
        let mut text = |most| {
            let len = random.below(most);
            Cow::from(random.text(b"ABC_=:,0\n\xff", len))
        };
        let params: Vec<[Cow<[u8]>; 2]> = (0..5).map(|_| [text(9), text(300)]).collect();
        let (body_bytes, mut out) = (random.next(), Vec::new());
        head(params.iter().map(|[name, value]| (name, value)), body_bytes, &mut out).unwrap();
        let (read, taken) = read(&out);
        assert_eq!(taken, out.len());
        assert_eq!(read[0], (&b"CONTENT_LENGTH"[..], body_bytes.to_string().as_bytes()));
        assert_eq!(read[1], (&b"SCGI"[..], &b"1"[..]));
        assert_eq!(read[2..], params.iter().map(|[name, value]| (&**name, &**value)).collect::<Vec<_>>());
    }
}

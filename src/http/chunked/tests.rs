use super::*;
use crate::http::seeded::Seeded;

/// Data, trailers and bytes taken, or the error: what a whole input comes to when it is fed in these pieces.
type Outcome = Result<Option<(Vec<u8>, String, usize)>, &'static str>;

fn decode(input: &[u8], cuts: &[usize], limits: HeadLimits) -> Outcome {
    let mut decoder = Decoder::new(limits);
    let mut data = Vec::new();
    let mut at = 0;
    for end in cuts.iter().copied().chain([input.len()]) {
        while at <= end {
            match decoder.decode(&input[at..end]).map_err(|e| e.reason)? {
                ChunkStep::More => {
                    at = end;
                    break;
                }
                ChunkStep::Data(range) => {
                    assert!(!range.is_empty());
                    data.extend_from_slice(&input[at..end][range.clone()]);
                    at += range.end;
                }
                ChunkStep::End { taken } => {
                    let trailers: Vec<_> =
                        decoder.trailers().iter().map(|f| [f.name, b"=", f.value].concat()).collect();
                    let trailers = String::from_utf8_lossy(&trailers.join(&b"&"[..])).into_owned();
                    return Ok(Some((data, trailers, at + taken)));
                }
            }
        }
    }
    Ok(None)
}

fn whole(input: &[u8]) -> Outcome {
    decode(input, &[], HeadLimits::default())
}

/// RFC 9112 section 7.1: body, data, trailers.
const VALID: &[(&[u8], &[u8], &str)] = &[
    (b"0\r\n\r\n", b"", ""),
    (b"5\r\nhello\r\n0\r\n\r\n", b"hello", ""),
    (b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", b"hello world", ""),
    (b"a\r\n0123456789\r\nA\r\n0123456789\r\n000\r\n\r\n", b"01234567890123456789", ""),
    (b"0005\r\nhello\r\n0\r\n\r\n", b"hello", ""),
    (b"2\r\n\r\n\r\n0\r\n\r\n", b"\r\n", ""), // data may look like framing
    (b"5\r\n0\r\n\r\n\r\n0\r\n\r\n", b"0\r\n\r\n", ""),
    (b"1;a\r\nx\r\n0;b=c\r\n\r\n", b"x", ""),
    (b"1;a=b;c=\"d e\";f\r\nx\r\n0\r\n\r\n", b"x", ""),
    (b"1 ; a = b\t;\tc\r\nx\r\n0\r\n\r\n", b"x", ""), // BWS, section 7.1.1
    (b"1;a ;b\t;c\r\nx\r\n0\r\n\r\n", b"x", ""),
    (b"1;a=\"\"\r\nx\r\n0\r\n\r\n", b"x", ""),
    (b"1;a=\"\\\"\\\\\\x;\xe9\" ;b\r\nx\r\n0\r\n\r\n", b"x", ""),
    (b"0\r\nX-Sum: 1\r\nx-b:\r\n\r\n", b"", "X-Sum=1&x-b="),
    (b"1\r\nx\r\n0;a\r\nHost: a\r\nX: y\r\nContent-Length: 5\r\nAuthorization: z\r\n\r\n", b"x", "X=y"),
];

#[test]
fn well_formed_bodies() {
    for (input, data, trailers) in VALID {
        let expected = Ok(Some((data.to_vec(), (*trailers).to_owned(), input.len())));
        assert_eq!(whole(input), expected, "{}", input.escape_ascii());
        for after in [&b"GET / HTTP/1.1\r\n\r\n"[..], b"\0", b"\r\n0\r\n\r\n"] {
            assert_eq!(whole(&[input, after].concat()), expected, "what follows is not looked at");
        }
        for len in 0..input.len() {
            assert_eq!(whole(&input[..len]), Ok(None), "{}", input[..len].escape_ascii());
        }
    }
}

/// Each is refused at its last byte. RFC 9112 section 7.1 unless said otherwise.
#[test]
fn malformed_bodies() {
    let table: &[(&str, &[u8])] = &[
        ("no size", b"\r"),
        ("no size but an extension", b";"),
        ("not hexadecimal", b"g"),
        ("not hexadecimal after a digit", b"5g"),
        ("a prefix", b"0x"),
        ("a sign", b"+"),
        ("a minus", b"-"),
        ("a blank before", b" "),
        ("a tab before", b"\t"),
        ("a blank after", b"5 \r"),
        ("an underscore", b"1_"),
        ("more than 64 bits", b"10000000000000000"),
        ("far more, with zeros first", b"0010000000000000000"),
        ("a bare LF after the size", b"5\n"),
        ("a bare CR after the size", b"5\rh"),
        ("two CR after the size", b"5\r\r"),
        ("too much data", b"5\r\nhello!"),
        ("a bare LF after the data", b"5\r\nhello\n"),
        ("a bare CR after the data", b"5\r\nhello\rx"),
        ("an empty line between chunks", b"1\r\nx\r\n\r"),
        ("7.1.1: no name", b"5;\r"),
        ("7.1.1: no name but blanks", b"5; \r"),
        ("7.1.1: a name is a token", b"5;a("),
        ("7.1.1: two names", b"5;a b"),
        ("7.1.1: a blank after the name", b"5;a \r"),
        ("7.1.1: two semicolons", b"5;;"),
        ("7.1.1: no value", b"5;a=\r"),
        ("7.1.1: no value but a semicolon", b"5;a=;"),
        ("7.1.1: two values", b"5;a=b c"),
        ("7.1.1: a blank after the value", b"5;a=b \r"),
        ("7.1.1: a quote inside a token", b"5;a=b\""),
        ("7.1.1: text after the quotes", b"5;a=\"b\"c"),
        ("7.1.1: a quote without end", b"5;a=\"b\r"),
        ("7.1.1: a bare LF in an extension", b"5;a\n"),
        ("9110 5.6.4: a control in quotes", b"5;a=\"\x01"),
        ("9110 5.6.4: an escaped control", b"5;a=\"\\\r"),
        ("7.1.1: NUL", b"5;\0"),
        ("7.1.2: a bare LF instead of the last line", b"0\r\n\n"),
        ("7.1.2: a bare LF after a trailer", b"0\r\nX: y\n"),
        ("9112 5.1: a blank before a trailer's colon", b"0\r\nX : y\r\n"),
        ("9112 5.2: a folded trailer", b"0\r\nX: y\r\n z\r\n"),
        ("9112 5: a trailer without a colon", b"0\r\nGET / HTTP/1.1\r\n"),
        ("9110 5.5: a control in a trailer", b"0\r\nX: \0\r\n"),
        ("7.1: the end of an old habit", b"0\r\nx\r\n"),
    ];
    for (rule, input) in table {
        assert!(whole(input).is_err(), "{rule}: {}", input.escape_ascii());
        assert_eq!(whole(&input[..input.len() - 1]), Ok(None), "{rule}: {}", input.escape_ascii());
    }
}

#[test]
fn an_error_is_final() {
    let mut decoder = Decoder::new(HeadLimits::default());
    let error = decoder.decode(b"x").unwrap_err();
    assert_eq!(decoder.decode(b"0\r\n\r\n"), Err(error));
    assert_eq!(decoder.decode(b""), Ok(ChunkStep::More));
}

#[test]
fn an_end_is_final() {
    let mut decoder = Decoder::new(HeadLimits::default());
    assert_eq!(decoder.decode(b"0\r\n\r\n0"), Ok(ChunkStep::End { taken: 5 }));
    assert_eq!(decoder.decode(b"0"), Ok(ChunkStep::End { taken: 0 }));
}

#[test]
fn the_largest_chunk_is_counted_down() {
    let mut decoder = Decoder::new(HeadLimits::default());
    assert_eq!(decoder.decode(b"ffffffffffffffff\r\nab"), Ok(ChunkStep::Data(18..20)));
    assert_eq!(decoder.left, u64::MAX - 2);
}

/// RFC 9112 section 7.1.1 asks for a limit of extensions; trailers have a head's limits.
#[test]
fn nothing_grows_without_end() {
    let long = b"x".repeat(20_000);
    assert!(whole(&[b"1;", &long[..]].concat()).is_err());
    assert!(whole(&[b"1;a=\"", &long[..]].concat()).is_err());
    assert!(whole(&b"0".repeat(20_000)).is_err());
    assert!(whole(&b"1;a\r\nx\r\n".repeat(20_000)).is_err());
    assert_eq!(whole(&b"1\r\nx\r\n".repeat(20_000)), Ok(None));
    let limits = HeadLimits { line_bytes_max: 10, head_bytes_max: 25, fields_max: 2 };
    let trailers = |text: &str| decode(format!("0\r\n{text}").as_bytes(), &[], limits).map(|_| ());
    assert_eq!(trailers("X:345678\r\nX:345678\r\n\r\n"), Ok(()));
    assert!(trailers("X:3456789").is_ok() && trailers("X:345678901").is_err());
    assert!(trailers("X:345678\r\nX:345678\r\nX:345").is_ok());
    assert!(trailers("X:345678\r\nX:345678\r\nX:3456").is_err());
    assert!(trailers("X:\r\nX:\r\nX:\r\n").is_err());
}

#[test]
fn every_split_point_gives_the_same_result() {
    for (input, ..) in VALID {
        let expected = whole(input);
        for cut in 0..=input.len() {
            assert_eq!(decode(input, &[cut], HeadLimits::default()), expected, "{} cut at {cut}", input.escape_ascii());
        }
        let every: Vec<usize> = (0..=input.len()).collect();
        assert_eq!(decode(input, &every, HeadLimits::default()), expected, "{}", input.escape_ascii());
    }
}

#[test]
fn mutated_bodies_never_panic_and_never_depend_on_splits() {
    let mut outcomes = [0; 3];
    for seed in 0..30_000 {
        let mut random = Seeded(seed);
        let input = random.pick(VALID).0;
        let input = random.mutate(input);
        let limits = HeadLimits { line_bytes_max: 12, head_bytes_max: 20, fields_max: 2 };
        let limits = *random.pick(&[HeadLimits::default(), limits]);
        let expected = decode(&input, &[], limits);
        for _ in 0..3 {
            let cuts = random.cuts(input.len());
            assert_eq!(decode(&input, &cuts, limits), expected, "seed {seed}: {}", input.escape_ascii());
        }
        outcomes[match expected {
            Ok(Some(_)) => 0,
            Ok(None) => 1,
            Err(_) => 2,
        }] += 1;
    }
    assert!(outcomes.iter().all(|&n| n > 500), "{outcomes:?}");
}

/// parse(print(x)) = x: any data in any chunks.
#[test]
fn what_is_encoded_is_decoded() {
    for seed in 0..2_000 {
        let mut random = Seeded(seed);
        let (mut data, mut wire) = (Vec::new(), Vec::new());
        for _ in 0..random.below(6) {
            let len = 1 + random.below(300);
            let chunk = random.text(b"\r\n0;abc\0\xff", len);
            push_chunk_start(&mut wire, chunk.len() as u64);
            wire.extend_from_slice(&chunk);
            wire.extend_from_slice(CHUNK_END);
            data.extend_from_slice(&chunk);
        }
        wire.extend_from_slice(LAST_CHUNK);
        let cuts = random.cuts(wire.len());
        assert_eq!(
            decode(&wire, &cuts, HeadLimits::default()),
            Ok(Some((data, String::new(), wire.len()))),
            "seed {seed}"
        );
    }
}

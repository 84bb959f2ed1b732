use super::*;

/// "source destination used", "- used" for a header without addresses, "..." if more bytes are needed, or the fault.
fn shown(bytes: &[u8]) -> String {
    match parse(bytes) {
        Ok(None) => "...".to_owned(),
        Ok(Some(Parsed { proxied: None, used })) => format!("- {used}"),
        Ok(Some(Parsed { proxied: Some(it), used })) => format!("{} {} {used}", it.source, it.destination),
        Err(fault) => format!("! {fault}"),
    }
}

/// A header of version 2.
fn block_of(version_command: u8, family_transport: u8, rest: &[u8]) -> Vec<u8> {
    let length = u16::try_from(rest.len()).expect("it fits").to_be_bytes();
    [SIGNATURE, &[version_command, family_transport], &length, rest].concat()
}

const V4: [u8; 12] = [192, 0, 2, 1, 192, 0, 2, 2, 0, 123, 22, 46];

fn v6() -> Vec<u8> {
    let ip = |last| Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, last).octets();
    [&ip(1)[..], &ip(2), &[0, 123, 22, 46]].concat()
}

fn tlv_of(number: u8, value: &[u8]) -> Vec<u8> {
    [&[number, (value.len() >> 8) as u8, value.len() as u8], value].concat()
}

#[test]
fn lines() {
    let malformed = "! the line of the PROXY protocol is malformed";
    let address = "! an address or port in the line of the PROXY protocol is malformed";
    let end = "! the line of the PROXY protocol does not end with CRLF, or is no text";
    let none = "! there is no PROXY protocol header";
    let table = [
        ("PROXY TCP4 192.0.2.1 192.0.2.2 123 5678\r\nGET", "192.0.2.1:123 192.0.2.2:5678 41"),
        ("PROXY TCP6 2001:Db8::1 2001:db8::2 123 5678\r\n", "[2001:db8::1]:123 [2001:db8::2]:5678 45"),
        ("PROXY TCP6 ::ffff:192.0.2.1 :: 0 65535\r\n", "[::ffff:192.0.2.1]:0 [::]:65535 40"),
        ("PROXY UNKNOWN\r\nGET", "- 15"),
        ("PROXY UNKNOWN 1 2 3 4 5 6\r\n", "- 27"),
        ("PROXY UNKNOWN2\r\n", malformed),
        ("PROXY TCP4\r\n", malformed),
        ("PROXY TCP5 192.0.2.1 192.0.2.2 1 2\r\n", malformed),
        ("PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n", malformed),
        ("PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3\r\n", malformed),
        ("PROXY  TCP4 192.0.2.1 192.0.2.2 1 2\r\n", malformed),
        ("PROXY \r\n", malformed),
        ("PROXY TCP4 192.0.2 192.0.2.2 1 2\r\n", address),
        ("PROXY TCP4 ::1 192.0.2.2 1 2\r\n", address),
        ("PROXY TCP6 192.0.2.1 ::1 1 2\r\n", address),
        ("PROXY TCP4 192.0.2.1 192.0.2.2 -1 2\r\n", address),
        ("PROXY TCP4 192.0.2.1 192.0.2.2 +1 2\r\n", address),
        ("PROXY TCP4 192.0.2.1 192.0.2.2 1 65536\r\n", address),
        ("PROXY TCP4 192.0.2.1 192.0.2.2  2\r\n", address),
        ("PROXY UNKNOWN\n", end),
        ("PROXY \u{e9}\n", end),
        ("GET / HTTP/1.1\r\n", none),
        ("PROXYX", none),
        ("\r\n\r\nG", none),
        ("proxy ", none),
        ("PRO", "..."),
        ("\r\n", "..."),
        ("", "..."),
    ];
    for (text, expected) in table {
        assert_eq!(shown(text.as_bytes()), expected, "{text:?}");
    }
    let long = |bytes: usize| format!("PROXY UNKNOWN {}\r\n", "x".repeat(bytes - 16));
    assert_eq!(shown(long(LINE_BYTES_MAX).as_bytes()), "- 107");
    let too_long = "! the line of the PROXY protocol is too long";
    assert_eq!(shown(long(LINE_BYTES_MAX + 1).as_bytes()), too_long);
    assert_eq!(shown(&long(LINE_BYTES_MAX + 1).as_bytes()[..LINE_BYTES_MAX]), too_long, "it cannot end in time");
}

#[test]
fn blocks() {
    let (short, v6) = (format!("! {SHORT}"), v6());
    let v4_shown = |used: usize| format!("192.0.2.1:123 192.0.2.2:5678 {used}");
    let table = [
        (0x21, 0x11, &V4[..], v4_shown(28)),
        (0x21, 0x11, &[&V4[..], &[0; 9]].concat(), v4_shown(37)),
        (0x21, 0x21, &v6[..], "[2001:db8::1]:123 [2001:db8::2]:5678 52".to_owned()),
        (0x20, 0x11, &V4[..], "- 28".to_owned()),
        (0x20, 0x00, &[], "- 16".to_owned()),
        (0x21, 0x00, &[], "- 16".to_owned()),
        (0x21, 0x12, &V4[..], "- 28".to_owned()),
        (0x21, 0x31, &[7; 216], "- 232".to_owned()),
        (0x21, 0x41, &[1, 2, 3, 4], "- 20".to_owned()),
        (0x21, 0x11, &V4[..11], short.clone()),
        (0x21, 0x21, &v6[..35], short.clone()),
        (0x11, 0x11, &V4[..], "! this version of the PROXY protocol is unknown".to_owned()),
        (0x22, 0x11, &V4[..], "! this command of the PROXY protocol is unknown".to_owned()),
    ];
    for (version_command, family_transport, rest, expected) in table {
        let bytes = block_of(version_command, family_transport, rest);
        assert_eq!(shown(&bytes), expected, "{version_command:x} {family_transport:x} {}", rest.len());
    }
    let most = HEADER_BYTES_MAX - FIXED_BYTES;
    assert_eq!(shown(&block_of(0x20, 0, &vec![0; most])), "- 4096");
    let too_long = block_of(0x20, 0, &vec![0; most + 1]);
    assert_eq!(shown(&too_long[..FIXED_BYTES]), "! the header of the PROXY protocol is too long");
}

#[test]
fn facts() {
    let inner = [tlv_of(0x21, b"TLSv1.2"), tlv_of(0x22, b"example.com")].concat();
    let ssl = [&[1, 0, 0, 0, 255], &inner[..]].concat();
    let tlvs = [tlv_of(1, b"h2"), tlv_of(0x20, &ssl), tlv_of(0xae, b""), tlv_of(1, b"no")].concat();
    let of = |tlvs: &[u8]| {
        let parsed = parse(&block_of(0x21, 0x11, &[&V4[..], tlvs].concat())).expect("valid").expect("whole");
        parsed.proxied.expect("it has addresses")
    };
    let get = |name: &str| of(&tlvs).tlv(Tlv::named(name).expect(name)).map(Cow::into_owned);
    let table: [(&str, Option<&[u8]>); 12] = [
        ("alpn", Some(b"h2")),
        ("0x1", Some(b"h2")),
        ("0x0001", Some(b"h2")),
        ("0xAE", Some(b"")),
        ("authority", None),
        ("ssl", Some(&ssl)),
        ("ssl_verify", Some(b"255")),
        ("ssl_version", Some(b"TLSv1.2")),
        ("ssl_0x22", Some(b"example.com")),
        ("ssl_cipher", None),
        ("ssl_0x01", None),
        ("netns", None),
    ];
    for (name, expected) in table {
        assert_eq!(get(name).as_deref(), expected, "{name}");
    }
    for unknown in ["", "x", "ssl_", "ssl_x", "0x", "0x+1", "0x100", "ssl_0x100", "ALPN"] {
        assert_eq!(Tlv::named(unknown), None, "{unknown}");
    }
    // A length that is longer than what is there ends the search, and so does a description of TLS that is too short.
    assert_eq!(of(&[1, 0, 3, b'h', b'2']).tlv(Tlv::Type(1)), None);
    assert_eq!(of(&tlv_of(0x20, &[1, 0, 0, 0])).tlv(Tlv::SslVerify), None);
}

/// Wherever a header is cut, more bytes are asked for; whatever follows it is not looked at.
#[test]
fn a_header_in_pieces_is_the_whole_one() {
    let headers = [
        b"PROXY TCP4 192.0.2.1 192.0.2.2 123 5678\r\n".to_vec(),
        b"PROXY UNKNOWN\r\n".to_vec(),
        block_of(0x21, 0x11, &[&V4[..], &tlv_of(1, b"h2")].concat()),
        block_of(0x20, 0, &[]),
    ];
    for header in headers {
        for cut in 0..header.len() {
            assert_eq!(parse(&header[..cut]), Ok(None), "{} up to {cut}", header.escape_ascii());
        }
        let whole = parse(&header);
        assert_eq!(whole.as_ref().ok().and_then(|it| it.as_ref()).map(|it| it.used), Some(header.len()));
        for more in [&b"GET / HTTP/1.1\r\n"[..], b"\n", &header] {
            assert_eq!(parse(&[&header[..], more].concat()), whole);
        }
    }
}

/// Headers with changed bytes: no panic, no more bytes used than there are, and a verdict at the longest length.
#[test]
fn changed_bytes() {
    let headers = [b"PROXY TCP6 2001:db8::1 2001:db8::2 123 5678\r\n".to_vec(), block_of(0x21, 0x21, &v6())];
    let mut state = 7_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 16) as usize
    };
    for round in 0..20_000 {
        let mut bytes = headers[round % 2].clone();
        for _ in 0..1 + next() % 3 {
            let at = next() % bytes.len();
            bytes[at] = next() as u8;
        }
        if let Ok(Some(Parsed { proxied, used })) = parse(&bytes) {
            assert!(used <= bytes.len());
            for number in 0..=u8::MAX {
                proxied.iter().for_each(|it| drop((it.tlv(Tlv::Type(number)), it.tlv(Tlv::Ssl(number)))));
            }
        }
        bytes.resize(HEADER_BYTES_MAX, 0);
        assert_ne!(parse(&bytes), Ok(None), "no client can make the server wait for more than the longest header");
    }
}

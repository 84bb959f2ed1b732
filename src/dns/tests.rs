use super::*;
use crate::http::seeded::Seeded;
use std::net::IpAddr;
use webserv_sys::Moment;

fn name(text: &str) -> DnsName {
    DnsName::parse(text.as_bytes()).expect("a name")
}

fn asked(kind: RecordKind) -> DnsQuestion {
    DnsQuestion { id: 0x1234, name: name("www.example.com"), kind }
}

/// The head of an answer with these flags and this number of records, and the question www.example.com, A.
fn head(flags: u16, records: u16) -> Vec<u8> {
    let mut out = Vec::new();
    out.extend([0x1234, flags, 1, records, 0, 0].into_iter().flat_map(u16::to_be_bytes));
    out.extend_from_slice(b"\x03www\x07example\x03com\x00\x00\x01\x00\x01");
    out
}

/// Where the question has its name, and `example.com` in it.
const WWW: &[u8] = b"\xc0\x0c";
const EXAMPLE: &[u8] = b"\xc0\x10";
/// Where the first record's data stands, if its name is a pointer.
const FIRST_DATA: &[u8] = b"\xc0\x2d";

/// A record of the class IN with this owner, type, TTL and data.
fn record(owner: &[u8], kind: u16, ttl: u32, data: &[u8]) -> Vec<u8> {
    let class = 1_u16.to_be_bytes();
    let length = (data.len() as u16).to_be_bytes();
    [owner, &kind.to_be_bytes(), &class, &ttl.to_be_bytes(), &length, data].concat()
}

fn answer(records: &[Vec<u8>]) -> Vec<u8> {
    [head(0x8180, records.len() as u16), records.concat()].concat()
}

fn a(owner: &[u8], ttl: u32, last: u8) -> Vec<u8> {
    record(owner, 1, ttl, &[127, 0, 0, last])
}

fn found(last: &[u8], ttl: u32) -> DnsAnswer {
    DnsAnswer::Found(last.iter().map(|last| IpAddr::from([127, 0, 0, *last])).collect(), ttl)
}

#[test]
fn names_of_hosts() {
    let long = ["a"; 63].concat();
    let widest = [&long[..]; 4].join(".");
    let rows = [
        ("a", Some("a")),
        ("WWW.Example.COM.", Some("www.example.com")),
        ("_tcp.x-y.1", Some("_tcp.x-y.1")),
        (&long[..], Some(&long[..])),
        (&widest[..], Some(&widest[..])),
        ("", None),
        (".", None),
        (".a", None),
        ("a..b", None),
        ("a..", None),
        ("a b", None),
        ("a\0b", None),
        ("\u{e9}", None),
    ];
    for (text, expected) in rows {
        let parsed = DnsName::parse(text.as_bytes());
        assert_eq!(parsed.map(|name| name.to_string()).as_deref(), expected, "{text}");
    }
    assert_eq!(name("ab.c").as_bytes(), b"\x02ab\x01c\x00");
    assert!(DnsName::parse(format!("{long}a").as_bytes()).is_none(), "a label of 64 bytes");
    assert!(DnsName::parse(format!("{widest}.a").as_bytes()).is_none(), "a name of 259 bytes");
}

#[test]
fn names_in_messages() {
    let message = b"\x01a\x00\x02bc\xc0\x00\xc0\x07\xc0\x09\x40a\x00\x80\x03ab\xc0";
    let rows: &[(usize, Option<(&str, usize)>)] = &[
        (0, Some(("a", 3))),
        (3, Some(("bc.a", 8))),
        (2, Some(("", 3))),
        (6, Some(("a", 8))),
        (8, Some(("", 10))), // to a zero, which is the second half of a pointer
        (10, None),          // to a label that ends before 0x61, which is no length
        (12, None),          // 0x40: no label
        (15, None),          // 0x80
        (16, None),          // cut off in the label
        (19, None),          // cut off in the pointer
        (99, None),
    ];
    for (at, expected) in rows {
        let read = DnsName::read(message, *at);
        let read = read.as_ref().map(|(name, end)| (name.to_string(), *end));
        assert_eq!(read, expected.map(|(name, end)| (name.to_owned(), end)), "at {at}");
    }
    assert_eq!(name("BC.A").is_at(message, 3), Some((true, 8)));
    for other in ["bc", "bc.a.a", "bd.a", "a", "bca"] {
        assert_eq!(name(other).is_at(message, 3), Some((false, 8)), "{other}");
    }
}

#[test]
fn a_question_is_a_message() {
    let mut out = Vec::new();
    asked(RecordKind::Aaaa).print(&mut out);
    let expected = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03www\x07example\x03com\x00\x00\x1c\x00\x01";
    assert_eq!(out, expected);
}

#[test]
fn whole_answers() {
    let wide = b"\x03WWW\x07example\x03com\x00";
    let cname = |owner: &[u8], ttl, target: &[u8]| record(owner, 5, ttl, target);
    let to_x = [b"\x01x", EXAMPLE].concat();
    let other_class = [WWW, b"\x00\x01\x00\x03\x00\x00\x00\x05\x00\x04\x7f\x00\x00\x09"].concat();
    let alias = |text, ttl| DnsAnswer::Alias(name(text), ttl);
    let rows: &[(&str, Vec<Vec<u8>>, DnsAnswer)] = &[
        ("one", vec![a(WWW, 60, 1)], found(&[1], 60)),
        ("two, and the shorter time", vec![a(WWW, 60, 1), a(WWW, 30, 2)], found(&[1, 2], 30)),
        ("a name that is not a pointer", vec![a(wide, 60, 1)], found(&[1], 60)),
        ("no record", vec![], DnsAnswer::Nothing),
        ("another name's", vec![a(EXAMPLE, 60, 1)], DnsAnswer::Nothing),
        ("another class", vec![other_class.clone(), a(WWW, 60, 1)], found(&[1], 60)),
        ("another type", vec![record(WWW, 16, 60, b"\x02hi"), a(WWW, 60, 1)], found(&[1], 60)),
        ("a time below zero", vec![a(WWW, 0x8000_0000, 1)], found(&[1], 0)),
        ("an alias with its address", vec![cname(WWW, 9, &to_x), a(FIRST_DATA, 60, 1)], found(&[1], 9)),
        ("the other order", vec![a(b"\x01x\xc0\x10", 5, 1), cname(WWW, 9, &to_x)], found(&[1], 5)),
        ("an alias without", vec![cname(WWW, 9, &to_x)], alias("x.example.com", 9)),
        (
            "two aliases",
            vec![cname(WWW, 9, &to_x), cname(FIRST_DATA, 4, b"\x01y\x00"), a(b"\x01y\x00", 60, 7)],
            found(&[7], 4),
        ),
        ("an alias of itself", vec![cname(WWW, 9, WWW)], DnsAnswer::Nothing),
        ("the root", vec![cname(WWW, 9, b"\x00")], DnsAnswer::Alias(root(), 9)),
    ];
    for (what, records, expected) in rows {
        assert_eq!(asked(RecordKind::A).read(&answer(records)), Ok(expected.clone()), "{what}");
    }
}

fn root() -> DnsName {
    DnsName::read(b"\x00", 0).expect("a name").0
}

#[test]
fn aliases_have_a_limit() {
    let chain = |length: u8| {
        let label = |number: u8| vec![1, b'a' + number, 0];
        let mut records = vec![record(WWW, 5, 60, &label(0))];
        records.extend((1..length).map(|number| record(&label(number - 1), 5, 60, &label(number))));
        records.push(a(&label(length - 1), 60, 1));
        asked(RecordKind::A).read(&answer(&records))
    };
    assert_eq!(chain(ALIASES_MAX as u8), Ok(found(&[1], 60)));
    assert_eq!(chain(ALIASES_MAX as u8 + 1), Ok(DnsAnswer::Nothing));
}

#[test]
fn many_addresses() {
    let records: Vec<_> = (0..200).map(|last| a(WWW, 60, last)).collect();
    let Ok(DnsAnswer::Found(addresses, 60)) = asked(RecordKind::A).read(&answer(&records)) else { panic!("found") };
    assert_eq!((addresses.len(), addresses[63]), (64, IpAddr::from([127, 0, 0, 63])));
}

#[test]
fn ipv6() {
    let mut message = answer(&[record(WWW, 28, 60, &[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1])]);
    assert!(matches!(asked(RecordKind::Aaaa).read(&message), Err(BadAnswer::NotAsked(_))), "the question was A");
    message[30] = 28;
    let expected = DnsAnswer::Found(vec!["2001:db8::1".parse().expect("an address")], 60);
    assert_eq!(asked(RecordKind::Aaaa).read(&message), Ok(expected));
}

#[test]
fn heads() {
    let read = |message: Vec<u8>| asked(RecordKind::A).read(&message);
    let not_asked = |message: Vec<u8>, what: &str| {
        assert!(matches!(read(message), Err(BadAnswer::NotAsked(_))), "{what}");
    };
    for (flags, expected) in [
        (0x8000, DnsAnswer::Nothing), // none of the other flags counts
        (0x85f0, DnsAnswer::Nothing),
        (0x8181, DnsAnswer::Failed(1)),
        (0x8182, DnsAnswer::Failed(2)),
        (0x8183, DnsAnswer::Failed(3)),
        (0x818f, DnsAnswer::Failed(15)),
        (0x8380, DnsAnswer::CutOff),
        (0x8383, DnsAnswer::Failed(3)),
    ] {
        assert_eq!(read(head(flags, 0)), Ok(expected), "{flags:x}");
    }
    not_asked(head(0x0100, 0), "a question");
    not_asked(head(0x8980, 0), "an answer to IQUERY");
    for at in (0..2).chain(4..6).chain(12..33) {
        for bit in 0..8 {
            let mut message = head(0x8180, 0);
            message[at] ^= 1 << bit; // also what is only another case of a letter
            not_asked(message, &format!("byte {at}"));
        }
    }
    let without_question = b"\x12\x34\x81\x81\x00\x00\x00\x00\x00\x00\x00\x00";
    assert_eq!(read(without_question.to_vec()), Ok(DnsAnswer::Failed(1)), "who did not understand need not repeat");
    not_asked(without_question[..11].to_vec(), "shorter than a head");
    let mut refused = without_question.to_vec();
    refused[3] = 0x85;
    not_asked(refused, "another failure without the question");
}

#[test]
fn broken_answers() {
    let loops =
        [head(0x8180, 1), b"\xc0\x21\x00\x01\x00\x01\x00\x00\x00\x00\x00\x04\x01\x02\x03\x04".to_vec()].concat();
    let rows: &[(&str, Vec<u8>)] = &[
        ("more records are promised", head(0x8180, 1)),
        ("an address of 3 bytes", answer(&[record(WWW, 1, 60, &[127, 0, 0])])),
        ("an address of 5 bytes", answer(&[record(WWW, 1, 60, &[127, 0, 0, 1, 2])])),
        ("no length", [head(0x8180, 1), WWW.to_vec(), b"\x00\x01\x00\x01\x00\x00\x00\x3c".to_vec()].concat()),
        ("an alias that ends too early", answer(&[record(WWW, 5, 60, b"\x01x\x00\x00")])),
        ("an alias that ends too late", answer(&[record(WWW, 5, 60, b"\x01")])),
        ("an alias to what follows", answer(&[record(WWW, 5, 60, b"\xc0\x2f"), a(WWW, 60, 1)])),
        ("a name of itself", loops),
    ];
    for (what, message) in rows {
        let read = asked(RecordKind::A).read(message);
        assert!(matches!(read, Err(BadAnswer::Broken(_))), "{what}: {read:?}");
    }
}

/// An answer with most that an answer can have.
fn full_answer() -> Vec<u8> {
    let to_x = [b"\x01x", EXAMPLE].concat();
    answer(&[
        record(WWW, 5, 9, &to_x),
        record(FIRST_DATA, 46, 3600, &[7; 20]),
        a(FIRST_DATA, 60, 1),
        record(FIRST_DATA, 1, 60, &[127, 0, 0, 2]),
    ])
}

#[test]
fn every_part_of_an_answer_is_refused() {
    let whole = full_answer();
    assert_eq!(asked(RecordKind::A).read(&whole), Ok(found(&[1, 2], 9)));
    for length in 0..whole.len() {
        let read = asked(RecordKind::A).read(&whole[..length]);
        assert!(read.is_err(), "{length} bytes: {read:?}");
    }
    let longer = [whole, b"what a name server adds".to_vec()].concat();
    assert_eq!(asked(RecordKind::A).read(&longer), Ok(found(&[1, 2], 9)), "other sections follow");
}

#[test]
fn mutated_answers_do_no_harm() {
    let (mut random, whole) = (Seeded(15), full_answer());
    let behind_question = whole[33..].to_vec();
    let mut taken = 0;
    for _ in 0..200_000 {
        // The head and the question stay in half of them: else most are refused there.
        let message = match random.below(2) {
            0 => random.mutate(&whole),
            _ => [&whole[..33], &random.mutate(&behind_question)].concat(),
        };
        match asked(RecordKind::A).read(&message) {
            Ok(DnsAnswer::Found(addresses, _)) => {
                assert!((1..=64).contains(&addresses.len()));
                taken += 1;
            }
            Ok(DnsAnswer::Alias(name, _)) => assert!(name.as_bytes().len() <= 257, "{name}"),
            _ => {}
        }
    }
    assert!(taken > 1000, "only {taken} got far");
}

#[test]
fn hosts_that_are_addresses() {
    for (host, expected) in [
        ("127.0.0.1", Some("127.0.0.1")),
        ("[::1]", Some("::1")),
        ("fe80::1", Some("fe80::1")),
        ("[127.0.0.1]", None),
        ("[::1", None),
        ("127.1", None),
        ("localhost", None),
        ("", None),
    ] {
        assert_eq!(literal(host.as_bytes()).map(|ip| ip.to_string()).as_deref(), expected, "{host}");
    }
}

#[test]
fn addresses_take_turns_at_the_front() {
    let all = [1, 2, 3].map(|last| IpAddr::from([127, 0, 0, last]));
    let addresses = HostAddresses::new(all.to_vec().into(), Moment::NEVER);
    let order = |by| addresses.rotated(by).iter().collect::<Vec<_>>();
    assert_eq!(order(0), all);
    assert_eq!(order(1), [all[1], all[2], all[0]]);
    assert_eq!(order(5), [all[2], all[0], all[1]]);
    assert_eq!(addresses.rotated(2).rotated(2).iter().collect::<Vec<_>>(), order(1));
}

#[test]
fn errors_read_as_in_nginx() {
    assert_eq!(ResolveError::NOT_FOUND.to_string(), "3: Host not found");
    assert_eq!(ResolveError::Rcode(2).to_string(), "2: Server failure");
    assert_eq!(ResolveError::TimedOut.to_string(), "110: Operation timed out");
}

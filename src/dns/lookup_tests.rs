//! Look-ups: questions and answers of both kinds in all orders.

use super::*;
use std::net::IpAddr;

const BOTH: [RecordKind; 2] = [RecordKind::A, RecordKind::Aaaa];

fn lookup(kinds: &[RecordKind]) -> DnsLookup {
    DnsLookup::new(&name("a.example"), kinds)
}

fn name(text: &str) -> DnsName {
    DnsName::parse(text.as_bytes()).expect("a name")
}

/// The answer to a question, with these flags and records; a record is its TYPE, its TTL and its data.
fn answer(to: &DnsQuestion, flags: u16, records: &[(u16, u32, &[u8])]) -> Vec<u8> {
    let mut out = Vec::new();
    to.print(&mut out);
    out[2..4].copy_from_slice(&(0x8180 | flags).to_be_bytes());
    out[6..8].copy_from_slice(&(records.len() as u16).to_be_bytes());
    for (kind, ttl, data) in records {
        let length = (data.len() as u16).to_be_bytes();
        out.extend([b"\xc0\x0c", &kind.to_be_bytes()[..], &[0, 1], &ttl.to_be_bytes(), &length, data].concat());
    }
    out
}

fn a(ttl: u32, last: u8) -> (u16, u32, Vec<u8>) {
    (1, ttl, vec![127, 0, 0, last])
}

fn aaaa(ttl: u32, last: u8) -> (u16, u32, Vec<u8>) {
    let mut data = vec![0; 16];
    data[15] = last;
    (28, ttl, data)
}

fn cname(ttl: u32, to: &str) -> (u16, u32, Vec<u8>) {
    (5, ttl, name(to).as_bytes().to_vec())
}

/// Takes an answer that is right.
fn take(lookup: &mut DnsLookup, to: &DnsQuestion, flags: u16, records: &[(u16, u32, Vec<u8>)]) {
    let records: Vec<_> = records.iter().map(|(kind, ttl, data)| (*kind, *ttl, &data[..])).collect();
    assert_eq!(lookup.take(&answer(to, flags, &records)), Ok(()), "{to:?}");
}

fn over(addresses: &[&str], ttl: u32) -> LookupStep {
    let addresses = addresses.iter().map(|it| it.parse::<IpAddr>().expect("an address")).collect();
    LookupStep::Over(Ok((addresses, ttl)))
}

const ASK: LookupStep = LookupStep::Ask { by_tcp: false };

#[test]
fn both_kinds_are_asked_for_and_put_together() {
    for order in [[0, 1], [1, 0]] {
        let mut lookup = lookup(&BOTH);
        assert_eq!(lookup.step(), ASK);
        let asked = lookup.ask([7, 8]);
        assert_eq!(asked.iter().map(|it| (it.id, it.kind)).collect::<Vec<_>>(), [(7, BOTH[0]), (8, BOTH[1])]);
        let records = [vec![a(60, 1), a(50, 2), a(70, 1)], vec![aaaa(40, 1)]];
        for number in order {
            assert_eq!(lookup.step(), LookupStep::Wait);
            take(&mut lookup, &asked[number], 0, &records[number]);
        }
        assert_eq!(lookup.step(), over(&["127.0.0.1", "127.0.0.2", "::1"], 40));
    }
}

#[test]
fn the_ids_of_two_questions_differ() {
    let asked = lookup(&BOTH).ask([7, 7]);
    assert_ne!(asked[0].id, asked[1].id);
}

#[test]
fn one_kind_is_enough() {
    let mut only = lookup(&[RecordKind::A]);
    let asked = only.ask([1, 2]);
    assert_eq!(asked.len(), 1);
    take(&mut only, &asked[0], 0, &[a(5, 1)]);
    assert_eq!(only.step(), over(&["127.0.0.1"], 5));
    for rcode in [0, 3] {
        let mut lookup = lookup(&BOTH);
        let asked = lookup.ask([1, 2]);
        take(&mut lookup, &asked[0], 0, &[a(5, 1)]);
        assert_eq!(lookup.found(), Some((vec!["127.0.0.1".parse().expect("an address")], 5)));
        take(&mut lookup, &asked[1], rcode, &[]);
        assert_eq!(lookup.step(), over(&["127.0.0.1"], 5), "{rcode}");
    }
}

#[test]
fn why_there_is_no_address() {
    let rows = [(0, 0, 3), (3, 3, 3), (2, 0, 2), (0, 2, 2), (3, 5, 5), (1, 2, 1)];
    for (first, second, expected) in rows {
        let mut lookup = lookup(&BOTH);
        let asked = lookup.ask([1, 2]);
        take(&mut lookup, &asked[1], second, &[]);
        take(&mut lookup, &asked[0], first, &[]);
        let expected = LookupStep::Over(Err(ResolveError::Rcode(expected)));
        assert_eq!(lookup.step(), expected, "{first} {second}");
    }
}

#[test]
fn another_name_server_is_asked_for_what_one_refuses() {
    let mut lookup = lookup(&BOTH);
    let asked = lookup.ask([1, 2]);
    take(&mut lookup, &asked[0], 0, &[a(5, 1)]);
    take(&mut lookup, &asked[1], 5, &[]);
    assert_eq!(lookup.step(), LookupStep::Over(Err(ResolveError::Rcode(5))));
    lookup.ask_again();
    assert_eq!(lookup.step(), ASK);
    assert_eq!(lookup.ask([3, 4]), [DnsQuestion { id: 3, ..asked[1].clone() }]);
}

/// What one kind has: nothing, addresses, an alias (by its first letter), or a failure.
#[derive(Clone, Copy, Debug)]
enum Has {
    Nothing,
    Addresses,
    Alias(&'static str),
    Failure,
}

/// What A and AAAA have, and which questions follow: names and kinds; or that the look-up is over, and well or not.
type Row = (Has, Has, Result<bool, &'static [(&'static str, RecordKind)]>);

/// As nginx has it, see http_resolver_aaaa.t of its tests.
const ALIASES: [Row; 11] = [
    (Has::Nothing, Has::Alias("b"), Err(&[("b", RecordKind::A), ("b", RecordKind::Aaaa)])),
    (Has::Alias("b"), Has::Alias("b"), Err(&[("b", RecordKind::A), ("b", RecordKind::Aaaa)])),
    (Has::Alias("b"), Has::Alias("c"), Err(&[("c", RecordKind::A), ("c", RecordKind::Aaaa)])),
    (Has::Alias("b"), Has::Nothing, Err(&[("b", RecordKind::A)])),
    (Has::Addresses, Has::Alias("b"), Ok(true)),
    (Has::Alias("b"), Has::Addresses, Ok(true)),
    (Has::Addresses, Has::Failure, Ok(false)),
    (Has::Failure, Has::Addresses, Ok(false)),
    (Has::Alias("b"), Has::Failure, Ok(false)),
    (Has::Failure, Has::Alias("b"), Ok(false)),
    (Has::Nothing, Has::Nothing, Ok(false)),
];

#[test]
fn aliases_are_followed_if_there_is_no_address() {
    for (first, second, expected) in ALIASES {
        let mut lookup = lookup(&BOTH);
        let asked = lookup.ask([1, 2]);
        for (question, has) in asked.iter().zip([first, second]) {
            assert_eq!(lookup.step(), LookupStep::Wait, "the other answer may have addresses");
            let address = if question.kind == RecordKind::A { a(60, 1) } else { aaaa(60, 1) };
            match has {
                Has::Nothing => take(&mut lookup, question, 0, &[]),
                Has::Addresses => take(&mut lookup, question, 0, &[address]),
                Has::Alias(to) => take(&mut lookup, question, 0, &[cname(9, to)]),
                Has::Failure => take(&mut lookup, question, 2, &[]),
            }
        }
        match (expected, lookup.step()) {
            (Ok(is_well), LookupStep::Over(result)) => assert_eq!(result.is_ok(), is_well, "{first:?} {second:?}"),
            (Err(questions), LookupStep::Ask { by_tcp: false }) => {
                let again = lookup.ask([3, 4]);
                let again: Vec<_> = again.iter().map(|it| (it.name.to_string(), it.kind)).collect();
                let expected: Vec<_> = questions.iter().map(|(name, kind)| ((*name).to_owned(), *kind)).collect();
                assert_eq!(again, expected, "{first:?} {second:?}");
            }
            (_, step) => panic!("{first:?} {second:?}: {step:?}"),
        }
    }
}

#[test]
fn the_time_of_an_alias_counts() {
    let mut lookup = lookup(&[RecordKind::A]);
    let asked = lookup.ask([1, 2]);
    take(&mut lookup, &asked[0], 0, &[cname(9, "b.example")]);
    assert_eq!(lookup.step(), ASK);
    let again = lookup.ask([3, 4]);
    take(&mut lookup, &again[0], 0, &[a(60, 1)]);
    assert_eq!(lookup.step(), over(&["127.0.0.1"], 9));
}

#[test]
fn aliases_without_an_end() {
    let mut lookup = lookup(&BOTH);
    for number in 0..=ALIASES_MAX {
        assert_eq!(lookup.step(), ASK, "{number}");
        for question in lookup.ask([1, 2]) {
            take(&mut lookup, &question, 0, &[cname(9, &format!("{number}.example"))]);
        }
    }
    assert_eq!(lookup.step(), LookupStep::Over(Err(ResolveError::NOT_FOUND)));
}

#[test]
fn an_answer_that_is_cut_off_is_asked_for_over_tcp() {
    const CUT_OFF: u16 = 0x0200;
    let mut lookup = lookup(&BOTH);
    let asked = lookup.ask([1, 2]);
    take(&mut lookup, &asked[0], 0, &[a(60, 1)]);
    take(&mut lookup, &asked[1], CUT_OFF, &[]);
    assert_eq!(lookup.step(), LookupStep::Ask { by_tcp: true });
    let again = lookup.ask([3, 4]);
    assert_eq!(again, [DnsQuestion { id: 3, ..asked[1].clone() }]);
    let cut_off = answer(&again[0], CUT_OFF, &[]);
    assert_eq!(lookup.take(&cut_off), Err(BadAnswer::Broken("it is cut off, over TCP")));
    take(&mut lookup, &again[0], 0, &[aaaa(50, 1)]);
    assert_eq!(lookup.step(), over(&["127.0.0.1", "::1"], 50));
}

#[test]
fn other_messages_change_nothing() {
    let mut lookup = lookup(&BOTH);
    let asked = lookup.ask([1, 2]);
    let other = |id, kind, host| DnsQuestion { id, name: name(host), kind };
    let broken = answer(&asked[0], 0, &[(1, 60, &[127])]);
    let rows = [
        (Vec::new(), BadAnswer::NotAsked("it has another id")),
        (vec![0], BadAnswer::NotAsked("it has another id")),
        (answer(&other(3, BOTH[0], "a.example"), 0, &[]), BadAnswer::NotAsked("it has another id")),
        (answer(&other(1, BOTH[0], "b.example"), 0, &[]), BadAnswer::NotAsked("it answers another question")),
        (answer(&other(1, BOTH[1], "a.example"), 0, &[]), BadAnswer::NotAsked("it answers another question")),
        (vec![0, 1], BadAnswer::NotAsked("it is shorter than a head")),
        (broken, BadAnswer::Broken("an A record without 4 bytes")),
    ];
    for (message, expected) in rows {
        assert_eq!(lookup.take(&message), Err(expected), "{message:?}");
        assert_eq!(lookup.step(), LookupStep::Wait);
    }
    take(&mut lookup, &asked[0], 0, &[a(60, 1)]);
    let twice = answer(&asked[0], 3, &[]);
    assert_eq!(lookup.take(&twice), Err(BadAnswer::NotAsked("it has another id")), "it has its answer");
    let again = lookup.ask([5, 6]);
    assert_eq!(
        again,
        [DnsQuestion { id: 5, ..asked[1].clone() }],
        "another server gets the question without an answer"
    );
    let late = answer(&asked[1], 0, &[]);
    assert_eq!(lookup.take(&late), Err(BadAnswer::NotAsked("it has another id")));
}

//! Answers of name servers: what is found has its limits, and can be asked for again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use webserv::dns::{BadAnswer, DnsAnswer, DnsLookup, DnsName, DnsQuestion, LookupStep, RecordKind};

fuzz_target!(|input: &[u8]| {
    let name = DnsName::parse(b"www.example.com").expect("a name");
    for kind in [RecordKind::A, RecordKind::Aaaa] {
        let question = DnsQuestion { id: 0x1234, name: name.clone(), kind };
        let mut message = Vec::new();
        question.print(&mut message);
        assert!(matches!(question.read(&message), Err(BadAnswer::NotAsked(_))), "the question itself is no answer");
        message[2] |= 0x80;
        message[6..8].copy_from_slice(&[0, input.first().copied().unwrap_or_default()]);
        message.extend_from_slice(input.get(1..).unwrap_or_default());
        let _ = question.read(input);
        match question.read(&message) {
            Ok(DnsAnswer::Found(addresses, _)) => {
                assert!((1..=64).contains(&addresses.len()), "too many");
                assert!(addresses.iter().all(|ip| ip.is_ipv4() == (kind == RecordKind::A)), "another kind");
            }
            Ok(DnsAnswer::Alias(target, secs)) => {
                assert!(target.as_bytes().len() <= 257 && secs <= i32::MAX as u32);
                let again = DnsQuestion { name: target, ..question };
                again.print(&mut message);
            }
            Ok(DnsAnswer::Nothing) | Err(BadAnswer::Broken(_)) => {}
            other => panic!("the head and the question are right: {other:?}"),
        }
        look_up(&name, kind, input);
    }
});

/// Each question of a look-up gets the input as its records: it comes to an end.
fn look_up(name: &DnsName, kind: RecordKind, input: &[u8]) {
    let mut lookup = DnsLookup::new(name, &[kind]);
    for _ in 0..16 {
        match lookup.step() {
            LookupStep::Ask { .. } => {}
            LookupStep::Over(Ok((addresses, _))) => return assert!(!addresses.is_empty()),
            LookupStep::Over(Err(_)) => return,
            LookupStep::Wait => panic!("the question has its answer"),
        }
        let mut message = Vec::new();
        lookup.ask([1, 2]).iter().for_each(|question| question.print(&mut message));
        message[2] |= 0x80;
        message[6..8].copy_from_slice(&[0, input.first().copied().unwrap_or_default()]);
        message.extend_from_slice(input.get(1..).unwrap_or_default());
        if lookup.take(&message).is_err() {
            return;
        }
    }
    panic!("an endless chain of aliases");
}

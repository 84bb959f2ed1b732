//! Answers (RFC 1035 sections 4.1 and 7.3).

use super::question::CLASS_IN;
use super::{ALIASES_MAX, DnsName, DnsQuestion, RecordKind};
use std::net::IpAddr;

/// The bytes of a message's head.
const HEAD_BYTES: usize = 12;

/// The flags of a head: this is an answer (QR); it is cut off (TC); the kind of question, 0 for ours; and the RCODE.
const ANSWER: u16 = 0x8000;
const CUT_OFF: u16 = 0x0200;
const OPCODE: u16 = 0x7800;
const RCODE: u16 = 0x000f;

/// The RCODE of a name server that did not understand the question. It may not repeat it then.
const FORMAT_ERROR: u8 = 1;

/// The TYPE of a record that names another name.
const CNAME: u16 = 5;

/// Records of an answer that are looked at.
const RECORDS_MAX: usize = 256;

/// Addresses that are taken of one answer.
const ADDRESSES_MAX: usize = 64;

/// What a name server says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DnsAnswer {
    /// The addresses, at least one, and for how many seconds they are right.
    Found(Vec<IpAddr>, u32),
    /// The name is another name for this one, whose addresses the answer does not have; and for how many seconds.
    Alias(DnsName, u32),
    /// The name has no address of this kind.
    Nothing,
    /// The RCODE, which is not zero: 3 is "no such name".
    Failed(u8),
    /// There is more than a datagram holds: the question is to be asked over TCP.
    CutOff,
}

/// Why a message is not used. The text is for the error log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BadAnswer {
    /// It answers another question: it may be late, or somebody guesses.
    NotAsked(&'static str),
    /// It is broken.
    Broken(&'static str),
}

/// A record of the answer section.
struct Record<'m> {
    /// Whether the record is about the name that is looked for.
    is_wanted: bool,
    kind: u16,
    ttl_secs: u32,
    /// Where its data stands in the message.
    data_at: usize,
    data: &'m [u8],
}

impl DnsQuestion {
    /// Reads a message that came back.
    ///
    /// # Errors
    /// It does not answer this question, or it is broken.
    pub fn read(&self, message: &[u8]) -> Result<DnsAnswer, BadAnswer> {
        let head: [u16; HEAD_BYTES / 2] = std::array::from_fn(|at| u16_at(message, 2 * at).unwrap_or(0));
        let [id, flags, questions, records, ..] = head;
        if message.len() < HEAD_BYTES {
            return Err(BadAnswer::NotAsked("it is shorter than a head"));
        }
        if id != self.id {
            return Err(BadAnswer::NotAsked("it has another id"));
        }
        if flags & (ANSWER | OPCODE) != ANSWER {
            return Err(BadAnswer::NotAsked("it is not the answer to a question for a name"));
        }
        let rcode = (flags & RCODE) as u8;
        if rcode == FORMAT_ERROR && questions == 0 {
            return Ok(DnsAnswer::Failed(rcode));
        }
        let mut asked = Vec::with_capacity(64);
        self.print_asked(&mut asked);
        if questions != 1 || !message[HEAD_BYTES..].starts_with(&asked) {
            return Err(BadAnswer::NotAsked("it answers another question"));
        }
        if rcode != 0 {
            return Ok(DnsAnswer::Failed(rcode));
        }
        if flags & CUT_OFF != 0 {
            return Ok(DnsAnswer::CutOff);
        }
        self.records(message, HEAD_BYTES + asked.len(), usize::from(records).min(RECORDS_MAX))
            .map_err(BadAnswer::Broken)
    }

    /// Looks for the addresses of the name, and of the names that it is an alias of. The records may stand in any
    /// order (RFC 1034 section 3.6.2 has the alias first, and not all name servers do).
    fn records(&self, message: &[u8], from: usize, count: usize) -> Result<DnsAnswer, &'static str> {
        let (mut name, mut ttl_secs) = (self.name.clone(), u32::MAX);
        for aliases in 0..=ALIASES_MAX {
            let (mut addresses, mut alias, mut at) = (Vec::new(), None, from);
            for _ in 0..count {
                let (record, behind) = read_record(message, at, &name)?;
                at = behind;
                if !record.is_wanted {
                    continue;
                }
                if record.kind == self.kind.number() {
                    addresses.push(self.address(record.data)?);
                    ttl_secs = ttl_secs.min(record.ttl_secs);
                } else if record.kind == CNAME && alias.is_none() {
                    alias = Some((target(message, &record)?, record.ttl_secs));
                }
            }
            if !addresses.is_empty() {
                addresses.truncate(ADDRESSES_MAX);
                return Ok(DnsAnswer::Found(addresses, ttl_secs));
            }
            match alias {
                Some((target, secs)) => (name, ttl_secs) = (target, ttl_secs.min(secs)),
                None if aliases == 0 => return Ok(DnsAnswer::Nothing),
                None => return Ok(DnsAnswer::Alias(name, ttl_secs)),
            }
        }
        Ok(DnsAnswer::Nothing) // the names lead to each other
    }

    fn address(&self, data: &[u8]) -> Result<IpAddr, &'static str> {
        match self.kind {
            RecordKind::A => <[u8; 4]>::try_from(data).map(IpAddr::from).map_err(|_| "an A record without 4 bytes"),
            RecordKind::Aaaa => {
                <[u8; 16]>::try_from(data).map(IpAddr::from).map_err(|_| "an AAAA record without 16 bytes")
            }
        }
    }
}

/// Reads the record at `at`, and returns the place behind it.
fn read_record<'m>(message: &'m [u8], at: usize, name: &DnsName) -> Result<(Record<'m>, usize), &'static str> {
    let (is_of_name, at) = name.is_at(message, at).ok_or("a record without a valid name")?;
    let numbers = (u16_at(message, at), u16_at(message, at + 2), u16_at(message, at + 8));
    let (Some(kind), Some(class), Some(bytes)) = numbers else { return Err("the last record is cut off") };
    let (high, low) = (u16_at(message, at + 4).unwrap_or(0), u16_at(message, at + 6).unwrap_or(0));
    let ttl_secs = u32::from(high) << 16 | u32::from(low);
    let (data_at, behind) = (at + 10, at + 10 + usize::from(bytes));
    let data = message.get(data_at..behind).ok_or("the last record is cut off")?;
    // RFC 2181 section 8: with the highest bit, the time is zero.
    let ttl_secs = if ttl_secs > i32::MAX as u32 { 0 } else { ttl_secs };
    Ok((Record { is_wanted: is_of_name && class == CLASS_IN, kind, ttl_secs, data_at, data }, behind))
}

/// The name in a CNAME record.
fn target(message: &[u8], record: &Record<'_>) -> Result<DnsName, &'static str> {
    let (name, behind) = DnsName::read(message, record.data_at).ok_or("a CNAME record without a valid name")?;
    if behind == record.data_at + record.data.len() { Ok(name) } else { Err("a CNAME record of another length") }
}

fn u16_at(message: &[u8], at: usize) -> Option<u16> {
    message.get(at..at + 2).map(|two| u16::from_be_bytes([two[0], two[1]]))
}

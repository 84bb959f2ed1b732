//! Questions (RFC 1035 sections 4.1.1 and 4.1.2).

use super::DnsName;

/// The flag of a question that the name server shall ask others itself (RD, section 4.1.1).
const RECURSION_DESIRED: u16 = 0x0100;

/// The class of the internet (section 3.2.4).
pub(super) const CLASS_IN: u16 = 1;

/// The kind of the records that are asked for: their TYPE (RFC 1035 section 3.2.2, RFC 3596 section 2.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RecordKind {
    /// An IPv4 address.
    A,
    /// An IPv6 address.
    Aaaa,
}

impl RecordKind {
    /// The number in a message.
    pub(super) fn number(self) -> u16 {
        match self {
            RecordKind::A => 1,
            RecordKind::Aaaa => 28,
        }
    }
}

/// One question to a name server.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DnsQuestion {
    /// A number that nobody can guess: its answer has the same.
    pub id: u16,
    /// The name whose addresses are wanted.
    pub name: DnsName,
    /// What kind of address.
    pub kind: RecordKind,
}

impl DnsQuestion {
    /// Appends the message for a name server.
    pub fn print(&self, out: &mut Vec<u8>) {
        let head = [self.id, RECURSION_DESIRED, 1, 0, 0, 0]; // one question, and no records
        out.extend(head.into_iter().flat_map(u16::to_be_bytes));
        self.print_asked(out);
    }

    /// Appends what is asked, as the answer repeats it.
    pub(super) fn print_asked(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.name.as_bytes());
        out.extend([self.kind.number(), CLASS_IN].into_iter().flat_map(u16::to_be_bytes));
    }
}

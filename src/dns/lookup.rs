//! One look-up: which questions for a host are open, and what the answers have come to so far.

use super::{ALIASES_MAX, BadAnswer, DnsAnswer, DnsName, DnsQuestion, RecordKind, ResolveError};
use std::net::IpAddr;

/// The look-up of one host: in rounds of one question for each kind of address.
#[derive(Debug)]
pub struct DnsLookup {
    parts: Vec<Part>,
    /// How many aliases were followed.
    aliases: usize,
    /// The shortest time in seconds of the aliases that were followed.
    ttl_secs: u32,
    /// The questions were asked over TCP.
    is_by_tcp: bool,
}

/// The look-up of the addresses of one kind.
#[derive(Debug)]
struct Part {
    kind: RecordKind,
    /// The name that is asked for: the host, or what it is an alias of.
    name: DnsName,
    state: PartState,
}

#[derive(Debug)]
enum PartState {
    /// A question is to be asked, over TCP if the answer was cut off.
    Open { by_tcp: bool },
    /// The question with this id has no answer yet.
    Asked(u16),
    /// The answer has come.
    Answered(DnsAnswer),
}

/// What a look-up needs next.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LookupStep {
    /// Answers to questions that were asked.
    Wait,
    /// Questions are to be asked, over TCP or not.
    Ask {
        /// Over TCP.
        by_tcp: bool,
    },
    /// Nothing: the addresses, and for how many seconds they are right; or why there are none.
    Over(Result<(Vec<IpAddr>, u32), ResolveError>),
}

impl DnsLookup {
    /// A look-up of the addresses of these kinds.
    pub fn new(name: &DnsName, kinds: &[RecordKind]) -> Self {
        let part =
            |kind: &RecordKind| Part { kind: *kind, name: name.clone(), state: PartState::Open { by_tcp: false } };
        Self { parts: kinds.iter().map(part).collect(), aliases: 0, ttl_secs: u32::MAX, is_by_tcp: false }
    }

    /// The questions that have no answer yet, with new ids. An answer to an earlier question is not taken any more.
    pub fn ask(&mut self, ids: [u16; 2]) -> Vec<DnsQuestion> {
        let second = if ids[0] == ids[1] { !ids[1] } else { ids[1] };
        let mut ids = [ids[0], second].into_iter();
        let mut questions = Vec::with_capacity(2);
        self.is_by_tcp = self.is_cut_off();
        for part in &mut self.parts {
            if let PartState::Open { .. } | PartState::Asked(_) = part.state
                && let Some(id) = ids.next()
            {
                part.state = PartState::Asked(id);
                questions.push(part.question(id));
            }
        }
        questions
    }

    /// Takes a message of the name server that was asked.
    ///
    /// # Errors
    /// It answers none of the questions, or is broken. Then nothing has changed.
    pub fn take(&mut self, message: &[u8]) -> Result<(), BadAnswer> {
        let id = message.first_chunk().map(|id| u16::from_be_bytes(*id));
        let is_it = |part: &&mut Part| matches!(part.state, PartState::Asked(asked) if id == Some(asked));
        let part = self.parts.iter_mut().find(is_it).ok_or(BadAnswer::NotAsked("it has another id"))?;
        part.state = match part.question(id.unwrap_or_default()).read(message)? {
            DnsAnswer::CutOff if self.is_by_tcp => return Err(BadAnswer::Broken("it is cut off, over TCP")),
            DnsAnswer::CutOff => PartState::Open { by_tcp: true },
            answer => PartState::Answered(answer),
        };
        Ok(())
    }

    /// What is to be done next. Questions are asked when all that were asked before have their answers: so one socket
    /// carries one round of them.
    ///
    /// As in nginx, a name server that fails for one kind fails for the host, but not one that has no such name; and
    /// an alias is followed if there is no address of either kind.
    pub fn step(&mut self) -> LookupStep {
        if self.parts.iter().any(|part| matches!(part.state, PartState::Asked(_))) {
            return LookupStep::Wait;
        }
        let is_open = |part: &Part| matches!(part.state, PartState::Open { .. });
        if self.parts.iter().any(is_open) {
            return LookupStep::Ask { by_tcp: self.is_cut_off() };
        }
        if let Some(error) = self.parts.iter().find_map(Part::failure) {
            return LookupStep::Over(Err(error));
        }
        match self.found() {
            Some(found) => LookupStep::Over(Ok(found)),
            None if self.follow_alias() => LookupStep::Ask { by_tcp: false },
            None => LookupStep::Over(Err(ResolveError::NOT_FOUND)),
        }
    }

    /// The addresses that are known so far, with their time in seconds. `None` if no kind has one.
    pub fn found(&self) -> Option<(Vec<IpAddr>, u32)> {
        let (mut all, mut ttl_secs) = (Vec::new(), self.ttl_secs);
        for part in &self.parts {
            if let PartState::Answered(DnsAnswer::Found(addresses, secs)) = &part.state {
                ttl_secs = ttl_secs.min(*secs);
                for address in addresses {
                    if !all.contains(address) {
                        all.push(*address);
                    }
                }
            }
        }
        (!all.is_empty()).then_some((all, ttl_secs))
    }

    fn is_cut_off(&self) -> bool {
        self.parts.iter().any(|part| matches!(part.state, PartState::Open { by_tcp: true }))
    }

    /// Another name server is asked again for what this one has refused to answer.
    pub fn ask_again(&mut self) {
        for part in &mut self.parts {
            if part.failure().is_some() {
                part.state = PartState::Open { by_tcp: false };
            }
        }
    }

    /// Asks for what the host is an alias of. An alias is one for all kinds (RFC 1034 section 3.6.2). If the answers
    /// contradict each other, the last one's alias is followed; one that the last one does not have is followed for
    /// its own kind only.
    fn follow_alias(&mut self) -> bool {
        if self.aliases >= ALIASES_MAX {
            return false;
        }
        let alias = |part: &Part| match &part.state {
            PartState::Answered(DnsAnswer::Alias(name, secs)) => Some((name.clone(), *secs)),
            _ => None,
        };
        let for_all = self.parts.last().and_then(alias);
        let mut follows = false;
        for part in &mut self.parts {
            if let Some((name, secs)) = for_all.clone().or_else(|| alias(part)) {
                self.ttl_secs = self.ttl_secs.min(secs);
                (part.name, part.state) = (name, PartState::Open { by_tcp: false });
                follows = true;
            }
        }
        self.aliases += usize::from(follows);
        follows
    }
}

impl Part {
    fn question(&self, id: u16) -> DnsQuestion {
        DnsQuestion { id, name: self.name.clone(), kind: self.kind }
    }

    /// Why the name server does not know whether there is an address.
    fn failure(&self) -> Option<ResolveError> {
        match self.state {
            PartState::Answered(DnsAnswer::Failed(rcode)) => {
                Some(ResolveError::Rcode(rcode)).filter(|error| *error != ResolveError::NOT_FOUND)
            }
            _ => None,
        }
    }
}

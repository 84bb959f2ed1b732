//! Makes listeners of servers: which servers are behind each address, which one is the default, and which combinations
//! are errors.

use super::lex::Word;
use super::problem::{Fault, Files, Position};
use super::types::{Address, Hosts, Listener, Protocol, Regex, Server, SocketFile};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::SocketAddr;
use std::sync::Arc;
use webserv_sys::net::SocketOptions;

/// The default of `backlog=`.
const BACKLOG: i32 = 511;

/// A `listen` as it was written, each option with its position.
#[derive(Clone, Debug)]
pub(super) struct Listen {
    pub address: Address,
    pub place: Position,
    pub default_server: Option<((), Position)>,
    pub reuseport: Option<(bool, Position)>,
    pub backlog: Option<(i32, Position)>,
    pub ipv6only: Option<(bool, Position)>,
    /// The options of the socket, and the position of the last of them.
    pub socket: Option<(SocketOptions, Position)>,
    /// `mode=`, `owner=`, `group=`, and the position of the last of them.
    pub file: Option<(SocketFile, Position)>,
    pub proxy_protocol: Option<((), Position)>,
}

impl Listen {
    /// A `listen` without options.
    pub fn new(address: Address, place: Position) -> Self {
        Listen {
            address,
            place,
            default_server: None,
            reuseport: None,
            backlog: None,
            ipv6only: None,
            socket: None,
            file: None,
            proxy_protocol: None,
        }
    }

    /// The address, for messages.
    pub fn name(&self) -> String {
        name(&self.address)
    }
}

/// A `server` and the facts that decide which requests it gets.
#[derive(Debug)]
pub(super) struct ServerDraft {
    pub server: Arc<Server>,
    pub listens: Vec<Listen>,
    pub names: Vec<Word>,
    /// The expressions among its names.
    pub regexes: Vec<Regex>,
    /// The word `server`.
    pub place: Position,
    /// What the server speaks.
    pub protocol: Protocol,
}

/// All that the configuration says about one address.
struct Group {
    listen: Listen,
    /// Indices of the servers, and where each of them names the address.
    members: Vec<(usize, Position)>,
}

/// The listeners of all servers, in order of first appearance. Adds a warning for each name that several servers have.
pub(super) fn listeners(
    servers: &[ServerDraft],
    files: &Files,
    warnings: &mut Vec<Fault>,
) -> Result<Vec<Listener>, Vec<Fault>> {
    let mut faults = Vec::new();
    let mut groups: Vec<Group> = Vec::new();
    for (index, server) in servers.iter().enumerate() {
        for listen in &server.listens {
            match groups.iter_mut().find(|group| group.listen.address == listen.address) {
                None => groups.push(Group { listen: listen.clone(), members: vec![(index, listen.place)] }),
                Some(group) => {
                    group.members.push((index, listen.place));
                    group.merge(listen, files, &mut faults);
                }
            }
        }
    }
    let mut listeners = Vec::new();
    faults.extend(groups.iter().filter_map(|group| group.mixed_protocols(servers, files)));
    if !faults.is_empty() {
        return Err(faults);
    }
    for group in &groups {
        listeners.push(group.listener(servers, files, warnings));
    }
    share_ports(&groups, &mut listeners, files, &mut faults);
    if faults.is_empty() { Ok(listeners) } else { Err(faults) }
}

impl Group {
    /// Options may stand in one `listen` of an address, or be equal in several.
    fn merge(&mut self, other: &Listen, files: &Files, faults: &mut Vec<Fault>) {
        let name = self.listen.name();
        let mine = &mut self.listen;
        let first_at = |place| format!("first at {}", files.name(place));
        if let (Some((_, first)), Some((_, second))) = (mine.default_server, other.default_server) {
            let message = format!("a second default_server for {name}, {}", first_at(first));
            faults.push(Fault::new(second, message));
        }
        if let (Some((a, first)), Some((b, second))) = (mine.backlog, other.backlog)
            && a != b
        {
            let message = format!("another backlog= for {name}: it is {a}, {}", first_at(first));
            faults.push(Fault::new(second, message));
        }
        if let (Some((a, first)), Some((b, second))) = (mine.ipv6only, other.ipv6only)
            && a != b
        {
            faults.push(Fault::new(second, format!("another ipv6only= for {name}, {}", first_at(first))));
        }
        if let (Some((a, first)), Some((b, second))) = (mine.reuseport, other.reuseport)
            && a != b
        {
            faults.push(Fault::new(second, format!("another reuseport= for {name}, {}", first_at(first))));
        }
        if let (Some((a, first)), Some((b, second))) = (&mine.socket, &other.socket)
            && a != b
        {
            let message = format!("other options of the socket for {name}, {}", first_at(*first));
            faults.push(Fault::new(*second, message));
        }
        if let (Some((a, first)), Some((b, second))) = (mine.file, other.file)
            && a != b
        {
            let message = format!("another mode=, owner= or group= for {name}, {}", first_at(first));
            faults.push(Fault::new(second, message));
        }
        mine.file = mine.file.or(other.file);
        if mine.socket.is_none() {
            mine.socket = other.socket.clone();
        }
        if mine.default_server.is_none() && other.default_server.is_some() {
            mine.default_server = other.default_server;
        }
        mine.reuseport = mine.reuseport.or(other.reuseport);
        mine.backlog = mine.backlog.or(other.backlog);
        mine.ipv6only = mine.ipv6only.or(other.ipv6only);
        mine.proxy_protocol = mine.proxy_protocol.or(other.proxy_protocol);
    }

    /// HTTP servers of one address differ by the name in the request. A server of a protocol without names must be
    /// alone on its address.
    fn mixed_protocols(&self, servers: &[ServerDraft], files: &Files) -> Option<Fault> {
        let (first, others) = self.members.split_first()?;
        let alone = |(index, _): &(usize, Position)| {
            Some(&servers[*index].protocol).filter(|protocol| !protocol.names_servers())
        };
        let (place, protocol) = others.iter().find_map(|other| Some((other.1, alone(first).or(alone(other))?)))?;
        let (name, first) = (self.listen.name(), files.name(first.1));
        let alone = format!("a server of {} needs an address of its own", protocol.name());
        Some(Fault::new(place, format!("another server listens on {name}, first at {first}; {alone}")))
    }

    fn listener(&self, servers: &[ServerDraft], files: &Files, warnings: &mut Vec<Fault>) -> Listener {
        // The default server is first; the others keep the order of the file.
        let mut members = self.members.clone();
        let says_default = |(index, _): &(usize, Position)| {
            servers[*index].listens.iter().any(|l| l.address == self.listen.address && l.default_server.is_some())
        };
        members.sort_by_key(|member| !says_default(member));
        let protocol = members.first().map_or(Protocol::Http, |(index, _)| servers[*index].protocol.clone());
        let in_order = members.iter().map(|(index, _)| servers[*index].server.clone()).collect();
        let mut hosts = Hosts { servers: in_order, ..Hosts::default() };
        let mut taken: HashMap<String, Position> = HashMap::new();
        // As in nginx, the first server of the file gets a name, whichever is the default server.
        for (index, _) in &self.members {
            let draft = &servers[*index];
            let position = members.iter().position(|(other, _)| other == index).unwrap_or_default();
            hosts.regexes.extend(draft.regexes.iter().map(|regex| (regex.clone(), position)));
            for (name, place) in draft.entries() {
                let mut first = None;
                for form in forms(&name) {
                    match taken.entry(form) {
                        Entry::Occupied(entry) => first = Some(*entry.get()),
                        Entry::Vacant(entry) => {
                            hosts.add(entry.key(), position);
                            entry.insert(place);
                        }
                    }
                }
                warnings.extend(first.map(|first| self.conflict(&name, first, place, files)));
            }
        }
        hosts.sort();
        let listen = &self.listen;
        Listener {
            address: listen.address.clone(),
            backlog: listen.backlog.map_or(BACKLOG, |(backlog, _)| backlog),
            reuseport: listen.reuseport.is_some_and(|(on, _)| on),
            one_socket: listen.reuseport.is_some_and(|(on, _)| !on),
            overlaps: false,
            ipv6only: listen.ipv6only.is_none_or(|(only, _)| only),
            socket: listen.socket.clone().map(|(socket, _)| socket).unwrap_or_default(),
            file: listen.file.map(|(file, _)| file).unwrap_or_default(),
            proxy_protocol: listen.proxy_protocol.is_some(),
            hosts: Arc::new(hosts),
            protocol,
        }
    }

    /// The warning of two servers with the same name on one address.
    fn conflict(&self, name: &str, first: Position, second: Position, files: &Files) -> Fault {
        let hint = if name.is_empty() { "; give each of them a server_name" } else { "" };
        let (address, first) = (self.listen.name(), files.name(first));
        let message = format!("conflicting server name \"{name}\" on {address} is ignored, first at {first}{hint}");
        Fault::new(second, message)
    }
}

impl ServerDraft {
    /// The names with their positions; a server without names answers to the empty name.
    fn entries(&self) -> Vec<(String, Position)> {
        if self.names.is_empty() && self.regexes.is_empty() {
            return vec![(String::new(), self.place)];
        }
        self.names.iter().map(|word| (word.text.clone(), word.place)).collect()
    }
}

/// The names that a `server_name` takes: `.x` takes `x` and `*.x`.
fn forms(name: &str) -> Vec<String> {
    match name.strip_prefix('.') {
        Some(bare) => vec![bare.to_owned(), format!("*{name}")],
        None => vec![name.to_owned()],
    }
}

/// Marks the listeners whose addresses overlap: the kernel binds a wildcard address and a specific one with the same
/// port only if both sockets have `SO_REUSEPORT`. An IPv6 wildcard that also accepts IPv4 is an error beside the IPv4
/// wildcard.
fn share_ports(groups: &[Group], listeners: &mut [Listener], files: &Files, faults: &mut Vec<Fault>) {
    for wide in 0..listeners.len() {
        for narrow in 0..listeners.len() {
            let (Address::Inet(a), Address::Inet(b)) = (&listeners[wide].address, &listeners[narrow].address) else {
                continue;
            };
            let covers = match (a, b) {
                (SocketAddr::V6(_), SocketAddr::V4(_)) => !listeners[wide].ipv6only,
                _ => a.is_ipv4() == b.is_ipv4(),
            };
            if wide == narrow || a.port() == 0 || a.port() != b.port() || !a.ip().is_unspecified() || !covers {
                continue;
            }
            if b.ip().is_unspecified() {
                let place = groups[wide].listen.place;
                let message =
                    format!("{a} with ipv6only=off covers {b} of {}", files.name(groups[narrow].listen.place));
                faults.push(Fault::new(place, message));
            }
            listeners[wide].overlaps = true;
            listeners[narrow].overlaps = true;
        }
    }
}

fn name(address: &Address) -> String {
    match address {
        Address::Inet(address) => address.to_string(),
        Address::Unix(path) => format!("unix:{}", path.display()),
    }
}

//! `listen`: an address and its options.

use super::protocols;
use crate::config::lex::Word;
use crate::config::listeners::Listen;
use crate::config::parse::Statement;
use crate::config::problem::Fault;
use crate::config::scope::{Contexts, Scope};
use crate::config::types::Address;
use crate::config::value::digits;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use webserv_sys::net::{SocketOptions, can_defer_accept};
use webserv_sys::process::{lookup_group, lookup_user};

/// The port of an address without one, for HTTP. Each other protocol has its own.
const PORT: u16 = 80;

/// The longest path of a unix socket: with its final zero it fits into `sockaddr_un` on every system (unix(7); 104
/// bytes on the BSDs).
const UNIX_BYTES_MAX: usize = 103;

/// The largest value of `backlog=`; the kernel has its own, lower limit.
const BACKLOG_MAX: u64 = i32::MAX as u64;

/// The longest time of a probe in seconds (Linux's limit).
const KEEPALIVE_SECS_MAX: u64 = 32767;

/// The most ports of one range.
const PORTS_MAX: usize = 1024;

/// The largest buffer of a socket in bytes.
const BUFFER_BYTES_MAX: u64 = 1 << 30;

/// The options, and how they are written.
const OPTIONS: [&str; 15] = [
    "default_server",
    "reuseport",
    "reuseport=off",
    "backlog=511",
    "ipv6only=on",
    "proxy_protocol",
    "sndbuf=32k",
    "rcvbuf=32k",
    "deferred",
    "fastopen=16",
    "so_keepalive=on",
    "bind",
    "mode=660",
    "owner=USER",
    "group=GROUP",
];

/// nginx's options that are not supported yet, and what to do instead.
const UNSUPPORTED: [(&str, &str); 7] = [
    ("ssl", "TLS ends in front of this server: let hitch, stunnel or a load balancer do it, and listen without ssl"),
    ("http2", "clients speak HTTP/1.1 with this server; leave it out"),
    ("http3", "clients speak HTTP/1.1 with this server; leave it out"),
    ("quic", "clients speak HTTP/1.1 with this server; leave this listen out"),
    ("setfib", "it chooses a routing table of FreeBSD; leave it out"),
    ("accept_filter", "it is a filter of FreeBSD and NetBSD; leave it out"),
    ("multipath", "leave it out"),
];

/// `listen ADDRESS [OPTION ...];`
pub(super) fn listen(scope: &mut Scope<'_>, it: &Statement) -> Result<(), Fault> {
    let word = &it.args[0];
    let mut addresses = addresses(scope, word)?.into_iter();
    let Some(first) = addresses.next() else { return Ok(()) };
    let mut listen = Listen::new(first, word.place);
    let mut given: Vec<&str> = Vec::new();
    for option in &it.args[1..] {
        let name = option.text.split('=').next().unwrap_or_default();
        let name = if name == "default" { "default_server" } else { name };
        if given.contains(&name) {
            return Err(option.fault(format!("\"{}\" comes on top of the same option", option.text)));
        }
        given.push(name);
        read_option(&mut listen, option)?;
        if option.text == "proxy_protocol" && scope.context != Contexts::SERVER {
            return Err(option.fault("only HTTP is spoken behind the PROXY protocol"));
        }
    }
    for address in std::iter::once(listen.address.clone()).chain(addresses) {
        let listen = Listen { address, ..listen.clone() };
        if let Some(first) = scope.listens.iter().find(|other| other.address == listen.address) {
            let message = format!("this server listens on {} already, {}", listen.name(), scope.first_at(first.place));
            return Err(word.fault(message));
        }
        scope.listens.push(listen);
    }
    Ok(())
}

fn read_option(listen: &mut Listen, option: &Word) -> Result<(), Fault> {
    let (text, place) = (&option.text[..], option.place);
    match text {
        "default_server" | "default" => listen.default_server = Some(((), place)),
        "reuseport" => listen.reuseport = Some((true, place)),
        "proxy_protocol" => listen.proxy_protocol = Some(((), place)),
        "bind" => {} // each address has a socket of its own here
        _ => {
            if let Some(flag) = option.option("reuseport") {
                listen.reuseport = Some((flag.flag()?, place));
            } else if let Some(number) = option.option("backlog") {
                listen.backlog = Some((number.number(1..=BACKLOG_MAX)? as i32, place));
            } else if let Some(flag) = option.option("ipv6only") {
                if !matches!(listen.address, Address::Inet(SocketAddr::V6(_))) {
                    let name = listen.name();
                    let message = format!("\"ipv6only\" says nothing about {name}, which is no IPv6 address");
                    return Err(option.fault(message));
                }
                listen.ipv6only = Some((flag.flag()?, place));
            } else if let Some(name) = ["mode", "owner", "group"].into_iter().find(|name| option.option(name).is_some())
            {
                return socket_file(listen, name, option);
            } else {
                return socket_option(listen, option);
            }
        }
    }
    Ok(())
}

/// An option of the file of a unix socket.
fn socket_file(listen: &mut Listen, name: &str, option: &Word) -> Result<(), Fault> {
    if !matches!(listen.address, Address::Unix(_)) {
        let message = format!("\"{name}\" says nothing about {}, which is no unix socket", listen.name());
        return Err(option.fault(message));
    }
    let Some(value) = option.option(name) else { return Ok(()) };
    let mut file = listen.file.map(|(file, _)| file).unwrap_or_default();
    match name {
        "mode" => file.mode = mode(&value)?,
        "owner" => file.owner = Some(number(&value, "user", |name| Ok(lookup_user(name)?.map(|user| user.id)))?),
        _ => file.group = Some(number(&value, "group", lookup_group)?),
    }
    listen.file = Some((file, option.place));
    Ok(())
}

/// Permissions as chmod(1) takes them: `660`.
fn mode(word: &Word) -> Result<u32, Fault> {
    let is_octal = !word.text.is_empty() && word.text.bytes().all(|b| matches!(b, b'0'..=b'7'));
    let mode = u32::from_str_radix(&word.text, 8).ok().filter(|mode| is_octal && *mode <= 0o777);
    mode.ok_or_else(|| word.fault(format!("\"{}\" is no mode; write octal digits, as in 660", word.text)))
}

/// The number of a user or a group: its name, or the number itself.
fn number(word: &Word, what: &str, lookup: fn(&str) -> webserv_sys::Result<Option<u32>>) -> Result<u32, Fault> {
    let found = lookup(&word.text).map_err(|error| word.fault(format!("cannot be looked up: {error}")))?;
    let number = || digits(&word.text).and_then(|number| u32::try_from(number).ok());
    found.or_else(number).ok_or_else(|| word.fault(format!("there is no {what} \"{}\"", word.text)))
}

/// An option of the socket, which connections inherit.
fn socket_option(listen: &mut Listen, option: &Word) -> Result<(), Fault> {
    let text = &option.text[..];
    let mut socket = listen.socket.take().map(|(socket, _)| socket).unwrap_or_default();
    if text == "deferred" {
        if !can_defer_accept() {
            return Err(option.fault("this system cannot wait with accept(2) for a client's first bytes"));
        }
        socket.deferred = true;
    } else if let Some(size) = option.option("sndbuf") {
        socket.send_buffer = Some(size.buffer(1..=BUFFER_BYTES_MAX)? as i32);
    } else if let Some(size) = option.option("rcvbuf") {
        socket.receive_buffer = Some(size.buffer(1..=BUFFER_BYTES_MAX)? as i32);
    } else if let Some(number) = option.option("fastopen") {
        socket.fastopen = Some(number.number(1..=BACKLOG_MAX)? as i32);
    } else if let Some(value) = option.option("so_keepalive") {
        so_keepalive(&mut socket, &value)?;
    } else {
        let name = text.split('=').next().unwrap_or(text);
        if let Some((_, advice)) = UNSUPPORTED.iter().find(|(known, _)| *known == name) {
            return Err(option.fault(format!("the option \"{name}\" is not supported yet; {advice}")));
        }
        return Err(option.unknown("option", &OPTIONS));
    }
    listen.socket = Some((socket, option.place));
    Ok(())
}

/// `so_keepalive=on|off|[IDLE]:[INTERVAL]:[PROBES]`: times, and a number of probes.
fn so_keepalive(socket: &mut SocketOptions, word: &Word) -> Result<(), Fault> {
    let parts: Vec<&str> = word.text.split(':').collect();
    let [idle, interval, probes] = parts[..] else {
        return match &word.text[..] {
            "on" | "off" => {
                socket.keepalive = Some(word.text == "on");
                Ok(())
            }
            text => Err(word.fault(format!("\"{text}\" is not \"on\", \"off\" or times as in 30m:10:5"))),
        };
    };
    let part = |text: &str| Some(Word { text: text.to_owned(), ..word.clone() }).filter(|word| !word.text.is_empty());
    let secs = |text: &str| match part(text) {
        None => Ok(None),
        Some(word) => match word.time()?.as_secs() {
            secs @ 1..=KEEPALIVE_SECS_MAX => Ok(Some(secs as i32)),
            _ => Err(word.fault(format!("\"{text}\" is no time from 1 to {KEEPALIVE_SECS_MAX} seconds"))),
        },
    };
    socket.keepalive = Some(true);
    (socket.keepalive_idle_secs, socket.keepalive_interval_secs) = (secs(idle)?, secs(interval)?);
    socket.keepalive_probes = part(probes).map(|word| word.number(1..=127)).transpose()?.map(|probes| probes as i32);
    match idle.is_empty() && interval.is_empty() && probes.is_empty() {
        true => Err(word.fault("give a time or a number of probes, as in so_keepalive=30m::10")),
        false => Ok(()),
    }
}

/// The addresses of a `listen`: several if its port is a range, as in 8080-8090.
fn addresses(scope: &Scope<'_>, word: &Word) -> Result<Vec<Address>, Fault> {
    let text = &word.text[..];
    let range = Some(text).filter(|text| !text.starts_with("unix:")).and_then(|text| text.rsplit_once('-'));
    let Some((first, last)) = range.filter(|(_, last)| last.bytes().all(|b| b.is_ascii_digit())) else {
        return Ok(vec![address(scope, word)?]);
    };
    let last = port_of(word, Some(last))?;
    let Address::Inet(first) = address(scope, &Word { text: first.to_owned(), ..word.clone() })? else {
        return Ok(Vec::new());
    };
    if last < first.port() || first.port() == 0 || usize::from(last - first.port()) >= PORTS_MAX {
        return Err(word.fault(format!("\"{text}\" is no range of 1 to {PORTS_MAX} ports, as in 8080-8090")));
    }
    Ok((first.port()..=last).map(|port| Address::Inet((first.ip(), port).into())).collect())
}

/// `ADDRESS:PORT`, `PORT`, `ADDRESS`, `*:PORT`, `[v6]:PORT`, `localhost:PORT`, `unix:PATH`.
fn address(scope: &Scope<'_>, word: &Word) -> Result<Address, Fault> {
    let text = &word.text[..];
    let default_port = protocols::port(scope.context).unwrap_or(PORT);
    if let Some(path) = text.strip_prefix("unix:") {
        if path.is_empty() {
            return Err(word.fault("\"unix:\" without a path, as in unix:/run/webserv.sock"));
        }
        let path = scope.path(&Word { text: path.to_owned(), ..word.clone() })?;
        if path.as_os_str().len() > UNIX_BYTES_MAX {
            return Err(word.fault(format!("the socket's path is longer than {UNIX_BYTES_MAX} bytes")));
        }
        return Ok(Address::Unix(path));
    }
    if text.starts_with('[') && text.ends_with(']') {
        let ip = text[1..text.len() - 1].parse::<Ipv6Addr>();
        return ip.map(|ip| Address::Inet((ip, default_port).into())).map_err(|_| no_address(word, text));
    }
    if text.starts_with('[') {
        port_of(word, text.rsplit_once("]:").map(|(_, port)| port))?;
        return text.parse().map(Address::Inet).map_err(|_| no_address(word, text));
    }
    if let Some(port) = digits(text) {
        let port = u16::try_from(port).map_err(|_| no_port(word, text))?;
        return Ok(Address::Inet((Ipv4Addr::UNSPECIFIED, port).into()));
    }
    let (host, port) = match text.split_once(':') {
        Some((host, port)) if !port.contains(':') => (host, port_of(word, Some(port))?),
        Some(_) if text.parse::<Ipv6Addr>().is_ok() => {
            return Err(word.fault(format!("an IPv6 address stands in brackets, did you mean \"[{text}]\"?")));
        }
        _ => (text, default_port),
    };
    let ip = match host {
        "*" => Ipv4Addr::UNSPECIFIED,
        "localhost" => Ipv4Addr::LOCALHOST,
        host => host.parse().map_err(|_| no_address(word, host))?,
    };
    Ok(Address::Inet((IpAddr::V4(ip), port).into()))
}

fn port_of(word: &Word, port: Option<&str>) -> Result<u16, Fault> {
    let port = port.unwrap_or("");
    digits(port).and_then(|port| u16::try_from(port).ok()).ok_or_else(|| no_port(word, port))
}

fn no_port(word: &Word, port: &str) -> Fault {
    word.fault(format!("\"{port}\" is no port; accepted: 0 to 65535"))
}

fn no_address(word: &Word, host: &str) -> Fault {
    word.fault(format!(
        "\"{host}\" is no address; accepted: as in 127.0.0.1:8080, 8080, *:8080, [::1]:8080, localhost:8080, unix:/path"
    ))
}

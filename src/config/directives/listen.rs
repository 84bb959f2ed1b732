//! `listen`: an address and its options.

use super::protocols;
use crate::config::lex::Word;
use crate::config::listeners::Listen;
use crate::config::parse::Statement;
use crate::config::problem::{Fault, Position};
use crate::config::scope::Scope;
use crate::config::types::Address;
use crate::config::value::digits;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The port of an address without one, for HTTP. Each other protocol has its own.
const PORT: u16 = 80;

/// The longest path of a unix socket: with its final zero it fits into `sockaddr_un` on every system (unix(7); 104
/// bytes on the BSDs).
const UNIX_BYTES_MAX: usize = 103;

/// The largest value of `backlog=`; the kernel has its own, lower limit.
const BACKLOG_MAX: u64 = i32::MAX as u64;

/// The options, and how they are written.
const OPTIONS: [&str; 5] = ["default_server", "reuseport", "reuseport=off", "backlog=511", "ipv6only=on"];

/// nginx's options that are not supported yet.
const UNSUPPORTED: [&str; 14] = [
    "ssl",
    "http2",
    "http3",
    "quic",
    "proxy_protocol",
    "setfib",
    "fastopen",
    "rcvbuf",
    "sndbuf",
    "accept_filter",
    "deferred",
    "bind",
    "so_keepalive",
    "multipath",
];

/// `listen ADDRESS [OPTION ...];`
pub(super) fn listen(scope: &mut Scope<'_>, it: &Statement) -> Result<(), Fault> {
    let word = &it.args[0];
    let mut listen = Listen::new(address(scope, word)?, word.place);
    for option in &it.args[1..] {
        read_option(&mut listen, option)?;
    }
    if let Some(first) = scope.listens.iter().find(|other| other.address == listen.address) {
        let message = format!("this server listens on {} already, {}", listen.name(), scope.first_at(first.place));
        return Err(word.fault(message));
    }
    scope.listens.push(listen);
    Ok(())
}

fn read_option(listen: &mut Listen, option: &Word) -> Result<(), Fault> {
    fn once<T>(slot: &mut Option<(T, Position)>, value: T, option: &Word) -> Result<(), Fault> {
        match slot.replace((value, option.place)) {
            Some(_) => Err(option.fault(format!("\"{}\" comes on top of the same option", option.text))),
            None => Ok(()),
        }
    }
    let text = &option.text[..];
    if text == "default_server" {
        return once(&mut listen.default_server, (), option);
    }
    if text == "reuseport" {
        return once(&mut listen.reuseport, true, option);
    }
    if let Some(flag) = option.option("reuseport") {
        return once(&mut listen.reuseport, flag.flag()?, option);
    }
    if let Some(number) = option.option("backlog") {
        return once(&mut listen.backlog, number.number(1..=BACKLOG_MAX)? as i32, option);
    }
    if let Some(flag) = option.option("ipv6only") {
        if !matches!(listen.address, Address::Inet(SocketAddr::V6(_))) {
            return Err(
                option.fault(format!("\"ipv6only\" says nothing about {}, which is no IPv6 address", listen.name()))
            );
        }
        return once(&mut listen.ipv6only, flag.flag()?, option);
    }
    let name = text.split('=').next().unwrap_or(text);
    if UNSUPPORTED.contains(&name) {
        return Err(option.fault(format!("the option \"{name}\" is not supported; accepted: {}", OPTIONS.join(", "))));
    }
    Err(option.unknown("option", &OPTIONS))
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

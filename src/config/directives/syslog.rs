//! `syslog:...`, a target of `error_log` and `access_log`.

use crate::config::lex::Word;
use crate::config::problem::Fault;
use crate::config::scope::Scope;
use crate::config::types::{Address, Level, Syslog};
use crate::config::value::digits;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The longest tag (RFC 3164 section 5.3).
const TAG_BYTES_MAX: usize = 32;

/// Reads `syslog:server=ADDRESS[,facility=NAME][,tag=TEXT][,severity=LEVEL][,nohostname]`.
pub(super) fn syslog(scope: &Scope<'_>, word: &Word) -> Result<Syslog, Fault> {
    let text = word.text.strip_prefix("syslog:").unwrap_or_default();
    let options: Vec<(&str, &str)> =
        text.split(',').map(|option| option.split_once('=').unwrap_or((option, ""))).collect();
    let Some((_, server)) = options.iter().find(|(name, _)| *name == "server") else {
        return Err(word.fault("\"syslog:\" needs the daemon's address, as in syslog:server=127.0.0.1:514"));
    };
    let mut syslog = Syslog::new(address(scope, word, server)?);
    for (place, (name, value)) in options.iter().enumerate() {
        let value_word = || Word { text: (*value).to_owned(), ..word.clone() };
        if options[..place].iter().any(|(other, _)| other == name) {
            return Err(word.fault(format!("\"{name}\" is given twice in \"{}\"", word.text)));
        }
        match *name {
            "server" => {}
            "facility" => {
                let Some(number) = Syslog::FACILITIES.iter().position(|known| known == value) else {
                    return Err(value_word().unknown("facility", &Syslog::FACILITIES));
                };
                syslog.facility = number as u8;
            }
            "severity" => {
                syslog.severity = value_word().choice("severity", &Level::ALL.map(|level| (level.name(), level)))?;
            }
            "tag" => {
                let is_tag = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
                if value.is_empty() || value.len() > TAG_BYTES_MAX || !is_tag(value) {
                    return Err(word.fault(format!("a tag has 1 to {TAG_BYTES_MAX} letters, digits and \"_\"")));
                }
                syslog.tag = (*value).to_owned();
            }
            "nohostname" if value.is_empty() => syslog.has_hostname = false,
            _ => {
                let known = ["server=", "facility=", "tag=", "severity=", "nohostname"];
                return Err(Word { text: (*name).to_owned(), ..word.clone() }.unknown("option of syslog", &known));
            }
        }
    }
    Ok(syslog)
}

/// `ADDRESS`, `ADDRESS:PORT`, `[v6]`, `[v6]:PORT`, `localhost`, `unix:PATH`.
fn address(scope: &Scope<'_>, word: &Word, text: &str) -> Result<Address, Fault> {
    if let Some(path) = text.strip_prefix("unix:") {
        return scope.path(&Word { text: path.to_owned(), ..word.clone() }).map(Address::Unix);
    }
    let wrong = || {
        word.fault(format!(
            "\"{text}\" is no address of a syslog daemon; accepted: 192.0.2.1:514, [::1]:514, localhost, unix:/dev/log \
             (names are not looked up)"
        ))
    };
    let bracket = text.strip_prefix('[').and_then(|rest| rest.split_once(']'));
    let (ip, port) = match (bracket, text.split_once(':')) {
        (Some((ip, rest)), _) => {
            let ip = ip.parse::<Ipv6Addr>().map_err(|_| wrong())?;
            (IpAddr::V6(ip), rest.strip_prefix(':').or((!rest.is_empty()).then_some("")))
        }
        (None, host_and_port) => {
            let (host, port) = host_and_port.map_or((text, None), |(host, port)| (host, Some(port)));
            let host = if host == "localhost" { "127.0.0.1" } else { host };
            (IpAddr::V4(host.parse::<Ipv4Addr>().map_err(|_| wrong())?), port)
        }
    };
    let port = match port {
        None => Syslog::PORT,
        Some(port) => digits(port).and_then(|port| u16::try_from(port).ok()).filter(|p| *p > 0).ok_or_else(wrong)?,
    };
    Ok(Address::Inet(SocketAddr::new(ip, port)))
}

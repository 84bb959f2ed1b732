//! `server` in an `upstream`: an address, and how much it is asked.

use crate::config::directives::gateway::{addresses, split_port};
use crate::config::lex::Word;
use crate::config::parse::Statement;
use crate::config::problem::Fault;
use crate::config::scope::Scope;
use crate::config::types::{Address, UpstreamServer};
use std::net::IpAddr;

/// The port of an address without one, also for servers that do not speak HTTP. As in nginx.
const PORT: u16 = 80;

/// The largest weight. A ring of `hash ... consistent` has 160 points for each unit of it.
const WEIGHT_MAX: u64 = 65_535;

/// The options, for messages.
const OPTIONS: [&str; 7] = ["weight=", "max_fails=", "fail_timeout=", "max_conns=", "backup", "down", "resolve"];

/// `server ADDRESS [OPTION ...];`
pub(super) fn server(scope: &mut Scope<'_>, it: &Statement) -> Result<(), Fault> {
    let (word, options) = (&it.args[0], &it.args[1..]);
    let name = word.plain()?.to_owned();
    let mut server = UpstreamServer::new(&name, Vec::new());
    let mut resolve = None;
    for option in options {
        match &option.text[..] {
            "resolve" => resolve = Some(option),
            _ => set_option(scope, &mut server, option)?,
        }
    }
    match resolve.filter(|_| !name.starts_with("unix:")) {
        Some(option) => {
            let (host, port) = split_port(word, &name, Some(PORT))?;
            match host.parse::<IpAddr>() {
                Ok(ip) => server.addresses = vec![Address::Inet((ip, port).into())],
                Err(_) => server.resolve = Some((host.to_owned(), port)),
            }
            scope.upstream.resolve.get_or_insert_with(|| option.clone());
        }
        None => server.addresses = addresses(scope, word, &name, Some(PORT))?,
    }
    scope.upstream.servers.push(server);
    Ok(())
}

/// Any option but `resolve`.
fn set_option(scope: &Scope<'_>, server: &mut UpstreamServer, option: &Word) -> Result<(), Fault> {
    if let Some(value) = option.option("weight") {
        server.weight = value.number(1..=WEIGHT_MAX)? as u32;
    } else if let Some(value) = option.option("max_fails") {
        server.max_fails = value.number(0..=u32::MAX.into())? as u32;
    } else if let Some(value) = option.option("fail_timeout") {
        server.fail_timeout = value.time()?;
    } else if let Some(value) = option.option("max_conns") {
        server.max_conns = value.number(0..=u32::MAX.into())? as u32;
    } else {
        match &option.text[..] {
            "down" => server.is_down = true,
            "backup" => {
                if let Some((method, _)) = scope.upstream.method.as_ref().filter(|_| !scope.upstream.takes_backup()) {
                    let (method, first) = (&method.text, scope.first_at(method.place));
                    return Err(option.fault(format!(
                        "\"{method}\" does not know backup servers, {first}; leave \"backup\" out, or choose servers \
                         in turns or with least_conn"
                    )));
                }
                server.is_backup = true;
            }
            _ => return Err(unknown(option)),
        }
    }
    Ok(())
}

/// The fault of an option that is not here.
fn unknown(option: &Word) -> Fault {
    let name = option.text.split('=').next().unwrap_or_default();
    match name {
        "slow_start" => option.fault("\"slow_start\" is of nginx Plus, and not here; leave it out"),
        "service" => {
            option.fault("SRV records are not looked up; leave \"service\" out, and write the host and the port")
        }
        "route" | "drain" => option.fault(format!("\"{name}\" belongs to \"sticky\", which is not here; leave it out")),
        _ => option.unknown("option", &OPTIONS),
    }
}

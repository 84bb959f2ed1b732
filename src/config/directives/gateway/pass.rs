//! `proxy_pass`, `fastcgi_pass`, `scgi_pass`, `uwsgi_pass`: what answers for a location.

use super::single::upstream;
use super::{Contexts, Directive, family, row};
use crate::config::gateways::Pass;
use crate::config::lex::Word;
use crate::config::parse::Statement;
use crate::config::problem::Fault;
use crate::config::scope::{LocationHead, LocationMatch, Scope};
use crate::config::types::{GatewayProtocol, GatewayTarget, PassUri};

/// Where requests may be passed on.
const PLACES: Contexts = Contexts::LOCATION.union(Contexts::LOCATION_IF);

pub(in crate::config::directives) const TABLE: &[Directive] = &[
    row("proxy_pass", PLACES.union(Contexts::LIMIT_EXCEPT), 1..=1, "proxy_pass http://127.0.0.1:8000;")
        .syntax("http://HOST[:PORT][PATH]|http://unix:FILE[:PATH]")
        .without("files answer")
        .not_inherited()
        .differs("https:// is refused")
        .help("The HTTP server that answers; a path takes the place of the location's path.")
        .once(pass),
    row("fastcgi_pass", PLACES, 1..=1, "fastcgi_pass unix:/run/php/php-fpm.sock;")
        .syntax("HOST:PORT|unix:FILE|GROUP")
        .without("files answer")
        .not_inherited()
        .help("The FastCGI server that answers, as php-fpm.")
        .once(pass),
    row("scgi_pass", PLACES, 1..=1, "scgi_pass 127.0.0.1:4000;")
        .syntax("HOST:PORT|unix:FILE|GROUP")
        .without("files answer")
        .not_inherited()
        .help("The SCGI server that answers.")
        .once(pass),
    row("uwsgi_pass", PLACES, 1..=1, "uwsgi_pass unix:/run/uwsgi/app.sock;")
        .syntax("HOST:PORT|uwsgi://HOST:PORT|unix:FILE|GROUP")
        .without("files answer")
        .not_inherited()
        .differs("suwsgi:// is refused")
        .help("The uWSGI server that answers.")
        .once(pass),
];

/// How the value of `proxy_pass` begins.
const SCHEME: &str = "http://";

fn pass(scope: &mut Scope<'_>, it: &Statement) -> Result<(), Fault> {
    let (word, protocol) = (&it.args[0], family(it));
    let pass = |target| Pass {
        word: it.name.clone(),
        protocol,
        target,
        host: String::new(),
        port: String::new(),
        uri: None,
        redirect: None,
    };
    if let Some((literal, _)) = word.text.split_once('$') {
        // A literal scheme is judged at once, one with a variable when a request comes.
        let begins = SCHEME.get(..literal.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(literal));
        if !begins {
            without_scheme(word, protocol)?;
        }
        scope.pass = Some(pass(GatewayTarget::Made(scope.template(word)?)));
        return Ok(());
    }
    let text = without_scheme(word, protocol)?;
    let (name, path) = split_path(text, protocol);
    let uri = if path.is_empty() { None } else { Some(uri(scope, word, path)?) };
    let default_port = protocol.default_port();
    let target = GatewayTarget::Upstream(upstream(scope, word, name, default_port)?);
    let (host, port) = protocol.host_and_port(name);
    let redirect = (protocol == GatewayProtocol::Http).then(|| {
        let location = scope.location.as_ref().map_or("", |head| &head.path[..]);
        Pass::default_redirect(&word.text, uri.is_some(), location)
    });
    scope.pass = Some(Pass { host, port, uri, redirect, ..pass(target) });
    Ok(())
}

/// The text behind `http://`, or perhaps `uwsgi://`.
fn without_scheme(word: &Word, protocol: GatewayProtocol) -> Result<&str, Fault> {
    let text = word.plain()?;
    let behind = |scheme: &str| {
        let (start, rest) = text.split_at_checked(scheme.len())?;
        start.eq_ignore_ascii_case(scheme).then_some(rest)
    };
    match protocol {
        GatewayProtocol::Http => match (behind(SCHEME), behind("https://")) {
            (Some(rest), _) => Ok(rest),
            (None, Some(_)) => Err(word.fault(
                "this server does not speak TLS with the servers behind it yet; let them listen without it, on a unix \
                 socket or an address of this machine, and write http://",
            )),
            (None, None) => Err(word.fault(format!("\"{text}\" does not begin with a scheme; write http://{text}"))),
        },
        GatewayProtocol::Uwsgi if behind("suwsgi://").is_some() => {
            Err(word.fault("this server does not speak TLS with the servers behind it yet; write uwsgi://"))
        }
        GatewayProtocol::Uwsgi => Ok(behind("uwsgi://").unwrap_or(text)),
        GatewayProtocol::Fastcgi | GatewayProtocol::Scgi => Ok(text),
    }
}

/// The name of the server, and the path behind it: `unix:/run/x.sock:/path`, `host:80/path`.
fn split_path(text: &str, protocol: GatewayProtocol) -> (&str, &str) {
    if protocol != GatewayProtocol::Http {
        return (text, "");
    }
    match text.strip_prefix("unix:").and_then(|file| file.find(':')) {
        Some(at) => (&text[..5 + at], &text[5 + at + 1..]),
        None if text.starts_with("unix:") => (text, ""),
        None => text.split_at(text.find(['/', '?', '#']).unwrap_or(text.len())),
    }
}

/// The path of a `proxy_pass`. It replaces the prefix of a location, so there must be one.
fn uri(scope: &Scope<'_>, word: &Word, path: &str) -> Result<PassUri, Fault> {
    use LocationMatch::{Exact, Prefix, PrefixOnly};
    let prefix = |head: &LocationHead| matches!(head.kind, Exact | Prefix | PrefixOnly).then_some(head.path.len());
    let Some(prefix_bytes) = scope.location.as_ref().and_then(prefix) else {
        return Err(word.fault(format!(
            "there is no prefix that the path \"{path}\" could replace in a location with an expression, in a named \
             location, in \"if\" and in \"limit_except\"; leave it out, or change the path with \"rewrite\""
        )));
    };
    let slash = if path.starts_with('/') { "" } else { "/" };
    Ok(PassUri { path: format!("{slash}{path}"), prefix_bytes })
}

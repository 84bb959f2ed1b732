//! The settings of responses beside their content: additional fields, freshness, redirects, validators.

use super::{Contexts, Directive, put, row};
use crate::config::lex::Word;
use crate::config::parse::Statement;
use crate::config::problem::Fault;
use crate::config::scope::Scope;
use crate::config::types::{AddHeader, Expires, GzipStatic, IfModifiedSince};
use crate::http::octets::{all_field_value, all_token};
use crate::http::reply::stands_once;
use std::sync::Arc;

/// Fields about the message's framing, its range of a file, or the connection. Only the server knows the right value.
const OWN: [&str; 8] =
    ["Connection", "Content-Length", "Content-Range", "Date", "Keep-Alive", "Trailer", "Transfer-Encoding", "Upgrade"];

pub(super) const TABLE: &[Directive] = &[
    row("add_header", Contexts::REQUEST.union(Contexts::LOCATION_IF), 2..=3, "add_header X-Frame-Options DENY always;")
        .syntax("NAME VALUE [always]")
        .without("no field")
        .help("Adds a field to responses; with always, also to errors.")
        .repeat(add_header),
    row("expires", Contexts::REQUEST.union(Contexts::LOCATION_IF), 1..=2, "expires 30d;")
        .syntax("[modified] TIME|epoch|max|off")
        .default("off")
        .differs("a time of the day (@15h) is not supported")
        .help("Sends Expires and Cache-Control, so that clients keep the response this long.")
        .once(expires),
    row("absolute_redirect", Contexts::REQUEST, 1..=1, "absolute_redirect off;")
        .syntax("on|off")
        .default("on")
        .help("Sends redirects with scheme and host, and not as a path.")
        .once(|scope, it| put(&mut scope.settings.redirects.absolute, it.args[0].flag())),
    row("port_in_redirect", Contexts::REQUEST, 1..=1, "port_in_redirect off;")
        .syntax("on|off")
        .default("on")
        .help("Shows the port in redirects.")
        .once(|scope, it| put(&mut scope.settings.redirects.port, it.args[0].flag())),
    row("server_name_in_redirect", Contexts::REQUEST, 1..=1, "server_name_in_redirect on;")
        .syntax("on|off")
        .default("off")
        .help("Takes the host of redirects from server_name, and not from the request.")
        .once(|scope, it| put(&mut scope.settings.redirects.server_name, it.args[0].flag())),
    row("gzip_static", Contexts::REQUEST, 1..=1, "gzip_static on;")
        .syntax("off|on|always")
        .default("off")
        .help("Sends FILE.gz in the place of FILE to clients that take gzip.")
        .once(|scope, it| {
            let choices = [("off", GzipStatic::Off), ("on", GzipStatic::On), ("always", GzipStatic::Always)];
            put(&mut scope.settings.gzip_static, it.args[0].choice("value", &choices))
        }),
    row("if_modified_since", Contexts::REQUEST, 1..=1, "if_modified_since before;")
        .syntax("off|exact|before")
        .default("before")
        .differs("nginx's default is exact")
        .help("How the time of If-Modified-Since is compared with the file's.")
        .once(|scope, it| {
            let choices =
                [("off", IfModifiedSince::Off), ("exact", IfModifiedSince::Exact), ("before", IfModifiedSince::Before)];
            put(&mut scope.settings.if_modified_since, it.args[0].choice("value", &choices))
        }),
];

/// `add_header NAME VALUE [always];`
fn add_header(scope: &mut Scope<'_>, it: &Statement) -> Result<(), Fault> {
    let (name, value) = (&it.args[0], &it.args[1]);
    let is_name = |known: &&str| known.eq_ignore_ascii_case(&name.text);
    if name.text.contains('$') {
        return Err(name.fault("variables are not supported in a field's name"));
    }
    if !all_token(name.plain()?.as_bytes()) {
        return Err(name.fault(format!("\"{}\" is no field name: letters, digits and hyphens make one", name.text)));
    }
    if let Some(own) = OWN.iter().find(|own| is_name(own)) {
        return Err(name.fault(format!("the field {own} is the server's own: what it says must be so")));
    }
    if !all_field_value(value.text.as_bytes()) {
        return Err(value.fault("a control character in this value"));
    }
    let always = match it.args.get(2) {
        None => false,
        Some(word) => word.choice("option", &[("always", true)])?,
    };
    let (value, replaces) = (scope.template(value)?, stands_once(name.text.as_bytes()));
    if scope.first {
        scope.settings.add_headers.clear();
    }
    scope.settings.add_headers.push(AddHeader { name: Arc::from(&name.text[..]), value, always, replaces });
    Ok(())
}

/// `expires [modified] TIME;` with or without a sign, or `expires epoch|max|off;`
fn expires(scope: &mut Scope<'_>, it: &Statement) -> Result<(), Fault> {
    let first = &it.args[0];
    scope.settings.expires = match (&first.text[..], it.args.get(1)) {
        ("modified", Some(time)) => Expires::AfterModified(signed_secs(time, "")?),
        ("modified", None) => return Err(first.fault("\"modified\" needs a time, as in: expires modified 1d;")),
        (text, Some(_)) => {
            let message = format!("\"{text}\" before a value; accepted there: modified, as in: expires modified 1d;");
            return Err(first.fault(message));
        }
        ("off", None) => Expires::Off,
        ("epoch", None) => Expires::Epoch,
        ("max", None) => Expires::Max,
        (_, None) => Expires::AfterNow(signed_secs(first, ", epoch, max, off")?),
    };
    Ok(())
}

/// `30d`, `+30d`, `-1h`: whole seconds, because HTTP has no fractions. `or` names the other accepted values, for the
/// message.
fn signed_secs(word: &Word, or: &str) -> Result<i64, Fault> {
    let text = &word.text[..];
    let wrong = |why: &str| word.fault(format!("\"{text}\" {why}; accepted: seconds, or a time as in 30d or -1h{or}"));
    if text.starts_with('@') {
        return Err(wrong("is a time of the day, which is not supported"));
    }
    if text.contains('$') {
        return Err(wrong("has a variable, which is not supported here"));
    }
    let (sign, size) = match text.strip_prefix('-') {
        Some(size) => (-1, size),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    match (Word { text: size.to_owned(), ..word.clone() }).time() {
        Ok(time) if time.subsec_nanos() != 0 => Err(wrong("is no number of whole seconds")),
        Ok(time) => Ok(sign * time.as_secs() as i64),
        Err(_) => Err(wrong("is no time")),
    }
}

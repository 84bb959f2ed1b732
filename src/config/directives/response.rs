//! The settings of responses beside their content: additional fields, freshness, redirects, validators.

use super::{Contexts, Directive, Form, put};
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
    Directive {
        name: "add_header",
        contexts: Contexts::REQUEST.union(Contexts::LOCATION_IF),
        args: 2..=3,
        example: "add_header X-Frame-Options DENY always;",
        form: Form::Repeat(add_header),
    },
    Directive {
        name: "expires",
        contexts: Contexts::REQUEST.union(Contexts::LOCATION_IF),
        args: 1..=2,
        example: "expires 30d;",
        form: Form::Once(expires),
    },
    Directive {
        name: "absolute_redirect",
        contexts: Contexts::REQUEST,
        args: 1..=1,
        example: "absolute_redirect off;",
        form: Form::Once(|scope, it| put(&mut scope.settings.redirects.absolute, it.args[0].flag())),
    },
    Directive {
        name: "port_in_redirect",
        contexts: Contexts::REQUEST,
        args: 1..=1,
        example: "port_in_redirect off;",
        form: Form::Once(|scope, it| put(&mut scope.settings.redirects.port, it.args[0].flag())),
    },
    Directive {
        name: "server_name_in_redirect",
        contexts: Contexts::REQUEST,
        args: 1..=1,
        example: "server_name_in_redirect on;",
        form: Form::Once(|scope, it| put(&mut scope.settings.redirects.server_name, it.args[0].flag())),
    },
    Directive {
        name: "gzip_static",
        contexts: Contexts::REQUEST,
        args: 1..=1,
        example: "gzip_static on;",
        form: Form::Once(|scope, it| {
            let choices = [("off", GzipStatic::Off), ("on", GzipStatic::On), ("always", GzipStatic::Always)];
            put(&mut scope.settings.gzip_static, it.args[0].choice("value", &choices))
        }),
    },
    Directive {
        name: "if_modified_since",
        contexts: Contexts::REQUEST,
        args: 1..=1,
        example: "if_modified_since before;",
        form: Form::Once(|scope, it| {
            let choices =
                [("off", IfModifiedSince::Off), ("exact", IfModifiedSince::Exact), ("before", IfModifiedSince::Before)];
            put(&mut scope.settings.if_modified_since, it.args[0].choice("value", &choices))
        }),
    },
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

//! Fields that the configuration adds to responses: `add_header`, `add_trailer`, `expires`.

use super::{Contexts, Directive, put, row};
use crate::config::lex::Word;
use crate::config::parse::Statement;
use crate::config::problem::Fault;
use crate::config::scope::Scope;
use crate::config::types::{AddHeader, Expires, Inherit};
use crate::http::octets::{all_field_value, all_token};
use crate::http::reply::stands_once;
use std::sync::Arc;

/// Fields about the message's framing, its range of a file, or the connection. Only the server knows the right value,
/// so it sends its own.
const OWN: [&str; 8] =
    ["Connection", "Content-Length", "Content-Range", "Date", "Keep-Alive", "Trailer", "Transfer-Encoding", "Upgrade"];

/// Fields that must be known before the body (RFC 9110 section 6.5.1), besides those of [`OWN`].
const BEFORE_BODY: [&str; 9] = [
    "Authorization",
    "Cache-Control",
    "Content-Encoding",
    "Content-Type",
    "Host",
    "Location",
    "Set-Cookie",
    "TE",
    "WWW-Authenticate",
];

const INHERIT: [(&str, Inherit); 3] = [("off", Inherit::Off), ("on", Inherit::On), ("merge", Inherit::Merge)];

pub(super) const TABLE: &[Directive] = &[
    row("add_header", Contexts::REQUEST.union(Contexts::LOCATION_IF), 2..=3, "add_header X-Frame-Options DENY always;")
        .syntax("NAME VALUE [always]")
        .without("no field")
        .differs("a field that stands once replaces that of the server; fields of the message itself are not sent")
        .help("Adds a field to responses; with always, also to errors.")
        .repeat(|scope, it| add(scope, it, false)),
    row(
        "add_trailer",
        Contexts::REQUEST.union(Contexts::LOCATION_IF),
        2..=3,
        "add_trailer Server-Timing total;dur=$request_time;",
    )
    .syntax("NAME VALUE [always]")
    .without("no field")
    .help("Adds a field behind bodies, which are then sent in chunks; with always, also to errors.")
    .repeat(|scope, it| add(scope, it, true)),
    row("add_header_inherit", Contexts::REQUEST.union(Contexts::LOCATION_IF), 1..=1, "add_header_inherit merge;")
        .syntax("off|on|merge")
        .default("on")
        .help("What a level gets of the outer level's add_header: nothing, all if it has none, all besides its own.")
        .once(|scope, it| put(&mut scope.settings.inherits_fields.headers, it.args[0].choice("value", &INHERIT))),
    row("add_trailer_inherit", Contexts::REQUEST.union(Contexts::LOCATION_IF), 1..=1, "add_trailer_inherit merge;")
        .syntax("off|on|merge")
        .default("on")
        .help("The same for add_trailer.")
        .once(|scope, it| put(&mut scope.settings.inherits_fields.trailers, it.args[0].choice("value", &INHERIT))),
    row("expires", Contexts::REQUEST.union(Contexts::LOCATION_IF), 1..=2, "expires 30d;")
        .syntax("[modified] TIME|@TIME|epoch|max|off")
        .default("off")
        .help("Sends Expires and Cache-Control, so that clients keep the response this long.")
        .once(expires),
];

/// `add_header NAME VALUE [always];` or `add_trailer NAME VALUE [always];`
fn add(scope: &mut Scope<'_>, it: &Statement, is_trailer: bool) -> Result<(), Fault> {
    let (name, value) = (&it.args[0], &it.args[1]);
    if name.text.contains('$') {
        return Err(name.fault("variables are not supported in a field's name"));
    }
    if !all_token(name.plain()?.as_bytes()) {
        return Err(name.fault(format!("\"{}\" is no field name: letters, digits and hyphens make one", name.text)));
    }
    let always = match it.args.get(2) {
        None => false,
        Some(word) => word.choice("option", &[("always", true)])?,
    };
    let value = in_one_line(scope, value)?;
    let value = scope.template(&value)?;
    if scope.first {
        let fields = std::mem::take(&mut scope.settings.add_headers);
        let (own, other) = fields.into_iter().partition(|field| field.is_trailer == is_trailer);
        scope.settings.add_headers = other;
        scope.outer_fields.extend::<Vec<AddHeader>>(own);
    }
    let is_name = |known: &&&str| known.eq_ignore_ascii_case(&name.text);
    if let Some(own) = OWN.iter().find(is_name) {
        scope.warn(
            name,
            format!("the field {own} is the server's own, which sends the right value: this one is not sent"),
        );
        return Ok(());
    }
    if let Some(early) = BEFORE_BODY.iter().find(is_name).filter(|_| is_trailer) {
        return Err(name.fault(format!("the field {early} has no meaning behind the body (RFC 9110 section 6.5.1)")));
    }
    let (needs_head, replaces) = (value.may_use_response(), stands_once(name.text.as_bytes()));
    let replaces = replaces && !is_trailer;
    let name = Arc::from(&name.text[..]);
    scope.settings.add_headers.push(AddHeader { name, value, always, replaces, is_trailer, needs_head });
    Ok(())
}

/// The value without line breaks, which long values of Content-Security-Policy have in configurations: a field has one
/// line (RFC 9110 section 5.5).
pub(super) fn in_one_line(scope: &mut Scope<'_>, value: &Word) -> Result<Word, Fault> {
    let mut value = value.clone();
    if value.text.contains('\n') && !value.text.contains('\r') {
        scope.warn(&value, "a field has one line: each line break in this value is sent as a space".to_owned());
        value.text = value.text.split('\n').map(str::trim).collect::<Vec<_>>().join(" ").trim().to_owned();
    }
    match all_field_value(value.text.as_bytes()) {
        true => Ok(value),
        false => Err(value.fault("a control character in this value")),
    }
}

/// Called after the plain directives of a level: `add_header_inherit` and `add_trailer_inherit` decide about the fields
/// of the level around it. A field that stands once is not taken over if the level has its own.
pub(in crate::config) fn settle(scope: &mut Scope<'_>) {
    let outer = std::mem::take(&mut scope.outer_fields);
    let settings = &mut scope.settings;
    let kinds = [
        (false, settings.inherits_fields.headers, "add_header"),
        (true, settings.inherits_fields.trailers, "add_trailer"),
    ];
    for (is_trailer, inherit, name) in kinds {
        let has_own = scope.seen.contains_key(name);
        if inherit == Inherit::Off && !has_own {
            settings.add_headers.retain(|field| field.is_trailer != is_trailer);
        }
        if inherit == Inherit::Merge && has_own {
            let own = settings.add_headers.clone();
            let has =
                |field: &AddHeader| own.iter().any(|own| own.replaces && own.name.eq_ignore_ascii_case(&field.name));
            let more = outer.iter().filter(|field| field.is_trailer == is_trailer && !has(field)).cloned();
            settings.add_headers.extend(more);
        }
    }
}

/// `expires [modified] TIME;` with or without a sign, or `expires @TIME|epoch|max|off;`, or variables.
fn expires(scope: &mut Scope<'_>, it: &Statement) -> Result<(), Fault> {
    let first = &it.args[0];
    let (word, after_modified) = match (&first.text[..], it.args.get(1)) {
        ("modified", Some(time)) => (time, true),
        ("modified", None) => return Err(first.fault("\"modified\" needs a time, as in: expires modified 1d;")),
        (text, Some(_)) => {
            let message = format!("\"{text}\" before a value; accepted there: modified, as in: expires modified 1d;");
            return Err(first.fault(message));
        }
        (_, None) => (first, false),
    };
    scope.settings.expires = match word.text.contains('$') {
        true => Expires::Variable { text: Arc::new(scope.template(word)?), after_modified },
        false => Expires::parse(&word.text, after_modified).map_err(|message| word.fault(message))?,
    };
    Ok(())
}

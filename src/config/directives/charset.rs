//! The charset of texts.

use super::{Contexts, Directive, MANY, row};
use crate::config::lex::Word;
use crate::config::parse::Statement;
use crate::config::problem::Fault;
use crate::config::scope::Scope;
use crate::http::octets::all_token;
use std::sync::Arc;

/// The longest character of a `charset_map` to UTF-8.
const UTF8_BYTES_MAX: usize = 4;

pub(super) const TABLE: &[Directive] = &[
    row("charset", Contexts::REQUEST.union(Contexts::LOCATION_IF), 1..=1, "charset utf-8;")
        .syntax("NAME|off")
        .default("off")
        .differs("texts are not converted, and the name has no variables")
        .help("Names the charset of texts in Content-Type.")
        .once(charset),
    row("source_charset", Contexts::REQUEST.union(Contexts::LOCATION_IF), 1..=1, "source_charset utf-8;")
        .syntax("NAME")
        .without("the files have the charset that charset names")
        .differs("it must be the same as charset: conversion is not supported yet")
        .help("The charset of the files.")
        .once(|scope, it| {
            scope.settings.charset.source = Some(name(&it.args[0])?);
            Ok(())
        }),
    row("charset_types", Contexts::REQUEST, 1..=MANY, "charset_types text/plain text/css;")
        .syntax("TYPE ...")
        .without("text/xml text/plain text/vnd.wap.wml application/javascript text/javascript application/rss+xml")
        .differs("the default also has text/javascript")
        .help("The media types, besides text/html, whose charset is named.")
        .repeat(charset_types),
    row("override_charset", Contexts::REQUEST.union(Contexts::LOCATION_IF), 1..=1, "override_charset off;")
        .syntax("on|off")
        .default("off")
        .differs("on has no effect: conversion is not supported yet")
        .help("Converts answers of programs that name another charset.")
        .once(override_charset),
    row("charset_map", Contexts::HTTP, 2..=2, "charset_map koi8-r utf-8 { C0 D18E; }")
        .syntax("FROM TO")
        .without("no conversion")
        .differs("it is checked and otherwise ignored: conversion is not supported yet")
        .help("A table that converts one charset into another.")
        .table(charset_map),
];

/// `charset NAME|off;`
fn charset(scope: &mut Scope<'_>, it: &Statement) -> Result<(), Fault> {
    scope.settings.charset.name = match &it.args[0].text[..] {
        "off" => None,
        _ => Some(name(&it.args[0])?),
    };
    Ok(())
}

/// `override_charset on|off;`
fn override_charset(scope: &mut Scope<'_>, it: &Statement) -> Result<(), Fault> {
    if it.args[0].flag()? {
        let message = "it has no effect: a response with a charset would have to be converted into the other one, \
                       which is not supported yet";
        scope.warn(&it.args[0], message.to_owned());
    }
    Ok(())
}

/// The name of a charset.
fn name(word: &Word) -> Result<Arc<str>, Fault> {
    match word.plain()? {
        text if text.contains('$') => Err(word.fault("variables are not supported in a charset's name")),
        text if !all_token(text.as_bytes()) => Err(word.fault(format!("\"{text}\" is no charset, as in utf-8"))),
        text => Ok(Arc::from(text)),
    }
}

fn charset_types(scope: &mut Scope<'_>, it: &Statement) -> Result<(), Fault> {
    let former = scope.settings.charset.types.take().filter(|_| !scope.first);
    let mut types = former.map_or_else(Vec::new, |types| types.to_vec());
    for word in &it.args {
        match word.plain()? {
            text if text == "*" || text.contains('/') => types.push(text.to_owned()),
            text => return Err(word.fault(format!("\"{text}\" is no media type, as in text/css"))),
        }
    }
    scope.settings.charset.types = Some(types.into());
    Ok(())
}

/// `charset_map FROM TO { XX YYYY; }`: is checked, and otherwise ignored. The files koi-utf and win-utf of nginx have
/// some, which most configurations that include them do not use.
fn charset_map(_: &mut Scope<'_>, it: &Statement) -> Result<(), Fault> {
    let (from, to) = (name(&it.args[0])?, name(&it.args[1])?);
    if from.eq_ignore_ascii_case(&to) {
        return Err(it.args[1].fault("a charset_map leads to another charset"));
    }
    let is_utf8 = |name: &str| name.eq_ignore_ascii_case("utf-8");
    for row in it.statements() {
        let [to_word] = &row.args[..] else {
            return Err(row.name.fault("a row has two codes in hexadecimal, as in: C0 D18E;"));
        };
        for (word, charset) in [(&row.name, &from), (to_word, &to)] {
            let bytes_max = if is_utf8(charset) { UTF8_BYTES_MAX } else { 1 };
            let (text, is_hex) = (&word.text, word.text.bytes().all(|b| b.is_ascii_hexdigit()));
            if !is_hex || text.is_empty() || text.len() > 2 * bytes_max {
                return Err(word.fault(format!("\"{text}\" is no character of {charset} in hexadecimal")));
            }
        }
    }
    Ok(())
}

/// Called after the plain directives of a level: the files must have the charset that responses name.
pub(in crate::config) fn settle(scope: &mut Scope<'_>) -> Result<(), Fault> {
    let charset = &scope.settings.charset;
    let (Some(name), Some(source)) = (&charset.name, &charset.source) else { return Ok(()) };
    let place = scope.seen.get("source_charset").or_else(|| scope.seen.get("charset"));
    match place {
        Some(place) if !name.eq_ignore_ascii_case(source) => Err(Fault::new(
            *place,
            format!(
                "conversion from {source} to {name} is not supported yet: files are sent as they are, so \"charset\" \
                 must name their own"
            ),
        )),
        _ => Ok(()),
    }
}

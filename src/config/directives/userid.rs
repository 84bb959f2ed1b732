//! Cookies that identify a visitor.

use super::{Contexts, Directive, MANY, put, row};
use crate::config::lex::Word;
use crate::config::parse::Statement;
use crate::config::problem::Fault;
use crate::config::scope::Scope;
use crate::config::types::{Source, UseridMode};
use crate::http::octets::all_token;
use crate::http::userid::{Lifetime, SameSite};
use std::time::Duration;

pub(super) const TABLE: &[Directive] = &[
    row("userid", Contexts::REQUEST, 1..=1, "userid on;")
        .syntax("on|v1|log|off")
        .default("off")
        .help("Gives each visitor a cookie that identifies it, or only logs it.")
        .once(userid),
    row("userid_name", Contexts::REQUEST, 1..=1, "userid_name uid;")
        .syntax("NAME")
        .default("uid")
        .help("The cookie's name.")
        .once(name),
    row("userid_domain", Contexts::REQUEST, 1..=1, "userid_domain example.org;")
        .syntax("DOMAIN|none")
        .default("none")
        .help("The cookie's domain.")
        .once(|scope, it| {
            let domain = attribute(&it.args[0]).map(|domain| Some(domain).filter(|domain| domain != "none"));
            put(&mut scope.settings.userid.cookie.domain, domain)
        }),
    row("userid_path", Contexts::REQUEST, 1..=1, "userid_path /;")
        .syntax("PATH")
        .default("/")
        .help("The cookie's path.")
        .once(|scope, it| put(&mut scope.settings.userid.cookie.path, attribute(&it.args[0]))),
    row("userid_expires", Contexts::REQUEST, 1..=1, "userid_expires 365d;")
        .syntax("TIME|max|off")
        .default("off")
        .help("How long a browser keeps the cookie; off: until it is closed.")
        .once(|scope, it| put(&mut scope.settings.userid.cookie.lifetime, lifetime(&it.args[0]))),
    row("userid_flags", Contexts::REQUEST, 1..=MANY, "userid_flags httponly samesite=lax;")
        .syntax("off|FLAG ...")
        .default("off")
        .help("The cookie's flags: secure, httponly, samesite=strict, lax or none.")
        .once(flags),
    row("userid_mark", Contexts::REQUEST, 1..=1, "userid_mark z;")
        .syntax("LETTER|DIGIT|=|off")
        .default("off")
        .help("A character behind the identifier: a cookie without it is sent again, for a new lifetime or domain.")
        .once(|scope, it| put(&mut scope.settings.userid.cookie.mark, mark(&it.args[0]))),
    row("userid_service", Contexts::REQUEST, 1..=1, "userid_service 3;")
        .syntax("NUMBER")
        .without("a part of the server's address")
        .help("The number of the server that makes the identifiers.")
        .once(|scope, it| {
            let number = it.args[0].number(0..=u32::MAX.into());
            put(&mut scope.settings.userid.service, number.map(|number| Some(number as u32)))
        }),
    row("userid_p3p", Contexts::REQUEST, 1..=1, "userid_p3p 'policyref=\"/w3c/p3p.xml\"';")
        .syntax("TEXT|none")
        .default("none")
        .help("The field P3P beside the cookie.")
        .once(|scope, it| {
            let value = it.args[0].plain().map(|value| Some(value.to_owned()).filter(|value| value != "none"));
            put(&mut scope.settings.userid.p3p, value)
        }),
];

/// `userid off|log|on|v1;`
fn userid(scope: &mut Scope<'_>, it: &Statement) -> Result<(), Fault> {
    let word = &it.args[0];
    let choices = [("off", UseridMode::Off), ("log", UseridMode::Log), ("on", UseridMode::On), ("v1", UseridMode::V1)];
    scope.settings.userid.mode = word.choice("value", &choices)?;
    if scope.settings.userid.mode.gives() {
        // A map or `set` may define it, before this line or after it. Without that it is empty.
        scope.settings.userid.reset = scope.draft.variables.define("uid_reset", word.place, Source::Stored);
    }
    Ok(())
}

/// `userid_mark LETTER|DIGIT|=|off;`
fn mark(word: &Word) -> Result<Option<u8>, Fault> {
    match word.text.as_bytes() {
        b"off" => Ok(None),
        [mark] if mark.is_ascii_alphanumeric() || *mark == b'=' => Ok(Some(*mark)),
        _ => Err(word.fault(format!("\"{}\" is no mark; accepted: a letter, a digit, \"=\", or off", word.text))),
    }
}

fn name(scope: &mut Scope<'_>, it: &Statement) -> Result<(), Fault> {
    let word = &it.args[0];
    if !all_token(word.plain()?.as_bytes()) {
        return Err(word.fault(format!("\"{}\" is no cookie's name: letters, digits and hyphens make one", word.text)));
    }
    scope.settings.userid.cookie.name = word.text.clone();
    Ok(())
}

/// Text that is allowed in a cookie's attribute.
fn attribute(word: &Word) -> Result<String, Fault> {
    match word.plain()? {
        text if text.contains(';') => Err(word.fault("a \";\" would end this part of the cookie")),
        text if text.contains('$') => Err(word.fault("variables are not supported here")),
        text => Ok(text.to_owned()),
    }
}

/// `userid_expires TIME|max|off;`
fn lifetime(word: &Word) -> Result<Lifetime, Fault> {
    match &word.text[..] {
        "off" => Ok(Lifetime::Session),
        "max" => Ok(Lifetime::Max),
        _ => match word.time()? {
            time if time < Duration::from_secs(1) => Err(word.fault("a cookie is kept for a second at least, or: off")),
            time => Ok(Lifetime::Secs(time.as_secs())),
        },
    }
}

/// `userid_flags off|FLAG ...;`
fn flags(scope: &mut Scope<'_>, it: &Statement) -> Result<(), Fault> {
    let cookie = &mut scope.settings.userid.cookie;
    (cookie.secure, cookie.http_only, cookie.same_site) = (false, false, None);
    for word in &it.args {
        match &word.text[..] {
            "off" if it.args.len() == 1 => {}
            "off" => return Err(word.fault("\"off\" stands alone")),
            "secure" => cookie.secure = true,
            "httponly" => cookie.http_only = true,
            "samesite=strict" => cookie.same_site = Some(SameSite::Strict),
            "samesite=lax" => cookie.same_site = Some(SameSite::Lax),
            "samesite=none" => cookie.same_site = Some(SameSite::None),
            _ => {
                let known = ["off", "secure", "httponly", "samesite=strict", "samesite=lax", "samesite=none"];
                return Err(word.unknown("flag", &known));
            }
        }
    }
    Ok(())
}

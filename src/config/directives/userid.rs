//! Cookies that identify a visitor.

use super::{Contexts, Directive, Form, MANY, put};
use crate::config::lex::Word;
use crate::config::parse::Statement;
use crate::config::problem::Fault;
use crate::config::scope::Scope;
use crate::config::types::UseridMode;
use crate::http::octets::all_token;
use crate::http::userid::{Lifetime, SameSite};
use std::time::Duration;

pub(super) const TABLE: &[Directive] = &[
    Directive {
        name: "userid",
        contexts: Contexts::REQUEST,
        args: 1..=1,
        example: "userid on;",
        form: Form::Once(|scope, it| {
            let choices = [("off", UseridMode::Off), ("log", UseridMode::Log), ("on", UseridMode::On)];
            put(&mut scope.settings.userid.mode, it.args[0].choice("value", &choices))
        }),
    },
    Directive {
        name: "userid_name",
        contexts: Contexts::REQUEST,
        args: 1..=1,
        example: "userid_name uid;",
        form: Form::Once(name),
    },
    Directive {
        name: "userid_domain",
        contexts: Contexts::REQUEST,
        args: 1..=1,
        example: "userid_domain example.org;",
        form: Form::Once(|scope, it| {
            let domain = attribute(&it.args[0]).map(|domain| Some(domain).filter(|domain| domain != "none"));
            put(&mut scope.settings.userid.cookie.domain, domain)
        }),
    },
    Directive {
        name: "userid_path",
        contexts: Contexts::REQUEST,
        args: 1..=1,
        example: "userid_path /;",
        form: Form::Once(|scope, it| put(&mut scope.settings.userid.cookie.path, attribute(&it.args[0]))),
    },
    Directive {
        name: "userid_expires",
        contexts: Contexts::REQUEST,
        args: 1..=1,
        example: "userid_expires 365d;",
        form: Form::Once(|scope, it| put(&mut scope.settings.userid.cookie.lifetime, lifetime(&it.args[0]))),
    },
    Directive {
        name: "userid_flags",
        contexts: Contexts::REQUEST,
        args: 1..=MANY,
        example: "userid_flags httponly samesite=lax;",
        form: Form::Once(flags),
    },
];

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

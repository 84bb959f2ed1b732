//! The directives that restrict the methods of a location.

use super::{Contexts, Directive, MANY, Read, row};
use crate::config::lex::Word;
use crate::config::parse::Statement;
use crate::config::problem::Fault;
use crate::config::scope::Scope;
use crate::config::suggest::nearest;
use crate::config::types::{LimitExcept, Phases, Settings};
use crate::http::Method;
use crate::http::method::{METHOD_BYTES_MAX, MethodSet};
use crate::http::octets::all_token;
use std::sync::Arc;

pub(super) const TABLE: &[Directive] = &[
    row("methods", Contexts::REQUEST, 1..=MANY, "methods GET HEAD POST;")
        .syntax("METHOD ...")
        .without("what answers decides")
        .own()
        .help("The methods that are accepted; others get 405.")
        .once(methods),
    row("limit_except", Contexts::LOCATION, 1..=MANY, "limit_except GET { deny all; }")
        .syntax("METHOD ...")
        .not_inherited()
        .differs("the block takes allow, deny, auth_basic, auth_basic_user_file, auth_delay and proxy_pass only")
        .help("What the block asks of a client holds for all methods but these.")
        .section(limit_except),
];

/// The methods that a location may take. TRACE and CONNECT are refused everywhere.
const ANSWERED: [Method; 14] = [
    Method::Get,
    Method::Post,
    Method::Put,
    Method::Delete,
    Method::Head,
    Method::Options,
    Method::Patch,
    Method::Mkcol,
    Method::Copy,
    Method::Move,
    Method::Propfind,
    Method::Proppatch,
    Method::Lock,
    Method::Unlock,
];

/// The methods that nginx knows.
const LIMITED: [Method; 14] = [
    Method::Get,
    Method::Head,
    Method::Post,
    Method::Put,
    Method::Delete,
    Method::Mkcol,
    Method::Copy,
    Method::Move,
    Method::Options,
    Method::Propfind,
    Method::Proppatch,
    Method::Lock,
    Method::Unlock,
    Method::Patch,
];

/// `methods NAME ...;`: only these methods. GET does not include HEAD. A name that the server does not know, such as
/// REPORT, is for programs.
fn methods(scope: &mut Scope<'_>, it: &Statement) -> Result<(), Fault> {
    let (mut set, mut extensions) = (MethodSet::default(), Vec::new());
    for word in &it.args {
        match named(word, &ANSWERED) {
            Some(method) => set = set.with(method),
            None => extensions.push(extension(word)?),
        }
    }
    scope.settings.methods = Some(set);
    scope.settings.extension_methods = extensions;
    Ok(())
}

/// The name of a method that the server does not know. A name that is nearly one that it knows is a mistake.
fn extension(word: &Word) -> Result<String, Fault> {
    let name = word.text.to_ascii_uppercase();
    let is_name = all_token(name.as_bytes()) && name.len() <= METHOD_BYTES_MAX;
    let known = || Method::KNOWN.iter().map(|method| method.name());
    if !is_name || known().any(|known| known == name) || nearest(&name, known()).is_some() {
        return Err(word.unknown("method", &ANSWERED.map(Method::name)));
    }
    Ok(name)
}

/// `limit_except NAME ... { }`: what the block asks of a client holds for all methods but these. As in nginx, GET
/// includes HEAD.
fn limit_except(scope: &mut Scope<'_>, it: &Statement, read: Read) -> Result<(), Fault> {
    let mut methods = set(&it.args, &LIMITED)?;
    if methods.contains(Method::Get) {
        methods = methods.with(Method::Head);
    }
    let mut inner = scope.inside(Contexts::LIMIT_EXCEPT);
    read(&mut inner, it.statements());
    let Settings { access, gateway, .. } = inner.settings;
    let settings = &mut scope.settings;
    settings.limit_except = Some(Arc::new(LimitExcept { methods, access, gateway }));
    settings.phases.set(Phases::ACCESS, settings.checks_access());
    Ok(())
}

/// The set of the methods with these names; as in nginx, their case does not matter.
fn set(words: &[Word], accepted: &[Method]) -> Result<MethodSet, Fault> {
    let mut set = MethodSet::default();
    for word in words {
        let Some(method) = named(word, accepted) else {
            return Err(word.unknown("method", &accepted.iter().map(|method| method.name()).collect::<Vec<_>>()));
        };
        set = set.with(method);
    }
    Ok(set)
}

/// The method with this name, if it is one of these.
fn named(word: &Word, accepted: &[Method]) -> Option<Method> {
    accepted.iter().copied().find(|method| word.text.eq_ignore_ascii_case(method.name()))
}

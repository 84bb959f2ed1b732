//! The directives that restrict the methods of a location.

use super::{Contexts, Directive, Form, MANY};
use crate::config::lex::Word;
use crate::config::parse::Statement;
use crate::config::problem::Fault;
use crate::config::scope::Scope;
use crate::http::Method;
use crate::http::method::MethodSet;

pub(super) const TABLE: &[Directive] = &[
    Directive {
        name: "methods",
        contexts: Contexts::REQUEST,
        args: 1..=MANY,
        example: "methods GET HEAD POST;",
        form: Form::Once(methods),
    },
    Directive {
        name: "limit_except",
        contexts: Contexts::LOCATION,
        args: 1..=MANY,
        example: "limit_except GET { deny all; }",
        form: Form::Table(limit_except),
    },
];

/// The methods that some handler of this server knows.
const ANSWERED: [Method; 10] = [
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

/// `methods NAME ...;`: only these methods. GET does not include HEAD.
fn methods(scope: &mut Scope<'_>, it: &Statement) -> Result<(), Fault> {
    scope.settings.methods = Some(set(&it.args, &ANSWERED)?);
    Ok(())
}

/// `limit_except NAME ... { deny all; }`: these methods are allowed, the others are restricted. As in nginx, GET
/// includes HEAD, and the first matching rule in the block counts.
fn limit_except(scope: &mut Scope<'_>, it: &Statement) -> Result<(), Fault> {
    if !scope.first
        && let Some(first) = scope.seen.get("limit_except")
    {
        return Err(it.name.fault(format!("\"limit_except\" is given twice, {}", scope.first_at(*first))));
    }
    let mut except = set(&it.args, &LIMITED)?;
    if except.contains(Method::Get) {
        except = except.with(Method::Head);
    }
    let mut denies = None;
    for rule in it.statements() {
        let rule_denies = match (&rule.name.text[..], &rule.args[..], &rule.block) {
            ("deny", [who], None) if who.text == "all" => true,
            ("allow", [who], None) if who.text == "all" => false,
            _ => {
                return Err(rule.name.fault("only \"deny all;\" and \"allow all;\" are supported in \"limit_except\""));
            }
        };
        denies.get_or_insert(rule_denies);
    }
    scope.settings.limit_except = (denies == Some(true)).then_some(except);
    Ok(())
}

/// The set of the methods with these names; as in nginx, their case does not matter.
fn set(words: &[Word], accepted: &[Method]) -> Result<MethodSet, Fault> {
    let mut set = MethodSet::default();
    for word in words {
        let named = accepted.iter().find(|method| word.text.eq_ignore_ascii_case(method.name()));
        let Some(method) = named else {
            return Err(word.unknown("method", &accepted.iter().map(|method| method.name()).collect::<Vec<_>>()));
        };
        set = set.with(*method);
    }
    Ok(set)
}

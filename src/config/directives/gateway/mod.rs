//! What a location passes its requests to, and the directives of the four families: `proxy_`, `fastcgi_`, `scgi_`,
//! `uwsgi_`.
//!
//! Most directives exist in all families and mean the same there. Their rows stand once, in [`shared`], with names that
//! begin behind the prefix; [`families`] makes the tables of them. A directive finds its family by its own name.

mod cookies;
mod families;
mod params;
mod pass;
mod proxy;
mod shared;
mod single;

use super::cgi::turn_off;
use super::location::PASSING;
use super::row::{Row, Set};
use super::{Contexts, Directive, MANY, add, no_effect, put, row};
use crate::config::gateways::GatewayDraft;
use crate::config::lex::Word;
use crate::config::parse::Statement;
use crate::config::problem::Fault;
use crate::config::scope::Scope;
use crate::config::types::{Gateway, GatewayProtocol, ProxyRules, RewriteFrom};
pub(super) use families::{FASTCGI, PROXY, SCGI, UWSGI};
pub(super) use pass::TABLE;
pub(super) use single::{addresses, split_port};
use std::sync::Arc;

/// Called after all plain directives of a level: puts together what is passed on here, and how.
pub(in crate::config) fn settle(scope: &mut Scope<'_>) -> Result<(), Fault> {
    let Some(pass) = scope.pass.take() else { return Ok(()) };
    let own = &pass.word.text;
    let is_program = |name: &str| name == "cgi" && scope.cgi.on;
    let mut others = PASSING.into_iter().chain(["cgi"].into_iter().filter(|name| is_program(name)));
    if let Some((other, first)) = others.find_map(|name| Some((name, *scope.seen.get(name)?)).filter(|_| name != own)) {
        let first = scope.first_at(first);
        return Err(pass.word.fault(format!("\"{own}\" and \"{other}\" exclude each other, {first}")));
    }
    let rules = scope.gateways.of(pass.protocol).rules(&pass).map_err(|word| {
        word.fault(
            "\"default\" is not known, since the URL of proxy_pass has variables; write what is replaced by what",
        )
    })?;
    turn_off(scope);
    let (protocol, rules) = (pass.protocol, Arc::new(rules));
    let gateway = Gateway { protocol, target: pass.target, host: pass.host, port: pass.port, uri: pass.uri, rules };
    scope.settings.gateway = Some(Arc::new(gateway));
    Ok(())
}

/// The family of a directive.
fn family(it: &Statement) -> GatewayProtocol {
    let name = &it.name.text;
    let is_of = |protocol: &GatewayProtocol| name.starts_with(protocol.prefix());
    GatewayProtocol::ALL.into_iter().find(is_of).unwrap_or(GatewayProtocol::Http)
}

/// The directives of the same family on this level.
fn draft<'s>(scope: &'s mut Scope<'_>, it: &Statement) -> &'s mut GatewayDraft {
    scope.gateways.of(family(it))
}

/// The directives of `proxy_` alone on this level.
fn rules<'s>(scope: &'s mut Scope<'_>) -> &'s mut ProxyRules {
    Arc::make_mut(&mut scope.gateways.of(GatewayProtocol::Http).rules.proxy)
}

/// A text with variables, or an expression: `~...`, or `~*...`, which ignores case.
fn rewrite_from(scope: &mut Scope<'_>, word: &Word) -> Result<RewriteFrom, Fault> {
    match word.text.strip_prefix('~') {
        None => scope.template(word).map(RewriteFrom::Text),
        Some(text) => match text.strip_prefix('*') {
            Some(text) => scope.regex(word, text, true),
            None => scope.regex(word, text, false),
        }
        .map(RewriteFrom::Regex),
    }
}

/// A row of a directive that can have no effect here.
const fn without_effect(row: Row, set: Set) -> Directive {
    let row = row.without("the same holds");
    row.help("Accepted, so that nginx's configurations load; it has no effect here.").once(set)
}

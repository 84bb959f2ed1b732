//! `proxy_cookie_domain`, `proxy_cookie_path`, `proxy_cookie_flags`: what becomes of the cookies of an answer.

use super::{rewrite_from, rules};
use crate::config::lex::Word;
use crate::config::parse::Statement;
use crate::config::problem::Fault;
use crate::config::scope::Scope;
use crate::config::types::{CookieFlags, CookieRewrite, ProxyRules, RewriteFrom};

/// The flags. One of each group is set, removed, or left as it is.
const FLAGS: [&str; 8] =
    ["secure", "nosecure", "httponly", "nohttponly", "samesite=strict", "samesite=lax", "samesite=none", "nosamesite"];

/// `proxy_cookie_domain FROM TO;`: as in nginx, a dot at the beginning does not matter, and neither does case.
pub(super) fn domain(scope: &mut Scope<'_>, it: &Statement) -> Result<(), Fault> {
    let [from, to] = &it.args[..] else { return off(scope, it, |rules| &mut rules.cookie_domains) };
    let without_dot = |word: &Word| {
        let text = word.text.strip_prefix('.').unwrap_or(&word.text).to_owned();
        Word { text, ..word.clone() }
    };
    let rewrite = match from.text.strip_prefix('~') {
        Some(text) => {
            let from = RewriteFrom::Regex(scope.regex(from, text, true)?);
            CookieRewrite { from, to: scope.template(to)? }
        }
        None => {
            let from = RewriteFrom::Text(scope.template(&without_dot(from))?);
            CookieRewrite { from, to: scope.template(&without_dot(to))? }
        }
    };
    add(scope, it, rewrite, |rules| &mut rules.cookie_domains)
}

/// `proxy_cookie_path FROM TO;`
pub(super) fn path(scope: &mut Scope<'_>, it: &Statement) -> Result<(), Fault> {
    let [from, to] = &it.args[..] else { return off(scope, it, |rules| &mut rules.cookie_paths) };
    let from = rewrite_from(scope, from)?;
    let rewrite = CookieRewrite { from, to: scope.template(to)? };
    add(scope, it, rewrite, |rules| &mut rules.cookie_paths)
}

/// `proxy_cookie_flags COOKIE FLAG ...;`
pub(super) fn flags(scope: &mut Scope<'_>, it: &Statement) -> Result<(), Fault> {
    let Some((cookie, words)) = it.args.split_first().filter(|(_, words)| !words.is_empty()) else {
        return off(scope, it, |rules| &mut rules.cookie_flags);
    };
    let cookie = match cookie.text.strip_prefix('~') {
        Some(text) => RewriteFrom::Regex(scope.regex(cookie, text, true)?),
        None => RewriteFrom::Text(scope.template(cookie)?),
    };
    let mut flags = Vec::new();
    for word in words {
        if !word.text.contains('$') && !FLAGS.iter().any(|flag| flag.eq_ignore_ascii_case(&word.text)) {
            return Err(word.unknown("flag", &FLAGS));
        }
        flags.push(scope.template(word)?);
    }
    add(scope, it, CookieFlags { cookie, flags }, |rules| &mut rules.cookie_flags)
}

/// The list of a directive.
type List<T> = fn(&mut ProxyRules) -> &mut Vec<T>;

/// Adds to the list. `off` on the same level has left it empty, and nothing can come on top of that.
fn add<T>(scope: &mut Scope<'_>, it: &Statement, item: T, list: List<T>) -> Result<(), Fault> {
    let is_first = scope.first;
    let list = list(rules(scope));
    if !is_first && list.is_empty() {
        return Err(it.name.fault(format!("this comes on top of \"{} off\"", it.name.text)));
    }
    super::add(is_first, list, item);
    Ok(())
}

/// `off`: nothing is inherited.
fn off<T>(scope: &mut Scope<'_>, it: &Statement, list: List<T>) -> Result<(), Fault> {
    it.args[0].choice("value", &[("off", ())])?;
    if !scope.first {
        let name = &it.name.text;
        return Err(it.name.fault(format!("\"{name} off\" comes on top of another {name}")));
    }
    list(rules(scope)).clear();
    Ok(())
}

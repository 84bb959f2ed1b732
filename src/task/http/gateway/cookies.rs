//! `proxy_cookie_domain`, `proxy_cookie_path`, `proxy_cookie_flags`: Set-Cookie of a server behind.

use super::rewrite::replaced;
use crate::config::{CookieFlags, CookieRewrite, ProxyRules, RewriteFrom};
use crate::http::{ReplyHead, Text};
use crate::task::Work;
use crate::vars;

/// Rewrites the cookies of an answer.
pub(super) fn rewrite(w: &mut Work<'_>, rules: &ProxyRules, head: &mut ReplyHead) {
    if rules.cookie_domains.is_empty() && rules.cookie_paths.is_empty() && rules.cookie_flags.is_empty() {
        return;
    }
    for (name, value) in &mut head.fields {
        if name.is(b"Set-Cookie")
            && let Ok(made) = Text::from_vec(cookie(w, rules, value.as_bytes()))
        {
            *value = made;
        }
    }
}

/// One cookie: `NAME=VALUE; ATTRIBUTE=VALUE; ...`. What no rule changes stays as it is, blanks and all.
fn cookie(w: &mut Work<'_>, rules: &ProxyRules, text: &[u8]) -> Vec<u8> {
    let mut parts: Vec<Vec<u8>> = text.split(|b| *b == b';').map(<[u8]>::to_vec).collect();
    for part in parts.iter_mut().skip(1) {
        let Some(equals) = memchr::memchr(b'=', part) else { continue };
        let value = part[equals + 1..].trim_ascii().to_vec();
        let made = match part[..equals].trim_ascii().to_ascii_lowercase().as_slice() {
            b"domain" => rules.cookie_domains.iter().find_map(|rule| domain(w, rule, &value)),
            b"path" => rules.cookie_paths.iter().find_map(|rule| replaced(w, &rule.from, &rule.to, &value)),
            _ => None,
        };
        if let Some(made) = made {
            part.truncate(equals + 1);
            part.extend_from_slice(&made);
        }
    }
    let name = parts[0].split(|b| *b == b'=').next().unwrap_or_default().trim_ascii().to_vec();
    if let Some(flags) = rules.cookie_flags.iter().find(|flags| is_for(w, flags, &name)) {
        set_flags(w, flags, &mut parts);
    }
    parts.join(&b";"[..])
}

/// A domain, if the rule is for it. A dot at its beginning stays; one in the rule says nothing.
fn domain(w: &mut Work<'_>, rule: &CookieRewrite, value: &[u8]) -> Option<Vec<u8>> {
    let RewriteFrom::Text(from) = &rule.from else { return replaced(w, &rule.from, &rule.to, value) };
    let view = w.worker.view(w.identity, w.t, w.now);
    let (from, to) = (vars::expand(from, &view), vars::expand(&rule.to, &view));
    let undotted = |text: &[u8]| text.strip_prefix(b".").unwrap_or(text).to_vec();
    let (dot, rest) = value.split_at(usize::from(value.starts_with(b".")));
    rest.eq_ignore_ascii_case(&undotted(&from)).then(|| [dot, &undotted(&to)].concat())
}

/// Whether these flags are for the cookie with this name.
fn is_for(w: &Work<'_>, flags: &CookieFlags, name: &[u8]) -> bool {
    let view = w.worker.view(w.identity, w.t, w.now);
    match &flags.cookie {
        RewriteFrom::Text(text) => vars::expand(text, &view).eq_ignore_ascii_case(name),
        RewriteFrom::Regex(regex) => vars::matches(&view, regex, name),
    }
}

/// Adds and removes the flags.
fn set_flags(w: &Work<'_>, flags: &CookieFlags, parts: &mut Vec<Vec<u8>>) {
    let view = w.worker.view(w.identity, w.t, w.now);
    for flag in &flags.flags {
        let flag = vars::expand(flag, &view).to_ascii_lowercase();
        let (name, makes): (&[u8], Option<&[u8]>) = match &flag[..] {
            b"secure" => (b"secure", Some(b"Secure")),
            b"nosecure" => (b"secure", None),
            b"httponly" => (b"httponly", Some(b"HttpOnly")),
            b"nohttponly" => (b"httponly", None),
            b"samesite" => (b"samesite", Some(b"SameSite")),
            b"samesite=strict" => (b"samesite", Some(b"SameSite=Strict")),
            b"samesite=lax" => (b"samesite", Some(b"SameSite=Lax")),
            b"samesite=none" => (b"samesite", Some(b"SameSite=None")),
            b"nosamesite" => (b"samesite", None),
            _ => continue,
        };
        let is_it = |part: &Vec<u8>| {
            let attribute = part.split(|b| *b == b'=').next().unwrap_or_default();
            attribute.trim_ascii().eq_ignore_ascii_case(name)
        };
        let mut at = 0;
        parts.retain(|part| {
            at += 1;
            at == 1 || !is_it(part) // the first part is the cookie itself
        });
        if let Some(made) = makes {
            parts.push([b" ", made].concat());
        }
    }
}

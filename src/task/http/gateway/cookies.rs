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

/// One cookie: `NAME=VALUE; ATTRIBUTE=VALUE; ...`.
fn cookie(w: &mut Work<'_>, rules: &ProxyRules, text: &[u8]) -> Vec<u8> {
    let mut parts: Vec<Vec<u8>> = text.split(|b| *b == b';').map(|part| part.trim_ascii().to_vec()).collect();
    for part in parts.iter_mut().skip(1) {
        let Some(equals) = memchr::memchr(b'=', part) else { continue };
        let (name, value) = (part[..equals].to_vec(), part[equals + 1..].to_vec());
        let made = match name.to_ascii_lowercase().as_slice() {
            b"domain" => {
                let dotted = value.strip_prefix(b".").unwrap_or(&value).to_vec();
                by_rules(w, &rules.cookie_domains, &dotted, true)
            }
            b"path" => by_rules(w, &rules.cookie_paths, &value, false),
            _ => None,
        };
        if let Some(made) = made {
            *part = [&name[..], b"=", &made].concat();
        }
    }
    let name = parts[0].split(|b| *b == b'=').next().unwrap_or_default().to_vec();
    let flags = rules.cookie_flags.iter().find(|flags| is_for(w, flags, &name));
    if let Some(flags) = flags {
        set_flags(w, flags, &mut parts);
    }
    parts.join(&b"; "[..])
}

fn by_rules(w: &mut Work<'_>, rules: &[CookieRewrite], value: &[u8], whole: bool) -> Option<Vec<u8>> {
    rules.iter().find_map(|rule| replaced(w, &rule.from, &rule.to, value, whole))
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
            attribute.eq_ignore_ascii_case(name)
        };
        let mut at = 0;
        parts.retain(|part| {
            at += 1;
            at == 1 || !is_it(part) // the first part is the cookie itself
        });
        if let Some(made) = makes {
            parts.push(made.to_vec());
        }
    }
}

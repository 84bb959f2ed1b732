//! The directives of `proxy_` alone: what an HTTP server behind is told of a request, and what becomes of its answer.

use super::{Contexts, Directive, add, cookies, draft, no_effect, put, rewrite_from, row, rules, without_effect};
use crate::config::directives::fields::in_one_line;
use crate::config::gateways::RedirectDraft;
use crate::config::parse::Statement;
use crate::config::problem::Fault;
use crate::config::scope::Scope;
use crate::config::types::{GatewayParam, ProxyRedirect, ProxyVersion};
use crate::http::octets::all_token;

const REQUEST: Contexts = Contexts::REQUEST;

/// The rows.
pub(super) const OWN: &[Directive] = &[
    row("proxy_set_header", REQUEST, 2..=2, "proxy_set_header Host $host;")
        .syntax("NAME VALUE")
        .without("Host is $proxy_host, and the fields of the connection are left out")
        .help("A field of the request as it is passed on; with an empty value the field is left out.")
        .repeat(set_header),
    row("proxy_http_version", REQUEST, 1..=1, "proxy_http_version 1.1;")
        .syntax("1.0|1.1")
        .default("1.1")
        .differs("2 is refused")
        .help("The version of HTTP that the server behind is asked with.")
        .once(http_version),
    row("proxy_method", REQUEST, 1..=1, "proxy_method POST;")
        .syntax("METHOD")
        .without("the method of the request")
        .help("The method of the request as it is passed on; may have variables.")
        .once(method),
    row("proxy_set_body", REQUEST, 1..=1, "proxy_set_body $request_uri;")
        .syntax("TEXT")
        .without("the body of the request")
        .help("The body of the request as it is passed on.")
        .once(|scope, it| {
            let body = scope.template(&it.args[0])?;
            rules(scope).body = Some(body);
            Ok(())
        }),
    row("proxy_redirect", REQUEST, 1..=2, "proxy_redirect http://localhost:8000/ /;")
        .syntax("default | off | FROM TO | ~EXPRESSION TO")
        .default("default")
        .help("Rewrites Location and Refresh; default: the URL of proxy_pass becomes the location's path.")
        .repeat(redirect),
    row("proxy_cookie_domain", REQUEST, 1..=2, "proxy_cookie_domain localhost example.org;")
        .syntax("off | FROM TO | ~EXPRESSION TO")
        .default("off")
        .help("Rewrites the domain of cookies.")
        .repeat(cookies::domain),
    row("proxy_cookie_path", REQUEST, 1..=2, "proxy_cookie_path /app/ /;")
        .syntax("off | FROM TO | ~EXPRESSION TO")
        .default("off")
        .help("Rewrites the path of cookies.")
        .repeat(cookies::path),
    row("proxy_cookie_flags", REQUEST, 1..=4, "proxy_cookie_flags ~ secure samesite=strict;")
        .syntax("off | COOKIE [FLAG [FLAG [FLAG]]]")
        .default("off")
        .help("Sets and removes flags of cookies: secure, httponly, samesite=lax, nosecure and so on.")
        .repeat(cookies::flags),
    row("proxy_pass_trailers", REQUEST, 1..=1, "proxy_pass_trailers on;")
        .syntax("on|off")
        .default("off")
        .help("Passes on the fields behind the body of an answer.")
        .once(|scope, it| put(&mut rules(scope).pass_trailers, it.args[0].flag())),
    without_effect(
        row("proxy_headers_hash_max_size", REQUEST, 1..=1, "proxy_headers_hash_max_size 512;").syntax("SIZE"),
        no_effect::size_of,
    ),
    without_effect(
        row("proxy_headers_hash_bucket_size", REQUEST, 1..=1, "proxy_headers_hash_bucket_size 64;").syntax("SIZE"),
        no_effect::size_of,
    ),
    without_effect(row("proxy_send_lowat", REQUEST, 1..=1, "proxy_send_lowat 0;").syntax("SIZE"), no_effect::size_of),
];

/// `proxy_set_header NAME VALUE;`
fn set_header(scope: &mut Scope<'_>, it: &Statement) -> Result<(), Fault> {
    let name = it.args[0].field_name()?.to_owned();
    let value = in_one_line(scope, &it.args[1])?;
    let value = scope.template(&value)?;
    add(scope.first, &mut draft(scope, it).params, GatewayParam { name, value, if_not_empty: true });
    Ok(())
}

/// `proxy_http_version 1.0|1.1;`
fn http_version(scope: &mut Scope<'_>, it: &Statement) -> Result<(), Fault> {
    let word = &it.args[0];
    if word.text == "2" {
        return Err(word.fault("this server does not speak HTTP/2 with the servers behind it; write 1.1"));
    }
    let choices = [("1.0", ProxyVersion::Http10), ("1.1", ProxyVersion::Http11)];
    put(&mut rules(scope).version, word.choice("version", &choices))
}

/// `proxy_method METHOD;`
fn method(scope: &mut Scope<'_>, it: &Statement) -> Result<(), Fault> {
    let word = &it.args[0];
    let method = scope.template(word)?;
    if method.as_text().is_some_and(|text| !all_token(text.as_bytes())) {
        return Err(word.fault(format!("\"{}\" is no method", word.text)));
    }
    rules(scope).method = Some(method);
    Ok(())
}

/// `proxy_redirect default|off;`, `proxy_redirect FROM TO;`
fn redirect(scope: &mut Scope<'_>, it: &Statement) -> Result<(), Fault> {
    let earlier = if scope.first { None } else { draft(scope, it).redirects.clone() };
    if earlier.as_ref().is_some_and(Vec::is_empty) {
        return Err(it.name.fault("this comes on top of \"proxy_redirect off\""));
    }
    let one = match (&it.args[..], &it.args[0].text[..]) {
        ([_], "off") if earlier.is_none() => {
            draft(scope, it).redirects = Some(Vec::new());
            return Ok(());
        }
        ([_], "off") => return Err(it.name.fault("\"proxy_redirect off\" comes on top of another proxy_redirect")),
        ([word], "default") => RedirectDraft::Default(word.clone()),
        ([word], _) => return Err(word.unknown("value", &["default", "off"])),
        ([from, to, ..], _) => {
            let from = rewrite_from(scope, from)?;
            RedirectDraft::Pair(ProxyRedirect { from, to: scope.template(to)? })
        }
        ([], _) => return Ok(()),
    };
    let mut all = earlier.unwrap_or_default();
    all.push(one);
    draft(scope, it).redirects = Some(all);
    Ok(())
}

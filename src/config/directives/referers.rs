//! Links from other sites, and the distribution of clients.

use super::{Contexts, Directive, MANY, row};
use crate::config::lex::Word;
use crate::config::parse::Statement;
use crate::config::problem::Fault;
use crate::config::scope::Scope;
use crate::config::types::{LinkRules, RefererName, Source, SplitClients, Template, ValidReferers};
use crate::config::value::digits;
use crate::secure_link::IS_HERE;
use std::sync::Arc;

/// A hundred percent, in the hundredths that a part is written in.
const WHOLE: u64 = 10_000;

pub(super) const TABLE: &[Directive] = &[
    row("valid_referers", Contexts::SERVER.union(Contexts::LOCATION), 1..=MANY, "valid_referers none example.org;")
        .syntax("none|blocked|server_names|NAME|~REGEX ...")
        .without("$invalid_referer is empty")
        .help("The pages whose links are taken; for others, $invalid_referer is 1.")
        .repeat(valid_referers),
    row("secure_link", Contexts::REQUEST, 1..=1, "secure_link $arg_md5,$arg_expires;")
        .syntax("TEXT")
        .without("$secure_link is empty")
        .help("The hash of a link, and the time until which it is valid; $secure_link tells whether it is right.")
        .once(|scope, it| secure(scope, it, |links, text| links.secure = Some(text))),
    row("secure_link_md5", Contexts::REQUEST, 1..=1, "secure_link_md5 \"$secure_link_expires$uri secret\";")
        .syntax("TEXT")
        .without("$secure_link is empty")
        .help("The text whose MD5 the hash of secure_link must be.")
        .once(|scope, it| secure(scope, it, |links, text| links.md5 = Some(text))),
    row("secure_link_secret", Contexts::LOCATION, 1..=1, "secure_link_secret word;")
        .syntax("WORD")
        .without("$secure_link is empty")
        .help("Checks links as /prefix/hash/rest, with the MD5 of rest and word; $secure_link is the rest.")
        .once(secret),
    row("split_clients", Contexts::HTTP, 2..=2, "split_clients $remote_addr $variant { 50% .one; * .two; }")
        .syntax("TEXT $VARIABLE")
        .without("no variable")
        .help("Gives a variable one of several values, by a hash of a text.")
        .table(split_clients),
];

/// `valid_referers none|blocked|server_names|NAME|~REGEX ...;`
fn valid_referers(scope: &mut Scope<'_>, it: &Statement) -> Result<(), Fault> {
    let former = scope.settings.links.valid_referers.take().filter(|_| !scope.first);
    let mut valid = former.map_or_else(ValidReferers::default, |valid| ValidReferers::clone(&valid));
    for word in &it.args {
        match word.plain()? {
            "none" => valid.none = true,
            "blocked" => valid.blocked = true,
            "server_names" => valid.server_names = true,
            text => match text.strip_prefix('~') {
                Some(regex) => valid.regexes.push(scope.regex(word, regex, true)?),
                None => valid.names.push(name(word)?),
            },
        }
    }
    scope.settings.links.valid_referers = Some(Arc::new(valid));
    Ok(())
}

/// `HOST` or `HOST/PATH`.
fn name(word: &Word) -> Result<RefererName, Fault> {
    let text = &word.text;
    if text.contains("://") || text.contains('$') {
        return Err(word.fault(format!("\"{text}\" is no host: write it without a scheme and without variables")));
    }
    let (host, path) = text.split_at(text.find('/').unwrap_or(text.len()));
    let stars = host.matches('*').count();
    let is_wild = host.starts_with("*.") || host.ends_with(".*");
    if host.is_empty() || stars > 1 || stars == 1 && !is_wild {
        return Err(word.fault(format!("\"{text}\" is no host, as in example.org, *.example.org or www.example.*")));
    }
    Ok(RefererName { host: host.to_ascii_lowercase(), path: path.to_owned() })
}

/// A build without MD5 cannot check any link.
fn needs_md5(it: &Statement) -> Result<(), Fault> {
    let message = "this build of webserv has no MD5; build it with the feature secure_link";
    if IS_HERE { Ok(()) } else { Err(it.name.fault(message)) }
}

/// `secure_link TEXT;` and `secure_link_md5 TEXT;`
fn secure(scope: &mut Scope<'_>, it: &Statement, set: fn(&mut LinkRules, Arc<Template>)) -> Result<(), Fault> {
    needs_md5(it)?;
    if let Some(place) = scope.seen.get("secure_link_secret") {
        let message = format!("it cannot stand beside \"secure_link_secret\", {}", scope.first_at(*place));
        return Err(it.name.fault(message));
    }
    let text = Arc::new(scope.template(&it.args[0])?);
    set(&mut scope.settings.links, text);
    scope.settings.links.secret = None;
    Ok(())
}

/// `secure_link_secret WORD;`
fn secret(scope: &mut Scope<'_>, it: &Statement) -> Result<(), Fault> {
    needs_md5(it)?;
    let others = ["secure_link", "secure_link_md5"];
    if let Some(place) = others.iter().find_map(|name| scope.seen.get(name)) {
        let message = format!("it cannot stand beside \"secure_link\", {}", scope.first_at(*place));
        return Err(it.name.fault(message));
    }
    scope.settings.links.secret = Some(Arc::from(it.args[0].plain()?));
    Ok(())
}

/// `split_clients TEXT $VARIABLE { PERCENT% VALUE; * VALUE; }`
fn split_clients(scope: &mut Scope<'_>, it: &Statement) -> Result<(), Fault> {
    let text = scope.template(&it.args[0])?;
    let mut split = SplitClients { text, parts: Vec::new(), rest: String::new() };
    let (mut sum, mut last) = (0, 0);
    for row in it.statements() {
        let [value] = &row.args[..] else {
            return Err(row.name.fault("a row has a part and a value, as in: 50% .one;"));
        };
        if row.name.text == "*" {
            (sum, split.rest) = (WHOLE, value.text.clone());
            continue;
        }
        let part = hundredths(&row.name)?;
        sum += part;
        if sum > WHOLE {
            return Err(row.name.fault("the parts are more than 100 %"));
        }
        last += part * u64::from(u32::MAX) / WHOLE; // rounded as nginx does
        split.parts.push((last as u32, value.text.clone()));
    }
    scope.define(&it.args[1], Source::Split(Arc::new(split))).map(drop)
}

/// `51.2%` in hundredths of a percent.
fn hundredths(word: &Word) -> Result<u64, Fault> {
    let number = word.text.strip_suffix('%').and_then(|text| {
        let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
        let part = match part.len() {
            1 => 10 * digits(part)?,
            2 => digits(part)?,
            _ => return None,
        };
        Some(digits(whole).filter(|whole| *whole <= 100)? * 100 + part)
    });
    let wrong = || word.fault(format!("\"{}\" is no part, as in 50%, 0.5% or *", word.text));
    number.filter(|number| (1..=WHOLE).contains(number)).ok_or_else(wrong)
}

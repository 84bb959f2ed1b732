//! `location`, and the directives that are allowed only inside of it.

use super::{Contexts, Directive, Read, row};
use crate::config::lex::Word;
use crate::config::parse::Statement;
use crate::config::problem::Fault;
use crate::config::scope::{LocationHead, LocationMatch, Scope};
use crate::config::types::{Alias, Location, Locations, Phases, Prefixes, Return, Settings};
use std::sync::Arc;

pub(super) const TABLE: &[Directive] = &[
    row("location", Contexts::SERVER.union(Contexts::LOCATION), 1..=2, "location /images/ { root media; }")
        .syntax("[MODIFIER] PATH|@NAME")
        .help("What holds for the requests whose path matches.")
        .sections(location),
    row("alias", Contexts::LOCATION, 1..=1, "alias /srv/media/;")
        .syntax("PATH")
        .without("root")
        .help("The folder or file that takes the place of the location's path.")
        .once(alias),
];

/// The directives that pass all requests of a location to something behind the server.
pub(super) const PASSING: [&str; 5] = ["cgi_pass", "proxy_pass", "fastcgi_pass", "scgi_pass", "uwsgi_pass"];

fn location(scope: &mut Scope<'_>, it: &Statement, read: Read) -> Result<(), Fault> {
    let head = head(it)?;
    let word = &it.args[it.args.len() - 1];
    if let Some(outer) = &scope.location {
        may_stand_inside(word, &head, outer)?;
    }
    let regex = match head.kind {
        LocationMatch::Regex { ignores_case } => Some(scope.regex(word, &head.path, ignores_case)?),
        _ => None,
    };
    // `/x` and `^~ /x` match the same paths.
    let modifier = match head.kind {
        LocationMatch::Exact => "= ",
        LocationMatch::Regex { ignores_case: false } => "~ ",
        LocationMatch::Regex { ignores_case: true } => "~* ",
        LocationMatch::Prefix | LocationMatch::PrefixOnly | LocationMatch::Named => "",
    };
    let key = format!("{modifier}{}", head.path);
    if let Some(first) = scope.location_places.insert(key.clone(), word.place) {
        let message = format!("location \"{key}\" is given twice, {}", scope.first_at(first));
        if regex.is_none() {
            return Err(word.fault(message));
        }
        scope.warn(word, format!("{message}; this one never answers"));
    }
    let escape = |bytes: &[u8]| bytes[0] == b'%' && bytes[1..].iter().all(u8::is_ascii_hexdigit);
    if regex.is_none() && head.path.as_bytes().windows(3).any(escape) {
        scope.warn(word, "a location is compared with the decoded path: write the character, not %XX".to_owned());
    }
    if matches!(head.kind, LocationMatch::Exact | LocationMatch::Prefix | LocationMatch::PrefixOnly)
        && !head.path.starts_with('/')
    {
        let message = format!("no path matches this location: paths begin with \"/\", as in \"/{}\"", head.path);
        scope.warn(word, message);
    }
    let mut inner = scope.inside(Contexts::LOCATION);
    inner.location = Some(head.clone());
    read(&mut inner, it.statements());
    let Scope { mut settings, locations, branches, mut named_uses, seen, .. } = inner;
    let passes = settings.return_.is_none() && PASSING.iter().any(|name| seen.contains_key(name));
    scope.named_uses.append(&mut named_uses);
    if regex.as_ref().is_some_and(|regex| regex.pattern.groups() > 0) {
        settings.phases |= Phases::REWRITE; // where the groups become variables
    }
    let location = Arc::new(Location {
        path: head.path.clone().into_bytes(),
        regex,
        no_regex: head.kind == LocationMatch::PrefixOnly,
        settings: Arc::new(settings),
        inner: locations,
        branches,
        route: scope.draft.next_route(),
    });
    match head.kind {
        LocationMatch::Exact => drop(scope.locations.exact.insert(head.path.into_bytes(), location)),
        LocationMatch::Named => drop(scope.locations.named.insert(head.path, location)),
        LocationMatch::Regex { .. } => scope.locations.regexes.push(location),
        LocationMatch::Prefix | LocationMatch::PrefixOnly => {
            if passes && location.path.len() > 1 && location.path.ends_with(b"/") {
                scope.passing.push(Arc::clone(&location));
            }
            scope.prefixes.push(location);
        }
    }
    Ok(())
}

/// Called after all locations of a level.
pub(in crate::config) fn finish(scope: &mut Scope<'_>) {
    scope.locations.prefixes = Prefixes::new(std::mem::take(&mut scope.prefixes));
    add_slashes(scope);
}

/// Adds `location = /path` with a redirect for each `location /path/` whose
/// requests go to something behind the server. Relative links would lead nowhere without the slash, and only the server
/// knows that the location begins here. As in nginx, a location for `/path` itself comes first.
fn add_slashes(scope: &mut Scope<'_>) {
    for location in std::mem::take(&mut scope.passing) {
        let path = location.path[..location.path.len() - 1].to_vec();
        let Locations { exact, prefixes, .. } = &mut scope.locations;
        if exact.contains_key(&path[..]) || prefixes.iter().any(|prefix| prefix.path == path) {
            continue;
        }
        let return_ = Some(Arc::new(Return { code: 301, text: None, adds_slash: true }));
        let mut settings = Settings { return_, ..Settings::clone(&location.settings) };
        settings.phases -= Phases::NOT_INHERITED;
        let redirect = Location {
            path: path.clone(),
            regex: None,
            no_regex: false,
            settings: Arc::new(settings),
            inner: Locations::default(),
            branches: Vec::new(),
            route: scope.draft.next_route(),
        };
        exact.insert(path, Arc::new(redirect));
    }
}

/// Reads `[=|^~] PATH` or `@NAME`; as in nginx, there may be no blank between modifier and path.
pub(in crate::config) fn head(it: &Statement) -> Result<LocationHead, Fault> {
    let (first, path) = (&it.args[0], it.args.get(1));
    let (modifier, path) = match path {
        Some(path) => (&first.text[..], &path.text[..]),
        None => {
            let mut modifiers = ["=", "^~", "~*", "~"].into_iter();
            let modifier = modifiers.find(|modifier| first.text.starts_with(modifier)).unwrap_or("");
            (modifier, &first.text[modifier.len()..])
        }
    };
    let kind = match modifier {
        "=" => LocationMatch::Exact,
        "^~" => LocationMatch::PrefixOnly,
        "" if path.starts_with('@') && path.len() > 1 => LocationMatch::Named,
        "" => LocationMatch::Prefix,
        "~" | "~*" if path.is_empty() => return Err(first.fault("this regular expression is empty")),
        "~" => LocationMatch::Regex { ignores_case: false },
        "~*" => LocationMatch::Regex { ignores_case: true },
        _ => return Err(first.fault(format!("\"{modifier}\" is no way to match a location; accepted: =, ^~, ~, ~*"))),
    };
    Ok(LocationHead { kind, path: path.to_owned() })
}

/// Checks that a location inside another can match at all.
fn may_stand_inside(word: &Word, inner: &LocationHead, outer: &LocationHead) -> Result<(), Fault> {
    let (inside, outside) = (&inner.path, &outer.path);
    match (inner.kind, outer.kind) {
        (LocationMatch::Named, _) => {
            Err(word.fault(format!("the named location \"{inside}\" belongs directly in \"server\"")))
        }
        (_, LocationMatch::Exact) => {
            Err(word.fault(format!("no location can be inside of the exact location \"= {outside}\"")))
        }
        (_, LocationMatch::Named) => {
            Err(word.fault(format!("no location can be inside of the named location \"{outside}\"")))
        }
        (LocationMatch::Regex { .. }, _) => Ok(()),
        (_, LocationMatch::Regex { .. }) => {
            Err(word.fault(format!("inside of location \"~ {outside}\" only regular expressions can match")))
        }
        _ if !inside.starts_with(outside) => {
            Err(word.fault(format!("location \"{inside}\" is outside of location \"{outside}\" around it")))
        }
        _ => Ok(()),
    }
}

fn alias(scope: &mut Scope<'_>, it: &Statement) -> Result<(), Fault> {
    let word = &it.args[0];
    if let Some(root) = scope.seen.get("root") {
        let root = scope.first_at(*root);
        return Err(it.name.fault(format!("\"alias\" and \"root\" exclude each other, {root}")));
    }
    let Some(head) = scope.location.clone().filter(|head| head.kind != LocationMatch::Named) else {
        return Err(it.name.fault("\"alias\" has no path to replace in a named location; use \"root\""));
    };
    // The prefix is replaced as text: if only one of the two ends in a slash, /images/a.png becomes /srv/imagesa.png.
    let is_prefix = matches!(head.kind, LocationMatch::Prefix | LocationMatch::PrefixOnly);
    if is_prefix && head.path.ends_with('/') != word.text.ends_with('/') {
        scope.warn(word, format!("an alias and its location \"{}\" end both with \"/\" or both without", head.path));
    }
    let prefix_bytes = match head.kind {
        LocationMatch::Regex { .. } => usize::MAX,
        _ => head.path.len(),
    };
    let path = scope.root_path(word, true)?;
    scope.settings.alias = Some(Alias { path, prefix_bytes });
    Ok(())
}

//! Which host a request is passed to.

use super::expression::groups;
use super::level::{LintLevel, location_head, variables};
use super::{Found, Rule};
use crate::config::scope::LocationMatch;

pub(super) const RULES: &[Rule] = &[Rule {
    name: "proxy-anywhere",
    about: "The client chooses the host that a `proxy_pass` connects to.",
    why: "a client can let the server ask hosts that only the server reaches, such as services behind the firewall",
    wrong: "server { location /get { proxy_pass http://$arg_host/; } }",
    right: "server { location /get { proxy_pass http://backend/; } }",
    check: anywhere,
}];

fn anywhere(level: &LintLevel<'_>, found: &mut Found<'_>) {
    let is_internal = |level: &LintLevel<'_>| {
        level.has("internal") || level.head.and_then(location_head).is_some_and(|head| head.path.starts_with('@'))
    };
    if level.outward().any(is_internal) {
        return;
    }
    for word in level.all("proxy_pass", 1).map(|it| &it.args[0]) {
        let text = level.expanded(&word.text);
        let (host, is_whole) = match text.split_once("://") {
            Some((_, rest)) => (rest.split('/').next().unwrap_or_default(), false),
            None => (&text[..], true),
        };
        if let Some(name) = variables(host).find(|name| is_chosen(level, name, is_whole || is_only(host, name))) {
            found.add(
                word.place,
                format!("the client chooses the host: it is made of ${name}"),
                "the name of an upstream, or a map that has the allowed hosts",
            );
        }
    }
}

/// Whether the host is this variable and nothing else.
fn is_only(host: &str, name: &str) -> bool {
    host.strip_prefix('$').is_some_and(|rest| rest == name || rest == format!("{{{name}}}"))
}

/// Whether the client chooses the text of a variable. `is_alone`: nothing else is in the host.
fn is_chosen(level: &LintLevel<'_>, name: &str, is_alone: bool) -> bool {
    if ["arg_", "cookie_"].iter().any(|start| name.starts_with(start)) {
        return true;
    }
    if name.starts_with("http_") {
        return name != "http_host"; // whoever passes requests to their own host does so on purpose
    }
    let Some(head) = level.location().filter(|head| matches!(head.kind, LocationMatch::Regex { .. })) else {
        return false;
    };
    let found = groups(&head.path).into_iter().find(|it| it.name == Some(name) || name.parse() == Ok(it.number));
    found.is_some_and(|group| {
        let has_all = group.inside.contains(".*") || group.inside.contains(".+");
        !group.inside.starts_with('/') && (has_all || (is_alone && group.inside.contains("[^")))
    })
}

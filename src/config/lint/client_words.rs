//! What the client chooses and the configuration trusts.

use super::expression::{has_end, matches_all};
use super::level::{LintLevel, redirect_target, test_of, variables};
use super::{Found, Rule};
use crate::config::lex::Word;

pub(super) const RULES: &[Rule] = &[
    Rule {
        name: "http-host",
        about: "`$http_host` in a redirect or a test.",
        why: "it is the field as the client wrote it, with port and capital letters, and may be another host than the \
              URL has; $host is the checked name, in small letters, without the port",
        wrong: "server { return 301 https://$http_host$request_uri; }",
        right: "server { return 301 https://$host$request_uri; }",
        check: http_host,
    },
    Rule {
        name: "origin-check",
        about: "A test of `$http_origin` that lets other sites through, or none.",
        why: "an expression without ^ and $ matches a part of the text, and everybody can have a host whose name \
              contains yours",
        wrong: "map $http_origin $allowed { \"~https://example\\.com\" $http_origin; } server { }",
        right: "map $http_origin $allowed { \"~^https://example\\.com$\" $http_origin; } server { }",
        check: origin,
    },
    Rule {
        name: "referers-none",
        about: "`valid_referers none`: requests without a Referer are valid.",
        why: "every page can leave the Referer out (referrerpolicy=\"no-referrer\"), so the test keeps nobody out; for \
              hot links of careless sites it is enough",
        wrong: "server { location /img/ { valid_referers none server_names; if ($invalid_referer) { return 403; } } }",
        right: "server { location /img/ { valid_referers server_names; if ($invalid_referer) { return 403; } } }",
        check: referers,
    },
    Rule {
        name: "referrer-spelled",
        about: "`$http_referrer` is the field Referrer, which no client sends.",
        why: "the field of HTTP is written with one r in the middle: Referer (RFC 9110 section 10.1.3)",
        wrong: "server { location / { if ($http_referrer ~ spam) { return 403; } } }",
        right: "server { location / { if ($http_referer ~ spam) { return 403; } } }",
        check: referrer,
    },
];

fn http_host(level: &LintLevel<'_>, found: &mut Found<'_>) {
    let uses = |text: &str| variables(text).any(|name| name == "http_host");
    for it in level.statements {
        if let Some(url) = redirect_target(it).filter(|url| uses(&url.text)) {
            let write = url.text.replace("$http_host", "$host").replace("${http_host}", "$host");
            let port = "  (with a port that is not the scheme's: $host:$server_port)";
            found.add(url.place, "the client chooses where this redirect leads", format!("{write}{port}"));
        }
        if let Some(word) = test_of(it).first().filter(|word| uses(&word.text)) {
            let says = "this test fails for example.com:80 and for EXAMPLE.com, which are the same host";
            found.add(word.place, says, "$host, or a server of its own with server_name");
        }
    }
}

/// Why an expression lets other origins through.
fn open_ends(text: &str) -> Option<&'static str> {
    if matches_all(text) || text.is_empty() {
        return None; // everybody is meant
    }
    let body = text.trim_end_matches('$');
    if body.contains("//") && body.ends_with('/') {
        return Some("it never matches: an Origin ends with the host and the port, without a slash");
    }
    match (text.starts_with('^') || text.starts_with("(^"), has_end(text)) {
        (true, true) => None,
        (true, false) => {
            Some("it has no $ at its end: it also matches a host that only begins so, as in NAME.evil.org")
        }
        (false, true) => Some("it has no ^ at its beginning: it also matches a host that only ends so, as in evilNAME"),
        (false, false) => Some("it has neither ^ nor $: it also matches hosts that only contain the name"),
    }
}

fn origin(level: &LintLevel<'_>, found: &mut Found<'_>) {
    let mut look = |word: &Word, text: &str| {
        if let Some(why) = open_ends(text) {
            let body = text.strip_prefix('^').unwrap_or(text).trim_end_matches(['$', '/']);
            found.add(word.place, why, format!("^{body}$"));
        }
    };
    for it in level.statements {
        let refuses = it.statements().iter().any(|it| it.name.text == "return" && it.args[..].len() == 1);
        if let [left, operator, right] = &test_of(it)[..]
            && left.text == "$http_origin"
            && matches!(&operator.text[..], "~" | "~*" | "!~" | "!~*")
            && (!refuses || operator.text.starts_with('!'))
        {
            look(right, &right.text);
        }
        if it.name.text == "map" && it.args.first().is_some_and(|of| of.text == "$http_origin") {
            for row in
                it.statements().iter().filter(|row| row.args.iter().any(|word| !matches!(&word.text[..], "" | "0")))
            {
                if let Some(text) = row.name.text.strip_prefix('~') {
                    look(&row.name, text.strip_prefix('*').unwrap_or(text));
                }
            }
        }
    }
}

fn referers(level: &LintLevel<'_>, found: &mut Found<'_>) {
    for it in level.all("valid_referers", 1) {
        if let Some(none) = it.args.iter().find(|word| word.text == "none") {
            let rest: Vec<&str> = it.args.iter().map(|word| &word.text[..]).filter(|text| *text != "none").collect();
            let rest = if rest.is_empty() { "server_names".to_owned() } else { rest.join(" ") };
            found.add(
                none.place,
                "\"none\" lets every request through that has no Referer",
                format!("valid_referers {rest};"),
            );
        }
    }
}

fn referrer(level: &LintLevel<'_>, found: &mut Found<'_>) {
    let tables = level.statements.iter().filter(|it| it.name.text == "map");
    for it in level.statements.iter().chain(tables.flat_map(|it| it.statements())) {
        for word in it.args.iter().filter(|word| variables(&word.text).any(|name| name == "http_referrer")) {
            found.add(word.place, "$http_referrer is always empty", word.text.replace("http_referrer", "http_referer"));
        }
    }
}

//! Where files come from.

use super::level::{LintLevel, is_prefix, location_head, refuses, variables, written};
use super::{Found, Rule};
use crate::config::parse::Statement;
use crate::config::scope::LocationMatch;

pub(super) const RULES: &[Rule] = &[
    Rule {
        name: "root-only-in-slash",
        about: "Only `location /` has a `root`, and other locations serve files, too.",
        why: "locations do not take settings from each other, only from the levels around them: the others serve the \
              folder \"html\", which is the default",
        wrong: "server { location / { root /srv; } location ~ \\.css$ { expires 1y; } }",
        right: "server { root /srv; location / { } location ~ \\.css$ { expires 1y; } }",
        check: only_in_slash,
    },
    Rule {
        name: "types-empty",
        about: "`types { }` without a `default_type`: all files have the media type of the outer level's default.",
        why: "an empty table replaces the outer one, so no ending is known any more",
        wrong: "server { location /download/ { types { } } }",
        right: "server { location /download/ { types { } default_type application/octet-stream; } }",
        check: types_empty,
    },
    Rule {
        name: "error-log-off",
        about: "`error_log off` writes to a file with the name \"off\".",
        why: "error_log has no \"off\", as access_log has it",
        wrong: "server { error_log off; }",
        right: "server { error_log /dev/null crit; }",
        check: error_log_off,
    },
];

fn only_in_slash(level: &LintLevel<'_>, found: &mut Found<'_>) {
    if level.name() != "server" || level.outward().any(|level| level.has("root")) {
        return;
    }
    let is_slash = |it: &&Statement| location_head(it).is_some_and(|head| is_prefix(&head) && head.path == "/");
    let Some(slash) = level.statements.iter().find(is_slash) else { return };
    let Some(root) = slash.statements().iter().find(|it| it.name.text == "root" && it.args.len() == 1) else { return };
    for it in level.statements.iter().filter(|it| !std::ptr::eq(*it, slash)) {
        let Some(head) = location_head(it).filter(|head| head.kind != LocationMatch::Named) else { continue };
        if serves_files(it) {
            let root = &root.args[0].text;
            let kind = if head.path == "/" { "this location" } else { "it" };
            found.add(
                it.name.place,
                format!("\"location {}\" has no root: {kind} does not serve {root}", written(it)),
                format!("root {root};  (in the server, before the locations)"),
            );
        }
    }
}

/// Directives of a location that serves files below the root around it, by how they begin. With any other, such as
/// one of a third-party module, who answers is not known.
const FOR_FILES: [&str; 31] = [
    "access_log",
    "add_header",
    "aio",
    "allow",
    "auth_basic",
    "autoindex",
    "brotli",
    "charset",
    "default_type",
    "deny",
    "directio",
    "error_log",
    "error_page",
    "etag",
    "expires",
    "fastcgi_",
    "gzip",
    "if_modified_since",
    "index",
    "limit_conn",
    "limit_rate",
    "limit_req",
    "log_not_found",
    "open_file_cache",
    "satisfy",
    "sendfile",
    "server_tokens",
    "tcp_nodelay",
    "tcp_nopush",
    "try_files",
    "types",
];

/// Whether a location looks for files below the root of the levels around it.
pub(super) fn serves_files(it: &Statement) -> bool {
    let statements = it.statements();
    let is_for_files = |it: &Statement| FOR_FILES.iter().any(|start| it.name.text.starts_with(start));
    if !statements.iter().all(is_for_files) || refuses(statements) {
        return false;
    }
    let is_script = |it: &Statement| {
        it.name.text == "fastcgi_param" && it.args.first().is_some_and(|name| name.text == "SCRIPT_FILENAME")
    };
    let uses_root =
        |it: &Statement| it.args.iter().any(|word| variables(&word.text).any(|name| name == "document_root"));
    let named =
        |it: &Statement| it.name.text == "try_files" && it.args.last().is_some_and(|last| last.text.starts_with('@'));
    match statements.iter().any(|it| it.name.text == "fastcgi_pass") {
        true => statements.iter().any(|it| is_script(it) && uses_root(it)),
        false => !statements.iter().any(named),
    }
}

fn types_empty(level: &LintLevel<'_>, found: &mut Found<'_>) {
    if level.has("default_type") {
        return;
    }
    for it in level.all("types", 0).filter(|it| it.block.is_some() && it.statements().is_empty()) {
        let write = "default_type TYPE;  (beside it), or leave the empty table out";
        found.add(it.name.place, "no file has a media type here", write);
    }
}

fn error_log_off(level: &LintLevel<'_>, found: &mut Found<'_>) {
    for word in level.all("error_log", 1).map(|it| &it.args[0]).filter(|word| word.text == "off") {
        found.add(word.place, "this is a file with the name \"off\"", "error_log /dev/null crit;");
    }
}

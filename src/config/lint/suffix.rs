//! Expressions for the ends of paths and for names, with a dot or an end too few.

use super::expression::{has_end, matches_all};
use super::level::{LintLevel, expression, refuses};
use super::{Found, Rule};

pub(super) const RULES: &[Rule] = &[
    Rule {
        name: "suffix-dot",
        about: "The dot before an ending such as `php` has no backslash.",
        why: "in an expression, a dot is any character",
        wrong: "server { location ~ .php$ { return 403; } }",
        right: "server { location ~ \\.php$ { return 403; } }",
        check: dot,
    },
    Rule {
        name: "suffix-end",
        about: "An expression for an ending such as `.php` has no `$`.",
        why: "without $ the ending may stand anywhere in the path",
        wrong: "server { location ~ \\.php { fastcgi_pass php:9000; } }",
        right: "server { location ~ \\.php$ { fastcgi_pass php:9000; } }",
        check: end,
    },
    Rule {
        name: "server-name-ends",
        about: "The expression of a `server_name` has no `^` or no `$`.",
        why: "an expression matches a part of the name: other names that contain it come here as well",
        wrong: "server { server_name ~www\\d+\\.example\\.com; }",
        right: "server { server_name ~^www\\d+\\.example\\.com$; }",
        check: server_name,
    },
];

const ENDINGS: [&str; 45] = [
    "php", "html", "htm", "css", "js", "mjs", "json", "xml", "txt", "svg", "svgz", "png", "jpg", "jpeg", "gif", "ico",
    "webp", "avif", "bmp", "woff", "woff2", "ttf", "otf", "eot", "map", "mp3", "mp4", "webm", "ogg", "ogv", "pdf",
    "doc", "docx", "xls", "zip", "gz", "tgz", "rar", "jsp", "asp", "aspx", "cgi", "pl", "py", "swf",
];

/// What an expression says of an ending.
#[derive(PartialEq, Eq, Debug)]
struct Ending<'a> {
    /// `php`, or `(png|jpg)`.
    text: &'a str,
    has_backslash: bool,
    has_end: bool,
    /// What stands before the dot.
    before: &'a str,
}

impl Ending<'_> {
    /// Whether a whole file name stands there, as in `/wp-config.php`: then hardly another path matches by chance.
    fn is_name(&self) -> bool {
        self.before.ends_with(|c: char| c.is_ascii_alphanumeric())
    }
}

fn ending(pattern: &str) -> Option<Ending<'_>> {
    let body = pattern.strip_suffix('$');
    let (text, has_end) = (body.unwrap_or(pattern), body.is_some());
    let start = match text.ends_with(')') {
        true => text.rfind('(')?,
        false => text.trim_end_matches(|c: char| c.is_ascii_alphanumeric() || c == '?').len(),
    };
    let (before, ending) = text.split_at(start);
    let names = ending.trim_start_matches('(').trim_end_matches(')');
    let names = names.strip_prefix("?:").unwrap_or(names).split('|');
    let names: Vec<String> = names.map(|name| name.replace('?', "")).collect();
    let is_name = |name: &String| name.chars().all(|c| c.is_ascii_alphanumeric());
    if !names.iter().all(is_name) || !names.iter().any(|name| ENDINGS.contains(&&name.to_lowercase()[..])) {
        return None;
    }
    let before = before.strip_suffix('.')?;
    let has_backslash = before.ends_with('\\');
    Some(Ending { text: ending, has_backslash, has_end, before: before.strip_suffix('\\').unwrap_or(before) })
}

/// The endings of an expression that matches them everywhere, such as `\.(css|js)$`.
pub(super) fn everywhere(pattern: &str) -> Option<Vec<String>> {
    let Ending { text, before, .. } = ending(pattern)?;
    let names = text.trim_start_matches("(?:").trim_matches(['(', ')']).split('|');
    let is_open = ["", "^.+", ".*", "^.*", ".+", "^/.*", "^(.+)", "^(.*)"].contains(&before);
    is_open.then(|| names.map(|name| name.replace('?', "").to_lowercase()).collect())
}

/// The first name of an ending.
fn sample(text: &str) -> String {
    let name = text.trim_start_matches("(?:").trim_start_matches('(').split(['|', ')']).next();
    name.unwrap_or(text).replace('?', "")
}

fn dot(level: &LintLevel<'_>, found: &mut Found<'_>) {
    let Some((word, pattern)) = expression(level) else { return };
    if let Some(Ending { text, before, has_end, .. }) = ending(&pattern).filter(|it| !it.has_backslash && !it.is_name())
    {
        let end = if has_end { "$" } else { "" };
        let says = format!("this also matches /x{}", sample(text));
        found.add(word.place, says, format!("{before}\\.{text}{end}"));
    }
}

fn end(level: &LintLevel<'_>, found: &mut Found<'_>) {
    let Some((word, pattern)) = expression(level) else { return };
    // What is refused may be refused too widely; and a path behind the script's name may be meant.
    let splits =
        level.has("fastcgi_split_path_info") || level.all("fastcgi_param", 1).any(|it| it.args[0].text == "PATH_INFO");
    if let Some(Ending { text, before, .. }) =
        ending(&pattern).filter(|it| !it.has_end && !refuses(level.statements) && !splits)
    {
        let sample = sample(text);
        found.add(
            word.place,
            format!("this also matches /a.{sample}x and /a.{sample}/b"),
            format!("{before}\\.{text}$"),
        );
    }
}

fn server_name(level: &LintLevel<'_>, found: &mut Found<'_>) {
    for word in level.all("server_name", 1).flat_map(|it| &it.args) {
        let Some(pattern) = word.text.strip_prefix('~').filter(|pattern| !matches_all(pattern)) else { continue };
        // `^www` means all names that begin so, and `\.example\.com$` all names below example.com.
        let starts = pattern.starts_with('^') || pattern.starts_with("\\.") || pattern.starts_with("(^");
        let missing = match (starts, has_end(pattern) || !pattern.contains('.')) {
            (true, true) => continue,
            (true, false) => "it has no $: it also matches names that only begin so",
            (false, true) => "it has no ^: it also matches names that only end so",
            (false, false) => "it has neither ^ nor $: it also matches names that only contain this",
        };
        let body = pattern.strip_prefix('^').unwrap_or(pattern);
        let end = if has_end(pattern) { "" } else { "$" };
        found.add(word.place, missing, format!("~^{body}{end}"));
    }
}

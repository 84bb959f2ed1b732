//! `error_page` that hides the error.

use super::level::{LintLevel, written};
use super::{Found, Rule};

pub(super) const RULES: &[Rule] = &[Rule {
    name: "error-page-200",
    about: "`error_page 404 = /404.html` sends the page of an error with the status 200.",
    why: "\"=\" takes the status of the page, which is 200 for a file; search engines and monitors then see no error",
    wrong: "server { error_page 404 = /404.html; }",
    right: "server { error_page 404 /404.html; }",
    check: soft,
}];

fn soft(level: &LintLevel<'_>, found: &mut Found<'_>) {
    for it in level.all("error_page", 3) {
        let Some(sign) = it.args.iter().find(|word| word.text == "=" || word.text == "=200") else { continue };
        let Some(target) = it.args.last() else { continue };
        let name = target.text.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
        let is_file = name.ends_with(".html") || name.ends_with(".htm");
        let codes = it.args.iter().filter(|word| word.text.bytes().all(|b| b.is_ascii_digit()));
        let codes: Vec<&str> = codes.map(|word| &word.text[..]).collect();
        let is_error = codes.iter().any(|code| name.contains(code))
            || ["50x", "40x", "error", "notfound", "not-found", "not_found"].iter().any(|part| name.contains(part));
        if is_file && is_error {
            let write = written(it).replace(&format!(" {} ", sign.text), " ");
            let says = format!("the answer to {} has the status 200", codes.join(", "));
            found.add(sign.place, says, format!("error_page {write};"));
        }
    }
}

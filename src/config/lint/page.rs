//! docs/lint.md, made of the rules.

use super::rules;

/// The page.
pub fn markdown() -> String {
    let mut out = String::from(
        "# What -t warns of\n\n\
         `webserv -t` looks for what is legal in a configuration and wrong all the same. Each finding has its place, \
         the reason, and how to write it. It does so also if there are errors; `webserv -t -q` shows errors only, and \
         `webserv -t --lint=off` looks for nothing. The exit status does not depend on findings. A server that starts \
         does not look for them.\n\n\
         If there are no errors, it also looks for the folders of `root`, `alias` and `upload_store` \
         (folder-missing).\n\n\
         `webserv --lint=markdown` prints this page.\n",
    );
    for rule in rules() {
        let why = rule.why.split_whitespace().collect::<Vec<_>>().join(" ");
        out += &format!("\n## {}\n\n{}\n\nWhy: {why}.\n\n", rule.name, rule.about);
        out += &format!("- wrong: `{}`\n- right: `{}`\n", rule.wrong.replace('\n', " (line break) "), rule.right);
    }
    out
}

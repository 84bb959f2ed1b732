//! What a user reads about the directives, made of their rows: `webserv --directives`, `webserv --help NAME`, and
//! docs/directives.md.

use super::directives::{Default, Directive, Form, Nginx, TOPICS, all};
use super::scope::Contexts;
use super::suggest::did_you_mean;

/// Whether there is a directive with this name.
pub fn has(name: &str) -> bool {
    all().any(|directive| directive.name == name)
}

/// All directives by topic, one line each: the name, the values, and what it does.
pub fn list() -> String {
    let mut out = String::new();
    for (title, table) in TOPICS {
        out += &format!("{title}:\n");
        for directive in *table {
            let usage = usage(directive);
            match usage.chars().count() {
                0..=38 => out += &format!("  {usage:<38} {}\n", directive.help),
                _ => out += &format!("  {usage}\n{:41}{}\n", "", directive.help),
            }
        }
        out.push('\n');
    }
    out += "webserv --help NAME shows one of them, docs/directives.md all.\n";
    out
}

/// What the row of one directive says, or those of all directives with this name.
///
/// # Errors
/// There is no such directive: a message for the user, with the nearest name.
pub fn one(name: &str) -> Result<String, String> {
    let rows: Vec<String> = all().filter(|directive| directive.name == name).map(row).collect();
    if rows.is_empty() {
        let meant = did_you_mean(name, all().map(|directive| directive.name));
        return Err(format!("there is no directive \"{name}\"{meant}\nwebserv --directives lists all of them"));
    }
    Ok(rows.join("\n"))
}

fn row(directive: &Directive) -> String {
    let mut out = format!("{}\n\n  {}\n\n", usage(directive), directive.help);
    let facts = facts(directive);
    let width = facts.iter().map(|(label, _)| label.len()).max().unwrap_or(0) + 2;
    for (label, text) in facts {
        out += &format!("  {:<width$}{text}\n", format!("{label}:"));
    }
    out
}

/// docs/directives.md.
pub fn markdown() -> String {
    let names = |wanted: fn(&Directive) -> bool| {
        let found = all().filter(|directive| wanted(directive));
        let link = |heading: String| format!("[{heading}](#{})", heading.replace(' ', "-"));
        found.map(|directive| link(heading(directive))).collect::<Vec<_>>().join(", ")
    };
    let mut out = format!(
        "# Directives\n\n\
         `webserv --directives=markdown` prints this page. `webserv --help NAME` shows one directive.\n\n\
         Sizes are bytes, or a number with k, m or g. Times are seconds, or numbers with ms, s, m, h, d, w, M or y, as \
         in 1h30m.\n\n\
         **Not in nginx:** {}.\n\n\
         **Different from nginx:** {}.\n",
        names(|it| it.nginx == Nginx::HasNone),
        names(|it| matches!(it.nginx, Nginx::Differs(_))),
    );
    for (title, table) in TOPICS {
        out += &format!("\n## {title}\n");
        for directive in *table {
            out += &format!("\n### {}\n\n    {}\n\n{}\n\n", heading(directive), usage(directive), directive.help);
            for (label, text) in facts(directive) {
                let code = if label == "default" && matches!(directive.default, Default::Values(_)) { "`" } else { "" };
                let code = if label == "example" { "`" } else { code };
                out += &format!("- {label}: {code}{text}{code}\n");
            }
        }
    }
    out
}

/// The name; with its level, if it means something else in an `upstream` than elsewhere.
fn heading(directive: &Directive) -> String {
    let has_other = all().any(|other| other.name == directive.name && other.contexts != directive.contexts);
    let level = if has_other && directive.contexts == Contexts::UPSTREAM { " in upstream" } else { "" };
    format!("{}{level}", directive.name)
}

/// `name VALUES;` or `name VALUES { ... }`.
fn usage(directive: &Directive) -> String {
    let blank = if directive.syntax.is_empty() { "" } else { " " };
    let end = if directive.takes_block() { " { ... }" } else { ";" };
    format!("{}{blank}{}{end}", directive.name, directive.syntax)
}

/// What is told of a directive besides its help, with labels.
fn facts(directive: &Directive) -> Vec<(&'static str, String)> {
    let mut facts = vec![("levels", levels(directive.contexts))];
    match directive.default {
        Default::Unsaid => {}
        Default::Values(values) => facts.push(("default", values.to_owned())),
        Default::Words(words) => facts.push(("without it", words.to_owned())),
    }
    facts.extend(inheritance(directive).map(|text| ("inherited", text.to_owned())));
    facts.push(("example", directive.example.to_owned()));
    match directive.nginx {
        Nginx::Same => {}
        Nginx::Differs(how) => facts.push(("differs from nginx", how.to_owned())),
        Nginx::HasNone => facts.push(("not in nginx", "it is a directive of webserv".to_owned())),
    }
    facts
}

/// The levels in the order in which they are told, and their names.
const LEVELS: [(Contexts, &str); 13] = [
    (Contexts::MAIN, "main"),
    (Contexts::EVENTS, "events"),
    (Contexts::HTTP, "http"),
    (Contexts::SERVER, "server"),
    (Contexts::SERVER_IF, "if in server"),
    (Contexts::LOCATION, "location"),
    (Contexts::LOCATION_IF, "if in location"),
    (Contexts::LIMIT_EXCEPT, "limit_except"),
    (Contexts::UPSTREAM, "upstream"),
    (Contexts::DIRECTORY, "directory"),
    (Contexts::DIRECTORY_SERVER, "server in directory"),
    (Contexts::ECHO, "echo"),
    (Contexts::ECHO_SERVER, "server in echo"),
];

fn levels(contexts: Contexts) -> String {
    let of = LEVELS.iter().filter(|(level, _)| contexts.contains(*level));
    of.map(|(_, name)| *name).collect::<Vec<_>>().join(", ")
}

/// Whether the levels inside take a directive over; None if there is no level inside that could.
fn inheritance(directive: &Directive) -> Option<&'static str> {
    let has_inner = Contexts::HTTP.union(Contexts::LOCATION).union(Contexts::PROTOCOL_BLOCK);
    let is_block = matches!(directive.form, Form::Section(_) | Form::Sections(_));
    if is_block || !directive.contexts.intersects(has_inner) || directive.contexts.iter().count() == 1 {
        return None;
    }
    Some(match (directive.is_inherited, directive.at_most_once()) {
        (false, _) => "no",
        (true, true) => "yes, by levels that do not have their own",
        (true, false) => "yes, by levels that have none of their own: a list is replaced, not extended",
    })
}

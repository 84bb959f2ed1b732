//! What the rows of the directives say of themselves is true.

use super::super::directives::{Default, Directive, Form, MANY, Nginx, all};
use super::super::manual;
use super::super::scope::Contexts;
use super::{Config, read, settings_at};

/// The longest help that fits on a line of a terminal beside nothing else.
const HELP_MAX: usize = 100;

#[test]
fn no_directive_has_two_rows_for_a_level() {
    for (number, row) in all().enumerate() {
        let is_same = |other: &&Directive| other.name == row.name && other.contexts.intersects(row.contexts);
        assert!(!all().skip(number + 1).any(|other| is_same(&other)), "{}", row.name);
    }
}

#[test]
fn every_example_is_of_its_own_directive() {
    for directive in all() {
        assert!(directive.example.starts_with(directive.name), "{}", directive.name);
        assert_eq!(directive.example.ends_with('}'), directive.takes_block(), "{}", directive.name);
    }
}

#[test]
fn every_row_has_help_a_syntax_and_a_default() {
    for Directive { name, help, syntax, default, args, form, nginx, .. } in all() {
        assert!(help.ends_with('.') && help.len() <= HELP_MAX, "{name}: help is one sentence: {help:?}");
        assert!(help.starts_with(char::is_uppercase) || help.starts_with("PATH_INFO"), "{name}: {help:?}");
        assert_eq!(syntax.is_empty(), *args.end() == 0, "{name}: syntax {syntax:?}");
        let (least, most) = syntax_counts(syntax);
        let fits = *args.start() == least && [most, MANY].contains(args.end());
        assert!(fits, "{name}: syntax {syntax:?} and {args:?}");
        let is_block = matches!(form, Form::Section(_) | Form::Sections(_));
        assert_eq!(*default == Default::Unsaid, is_block, "{name}: blocks alone have no default");
        if let Nginx::Differs(how) = nginx {
            assert!(!how.is_empty() && !how.ends_with('.'), "{name}: {how:?}");
        }
    }
}

/// The least and the greatest number of values of a syntax such as `NAME [VALUE] ... | off`.
fn syntax_counts(syntax: &str) -> (usize, usize) {
    let counts = syntax.split(" | ").map(|form| {
        let (mut least, mut most, mut depth) = (0, 0usize, 0);
        for word in form.split_whitespace() {
            let is_optional = depth > 0 || word.starts_with('[');
            depth += word.matches('[').count();
            depth -= word.matches(']').count();
            match word.trim_matches(['[', ']']) {
                "..." => most = MANY,
                _ => (least, most) = (least + usize::from(!is_optional), most.saturating_add(1)),
            }
        }
        (least, most)
    });
    counts.reduce(|(a, b), (c, d)| (a.min(c), b.max(d))).unwrap_or_default()
}

/// A configuration with one plain directive on an innermost level that may have it.
fn with(directive: &Directive, text: &str) -> Config {
    let at = |levels: Contexts| if directive.contexts.intersects(levels) { text } else { "" };
    let http = directive.contexts.intersects(Contexts::REQUEST);
    let in_server = at(Contexts::SERVER);
    let in_location = if in_server.is_empty() { at(Contexts::LOCATION) } else { "" };
    let in_http = if in_server.is_empty() && in_location.is_empty() { at(Contexts::HTTP) } else { "" };
    let in_main = if http { "" } else { at(Contexts::MAIN) };
    // One media type: a map with one entry is always shown in the same way.
    let mut text = format!(
        "{in_main} events {{ {} }} http {{ types {{ a/b c; }} cgi on; {in_http} \
         upstream u {{ server 127.0.0.1:1; {} }} server {{ listen 80; {in_server} location / {{ {in_location} }} }} }}",
        at(Contexts::EVENTS),
        if http { "" } else { at(Contexts::UPSTREAM) }
    );
    if directive.contexts.contains(Contexts::ECHO_SERVER) {
        text += &format!(" echo {{ server {{ listen 7; {} }} }}", at(Contexts::ECHO_SERVER));
    } else if directive.contexts.contains(Contexts::DIRECTORY_SERVER) && !http {
        text += &format!(" directory {{ server {{ listen 8; root /; {} }} }}", at(Contexts::DIRECTORY_SERVER));
    }
    let mut config = read(&text).unwrap_or_else(|errors| panic!("{}: {errors}", directive.name));
    config.texts.clear();
    config
}

fn is_plain(directive: &&Directive) -> bool {
    matches!(directive.form, Form::Once(_) | Form::Repeat(_))
}

/// The defaults are read back: a directive with its default changes nothing. (`cgi on` is there in all of them, so
/// that the settings for programs are seen.)
#[test]
fn a_default_changes_nothing() {
    for directive in all().filter(is_plain).filter(|directive| directive.name != "cgi") {
        if let Default::Values(values) = directive.default {
            let given = with(directive, &format!("{} {values};", directive.name));
            let (given, bare) = (format!("{given:?}"), format!("{:?}", with(directive, "")));
            let at = given.bytes().zip(bare.bytes()).position(|(a, b)| a != b);
            let seen = at.map(|at| &given[at.saturating_sub(60)..(at + 20).min(given.len())]);
            assert!(given == bare, "{} {values}: this is not the default: {seen:?}", directive.name);
        }
    }
}

/// An example that changes a server changes the location in it too, if the directive is inherited.
#[test]
fn the_levels_inside_inherit() {
    let mut seen = 0;
    for directive in all().filter(is_plain).filter(|it| it.contexts.contains(Contexts::SERVER)) {
        let text = |it: &str| format!("http {{ types {{ a/b c; }} server {{ listen 80; {it} location /in/ {{ }} }} }}");
        let Ok(given) = read(&text(directive.example)) else { continue }; // it needs others beside it
        let at = |config: &Config, path: &str| format!("{:?}", settings_at(config, path));
        let bare = read(&text("")).expect("it is right");
        if at(&given, "/") == at(&bare, "/") || !directive.contexts.contains(Contexts::LOCATION) {
            continue; // the example is the default
        }
        seen += 1;
        assert_eq!(at(&given, "/in/") != at(&bare, "/in/"), directive.is_inherited, "{}", directive.name);
    }
    assert!(seen > 30, "{seen} directives were compared");
}

#[test]
fn one_directive() {
    let told = manual::one("sendfile").expect("it is there");
    let expected = "sendfile on|off;\n\n  Sends long files with sendfile(2).\n\n  \
                    levels:             http, server, location, if in location\n  \
                    default:            on\n  \
                    inherited:          yes, by levels that do not have their own\n  \
                    example:            sendfile on;\n  \
                    differs from nginx: nginx's default is off\n";
    assert_eq!(told, expected);
    let message = manual::one("sendfil").expect_err("there is no such directive");
    let expected = "there is no directive \"sendfil\", did you mean \"sendfile\"?\n\
                    webserv --directives lists all of them";
    assert_eq!(message, expected);
    assert!(manual::list().lines().any(|line| line.starts_with("  sendfile on|off;  ")), "{}", manual::list());
}

/// docs/directives.md is what the program prints.
#[test]
fn the_page_is_true() {
    let page = include_str!("../../../docs/directives.md");
    let printed = manual::markdown();
    let differs = page.lines().zip(printed.lines()).find(|(a, b)| a != b);
    let how = "make it anew with: cargo run -- --directives=markdown > docs/directives.md";
    assert!(page == printed, "docs/directives.md is not what the table says, first here: {differs:?}; {how}");
}

//! What FastCGI, SCGI and uwsgi servers are told of a request, and the directives that only one of these families has.

use super::{Contexts, Directive, add, draft, no_effect, put, row, without_effect};
use crate::config::parse::Statement;
use crate::config::problem::Fault;
use crate::config::scope::Scope;
use crate::config::types::GatewayParam;

const REQUEST: Contexts = Contexts::REQUEST;

/// The directives of `fastcgi_` alone.
pub(super) const FASTCGI: &[Directive] = &[
    param("fastcgi_param", "fastcgi_param SCRIPT_FILENAME $document_root$fastcgi_script_name;"),
    row("fastcgi_index", REQUEST, 1..=1, "fastcgi_index index.php;")
        .syntax("NAME")
        .without("nothing is added")
        .help("The name that $fastcgi_script_name gets behind a path with a slash at its end.")
        .once(|scope, it| {
            let name = it.args[0].plain()?.to_owned();
            draft(scope, it).rules.fastcgi.index = Some(name);
            Ok(())
        }),
    row("fastcgi_split_path_info", REQUEST, 1..=1, "fastcgi_split_path_info ^(.+\\.php)(.*)$;")
        .syntax("EXPRESSION")
        .without("$fastcgi_script_name is the whole path")
        .help("Splits the path into $fastcgi_script_name and $fastcgi_path_info: two groups.")
        .once(split_path_info),
    row("fastcgi_keep_conn", REQUEST, 1..=1, "fastcgi_keep_conn on;")
        .syntax("on|off")
        .default("off")
        .help("Asks the server behind to keep the connection open for further requests.")
        .once(|scope, it| put(&mut draft(scope, it).rules.fastcgi.keep_conn, it.args[0].flag())),
    row("fastcgi_catch_stderr", REQUEST, 1..=1, "fastcgi_catch_stderr \"PHP Fatal error\";")
        .syntax("TEXT")
        .without("no text makes an answer bad")
        .help("An answer is bad if the server behind writes this text to its standard error.")
        .repeat(|scope, it| {
            let text = it.args[0].plain()?.to_owned();
            add(scope.first, &mut draft(scope, it).rules.fastcgi.catch_stderr, text);
            Ok(())
        }),
    without_effect(
        row("fastcgi_send_lowat", REQUEST, 1..=1, "fastcgi_send_lowat 0;").syntax("SIZE"),
        no_effect::size_of,
    ),
];

/// The directives of `scgi_` alone.
pub(super) const SCGI: &[Directive] = &[param("scgi_param", "scgi_param SCRIPT_NAME $document_uri;")];

/// The directives of `uwsgi_` alone.
pub(super) const UWSGI: &[Directive] = &[
    param("uwsgi_param", "uwsgi_param PATH_INFO $document_uri;"),
    row("uwsgi_modifier1", REQUEST, 1..=1, "uwsgi_modifier1 9;")
        .syntax("NUMBER")
        .default("0")
        .help("The kind of the application: 0 is WSGI or Rack, 5 PSGI, 9 a CGI program.")
        .once(|scope, it| put(&mut draft(scope, it).rules.uwsgi_modifiers.0, modifier(it))),
    row("uwsgi_modifier2", REQUEST, 1..=1, "uwsgi_modifier2 1;")
        .syntax("NUMBER")
        .default("0")
        .help("What the first modifier says more exactly.")
        .once(|scope, it| put(&mut draft(scope, it).rules.uwsgi_modifiers.1, modifier(it))),
];

const fn param(name: &'static str, example: &'static str) -> Directive {
    row(name, REQUEST, 2..=3, example)
        .syntax("NAME VALUE [if_not_empty]")
        .without("the server behind gets the fields of the request only")
        .help("A parameter for the server behind; an empty HTTP_NAME hides the field NAME of the request.")
        .repeat(add_param)
}

fn add_param(scope: &mut Scope<'_>, it: &Statement) -> Result<(), Fault> {
    let name = it.args[0].plain()?.to_owned();
    let value = scope.template(&it.args[1])?;
    let if_not_empty = match it.args.get(2) {
        Some(word) => word.choice("value", &[("if_not_empty", true)])?,
        None => false,
    };
    add(scope.first, &mut draft(scope, it).params, GatewayParam { name, value, if_not_empty });
    Ok(())
}

fn split_path_info(scope: &mut Scope<'_>, it: &Statement) -> Result<(), Fault> {
    let word = &it.args[0];
    let regex = scope.regex(word, &word.text, false)?;
    match regex.pattern.groups() {
        2 => {
            draft(scope, it).rules.fastcgi.split_path_info = Some(regex);
            Ok(())
        }
        groups => Err(word.fault(format!(
            "this expression has {groups} group{}, and needs two: the script, and the rest of the path",
            if groups == 1 { "" } else { "s" }
        ))),
    }
}

fn modifier(it: &Statement) -> Result<u8, Fault> {
    it.args[0].number(0..=255).map(|number| number as u8)
}

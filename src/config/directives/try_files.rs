//! `try_files`, and `internal`, for locations that only the server itself leads to.

use super::{Contexts, Directive, MANY, row};
use crate::config::lex::Word;
use crate::config::parse::Statement;
use crate::config::problem::Fault;
use crate::config::scope::Scope;
use crate::config::types::{Otherwise, Phases, TriedFile, TryFiles};
use crate::config::value::digits;
use std::sync::Arc;

pub(super) const TABLE: &[Directive] = &[
    row("try_files", Contexts::SERVER.union(Contexts::LOCATION), 2..=MANY, "try_files $uri $uri/ =404;")
        .syntax("PATH ... URI|@NAME|=STATUS")
        .without("the path of the request is looked up")
        .not_inherited()
        .help("Answers with the first path that exists, and otherwise with the last value.")
        .once(try_files),
    row("internal", Contexts::LOCATION, 0..=0, "internal;")
        .without("clients may ask for the location")
        .help("Answers only after a redirect, a rewrite or an error inside the server; clients get 404.")
        .once(|scope, _| {
            scope.settings.internal = true;
            Ok(())
        }),
];

/// `try_files FILE ... TARGET;`
fn try_files(scope: &mut Scope<'_>, it: &Statement) -> Result<(), Fault> {
    let (last, words) = it.args.split_last().ok_or_else(|| it.name.fault("no values"))?;
    let mut files = Vec::with_capacity(words.len());
    for word in words {
        if word.text.starts_with('=') || word.text.starts_with('@') {
            let text = &word.text;
            scope.warn(
                word,
                format!("\"{text}\" is looked up as a file here: only the last value is a status or a name"),
            );
        }
        if word.text.is_empty() {
            continue; // nothing has this name
        }
        let text = word.plain()?.strip_suffix('/');
        let is_directory = text.is_some();
        let path = scope.template(&Word { text: text.unwrap_or(&word.text).to_owned(), ..word.clone() })?;
        files.push(TriedFile { path, is_directory });
    }
    let otherwise = match last.plain()?.split_at(1) {
        ("=", code) => match digits(code) {
            Some(code @ 200..=599) => Otherwise::Status(code as u16),
            _ => return Err(last.fault(format!("\"{code}\" is no status to answer with; accepted: 200 to 599"))),
        },
        ("@", _) => {
            scope.named_uses.push(last.clone());
            Otherwise::Named(last.text.clone())
        }
        _ => Otherwise::Path(scope.template(last)?),
    };
    scope.settings.try_files = Some(Arc::new(TryFiles { files, otherwise }));
    scope.settings.phases |= Phases::PRE_CONTENT;
    Ok(())
}

//! `try_files`, and `internal`, for locations that only the server itself leads to.

use super::{Contexts, Directive, Form, MANY};
use crate::config::lex::Word;
use crate::config::parse::Statement;
use crate::config::problem::Fault;
use crate::config::scope::Scope;
use crate::config::types::{Otherwise, Phases, TriedFile, TryFiles};
use crate::config::value::digits;
use std::sync::Arc;

pub(super) const TABLE: &[Directive] = &[
    Directive {
        name: "try_files",
        contexts: Contexts::SERVER.union(Contexts::LOCATION),
        args: 2..=MANY,
        example: "try_files $uri $uri/ =404;",
        form: Form::Once(try_files),
    },
    Directive {
        name: "internal",
        contexts: Contexts::LOCATION,
        args: 0..=0,
        example: "internal;",
        form: Form::Once(|scope, _| {
            scope.settings.internal = true;
            Ok(())
        }),
    },
];

/// `try_files FILE ... TARGET;`
fn try_files(scope: &mut Scope<'_>, it: &Statement) -> Result<(), Fault> {
    let (last, words) = it.args.split_last().ok_or_else(|| it.name.fault("no values"))?;
    let mut files = Vec::with_capacity(words.len());
    for word in words {
        if word.text.starts_with('=') || word.text.starts_with('@') {
            let message = format!("\"{}\" can only be the last value: it always answers", word.text);
            return Err(word.fault(message));
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

//! Uploads by POST: where they are stored, and how large a form may be.

use super::cgi;
use super::{Contexts, Directive, put, row};
use crate::config::lex::Word;
use crate::config::parse::Statement;
use crate::config::problem::Fault;
use crate::config::scope::Scope;
use std::path::PathBuf;
use std::sync::Arc;

/// More parts than one turn of the loop can look up, name and show.
const PARTS_MAX: usize = 1000;

/// The least limit for the head of a part: it must hold the names of the field and of the file.
const HEAD_BYTES_MIN: u64 = 256;

/// The highest limit for the head of one part.
const HEAD_BYTES_MAX: u64 = 1 << 20;

/// The highest limit for the fields of one form.
const FIELDS_BYTES_MAX: u64 = 16 << 20;

pub(super) const TABLE: &[Directive] = &[
    row("upload_store", Contexts::REQUEST, 1..=1, "upload_store uploads;")
        .syntax("FOLDER|off")
        .default("off")
        .own()
        .help("The folder that gets the bodies of POST requests as files.")
        .once(upload_store),
    row("upload_same_origin", Contexts::REQUEST, 1..=1, "upload_same_origin on;")
        .syntax("on|off")
        .default("off")
        .own()
        .help("Refuses uploads that the page of another site made the browser send.")
        .once(|scope, it| put(&mut scope.settings.upload_same_origin, it.args[0].flag())),
    row("upload_max_file_size", Contexts::REQUEST, 1..=1, "upload_max_file_size 100m;")
        .syntax("SIZE")
        .default("0")
        .own()
        .help("The largest file in a form; 0: no limit but client_max_body_size.")
        .once(|scope, it| put(&mut scope.settings.upload_limits.file_bytes_max, it.args[0].size())),
    row("upload_max_parts", Contexts::REQUEST, 1..=1, "upload_max_parts 100;")
        .syntax("NUMBER")
        .default("100")
        .own()
        .help("The most parts of one form.")
        .once(|scope, it| put(&mut scope.settings.upload_limits.parts_max, it.args[0].count(1..=PARTS_MAX))),
    row("upload_max_fields_size", Contexts::REQUEST, 1..=1, "upload_max_fields_size 64k;")
        .syntax("SIZE")
        .default("64k")
        .own()
        .help("The most bytes of the fields of one form that are no files.")
        .once(|scope, it| {
            let bytes = it.args[0].buffer(0..=FIELDS_BYTES_MAX).map(|bytes| bytes as u64);
            put(&mut scope.settings.upload_limits.fields_bytes_max, bytes)
        }),
    row("upload_max_part_head_size", Contexts::REQUEST, 1..=1, "upload_max_part_head_size 8k;")
        .syntax("SIZE")
        .default("8k")
        .own()
        .help("The longest head of one part of a form.")
        .once(|scope, it| {
            let bytes = it.args[0].buffer(HEAD_BYTES_MIN..=HEAD_BYTES_MAX);
            put(&mut scope.settings.upload_limits.head_bytes_max, bytes)
        }),
];

/// `upload_store DIR|off;` The folder may be a symbolic link; names in it are never followed.
fn upload_store(scope: &mut Scope<'_>, it: &Statement) -> Result<(), Fault> {
    scope.settings.upload_store = folder(scope, &it.args[0])?;
    Ok(())
}

fn folder(scope: &Scope<'_>, word: &Word) -> Result<Option<Arc<PathBuf>>, Fault> {
    match word.plain()? {
        "off" => Ok(None),
        // In the same form as `root`, so that the two can be compared.
        _ => Ok(Some(Arc::new(scope.path(word)?.components().collect()))),
    }
}

/// Called after all plain directives of a level. A program and a store cannot both answer POST: on one level both are
/// an error, and an inner level overrides an outer one. Where uploads are stored, a `cgi` of an outer level does not
/// apply, so that no uploaded file is run.
pub(in crate::config) fn settle(scope: &mut Scope<'_>) -> Result<(), Fault> {
    let store = scope.seen.get("upload_store").copied().filter(|_| scope.settings.upload_store.is_some());
    let program = ["cgi", "cgi_pass"].iter().find_map(|name| Some((name, *scope.seen.get(*name)?)));
    let program = program.filter(|_| scope.settings.cgi.is_some());
    match (store, program) {
        (Some(store), Some((name, place))) => {
            let first = scope.first_at(place);
            Err(Fault::new(store, format!("\"upload_store\" and \"{name}\" cannot both answer POST, {first}")))
        }
        (Some(_), None) => {
            cgi::turn_off(scope);
            Ok(())
        }
        (None, Some(_)) => {
            scope.settings.upload_store = None;
            Ok(())
        }
        (None, None) => Ok(()),
    }
}

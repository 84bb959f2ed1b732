//! The content of responses: files, their types, listings of directories, error pages, fixed responses.

use super::rewrite::{REWRITING, step};
use super::{Contexts, Directive, MANY, put, row};
use crate::config::lex::Word;
use crate::config::parse::Statement;
use crate::config::problem::Fault;
use crate::config::scope::Scope;
use crate::config::types::{DisableSymlinks, ErrorPage, ErrorPageStatus, EtagForm, Return, RewriteStep};
use crate::config::value::digits;
use crate::http::listing::Format;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

/// More ranges than a request's head has room for.
const RANGES_MAX: usize = 1_000_000;

pub(super) const TABLE: &[Directive] = &[
    row(
        "root",
        Contexts::REQUEST.union(Contexts::LOCATION_IF).union(Contexts::DIRECTORY).union(Contexts::DIRECTORY_SERVER),
        1..=1,
        "root html;",
    )
    .syntax("PATH")
    .default("html")
    .help("The folder in which the path of a request is looked up.")
    .once(root),
    row("index", Contexts::REQUEST, 1..=MANY, "index index.html;")
        .syntax("NAME ...")
        .default("index.html")
        .help("The files that answer for a folder; the first that exists does.")
        .repeat(index),
    row("random_index", Contexts::REQUEST, 1..=1, "random_index on;")
        .syntax("on|off")
        .default("off")
        .help("A file of a folder, chosen by chance, answers for it.")
        .once(|scope, it| put(&mut scope.settings.autoindex.random, it.args[0].flag())),
    row("empty_gif", Contexts::LOCATION, 0..=0, "empty_gif;")
        .without("the request is answered with a file")
        .not_inherited()
        .help("Answers with a picture of one transparent pixel.")
        .once(|scope, _| {
            scope.settings.empty_gif = true;
            Ok(())
        }),
    row("types", Contexts::REQUEST, 0..=0, "types { text/html html htm; }")
        .without("the types of config/mime.types")
        .differs("nginx knows three types without it")
        .help("The media types of files by their endings.")
        .table(types),
    row("default_type", Contexts::REQUEST, 1..=1, "default_type text/plain;")
        .syntax("TYPE")
        .default("text/plain")
        .help("The media type of files whose ending is unknown.")
        .once(|scope, it| put(&mut scope.settings.default_type, media_type(&it.args[0]))),
    row("error_page", Contexts::REQUEST.union(Contexts::LOCATION_IF), 2..=MANY, "error_page 404 /404.html;")
        .syntax("STATUS ... [=[STATUS]] URI")
        .without("a short page of the server")
        .help("The page that is sent for an error, or a redirect to it.")
        .repeat(error_page),
    row("return", REWRITING, 1..=2, "return 301 https://example.org/;")
        .syntax("STATUS [TEXT] | STATUS URL | URL")
        .without("the request is answered with a file")
        .not_inherited()
        .help("Answers at once with a status, a text or a redirect.")
        .repeat(return_),
    row("recursive_error_pages", Contexts::REQUEST, 1..=1, "recursive_error_pages on;")
        .syntax("on|off")
        .default("off")
        .help("An error page that fails may have an error page of its own.")
        .once(|scope, it| put(&mut scope.settings.recursive_error_pages, it.args[0].flag())),
    row("server_tokens", Contexts::REQUEST, 1..=1, "server_tokens off;")
        .syntax("on|off")
        .default("on")
        .differs("nginx has the value build as well")
        .help("Shows the version in the Server field and on error pages.")
        .once(|scope, it| put(&mut scope.settings.server_tokens, it.args[0].flag())),
    row("etag", Contexts::REQUEST, 1..=1, "etag off;")
        .syntax("on|off|mtime")
        .default("on")
        .differs("mtime, a tag of the time and length alone, is only here")
        .help("Sends an ETag with files.")
        .once(|scope, it| {
            let choices = [("on", EtagForm::On), ("off", EtagForm::Off), ("mtime", EtagForm::Mtime)];
            put(&mut scope.settings.etag, it.args[0].choice("value", &choices))
        }),
    row("disable_symlinks", Contexts::REQUEST, 1..=1, "disable_symlinks if_not_owner;")
        .syntax("off|on|if_not_owner")
        .default("off")
        .differs("from= is not supported")
        .help("Refuses paths with symbolic links.")
        .once(|scope, it| {
            let choices = [
                ("off", DisableSymlinks::Off),
                ("on", DisableSymlinks::On),
                ("if_not_owner", DisableSymlinks::IfNotOwner),
            ];
            put(&mut scope.settings.disable_symlinks, it.args[0].choice("value", &choices))
        }),
    row("autoindex", Contexts::REQUEST, 1..=1, "autoindex on;")
        .syntax("on|off")
        .default("off")
        .help("Answers with a listing for a folder without an index file.")
        .once(|scope, it| put(&mut scope.settings.autoindex.on, it.args[0].flag())),
    row("autoindex_exact_size", Contexts::REQUEST, 1..=1, "autoindex_exact_size off;")
        .syntax("on|off")
        .default("on")
        .help("Shows sizes in bytes, and not rounded, in HTML listings.")
        .once(|scope, it| put(&mut scope.settings.autoindex.exact_size, it.args[0].flag())),
    row("autoindex_localtime", Contexts::REQUEST, 1..=1, "autoindex_localtime on;")
        .syntax("on|off")
        .default("off")
        .help("Shows the local time in HTML listings, and not UTC.")
        .once(|scope, it| put(&mut scope.settings.autoindex.localtime, it.args[0].flag())),
    row("autoindex_format", Contexts::REQUEST, 1..=1, "autoindex_format json;")
        .syntax("html|json|jsonp|xml|auto")
        .default("html")
        .differs("auto, which follows the request's Accept field, is only here")
        .help("The format of listings.")
        .once(|scope, it| {
            let choices = [
                ("html", Some(Format::Html)),
                ("json", Some(Format::Json)),
                ("jsonp", Some(Format::Jsonp)),
                ("xml", Some(Format::Xml)),
                ("auto", None),
            ];
            put(&mut scope.settings.autoindex.format, it.args[0].choice("value", &choices))
        }),
    row("max_ranges", Contexts::REQUEST, 1..=1, "max_ranges 16;")
        .syntax("NUMBER")
        .without("no limit")
        .help("The number of ranges that one request may ask for; 0 turns ranges off.")
        .once(|scope, it| put(&mut scope.settings.max_ranges, it.args[0].count(0..=RANGES_MAX).map(Some))),
];

fn root(scope: &mut Scope<'_>, it: &Statement) -> Result<(), Fault> {
    let path = scope.root_path(&it.args[0], false)?;
    if let Some(alias) = scope.seen.get("alias") {
        let alias = scope.first_at(*alias);
        return Err(it.name.fault(format!("\"root\" and \"alias\" exclude each other, {alias}")));
    }
    // The rest of the path is put directly behind the root, and begins with a slash.
    scope.settings.root = path.components().collect::<PathBuf>();
    scope.settings.alias = None;
    Ok(())
}

fn index(scope: &mut Scope<'_>, it: &Statement) -> Result<(), Fault> {
    if scope.first {
        scope.settings.index.clear();
    }
    for (position, word) in it.args.iter().enumerate() {
        let name = word.plain()?.to_owned();
        if name.starts_with('/') && position + 1 < it.args.len() {
            scope.warn(word, format!("\"{name}\" is absolute: it always answers, and the names after it never"));
        }
        let name = scope.template(word)?;
        scope.settings.index.push(name);
    }
    Ok(())
}

/// `types { TYPE EXTENSION ...; }`
fn types(scope: &mut Scope<'_>, it: &Statement) -> Result<(), Fault> {
    if scope.first {
        scope.settings.types = Arc::new(HashMap::new());
        scope.settings.extensions = Arc::new(HashMap::new());
    }
    for row in it.statements() {
        if let Some(block) = &row.block {
            return Err(Fault::new(block.open, "no blocks inside of \"types\""));
        }
        let media_type = media_type(&row.name)?;
        if row.args.is_empty() {
            return Err(row.name.fault(format!("\"{media_type}\" has no extensions, as in: text/html html htm;")));
        }
        for word in &row.args {
            let extension = word.plain()?.to_ascii_lowercase();
            if extension.contains(['.', '/']) {
                return Err(word.fault(format!("\"{}\" is no extension; write it without dots", word.text)));
            }
            let extensions = Arc::make_mut(&mut scope.settings.extensions);
            extensions.entry(media_type.clone()).or_insert_with(|| extension.clone());
            let types = Arc::make_mut(&mut scope.settings.types);
            let former = types.insert(extension, media_type.clone()).filter(|former| *former != media_type);
            if let Some(former) = former {
                scope.warn(word, format!("\"{}\" was \"{former}\" before; the last one holds", word.text));
            }
        }
    }
    Ok(())
}

/// `type/subtype`, with or without parameters.
fn media_type(word: &Word) -> Result<Arc<str>, Fault> {
    let text = word.plain()?;
    match text.split_once('/') {
        Some((kind, rest)) if !kind.is_empty() && !rest.is_empty() => Ok(Arc::from(text)),
        _ => Err(word.fault(format!("\"{text}\" is no media type, as in text/html"))),
    }
}

/// `error_page CODE ... [=[ANSWER]] URI;`
fn error_page(scope: &mut Scope<'_>, it: &Statement) -> Result<(), Fault> {
    let (uri_word, words) = it.args.split_last().ok_or_else(|| it.name.fault("no values"))?;
    let (answer, words) = match words.split_last() {
        Some((last, rest)) if last.text.starts_with('=') => (answer(last)?, rest),
        _ => (ErrorPageStatus::Keep, words),
    };
    if words.is_empty() {
        return Err(it.name.fault("\"error_page\" needs a status before its page, as in: error_page 404 /404.html;"));
    }
    let code = |word: &Word| match digits(&word.text) {
        Some(499) => Err(word.fault("499 has no error page: the client is gone")),
        Some(code @ 300..=599) => Ok(code as u16),
        _ => Err(word.fault(format!("\"{}\" is no status with an error page; accepted: 300 to 599", word.text))),
    };
    let codes = words.iter().map(code).collect::<Result<Vec<u16>, Fault>>()?;
    let uri = scope.template(uri_word)?;
    uri_word.plain()?;
    let start = uri.leading_text();
    if start.starts_with('@') {
        scope.named_uses.push(uri_word.clone());
    } else if !start.is_empty() && !start.starts_with('/') && !is_url(start) {
        let text = &uri_word.text;
        let message = format!(
            "the client is redirected to \"{text}\": a page of this server begins with \"/\", as in \"/{text}\""
        );
        scope.warn(uri_word, message);
    }
    if scope.first {
        scope.settings.error_pages.clear();
    }
    scope.settings.error_pages.push(ErrorPage { codes, answer, uri });
    Ok(())
}

/// `=` or `=CODE`.
fn answer(word: &Word) -> Result<ErrorPageStatus, Fault> {
    match (&word.text[1..], digits(&word.text[1..])) {
        ("", _) => Ok(ErrorPageStatus::FromPage),
        (_, Some(code @ 200..=599)) => Ok(ErrorPageStatus::Set(code as u16)),
        (text, _) => Err(word.fault(format!("\"{text}\" is no status to answer with; accepted: 200 to 599"))),
    }
}

/// `return CODE [TEXT];` or `return URL;`
fn return_(scope: &mut Scope<'_>, it: &Statement) -> Result<(), Fault> {
    let first = &it.args[0];
    let (code, text) = match (digits(&first.text), it.args.get(1)) {
        (Some(code @ 200..=599), text) => (code as u16, text),
        (Some(_), _) => {
            return Err(first.fault(format!("\"{}\" is no status to answer with; accepted: 200 to 599", first.text)));
        }
        (None, None) if is_url(&first.text) || first.text.starts_with("$scheme") => (302, Some(first)),
        (None, _) => {
            let message =
                format!("\"{}\" is neither a status nor a URL, as in: return 404; return https://x/;", first.text);
            return Err(first.fault(message));
        }
    };
    let redirect = matches!(code, 301 | 302 | 303 | 307 | 308);
    if let Some(text) = text.filter(|_| redirect) {
        text.plain()?;
    }
    let text = text.map(|word| scope.template(word)).transpose()?;
    let answer = Arc::new(Return { code, text, adds_slash: false });
    if scope.context.intersects(Contexts::SERVER.union(Contexts::LOCATION)) && scope.settings.return_.is_none() {
        scope.settings.return_ = Some(Arc::clone(&answer));
    }
    step(scope, RewriteStep::Return(answer));
    Ok(())
}

fn is_url(text: &str) -> bool {
    text.starts_with("http://") || text.starts_with("https://")
}

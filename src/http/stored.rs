//! The answer to an upload: which files have been stored, under which names, and the other fields of the form.

use super::accept;
use super::fields::Fields;
use super::listing::{STYLE, json_escape, push_all, push_html, push_rounded, push_text};
use super::number::push_decimal;
use super::target::escape_path;

/// The part of the page's style that a listing does not have.
const FIELDS_STYLE: &str = "h2 { margin: 2rem 0 .5rem; font-size: 1.125rem }\n\
    dt { color: var(--soft); font-size: .875rem }\ndd { margin: 0 0 .75rem; overflow-wrap: anywhere }\n";

/// A stored file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoredFile {
    /// The field of the form; None if the whole body was the file.
    pub field: Option<String>,
    /// The name on this server.
    pub name: String,
    /// The path of its URL, decoded; None if it is not served.
    pub url_path: Option<Vec<u8>>,
    /// The length in bytes.
    pub size_bytes: u64,
    /// The media type that the client sent; "" if it sent none.
    pub media_type: String,
}

/// The format of the answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AnswerFormat {
    /// A page for people.
    Html,
    /// A JSON object with `files` and `fields`.
    Json,
}

impl AnswerFormat {
    /// The format that the client prefers by its Accept: the page only if it names text/html, as browsers do. A client
    /// that accepts anything is taken for a program.
    pub fn preferred(fields: &Fields) -> AnswerFormat {
        match accept::prefers(fields, &[b"application/json", b"text/html"]) {
            Some(1) => AnswerFormat::Html,
            _ => AnswerFormat::Json,
        }
    }

    /// The media type of the format.
    pub const fn content_type(self) -> &'static str {
        match self {
            AnswerFormat::Html => "text/html; charset=utf-8",
            AnswerFormat::Json => "application/json",
        }
    }

    /// The whole answer: files, and fields with their values, in the order of the form.
    pub fn write(self, files: &[StoredFile], fields: &[(String, Vec<u8>)]) -> Vec<u8> {
        let mut out = Vec::with_capacity(256);
        match self {
            AnswerFormat::Html => push_page(&mut out, files, fields),
            AnswerFormat::Json => push_json(&mut out, files, fields),
        }
        out
    }
}

fn push_json(out: &mut Vec<u8>, files: &[StoredFile], fields: &[(String, Vec<u8>)]) {
    push_all(out, &["{\"files\":["]);
    for (i, file) in files.iter().enumerate() {
        push_all(out, &[if i == 0 { "\n{" } else { ",\n{" }]);
        if let Some(field) = &file.field {
            push_member(out, "field", field.as_bytes());
            out.push(b',');
        }
        push_member(out, "name", file.name.as_bytes());
        if let Some(path) = &file.url_path {
            out.push(b',');
            push_member(out, "url", &escape_path(path));
        }
        push_all(out, &[",\"bytes\":"]);
        push_decimal(out, file.size_bytes);
        out.push(b',');
        push_member(out, "type", file.media_type.as_bytes());
        out.push(b'}');
    }
    push_all(out, &["],\n\"fields\":["]);
    for (i, (name, value)) in fields.iter().enumerate() {
        push_all(out, &[if i == 0 { "\n{" } else { ",\n{" }]);
        push_member(out, "name", name.as_bytes());
        out.push(b',');
        push_member(out, "value", value);
        out.push(b'}');
    }
    push_all(out, &["]}\n"]);
}

/// `"name":"value"`
fn push_member(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    push_all(out, &["\"", name, "\":\""]);
    push_text(out, value, json_escape);
    out.push(b'"');
}

fn push_page(out: &mut Vec<u8>, files: &[StoredFile], fields: &[(String, Vec<u8>)]) {
    let title = match files.len() {
        0 => "Nothing was stored",
        1 => "Stored",
        _ => "All stored",
    };
    push_all(out, &["<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"]);
    push_all(out, &["<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>", title]);
    push_all(
        out,
        &["</title>\n<style>\n", STYLE, FIELDS_STYLE, "</style>\n</head>\n<body>\n<main>\n<h1>", title, "</h1>\n"],
    );
    if !files.is_empty() {
        push_all(out, &["<table>\n<caption>"]);
        push_decimal(out, files.len() as u64);
        push_all(out, &[if files.len() == 1 { " file, " } else { " files, " }]);
        push_rounded(out, files.iter().map(|file| file.size_bytes).sum());
        push_all(out, &["</caption>\n<thead>\n<tr><th scope=\"col\">Name</th><th scope=\"col\">Type</th>"]);
        push_all(out, &["<th scope=\"col\">Size</th></tr>\n</thead>\n<tbody>\n"]);
        files.iter().for_each(|file| push_row(out, file));
        push_all(out, &["</tbody>\n</table>\n"]);
    }
    if !fields.is_empty() {
        push_all(out, &["<h2>Fields</h2>\n<dl>\n"]);
        for (name, value) in fields {
            push_all(out, &["<dt>"]);
            push_html(out, name.as_bytes());
            push_all(out, &["</dt><dd>"]);
            push_html(out, value);
            push_all(out, &["</dd>\n"]);
        }
        push_all(out, &["</dl>\n"]);
    }
    push_all(out, &["</main>\n</body>\n</html>\n"]);
}

fn push_row(out: &mut Vec<u8>, file: &StoredFile) {
    push_all(out, &["<tr><th scope=\"row\">"]);
    if let Some(path) = &file.url_path {
        push_all(out, &["<a href=\""]);
        push_html(out, &escape_path(path));
        push_all(out, &["\">"]);
    }
    push_html(out, file.name.as_bytes());
    push_all(out, &[if file.url_path.is_some() { "</a>" } else { "" }, "</th><td>"]);
    push_html(out, file.media_type.as_bytes());
    push_all(out, &["</td><td>"]);
    push_rounded(out, file.size_bytes);
    push_all(out, &["</td></tr>\n"]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, url_path: Option<&str>) -> StoredFile {
        let media_type = "text/plain".to_owned();
        let url_path = url_path.map(|path| path.as_bytes().to_vec());
        StoredFile { field: Some("f".into()), name: name.to_owned(), url_path, size_bytes: 2048, media_type }
    }

    fn text(format: AnswerFormat, files: &[StoredFile], fields: &[(String, Vec<u8>)]) -> String {
        String::from_utf8(format.write(files, fields)).unwrap()
    }

    #[test]
    fn json_says_all_that_is_known() {
        let files = [file("a \"b\".txt", Some("/u/a \"b\".txt")), StoredFile { field: None, ..file("c", None) }];
        let fields = [("x".to_owned(), b"1\n\xff".to_vec()), ("y".to_owned(), Vec::new())];
        assert_eq!(
            text(AnswerFormat::Json, &files, &fields),
            "{\"files\":[\n{\"field\":\"f\",\"name\":\"a \\\"b\\\".txt\",\"url\":\"/u/a%20%22b%22.txt\",\"bytes\":2048,\
             \"type\":\"text/plain\"},\n{\"name\":\"c\",\"bytes\":2048,\"type\":\"text/plain\"}],\n\"fields\":[\n\
             {\"name\":\"x\",\"value\":\"1\\u000a\u{fffd}\"},\n{\"name\":\"y\",\"value\":\"\"}]}\n"
        );
        assert_eq!(text(AnswerFormat::Json, &[], &[]), "{\"files\":[],\n\"fields\":[]}\n");
    }

    /// Names and values never become markup, and tags are closed in order.
    #[test]
    fn the_page_is_well_formed_and_nothing_breaks_out() {
        let evil = "<script>&\"'</td>\u{202e}";
        let stored = StoredFile { media_type: evil.into(), ..file(evil, Some("/u/&'\"<x>")) };
        let page = text(AnswerFormat::Html, &[stored, file("b", None)], &[(evil.into(), evil.into())]);
        assert!(
            !page.contains("<script>") && !page.contains('\u{202e}') && page.contains("2 files, 4.0 KiB"),
            "{page}"
        );
        assert!(page.contains("<a href=\"/u/&amp;&#39;%22%3Cx%3E\">&lt;script&gt;&amp;&quot;&#39;"), "{page}");
        let mut open = Vec::new();
        for tag in page.split('<').skip(1).map(|rest| rest.split(['>', ' ']).next().unwrap()) {
            match tag.strip_prefix('/') {
                Some(name) => assert_eq!(open.pop(), Some(name), "{page}"),
                None if !["!DOCTYPE", "meta"].contains(&tag) => open.push(tag),
                None => {}
            }
        }
        assert!(open.is_empty(), "{page}");
        assert!(text(AnswerFormat::Html, &[], &[]).contains("Nothing was stored"));
    }
}

//! A directory's listing as text: HTML; JSON and XML as nginx's autoindex writes them; or plain lines, for the
//! directory protocol. It is made in pieces (a head, the entries, a tail), so the whole listing is never in memory.
//!
//! A name may have any bytes but "/" and NUL. A link holds every byte of the name, percent-encoded. The text that
//! people and parsers read shows bytes that are not UTF-8 as U+FFFD. If JSON or XML cannot hold the exact name, an
//! `href` beside it does.

use super::accept;
use super::date;
use super::fields::Fields;
use super::number::push_decimal;
use super::target::escape_segment;

/// The format of a listing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// A page for people. Where scripts run, a click on a column sorts it; where they do not, it is complete too.
    Html,
    /// An array of objects with `name`, `type`, `mtime` and, for files, `size`.
    Json,
    /// The array as the argument of a function, as a script of another site can load it.
    Jsonp,
    /// A `list` of `directory` and `file` elements with attributes `mtime` and `size`.
    Xml,
    /// A line for each name that fits into a line, and an empty line at the end. With `counted`, a line with their
    /// number comes first.
    Lines {
        /// Whether the number of names comes first.
        counted: bool,
    },
}

impl Format {
    /// The format that the client prefers by its Accept; HTML if it accepts none.
    pub fn preferred(fields: &Fields) -> Format {
        // RFC 7303 section 9.2: text/xml is an alias of application/xml.
        const TYPES: [&[u8]; 4] = [b"text/html", b"application/json", b"application/xml", b"text/xml"];
        match accept::prefers(fields, &TYPES) {
            Some(1) => Format::Json,
            Some(2 | 3) => Format::Xml,
            _ => Format::Html,
        }
    }

    /// The media type of the format.
    pub const fn content_type(self) -> &'static str {
        match self {
            Format::Html => "text/html; charset=utf-8",
            Format::Json => "application/json",
            Format::Jsonp => "application/javascript",
            Format::Xml => "text/xml; charset=utf-8",
            Format::Lines { .. } => "text/plain; charset=us-ascii",
        }
    }

    /// Whether the format can show this name. A line can if the name is printable ASCII and has no blanks at its ends
    /// and no two blanks in a row: the protocol reads a run of blanks as one, so two names would look the same.
    pub fn says(self, name: &[u8]) -> bool {
        let space_is_lost = || name.starts_with(b" ") || name.ends_with(b" ") || name.windows(2).any(|w| w == b"  ");
        match self {
            Format::Html | Format::Json | Format::Jsonp | Format::Xml => true,
            Format::Lines { .. } => name.iter().all(|b| matches!(b, b' '..=b'~')) && !space_is_lost(),
        }
    }
}

/// One name in a directory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ListingEntry<'a> {
    /// The bytes of the name.
    pub name: &'a [u8],
    /// True for a directory, false for a file.
    pub is_directory: bool,
    /// The length of a file in bytes.
    pub size_bytes: u64,
    /// The time of the last change, in seconds since 1970.
    pub modified_secs: i64,
    /// The distance of local time from UTC at that time, in seconds, with [`Listing::localtime`]; otherwise 0.
    pub offset_secs: i32,
}

/// How many entries there are, for the caption of the page.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Totals {
    /// The number of directories.
    pub directories: u64,
    /// The number of files.
    pub files: u64,
    /// The length of all files together, in bytes.
    pub size_bytes: u64,
}

/// What all entries of a listing have in common.
#[derive(Clone, Copy, Debug)]
pub struct Listing<'a> {
    /// The format.
    pub format: Format,
    /// The path of the directory in the URL, decoded; ends in "/".
    pub path: &'a [u8],
    /// The page shows sizes in bytes, not rounded.
    pub exact_size: bool,
    /// The page shows local times, not UTC.
    pub localtime: bool,
    /// The function of [`Format::Jsonp`].
    pub callback: &'a [u8],
}

/// The longest name of a function, in bytes; the same as nginx's.
const CALLBACK_BYTES_MAX: usize = 128;

/// Whether this may be the function of [`Format::Jsonp`]: letters, digits, "_" and ".", so that it is no other script.
pub fn is_callback(name: &[u8]) -> bool {
    name.len() <= CALLBACK_BYTES_MAX && name.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.'))
}

impl Listing<'_> {
    /// Appends everything before the first entry.
    pub fn push_head(&self, out: &mut Vec<u8>, totals: &Totals) {
        match self.format {
            Format::Html => self.push_page_head(out, totals),
            Format::Json => out.push(b'['),
            Format::Jsonp => {
                push_all(out, &["/* callback */\r\n"]); // no name of a function is the beginning of another format
                out.extend_from_slice(self.callback);
                push_all(out, &["(["]);
            }
            Format::Xml => out.extend_from_slice(b"<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<list>\n"),
            Format::Lines { counted: false } => {}
            Format::Lines { counted: true } => {
                push_decimal(out, totals.directories + totals.files);
                push_all(out, &["\r\n"]);
            }
        }
    }

    /// Appends one entry; the `last` one has no separator behind it.
    pub fn push_entry(&self, out: &mut Vec<u8>, entry: &ListingEntry<'_>, last: bool) {
        match self.format {
            Format::Html => self.push_row(out, entry),
            Format::Json | Format::Jsonp => push_object(out, entry, last),
            Format::Xml => push_element(out, entry),
            Format::Lines { .. } => {
                out.extend_from_slice(entry.name);
                push_all(out, &["\r\n"]);
            }
        }
    }

    /// Appends everything behind the last entry.
    pub fn push_tail(&self, out: &mut Vec<u8>) {
        let tail: &[&str] = match self.format {
            Format::Html => &["</tbody>\n</table>\n</main>\n<script>\n", SCRIPT, "</script>\n</body>\n</html>\n"],
            Format::Json => &["\n]\n"],
            Format::Jsonp => &["\n]);\n"],
            Format::Xml => &["</list>\n"],
            Format::Lines { .. } => &["\r\n"],
        };
        push_all(out, tail);
    }

    fn push_page_head(&self, out: &mut Vec<u8>, totals: &Totals) {
        push_all(out, &["<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"]);
        push_all(out, &["<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>Index of "]);
        push_html(out, self.path);
        push_all(out, &["</title>\n<style>\n", STYLE, "</style>\n</head>\n<body>\n<main>\n"]);
        self.push_breadcrumb(out);
        push_all(out, &["<table>\n<caption>"]);
        push_totals(out, totals);
        let zone = if self.localtime { "server time" } else { "UTC" };
        push_all(out, &["</caption>\n<thead>\n<tr><th scope=\"col\" aria-sort=\"ascending\">Name</th>"]);
        push_all(out, &["<th scope=\"col\">Changed (", zone, ")</th><th scope=\"col\">Size</th></tr>\n</thead>\n"]);
        if self.path != b"/" {
            let parent = "<a class=\"parent\" href=\"../\">Parent folder</a>";
            push_all(out, &["<tbody>\n<tr><th scope=\"row\">", parent, "</th><td></td><td></td></tr>\n</tbody>\n"]);
        }
        push_all(out, &["<tbody>\n"]);
    }

    /// The path, with a link to each directory on the way. All links of the page are relative, so they also work behind
    /// a proxy with another prefix.
    fn push_breadcrumb(&self, out: &mut Vec<u8>) {
        push_all(out, &["<nav aria-label=\"Path\"><h1>Index of "]);
        let above = self.path.iter().filter(|b| **b == b'/').count().saturating_sub(1);
        for (i, name) in self.path.split_inclusive(|b| *b == b'/').enumerate() {
            if i < above {
                push_all(out, &["<a href=\""]);
                (i..above).for_each(|_| out.extend_from_slice(b"../"));
                push_all(out, &["\">"]);
                push_html(out, name);
                push_all(out, &["</a><wbr>"]);
            } else {
                push_all(out, &["<span aria-current=\"page\">"]);
                push_html(out, name);
                push_all(out, &["</span>"]);
            }
        }
        push_all(out, &["</h1></nav>\n"]);
    }

    fn push_row(&self, out: &mut Vec<u8>, entry: &ListingEntry<'_>) {
        let slash = if entry.is_directory { "/" } else { "" };
        push_all(out, &["<tr><th scope=\"row\"><a class=\"", icon(entry), "\" href=\""]);
        out.extend_from_slice(&escape_segment(entry.name));
        push_all(out, &[slash, "\""]);
        match cut(entry.name) {
            None => {
                push_all(out, &[">"]);
                push_html(out, entry.name);
                push_all(out, &[slash, "</a></th><td>"]);
            }
            Some(start) => {
                push_all(out, &[" title=\""]);
                push_html(out, entry.name);
                push_all(out, &[slash, "\">"]);
                push_html(out, start.as_bytes());
                push_all(out, &["..&gt;</a></th><td>"]);
            }
        }
        let time = date::format_rfc3339(entry.modified_secs.saturating_add(i64::from(entry.offset_secs)));
        out.extend_from_slice(&time[..10]);
        out.push(b' ');
        out.extend_from_slice(&time[11..16]);
        if entry.is_directory {
            return push_all(out, &["</td><td></td></tr>\n"]);
        }
        push_all(out, &["</td><td data-bytes=\""]);
        push_decimal(out, entry.size_bytes);
        push_all(out, &["\">"]);
        match self.exact_size {
            true => push_grouped(out, entry.size_bytes),
            false => push_rounded(out, entry.size_bytes),
        }
        push_all(out, &["</td></tr>\n"]);
    }
}

/// The first characters of a name that is too long to be shown, as in nginx's listings: the longest has 50.
fn cut(name: &[u8]) -> Option<String> {
    let is_long = name.len() > 50 && String::from_utf8_lossy(name).chars().nth(50).is_some();
    is_long.then(|| String::from_utf8_lossy(name).chars().take(47).collect())
}

/// The style and the script of the page.
pub(super) const STYLE: &str = include_str!("listing/style.css");
const SCRIPT: &str = include_str!("listing/sort.js");

/// The class that the style sheet gives a picture to.
fn icon(entry: &ListingEntry<'_>) -> &'static str {
    const KINDS: [(&str, &[&str]); 5] = [
        ("image", &["png", "jpg", "jpeg", "gif", "svg", "webp", "avif", "ico", "bmp", "tif", "tiff", "heic"]),
        ("sound", &["mp3", "ogg", "oga", "opus", "flac", "wav", "m4a", "aac", "mid"]),
        ("film", &["mp4", "webm", "mkv", "mov", "avi", "ogv", "m4v", "mpg"]),
        ("pack", &["zip", "gz", "tgz", "bz2", "xz", "zst", "7z", "rar", "tar", "deb", "rpm", "jar", "iso"]),
        ("text", &["txt", "md", "pdf", "csv", "log", "rtf", "doc", "docx", "odt", "tex", "epub"]),
    ];
    if entry.is_directory {
        return "folder";
    }
    let dot = memchr::memrchr(b'.', entry.name).map_or(entry.name.len(), |dot| dot + 1);
    let extension = &entry.name[dot..];
    let known = |names: &[&str]| names.iter().any(|name| extension.eq_ignore_ascii_case(name.as_bytes()));
    KINDS.iter().find(|(_, names)| known(names)).map_or("file", |(kind, _)| kind)
}

/// `2 folders, 1 file, 1.5 KiB`
fn push_totals(out: &mut Vec<u8>, totals: &Totals) {
    for (count, one, more) in [(totals.directories, " folder, ", " folders, "), (totals.files, " file, ", " files, ")] {
        push_grouped(out, count);
        push_all(out, &[if count == 1 { one } else { more }]);
    }
    push_rounded(out, totals.size_bytes);
}

/// `1,234,567`
fn push_grouped(out: &mut Vec<u8>, number: u64) {
    let start = out.len();
    push_decimal(out, number);
    let mut at = out.len();
    while at > start + 3 {
        at -= 3;
        out.insert(at, b',');
    }
}

/// `512 B`, `1.2 KiB`, `12 KiB`: at least two digits, rounded to the nearest value.
pub(super) fn push_rounded(out: &mut Vec<u8>, bytes: u64) {
    const UNITS: [&str; 6] = [" KiB", " MiB", " GiB", " TiB", " PiB", " EiB"];
    if bytes < 1024 {
        push_decimal(out, bytes);
        return push_all(out, &[" B"]);
    }
    for (i, unit) in UNITS.iter().enumerate() {
        let shift = 10 * (i + 1);
        let rounded = |factor: u128| ((u128::from(bytes) * factor + (1 << (shift - 1))) >> shift) as u64;
        match (rounded(10), rounded(1)) {
            (tenths @ ..100, _) => {
                push_decimal(out, tenths / 10);
                out.push(b'.');
                push_decimal(out, tenths % 10);
            }
            (_, whole @ ..1024) => push_decimal(out, whole),
            _ => continue,
        }
        return push_all(out, &[unit]);
    }
}

/// As nginx: `{ "name":"a", "type":"file", "mtime":"Sun, 06 Nov 1994 08:49:37 GMT", "size":5 }`.
fn push_object(out: &mut Vec<u8>, entry: &ListingEntry<'_>, last: bool) {
    push_all(out, &["\n{ \"name\":\""]);
    push_text(out, entry.name, json_escape);
    push_all(out, &[if entry.is_directory { "\", \"type\":\"directory" } else { "\", \"type\":\"file" }]);
    push_all(out, &["\", \"mtime\":\""]);
    out.extend_from_slice(&date::format(entry.modified_secs));
    push_all(out, &["\""]);
    if !entry.is_directory {
        push_all(out, &[", \"size\":"]);
        push_decimal(out, entry.size_bytes);
    }
    if std::str::from_utf8(entry.name).is_err() {
        push_all(out, &[", \"href\":\""]);
        out.extend_from_slice(&escape_segment(entry.name));
        push_all(out, &["\""]);
    }
    push_all(out, &[if last { " }" } else { " }," }]);
}

/// As nginx: `<file mtime="1994-11-06T08:49:37Z" size="5">a</file>`.
fn push_element(out: &mut Vec<u8>, entry: &ListingEntry<'_>) {
    let (start, end) = match entry.is_directory {
        true => ("<directory mtime=\"", "</directory>\n"),
        false => ("<file mtime=\"", "</file>\n"),
    };
    push_all(out, &[start]);
    out.extend_from_slice(&date::format_rfc3339(entry.modified_secs));
    if !entry.is_directory {
        push_all(out, &["\" size=\""]);
        push_decimal(out, entry.size_bytes);
    }
    let sayable = std::str::from_utf8(entry.name).is_ok_and(|name| name.chars().all(is_xml));
    if !sayable {
        push_all(out, &["\" href=\""]);
        out.extend_from_slice(&escape_segment(entry.name));
    }
    push_all(out, &["\">"]);
    push_text(out, entry.name, xml_escape);
    push_all(out, &[end]);
}

/// How a format writes a character.
pub(super) enum Said {
    /// As the character itself.
    Itself,
    /// As another character.
    Other(char),
    /// As this text.
    Escape(&'static str),
    /// As its number, in two hexadecimal digits between these texts.
    Number(&'static str, &'static str),
}

/// Appends a name as text; `say` decides how each character is written.
pub(super) fn push_text(out: &mut Vec<u8>, name: &[u8], say: fn(char) -> Said) {
    if name.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'.' | b'-' | b'_' | b' ')) {
        return out.extend_from_slice(name); // most names have only characters that every format writes unchanged
    }
    let push_char = |out: &mut Vec<u8>, c: char| out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    for character in String::from_utf8_lossy(name).chars() {
        match say(character) {
            Said::Itself => push_char(out, character),
            Said::Other(other) => push_char(out, other),
            Said::Escape(text) => push_all(out, &[text]),
            Said::Number(before, behind) => {
                let digit = |value: u32| char::from_digit(value & 15, 16).unwrap_or('0');
                push_all(out, &[before]);
                push_char(out, digit(character as u32 >> 4));
                push_char(out, digit(character as u32));
                push_all(out, &[behind]);
            }
        }
    }
}

pub(super) fn push_html(out: &mut Vec<u8>, name: &[u8]) {
    push_text(out, name, html_escape);
}

/// Text of a page. Control characters become their pictures, and no character can change the direction of the text
/// behind it.
fn html_escape(character: char) -> Said {
    match character {
        '&' => Said::Escape("&amp;"),
        '<' => Said::Escape("&lt;"),
        '>' => Said::Escape("&gt;"),
        '"' => Said::Escape("&quot;"),
        '\'' => Said::Escape("&#39;"),
        '\0'..='\x1f' => Said::Other(char::from_u32(0x2400 + character as u32).unwrap_or(char::REPLACEMENT_CHARACTER)),
        '\x7f' => Said::Other('\u{2421}'),
        '\u{80}'..='\u{9f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            Said::Other(char::REPLACEMENT_CHARACTER)
        }
        _ => Said::Itself,
    }
}

/// RFC 8259 section 7.
pub(super) fn json_escape(character: char) -> Said {
    match character {
        '"' => Said::Escape("\\\""),
        '\\' => Said::Escape("\\\\"),
        '\0'..='\x1f' => Said::Number("\\u00", ""),
        _ => Said::Itself,
    }
}

/// XML 1.0 section 2.4. Line ends are written as numbers, because parsers turn every line end into an LF.
fn xml_escape(character: char) -> Said {
    match character {
        '&' => Said::Escape("&amp;"),
        '<' => Said::Escape("&lt;"),
        '>' => Said::Escape("&gt;"),
        '"' => Said::Escape("&quot;"),
        '\t' | '\n' | '\r' => Said::Number("&#x", ";"),
        _ if is_xml(character) => Said::Itself,
        _ => Said::Other(char::REPLACEMENT_CHARACTER),
    }
}

/// `Char` of XML 1.0 section 2.2. A document must not contain other characters, not even escaped.
fn is_xml(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..)
}

pub(super) fn push_all(out: &mut Vec<u8>, parts: &[&str]) {
    parts.iter().for_each(|part| out.extend_from_slice(part.as_bytes()));
}

#[cfg(test)]
mod tests;

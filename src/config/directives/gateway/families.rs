//! The tables of the four families: what each has alone, and then [`shared::ROWS`] with the family's prefix.
//!
//! A row holds its name and its example as texts of the program. So the examples of a family are put together as one
//! text when the program is built, and each name is the beginning of its example.

use super::{Directive, params, proxy, row, shared};
use crate::config::scope::Contexts;

const SHARED: &[Directive] = shared::ROWS;

pub(in crate::config::directives) const PROXY: &[Directive] = {
    const EXAMPLES: [u8; length("proxy")] = examples("proxy");
    &table::<{ proxy::OWN.len() + SHARED.len() }>(proxy::OWN, "proxy", text(&EXAMPLES))
};

pub(in crate::config::directives) const FASTCGI: &[Directive] = {
    const EXAMPLES: [u8; length("fastcgi")] = examples("fastcgi");
    &table::<{ params::FASTCGI.len() + SHARED.len() }>(params::FASTCGI, "fastcgi", text(&EXAMPLES))
};

pub(in crate::config::directives) const SCGI: &[Directive] = {
    const EXAMPLES: [u8; length("scgi")] = examples("scgi");
    &table::<{ params::SCGI.len() + SHARED.len() }>(params::SCGI, "scgi", text(&EXAMPLES))
};

pub(in crate::config::directives) const UWSGI: &[Directive] = {
    const EXAMPLES: [u8; length("uwsgi")] = examples("uwsgi");
    &table::<{ params::UWSGI.len() + SHARED.len() }>(params::UWSGI, "uwsgi", text(&EXAMPLES))
};

/// The length of all examples of a family, in bytes.
const fn length(prefix: &str) -> usize {
    let (mut bytes, mut at) = (0, 0);
    while at < SHARED.len() {
        bytes += prefix.len() + SHARED[at].example.len();
        at += 1;
    }
    bytes
}

/// All examples of a family, one after the other.
const fn examples<const BYTES: usize>(prefix: &str) -> [u8; BYTES] {
    let (mut out, mut end, mut at) = ([0; BYTES], 0, 0);
    while at < SHARED.len() {
        (out, end) = put_text(out, end, prefix);
        (out, end) = put_text(out, end, SHARED[at].example);
        at += 1;
    }
    out
}

/// Writes a text at a place, and returns the place behind it.
const fn put_text<const BYTES: usize>(mut out: [u8; BYTES], start: usize, text: &str) -> ([u8; BYTES], usize) {
    let mut at = 0;
    while at < text.len() {
        out[start + at] = text.as_bytes()[at];
        at += 1;
    }
    (out, start + text.len())
}

const fn text(bytes: &'static [u8]) -> &'static str {
    match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(_) => panic!("examples are text"),
    }
}

/// The table of a family.
const fn table<const ROWS: usize>(own: &[Directive], prefix: &str, mut examples: &'static str) -> [Directive; ROWS] {
    let mut rows = [const { row("", Contexts::HTTP, 0..=0, "").once(|_, _| Ok(())) }; ROWS];
    let mut at = 0;
    while at < own.len() {
        rows[at] = copy(&own[at], own[at].name, own[at].example);
        at += 1;
    }
    while at < ROWS {
        let shared = &SHARED[at - own.len()];
        let (example, rest) = examples.split_at(prefix.len() + shared.example.len());
        let (name, _) = example.split_at(prefix.len() + shared.name.len());
        rows[at] = copy(shared, name, example);
        examples = rest;
        at += 1;
    }
    rows
}

/// A row with this name and example.
const fn copy(from: &Directive, name: &'static str, example: &'static str) -> Directive {
    let Directive { contexts, args, syntax, help, default, is_inherited, nginx, form, .. } = from;
    Directive {
        name,
        contexts: *contexts,
        args: *args.start()..=*args.end(),
        example,
        syntax,
        help,
        default: *default,
        is_inherited: *is_inherited,
        nginx: *nginx,
        form: *form,
    }
}

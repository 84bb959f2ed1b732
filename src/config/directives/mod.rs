//! The directives: one row each, in the table of the file for its topic.
//!
//! To add a directive, add its row (see [`row::Row`]), and its field in [`super::types`] with the default in
//! `defaults.rs`.

pub(super) mod access;
pub(super) mod cgi;
pub(super) mod charset;
pub(super) mod connection;
mod content;
mod dav;
mod directory;
mod echo;
mod events;
pub(super) mod fields;
pub(super) mod gateway;
mod geo;
mod http;
pub(super) mod limits;
mod listen;
pub(super) mod location;
mod log;
mod main;
mod map;
mod methods;
mod no_effect;
mod not_here;
mod open_file_cache;
mod protocols;
mod real_ip;
mod referers;
mod resolver;
mod response;
pub(super) mod rewrite;
mod row;
mod server;
mod status;
mod syslog;
mod try_files;
pub(super) mod upload;
pub(super) mod upstream;
mod userid;

use super::lex::Word;
use super::problem::{Fault, Position};
use super::scope::{Contexts, ProtocolDraft};
use super::suggest::{did_you_mean, nearest};
use super::types::{Protocol, Settings};
pub(super) use row::{Default, Directive, Form, MANY, Nginx};
use row::{Read, row};

/// A row: one protocol beside HTTP.
pub(super) struct ProtocolRow {
    /// The name of its block.
    pub name: &'static str,
    /// The level inside the block.
    pub block: Contexts,
    /// The level inside a `server` of the block.
    pub server: Contexts,
    /// The port of an address without one.
    pub port: u16,
    /// Makes the protocol of what a `server` says; at the position is its `root`, or itself.
    pub make: fn(&mut Settings, ProtocolDraft, Position) -> Result<Protocol, Fault>,
}

/// The directives by topic: the title of the topic, and its table.
pub(super) const TOPICS: &[(&str, &[Directive])] = &[
    ("The process", main::TABLE),
    ("Events", events::TABLE),
    ("HTTP", http::TABLE),
    ("Servers", server::TABLE),
    ("Locations", location::TABLE),
    ("Rewriting", rewrite::TABLE),
    ("Trying files", try_files::TABLE),
    ("Content", content::TABLE),
    ("Changing files (WebDAV)", dav::TABLE),
    ("Uploads", upload::TABLE),
    ("Methods", methods::TABLE),
    ("Access", access::TABLE),
    ("Programs (CGI)", cgi::TABLE),
    ("Gateways", gateway::TABLE),
    ("HTTP proxy", gateway::PROXY),
    ("FastCGI", gateway::FASTCGI),
    ("SCGI", gateway::SCGI),
    ("uwsgi", gateway::UWSGI),
    ("Responses", response::TABLE),
    ("Fields of responses", fields::TABLE),
    ("Charsets", charset::TABLE),
    ("Links and clients", referers::TABLE),
    ("Kept files", open_file_cache::TABLE),
    ("Connections", connection::TABLE),
    ("Limits", limits::TABLE),
    ("Name servers", resolver::TABLE),
    ("Groups of servers", upstream::TABLE),
    ("Logs", log::TABLE),
    ("Visitors", userid::TABLE),
    ("The client's address", real_ip::TABLE),
    ("Variables", map::TABLE),
    ("Variables by address", geo::TABLE),
    ("Numbers of the server", status::TABLE),
    ("Accepted without an effect", no_effect::TABLE),
    ("The directory protocol", directory::TABLE),
    ("The echo protocol", echo::TABLE),
];

/// All directives, topic by topic.
pub(super) fn all() -> impl Iterator<Item = &'static Directive> + Clone {
    TOPICS.iter().flat_map(|(_, table)| *table)
}

/// Whether a directive with this name may be on a level of `context`.
pub(super) fn is_known(name: &str, context: Contexts) -> bool {
    all().any(|directive| directive.name == name && directive.contexts.intersects(context))
}

/// The directive with this name. The error tells where it belongs, or which directive was probably meant.
pub(super) fn find(name: &Word, context: Contexts) -> Result<&'static Directive, Fault> {
    let text = &name.text[..];
    let of_name = || all().filter(|directive| directive.name == text);
    let here = of_name().find(|directive| directive.contexts.intersects(context)).or_else(|| of_name().next());
    // Outside of HTTP, `echo` is the echo protocol.
    let is_refused = here.is_none() || (text == "echo" && Contexts::REQUEST.contains(context));
    if let Some(why) = not_here::refusal(text).filter(|_| is_refused) {
        return Err(name.fault(why));
    }
    let Some(found) = here else {
        let mut meant = did_you_mean(text, all().filter(|d| d.contexts.intersects(context)).map(|d| d.name));
        if meant.is_empty() {
            // Perhaps a directive of another level was meant.
            let near = nearest(text, all().map(|d| d.name)).and_then(|near| all().find(|d| d.name == near));
            let told = near.map(|d| format!(", did you mean \"{}\"? {}", d.name, belongs(d)));
            meant = told.unwrap_or_else(|| not_here::meant(text));
        }
        return Err(name.fault(format!("unknown directive \"{text}\"{meant}")));
    };
    if found.contexts.intersects(context) {
        return Ok(found);
    }
    Err(name.fault(format!("\"{text}\" is not allowed {}; {}", level(context), belongs(found))))
}

/// The level inside the block of a directive that is refused on a level: that of the directive itself, or of the one
/// that was probably meant. None if the block cannot be read.
pub(super) fn level_inside(name: &str, context: Contexts) -> Option<Contexts> {
    let blocks = || all().filter(|it| matches!(it.form, Form::Section(_) | Form::Sections(_)));
    let near = nearest(name, blocks().map(|it| it.name))?;
    if near != name && not_here::refusal(name).is_some() {
        return None;
    }
    match near {
        "events" => Some(Contexts::EVENTS),
        "http" => Some(Contexts::HTTP),
        "location" => Some(Contexts::LOCATION),
        "upstream" => Some(Contexts::UPSTREAM),
        "if" if context == Contexts::LOCATION => Some(Contexts::LOCATION_IF),
        "if" => Some(Contexts::SERVER_IF),
        "server" => Some(protocols::server_level(context).unwrap_or(Contexts::SERVER)),
        name => protocols::block_level(name),
    }
}

/// `it belongs in "server"`. Of several levels, only those are named that are nearly always meant: not those of other
/// protocols than HTTP, no `if` and no `limit_except`.
fn belongs(directive: &Directive) -> String {
    let rare = Contexts::PROTOCOL_BLOCK.union(Contexts::PROTOCOL_SERVER).union(Contexts::SERVER_IF);
    let https = directive.contexts - rare.union(Contexts::LOCATION_IF).union(Contexts::LIMIT_EXCEPT);
    let told = if https.is_empty() { directive.contexts } else { https };
    let levels: Vec<String> = told.iter().map(level).collect();
    format!("it belongs {}", levels.join(" or "))
}

/// `in "server"`.
fn level(context: Contexts) -> String {
    match context {
        Contexts::MAIN => "at the top level".to_owned(),
        Contexts::EVENTS => "in \"events\"".to_owned(),
        Contexts::HTTP => "in \"http\"".to_owned(),
        Contexts::SERVER => "in \"server\"".to_owned(),
        Contexts::LOCATION => "in \"location\"".to_owned(),
        Contexts::SERVER_IF => "in \"if\" of a \"server\"".to_owned(),
        Contexts::LOCATION_IF => "in \"if\" of a \"location\"".to_owned(),
        Contexts::LIMIT_EXCEPT => "in \"limit_except\"".to_owned(),
        Contexts::UPSTREAM => "in \"upstream\"".to_owned(),
        context => protocols::level(context).unwrap_or_default(),
    }
}

/// Stores a value, or returns its fault.
fn put<T>(slot: &mut T, value: Result<T, Fault>) -> Result<(), Fault> {
    *slot = value?;
    Ok(())
}

/// Adds to the list of a directive. The first one on a level empties what is inherited.
fn add<T>(is_first: bool, list: &mut Vec<T>, item: T) {
    if is_first {
        list.clear();
    }
    list.push(item);
}

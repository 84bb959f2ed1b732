//! The directives that all four families have. The names here begin behind the prefix: `_buffering` stands for
//! `proxy_buffering`, `fastcgi_buffering`, `scgi_buffering` and `uwsgi_buffering`.

use super::{Contexts, Directive, GatewayDraft, MANY, add, draft, no_effect, put, row, without_effect};
use crate::config::directives::{connection, dav, limits, not_here};
use crate::config::gateways::StoreDraft;
use crate::config::lex::Word;
use crate::config::parse::Statement;
use crate::config::problem::Fault;
use crate::config::scope::Scope;
use crate::config::types::{IgnoredFields, NextUpstream, Size};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

/// The largest buffer, in bytes.
const BUFFER_BYTES_MAX: u64 = 1 << 30;

/// The most buffers, and the most servers that are asked.
const COUNT_MAX: usize = 1_000_000;

const REQUEST: Contexts = Contexts::REQUEST;

/// The rows, without the prefix.
pub(super) const ROWS: &[Directive] = &[
    // The connection.
    row("_bind", REQUEST, 1..=2, "_bind 127.0.0.2;")
        .syntax("ADDRESS[:PORT]|off [transparent]")
        .default("off")
        .differs("transparent is refused")
        .help("The local address of connections to the server behind.")
        .once(bind),
    row("_connect_timeout", REQUEST, 1..=1, "_connect_timeout 5s;")
        .syntax("TIME")
        .default("60s")
        .help("How long connecting may take.")
        .once(|scope, it| time(scope, it, |draft| &mut draft.rules.connect_timeout)),
    row("_send_timeout", REQUEST, 1..=1, "_send_timeout 30s;")
        .syntax("TIME")
        .default("60s")
        .help("The longest time between two writes to the server behind.")
        .once(|scope, it| time(scope, it, |draft| &mut draft.rules.send_timeout)),
    row("_read_timeout", REQUEST, 1..=1, "_read_timeout 5m;")
        .syntax("TIME")
        .default("60s")
        .help("The longest time between two reads from the server behind.")
        .once(|scope, it| time(scope, it, |draft| &mut draft.rules.read_timeout)),
    row("_socket_keepalive", REQUEST, 1..=1, "_socket_keepalive on;")
        .syntax("on|off")
        .default("off")
        .help("Lets the kernel find out whether the server behind is still there (SO_KEEPALIVE).")
        .once(|scope, it| flag(scope, it, |draft| &mut draft.rules.socket_keepalive)),
    row("_next_upstream", REQUEST, 1..=MANY, "_next_upstream error timeout http_503;")
        .syntax("CAUSE ...")
        .default("error timeout")
        .help("The failures after which the next server of the group is asked; off: never.")
        .repeat(next_upstream),
    row("_next_upstream_tries", REQUEST, 1..=1, "_next_upstream_tries 2;")
        .syntax("NUMBER")
        .default("0")
        .help("How many servers one request may ask; 0: all of the group.")
        .once(|scope, it| put(&mut draft(scope, it).rules.next_upstream_tries, it.args[0].count(0..=COUNT_MAX))),
    row("_next_upstream_timeout", REQUEST, 1..=1, "_next_upstream_timeout 10s;")
        .syntax("TIME")
        .default("0")
        .help("How long after the first server other ones may be asked; 0: no limit.")
        .once(|scope, it| time(scope, it, |draft| &mut draft.rules.next_upstream_timeout)),
    // The request.
    row("_pass_request_headers", REQUEST, 1..=1, "_pass_request_headers off;")
        .syntax("on|off")
        .default("on")
        .help("Passes the fields of the request on.")
        .once(|scope, it| flag(scope, it, |draft| &mut draft.rules.pass_request_headers)),
    row("_pass_request_body", REQUEST, 1..=1, "_pass_request_body off;")
        .syntax("on|off")
        .default("on")
        .help("Passes the body of the request on.")
        .once(|scope, it| flag(scope, it, |draft| &mut draft.rules.pass_request_body)),
    row("_request_buffering", REQUEST, 1..=1, "_request_buffering off;")
        .syntax("on|off")
        .default("on")
        .help("Waits for the whole body of the request before the server behind is asked.")
        .once(|scope, it| flag(scope, it, |draft| &mut draft.rules.request_buffering)),
    row("_ignore_client_abort", REQUEST, 1..=1, "_ignore_client_abort on;")
        .syntax("on|off")
        .default("off")
        .help("Lets the server behind finish although the client has gone.")
        .once(|scope, it| flag(scope, it, |draft| &mut draft.rules.ignore_client_abort)),
    // The answer.
    row("_buffering", REQUEST, 1..=1, "_buffering off;")
        .syntax("on|off")
        .default("on")
        .help("Takes the answer as fast as it comes, also if the client is slow.")
        .once(|scope, it| flag(scope, it, |draft| &mut draft.rules.buffering)),
    row("_buffer_size", REQUEST, 1..=1, "_buffer_size 16k;")
        .syntax("SIZE")
        .default("32k")
        .differs("nginx's default is a page: 4k or 8k")
        .help("The longest head of an answer.")
        .once(|scope, it| put(&mut draft(scope, it).rules.buffer_size, it.args[0].buffer(1..=BUFFER_BYTES_MAX))),
    row("_buffers", REQUEST, 2..=2, "_buffers 16 16k;")
        .syntax("NUMBER SIZE")
        .default("8 8k")
        .differs("nginx's default is eight pages of 4k or 8k")
        .help("The bytes of an answer in memory: number times size, and as many that are being sent.")
        .once(|scope, it| {
            let number = it.args[0].count(2..=COUNT_MAX)?;
            let size = it.args[1].buffer(1..=BUFFER_BYTES_MAX);
            put(&mut draft(scope, it).rules.buffers, size.map(|size| (number, size)))
        }),
    without_effect(
        row("_busy_buffers_size", REQUEST, 1..=1, "_busy_buffers_size 16k;").syntax("SIZE"),
        no_effect::size_of,
    ),
    row("_max_temp_file_size", REQUEST, 1..=1, "_max_temp_file_size 0;")
        .syntax("SIZE")
        .default("1024m")
        .help("The part of an answer that a file may hold while the client is slow; 0: none.")
        .once(|scope, it| put(&mut draft(scope, it).rules.max_temp_file_size, it.args[0].size())),
    without_effect(
        row("_temp_file_write_size", REQUEST, 1..=1, "_temp_file_write_size 16k;").syntax("SIZE"),
        no_effect::size_of,
    ),
    row("_temp_path", REQUEST, 1..=4, "_temp_path /var/tmp;")
        .syntax("FOLDER [LEVEL [LEVEL [LEVEL]]]")
        .without("the folder of client_body_temp_path")
        .differs("the levels are accepted and not used")
        .help("The folder of the files for answers.")
        .once(|scope, it| {
            let folder = connection::temp_folder(scope, it)?;
            draft(scope, it).rules.temp_path = Some(Arc::new(folder));
            Ok(())
        }),
    row("_limit_rate", REQUEST, 1..=1, "_limit_rate 1m;")
        .syntax("SIZE")
        .default("0")
        .help("Bytes per second that are read of one answer; may have variables; 0: no limit.")
        .once(|scope, it| {
            let rate = limits::size(scope, &it.args[0])?;
            draft(scope, it).rules.limit_rate = Some(rate).filter(|rate| *rate != Size::Fixed(0));
            Ok(())
        }),
    row("_intercept_errors", REQUEST, 1..=1, "_intercept_errors on;")
        .syntax("on|off")
        .default("off")
        .help("Sends the error_page of an answer's status in place of the answer.")
        .once(|scope, it| flag(scope, it, |draft| &mut draft.rules.intercept_errors)),
    row("_force_ranges", REQUEST, 1..=1, "_force_ranges on;")
        .syntax("on|off")
        .default("off")
        .help("Takes byte ranges out of answers that do not say Accept-Ranges.")
        .once(|scope, it| flag(scope, it, |draft| &mut draft.rules.force_ranges)),
    row("_hide_header", REQUEST, 1..=1, "_hide_header X-Powered-By;")
        .syntax("NAME")
        .without("only fields that are meant for this server are hidden")
        .help("A field of answers that the client does not get.")
        .repeat(|scope, it| name(scope, it, |draft| &mut draft.hide)),
    row("_pass_header", REQUEST, 1..=1, "_pass_header X-Accel-Redirect;")
        .syntax("NAME")
        .without("fields that are meant for this server are hidden")
        .help("A field of answers that the client gets although it would be hidden.")
        .repeat(|scope, it| name(scope, it, |draft| &mut draft.pass)),
    row("_ignore_headers", REQUEST, 1..=MANY, "_ignore_headers X-Accel-Redirect;")
        .syntax("NAME ...")
        .without("this server follows all of them")
        .help("Fields of answers that this server does not follow, as X-Accel-Redirect.")
        .repeat(ignore_headers),
    row("_store", REQUEST, 1..=1, "_store on;")
        .syntax("on|off|FILE")
        .default("off")
        .differs("an answer is not stored if its client goes before it is complete")
        .help("Stores the answers as files, each when it is whole; on: where the request looks for them.")
        .once(store),
    row("_store_access", REQUEST, 1..=3, "_store_access user:rw group:r;")
        .syntax("WHO:r|rw [WHO:r|rw [WHO:r|rw]]")
        .default("user:rw")
        .help("The permissions of these files.")
        .once(|scope, it| put(&mut draft(scope, it).store_mode, dav::access(it))),
    // There is no cache.
    row("_cache", REQUEST, 1..=1, "_cache off;")
        .syntax("off")
        .default("off")
        .differs("nothing but off is accepted")
        .help("Answers of servers behind are not kept.")
        .once(cache),
    row("_cache_bypass", REQUEST, 1..=MANY, "_cache_bypass $http_upgrade;")
        .syntax("TEXT ...")
        .without("the same holds")
        .help("Accepted, as no answer is kept.")
        .repeat(uncached),
    row("_no_cache", REQUEST, 1..=MANY, "_no_cache $http_authorization;")
        .syntax("TEXT ...")
        .without("the same holds")
        .help("Accepted, as no answer is kept.")
        .repeat(uncached),
];

/// Stores `on` or `off`.
fn flag(scope: &mut Scope<'_>, it: &Statement, field: fn(&mut GatewayDraft) -> &mut bool) -> Result<(), Fault> {
    put(field(draft(scope, it)), it.args[0].flag())
}

/// Stores a time.
fn time(scope: &mut Scope<'_>, it: &Statement, field: fn(&mut GatewayDraft) -> &mut Duration) -> Result<(), Fault> {
    put(field(draft(scope, it)), it.args[0].time())
}

/// Adds the name of a field.
fn name(scope: &mut Scope<'_>, it: &Statement, field: fn(&mut GatewayDraft) -> &mut Vec<String>) -> Result<(), Fault> {
    let name = it.args[0].field_name()?.to_ascii_lowercase();
    add(scope.first, field(draft(scope, it)), name);
    Ok(())
}

/// `_bind ADDRESS[:PORT]|off [transparent];`
fn bind(scope: &mut Scope<'_>, it: &Statement) -> Result<(), Fault> {
    let word = &it.args[0];
    if let Some(more) = it.args.get(1) {
        more.choice("value", &[("transparent", ())])?;
        return Err(more.fault(
            "\"transparent\" needs a process with root's rights and routes of their own; leave it out, and pass the \
             client's address in a field or a parameter",
        ));
    }
    let address = match word.plain()? {
        "off" => None,
        _ => Some(scope.template(word)?),
    };
    let is_address = |text: &str| text.parse::<IpAddr>().is_ok() || text.parse::<SocketAddr>().is_ok();
    if let Some(text) = address.as_ref().and_then(|address| address.as_text()).filter(|text| !is_address(text)) {
        return Err(word.fault(format!("\"{text}\" is no address, as in 127.0.0.2 or [::1]:4000")));
    }
    draft(scope, it).rules.bind = address;
    Ok(())
}

/// One of the words of a directive that takes some of them; as in nginx, case does not matter.
fn one_of<T: Copy>(word: &Word, what: &str, choices: &[(&str, T)]) -> Result<T, Fault> {
    match choices.iter().find(|(name, _)| name.eq_ignore_ascii_case(&word.text)) {
        Some((_, value)) => Ok(*value),
        None => word.choice(what, choices),
    }
}

/// `_next_upstream CAUSE ...;`
fn next_upstream(scope: &mut Scope<'_>, it: &Statement) -> Result<(), Fault> {
    let choices = [
        ("error", NextUpstream::ERROR),
        ("timeout", NextUpstream::TIMEOUT),
        ("invalid_header", NextUpstream::INVALID_HEADER),
        ("http_500", NextUpstream::HTTP_500),
        ("http_502", NextUpstream::HTTP_502),
        ("http_503", NextUpstream::HTTP_503),
        ("http_504", NextUpstream::HTTP_504),
        ("http_403", NextUpstream::HTTP_403),
        ("http_404", NextUpstream::HTTP_404),
        ("http_429", NextUpstream::HTTP_429),
        ("non_idempotent", NextUpstream::NON_IDEMPOTENT),
        ("off", NextUpstream::OFF),
    ];
    let mut causes = if scope.first { NextUpstream::empty() } else { draft(scope, it).rules.next_upstream };
    for word in &it.args {
        causes |= one_of(word, "failure", &choices)?;
    }
    draft(scope, it).rules.next_upstream = if causes.contains(NextUpstream::OFF) { NextUpstream::OFF } else { causes };
    Ok(())
}

/// `_ignore_headers NAME ...;`
fn ignore_headers(scope: &mut Scope<'_>, it: &Statement) -> Result<(), Fault> {
    let choices = [
        ("X-Accel-Redirect", IgnoredFields::ACCEL_REDIRECT),
        ("X-Accel-Expires", IgnoredFields::ACCEL_EXPIRES),
        ("X-Accel-Limit-Rate", IgnoredFields::ACCEL_LIMIT_RATE),
        ("X-Accel-Buffering", IgnoredFields::ACCEL_BUFFERING),
        ("X-Accel-Charset", IgnoredFields::ACCEL_CHARSET),
        ("Expires", IgnoredFields::EXPIRES),
        ("Cache-Control", IgnoredFields::CACHE_CONTROL),
        ("Set-Cookie", IgnoredFields::SET_COOKIE),
        ("Vary", IgnoredFields::VARY),
    ];
    let mut ignored = if scope.first { IgnoredFields::empty() } else { draft(scope, it).rules.ignored };
    for word in &it.args {
        ignored |= one_of(word, "field", &choices)?;
    }
    draft(scope, it).rules.ignored = ignored;
    Ok(())
}

/// `_store on|off|FILE;`
fn store(scope: &mut Scope<'_>, it: &Statement) -> Result<(), Fault> {
    let word = &it.args[0];
    draft(scope, it).store = match word.plain()? {
        "on" => StoreDraft::On,
        "off" => StoreDraft::Off,
        text if text.starts_with(['/', '$']) => StoreDraft::Path(scope.template(word)?),
        text => return Err(word.fault(format!("\"{text}\" does not begin with a slash; accepted: on, off, or /PATH"))),
    };
    Ok(())
}

/// `_cache off;`
fn cache(_: &mut Scope<'_>, it: &Statement) -> Result<(), Fault> {
    match &it.args[0].text[..] {
        "off" => Ok(()),
        _ => Err(it.name.fault(not_here::uncached(&it.name.text))),
    }
}

/// `_cache_bypass TEXT ...;` and its kind.
fn uncached(scope: &mut Scope<'_>, it: &Statement) -> Result<(), Fault> {
    it.args.iter().try_for_each(|word| scope.template(word).map(drop))
}

//! Fields with which a server behind tells this one what to do: X-Accel-Redirect and its kind, as in nginx.

use super::super::next::{Next, end_handlers};
use super::super::{page, redirect};
use crate::config::IgnoredFields;
use crate::connection::BodySink;
use crate::http::number::parse_decimal;
use crate::http::{Name, ReplyHead, Text, target};
use crate::log::Level;
use crate::task::Work;

/// The fields of an answer that stay when it redirects the request inside this server.
const KEPT: [&[u8]; 5] = [b"Set-Cookie", b"Content-Disposition", b"Cache-Control", b"Expires", b"Accept-Ranges"];

fn value<'h>(head: &'h ReplyHead, name: &[u8]) -> Option<&'h [u8]> {
    head.fields.iter().find(|(it, _)| it.is(name)).map(|(_, value)| value.as_bytes())
}

/// X-Accel-Redirect: the request goes on with another path or named location of this server, as a GET.
pub(super) fn redirect(w: &mut Work<'_>, head: &ReplyHead) -> Option<Next> {
    let to = value(head, b"X-Accel-Redirect")?.to_vec();
    end_handlers(w);
    let mut kept: Vec<(Name, Text)> = head.fields.clone();
    kept.retain(|(name, _)| KEPT.iter().any(|it| name.is(it)));
    if let Some(content_type) = &head.content_type {
        kept.push((const { Name::from_static("Content-Type") }, content_type.clone()));
    }
    let passed = w.t.http.passed_mut();
    (passed.now, passed.kept_fields) = (None, kept);
    let next = match to.first() {
        Some(b'@') => {
            w.t.http.as_get = true;
            w.t.http.request_body.sink = BodySink::Discard;
            w.t.body.abandon();
            redirect::to_named(w, &String::from_utf8_lossy(&to))
        }
        _ => to_path(w, &to),
    };
    Some(next.unwrap_or_else(|status| page::refuse(w, status)))
}

/// Goes on with a path of this server, as a GET.
///
/// # Errors
/// 404 for a text that is not a path, or leads out of the root.
fn to_path(w: &mut Work<'_>, uri: &[u8]) -> Result<Next, u16> {
    let path = uri.split(|b| *b == b'?').next().unwrap_or_default();
    let is_safe = target::decode_text(path).is_ok_and(|path| redirect::is_clean(&path));
    if !is_safe {
        w.log(Level::Error, format_args!("X-Accel-Redirect: \"{}\" is no path of this server", uri.escape_ascii()));
        return Err(404);
    }
    redirect::to_target(w, uri)
}

/// The others: the rate of the response, its buffering, its charset.
pub(super) fn follow(w: &mut Work<'_>, ignored: IgnoredFields, head: &mut ReplyHead) {
    if !ignored.contains(IgnoredFields::ACCEL_LIMIT_RATE)
        && let Some(rate) = value(head, b"X-Accel-Limit-Rate").and_then(parse_decimal)
    {
        w.t.http.rare.limited.rate = Some(rate);
    }
    if !ignored.contains(IgnoredFields::ACCEL_BUFFERING)
        && let Some(asked) = value(head, b"X-Accel-Buffering").map(<[u8]>::to_ascii_lowercase)
        && let Some(passing) = w.t.http.passing_mut()
    {
        passing.is_buffered = match &asked[..] {
            b"no" => false,
            b"yes" => true,
            _ => passing.is_buffered,
        };
        passing.may_spool = passing.is_buffered && passing.gateway.rules.max_temp_file_size > 0;
    }
    if !ignored.contains(IgnoredFields::ACCEL_CHARSET)
        && let Some(charset) = value(head, b"X-Accel-Charset")
        && let Some(content_type) = &head.content_type
        && !content_type.as_bytes().windows(8).any(|it| it.eq_ignore_ascii_case(b"charset="))
    {
        let whole = [content_type.as_bytes(), b"; charset=", charset].concat();
        head.content_type = Text::from_vec(whole).ok().or(head.content_type.take());
    }
}

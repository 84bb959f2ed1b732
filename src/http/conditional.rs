//! Conditional requests (RFC 9110 section 13): whether the client's idea of the file still holds.

use super::date;
use super::etag::{self, EntityTag};
use super::fields::{Fields, Known};
use super::method::Method;

/// What is known of the selected representation, as it would be sent in ETag and Last-Modified.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Validators<'a> {
    /// With its quotes.
    pub etag: Option<&'a [u8]>,
    /// Seconds since 1970.
    pub last_modified_secs: Option<i64>,
}

impl<'a> Validators<'a> {
    fn tag(&self) -> Option<EntityTag<'a>> {
        self.etag.and_then(EntityTag::parse)
    }
}

/// What the preconditions come to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// Do what the method says.
    Proceed,
    /// 304.
    NotModified,
    /// 412.
    PreconditionFailed,
}

/// Evaluates If-Match, If-Unmodified-Since, If-None-Match and If-Modified-Since in the order of RFC 9110 section
/// 13.2.2. `exists`: there is a current representation. To be asked only if the answer without them would be a 2xx
/// (section 13.2.1). If-Range is [`range_still_holds`].
///
/// A date that is none, or a date field sent twice, is ignored; in a list of tags nothing counts from the first
/// malformed member on.
pub fn evaluate(method: Method, fields: &Fields, now: &Validators<'_>, exists: bool, now_secs: i64) -> Verdict {
    const ASKED: [Known; 4] = [Known::IfMatch, Known::IfUnmodifiedSince, Known::IfNoneMatch, Known::IfModifiedSince];
    if !fields.has_any(&ASKED) || matches!(method, Method::Connect | Method::Options | Method::Trace) {
        return Verdict::Proceed; // section 13.2.1
    }
    let last_modified = now.last_modified_secs.filter(|_| exists);
    let since = |known| fields.get_only(known).and_then(|text| date::parse(text, now_secs)).zip(last_modified);
    let current = now.tag().filter(|_| exists);
    if fields.has(Known::IfMatch) {
        let strongly = |tag: EntityTag<'_>| current.is_some_and(|current| current.is_strongly_equal(&tag));
        if !any_tag(fields, Known::IfMatch, exists, strongly) {
            return Verdict::PreconditionFailed;
        }
    } else if let Some((date, last_modified)) = since(Known::IfUnmodifiedSince)
        && last_modified > date
    {
        return Verdict::PreconditionFailed;
    }
    let reads = method.reads();
    if fields.has(Known::IfNoneMatch) {
        let weakly = |tag: EntityTag<'_>| current.is_some_and(|current| current.is_weakly_equal(&tag));
        return match any_tag(fields, Known::IfNoneMatch, exists, weakly) {
            false => Verdict::Proceed,
            true if reads => Verdict::NotModified,
            true => Verdict::PreconditionFailed,
        };
    }
    match since(Known::IfModifiedSince) {
        Some((date, last_modified)) if reads && last_modified <= date => Verdict::NotModified,
        _ => Verdict::Proceed,
    }
}

/// The field is `*` and something exists, or one of its tags is the current one (RFC 9110 sections 13.1.1, 13.1.2).
fn any_tag(fields: &Fields, known: Known, exists: bool, is_current: impl Fn(EntityTag<'_>) -> bool) -> bool {
    if fields.get_only(known) == Some(b"*") {
        return exists;
    }
    fields.get_all(known).flat_map(etag::list).any(is_current)
}

/// If-Range (RFC 9110 section 13.1.5): true if Range may be obeyed. Without the field it may. A tag must be strongly
/// equal; a date must be the very Last-Modified.
pub fn range_still_holds(fields: &Fields, now: &Validators<'_>, now_secs: i64) -> bool {
    if !fields.has(Known::IfRange) {
        return true;
    }
    let Some(value) = fields.get_only(Known::IfRange) else { return false };
    match EntityTag::parse(value) {
        Some(tag) => now.tag().is_some_and(|current| tag.is_strongly_equal(&current)),
        None => now.last_modified_secs.is_some_and(|secs| date::parse(value, now_secs) == Some(secs)),
    }
}

#[cfg(test)]
mod tests;

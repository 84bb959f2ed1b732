//! Conditional requests (RFC 9110 section 13): whether the client's copy of the file is still current.

use super::date;
use super::etag::{self, EntityTag};
use super::fields::{Fields, Known};
use super::method::Method;

/// The validators of the selected representation, as they would be sent in ETag and Last-Modified.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Validators<'a> {
    /// The entity tag, with its quotes.
    pub etag: Option<&'a [u8]>,
    /// In seconds since 1970.
    pub last_modified_secs: Option<i64>,
}

impl<'a> Validators<'a> {
    fn tag(&self) -> Option<EntityTag<'a>> {
        self.etag.and_then(EntityTag::parse)
    }
}

/// The result of the preconditions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// Answer as if there were no preconditions.
    Proceed,
    /// Answer 304 (Not Modified).
    NotModified,
    /// Answer 412 (Precondition Failed).
    PreconditionFailed,
}

/// Evaluates If-Match, If-Unmodified-Since, If-None-Match and If-Modified-Since in the order of RFC 9110 section
/// 13.2.2. `exists`: there is a current representation. Call it only if the answer without preconditions would be a 2xx
/// (section 13.2.1). For If-Range see [`range_still_holds`].
///
/// A malformed date, or a date field that is sent twice, is ignored. A list of tags ends before its first malformed
/// member.
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

/// True if the field is `*` and something exists, or if one of its tags is the current one (RFC 9110 sections 13.1.1
/// and 13.1.2).
fn any_tag(fields: &Fields, known: Known, exists: bool, is_current: impl Fn(EntityTag<'_>) -> bool) -> bool {
    if fields.get_only(known) == Some(b"*") {
        return exists;
    }
    fields.get_all(known).flat_map(etag::list).any(is_current)
}

/// The date to send as Last-Modified at the time `now_secs`, for a file that was changed last in this second. A date
/// from the future is replaced by the current one (RFC 9110 section 8.8.2.1). A second that is not over yet is no date:
/// the file may change once more in it. So each date that was sent is strong in the sense of section 8.8.2.2.
pub fn sent_date(modified_secs: i64, now_secs: i64) -> Option<i64> {
    (modified_secs != now_secs).then(|| modified_secs.min(now_secs))
}

/// If-Range (RFC 9110 section 13.1.5): true if Range may be applied; also true without the field. A tag is compared
/// strongly. A date must be exactly the Last-Modified, and strong: its second is over, see [`sent_date`].
pub fn range_still_holds(fields: &Fields, now: &Validators<'_>, now_secs: i64) -> bool {
    if !fields.has(Known::IfRange) {
        return true;
    }
    let Some(value) = fields.get_only(Known::IfRange) else { return false };
    match EntityTag::parse(value) {
        Some(tag) => now.tag().is_some_and(|current| tag.is_strongly_equal(&current)),
        None => {
            now.last_modified_secs.is_some_and(|secs| secs < now_secs && date::parse(value, now_secs) == Some(secs))
        }
    }
}

#[cfg(test)]
mod tests;

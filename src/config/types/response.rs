//! What a response gets beside its content: fields of the configuration's own, freshness, the form of redirects.

use super::Template;
use crate::http::listing::Format;
use std::sync::Arc;
use std::time::Duration;

/// `add_header NAME VALUE [always];`
///
/// A value in which a variable is set is filled in per request and must be checked then, as all that clients can
/// influence; its fixed text holds no control byte. A value that comes out empty adds nothing.
#[derive(Clone, PartialEq, Debug)]
pub struct AddHeader {
    /// The field's name as written: a token, and none of those that the server alone can know (Content-Length, ...).
    pub name: Arc<str>,
    /// The value; variables are put in as they are.
    pub value: Template,
    /// With any status; without it only with those of [`is_plain_status`].
    pub always: bool,
    /// A response has this field once (Content-Type, ETag, Server, ...): it takes the place of the server's own, which
    /// an empty value takes away.
    pub replaces: bool,
}

impl AddHeader {
    /// Does a response of this status get the field?
    pub fn applies(&self, status: u16) -> bool {
        self.always || is_plain_status(status)
    }
}

/// The statuses that `expires`, and `add_header` without `always`, are for: nginx's list.
pub fn is_plain_status(status: u16) -> bool {
    matches!(status, 200 | 201 | 204 | 206 | 301..=304 | 307 | 308)
}

/// `expires [modified] TIME|epoch|max|off;`: the fields Expires and Cache-Control. Not for errors, see
/// [`is_plain_status`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Expires {
    /// Neither field.
    Off,
    /// Stale from the start.
    Epoch,
    /// Ten years.
    Max,
    /// That many seconds from now; below zero: stale already.
    AfterNow(i64),
    /// That many seconds after the file's last change; from now if it has none.
    AfterModified(i64),
}

/// What [`Expires`] comes to for one response.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Freshness {
    /// Expires, in seconds since 1970.
    pub expires_secs: i64,
    /// `Cache-Control: max-age=`; `None`: `Cache-Control: no-cache`.
    pub max_age_secs: Option<u64>,
}

impl Expires {
    /// nginx's constants: 1970-01-01 00:00:01, 2037-12-31 23:55:55 and ten years of 365 days.
    const EPOCH: Freshness = Freshness { expires_secs: 1, max_age_secs: None };
    const MAX: Freshness = Freshness { expires_secs: 2_145_916_555, max_age_secs: Some(315_360_000) };

    /// The fields' values at the time `now_secs` (since 1970); `None`: no fields.
    pub fn freshness(self, now_secs: i64, last_modified_secs: Option<i64>) -> Option<Freshness> {
        let (from_secs, after_secs) = match self {
            Expires::Off => return None,
            Expires::Epoch => return Some(Expires::EPOCH),
            Expires::Max => return Some(Expires::MAX),
            Expires::AfterNow(secs) => (now_secs, secs),
            Expires::AfterModified(secs) => (last_modified_secs.unwrap_or(now_secs), secs),
        };
        let expires_secs = from_secs.saturating_add(after_secs);
        // As in nginx, a time below zero never makes anything fresh, not even after a change in the future.
        let age_secs = if after_secs < 0 { None } else { u64::try_from(expires_secs.saturating_sub(now_secs)).ok() };
        Some(Freshness { expires_secs, max_age_secs: age_secs })
    }
}

/// How the server writes the Location of redirects of its own: the slash after a directory's name, `return 301 /path`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Redirects {
    /// `absolute_redirect`: with scheme and host; otherwise the path alone. Default on.
    pub absolute: bool,
    /// `port_in_redirect`: an absolute one names the port if it is not the scheme's own. Default on.
    pub port: bool,
    /// `server_name_in_redirect`: an absolute one names the first `server_name`, not the request's host. Default off.
    pub server_name: bool,
}

/// `autoindex`, `autoindex_exact_size`, `autoindex_localtime`, `autoindex_format`: what a directory without an index
/// file is answered with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Autoindex {
    /// A listing; otherwise 403. Default off.
    pub on: bool,
    /// Sizes in bytes; otherwise rounded, with units. HTML only. Default on.
    pub exact_size: bool,
    /// Times in the server's zone, otherwise in UTC. HTML only. Default off.
    pub localtime: bool,
    /// How it is written; `None` (`auto`): as the request's Accept wants it. Default HTML.
    pub format: Option<Format>,
}

/// `gzip_static off|on|always;`
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum GzipStatic {
    /// `FILE.gz` is a file like others.
    Off,
    /// It is sent in place of `FILE` to clients that accept gzip.
    On,
    /// It is sent to all.
    Always,
}

/// `open_file_cache off|max=N [inactive=TIME];` and its kin: which files a worker keeps open, or keeps the bytes of,
/// from one request to the next. Each worker has one cache for all that it serves; a place that keeps something in it
/// makes room by its own limits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OpenFileCache {
    /// Files; zero is off. Default 1024 (unlike nginx's off): what changes is noticed at once.
    pub files_max: usize,
    /// `inactive=`: one that nobody has asked for so long is closed. Default 60 s.
    pub inactive: Duration,
    /// `open_file_cache_valid`: after this time a file is looked at again even if no change was told of. Default 60 s.
    pub valid: Duration,
    /// `open_file_cache_min_uses`: requests within `inactive` until a file is kept. Default 2 (unlike nginx's 1).
    pub min_uses: u64,
    /// `open_file_cache_errors`: that there is no such file is kept too. Default off.
    pub errors: bool,
    /// `open_file_cache_bytes`: bytes of small files that are kept in memory, all together. Default 16 MiB.
    pub bytes_max: usize,
    /// `file=`: longer files are kept open instead. Default 64 KiB.
    pub file_bytes_max: usize,
}

impl OpenFileCache {
    /// Whether anything is kept.
    pub fn is_on(&self) -> bool {
        self.files_max > 0 && !self.inactive.is_zero() && !self.valid.is_zero()
    }
}

/// `if_modified_since off|exact|before;`
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum IfModifiedSince {
    /// The field is not looked at.
    Off,
    /// 304 only if the file's date is the very same: nginx's default, which notices files that were set back.
    Exact,
    /// 304 if the file's date is the same or earlier. Our default, since RFC 9110 section 13.1.3 defines the condition
    /// so: a client may send the time of its own last request.
    Before,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_by_status() {
        let field = |always| AddHeader { name: "X".into(), value: Template::default(), always, replaces: false };
        let plain: Vec<u16> = (100..600).filter(|&status| field(false).applies(status)).collect();
        assert_eq!(plain, [200, 201, 204, 206, 301, 302, 303, 304, 307, 308]);
        assert!((100..600).all(|status| field(true).applies(status)));
    }

    #[test]
    fn freshness() {
        let now = 1_000_000;
        let fresh = |expires_secs, max_age_secs| Some(Freshness { expires_secs, max_age_secs });
        let table = [
            (Expires::Off, None, None),
            (Expires::Epoch, None, fresh(1, None)),
            (Expires::Max, None, fresh(2_145_916_555, Some(315_360_000))),
            (Expires::AfterNow(0), Some(5), fresh(now, Some(0))),
            (Expires::AfterNow(60), Some(5), fresh(now + 60, Some(60))),
            (Expires::AfterNow(-60), Some(5), fresh(now - 60, None)),
            (Expires::AfterModified(60), Some(now - 50), fresh(now + 10, Some(10))),
            (Expires::AfterModified(60), Some(now - 60), fresh(now, Some(0))),
            (Expires::AfterModified(60), Some(now - 61), fresh(now - 1, None)),
            (Expires::AfterModified(60), None, fresh(now + 60, Some(60))),
            (Expires::AfterModified(-60), Some(now + 100), fresh(now + 40, None)),
            (Expires::AfterModified(60), Some(i64::MAX), fresh(i64::MAX, Some((i64::MAX - now) as u64))),
            (Expires::AfterModified(-60), Some(i64::MIN), fresh(i64::MIN, None)),
        ];
        for (expires, last_modified, expected) in table {
            assert_eq!(expires.freshness(now, last_modified), expected, "{expires:?} {last_modified:?}");
        }
    }
}

//! The settings of responses beside their content: additional fields, freshness, the form of redirects.

use super::Template;
use crate::http::listing::Format;
use std::sync::Arc;
use std::time::Duration;

/// `add_header NAME VALUE [always];`
///
/// The fixed text of the value has no control byte. A value with variables is made per request and must be checked
/// then, because clients can influence it. An empty value adds no field.
#[derive(Clone, PartialEq, Debug)]
pub struct AddHeader {
    /// The field's name as written: a token, and not a field that only the server can know (Content-Length, ...).
    pub name: Arc<str>,
    /// The value; variables are inserted unescaped.
    pub value: Template,
    /// Add the field to every status; otherwise only to those of [`is_plain_status`].
    pub always: bool,
    /// A response has this field only once (Content-Type, ETag, Server, ...): the value replaces that of the server,
    /// and an empty value removes the field. GET and HEAD compare their preconditions with an ETag or Last-Modified
    /// that is set here. PUT, DELETE, COPY and MOVE compare theirs with the file's own: a value of the configuration
    /// may be the same for two contents, and an upload of somebody else must not be lost.
    pub replaces: bool,
}

impl AddHeader {
    /// Whether a response with this status gets the field.
    pub fn applies(&self, status: u16) -> bool {
        self.always || is_plain_status(status)
    }
}

/// nginx's list of the statuses that get `expires`, and `add_header` without `always`.
pub fn is_plain_status(status: u16) -> bool {
    matches!(status, 200 | 201 | 204 | 206 | 301..=304 | 307 | 308)
}

/// `expires [modified] TIME|epoch|max|off;`: the fields Expires and Cache-Control. Not for errors, see
/// [`is_plain_status`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Expires {
    /// Neither field.
    Off,
    /// The response is stale from the start.
    Epoch,
    /// Ten years.
    Max,
    /// This number of seconds from now; a negative number means already stale.
    AfterNow(i64),
    /// This number of seconds after the file's last change; from now if the response has no such date.
    AfterModified(i64),
}

/// The result of [`Expires`] for one response.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Freshness {
    /// The value of Expires, in seconds since 1970.
    pub expires_secs: i64,
    /// `Cache-Control: max-age=`, in seconds; None: `Cache-Control: no-cache`.
    pub max_age_secs: Option<u64>,
}

impl Expires {
    /// nginx's constants: 1970-01-01 00:00:01, 2037-12-31 23:55:55 and ten years of 365 days.
    const EPOCH: Freshness = Freshness { expires_secs: 1, max_age_secs: None };
    const MAX: Freshness = Freshness { expires_secs: 2_145_916_555, max_age_secs: Some(315_360_000) };

    /// The values at the time `now_secs` (since 1970). Returns None if the response gets neither field.
    pub fn freshness(self, now_secs: i64, last_modified_secs: Option<i64>) -> Option<Freshness> {
        let (from_secs, after_secs) = match self {
            Expires::Off => return None,
            Expires::Epoch => return Some(Expires::EPOCH),
            Expires::Max => return Some(Expires::MAX),
            Expires::AfterNow(secs) => (now_secs, secs),
            Expires::AfterModified(secs) => (last_modified_secs.unwrap_or(now_secs), secs),
        };
        let expires_secs = from_secs.saturating_add(after_secs);
        // As in nginx, a negative time makes a response stale, even if the file's last change is in the future.
        let age_secs = if after_secs < 0 { None } else { u64::try_from(expires_secs.saturating_sub(now_secs)).ok() };
        Some(Freshness { expires_secs, max_age_secs: age_secs })
    }
}

/// The Location of redirects that the server itself sends: for a missing slash behind a directory, and for `return 301
/// /path`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Redirects {
    /// `absolute_redirect`: with scheme and host; otherwise only the path. Default on.
    pub absolute: bool,
    /// `port_in_redirect`: an absolute one has the port, if it is not the default of the scheme. Default on.
    pub port: bool,
    /// `server_name_in_redirect`: an absolute one has the first `server_name`, not the host of the request. Default
    /// off.
    pub server_name: bool,
}

/// `autoindex`, `autoindex_exact_size`, `autoindex_localtime`, `autoindex_format`: the response for a directory without
/// an index file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Autoindex {
    /// A listing; otherwise 403. Default off.
    pub on: bool,
    /// Sizes in bytes; otherwise rounded, with units. HTML only. Default on.
    pub exact_size: bool,
    /// Times in the server's time zone; otherwise in UTC. HTML only. Default off.
    pub localtime: bool,
    /// The format; None (`auto`): the format that the request's Accept prefers. Default HTML.
    pub format: Option<Format>,
}

/// `gzip_static off|on|always;`
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum GzipStatic {
    /// `FILE.gz` has no special meaning.
    Off,
    /// `FILE.gz` is sent instead of `FILE` to clients that accept gzip.
    On,
    /// `FILE.gz` is sent instead of `FILE` to all clients.
    Always,
}

/// `open_file_cache off|max=N [inactive=TIME];` and the other open_file_cache_ directives: which files a worker keeps
/// open, or keeps in memory, between requests. Each worker has one cache for everything that it serves; a location that
/// adds a file makes room by its own limits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OpenFileCache {
    /// The number of files; zero is off. Default 1024 (unlike nginx's off): the worker notices changes at once.
    pub files_max: usize,
    /// `inactive=`: a file that is not requested for this time is closed. Default 60 s.
    pub inactive: Duration,
    /// `open_file_cache_valid`: after this time a file is checked again even if no change was reported. Default 60 s.
    pub valid: Duration,
    /// `open_file_cache_min_uses`: the number of requests within `inactive` before a file is kept. Default 2 (unlike
    /// nginx's 1).
    pub min_uses: u64,
    /// `open_file_cache_errors`: also remember that a file does not exist. Default off.
    pub errors: bool,
    /// `open_file_cache_bytes`: bytes of small files that are kept in memory, in total. Default 16 MiB.
    pub bytes_max: usize,
    /// `file=`: longer files are kept open, not in memory. Default 64 KiB.
    pub file_bytes_max: usize,
}

impl OpenFileCache {
    /// Whether the cache is on.
    pub fn is_on(&self) -> bool {
        self.files_max > 0 && !self.inactive.is_zero() && !self.valid.is_zero()
    }
}

/// `etag on|off|mtime;`: the entity tag of a file.
///
/// A tag begins as nginx's, with the time of the last change (mtime) and the size. These two can be the same for two
/// contents: tools set mtime (cp -p, rsync, tar; build systems give all files the same), and nginx counts in whole
/// seconds. What follows in the tag tells them apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EtagForm {
    /// No tag.
    Off,
    /// `"mtime-size-hash"`. In the hash are the inode number, the time of the last change of the inode (ctime), which
    /// no program can set, and the nanoseconds of mtime. The tag is another one for each content, and also for the same
    /// file on another machine: a client that changes between two machines gets the whole file again. Default.
    On,
    /// `"mtime-size-nanoseconds"` of mtime: the same on all machines that have the file with the same mtime, for a site
    /// that several machines serve. It is right only if a file whose content changes gets another mtime.
    Mtime,
}

/// `if_modified_since off|exact|before;`
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum IfModifiedSince {
    /// Ignore the field.
    Off,
    /// 304 only if the date is exactly that of the file: nginx's default, which notices a file with an older date.
    Exact,
    /// 304 if the file's date is the same or earlier. Our default, because RFC 9110 section 13.1.3 defines the
    /// condition this way: a client may send the time of its own last request.
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

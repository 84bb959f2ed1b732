//! The settings of responses beside their content: additional fields, freshness, the form of redirects.

use super::Template;
use crate::http::listing::Format;
use std::sync::Arc;
use std::time::Duration;

/// `add_header NAME VALUE [always];` and `add_trailer NAME VALUE [always];`
///
/// The fixed text of the value has no control byte. A value with variables is made per request and must be checked
/// then, because clients can influence it. An empty value adds no field.
#[derive(Clone, PartialEq, Debug, Default)]
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
    /// `add_trailer`: the field follows the body, if that is sent in chunks.
    pub is_trailer: bool,
    /// The value may have fields of the response (`$sent_http_NAME`, also by a `map`).
    pub needs_head: bool,
}

impl AddHeader {
    /// Whether a response with this status gets the field.
    pub fn applies(&self, status: u16) -> bool {
        self.always || is_plain_status(status)
    }
}

/// `add_header_inherit off|on|merge;`: what a level gets of the fields of the level around it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Inherit {
    /// None of them.
    Off,
    /// All of them if it has none of its own.
    On,
    /// All of them besides its own.
    Merge,
}

/// What a level gets of the fields of the level around it, by kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct InheritFields {
    /// `add_header_inherit`.
    pub headers: Inherit,
    /// `add_trailer_inherit`.
    pub trailers: Inherit,
}

/// nginx's list of the statuses that get `expires`, and `add_header` without `always`.
pub fn is_plain_status(status: u16) -> bool {
    matches!(status, 200 | 201 | 204 | 206 | 301..=304 | 307 | 308)
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
    /// `random_index`: a file of the directory, chosen by chance, answers. Default off.
    pub random: bool,
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
        let field = |always| AddHeader { name: "X".into(), always, ..AddHeader::default() };
        let plain: Vec<u16> = (100..600).filter(|&status| field(false).applies(status)).collect();
        assert_eq!(plain, [200, 201, 204, 206, 301, 302, 303, 304, 307, 308]);
        assert!((100..600).all(|status| field(true).applies(status)));
    }
}

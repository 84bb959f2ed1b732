//! The settings for programs that answer requests: CGI/1.1 (RFC 3875).

use super::Template;
use std::path::PathBuf;
use std::time::Duration;
use webserv_sys::process::Resource;

/// The cgi_ directives of a level where programs answer.
#[derive(Clone, PartialEq, Debug)]
pub struct Cgi {
    /// `cgi_pass`: this program answers. None for `cgi on`: the file in the URL is the program.
    pub pass: Option<CgiPass>,
    /// `cgi_extension`: a program answers only URLs with a segment that has one of these endings; empty: all URLs. With
    /// dot, in lower case: on a file system that ignores case, the source of `x.PY` must not be served as text.
    pub extensions: Vec<String>,
    /// `cgi_interpreter`: the program that runs files with this ending; otherwise the kernel decides. Absolute paths.
    pub interpreters: Vec<(String, PathBuf)>,
    /// `cgi_param`: additional variables of the environment, in order. Without one for them, HOME is `/` and PATH is
    /// `/usr/local/bin:/usr/bin:/bin`.
    pub params: Vec<CgiParam>,
    /// `cgi_timeout`: how long the server waits for a program in total. Time in which it waits for the client, to send
    /// more of the body or to receive what the program has written, does not count: `client_body_timeout` and
    /// `send_timeout` limit it. So a program that writes without end is ended by this time if its client reads as fast
    /// as it writes, and goes on as long as the client reads if that is slower. Default 60 s.
    pub timeout: Duration,
    /// `cgi_idle_timeout`: the same, for the time in which a program neither reads nor writes. Default 30 s.
    pub idle_timeout: Duration,
    /// `cgi_path_info`. Default on: the path behind the script.
    pub path_info: PathInfo,
    /// `cgi_request_buffering`: a program starts when all of the request's body has come, as with nginx's
    /// `fastcgi_request_buffering`. So a slow client takes no place among the programs, and CONTENT_LENGTH is known for
    /// a body in chunks. A body over `client_body_buffer_size` is stored in `client_body_temp_path`. With `off` the
    /// program starts at once and gets the body as it comes. Default on.
    pub request_buffering: bool,
    /// `cgi_intercept_errors`: an `error_page` replaces a program's answer with its status. Default off.
    pub intercept_errors: bool,
    /// `cgi_hide_header`: the names of fields that are not passed to the client, in lower case, without those of
    /// `cgi_pass_header`. Default none.
    pub hidden: Vec<String>,
    /// `cgi_max_processes`: the number of programs that run at once, per worker. Default 64. More requests wait:
    /// `cgi_queue`.
    ///
    /// A client that has closed its side of the connection (FIN) gets its answer all the same, as TCP allows. But if
    /// another request waits for a place and the program has not answered yet, the program is ended and its client gets
    /// 503, since most clients that close so have gone. (nginx always takes this for an abort, unless
    /// `fastcgi_ignore_client_abort` is on.)
    pub processes_max: usize,
    /// `cgi_queue`: the requests that wait for a place among the programs, in the order in which they came, per worker.
    pub queue: CgiQueue,
    /// `cgi_rlimit`: the limits of the programs, each resource once, in the unit of the resource.
    pub rlimits: Vec<(Resource, u64)>,
    /// The server's working directory, to resolve a relative `root`. A program runs in another directory and gets
    /// absolute paths.
    pub working_directory: PathBuf,
}

/// `cgi_queue NUMBER [timeout=TIME];` nginx's `queue` in an upstream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CgiQueue {
    /// The number of requests that may wait. More get 503 with Retry-After. Default 256; 0: no request waits.
    pub requests_max: usize,
    /// How long a request waits before it gets 503 with Retry-After. Default 60 s.
    pub timeout: Duration,
}

/// `cgi_pass PROGRAM;`
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CgiPass {
    /// The absolute path of the program.
    pub program: PathBuf,
    /// The length of the location's prefix in the URL, in bytes; 0 for a named location.
    pub prefix_bytes: usize,
}

/// `cgi_param NAME VALUE;`
#[derive(Clone, PartialEq, Debug)]
pub struct CgiParam {
    /// Letters, digits and underscores. It replaces a variable that the server sets.
    pub name: String,
    /// The value; variables are inserted unescaped.
    pub value: Template,
}

/// `cgi_path_info on|uri;`
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PathInfo {
    /// PATH_INFO is the part of the URL behind the script (RFC 3875 section 4.1.5).
    Rest,
    /// PATH_INFO is the whole path of the URL; some programs need that. With `cgi_pass` and `cgi_extension`, the
    /// program is also started for scripts that do not exist. Not for interpreters: PHP would run another file then.
    Uri,
}

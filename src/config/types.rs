//! The configuration as the server uses it: plain values, shared between workers, every default filled in.

use super::problem::Problem;
use crate::http::form_data::FormLimits;
use crate::http::method::MethodSet;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

mod cgi;
mod dav;
mod listener;
mod log;
mod names;
mod response;
mod template;
mod userid;

pub use cgi::{Cgi, CgiParam, CgiPass, PathInfo, Resource, Rlimit};
pub use dav::{Dav, DavMethods};
pub use listener::{DirectoryServer, Hosts, Listener};
pub use log::{AccessLog, ErrorLogDirective, Level, LogTarget};
pub use names::{NameHasher, NameMap};
pub use response::*;
pub use template::{Escape, Literal, Template, TemplatePart, Variable};
pub use userid::{Userid, UseridMode};
pub use webserv_sys::net::Address;

/// A whole validated configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// `daemon`: leave the terminal. Default off (unlike nginx).
    pub daemon: bool,
    /// `pid`: where the process number is written; `None` when not configured.
    pub pid: Option<PathBuf>,
    /// `user`: whom to become after the sockets are open.
    pub user: Option<User>,
    /// `worker_processes`: threads with a loop each; `auto` is one per CPU.
    pub workers: usize,
    /// `error_log` of the main level: target and least serious level written.
    pub error_log: ErrorLogDirective,
    /// The `events` block.
    pub events: Events,
    /// What to listen on, one entry per distinct address, in order of first appearance.
    pub listeners: Vec<Listener>,
    /// All access log files with their format: all that `Settings::access_logs` names.
    pub access_logs: Vec<Arc<AccessLog>>,
    /// The other error log files, of `error_log` inside `http`: all that `Settings::error_log` names.
    pub error_logs: Vec<Arc<LogTarget>>,
    /// What looks like a mistake but was accepted, to be shown beside the start-up messages.
    pub warnings: Vec<Problem>,
    /// All files that were read, by name, for `-T`.
    pub texts: Vec<(String, Arc<str>)>,
}

/// `user NAME [GROUP];`
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct User {
    /// The account's name.
    pub name: String,
    /// The group's name; the account's own group if absent.
    pub group: Option<String>,
}

/// The `events` block.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Events {
    /// `use`: the poller's name; `None`: the platform's best.
    pub poller: Option<&'static str>,
    /// `worker_connections`: open connections per worker. Default 512 as in nginx.
    pub worker_connections: usize,
    /// `multi_accept`: take all waiting connections in one turn, not one. Default off.
    pub multi_accept: bool,
    /// `try_first`: call before asking the kernel whether the call would block. Default on.
    pub try_first: bool,
}

/// A `server` block.
#[derive(Clone, Debug)]
pub struct Server {
    /// `server_name`s as written, lower case; the first one names the server in logs and redirects ("" if none).
    pub names: Vec<String>,
    /// What holds where no location matches.
    pub settings: Arc<Settings>,
    /// The locations.
    pub locations: Locations,
    /// Where the block stands: "file:line".
    pub place: String,
}

/// The locations of a server or of a location.
#[derive(Clone, Debug, Default)]
pub struct Locations {
    /// `location = /path`.
    pub exact: NameMap<Arc<Location>>,
    /// Prefix locations, plain and `^~`, the longest first.
    pub prefixes: Vec<Arc<Location>>,
    /// `location @name`.
    pub named: HashMap<String, Arc<Location>>,
}

/// A `location` block.
#[derive(Clone, Debug)]
pub struct Location {
    /// The path or prefix, decoded, as bytes; a named location's name with its "@".
    pub path: Vec<u8>,
    /// `^~`: no regular expression is tried after this one.
    pub no_regex: bool,
    /// What holds inside, outer levels merged in.
    pub settings: Arc<Settings>,
    /// Locations inside.
    pub inner: Locations,
}

/// Everything that may be said at http, server and location level, inherited and merged.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The server's name in logs and redirects: the first `server_name`, or "".
    pub server_name: Arc<str>,
    /// `root`: the document root, absolute or relative to the prefix (resolved). Default "html".
    pub root: PathBuf,
    /// `alias`: replaces the location's prefix instead of being put before the whole path.
    pub alias: Option<Alias>,
    /// `index`: names tried in a directory, in order. Default index.html.
    pub index: Vec<String>,
    /// `types`: extension (lower case, no dot) to media type.
    pub types: Arc<HashMap<String, Arc<str>>>,
    /// The other way round: media type to the first extension that `types` gives it.
    pub extensions: Arc<HashMap<Arc<str>, String>>,
    /// `default_type`. Default text/plain.
    pub default_type: Arc<str>,
    /// `error_page`s, in order.
    pub error_pages: Vec<ErrorPage>,
    /// `return`: answer at once. Not inherited.
    pub return_: Option<Return>,
    /// Access logs to write, some of [`Config::access_logs`].
    pub access_logs: Vec<Arc<AccessLog>>,
    /// `error_log` level for these requests.
    pub error_level: Level,
    /// `error_log` file for these requests, one of [`Config::error_logs`]; `None`: the main level's.
    pub error_log: Option<Arc<LogTarget>>,
    /// `keepalive_timeout`: how long an idle connection is kept; zero closes after each response. Default 75 s.
    pub keepalive_timeout: Duration,
    /// `keepalive_timeout`'s second value, told to the client in a Keep-Alive field.
    pub keepalive_header: Option<Duration>,
    /// `keepalive_requests`: requests per connection. Default 1000.
    pub keepalive_requests: u64,
    /// `client_header_timeout`: for the whole head. Default 60 s.
    pub client_header_timeout: Duration,
    /// `client_body_timeout`: between two reads of a body. Default 60 s.
    pub client_body_timeout: Duration,
    /// `client_max_body_size`; zero: no limit. Default 1 MiB.
    pub client_max_body_size: u64,
    /// `send_timeout`: between two writes. Default 60 s.
    pub send_timeout: Duration,
    /// `lingering_close`, `lingering_time`, `lingering_timeout`: how a connection ends while the client still sends.
    pub lingering: Lingering,
    /// `reset_timedout_connection`: a client that was too slow gets a reset, and the kernel keeps nothing. Default off.
    pub reset_timedout_connection: bool,
    /// `merge_slashes`: runs of slashes in a path are one. Default on. Of no meaning below the server's level.
    pub merge_slashes: bool,
    /// `client_header_buffer_size`. Default 1k.
    pub client_header_buffer_size: usize,
    /// `large_client_header_buffers NUMBER SIZE`. Default 4 8k.
    pub large_client_header_buffers: (usize, usize),
    /// `max_headers`: fields in one head. Default 1000.
    pub max_headers: usize,
    /// `sendfile`. Default on (unlike nginx's off).
    pub sendfile: bool,
    /// `sendfile_max_chunk`: bytes in one sendfile call; zero: no limit. Default 4 MiB (nginx: 2), as much as one
    /// client is sent in one turn.
    pub sendfile_max_chunk: u64,
    /// `tcp_nopush`: whole segments for all that sendfile sends; off: for long files only. Default off.
    pub tcp_nopush: bool,
    /// `tcp_nodelay`. Default on.
    pub tcp_nodelay: bool,
    /// `server_tokens`: version in the Server field and on error pages. Default on.
    pub server_tokens: bool,
    /// `etag`. Default on.
    pub etag: bool,
    /// `upload_store`: the folder that a POST's body is stored in, as one file or as those of a form. Default none.
    pub upload_store: Option<Arc<PathBuf>>,
    /// `upload_same_origin`: no other site's page may have a browser send uploads. Default off.
    pub upload_same_origin: bool,
    /// `upload_max_parts`, `upload_max_file_size`, `upload_max_fields_size`, `upload_max_part_head_size`.
    pub upload_limits: FormLimits,
    /// `dav_methods` and its kin: how clients may change files here. Default not at all.
    pub dav: Dav,
    /// `userid` and its kin: cookies that know a visitor again. Default off.
    pub userid: Userid,
    /// `disable_symlinks`. Default off.
    pub disable_symlinks: DisableSymlinks,
    /// `autoindex` and its kin. Default off.
    pub autoindex: Autoindex,
    /// `max_ranges`; 0 turns ranges off; `None`: no limit.
    pub max_ranges: Option<usize>,
    /// `add_header`s, in order. As with all lists, a level has those from outside only if it has none of its own.
    pub add_headers: Vec<AddHeader>,
    /// `expires`. Default off.
    pub expires: Expires,
    /// `absolute_redirect`, `port_in_redirect`, `server_name_in_redirect`.
    pub redirects: Redirects,
    /// `gzip_static`. Default off.
    pub gzip_static: GzipStatic,
    /// `if_modified_since`. Default before (unlike nginx's exact).
    pub if_modified_since: IfModifiedSince,
    /// `open_file_cache` and its kin.
    pub open_file_cache: OpenFileCache,
    /// `cgi`, `cgi_pass` and all that goes with them; `None`: no programs answer here.
    pub cgi: Option<Arc<Cgi>>,
    /// `methods`: the others are answered 405; `None`: those that the location's handler knows.
    pub methods: Option<MethodSet>,
    /// `limit_except` with `deny all`: the others are answered 403. Not inherited, as in nginx.
    pub limit_except: Option<MethodSet>,
    /// `client_body_buffer_size`: bytes of a request's body that are held in memory, on their way to who takes it; one
    /// that is stored first goes into a file only when it is longer. Default 128k (unlike nginx's 16k).
    pub client_body_buffer_size: usize,
    /// `client_body_temp_path`: the folder of such files. Default: the system's, `TMPDIR` or /tmp.
    pub client_body_temp_path: PathBuf,
    /// `client_body_in_file_only`. Default off.
    pub client_body_in_file_only: BodyInFile,
}

/// `client_body_in_file_only off|on|clean;`
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BodyInFile {
    /// A program gets the body as it comes.
    Off,
    /// A body is stored in a file first, whose name the program may be told, and which stays.
    On,
    /// The same, and the file goes when the request has been answered.
    Clean,
}

/// What is done with bytes that a client still sends when the last answer has left. Closing at once would make the
/// kernel send a reset, which can take the answer away from the client (RFC 9112 section 9.6).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Lingering {
    /// `lingering_close`. Default on.
    pub mode: LingeringClose,
    /// `lingering_time`: the longest that bytes are read and dropped. Default 30 s.
    pub time: Duration,
    /// `lingering_timeout`: the longest pause between them. Default 5 s.
    pub timeout: Duration,
}

/// `lingering_close off|on|always;`
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LingeringClose {
    /// Closed at once, whatever is on its way.
    Off,
    /// Read on if the client seems to send more: part of a request was not read.
    On,
    /// Read on in any case.
    Always,
}

/// `alias PATH;` with the length of the location's prefix that it replaces.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Alias {
    /// The replacement.
    pub path: PathBuf,
    /// Bytes of the URL's path that it stands for.
    pub prefix_bytes: usize,
}

/// `disable_symlinks off|on|if_not_owner;`
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DisableSymlinks {
    /// Links are followed.
    Off,
    /// A link anywhere below the root is refused with 403.
    On,
    /// A link is refused when it and its target have different owners.
    IfNotOwner,
}

/// `error_page CODE ... [=[ANSWER]] URI;`
#[derive(Clone, PartialEq, Debug)]
pub struct ErrorPage {
    /// Statuses that it answers.
    pub codes: Vec<u16>,
    /// `=200` answers with that status, `=` with the status of the page itself, nothing keeps the error's.
    pub answer: ErrorPageStatus,
    /// A path inside, a named location, or an absolute URL to redirect to.
    pub uri: Template,
}

/// The status that a client sees with an error page.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ErrorPageStatus {
    /// The error's own.
    Keep,
    /// What the page's own processing says (`=`).
    FromPage,
    /// This one (`=200`).
    Set(u16),
}

/// `return CODE [TEXT];`, `return CODE URL;`, `return URL;`
#[derive(Clone, PartialEq, Debug)]
pub struct Return {
    /// The status; 444 closes without an answer.
    pub code: u16,
    /// The body, or for 301, 302, 303, 307, 308 the Location.
    pub text: Option<Template>,
}

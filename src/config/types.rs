//! The configuration as the server uses it: plain values with all defaults filled in, shared between the workers.

use super::problem::Problem;
use crate::ages::AgeRule;
use crate::http::form_data::FormLimits;
use crate::http::method::MethodSet;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

mod access;
mod cgi;
mod charset;
mod dav;
mod expires;
mod gateway;
mod geo;
mod keepalive;
mod level;
mod limits;
mod listener;
mod log;
mod map;
mod names;
mod networks;
mod protocol;
mod real_ip;
mod referers;
mod regex;
mod response;
mod rewrite;
mod server;
mod split_clients;
mod syslog;
mod template;
mod upstream;
mod userid;
mod variables;

pub use access::{Access, AddressRule, AddressRules, Addresses, LimitExcept, Satisfy, UserFile};
pub use cgi::{Cgi, CgiParam, CgiPass, CgiQueue, PathInfo};
pub use charset::Charset;
pub use dav::{Dav, DavMethods};
pub use expires::{Expires, Freshness};
pub use gateway::*;
pub use geo::{Geo, GeoAddresses, GeoNetworks, GeoRanges, RangeAdded};
pub use keepalive::{FieldNames, Keepalive, OldBrowsers, Resolver};
pub use level::Level;
pub use limits::*;
pub use listener::{Hosts, Listener, SocketFile};
pub use log::{AccessLog, ErrorLogDirective, LogRules, LogTarget, OpenLogFileCache};
pub use map::{KeyKind, Map, MapKeys};
pub use names::{NameHasher, NameMap};
pub use networks::{Network, Networks, NoNetwork};
pub use protocol::{DirectoryServer, EchoBy, EchoServer, Protocol};
pub use real_ip::{RealIp, RealIpHeader};
pub use referers::{LinkRules, RefererName, ValidReferers};
pub use regex::Regex;
pub use response::*;
pub use rewrite::{
    FileTest, Otherwise, Rewrite, RewriteProgram, RewriteStep, RewriteThen, SetTarget, Test, TriedFile, TryFiles,
};
pub use server::{Branch, Location, Locations, Prefixes, Server};
pub use split_clients::SplitClients;
pub use syslog::Syslog;
pub use template::{Escape, GatewayVariable, Literal, ProxiedVariable, Template, TemplatePart, Variable};
pub use upstream::{Balance, Upstream, UpstreamKeepalive, UpstreamServer};
pub use userid::{Userid, UseridMode};
pub use variables::{Source, UserVariable};
pub use webserv_sys::net::Address;

/// The version of nginx whose configuration this server follows: the value of `$nginx_version`.
pub const NGINX_VERSION: &str = "1.29.0";

/// A whole validated configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// `daemon`: run in the background. Default off (unlike nginx).
    pub daemon: bool,
    /// `pid`: the file that gets the process number; None if it is not configured.
    pub pid: Option<PathBuf>,
    /// `user`: the user that the process becomes when the sockets are open.
    pub user: Option<User>,
    /// `worker_rlimit_nofile`: the limit of open files; None: the server raises it as it needs.
    pub rlimit_nofile: Option<u64>,
    /// `worker_shutdown_timeout`: how long connections may stay open when the server shuts down, or those from before a
    /// reload; None: until they end.
    pub shutdown_timeout: Option<Duration>,
    /// How exactly the ages of connections are known, for `keepalive_time` and `$connection_time`. None: not at all.
    pub ages: Option<AgeRule>,
    /// `worker_processes`: the number of threads with a loop each; `auto` is one per CPU.
    pub workers: usize,
    /// `error_log`s of the main level: where lines go, and the least serious level that is written to each.
    pub error_logs: Vec<ErrorLogDirective>,
    /// The `events` block.
    pub events: Events,
    /// One entry per address, in order of first appearance.
    pub listeners: Vec<Listener>,
    /// All access logs with a fixed file, each with its format; `Settings::access_logs` points to some of them.
    pub access_logs: Vec<Arc<AccessLog>>,
    /// The targets of all `error_log`s inside `http`, each once.
    pub inner_error_logs: Vec<LogTarget>,
    /// The largest `max=` of `open_log_file_cache`: each worker may keep this number of logs open.
    pub log_paths_max: usize,
    /// The zones of `limit_req_zone` and `limit_conn_zone`.
    pub zones: Zones,
    /// The groups of servers that requests are passed to, and the single addresses.
    pub upstreams: Vec<Arc<Upstream>>,
    /// A variable has a field of the answer of a server behind: `$upstream_http_NAME`, `$upstream_cookie_NAME`.
    pub keeps_answer_heads: bool,
    /// Some `error_log` is at level debug.
    pub is_debugged: bool,
    /// The variables that the configuration defines. Their positions are their slots.
    pub variables: Vec<UserVariable>,
    /// Probable mistakes that were accepted; the server shows them at its start.
    pub warnings: Vec<Problem>,
    /// What is legal and wrong all the same, if [`ConfigFiles::with_lint`](super::ConfigFiles::with_lint) asked for it.
    pub review: super::Review,
    /// The directives that were accepted and have no effect here, each once; `-t` names them.
    pub without_effect: Vec<String>,
    /// The folders that the server makes at its start: those of `client_body_temp_path`,
    /// `proxy_temp_path` and its kind.
    pub temp_folders: Vec<TempFolder>,
    /// All files that were read, by name, for `-T`.
    pub texts: Vec<(String, Arc<str>)>,
    /// The files that were read besides those: users with their passwords. `-T` does not print them.
    pub secrets: Vec<(String, Arc<str>)>,
}

/// A folder for temporary files.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TempFolder {
    /// The directive that names it.
    pub directive: String,
    /// Its path.
    pub path: PathBuf,
    /// The file and line of the directive.
    pub place: String,
}

/// `user NAME [GROUP];`
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct User {
    /// The account's name.
    pub name: String,
    /// The group's name; None means the account's own group.
    pub group: Option<String>,
}

/// The `events` block.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Events {
    /// `use`: the poller's name; None: the best one of the platform.
    pub poller: Option<&'static str>,
    /// `worker_connections`: open connections per worker. Default 512 as in nginx.
    pub worker_connections: usize,
    /// `multi_accept`: accept all waiting connections in one turn, not one. Default off.
    pub multi_accept: bool,
    /// `try_first`: try a system call before asking the kernel whether it would block. Default on.
    pub try_first: bool,
}

/// All settings of the http, server and location level, inherited and merged.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The phases that have something to do here.
    pub phases: Phases,
    /// The server's name in logs and redirects: the first `server_name`, or "".
    pub server_name: Arc<str>,
    /// `root`: the document root, absolute, or relative to the prefix (already resolved). Default "html".
    pub root: PathBuf,
    /// `alias`: replaces the prefix of the location; `root` would be put before the whole path.
    pub alias: Option<Alias>,
    /// `root` or `alias` with variables, which replaces the one above for each request.
    pub variable_root: Option<Arc<VariableRoot>>,
    /// `index`: the names that are tried in a directory, in order. Default index.html.
    pub index: Vec<Template>,
    /// `empty_gif`: a picture of one transparent pixel answers.
    pub empty_gif: bool,
    /// `types`: the media type of each extension (lower case, no dot). Default: those of config/mime.types, also if the
    /// configuration includes none.
    pub types: Arc<HashMap<String, Arc<str>>>,
    /// The reverse of `types`: the first extension of each media type.
    pub extensions: Arc<HashMap<Arc<str>, String>>,
    /// `default_type`. Default text/plain.
    pub default_type: Arc<str>,
    /// `valid_referers`, `secure_link` and the other secure_link_ directives.
    pub links: LinkRules,
    /// `charset` and the other charset directives. Default: Content-Type names no charset.
    pub charset: Charset,
    /// `error_page`s, in order.
    pub error_pages: Vec<ErrorPage>,
    /// A `return` that stands outside of `if`: nothing else answers here. Not inherited.
    pub return_: Option<Arc<Return>>,
    /// `rewrite`, `if`, `set`, `break` and `return`. Not inherited.
    pub program: Option<Arc<RewriteProgram>>,
    /// `rewrite_log`: each step of a program is logged at level notice. Default off.
    pub rewrite_log: bool,
    /// `try_files`. Not inherited.
    pub try_files: Option<Arc<TryFiles>>,
    /// `internal`: only the server itself leads to this location, a client's request gets 404. Not inherited.
    pub internal: bool,
    /// `recursive_error_pages`: an error page that fails may have an error page. Default off.
    pub recursive_error_pages: bool,
    /// The access logs that get a line: some of [`Config::access_logs`], and those whose paths have variables.
    pub access_logs: Vec<Arc<AccessLog>>,
    /// `open_log_file_cache`, `log_not_found`, `log_subrequest`.
    pub log_rules: LogRules,
    /// The least serious level that one of the `error_log`s for these requests takes.
    pub error_level: Level,
    /// The `error_log`s for these requests; None: those of the main level.
    pub error_logs: Option<Arc<Vec<ErrorLogDirective>>>,
    /// `keepalive_timeout` and the other keepalive_ directives.
    pub keepalive: Keepalive,
    /// `underscores_in_headers`, `ignore_invalid_headers`.
    pub field_names: FieldNames,
    /// `resolver`, `resolver_timeout`.
    pub resolver: Resolver,
    /// `client_header_timeout`: the time for the whole head. Default 60 s.
    pub client_header_timeout: Duration,
    /// `client_body_timeout`: the longest time between two reads of a body. Default 60 s.
    pub client_body_timeout: Duration,
    /// `client_max_body_size` in bytes; zero: no limit. Default 1 MiB.
    pub client_max_body_size: u64,
    /// `send_timeout`: the longest time between two writes. Default 60 s.
    pub send_timeout: Duration,
    /// `lingering_close`, `lingering_time`, `lingering_timeout`: how a connection closes while the client still sends.
    pub lingering: Lingering,
    /// `reset_timedout_connection`: reset the connection of a client that was too slow, so that the kernel keeps no
    /// unsent data. Default off.
    pub reset_timedout_connection: bool,
    /// `merge_slashes`: a run of slashes in a path becomes one. Default on. It has no effect below the server level.
    pub merge_slashes: bool,
    /// `client_header_buffer_size`. Default 1k.
    pub client_header_buffer_size: usize,
    /// `large_client_header_buffers NUMBER SIZE`. Default 4 8k.
    pub large_client_header_buffers: (usize, usize),
    /// `max_headers`: the number of field lines in one head. Default 1000.
    pub max_headers: usize,
    /// `sendfile`. Default on (unlike nginx's off).
    pub sendfile: bool,
    /// `sendfile_max_chunk`: bytes of one sendfile call; zero: no limit. Default 4 MiB (nginx: 2), which is also the
    /// limit of one turn.
    pub sendfile_max_chunk: u64,
    /// `tcp_nopush`: send only full segments with sendfile; off: only for long files. Default off.
    pub tcp_nopush: bool,
    /// `tcp_nodelay`. Default on.
    pub tcp_nodelay: bool,
    /// `server_tokens`: show the version in the Server field and on error pages. Default on.
    pub server_tokens: bool,
    /// `etag`. Default on.
    pub etag: EtagForm,
    /// `upload_store`: the folder for the bodies of POST requests, one file per body, or per file of a form. Default
    /// none.
    pub upload_store: Option<Arc<PathBuf>>,
    /// `upload_same_origin`: refuse uploads that a page of another site made the browser send. Default off.
    pub upload_same_origin: bool,
    /// `upload_max_parts`, `upload_max_file_size`, `upload_max_fields_size`, `upload_max_part_head_size`.
    pub upload_limits: FormLimits,
    /// `dav_methods` and the other directives of its group: how clients may change files here. Default not at all.
    pub dav: Dav,
    /// `userid` and the other userid_ directives: cookies that identify a visitor. Default off.
    pub userid: Userid,
    /// `stub_status`: the answer is a page with the numbers of connections and requests. Not inherited, as in nginx.
    pub stub_status: bool,
    /// `set_real_ip_from` and the other real_ip_ directives.
    pub real_ip: RealIp,
    /// `disable_symlinks`. Unless it is off, each name of a path is looked at, and a path with more than 64 names
    /// (`PATH_NAMES_MAX`) is refused with 403. Default off.
    pub disable_symlinks: DisableSymlinks,
    /// `autoindex` and the other autoindex_ directives. Default off.
    pub autoindex: Autoindex,
    /// `max_ranges`; 0 turns ranges off; None: no limit.
    pub max_ranges: Option<usize>,
    /// `add_header`s and `add_trailer`s, in order. As with all lists, a level inherits each of both only if it has none
    /// of its own, unless `add_header_inherit` or `add_trailer_inherit` says otherwise.
    pub add_headers: Vec<AddHeader>,
    /// `add_header_inherit` and `add_trailer_inherit`. Default on.
    pub inherits_fields: InheritFields,
    /// `chunked_transfer_encoding`: a body whose length is not known is sent in chunks; off: its end is that of the
    /// connection. Default on.
    pub chunked_transfer_encoding: bool,
    /// `early_hints`: 103 of a server behind is passed on if one of these is neither empty nor "0". Default none.
    pub early_hints: Vec<Template>,
    /// `expires`. Default off.
    pub expires: Expires,
    /// `absolute_redirect`, `port_in_redirect`, `server_name_in_redirect`.
    pub redirects: Redirects,
    /// `gzip_static`. Default off.
    pub gzip_static: GzipStatic,
    /// `if_modified_since`. Default before (unlike nginx's exact).
    pub if_modified_since: IfModifiedSince,
    /// `open_file_cache` and the other open_file_cache_ directives.
    pub open_file_cache: OpenFileCache,
    /// `cgi`, `cgi_pass` and the other cgi_ directives; None: no program answers here.
    pub cgi: Option<Arc<Cgi>>,
    /// `proxy_pass`, `fastcgi_pass`, `scgi_pass` or `uwsgi_pass`: a server behind answers. Not inherited.
    pub gateway: Option<Arc<Gateway>>,
    /// `methods`: other methods get 405; None: the location's handler decides.
    pub methods: Option<MethodSet>,
    /// The names in `methods` that the server does not know itself; programs may.
    pub extension_methods: Vec<String>,
    /// `allow`, `deny`, `auth_basic`, `satisfy`: what is asked of a client. Default nothing.
    pub access: Access,
    /// `limit_except`: what is asked of a client for other methods, also for unknown ones. Not inherited, as in nginx.
    pub limit_except: Option<Arc<LimitExcept>>,
    /// `limit_req`, `limit_conn`, `limit_rate` and those of their groups. Default no limit.
    pub limits: Limits,
    /// `client_body_buffer_size`: bytes of a request's body that are held in memory on their way to the handler. A body
    /// that is stored first is written to a file only if it is longer. Default 128k (unlike nginx's 16k).
    pub client_body_buffer_size: usize,
    /// `client_body_temp_path`: the folder for stored bodies, made at the start if it is missing. Default: the
    /// system's, `TMPDIR` or /tmp (unlike nginx).
    pub client_body_temp_path: PathBuf,
    /// `client_body_in_file_only`. Default off.
    pub client_body_in_file_only: BodyInFile,
}

bitflags::bitflags! {
    /// The phases in which a place has anything to do for a request; those of nginx that come between the head and the
    /// content. A request passes the others by.
    #[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
    pub struct Phases: u8 {
        /// `rewrite` and its kind in `server`.
        const SERVER_REWRITE = 1;
        /// `rewrite` and its kind in a location.
        const REWRITE = 2;
        /// `limit_conn`, `limit_req`.
        const PRE_ACCESS = 4;
        /// `allow`, `deny`, `auth_basic`, `satisfy`.
        const ACCESS = 8;
        /// `try_files`.
        const PRE_CONTENT = 16;
        /// `root` or `alias` has variables.
        const VARIABLE_ROOT = 32;
        /// `set_real_ip_from`.
        const POST_READ = 64;
        /// Those whose directives an inner level does not inherit.
        const NOT_INHERITED = Self::SERVER_REWRITE.bits() | Self::REWRITE.bits() | Self::PRE_CONTENT.bits();
    }
}

/// `client_body_in_file_only off|on|clean;`
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BodyInFile {
    /// A program gets the body as it arrives.
    Off,
    /// A body is first stored in a file. The program can learn its name, and the file stays.
    On,
    /// The same, but the file is removed when the request has been answered.
    Clean,
}

/// What happens to bytes that a client sends after the last response. If the server closed at once, the kernel would
/// send a reset, which can destroy the response on its way (RFC 9112 section 9.6).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Lingering {
    /// `lingering_close`. Default on.
    pub mode: LingeringClose,
    /// `lingering_time`: the longest time that bytes are read and dropped. Default 30 s.
    pub time: Duration,
    /// `lingering_timeout`: the longest pause between them. Default 5 s.
    pub timeout: Duration,
}

/// `lingering_close off|on|always;`
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LingeringClose {
    /// Close at once.
    Off,
    /// Read on if the client probably sends more: part of a request was not read.
    On,
    /// Always read on.
    Always,
}

/// `alias PATH;` with the length of the location's prefix that it replaces.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Alias {
    /// The replacement.
    pub path: PathBuf,
    /// The length of the prefix in bytes. `usize::MAX`: the whole path is replaced, in a location with an expression.
    pub prefix_bytes: usize,
}

/// `root` or `alias` with variables.
#[derive(Clone, PartialEq, Debug)]
pub struct VariableRoot {
    /// The path. It may be relative.
    pub text: Template,
    /// Where relative paths begin.
    pub prefix: PathBuf,
    /// It is an `alias`.
    pub is_alias: bool,
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
    /// The statuses that this page is for.
    pub codes: Vec<u16>,
    /// `=200` sets the status, `=` takes that of the page itself, and without either the error's status stays.
    pub answer: ErrorPageStatus,
    /// A path on this server, a named location, or an absolute URL for a redirect.
    pub uri: Template,
}

/// The status of a response with an error page.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ErrorPageStatus {
    /// The status of the error.
    Keep,
    /// The status of the page's own response (`=`).
    FromPage,
    /// This one (`=200`).
    Set(u16),
}

/// `return CODE [TEXT];`, `return CODE URL;`, `return URL;`
#[derive(Clone, PartialEq, Debug)]
pub struct Return {
    /// The status; 444 closes without a response.
    pub code: u16,
    /// The body, or for 301, 302, 303, 307, 308 the Location.
    pub text: Option<Template>,
    /// Instead of a text: the Location is the requested path with a slash at its end. No directive sets it; see
    /// `add_slashes` in src/config/directives/location.rs.
    pub adds_slash: bool,
}

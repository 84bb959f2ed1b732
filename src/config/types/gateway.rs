//! What a location passes its requests to, and how: `proxy_pass`, `fastcgi_pass`, `scgi_pass`, `uwsgi_pass` and the
//! directives of their families. What the families have in common is one type, as the directives have one meaning.

use super::{Regex, Size, Template, Upstream};
use bitflags::bitflags;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// A `_pass` directive, with the directives of its family.
#[derive(Clone, Debug)]
pub struct Gateway {
    /// The protocol that the server behind speaks.
    pub protocol: GatewayProtocol,
    /// Who gets the requests.
    pub target: GatewayTarget,
    /// The target as it is written, without the scheme: `$proxy_host`, for a target without variables.
    pub host: String,
    /// The port of the protocol, or the one that is written: `$proxy_port`.
    pub port: String,
    /// The path of `proxy_pass http://host/path`, which replaces the location's prefix.
    pub uri: Option<PassUri>,
    /// The directives of the family.
    pub rules: Arc<GatewayRules>,
}

/// The protocol between this server and the one behind it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum GatewayProtocol {
    /// HTTP/1.0 or HTTP/1.1: `proxy_pass`.
    Http,
    /// FastCGI 1.0: `fastcgi_pass`.
    Fastcgi,
    /// SCGI: `scgi_pass`.
    Scgi,
    /// uwsgi: `uwsgi_pass`.
    Uwsgi,
}

impl GatewayProtocol {
    /// All of them.
    pub const ALL: [GatewayProtocol; 4] =
        [GatewayProtocol::Http, GatewayProtocol::Fastcgi, GatewayProtocol::Scgi, GatewayProtocol::Uwsgi];

    /// How the names of the family's directives begin.
    pub fn prefix(self) -> &'static str {
        match self {
            GatewayProtocol::Http => "proxy",
            GatewayProtocol::Fastcgi => "fastcgi",
            GatewayProtocol::Scgi => "scgi",
            GatewayProtocol::Uwsgi => "uwsgi",
        }
    }

    /// The port of a target that names none. The others must name one.
    pub fn default_port(self) -> Option<u16> {
        (self == GatewayProtocol::Http).then_some(80)
    }

    /// `$proxy_host` and `$proxy_port` of a target, which is written without its scheme and path.
    pub fn host_and_port(self, target: &str) -> (String, String) {
        let Some(default_port) = self.default_port() else { return (target.to_owned(), String::new()) };
        if target.starts_with("unix:") {
            return ("localhost".to_owned(), String::new());
        }
        let end_of_ip = target.rfind(']').unwrap_or(0);
        let default_port = default_port.to_string();
        match target[end_of_ip..].rfind(':').map(|at| target.split_at(end_of_ip + at)) {
            Some((host, port)) if port[1..] == default_port => (host.to_owned(), default_port),
            Some((_, port)) => (target.to_owned(), port[1..].to_owned()),
            None => (target.to_owned(), default_port),
        }
    }
}

/// Who gets the requests.
#[derive(Clone, Debug)]
pub enum GatewayTarget {
    /// A group of servers, or one address.
    Upstream(Arc<Upstream>),
    /// A text with variables: a URL for `proxy_pass`, else the name of a group or an address.
    Made(Template),
}

/// The path of a `proxy_pass`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PassUri {
    /// The path and perhaps a query, as they are sent.
    pub path: String,
    /// The length in bytes of the location's prefix that it replaces. `usize::MAX`: all of the path.
    pub prefix_bytes: usize,
}

/// The directives of one family on one level. Directives that a family lacks have their defaults.
#[derive(Clone, Debug)]
pub struct GatewayRules {
    /// `_connect_timeout`. Default 60 s.
    pub connect_timeout: Duration,
    /// `_send_timeout`: the longest time between two writes. Default 60 s.
    pub send_timeout: Duration,
    /// `_read_timeout`: the longest time between two reads. Default 60 s.
    pub read_timeout: Duration,
    /// `_bind`: the local address of the connection. Default none.
    pub bind: Option<Template>,
    /// `_socket_keepalive`: SO_KEEPALIVE. Default off.
    pub socket_keepalive: bool,
    /// `_request_buffering`: the whole body of the request comes first. Default on.
    pub request_buffering: bool,
    /// `_pass_request_headers`. Default on.
    pub pass_request_headers: bool,
    /// `_pass_request_body`. Default on.
    pub pass_request_body: bool,
    /// `_buffering`: the server behind need not wait for a slow client. Default on.
    pub buffering: bool,
    /// `_buffer_size`: the longest head of an answer, in bytes. Default 32k (nginx: 4k or 8k).
    pub buffer_size: usize,
    /// `_buffers NUMBER SIZE`: the bytes of an answer in memory are the product. Default 8 8k (nginx: 8 4k or 8k).
    pub buffers: (usize, usize),
    /// `_max_temp_file_size`: bytes of an answer that a file may hold; 0: no file. Default 1 GiB.
    pub max_temp_file_size: u64,
    /// `_temp_path`: the folder of these files. Default that of `client_body_temp_path`.
    pub temp_path: Option<Arc<PathBuf>>,
    /// `_limit_rate`: bytes per second that are read of an answer. Default no limit.
    pub limit_rate: Option<Size>,
    /// `_intercept_errors`: an `error_page` replaces an answer with its status. Default off.
    pub intercept_errors: bool,
    /// `_ignore_client_abort`: the answer is waited for though the client has gone. Default off.
    pub ignore_client_abort: bool,
    /// `_force_ranges`. Default off.
    pub force_ranges: bool,
    /// `_hide_header`: the names of fields that are not passed to the client, in lower case, with those that are hidden
    /// by default and without those of `_pass_header`.
    pub hidden: Arc<[String]>,
    /// `_ignore_headers`: fields of the answer that this server does not follow. Default none.
    pub ignored: IgnoredFields,
    /// `_next_upstream`: the failures after which another server is asked. Default error and timeout.
    pub next_upstream: NextUpstream,
    /// `_next_upstream_tries`: how many servers may be asked; 0: no limit. Default 0.
    pub next_upstream_tries: usize,
    /// `_next_upstream_timeout`: how long after the first other servers may be asked; zero: no limit. Default 0.
    pub next_upstream_timeout: Duration,
    /// `_store` and `_store_access`: the answer becomes a file. Default off.
    pub store: Option<Arc<GatewayStore>>,
    /// `fastcgi_param`, `scgi_param`, `uwsgi_param`, or `proxy_set_header`, in order.
    pub params: Arc<[GatewayParam]>,
    /// The directives of `fastcgi_` alone.
    pub fastcgi: FastcgiRules,
    /// `uwsgi_modifier1` and `uwsgi_modifier2`. Default 0 0.
    pub uwsgi_modifiers: (u8, u8),
    /// The directives of `proxy_` alone.
    pub proxy: Arc<ProxyRules>,
}

/// `fastcgi_param NAME VALUE [if_not_empty];` and its kind.
#[derive(Clone, PartialEq, Debug)]
pub struct GatewayParam {
    /// The name, as it is sent.
    pub name: String,
    /// The value; variables are inserted unescaped.
    pub value: Template,
    /// Not sent without a value.
    pub if_not_empty: bool,
}

/// `_store on|PATH;` and `_store_access`.
#[derive(Clone, PartialEq, Debug)]
pub struct GatewayStore {
    /// The path of the file; None for `on`: the file of the request.
    pub path: Option<Template>,
    /// The mode of the file. Default 0600.
    pub mode: u32,
}

/// The directives of `fastcgi_` alone.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct FastcgiRules {
    /// `fastcgi_index`: the name that follows a path with a slash at its end, in `$fastcgi_script_name`.
    pub index: Option<String>,
    /// `fastcgi_split_path_info`: an expression with two groups, for `$fastcgi_script_name` and `$fastcgi_path_info`.
    pub split_path_info: Option<Regex>,
    /// `fastcgi_keep_conn`: the server behind is asked to keep the connection open. Default off.
    pub keep_conn: bool,
    /// `fastcgi_catch_stderr`: an answer is bad if its standard error contains one of these texts.
    pub catch_stderr: Vec<String>,
}

/// The directives of `proxy_` alone.
#[derive(Clone, PartialEq, Debug)]
pub struct ProxyRules {
    /// `proxy_http_version`. Default 1.1, as in nginx since 1.29.7.
    pub version: ProxyVersion,
    /// `proxy_method`. Default that of the client.
    pub method: Option<Template>,
    /// `proxy_set_body`. Default that of the client.
    pub body: Option<Template>,
    /// `proxy_redirect`: what becomes of Location and Refresh. What `default` means is in the list already.
    pub redirects: Vec<ProxyRedirect>,
    /// `proxy_cookie_domain` and `proxy_cookie_path`.
    pub cookie_domains: Vec<CookieRewrite>,
    /// `proxy_cookie_path`.
    pub cookie_paths: Vec<CookieRewrite>,
    /// `proxy_cookie_flags`.
    pub cookie_flags: Vec<CookieFlags>,
    /// `proxy_pass_trailers`: the trailer fields of an answer are passed on. Default off.
    pub pass_trailers: bool,
}

/// `proxy_http_version 1.0|1.1;`
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ProxyVersion {
    /// HTTP/1.0
    Http10,
    /// HTTP/1.1
    Http11,
}

/// What a text of an answer is compared with.
#[derive(Clone, PartialEq, Debug)]
pub enum RewriteFrom {
    /// How the text begins (of a domain: the whole text), with variables.
    Text(Template),
    /// An expression: `~` or `~*`.
    Regex(Regex),
}

/// `proxy_redirect FROM TO;`
#[derive(Clone, PartialEq, Debug)]
pub struct ProxyRedirect {
    /// What is replaced.
    pub from: RewriteFrom,
    /// By what.
    pub to: Template,
}

/// `proxy_cookie_domain FROM TO;` or `proxy_cookie_path FROM TO;`
#[derive(Clone, PartialEq, Debug)]
pub struct CookieRewrite {
    /// What is replaced.
    pub from: RewriteFrom,
    /// By what.
    pub to: Template,
}

/// `proxy_cookie_flags COOKIE FLAG ...;`
#[derive(Clone, PartialEq, Debug)]
pub struct CookieFlags {
    /// The name of the cookie.
    pub cookie: RewriteFrom,
    /// The flags as they are written: `secure`, `nosecure`, `samesite=lax` and so on; with variables.
    pub flags: Vec<Template>,
}

bitflags! {
    /// `_ignore_headers`: fields of an answer that this server does not follow.
    #[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
    pub struct IgnoredFields: u16 {
        /// X-Accel-Redirect
        const ACCEL_REDIRECT = 1;
        /// X-Accel-Expires
        const ACCEL_EXPIRES = 2;
        /// X-Accel-Limit-Rate
        const ACCEL_LIMIT_RATE = 4;
        /// X-Accel-Buffering
        const ACCEL_BUFFERING = 8;
        /// X-Accel-Charset
        const ACCEL_CHARSET = 16;
        /// Expires
        const EXPIRES = 32;
        /// Cache-Control
        const CACHE_CONTROL = 64;
        /// Set-Cookie
        const SET_COOKIE = 128;
        /// Vary
        const VARY = 256;
    }

    /// `_next_upstream`: the failures after which another server is asked.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub struct NextUpstream: u16 {
        /// The connection was refused or broken.
        const ERROR = 1;
        /// A timeout has passed.
        const TIMEOUT = 2;
        /// The head of the answer is malformed.
        const INVALID_HEADER = 4;
        /// The status is 500.
        const HTTP_500 = 8;
        /// The status is 502.
        const HTTP_502 = 16;
        /// The status is 503.
        const HTTP_503 = 32;
        /// The status is 504.
        const HTTP_504 = 64;
        /// The status is 403.
        const HTTP_403 = 128;
        /// The status is 404.
        const HTTP_404 = 256;
        /// The status is 429.
        const HTTP_429 = 512;
        /// Also requests whose work might be done twice: POST, LOCK, PATCH.
        const NON_IDEMPOTENT = 1024;
        /// `off`: no other server is asked.
        const OFF = 2048;
    }
}

/// The fields of answers that clients do not get, whatever the protocol, unless `_pass_header` names them.
const HIDDEN: [&str; 5] =
    ["x-accel-expires", "x-accel-redirect", "x-accel-limit-rate", "x-accel-buffering", "x-accel-charset"];

impl GatewayProtocol {
    /// The fields of answers that clients do not get unless `_pass_header` names them, in lower case.
    pub fn hidden(self) -> impl Iterator<Item = &'static str> {
        let own: &[&str] = match self {
            GatewayProtocol::Http => &["date", "server", "x-pad"],
            GatewayProtocol::Fastcgi | GatewayProtocol::Scgi => &["status"],
            GatewayProtocol::Uwsgi => &[],
        };
        own.iter().chain(&HIDDEN).copied()
    }
}

impl GatewayRules {
    /// How many bytes of an answer may wait in memory until they are passed on: `_buffers`.
    pub fn bytes_in_memory(&self) -> usize {
        self.buffers.0.saturating_mul(self.buffers.1).max(1)
    }

    /// The defaults of a family.
    pub fn of(protocol: GatewayProtocol) -> Self {
        let minute = Duration::from_secs(60);
        Self {
            connect_timeout: minute,
            send_timeout: minute,
            read_timeout: minute,
            bind: None,
            socket_keepalive: false,
            request_buffering: true,
            pass_request_headers: true,
            pass_request_body: true,
            buffering: true,
            buffer_size: 32 << 10,
            buffers: (8, 8 << 10),
            max_temp_file_size: 1 << 30,
            temp_path: None,
            limit_rate: None,
            intercept_errors: false,
            ignore_client_abort: false,
            force_ranges: false,
            hidden: protocol.hidden().map(str::to_owned).collect(),
            ignored: IgnoredFields::empty(),
            next_upstream: NextUpstream::ERROR | NextUpstream::TIMEOUT,
            next_upstream_tries: 0,
            next_upstream_timeout: Duration::ZERO,
            store: None,
            params: Arc::new([]),
            fastcgi: FastcgiRules::default(),
            uwsgi_modifiers: (0, 0),
            proxy: Arc::new(ProxyRules::default()),
        }
    }
}

impl Default for GatewayRules {
    /// The defaults of `proxy_`.
    fn default() -> Self {
        Self::of(GatewayProtocol::Http)
    }
}

impl Default for ProxyRules {
    fn default() -> Self {
        Self {
            version: ProxyVersion::Http11,
            method: None,
            body: None,
            redirects: Vec::new(),
            cookie_domains: Vec::new(),
            cookie_paths: Vec::new(),
            cookie_flags: Vec::new(),
            pass_trailers: false,
        }
    }
}

//! Text with variables: log formats, `return`, `error_page`, `add_header`, `cgi_param`.

use crate::http::Known;
use crate::http::number::push_start;
use crate::http::proxy_protocol::Tlv;
use crate::stats::Stat;
use std::fmt;

/// Text with `$variables`.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Template {
    /// The variables in order, each with the text before it.
    pub parts: Vec<TemplatePart>,
    /// The text behind the last variable; the whole text if there are no variables.
    pub rest: Literal,
    /// `escape=` of log_format.
    pub escape: Escape,
}

impl From<&str> for Template {
    /// A text without variables.
    fn from(text: &str) -> Self {
        Template { rest: Literal::new(text.to_owned()), escape: Escape::None, ..Template::default() }
    }
}

/// A piece of a [`Template`].
#[derive(Clone, PartialEq, Debug)]
pub struct TemplatePart {
    /// The fixed text before the variable.
    pub before: Literal,
    /// Replaced by its value for each request.
    pub variable: Variable,
}

/// A fixed text of a template. Between variables it has usually only a few bytes.
#[derive(Clone, PartialEq, Default)]
pub struct Literal {
    text: String,
    /// The first bytes of the text, filled up with zeros.
    start: [u8; 8],
}

impl Literal {
    /// This text.
    pub fn new(text: String) -> Self {
        let mut start = [0; 8];
        text.bytes().zip(&mut start).for_each(|(byte, place)| *place = byte);
        Self { text, start }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Appends the text.
    #[inline]
    pub fn push(&self, out: &mut Vec<u8>) {
        match self.text.len() {
            len @ ..=8 => push_start(out, &self.start, len),
            _ => out.extend_from_slice(self.text.as_bytes()),
        }
    }
}

impl fmt::Debug for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text.fmt(f)
    }
}

/// How values are escaped in a log line.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Escape {
    /// `"`, `\` and bytes outside 32..=126 as `\xHH`; an empty value as `-`.
    #[default]
    Default,
    /// As in a JSON string (RFC 8259): `"`, `\`, control characters and characters that change the direction of writing
    /// are escaped. A byte that is no part of a UTF-8 character becomes `\u00XX`; nginx copies it, which is no JSON.
    Json,
    /// No escaping.
    None,
}

/// The variables that a configuration may name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Variable {
    /// `$remote_addr`
    RemoteAddr,
    /// `$remote_port`
    RemotePort,
    /// `$remote_user`
    RemoteUser,
    /// `$server_addr`
    ServerAddr,
    /// `$server_port`
    ServerPort,
    /// `$server_name`
    ServerName,
    /// `$server_protocol`
    ServerProtocol,
    /// `$time_local`: 22/Nov/2026:02:35:09 +0000
    TimeLocal,
    /// `$time_iso8601`
    TimeIso8601,
    /// `$msec`: seconds with milliseconds
    Msec,
    /// `$request`: the request line
    Request,
    /// `$request_method`
    RequestMethod,
    /// `$request_uri`: the target as sent, with arguments
    RequestUri,
    /// `$uri`, `$document_uri`: path, decoded and normalized
    Uri,
    /// `$args`, `$query_string`
    Args,
    /// `$is_args`: "?" or nothing
    IsArgs,
    /// `$host`: the request's host, lower case, no port; otherwise the server's name
    Host,
    /// `$hostname`: the name of the machine
    Hostname,
    /// `$scheme`
    Scheme,
    /// `$status`
    Status,
    /// `$body_bytes_sent`
    BodyBytesSent,
    /// `$bytes_sent`
    BytesSent,
    /// `$request_length`
    RequestLength,
    /// `$request_time`: seconds with milliseconds
    RequestTime,
    /// `$connection`: serial number of the connection
    Connection,
    /// `$connection_time`: how long the connection is open, in seconds with milliseconds
    ConnectionTime,
    /// `$connection_requests`
    ConnectionRequests,
    /// `$pid`
    Pid,
    /// `$pipe`: "p" if pipelined, else "."
    Pipe,
    /// `$document_root`
    DocumentRoot,
    /// `$request_filename`
    RequestFilename,
    /// `$server_version`, the counterpart of `$nginx_version`
    ServerVersion,
    /// `$request_body_file`: the file with the request's body, by `client_body_in_file_only`
    RequestBodyFile,
    /// `$request_id`: 32 hex digits
    RequestId,
    /// `$binary_remote_addr`: the client's address in 4 or 16 bytes
    BinaryRemoteAddr,
    /// `$content_length`: the field Content-Length of the request, or the length of a body in chunks that has come
    ContentLength,
    /// `$content_type`: the field Content-Type of the request
    ContentType,
    /// `$https`: "on" if the client uses TLS
    Https,
    /// `$is_request_port`: ":" if the request names a port
    IsRequestPort,
    /// `$nginx_version`: the version of nginx whose configuration this server follows
    NginxVersion,
    /// `$realpath_root`: the document root without symbolic links
    RealpathRoot,
    /// `$request_body`: the body that is passed to a server behind, if it is in memory
    RequestBody,
    /// `$request_completion`: "OK" if the whole response was sent
    RequestCompletion,
    /// `$request_port`: the port that the request names
    RequestPort,
    /// `$http_NAME`: a request field that the parser knows
    HttpKnown(Known),
    /// `$http_NAME`: another request field; the name in lower case with hyphens
    Http(String),
    /// `$sent_http_NAME`: a response field
    SentHttp(String),
    /// `$invalid_referer`: 1 or nothing, see `valid_referers`
    InvalidReferer,
    /// `$secure_link`: see `secure_link`
    SecureLink,
    /// `$secure_link_expires`
    SecureLinkExpires,
    /// `$sent_trailer_NAME`: a field behind the body
    SentTrailer(String),
    /// `$arg_NAME`: an argument of the query
    Arg(String),
    /// `$cookie_NAME`
    Cookie(String),
    /// `$1` to `$9`: a group of the last regular expression that matched.
    Capture(u8),
    /// A variable that the configuration defines, by its slot.
    Slot(u16),
    /// `$limit_conn_status`
    LimitConnStatus,
    /// `$limit_rate`: bytes per second, 0 for no limit
    LimitRate,
    /// `$limit_req_status`
    LimitReqStatus,
    /// What a proxy says of the client
    Proxied(ProxiedVariable),
    /// `$connections_active` and its kind
    Connections(Stat),
    /// `$uid_got`: the identifier in the client's cookie
    UidGot,
    /// `$uid_set`: the identifier that the client is given with this response
    UidSet,
    /// What is known of a server behind and its answer
    Gateway(GatewayVariable),
}

/// The variables of gateways: `proxy_pass`, `fastcgi_pass` and so on. With more than one server asked, the values of
/// the `$upstream_` variables are lists.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum GatewayVariable {
    /// `$proxy_host`: the host of `proxy_pass`, with its port if that is not 80
    ProxyHost,
    /// `$proxy_port`: the port of `proxy_pass`
    ProxyPort,
    /// `$proxy_add_x_forwarded_for`: the X-Forwarded-For of the client, and its address behind it
    ProxyAddXForwardedFor,
    /// `$fastcgi_script_name`: the script's part of the path, with the `fastcgi_index`
    FastcgiScriptName,
    /// `$fastcgi_path_info`: the rest of the path
    FastcgiPathInfo,
    /// `$upstream_addr`
    UpstreamAddr,
    /// `$upstream_bytes_received`
    UpstreamBytesReceived,
    /// `$upstream_bytes_sent`
    UpstreamBytesSent,
    /// `$upstream_cache_status`: always empty, since answers are not kept
    UpstreamCacheStatus,
    /// `$upstream_connect_time`: seconds with milliseconds
    UpstreamConnectTime,
    /// `$upstream_header_time`: seconds with milliseconds
    UpstreamHeaderTime,
    /// `$upstream_last_server_name`
    UpstreamLastServerName,
    /// `$upstream_response_length`
    UpstreamResponseLength,
    /// `$upstream_response_time`: seconds with milliseconds
    UpstreamResponseTime,
    /// `$upstream_status`
    UpstreamStatus,
    /// `$upstream_http_NAME`: a field of the answer
    UpstreamHttp(String),
    /// `$upstream_cookie_NAME`: a cookie of the answer
    UpstreamCookie(String),
    /// `$upstream_trailer_NAME`: a field behind the body of the answer
    UpstreamTrailer(String),
}

/// The variables of the PROXY protocol and of `set_real_ip_from`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ProxiedVariable {
    /// `$proxy_protocol_addr`
    Address,
    /// `$proxy_protocol_port`
    Port,
    /// `$proxy_protocol_server_addr`
    ServerAddress,
    /// `$proxy_protocol_server_port`
    ServerPort,
    /// `$proxy_protocol_tlv_NAME`
    Tlv(Tlv),
    /// `$realip_remote_addr`: the other end of the socket
    RealipRemoteAddr,
    /// `$realip_remote_port`
    RealipRemotePort,
}

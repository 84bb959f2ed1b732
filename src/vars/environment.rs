//! The environment (RFC 3875 section 4.1) and command line (section 4.4) of a CGI program.

use super::View;
use super::address::{push_address, push_port};
use super::variables::expand;
use crate::config::FieldNames;
use crate::http::fields::Field;
use crate::http::{Known, Method, Request, TargetForm, number, target};
use crate::route::{Script, absolute, document_root, file_path};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ffi::CString;

/// A start of a program.
pub struct Invocation<'a> {
    /// The request. Its path is the one that led to the script.
    pub view: &'a View<'a>,
    /// The program.
    pub script: &'a Script,
    /// REQUEST_METHOD: the request's method, but GET after a local redirect (RFC 3875 section 6.2.2).
    pub method: &'a [u8],
    /// QUERY_STRING, without "?": the request's query, or that of a local redirect.
    pub query: &'a [u8],
    /// CONTENT_LENGTH. `None` if there is no body, or its length is unknown.
    pub body_bytes: Option<u64>,
    /// The client's connection uses TLS.
    pub tls: bool,
}

/// The HOME of programs: some, git among them, do not run without one. The user that the server runs as often has none
/// of its own, and that of root must not be used.
const HOME: &[u8] = b"/";

/// The PATH of programs.
const PATH: &[u8] = b"/usr/local/bin:/usr/bin:/bin";

const SOFTWARE: &str = concat!("webserv/", env!("CARGO_PKG_VERSION"));

/// The whole environment of a program, as `NAME=value`, sorted by name. It contains nothing of the server's own
/// environment.
///
/// AUTH_TYPE and REMOTE_USER are set only if the server itself has checked the user's password (`auth_basic`).
/// REMOTE_IDENT is never set. A variable whose value contains a NUL byte is left out.
pub fn environment(run: &Invocation<'_>) -> Vec<CString> {
    let mut variables = Variables(BTreeMap::new());
    variables.add_server(run);
    variables.add_script(run);
    variables.add_request(run);
    if let Some(request) = run.view.request() {
        let names = run.view.settings().field_names;
        for field in request.fields.iter() {
            variables.add_field(request, &field, names);
        }
    }
    if let Some(cgi) = &run.view.settings().cgi {
        for param in &cgi.params {
            variables.0.insert(Cow::Borrowed(param.name.as_bytes()), expand(&param.value, run.view));
        }
    }
    variables.0.iter().filter_map(|(name, value)| line(name, value)).collect()
}

/// `NAME=value`, with room for the NUL that ends it. Returns `None` if it contains a NUL itself.
fn line(name: &[u8], value: &[u8]) -> Option<CString> {
    let mut line = Vec::with_capacity(name.len() + value.len() + 2);
    line.extend_from_slice(name);
    line.push(b'=');
    line.extend_from_slice(value);
    CString::new(line).ok()
}

/// The arguments of an indexed query: a query without "=" is a list of words separated by "+" (RFC 3875 section 4.4).
///
/// Returns no arguments if a word cannot be decoded or begins with "-": interpreters would take it for an option.
/// Clients have used that to show and run code.
pub fn query_arguments(method: Method, query: &[u8]) -> Vec<CString> {
    if !method.reads() || query.is_empty() || query.contains(&b'=') {
        return Vec::new();
    }
    let word = |word: &[u8]| {
        let decoded = target::decode_text(word).ok().filter(|decoded| !decoded.starts_with(b"-"))?;
        CString::new(decoded).ok()
    };
    query.split(|b| *b == b'+').map(word).collect::<Option<Vec<_>>>().unwrap_or_default()
}

/// The variables by name.
struct Variables<'a>(BTreeMap<Cow<'a, [u8]>, Vec<u8>>);

impl<'a> Variables<'a> {
    fn set(&mut self, name: &'static str, value: impl Into<Vec<u8>>) {
        self.0.insert(Cow::Borrowed(name.as_bytes()), value.into());
    }

    /// Adds the variables for the server and the client.
    fn add_server(&mut self, run: &Invocation<'_>) {
        let view = run.view;
        let made = |fill: &dyn Fn(&mut Vec<u8>)| {
            let mut value = Vec::new();
            fill(&mut value);
            value
        };
        let client = made(&|out| push_address(out, view.client().as_ref()));
        let local_port = made(&|out| push_port(out, Some(view.local())));
        let default_port: &[u8] = if run.tls { b"443" } else { b"80" };
        self.set("GATEWAY_INTERFACE", *b"CGI/1.1");
        self.set("HOME", HOME);
        self.set("PATH", PATH);
        self.set("SERVER_SOFTWARE", SOFTWARE);
        self.set("SERVER_NAME", server_name(view));
        self.set("SERVER_ADDR", made(&|out| push_address(out, Some(view.local()))));
        self.set("SERVER_PORT", if local_port.is_empty() { default_port.to_vec() } else { local_port });
        self.set("REMOTE_HOST", client.clone()); // the address if no name is known: section 4.1.9
        self.set("REMOTE_ADDR", client);
        self.set("REMOTE_PORT", made(&|out| push_port(out, view.client().as_ref())));
        if let Some(credentials) = view.credentials().filter(|_| view.is_authenticated()) {
            self.set("AUTH_TYPE", "Basic");
            self.set("REMOTE_USER", credentials.user());
        }
        self.set("REQUEST_SCHEME", if run.tls { "https" } else { "http" });
        if run.tls {
            self.set("HTTPS", "on");
        }
    }

    /// Adds the variables for the program.
    fn add_script(&mut self, run: &Invocation<'_>) {
        let (view, script) = (run.view, run.script);
        let full = |path: Vec<u8>| match &view.settings().cgi {
            Some(cgi) => absolute(cgi, path),
            None => path,
        };
        self.set("SCRIPT_NAME", &script.script_name[..]);
        self.set("SCRIPT_FILENAME", &script.file[..]);
        self.set("PATH_INFO", &script.path_info[..]);
        self.set("DOCUMENT_ROOT", full(document_root(view.settings()).to_vec()));
        self.set("DOCUMENT_URI", view.path());
        self.set("REDIRECT_STATUS", "200"); // php-cgi requires it, to see that a server has started it
        if !script.path_info.is_empty() {
            // Mapped as if PATH_INFO were the path of a URL: section 4.1.6.
            let location = view.server().locations.find(&script.path_info);
            let settings = location.map_or(&view.server().settings, |location| &location.settings);
            if let Some(file) = file_path(settings, &script.path_info) {
                self.set("PATH_TRANSLATED", full(file));
            }
        }
    }

    /// Adds the variables for the request.
    fn add_request(&mut self, run: &Invocation<'_>) {
        self.set("REQUEST_METHOD", run.method);
        self.set("QUERY_STRING", run.query); // set without a query, too: section 4.1.7
        if let Some(bytes) = run.body_bytes {
            self.set("CONTENT_LENGTH", number::Digits::decimal(bytes).as_bytes());
        }
        let Some(request) = run.view.request() else { return };
        self.set("SERVER_PROTOCOL", if request.version.minor == 0 { "HTTP/1.0" } else { "HTTP/1.1" });
        self.set("REQUEST_URI", request_uri(request));
        if let Some(content_type) = request.fields.get(Known::ContentType) {
            self.set("CONTENT_TYPE", content_type);
        }
    }

    /// Adds `HTTP_NAME` (section 4.1.18). Repeated fields are joined to a list (RFC 9110 section 5.3).
    fn add_field(&mut self, request: &Request, field: &Field<'_>, names: FieldNames) {
        let Some(name) = variable_name(field, names) else { return };
        let separator: &[u8] = if field.known == Some(Known::Cookie) { b"; " } else { b", " };
        match self.0.get_mut(&name[..]) {
            Some(value) => {
                value.extend_from_slice(separator);
                value.extend_from_slice(field.value);
            }
            None if field.known == Some(Known::Host) => {
                drop(self.0.insert(Cow::Owned(name), host(request, field.value)))
            }
            None => drop(self.0.insert(Cow::Owned(name), field.value.to_vec())),
        }
    }
}

/// The variable for a field: `HTTP_ACCEPT` for Accept. Returns `None` for a field that is not passed on.
///
/// Not passed on are fields with a variable of their own, and fields of the connection. Proxy is not, because many
/// programs use HTTP_PROXY as their proxy (CVE-2016-5385). Names with other characters than letters, digits and hyphens
/// are only if the configuration says so: X_Y has the same variable as X-Y, which a proxy in front of this server may
/// have set or checked.
fn variable_name(field: &Field<'_>, names: FieldNames) -> Option<Vec<u8>> {
    let is_left_out = field.known.is_some_and(|known| {
        matches!(
            known,
            Known::Connection
                | Known::ContentLength
                | Known::ContentType
                | Known::KeepAlive
                | Known::Proxy
                | Known::Te
                | Known::Trailer
                | Known::TransferEncoding
                | Known::Upgrade
        )
    });
    let is_of_proxies = field.name.get(..6).is_some_and(|start| start.eq_ignore_ascii_case(b"proxy-"));
    if is_left_out || is_of_proxies || !names.takes(field.name) {
        return None;
    }
    let upper = field.name.iter().map(|b| if *b == b'-' { b'_' } else { b.to_ascii_uppercase() });
    Some(b"HTTP_".iter().copied().chain(upper).collect())
}

/// HTTP_HOST: the authority of an absolute target replaces Host (RFC 9112 section 3.2.2).
fn host(request: &Request, field: &[u8]) -> Vec<u8> {
    let Some(host) = request.host().filter(|_| request.form == TargetForm::Absolute) else { return field.to_vec() };
    let mut out = host.to_vec();
    if let Some(port) = request.port() {
        out.push(b':');
        number::push_decimal(&mut out, u64::from(port));
    }
    out
}

/// REQUEST_URI: path and query as sent, also for an absolute target.
fn request_uri(request: &Request) -> Vec<u8> {
    if request.form != TargetForm::Absolute {
        return request.target().to_vec();
    }
    let mut out = request.path().to_vec();
    if let Some(query) = request.query() {
        out.push(b'?');
        out.extend_from_slice(query);
    }
    out
}

/// SERVER_NAME: the requested host, else the server's first name, else its address (section 4.1.14).
fn server_name(view: &View<'_>) -> Vec<u8> {
    if let Some(host) = view.request().and_then(Request::host) {
        return host.to_vec();
    }
    let is_host = |name: &&String| !name.is_empty() && !name.contains('*') && !name.starts_with('.');
    if let Some(name) = view.server().names.first().filter(is_host) {
        return name.clone().into_bytes();
    }
    let mut out = Vec::new();
    push_address(&mut out, Some(view.local()));
    match &out[..] {
        b"unix:" => b"localhost".to_vec(),
        ip if ip.contains(&b':') => [b"[", ip, b"]"].concat(),
        _ => out,
    }
}

#[cfg(test)]
mod tests;

//! A strict reader of HTTP/1.1 responses: it fails for everything that RFC 9112 does not allow.

use std::fmt;

/// One response.
#[derive(Clone, Debug)]
pub struct Response {
    /// The version, for example "HTTP/1.1".
    pub version: String,
    /// The status code, for example 200.
    pub status: u16,
    /// The reason phrase, for example "OK".
    pub reason: String,
    /// The field lines in order, with their names as received.
    pub fields: Vec<(String, String)>,
    /// The content, without chunked framing.
    pub body: Vec<u8>,
    /// How the end of the body was determined.
    pub framing: Framing,
}

/// How a body is delimited (RFC 9112, section 6.3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Framing {
    /// No body: HEAD, 1xx, 204, 304.
    None,
    /// By Content-Length.
    Length,
    /// By chunks.
    Chunked,
    /// By the end of the connection.
    Close,
}

impl Response {
    /// The value of a field. It must not occur twice.
    #[track_caller]
    pub fn field(&self, name: &str) -> Option<&str> {
        let mut values = self.fields.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str());
        let value = values.next();
        assert!(values.next().is_none(), "{name} twice in {self}");
        value
    }

    /// The value of a field. It must be there.
    #[track_caller]
    pub fn must(&self, name: &str) -> &str {
        self.field(name).unwrap_or_else(|| panic!("no {name} in {self}"))
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// True if the server announces that it will close the connection after this response.
    pub fn says_close(&self) -> bool {
        self.field("Connection").is_some_and(|v| v.eq_ignore_ascii_case("close"))
    }

    /// Asserts a status; the message shows the request.
    #[track_caller]
    pub fn expect(self, status: u16, request: &str) -> Self {
        assert_eq!(self.status, status, "{request:?} was answered by {self}");
        self
    }
}

impl fmt::Display for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\n{} {} {}", self.version, self.status, self.reason)?;
        for (name, value) in &self.fields {
            writeln!(f, "{name}: {value}")?;
        }
        writeln!(f, "[{:?}] {}", self.framing, super::client::show(&self.body))
    }
}

/// Parses the first response in `bytes`; returns it and its length, or `None` if it is not complete. `ended`: no more
/// bytes will come.
pub fn parse(bytes: &[u8], head_only: bool, ended: bool) -> Result<Option<(Response, usize)>, String> {
    let Some(head_end) = find(bytes, b"\r\n\r\n") else { return Ok(None) };
    let mut response = parse_head(&bytes[..head_end])?;
    let body = &bytes[head_end + 4..];
    let used = match response.framing {
        Framing::None => Some(0),
        _ if head_only => {
            response.framing = Framing::None;
            Some(0)
        }
        Framing::Length => {
            let length: usize = response.must("Content-Length").parse().map_err(|e| format!("Content-Length: {e}"))?;
            (body.len() >= length).then(|| {
                response.body = body[..length].to_vec();
                length
            })
        }
        Framing::Chunked => chunked(body, &mut response.body)?,
        Framing::Close => ended.then(|| {
            response.body = body.to_vec();
            body.len()
        }),
    };
    Ok(used.map(|n| (response, head_end + 4 + n)))
}

fn parse_head(head: &[u8]) -> Result<Response, String> {
    let head = std::str::from_utf8(head).map_err(|e| format!("head: {e}"))?;
    let mut lines = head.split("\r\n");
    let line = lines.next().unwrap();
    let (version, rest) = line.split_once(' ').ok_or("status line without a space")?;
    let (code, reason) = rest.split_once(' ').ok_or("status line without a second space (RFC 9112, section 4)")?;
    let digits = code.len() == 3 && code.bytes().all(|b| b.is_ascii_digit());
    if version != "HTTP/1.1" || !digits {
        return Err(format!("status line {line:?}"));
    }
    let mut fields = Vec::new();
    for line in lines {
        let (name, value) = line.split_once(':').ok_or_else(|| format!("field line {line:?}"))?;
        let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
        if name.is_empty() || !name.bytes().all(token) || value.bytes().any(|b| b < b' ' && b != b'\t') {
            return Err(format!("field line {line:?}"));
        }
        fields.push((name.to_owned(), value.trim_matches([' ', '\t']).to_owned()));
    }
    let has = |name: &str| fields.iter().any(|(n, _)| n.eq_ignore_ascii_case(name));
    let status: u16 = code.parse().unwrap();
    let bare = status < 200 || status == 204;
    if bare && (has("Content-Length") || has("Transfer-Encoding")) || has("Content-Length") && has("Transfer-Encoding")
    {
        return Err("framing fields that RFC 9112, section 6 forbids here".into());
    }
    let framing = match () {
        () if bare || status == 304 => Framing::None,
        () if has("Transfer-Encoding") => Framing::Chunked,
        () if has("Content-Length") => Framing::Length,
        () => Framing::Close,
    };
    let (version, reason) = (version.to_owned(), reason.to_owned());
    Ok(Response { version, status, reason, fields, body: Vec::new(), framing })
}

/// Decodes the chunks in `bytes`, and skips trailer fields. Returns the length of the coding, or `None` if it is not
/// complete.
fn chunked(bytes: &[u8], out: &mut Vec<u8>) -> Result<Option<usize>, String> {
    out.clear();
    let mut at = 0;
    loop {
        let Some(line) = find(&bytes[at..], b"\r\n") else { return Ok(None) };
        let text = String::from_utf8_lossy(&bytes[at..at + line]).into_owned();
        let size = usize::from_str_radix(&text, 16).map_err(|e| format!("chunk size {text:?}: {e}"))?;
        at += line + 2;
        if size == 0 {
            // Trailer fields, if there are any, and an empty line.
            return Ok(find(&bytes[at - 2..], b"\r\n\r\n").map(|end| at + end + 2));
        }
        let Some(chunk) = bytes.get(at..at + size + 2) else { return Ok(None) };
        if !chunk.ends_with(b"\r\n") {
            return Err(format!("no CR LF after a chunk of {size} bytes"));
        }
        out.extend_from_slice(&chunk[..size]);
        at += size + 2;
    }
}

/// The position of `needle` in `bytes`.
pub fn find(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    bytes.windows(needle.len()).position(|w| w == needle)
}

//! The protocols between the server and those behind it, read and printed for the tests: HTTP/1.1 (RFC 9112), FastCGI
//! 1.0, SCGI and uwsgi. A request that breaks its protocol fails the test.

use super::http::find;

/// A protocol of a `_pass` directive.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Protocol {
    /// `proxy_pass`
    Http,
    /// `fastcgi_pass`
    Fastcgi,
    /// `scgi_pass`
    Scgi,
    /// `uwsgi_pass`
    Uwsgi,
}

/// All of them, for tables.
pub const ALL: [Protocol; 4] = [Protocol::Http, Protocol::Fastcgi, Protocol::Scgi, Protocol::Uwsgi];

/// One request, as a server behind receives it.
#[derive(Clone, Debug, Default)]
pub struct Ask {
    /// The request line (HTTP); empty for the others.
    pub line: String,
    /// The field lines or parameters in order.
    pub fields: Vec<(String, String)>,
    /// The body without its framing.
    pub body: Vec<u8>,
    /// All bytes as they came, framing included.
    pub raw: Vec<u8>,
    /// FastCGI: role and flags of FCGI_BEGIN_REQUEST. uwsgi: modifier1 and modifier2.
    pub marks: [u8; 2],
    /// HTTP: the trailer fields of a chunked body.
    pub trailers: Vec<(String, String)>,
}

impl Ask {
    /// The value of a field or parameter. It must not occur twice.
    #[track_caller]
    pub fn field(&self, name: &str) -> Option<&str> {
        let all = self.all(name);
        assert!(all.len() < 2, "{name} twice in {self:?}");
        all.first().copied()
    }

    /// The value of a field or parameter that must be there.
    #[track_caller]
    pub fn must(&self, name: &str) -> &str {
        self.field(name).unwrap_or_else(|| panic!("no {name} in {self:?}"))
    }

    /// All values of a field or parameter.
    pub fn all(&self, name: &str) -> Vec<&str> {
        self.fields.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str()).collect()
    }

    /// Method and target: those of the request line, or REQUEST_METHOD and REQUEST_URI.
    #[track_caller]
    pub fn what(&self) -> String {
        match self.line.rsplit_once(' ') {
            Some((what, _)) => what.to_owned(),
            None => format!("{} {}", self.must("REQUEST_METHOD"), self.must("REQUEST_URI")),
        }
    }
}

impl Protocol {
    /// How the names of its directives begin.
    pub fn prefix(self) -> &'static str {
        match self {
            Protocol::Http => "proxy",
            Protocol::Fastcgi => "fastcgi",
            Protocol::Scgi => "scgi",
            Protocol::Uwsgi => "uwsgi",
        }
    }

    /// The directives that pass requests to an address or a group, with the parameters that [`Ask::what`] reads.
    pub fn pass(self, to: &str) -> String {
        let name = self.prefix();
        if self == Protocol::Http {
            return format!("proxy_pass http://{to};");
        }
        let param = |key: &str, value: &str| format!("{name}_param {key} {value}; ");
        let length = if self == Protocol::Scgi { String::new() } else { param("CONTENT_LENGTH", "$content_length") };
        let scgi = if self == Protocol::Scgi { param("SCGI", "1") } else { String::new() };
        let rest = param("REQUEST_METHOD", "$request_method") + &param("REQUEST_URI", "$request_uri");
        format!("{name}_pass {to}; {length}{scgi}{rest}")
    }

    /// The directives that let connections be used again, in the location.
    pub fn keep(self) -> &'static str {
        match self {
            Protocol::Http => "proxy_http_version 1.1; proxy_set_header Connection \"\";",
            Protocol::Fastcgi => "fastcgi_keep_conn on;",
            Protocol::Scgi | Protocol::Uwsgi => "",
        }
    }

    /// True if a connection can carry more than one request.
    pub fn keeps(self) -> bool {
        matches!(self, Protocol::Http | Protocol::Fastcgi)
    }

    /// The bytes of an answer with this status and body. `fields`: more field lines, each with CR LF. No length is
    /// added.
    pub fn answer(self, status: u16, fields: &str, body: &[u8]) -> Vec<u8> {
        match self {
            Protocol::Http => [format!("HTTP/1.1 {status} X\r\n{fields}\r\n").as_bytes(), body].concat(),
            _ => self.wrap(&[format!("Status: {status}\r\n{fields}\r\n").as_bytes(), body].concat(), true),
        }
    }

    /// The bytes of a whole answer: 200, with a Content-Length.
    pub fn ok(self, body: &[u8]) -> Vec<u8> {
        self.answer(200, &format!("Content-Type: text/plain\r\nContent-Length: {}\r\n", body.len()), body)
    }

    /// The start of an answer: a head that promises `length` bytes, and some of them.
    pub fn part(self, length: usize, body: &[u8]) -> Vec<u8> {
        let start = if self == Protocol::Http { "HTTP/1.1 200 OK" } else { "Status: 200" };
        let head = format!("{start}\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\n\r\n");
        self.wrap(&[head.as_bytes(), body].concat(), false)
    }

    /// Output as it is on the wire: for FastCGI in FCGI_STDOUT records; with their end and FCGI_END_REQUEST if `ends`.
    pub fn wrap(self, output: &[u8], ends: bool) -> Vec<u8> {
        if self != Protocol::Fastcgi {
            return output.to_vec();
        }
        let mut out: Vec<u8> = output.chunks(60_000).flat_map(|piece| record(STDOUT, piece)).collect();
        if ends {
            out.extend_from_slice(&record(STDOUT, b""));
            out.extend_from_slice(&end_request(0, 0));
        }
        out
    }

    /// Parses the first request in `bytes`; returns it and its length, or `None` if it is not complete.
    pub fn parse(self, bytes: &[u8]) -> Option<(Ask, usize)> {
        let (mut ask, used) = match self {
            Protocol::Http => http(bytes),
            Protocol::Fastcgi => fastcgi(bytes),
            Protocol::Scgi => scgi(bytes),
            Protocol::Uwsgi => uwsgi(bytes),
        }?;
        ask.raw = bytes[..used].to_vec();
        Some((ask, used))
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap_or_else(|_| panic!("no UTF-8: {}", bytes.escape_ascii()))
}

/// Splits field lines, strictly: a name that is a token, a colon, a value without CR, LF or NUL.
fn field_lines(lines: &[u8]) -> Vec<(String, String)> {
    let lines = text(lines);
    let split = |line: &str| {
        let (name, value) = line.split_once(':').unwrap_or_else(|| panic!("field line {line:?}"));
        let is_token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
        assert!(!name.is_empty() && name.bytes().all(is_token), "field line {line:?}");
        assert!(!value.bytes().any(|b| b < b' ' && b != b'\t'), "field line {line:?}");
        (name.to_owned(), value.trim_matches([' ', '\t']).to_owned())
    };
    lines.split("\r\n").filter(|line| !line.is_empty()).map(split).collect()
}

/// The head of an HTTP request, with its length; `None` if it is not complete.
pub fn http_head(bytes: &[u8]) -> Option<(Ask, usize)> {
    let end = find(bytes, b"\r\n\r\n")? + 4;
    let line_end = find(bytes, b"\r\n")?;
    let line = text(&bytes[..line_end]);
    assert!(line.split(' ').count() == 3 && !line.contains(['\r', '\n']), "request line {line:?}");
    let fields = field_lines(&bytes[line_end + 2..end - 2]);
    Some((Ask { line, fields, raw: bytes[..end].to_vec(), ..Ask::default() }, end))
}

fn http(bytes: &[u8]) -> Option<(Ask, usize)> {
    let (mut ask, mut at) = http_head(bytes)?;
    let (length, coding) = (ask.field("Content-Length"), ask.field("Transfer-Encoding"));
    assert!(length.is_none() || coding.is_none(), "two lengths (RFC 9112 section 6.2): {ask:?}");
    if let Some(length) = length {
        let end = at + number(length);
        ask.body = bytes.get(at..end)?.to_vec();
        return Some((ask, end));
    }
    let Some(coding) = coding else { return Some((ask, at)) };
    assert_eq!(coding, "chunked", "{ask:?}");
    loop {
        let line = find(&bytes[at..], b"\r\n")?;
        let size = usize::from_str_radix(&text(&bytes[at..at + line]), 16).expect("chunk size");
        at += line + 2;
        if size == 0 {
            let end = at + find(&bytes[at - 2..], b"\r\n\r\n")? + 2;
            ask.trailers = field_lines(&bytes[at..end]);
            return Some((ask, end));
        }
        ask.body.extend_from_slice(bytes.get(at..at + size)?);
        assert_eq!(bytes.get(at + size..at + size + 2)?, b"\r\n", "after a chunk");
        at += size + 2;
    }
}

fn number(digits: &str) -> usize {
    assert!(!digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()), "a decimal number: {digits:?}");
    digits.parse().unwrap()
}

/// The types of FastCGI records (FastCGI 1.0, section 8).
pub const BEGIN: u8 = 1;
/// FCGI_ABORT_REQUEST
pub const ABORT: u8 = 2;
/// FCGI_END_REQUEST
pub const END: u8 = 3;
/// FCGI_PARAMS
pub const PARAMS: u8 = 4;
/// FCGI_STDIN
pub const STDIN: u8 = 5;
/// FCGI_STDOUT
pub const STDOUT: u8 = 6;
/// FCGI_STDERR
pub const STDERR: u8 = 7;

/// A FastCGI record of request 1 without padding.
pub fn record(kind: u8, content: &[u8]) -> Vec<u8> {
    padded(kind, content, 0)
}

/// A FastCGI record of request 1 with this number of padding bytes.
pub fn padded(kind: u8, content: &[u8], padding: u8) -> Vec<u8> {
    let length = u16::try_from(content.len()).expect("a record holds up to 65,535 bytes").to_be_bytes();
    let head = [1, kind, 0, 1, length[0], length[1], padding, 0];
    [&head, content, &vec![b'#'; padding.into()]].concat()
}

/// FCGI_END_REQUEST with these two statuses.
pub fn end_request(application: u32, protocol: u8) -> Vec<u8> {
    let status = application.to_be_bytes();
    record(END, &[status[0], status[1], status[2], status[3], protocol, 0, 0, 0])
}

/// The records in `bytes`: type and content; the rest is incomplete.
pub fn records(bytes: &[u8]) -> Vec<(u8, &[u8], usize)> {
    let (mut found, mut at) = (Vec::new(), 0);
    while let Some(head) = bytes.get(at..at + 8) {
        assert_eq!((head[0], head[2], head[3]), (1, 0, 1), "version and request id of {}", head.escape_ascii());
        let length = usize::from(u16::from_be_bytes([head[4], head[5]]));
        let Some(content) = bytes.get(at + 8..at + 8 + length) else { break };
        at += 8 + length + usize::from(head[6]);
        if at > bytes.len() {
            break;
        }
        found.push((head[1], content, at));
    }
    found
}

fn fastcgi(bytes: &[u8]) -> Option<(Ask, usize)> {
    let (mut ask, mut params, mut open) = (Ask::default(), Vec::new(), [true, true]);
    for (number, (kind, content, end)) in records(bytes).into_iter().enumerate() {
        assert_eq!(number == 0, kind == BEGIN, "record {number} has type {kind}");
        match kind {
            BEGIN => {
                assert_eq!((content.len(), content[0]), (8, 0), "FCGI_BEGIN_REQUEST");
                ask.marks = [content[1], content[2]];
            }
            PARAMS => {
                assert!(open[0], "parameters after their end");
                params.extend_from_slice(content);
                open[0] = !content.is_empty();
            }
            STDIN => {
                assert!(open[1], "a body after its end");
                ask.body.extend_from_slice(content);
                open[1] = !content.is_empty();
            }
            other => panic!("a record of type {other}"),
        }
        if open == [false, false] {
            ask.fields = name_values(&params);
            return Some((ask, end));
        }
    }
    None
}

/// Name-value pairs (FastCGI 1.0, section 3.4).
pub fn name_values(mut bytes: &[u8]) -> Vec<(String, String)> {
    fn length(bytes: &mut &[u8]) -> usize {
        let count = if bytes[0] < 128 { 1 } else { 4 };
        let value = bytes[..count].iter().fold(0, |sum, b| sum << 8 | usize::from(*b));
        *bytes = &bytes[count..];
        if count == 4 { value & 0x7fff_ffff } else { value }
    }
    let mut pairs = Vec::new();
    while !bytes.is_empty() {
        let (name, value) = (length(&mut bytes), length(&mut bytes));
        assert!(bytes.len() >= name + value, "a pair longer than its stream");
        pairs.push((text(&bytes[..name]), text(&bytes[name..name + value])));
        bytes = &bytes[name + value..];
    }
    pairs
}

/// A netstring of pairs that end with NUL, and a body of CONTENT_LENGTH bytes. CONTENT_LENGTH comes first; SCGI is 1.
fn scgi(bytes: &[u8]) -> Option<(Ask, usize)> {
    let colon = find(bytes, b":")?;
    let end = colon + 1 + number(&text(&bytes[..colon]));
    let head = bytes.get(colon + 1..=end)?;
    let head = head.strip_suffix(b",").expect("a comma after the netstring");
    let head = text(head.strip_suffix(b"\0").expect("a NUL after the last value"));
    let words: Vec<&str> = head.split('\0').collect();
    assert_eq!(words.len() % 2, 0, "pairs: {words:?}");
    let fields: Vec<_> = words.chunks(2).map(|pair| (pair[0].to_owned(), pair[1].to_owned())).collect();
    let ask = Ask { fields, ..Ask::default() };
    assert_eq!((ask.fields[0].0.as_str(), ask.must("SCGI")), ("CONTENT_LENGTH", "1"), "{ask:?}");
    with_body(ask, bytes, end + 1)
}

/// Four bytes (modifier1, the size of the pairs, modifier2), pairs with lengths of two bytes, the lower one first,
/// and a body of CONTENT_LENGTH bytes.
fn uwsgi(bytes: &[u8]) -> Option<(Ask, usize)> {
    let low_first = |b: &[u8]| usize::from(u16::from_le_bytes([b[0], b[1]]));
    let head = bytes.get(..4)?;
    let end = 4 + low_first(&head[1..3]);
    let mut pairs = bytes.get(4..end)?;
    let mut word = || {
        let length = low_first(&pairs[..2]);
        let word = text(&pairs[2..2 + length]);
        pairs = &pairs[2 + length..];
        (word, pairs.is_empty())
    };
    let mut ask = Ask { marks: [head[0], head[3]], ..Ask::default() };
    let mut is_end = end == 4;
    while !is_end {
        let name = word().0;
        let (value, is_last) = word();
        ask.fields.push((name, value));
        is_end = is_last;
    }
    with_body(ask, bytes, end)
}

fn with_body(mut ask: Ask, bytes: &[u8], start: usize) -> Option<(Ask, usize)> {
    let length = ask.field("CONTENT_LENGTH").filter(|digits| !digits.is_empty()).map_or(0, number);
    ask.body = bytes.get(start..start + length)?.to_vec();
    Some((ask, start + length))
}

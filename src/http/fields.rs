//! Field lines of a head or of a trailer section: the bytes once, an index into them, and a lookup that is free for
//! the fields that a request lacks.

use super::octets::{all_token, field_value_len, is_blank, is_token, trim, until_colon};

/// Field names that the server itself asks for. The rest is found by text with [`Fields::get_by_name`].
#[allow(missing_docs)] // the names are their own explanation
#[rustfmt::skip]
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub enum Known {
    Accept, AcceptCharset, AcceptEncoding, AcceptLanguage, Authorization, CacheControl, Connection, ContentEncoding,
    ContentLanguage, ContentLength, ContentLocation, ContentRange, ContentType, Cookie, Date, Depth, Destination,
    Expect, Forwarded, From, Host, If, IfMatch, IfModifiedSince, IfNoneMatch, IfRange, IfUnmodifiedSince, KeepAlive,
    LockToken, MaxForwards, Origin, Overwrite, Pragma, Proxy, ProxyAuthorization, ProxyConnection, Range, Referer,
    Server, SetCookie, Te, Timeout, Trailer, TransferEncoding, Upgrade, UpgradeInsecureRequests, UserAgent, Via,
    XForwardedFor, XRealIp,
}

/// In the order of the enum, which `SLOTS` checks when it is compiled.
const NAMES: [(Known, &str); 50] = [
    (Known::Accept, "Accept"),
    (Known::AcceptCharset, "Accept-Charset"),
    (Known::AcceptEncoding, "Accept-Encoding"),
    (Known::AcceptLanguage, "Accept-Language"),
    (Known::Authorization, "Authorization"),
    (Known::CacheControl, "Cache-Control"),
    (Known::Connection, "Connection"),
    (Known::ContentEncoding, "Content-Encoding"),
    (Known::ContentLanguage, "Content-Language"),
    (Known::ContentLength, "Content-Length"),
    (Known::ContentLocation, "Content-Location"),
    (Known::ContentRange, "Content-Range"),
    (Known::ContentType, "Content-Type"),
    (Known::Cookie, "Cookie"),
    (Known::Date, "Date"),
    (Known::Depth, "Depth"),
    (Known::Destination, "Destination"),
    (Known::Expect, "Expect"),
    (Known::Forwarded, "Forwarded"),
    (Known::From, "From"),
    (Known::Host, "Host"),
    (Known::If, "If"),
    (Known::IfMatch, "If-Match"),
    (Known::IfModifiedSince, "If-Modified-Since"),
    (Known::IfNoneMatch, "If-None-Match"),
    (Known::IfRange, "If-Range"),
    (Known::IfUnmodifiedSince, "If-Unmodified-Since"),
    (Known::KeepAlive, "Keep-Alive"),
    (Known::LockToken, "Lock-Token"),
    (Known::MaxForwards, "Max-Forwards"),
    (Known::Origin, "Origin"),
    (Known::Overwrite, "Overwrite"),
    (Known::Pragma, "Pragma"),
    (Known::Proxy, "Proxy"),
    (Known::ProxyAuthorization, "Proxy-Authorization"),
    (Known::ProxyConnection, "Proxy-Connection"),
    (Known::Range, "Range"),
    (Known::Referer, "Referer"),
    (Known::Server, "Server"),
    (Known::SetCookie, "Set-Cookie"),
    (Known::Te, "TE"),
    (Known::Timeout, "Timeout"),
    (Known::Trailer, "Trailer"),
    (Known::TransferEncoding, "Transfer-Encoding"),
    (Known::Upgrade, "Upgrade"),
    (Known::UpgradeInsecureRequests, "Upgrade-Insecure-Requests"),
    (Known::UserAgent, "User-Agent"),
    (Known::Via, "Via"),
    (Known::XForwardedFor, "X-Forwarded-For"),
    (Known::XRealIp, "X-Real-IP"),
];

const SLOTS_LEN: usize = 128;

/// No known name.
const NONE: u8 = u8::MAX;

/// A perfect hash of `NAMES`: a collision fails the build, then the factors in `slot` need another look.
const SLOTS: [u8; SLOTS_LEN] = {
    let mut slots = [NONE; SLOTS_LEN];
    let mut i = 0;
    while i < NAMES.len() {
        assert!(NAMES[i].0 as usize == i, "NAMES is not in the order of Known");
        let slot = slot(NAMES[i].1.as_bytes());
        assert!(slots[slot] == NONE, "two known names share a slot");
        slots[slot] = i as u8;
        i += 1;
    }
    slots
};

/// From the length and three letters; `| 0x20` makes letters lower-case and keeps the hyphen.
#[inline]
const fn slot(name: &[u8]) -> usize {
    let (first, middle, last) = (name[0] | 0x20, name[name.len() / 2] | 0x20, name[name.len() - 1] | 0x20);
    (name.len() * 39 + first as usize * 36 + last as usize * 71 + middle as usize) % SLOTS_LEN
}

impl Known {
    /// The field that a name means, in any case.
    #[inline(always)] // its one hot call is in the loop over field lines
    pub const fn parse(name: &[u8]) -> Option<Known> {
        if name.is_empty() {
            return None;
        }
        let i = SLOTS[slot(name)] as usize;
        if i < NAMES.len() && is_same_name(name, NAMES[i].1.as_bytes()) { Some(NAMES[i].0) } else { None }
    }

    /// The usual spelling.
    pub const fn name(self) -> &'static str {
        NAMES[self as usize].1
    }

    /// All of them.
    pub fn all() -> impl Iterator<Item = Known> {
        NAMES.iter().map(|&(known, _)| known)
    }

    const fn bit(self) -> u64 {
        1 << self as u8
    }
}

/// `name` is `known` in any case; `known` consists of letters and hyphens. Compares the first and the last eight bytes,
/// which may overlap, then what is left between them.
#[inline]
const fn is_same_name(name: &[u8], known: &[u8]) -> bool {
    if name.len() != known.len() || differ(first_word(name), first_word(known)) {
        return false;
    }
    if differ(last_word(name), last_word(known)) {
        return false;
    }
    let mut i = 8;
    while i + 8 < name.len() {
        if differ(name[i] as u64, known[i] as u64) {
            return false;
        }
        i += 1;
    }
    true
}

/// Letters have bit 6 and differ by case in bit 5; the hyphen has no bit 6 and must be itself.
#[inline]
const fn differ(name: u64, known: u64) -> bool {
    (name ^ known) & !(known >> 1 & (u64::MAX / 255 * 0x20)) != 0
}

/// The first eight bytes, or four, or one.
#[inline]
const fn first_word(text: &[u8]) -> u64 {
    match (text.first_chunk::<8>(), text.first_chunk::<4>()) {
        (Some(eight), _) => u64::from_le_bytes(*eight),
        (None, Some(four)) => u32::from_le_bytes(*four) as u64,
        _ => text[0] as u64,
    }
}

/// The last eight bytes, or four, or two, or one.
#[inline]
const fn last_word(text: &[u8]) -> u64 {
    match (text.last_chunk::<8>(), text.last_chunk::<4>(), text.last_chunk::<2>()) {
        (Some(eight), ..) => u64::from_le_bytes(*eight),
        (None, Some(four), _) => u32::from_le_bytes(*four) as u64,
        (None, None, Some(two)) => u16::from_le_bytes(*two) as u64,
        _ => text[0] as u64,
    }
}

/// Where a field line's parts stand in the bytes of its head.
#[derive(Clone, Copy, Debug)]
struct Line {
    name: Span,
    value: Span,
    known: Option<Known>,
}

/// A range of a head's bytes. Heads are far shorter than 4 GiB, so 32 bits keep the index small.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Span {
    pub start: u32,
    pub end: u32,
}

impl Span {
    pub(super) const fn new(start: usize, end: usize) -> Span {
        Span { start: start as u32, end: end as u32 }
    }

    pub(super) const fn len(self) -> usize {
        (self.end - self.start) as usize
    }

    #[inline]
    pub(super) fn of(self, bytes: &[u8]) -> &[u8] {
        &bytes[self.start as usize..self.end as usize]
    }
}

/// One field line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Field<'a> {
    /// As it was sent.
    pub name: &'a [u8],
    /// Without the blanks around it. No control bytes but HTAB.
    pub value: &'a [u8],
    /// The name's meaning, if it is one of the common ones.
    pub known: Option<Known>,
}

/// The field lines of a message, in the order of arrival.
#[derive(Clone, Debug, Default)]
pub struct Fields {
    /// The whole head as it was sent (the request line too), or the trailer lines.
    pub(super) bytes: Vec<u8>,
    pub(super) index: Index,
}

/// Where the field lines are. They are noted as they come; the bytes are copied when the head is complete.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    lines: Vec<Line>,
    present: u64,
    doubled: u64,
}

impl Fields {
    /// The number of field lines.
    pub fn len(&self) -> usize {
        self.index.lines.len()
    }

    /// No field line at all.
    pub fn is_empty(&self) -> bool {
        self.index.lines.is_empty()
    }

    /// At least one line of this name.
    #[inline]
    pub fn has(&self, known: Known) -> bool {
        self.index.present & known.bit() != 0
    }

    /// At least one line of one of these names.
    #[inline]
    pub fn has_any(&self, known: &[Known]) -> bool {
        known.iter().any(|&known| self.has(known))
    }

    /// Two or more lines of this name.
    #[inline]
    pub fn has_several(&self, known: Known) -> bool {
        self.index.doubled & known.bit() != 0
    }

    /// The value of the first line of this name.
    #[inline]
    pub fn get(&self, known: Known) -> Option<&[u8]> {
        self.get_all(known).next()
    }

    /// The value of the only line of this name: `None` if there are several, which for a field that is no list makes
    /// the value invalid (RFC 9110 section 5.3).
    pub fn get_only(&self, known: Known) -> Option<&[u8]> {
        if self.has_several(known) { None } else { self.get(known) }
    }

    /// The values of all lines of this name, in order.
    pub fn get_all(&self, known: Known) -> impl Iterator<Item = &[u8]> {
        let lines = if self.has(known) { &self.index.lines[..] } else { &[] };
        lines.iter().filter(move |line| line.known == Some(known)).map(|line| line.value.of(&self.bytes))
    }

    /// The value of the first line whose name is this, in any case.
    pub fn get_by_name(&self, name: &[u8]) -> Option<&[u8]> {
        self.iter().find(|field| field.name.eq_ignore_ascii_case(name)).map(|field| field.value)
    }

    /// All lines in order.
    pub fn iter(&self) -> impl Iterator<Item = Field<'_>> {
        self.index.lines.iter().map(|line| Field {
            name: line.name.of(&self.bytes),
            value: line.value.of(&self.bytes),
            known: line.known,
        })
    }

    /// The members of a comma-separated list that may span lines, without the empty ones (RFC 9110 section 5.6.1).
    /// Quoted strings are not looked into: right for lists of tokens.
    pub fn members(&self, known: Known) -> impl Iterator<Item = &[u8]> {
        self.get_all(known).flat_map(|value| value.split(|&b| b == b',').map(trim)).filter(|member| !member.is_empty())
    }

    /// What the next head finds here: memory, and nothing in it.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.index.lines.clear();
        (self.index.present, self.index.doubled) = (0, 0);
    }

    /// How much memory it holds.
    pub(super) fn capacity_bytes(&self) -> usize {
        self.bytes.capacity() + self.index.lines.capacity() * size_of::<Line>()
    }

    /// Where the first line of this name has its value.
    pub(super) fn span(&self, known: Known) -> Option<Span> {
        self.index.lines.iter().find(|line| line.known == Some(known)).map(|line| line.value)
    }
}

impl Index {
    pub(super) fn len(&self) -> usize {
        self.lines.len()
    }

    /// Notes a line that begins `base` bytes after the start of the head.
    #[inline]
    pub(super) fn push(&mut self, base: usize, parts: Parts) {
        if let Some(known) = parts.known {
            self.doubled |= self.present & known.bit();
            self.present |= known.bit();
        }
        if self.lines.capacity() == 0 {
            self.lines = Vec::with_capacity(16); // a browser's head has about this many
        }
        let name = Span::new(base, base + parts.name_len);
        let value = Span::new(base + parts.value_start, base + parts.value_end);
        self.lines.push(Line { name, value, known: parts.known });
    }
}

/// Where name and value stand in one line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Parts {
    pub known: Option<Known>,
    pub name_len: usize,
    pub value_start: usize,
    pub value_end: usize,
    /// With the line end, a LF or CRLF.
    pub line_len: usize,
}

/// Splits the field line that `text` begins with (RFC 9112 section 5). `None` if it is not complete or breaks a rule,
/// which [`line_fault`] knows.
#[inline(always)] // one call per line, and the parts stay in registers
pub(super) fn split_line(text: &[u8]) -> Option<Parts> {
    let name_len = until_colon(text);
    let (name, rest) = text.split_at(name_len);
    let known = Known::parse(name);
    if rest.is_empty() || (known.is_none() && !all_token(name)) {
        return None;
    }
    let mut value_start = name_len + 1;
    while value_start < text.len() && is_blank(text[value_start]) {
        value_start += 1;
    }
    let end = value_start + field_value_len(&text[value_start..]);
    let line_len = match text[end..] {
        [b'\r', b'\n', ..] => end + 2,
        [b'\n', ..] => end + 1,
        _ => return None,
    };
    let mut value_end = end;
    while value_end > value_start && is_blank(text[value_end - 1]) {
        value_end -= 1;
    }
    Some(Parts { known, name_len, value_start, value_end, line_len })
}

/// The rule that a line (with or without its end) breaks, if [`split_line`] does not take it.
#[cold]
pub(super) fn line_fault(line: &[u8]) -> &'static str {
    let name_len = line.iter().position(|&b| !is_token(b)).unwrap_or(line.len());
    match line.get(name_len) {
        Some(b' ' | b'\t') if name_len == 0 => "a folded field line (RFC 9112 section 5.2)",
        Some(b' ' | b'\t') => "a blank before the colon of a field line (RFC 9112 section 5.1)",
        Some(b':') if name_len == 0 => "a field line without a name (RFC 9112 section 5)",
        Some(b':') => "a control byte in a field value (RFC 9110 section 5.5)",
        None | Some(b'\r' | b'\n') if name_len > 0 => "a field line without a colon (RFC 9112 section 5)",
        _ => "a byte in a field name that is not of a token (RFC 9110 section 5.1)",
    }
}

#[cfg(test)]
mod tests;

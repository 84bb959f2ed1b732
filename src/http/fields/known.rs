//! Numbers for common field names, found with a few comparisons of eight bytes each.

use super::super::octets::{HIGH_BITS, equal, first_mark, until};

/// The field names that the server asks for, or that browsers send with every request. For other names there is
/// [`Fields::get_by_name`](super::Fields::get_by_name).
#[allow(missing_docs)] // the names explain themselves
#[rustfmt::skip]
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub enum Known {
    Accept, AcceptCharset, AcceptEncoding, AcceptLanguage, Authorization, CacheControl, Connection, ContentEncoding,
    ContentLanguage, ContentLength, ContentLocation, ContentRange, ContentType, Cookie, Date, Depth, Destination, Dnt,
    Expect, Forwarded, From, Host, If, IfMatch, IfModifiedSince, IfNoneMatch, IfRange, IfUnmodifiedSince, KeepAlive,
    LockToken, MaxForwards, Origin, Overwrite, Pragma, Priority, Proxy, ProxyAuthorization, ProxyConnection, Range,
    Referer, SecChUa, SecChUaMobile, SecChUaPlatform, SecFetchDest, SecFetchMode, SecFetchSite, SecFetchUser, Server,
    SetCookie, Te, Timeout, Trailer, TransferEncoding, Upgrade, UpgradeInsecureRequests, UserAgent, Via, XForwardedFor,
    XRealIp,
}

/// In the order of the enum; `ENTRIES` checks that at compile time.
const NAMES: [(Known, &str); 59] = [
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
    (Known::Dnt, "DNT"),
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
    (Known::Priority, "Priority"),
    (Known::Proxy, "Proxy"),
    (Known::ProxyAuthorization, "Proxy-Authorization"),
    (Known::ProxyConnection, "Proxy-Connection"),
    (Known::Range, "Range"),
    (Known::Referer, "Referer"),
    (Known::SecChUa, "Sec-CH-UA"),
    (Known::SecChUaMobile, "Sec-CH-UA-Mobile"),
    (Known::SecChUaPlatform, "Sec-CH-UA-Platform"),
    (Known::SecFetchDest, "Sec-Fetch-Dest"),
    (Known::SecFetchMode, "Sec-Fetch-Mode"),
    (Known::SecFetchSite, "Sec-Fetch-Site"),
    (Known::SecFetchUser, "Sec-Fetch-User"),
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

impl Known {
    /// The field with this name; upper and lower case are equal.
    pub const fn parse(name: &[u8]) -> Option<Known> {
        if name.is_empty() { None } else { Ends::of(name).find(name, name.len()) }
    }

    /// The usual spelling.
    pub const fn name(self) -> &'static str {
        NAMES[self as usize].1
    }

    /// All known fields.
    pub fn all() -> impl Iterator<Item = Known> {
        NAMES.iter().map(|&(known, _)| known)
    }

    pub(super) const fn bit(self) -> u64 {
        1 << self as u8
    }
}

/// The length of the name at the start of a field line, up to its colon, and its number if it is known. The name may
/// have any bytes but a colon. The length is 0 if the name is empty or there is no colon.
#[inline(always)] // one call per line
pub(super) fn name_of(line: &[u8]) -> (usize, Option<Known>) {
    let start = line.first_chunk().map_or_else(|| u128_of(line), |start| u128::from_le_bytes(*start));
    let (first, second) = (start as u64, (start >> 64) as u64);
    let colons = |word| equal(word, b':') & HIGH_BITS;
    let (len, ends) = if colons(first) != 0 {
        // The mark is the highest bit of the colon's byte. The bits below it, shifted by eight, belong to the name.
        let marks = colons(first);
        let all = first & ((marks ^ (marks - 1)) >> 8);
        (first_mark(marks), Ends { first: all, last: all })
    } else {
        let len = match colons(second) {
            0 => 16 + until(line.get(16..).unwrap_or_default(), colons),
            marks => 8 + first_mark(marks),
        };
        let Some(last) = line.get(len - 8..len).and_then(|last| last.first_chunk()) else { return (0, None) };
        (len, Ends { first, last: u64::from_le_bytes(*last) })
    };
    match line.get(len) {
        Some(b':') => (len, ends.find(line, len)),
        _ => (0, None),
    }
}

/// A text of up to 16 bytes, filled up with zeros.
#[cold]
const fn u128_of(text: &[u8]) -> u128 {
    let (mut all, mut i) = (0, text.len());
    while i > 0 {
        i -= 1;
        all = all << 8 | text[i] as u128;
    }
    all
}

/// The first and the last eight bytes of a name. For a shorter name both are the whole name, filled up with zeros.
#[derive(Clone, Copy)]
struct Ends {
    first: u64,
    last: u64,
}

impl Ends {
    const fn of(name: &[u8]) -> Ends {
        if let (Some(first), Some(last)) = (name.first_chunk(), name.last_chunk()) {
            return Ends { first: u64::from_le_bytes(*first), last: u64::from_le_bytes(*last) };
        }
        let all = u128_of(name) as u64;
        Ends { first: all, last: all }
    }

    /// The known name with these ends, in any case, and the same middle. `text` begins with it.
    #[inline(always)]
    const fn find(self, text: &[u8], len: usize) -> Option<Known> {
        let i = SLOTS[self.slot()] as usize;
        if i >= ENTRIES.len() {
            return None;
        }
        let entry = &ENTRIES[i];
        let differ =
            (self.first ^ entry.ends.first) & entry.counts.first | (self.last ^ entry.ends.last) & entry.counts.last;
        if len != entry.len || differ != 0 || (len > 16 && is_middle_different(text, entry.known)) {
            return None;
        }
        Some(entry.known)
    }

    /// The slot in `SLOTS` of the name with these ends, if it is known. The upper bits of a product depend on all bits
    /// of its factors. Any constant will do that gives each name its own slot.
    #[inline(always)]
    const fn slot(self) -> usize {
        let mixed = (self.first ^ self.last.rotate_left(8)) & (u64::MAX / 255 * 0x5f); // without the case bits
        (mixed.wrapping_mul(0xbc66_7413_4539_884d) >> 56) as usize
    }
}

/// The bit of each byte that is the case of a letter.
const CASE: u64 = u64::MAX / 255 * 0x20;

/// The bits of a known name that are compared: all but the case bit of letters. (Letters have bit 6; a hyphen does
/// not.)
const fn counting(name: u64) -> u64 {
    !(name >> 1 & CASE)
}

/// The bytes between the ends of a long name. Few names are that long.
#[inline(never)]
const fn is_middle_different(text: &[u8], known: Known) -> bool {
    let known = known.name().as_bytes();
    let mut i = 8;
    while i + 8 < known.len() {
        if !text[i].eq_ignore_ascii_case(&known[i]) {
            return true;
        }
        i += 1;
    }
    false
}

/// A name in the form that is compared.
struct Entry {
    known: Known,
    len: usize,
    ends: Ends,
    /// The bits of the ends that are compared.
    counts: Ends,
}

const ENTRIES: [Entry; NAMES.len()] = {
    const NO_ENDS: Ends = Ends { first: 0, last: 0 };
    let mut entries = [const { Entry { known: Known::Accept, len: 0, ends: NO_ENDS, counts: NO_ENDS } }; NAMES.len()];
    let mut i = 0;
    while i < NAMES.len() {
        let (known, name) = NAMES[i];
        assert!(known as usize == i, "NAMES is not in the order of Known");
        assert!(i < 64, "a set of names is a number of 64 bits");
        let ends = Ends::of(name.as_bytes());
        let counts = Ends { first: counting(ends.first), last: counting(ends.last) };
        entries[i] = Entry { known, len: name.len(), ends, counts };
        i += 1;
    }
    entries
};

/// A perfect hash of `NAMES`: a collision fails the build, and then `slot` needs another factor.
const SLOTS: [u8; 256] = {
    let mut slots = [u8::MAX; 256];
    let mut i = 0;
    while i < ENTRIES.len() {
        let slot = ENTRIES[i].ends.slot();
        assert!(slots[slot] == u8::MAX, "two known names share a slot");
        slots[slot] = i as u8;
        i += 1;
    }
    slots
};

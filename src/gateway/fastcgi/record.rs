//! Records: their headers and padding (FastCGI section 3.3).

/// The length of a record's header.
pub const HEADER_BYTES: usize = 8;

/// The content of one record has at most this many bytes.
pub const CONTENT_BYTES_MAX: usize = 65_535;

/// The request's body goes out in records with up to this much content. Without padding, because it is a multiple of
/// eight.
pub const STDIN_BYTES_MAX: u64 = 32 << 10;

/// The end of the request's body: a STDIN record without content.
pub const END_OF_STDIN: [u8; HEADER_BYTES] = header(Kind::STDIN, 0);

const VERSION: u8 = 1;

/// The number of the only request on a connection.
const REQUEST_ID: u16 = 1;

/// The type of a record (section 8).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Kind(pub u8);

impl Kind {
    pub const BEGIN_REQUEST: Kind = Kind(1);
    pub const ABORT_REQUEST: Kind = Kind(2);
    pub const END_REQUEST: Kind = Kind(3);
    pub const PARAMS: Kind = Kind(4);
    pub const STDIN: Kind = Kind(5);
    pub const STDOUT: Kind = Kind(6);
    pub const STDERR: Kind = Kind(7);
    pub const GET_VALUES: Kind = Kind(9);
    pub const GET_VALUES_RESULT: Kind = Kind(10);
    pub const UNKNOWN_TYPE: Kind = Kind(11);

    /// Management records are about the server, not about a request: their request number is 0.
    const fn is_management(self) -> bool {
        self.0 >= Kind::GET_VALUES.0
    }
}

/// What the header of a record of the server says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Record {
    pub kind: Kind,
    pub content: u16,
    pub padding: u8,
}

/// The header of a record of this server with this much content. Padding fills the record up to a multiple of eight.
pub const fn header(kind: Kind, content: u16) -> [u8; HEADER_BYTES] {
    let id = if kind.is_management() { [0, 0] } else { REQUEST_ID.to_be_bytes() };
    let length = content.to_be_bytes();
    [VERSION, kind.0, id[0], id[1], length[0], length[1], padding(content as u64) as u8, 0]
}

/// The header of a STDIN record with this much content, which [`STDIN_BYTES_MAX`] limits.
pub fn stdin_header(content: u64) -> [u8; HEADER_BYTES] {
    debug_assert!((1..=STDIN_BYTES_MAX).contains(&content), "no content would end the body");
    header(Kind::STDIN, content as u16)
}

/// The number of padding bytes behind this much content.
pub const fn padding(content: u64) -> usize {
    (content.wrapping_neg() % 8) as usize
}

/// Reads the header of a record that a server sends.
///
/// # Errors
/// If no server may send such a record in answer to the request.
pub fn parse(header: &[u8; HEADER_BYTES]) -> Result<Record, &'static str> {
    let [version, kind, id_high, id_low, length_high, length_low, padding, _] = *header;
    let (kind, id) = (Kind(kind), u16::from_be_bytes([id_high, id_low]));
    if version != VERSION {
        return Err("a FastCGI record of another version than 1");
    }
    let expected = match kind {
        Kind::STDOUT | Kind::STDERR | Kind::END_REQUEST => REQUEST_ID,
        Kind::GET_VALUES_RESULT | Kind::UNKNOWN_TYPE => 0,
        _ => return Err("a FastCGI record of a type that no server sends"),
    };
    if id != expected {
        return Err("a FastCGI record for another request");
    }
    Ok(Record { kind, content: u16::from_be_bytes([length_high, length_low]), padding })
}

//! A strict parser for the bytes that the client received.

/// One response.
#[derive(Debug, Default)]
pub struct Answer {
    /// The number of 100 responses before it.
    pub continues: usize,
    /// Their length in bytes.
    pub continue_bytes: usize,
    /// The status; 0 if the head is incomplete.
    pub status: u16,
    pub body: Vec<u8>,
    /// Its length in bytes, without the 100 responses.
    pub bytes: usize,
    /// The body is complete. (This is unknown for a body that ends with the connection: then it is true.)
    pub is_whole: bool,
    /// The body ends with the connection.
    pub is_open_ended: bool,
    /// The head says that the connection closes.
    pub closes: bool,
    /// The value of Content-Length.
    pub length: Option<usize>,
    /// The value of Location.
    pub location: Option<String>,
}

const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// Parses the first response. With `head_only` it has no body.
pub fn first(mut bytes: &[u8], head_only: bool) -> Answer {
    let mut answer = Answer::default();
    while let Some(rest) = bytes.strip_prefix(CONTINUE) {
        (answer.continues, bytes) = (answer.continues + 1, rest);
    }
    answer.continue_bytes = answer.continues * CONTINUE.len();
    answer.bytes = bytes.len();
    let Some(head_bytes) = bytes.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4) else {
        return answer;
    };
    let head = std::str::from_utf8(&bytes[..head_bytes - 4]).expect("a head of ours is text");
    let mut lines = head.split("\r\n");
    let status_line = lines.next().unwrap_or_default();
    let status = status_line.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok());
    answer.status = status.unwrap_or_else(|| panic!("no status line: {status_line:?}"));
    let mut is_chunked = false;
    let mut is_ours = false;
    for line in lines {
        let (name, value) = line.split_once(": ").unwrap_or_else(|| panic!("no field: {line:?}"));
        match name {
            "Content-Length" => answer.length = Some(value.parse().expect("a number")),
            "Transfer-Encoding" => is_chunked = value == "chunked",
            "Connection" => answer.closes = value == "close",
            "Location" => answer.location = Some(value.to_owned()),
            "Date" => is_ours = true,
            _ => {}
        }
    }
    let rest = &bytes[head_bytes..];
    let (body, used, is_whole) = match answer.length {
        _ if head_only || answer.status == 304 || answer.status == 204 => (Vec::new(), 0, true),
        Some(length) => (rest[..length.min(rest.len())].to_vec(), length.min(rest.len()), rest.len() >= length),
        None if is_chunked => chunked(rest),
        None => (rest.to_vec(), rest.len(), true),
    };
    answer.is_open_ended = answer.length.is_none() && !is_chunked && !head_only;
    // A head that was written by a program has no Connection field, and the connection closes.
    answer.closes |= answer.is_open_ended || !is_ours;
    (answer.body, answer.is_whole, answer.bytes) = (body, is_whole, head_bytes + used);
    answer
}

/// Parses a chunked body. Returns its bytes, its length on the wire, and whether it is complete.
fn chunked(bytes: &[u8]) -> (Vec<u8>, usize, bool) {
    let (mut body, mut rest) = (Vec::new(), bytes);
    loop {
        let Some(end) = rest.windows(2).position(|two| two == b"\r\n") else { return (body, bytes.len(), false) };
        let size = std::str::from_utf8(&rest[..end]).ok().and_then(|size| usize::from_str_radix(size, 16).ok());
        let size = size.unwrap_or_else(|| panic!("no chunk size: {:?}", rest[..end].escape_ascii().to_string()));
        let after = &rest[end + 2..];
        body.extend_from_slice(&after[..size.min(after.len())]);
        if after.len() < size + 2 {
            return (body, bytes.len(), false);
        }
        assert_eq!(&after[size..size + 2], b"\r\n", "behind a chunk");
        rest = &after[size + 2..];
        if size == 0 {
            return (body, bytes.len() - rest.len(), true);
        }
    }
}

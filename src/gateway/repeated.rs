//! Fields of an answer of which nginx passes on the first line only.

/// The fields that stand once, in the order of their bits, in lower case.
const ONCE: [&[u8]; 9] = [
    b"date",
    b"etag",
    b"server",
    b"expires",
    b"refresh",
    b"last-modified",
    b"x-accel-expires",
    b"x-accel-redirect",
    b"x-accel-limit-rate",
];

/// Which of the fields an answer has had already.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Repeated(u16);

impl Repeated {
    /// Whether this is a second line of a field that stands once: it is dropped. The first counts.
    pub(super) fn notice(&mut self, name: &[u8]) -> bool {
        // One comparison of lengths tells most names apart.
        let Some(index) = ONCE.iter().position(|once| once.len() == name.len() && once.eq_ignore_ascii_case(name))
        else {
            return false;
        };
        let is_repeated = self.0 & 1 << index != 0;
        self.0 |= 1 << index;
        is_repeated
    }
}

//! Finds values by name: in a query, in cookies, in the head of a response.

use memchr::memchr;

/// The value of `name=value` in a list with this separator (a query, cookies). Returns the first one. As in nginx, the
/// case of letters in the name does not matter.
pub fn argument<'a>(list: &'a [u8], name: &str, separator: u8) -> Option<&'a [u8]> {
    let value = |pair: &'a [u8]| match pair.trim_ascii_start().split_at_checked(name.len())? {
        (start, [b'=', value @ ..]) if start.eq_ignore_ascii_case(name.as_bytes()) => Some(value),
        _ => None,
    };
    split(list, separator).find_map(value)
}

/// The values of a field in the head of our response, or in its trailer section.
pub(super) fn sent_field<'a>(head: &'a [u8], name: &[u8]) -> impl Iterator<Item = &'a [u8]> {
    let value = |line: &'a [u8]| match line.split_at_checked(name.len())? {
        (start, [b':', value @ ..]) if start.eq_ignore_ascii_case(name) => Some(value.trim_ascii()),
        _ => None,
    };
    split(head, b'\n').skip(1).filter_map(value)
}

/// Splits at a separator: as `slice::split`, but with memchr.
fn split(text: &[u8], separator: u8) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let end = memchr(separator, text);
        rest = end.map(|end| &text[end + 1..]);
        Some(&text[..end.unwrap_or(text.len())])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_and_cookies_are_found_by_their_whole_name() {
        assert_eq!(argument(b"ab=1&b=2&b=3&c", "b", b'&'), Some(&b"2"[..]));
        assert_eq!(argument(b"session=x; id=7", "id", b';'), Some(&b"7"[..]));
        assert_eq!(argument(b"b&bb=1", "b", b'&'), None);
        let head = b"HTTP/1.1 200 OK\r\nETag: \"a:b\"\r\nX: 1\r\nx: 2\r\n\r\n";
        let values = |name: &'static [u8]| sent_field(head, name).collect::<Vec<_>>();
        assert_eq!(
            (values(b"etag"), values(b"x"), values(b"y")),
            (vec![&b"\"a:b\""[..]], vec![&b"1"[..], b"2"], vec![])
        );
    }
}

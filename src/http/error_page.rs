//! The built-in page for an error status without an `error_page`.

use super::number::push_decimal;
use super::status::reason;
use super::target::escape_html;

/// The media type of [`page`].
pub const CONTENT_TYPE: &str = "text/html";

/// A small HTML page with the status, its reason phrase and, below a line, the server. `server` is the server's name,
/// with its version if `server_tokens` is on; empty: the page has no such line.
pub fn page(status: u16, server: &str) -> Vec<u8> {
    let mut title = Vec::with_capacity(48);
    push_decimal(&mut title, u64::from(status));
    if !reason(status).is_empty() {
        title.push(b' ');
        title.extend_from_slice(reason(status).as_bytes());
    }
    let mut out = Vec::with_capacity(256 + 2 * title.len() + server.len());
    let start: &[u8] = b"<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>";
    for part in [start, &title, b"</title>\n</head>\n<body>\n<h1>", &title, b"</h1>\n"] {
        out.extend_from_slice(part);
    }
    if !server.is_empty() {
        for part in [b"<hr>\n<p>", &*escape_html(server.as_bytes()), b"</p>\n"] {
            out.extend_from_slice(part);
        }
    }
    out.extend_from_slice(b"</body>\n</html>\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_says_status_reason_and_server() {
        let expected = "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
            <title>404 Not Found</title>\n</head>\n<body>\n<h1>404 Not Found</h1>\n<hr>\n<p>webserv/1.0</p>\n\
            </body>\n</html>\n";
        assert_eq!(String::from_utf8(page(404, "webserv/1.0")).unwrap(), expected);
    }

    /// Every status has a page, tags are closed in order, and the server's name is never read as markup.
    #[test]
    fn the_page_is_well_formed_for_every_status() {
        for status in 300..600 {
            for server in ["", "webserv", "<script>&"] {
                let html = String::from_utf8(page(status, server)).unwrap();
                assert!(html.contains(&format!("<h1>{status}")), "{html}");
                assert!(!html.contains("<script>"), "{html}");
                assert!(html.len() < 300, "{html}");
                let mut open = Vec::new();
                for tag in html.split('<').skip(1).map(|rest| rest.split(['>', ' ']).next().unwrap()) {
                    match tag.strip_prefix('/') {
                        Some(name) => assert_eq!(open.pop(), Some(name), "{html}"),
                        None if !["!DOCTYPE", "meta", "hr"].contains(&tag) => open.push(tag),
                        None => {}
                    }
                }
                assert!(open.is_empty(), "{html}");
            }
        }
    }
}

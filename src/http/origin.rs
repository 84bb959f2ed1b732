//! Whether a page of another site made the browser send a request. The browser says so in fields that a page cannot
//! set.

use super::fields::{Fields, Known};

/// True if a page of another origin made the browser send this request. `Sec-Fetch-Site` says so (W3C Fetch Metadata);
/// for older browsers `Origin` does (RFC 6454 section 7), which must name the host of the request. A request without
/// both fields does not come from a browser, or its user typed the address.
pub fn is_foreign(fields: &Fields) -> bool {
    match (fields.get_by_name(b"sec-fetch-site"), fields.get(Known::Origin)) {
        (Some(site), _) => !matches!(site, b"same-origin" | b"none"),
        (None, Some(origin)) => {
            let scheme_end = memchr::memmem::find(origin, b"://").map(|at| at + 3);
            let host = scheme_end.map(|at| &origin[at..]);
            !host.zip(fields.get(Known::Host)).is_some_and(|(host, asked)| host.eq_ignore_ascii_case(asked))
        }
        (None, None) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::HeadLimits;
    use super::super::head::{Scan, request};
    use super::*;

    #[test]
    fn a_page_of_another_origin_is_foreign() {
        for (fields, foreign) in [
            ("", false),
            ("Sec-Fetch-Site: none\r\n", false),
            ("Sec-Fetch-Site: same-origin\r\n", false),
            ("Sec-Fetch-Site: same-origin\r\nOrigin: http://else.example\r\n", false),
            ("Sec-Fetch-Site: same-site\r\n", true),
            ("sec-fetch-site: cross-site\r\nOrigin: http://a.example:8080\r\n", true),
            ("Sec-Fetch-Site:\r\n", true),
            ("Origin: http://a.example:8080\r\n", false),
            ("Origin: https://A.example:8080\r\n", false),
            ("Origin: http://a.example\r\n", true),
            ("Origin: http://a.example:8081\r\n", true),
            ("Origin: http://else.example:8080\r\n", true),
            ("Origin: a.example:8080\r\n", true),
            ("Origin: null\r\n", true),
            ("Origin:\r\n", true),
        ] {
            let head = format!("POST / HTTP/1.1\r\nHost: a.example:8080\r\n{fields}\r\n");
            let parsed = request(head.as_bytes(), &mut Scan::default(), &HeadLimits::default());
            let (request, _) = parsed.expect("valid").expect("whole");
            assert_eq!(is_foreign(&request.fields), foreign, "{fields}");
        }
    }
}

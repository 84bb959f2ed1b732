//! The reason phrases of status codes: nginx's wording if nginx sends the status, otherwise that of RFC 9110 or of the
//! IANA registry.

/// The phrase behind the code. Empty for a code without a phrase; then the status line ends with the space (RFC 9112
/// section 4).
pub const fn reason(status: u16) -> &'static str {
    match status {
        100 => "Continue",
        101 => "Switching Protocols",
        102 => "Processing",
        103 => "Early Hints",
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        203 => "Non-Authoritative Information",
        204 => "No Content",
        205 => "Reset Content",
        206 => "Partial Content",
        207 => "Multi-Status",
        208 => "Already Reported",
        226 => "IM Used",
        300 => "Multiple Choices",
        301 => "Moved Permanently",
        302 => "Moved Temporarily",
        303 => "See Other",
        304 => "Not Modified",
        305 => "Use Proxy",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400..=499 => client_error(status),
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Temporarily Unavailable",
        504 => "Gateway Time-out",
        505 => "HTTP Version Not Supported",
        506 => "Variant Also Negotiates",
        507 => "Insufficient Storage",
        508 => "Loop Detected",
        510 => "Not Extended",
        511 => "Network Authentication Required",
        _ => "",
    }
}

const fn client_error(status: u16) -> &'static str {
    match status {
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Not Allowed",
        406 => "Not Acceptable",
        407 => "Proxy Authentication Required",
        408 => "Request Time-out",
        409 => "Conflict",
        410 => "Gone",
        411 => "Length Required",
        412 => "Precondition Failed",
        413 => "Request Entity Too Large",
        414 => "Request-URI Too Large",
        415 => "Unsupported Media Type",
        416 => "Requested Range Not Satisfiable",
        417 => "Expectation Failed",
        421 => "Misdirected Request",
        422 => "Unprocessable Content",
        423 => "Locked",
        424 => "Failed Dependency",
        425 => "Too Early",
        426 => "Upgrade Required",
        428 => "Precondition Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        451 => "Unavailable For Legal Reasons",
        _ => "",
    }
}

/// True for 1xx, 204 and 304: a response with this status never has a body, whatever its fields say (RFC 9110 section
/// 6.4.1).
pub const fn is_bodyless(status: u16) -> bool {
    matches!(status, 100..=199 | 204 | 304)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phrases_are_safe_in_a_status_line_and_nginx_s_own() {
        for status in 0..1000 {
            assert!(reason(status).bytes().all(|b| b == b' ' || b.is_ascii_graphic()), "{status}");
        }
        let nginx = [
            (302, "Moved Temporarily"),
            (405, "Not Allowed"),
            (408, "Request Time-out"),
            (413, "Request Entity Too Large"),
            (414, "Request-URI Too Large"),
            (416, "Requested Range Not Satisfiable"),
            (503, "Service Temporarily Unavailable"),
            (504, "Gateway Time-out"),
            (599, ""),
        ];
        for (status, phrase) in nginx {
            assert_eq!(reason(status), phrase);
        }
    }

    #[test]
    fn bodyless_statuses() {
        let bodyless: Vec<u16> = (98..600).filter(|&s| is_bodyless(s)).collect();
        assert_eq!(bodyless, (100..200).chain([204, 304]).collect::<Vec<u16>>());
    }
}

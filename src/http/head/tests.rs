use super::*;
use crate::http::request::{Form, Framing};

fn parse(bytes: &[u8]) -> Result<Option<(Request, usize)>, HeadError> {
    request(bytes, &mut Scan::default(), &Limits::default())
}

#[test]
fn a_plain_request_in_all_its_parts() {
    let bytes = b"GET /a/b?c=d#e HTTP/1.1\r\nHost: Example.ORG:8080\r\nX-Y:  z \r\n\r\nGET ";
    let (request, taken) = parse(bytes).unwrap().unwrap();
    assert_eq!(taken, bytes.len() - 4);
    assert_eq!(request.line(), b"GET /a/b?c=d#e HTTP/1.1");
    assert_eq!(request.head(), &bytes[..taken]);
    assert_eq!((request.method, request.version, request.form), (Method::Get, Version::HTTP_1_1, Form::Origin));
    assert_eq!(request.method_text(), b"GET");
    assert_eq!(request.target(), b"/a/b?c=d#e");
    assert_eq!((request.path(), request.query()), (&b"/a/b"[..], Some(&b"c=d"[..])));
    assert_eq!((request.host(), request.port()), (Some(&b"example.org"[..]), Some(8080)));
    assert_eq!(request.fields.get(Known::Host), Some(&b"Example.ORG:8080"[..]));
    assert_eq!(request.fields.get_by_name(b"x-y"), Some(&b"z"[..]));
    assert_eq!((request.framing, request.keep_alive, request.expect_continue), (Framing::None, true, false));
}

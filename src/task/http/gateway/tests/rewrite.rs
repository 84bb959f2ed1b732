//! Location and Refresh of a server behind.

use super::super::rewrite::redirects;
use super::{answer, values, with_request};
use crate::config::Gateway;
use crate::task::Work;
use std::sync::Arc;

/// Directives, a field of the server behind, and its value for the client.
#[test]
fn rules_change_what_they_name() {
    let rows = [
        ("", "Location", "http://127.0.0.1:1/x", "/x"),
        ("", "Location", "http://127.0.0.1:10/x", "http://127.0.0.1:10/x"),
        ("", "Location", "/x", "/x"),
        ("proxy_redirect off;", "Location", "http://127.0.0.1:1/x", "http://127.0.0.1:1/x"),
        ("proxy_redirect /a/ /$arg_to/;", "Location", "/a/x", "/b/x"),
        ("proxy_redirect ~^/(\\w)/(.*)$ /$2/$1;", "Location", "/a/x", "/x/a"),
        ("proxy_redirect /a /1; proxy_redirect /b /2;", "Location", "/b", "/2"),
        ("", "Refresh", "5; url=http://127.0.0.1:1/x", "5; url=/x"),
        ("", "Refresh", "5; URL=http://127.0.0.1:1/x", "5; URL=/x"),
        ("", "Refresh", "5", "5"),
        ("", "Refresh", "url=", "url="),
        ("", "X-Location", "http://127.0.0.1:1/x", "http://127.0.0.1:1/x"),
    ];
    for (directives, name, value, expected) in rows {
        let directives = format!("absolute_redirect off; {directives}");
        let act = move |w: &mut Work<'_>, gateway: &Arc<Gateway>| {
            let mut head = answer(302, &[(name, value)]);
            redirects(w, gateway, &mut head);
            values(&head, name)
        };
        let (found, _) = with_request(&directives, "GET /p?to=b HTTP/1.1", act);
        assert_eq!(found, [expected], "{directives} {name}: {value}");
    }
}

/// What variables make may be no field value: the field stays, and the log says why.
#[test]
fn a_value_that_is_no_field_is_not_sent() {
    let rows = ["proxy_redirect ~^/(?<rest>.*)$ /$uri;"];
    for directives in rows {
        let act = |w: &mut Work<'_>, gateway: &Arc<Gateway>| {
            let mut head = answer(302, &[("Location", "/x")]);
            redirects(w, gateway, &mut head);
            values(&head, "Location")
        };
        let (found, log) = with_request(directives, "GET /a%0d%0aX:y HTTP/1.1", act);
        assert_eq!(found, ["/x"], "{directives}");
        assert!(log.iter().any(|line| line.contains("proxy_redirect: the byte 0x0d")), "{log:?}");
    }
}

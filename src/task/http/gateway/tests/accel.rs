//! X-Accel-*: what a server behind tells this one to do.

use super::super::super::next::Next;
use super::super::accel::{follow, redirect};
use super::{answer, values, with_request};
use crate::config::Gateway;
use crate::connection::Stage;
use crate::task::Work;
use std::sync::Arc;

/// A field, and the rate of the response, whether a slow answer may go into a file, and the Content-Type.
#[test]
fn fields_change_how_the_answer_is_sent() {
    let rows = [
        ("", "X-Other", "1", None, true, "text/html"),
        ("", "X-Accel-Limit-Rate", "1000", Some(1000), true, "text/html"),
        ("", "X-Accel-Limit-Rate", "off", None, true, "text/html"),
        ("proxy_ignore_headers X-Accel-Limit-Rate;", "X-Accel-Limit-Rate", "1000", None, true, "text/html"),
        ("", "X-Accel-Buffering", "NO", None, false, "text/html"),
        ("proxy_buffering off;", "X-Accel-Buffering", "yes", None, true, "text/html"),
        ("proxy_max_temp_file_size 0;", "X-Accel-Buffering", "yes", None, false, "text/html"),
        ("proxy_ignore_headers X-Accel-Buffering;", "X-Accel-Buffering", "no", None, true, "text/html"),
        ("", "X-Accel-Charset", "utf-8", None, true, "text/html; charset=utf-8"),
        ("proxy_ignore_headers X-Accel-Charset;", "X-Accel-Charset", "utf-8", None, true, "text/html"),
    ];
    for (directives, name, value, rate, may_spool, content_type) in rows {
        let act = move |w: &mut Work<'_>, gateway: &Arc<Gateway>| {
            let mut head = answer(200, &[("Content-Type", "text/html"), (name, value)]);
            follow(w, gateway.rules.ignored, &mut head);
            let may_spool = w.t.http.passing().map(|passing| passing.may_spool);
            (w.t.http.rare.limited.rate, may_spool, values(&head, "Content-Type"))
        };
        let (found, _) = with_request(directives, "GET / HTTP/1.1", act);
        assert_eq!(found, (rate, Some(may_spool), vec![content_type.to_owned()]), "{directives} {name}: {value}");
    }
}

#[test]
fn a_charset_that_is_there_stays() {
    let act = |w: &mut Work<'_>, gateway: &Arc<Gateway>| {
        let mut head = answer(200, &[("Content-Type", "text/html; Charset=x"), ("X-Accel-Charset", "utf-8")]);
        follow(w, gateway.rules.ignored, &mut head);
        values(&head, "Content-Type")
    };
    assert_eq!(with_request("", "GET / HTTP/1.1", act).0, ["text/html; Charset=x"]);
}

/// A value; then the path and the query that the request goes on with, and its status if it is refused at once.
#[test]
fn a_redirect_goes_to_a_path_of_this_server() {
    let rows = [
        ("/x", "/x", "", None),
        ("/x%20y?a=b", "/x y", "a=b", None),
        ("/a//b", "/a/b", "", None),
        ("/x/../../y", "/p", "", Some(404)),
        ("/x%2f%2e%2e/y", "/p", "", Some(404)),
        ("http://h/x", "/p", "", Some(404)),
        ("", "/p", "", Some(404)),
        ("@named", "/p", "", None),
    ];
    for (to, path, query, status) in rows {
        let act = move |w: &mut Work<'_>, _: &Arc<Gateway>| {
            let next = redirect(w, &answer(200, &[("X-Accel-Redirect", to), ("Set-Cookie", "a=b"), ("X-Own", "1")]));
            let kept = w.t.http.passed_mut().kept_fields.len();
            let passes = w.t.http.passing().is_some();
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            (next, text(w.t.http.path()), w.t.http.query().map(text).unwrap_or_default(), w.t.http.status, kept, passes)
        };
        let (found, log) = with_request("", "POST /p HTTP/1.1", act);
        let (next, found_path, found_query, found_status, kept, passes) = found;
        assert_eq!((&found_path[..], &found_query[..], found_status), (path, query, status), "{to} {log:?}");
        assert!(!passes && (kept == 1 || status.is_some()), "{to}");
        assert!(next.is_some_and(|next| next != Next::Wait && next != Next::Go(Stage::Handler)), "{to}: {next:?}");
    }
}

#[test]
fn without_the_field_there_is_no_redirect() {
    let act = |w: &mut Work<'_>, _: &Arc<Gateway>| {
        (redirect(w, &answer(200, &[("X-Accel-Expires", "1")])), w.t.http.passing().is_some())
    };
    assert_eq!(with_request("", "GET / HTTP/1.1", act).0, (None, true));
}

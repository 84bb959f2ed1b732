//! Fields that the configuration adds to responses.

use super::*;
use crate::config::{AddHeader, Escape, Expires, Template};

fn in_server(directives: &str) -> Arc<Settings> {
    settings_at(&load(&format!("http {{ server {{ listen 80; {directives} }} }}")), "/")
}

/// The message, without the place.
fn fault(directives: &str) -> String {
    let found = headlines(&format!("http {{ server {{ {directives} }} }}"));
    assert_eq!(found.len(), 1, "{directives}: {found:?}");
    found[0].splitn(4, ':').nth(3).unwrap().trim_start().to_owned()
}

#[test]
fn expires() {
    let accepted = "accepted: seconds, or a time as in 30d or -1h";
    let table = [
        ("", Expires::Off),
        ("expires off;", Expires::Off),
        ("expires epoch;", Expires::Epoch),
        ("expires max;", Expires::Max),
        ("expires 0;", Expires::AfterNow(0)),
        ("expires -0;", Expires::AfterNow(0)),
        ("expires 30;", Expires::AfterNow(30)),
        ("expires 1h30m;", Expires::AfterNow(5400)),
        ("expires +1d;", Expires::AfterNow(86_400)),
        ("expires -1d;", Expires::AfterNow(-86_400)),
        ("expires 3000ms;", Expires::AfterNow(3)),
        ("expires -100y;", Expires::AfterNow(-3_153_600_000)),
        ("expires modified 1d;", Expires::AfterModified(86_400)),
        ("expires modified -1s;", Expires::AfterModified(-1)),
        ("expires @15h30m;", Expires::AtTimeOfDay(55_800)),
        ("expires @24h;", Expires::AtTimeOfDay(86_400)),
    ];
    for (directive, expected) in table {
        assert_eq!(in_server(directive).expires, expected, "{directive}");
    }
    let table = [
        ("expires soon;", format!("\"soon\" is no time; {accepted}, epoch, max, off")),
        ("expires \"\";", format!("\"\" is no time; {accepted}, epoch, max, off")),
        ("expires -;", format!("\"-\" is no time; {accepted}, epoch, max, off")),
        ("expires -+1d;", format!("\"-+1d\" is no time; {accepted}, epoch, max, off")),
        ("expires 101y;", format!("\"101y\" is no time; {accepted}, epoch, max, off")),
        ("expires 500ms;", format!("\"500ms\" is no number of whole seconds; {accepted}, epoch, max, off")),
        ("expires @25h;", format!("\"@25h\" is later than 24 hours after midnight; {accepted}, epoch, max, off")),
        ("expires @-1h;", format!("\"@-1h\" is no time; {accepted}, epoch, max, off")),
        (
            "expires modified @1h;",
            format!("\"@1h\" is a time of the day, not a time after the file's last change; {accepted}"),
        ),
        ("expires $urii;", "unknown variable \"$urii\", did you mean \"$uri\"?".into()),
        ("expires modified;", "\"modified\" needs a time, as in: expires modified 1d;".into()),
        ("expires modified max;", format!("\"max\" is no time; {accepted}")),
        (
            "expires access 1d;",
            "\"access\" before a value; accepted there: modified, as in: expires modified 1d;".into(),
        ),
        ("expires 1d; expires 2d;", "\"expires\" is given twice, first at site.conf:1:17".into()),
    ];
    for (directive, expected) in table {
        assert_eq!(fault(directive), expected, "{directive}");
    }
    let made = in_server("expires modified $arg_t;").expires.clone();
    let text = Arc::new(Template { escape: Escape::None, ..Template::parse("$arg_t").unwrap() });
    assert_eq!(made, Expires::Variable { text, after_modified: true });
    let config = load("http { expires 1d; server { listen 80; location /a { expires off; } } }");
    assert_eq!(settings_at(&config, "/").expires, Expires::AfterNow(86_400));
    assert_eq!(settings_at(&config, "/a").expires, Expires::Off);
}

#[test]
fn added_fields() {
    // name, text of the value, always, replaces
    let table = [
        ("add_header X-A b;", ("X-A", Some("b"), false, false)),
        ("add_header X-A \"b; c=\\\"d\\\"\\te\" always;", ("X-A", Some("b; c=\"d\"\te"), true, false)),
        ("add_header X-A \"\";", ("X-A", Some(""), false, false)),
        ("add_header X-A ümlaut;", ("X-A", Some("ümlaut"), false, false)),
        ("add_header X-A a${uri}b;", ("X-A", None, false, false)),
        ("add_header cache-control no-store;", ("cache-control", Some("no-store"), false, false)),
        ("add_header content-TYPE text/x;", ("content-TYPE", Some("text/x"), false, true)),
        ("add_header x-frame-options DENY;", ("x-frame-options", Some("DENY"), false, true)),
        ("add_header ETag '\"x\"' always;", ("ETag", Some("\"x\""), true, true)),
    ];
    for (directive, (name, text, always, replaces)) in table {
        let settings = in_server(directive);
        let [found] = &settings.add_headers[..] else { panic!("one field of {directive}") };
        let AddHeader { name: found_name, value, .. } = found;
        assert_eq!((&found_name[..], value.as_text()), (name, text), "{directive}");
        assert_eq!((found.always, found.replaces, value.escape), (always, replaces, Escape::None), "{directive}");
    }
    let names = "letters, digits and hyphens make one";
    let table = [
        ("add_header \"\" b;", "this value is empty".into()),
        ("add_header X-A: b;", format!("\"X-A:\" is no field name: {names}")),
        ("add_header \"X A\" b;", format!("\"X A\" is no field name: {names}")),
        ("add_header X$uri b;", "variables are not supported in a field's name".into()),
        ("add_header \"X\\r\\nY\" b;", "a control character in this value".into()),
        ("add_header Ä b;", format!("\"Ä\" is no field name: {names}")),
        ("add_header X \"a\\r\\nSet-Cookie: b\";", "a control character in this value".into()),
        ("add_header X \"a\rb\";", "a control character in this value".into()),
        ("add_header X \"a\x7f\";", "a control character in this value".into()),
        ("add_header X $urii;", "unknown variable \"$urii\", did you mean \"$uri\"?".into()),
        ("add_header X a sometimes;", "unknown option \"sometimes\"; accepted: always".into()),
        (
            "add_header X;",
            "\"add_header\" takes 2 or 3 values, not 1, as in: add_header X-Frame-Options DENY always;".into(),
        ),
        (
            "add_trailer X;",
            "\"add_trailer\" takes 2 or 3 values, not 1, as in: add_trailer Server-Timing total;dur=$request_time;"
                .into(),
        ),
        (
            "add_trailer set-cookie a=b;",
            "the field Set-Cookie has no meaning behind the body (RFC 9110 section 6.5.1)".into(),
        ),
        ("add_header_inherit all;", "unknown value \"all\"; accepted: off, on, merge".into()),
        ("add_trailer_inherit all;", "unknown value \"all\"; accepted: off, on, merge".into()),
    ];
    for (directive, expected) in table {
        assert_eq!(fault(directive), expected, "{directive}");
    }
}

#[test]
fn added_fields_of_inner_levels() {
    let config = load(
        "http { add_header A 1; add_header B 2; server { listen 80; server_name s; location /own { add_header C 3; }
           location /none { add_header C \"\"; } location /other { etag off; } } }",
    );
    let names = |path: &str| -> Vec<String> {
        settings_at(&config, path).add_headers.iter().map(|field| field.name.to_string()).collect()
    };
    assert_eq!(names("/"), ["A", "B"]);
    assert_eq!(names("/own"), ["C"]);
    assert_eq!(names("/none"), ["C"], "a field without a value is the way to have none");
    assert_eq!(names("/other"), ["A", "B"]);
}

#[test]
fn fields_that_are_not_sent_or_changed_are_warned_of() {
    let told = |directive: &str| {
        let config = load(&format!("http {{ server {{ listen 80; {directive} }} }}"));
        let fields = settings_at(&config, "/").add_headers.iter().map(|field| field.value.clone()).collect::<Vec<_>>();
        let told: Vec<String> = config.warnings.iter().map(|problem| problem.message.clone()).collect();
        (fields.iter().map(|value| value.as_text().unwrap_or_default().to_owned()).collect::<Vec<_>>(), told.concat())
    };
    for name in ["Content-Length", "transfer-encoding", "Connection", "Date", "KEEP-ALIVE", "Upgrade", "Trailer"] {
        for directive in ["add_header", "add_trailer"] {
            let (fields, told) = told(&format!("{directive} {name} 0;"));
            assert!(fields.is_empty() && told.contains("is the server's own"), "{name}: {told}");
        }
    }
    let (fields, told) = told("add_header X-Csp \"default-src 'self';\n     script-src 'none';\n\";");
    assert_eq!(fields, ["default-src 'self'; script-src 'none';"]);
    assert_eq!(told, "a field has one line: each line break in this value is sent as a space");
}

#[test]
fn fields_of_the_level_around() {
    let config = load(
        "http { add_header A 1; add_header X-Frame-Options DENY; add_trailer T 1; server { listen 80;
           location /own { add_header C 3; }
           location /merge { add_header C 3; add_header x-frame-options SAMEORIGIN; add_header_inherit merge; }
           location /off { add_header_inherit off; add_trailer_inherit off; }
           location /length { add_header Content-Length 0; }
           location /trailer { add_trailer_inherit merge; add_trailer U 2; } } }",
    );
    let names = |path: &str| {
        let settings = settings_at(&config, path);
        let shown = settings
            .add_headers
            .iter()
            .map(|field| format!("{}{}", field.name, if field.is_trailer { "!" } else { "" }));
        shown.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(names("/"), "A X-Frame-Options T!");
    assert_eq!(names("/own"), "T! C");
    assert_eq!(names("/merge"), "T! C x-frame-options A", "what stands once is the inner level's");
    assert_eq!(names("/off"), "");
    assert_eq!(names("/length"), "T!", "as in nginx, also a field that is not sent replaces the outer ones");
    assert_eq!(names("/trailer"), "A X-Frame-Options U! T!");
}

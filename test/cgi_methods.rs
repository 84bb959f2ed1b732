//! Methods and programs: a program answers all methods but TRACE and CONNECT, also those that the server does not know.

mod harness;

use harness::scripts::{scripts, text};
use harness::{Response, Server, each, site};

/// A script that says which method it was asked with, and repeats the body.
const SAYS_METHOD: &str = "printf 'Content-Type: text/plain\\nAccess-Control-Allow-Methods: GET, PUT\\n\\n'
    printf '%s ' \"$REQUEST_METHOD\"; cat";

#[track_caller]
fn ask(s: &Server, method: &str, target: &str) -> Response {
    s.ask(format!("{method} {target} HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbody"))
}

/// `cgi on`, `cgi_pass` and index programs.
fn everywhere() -> Server {
    scripts(
        "index index.sh; autoindex on;
         location /pass/ { cgi_pass /bin/cat; cgi_extension .none; }
         location /bare/ { alias html/; cgi on; }
         location /back { return 200 \"returned\"; }
         location /away { return 301 http://h/; }
         location /off/ { alias html/; cgi off; }
         location /some/ { alias html/; cgi on; cgi_extension .sh; methods GET REPORT; }
         location /except/ { alias html/; cgi on; cgi_extension .sh; limit_except GET { deny all; } }",
        &[("m.sh", SAYS_METHOD), ("d/index.sh", SAYS_METHOD), ("plain/other.sh", "")],
    )
}

/// A bug: the server answered OPTIONS for the program, and methods that it had no name for with 501.
#[test]
fn a_program_was_never_asked_options_nor_a_method_without_a_name() {
    let s = everywhere();
    let long = "L".repeat(32);
    let methods = ["OPTIONS", "REPORT", "VERSION-CONTROL", "get", "!#$%&'*+-.^_`|~", "PROPFIND", "QUERY", &long];
    each(methods, |method| {
        each(["/m.sh", "/m.sh/info", "/d/", "/d/index.sh", "/bare/m.sh"], |target| {
            let response = ask(&s, method, target).expect(200, target);
            assert_eq!(response.text(), format!("{method} body"), "{target}");
            assert_eq!(response.must("Access-Control-Allow-Methods"), "GET, PUT", "{target}");
        });
    });
    // With `cgi_pass`: the shell runs what it is sent.
    let s = site("location / { cgi_pass /bin/sh; }", &[]);
    each(["OPTIONS", "REPORT"], |method| {
        let body = "printf 'Status: 200\\n\\n'; echo $REQUEST_METHOD";
        let length = body.len();
        let response = s.ask(format!("{method} /x HTTP/1.1\r\nHost: h\r\nContent-Length: {length}\r\n\r\n{body}"));
        assert_eq!(response.expect(200, method).text(), format!("{method}\n"));
    });
}

#[test]
fn what_no_program_answers_knows_its_own_methods_only() {
    let s = everywhere();
    each(["/ok.txt", "/plain/", "/off/m.sh", "/pass/ok.txt", "/bare/ok.txt/"], |target| {
        let refused = if target.starts_with("/bare") { [404, 404, 404] } else { [501, 405, 204] };
        for (method, status) in ["REPORT", "PROPFIND", "OPTIONS"].iter().zip(refused) {
            let response = ask(&s, method, target).expect(status, target);
            assert!(status == 501 || status == 404 || response.must("Allow").contains("GET"), "{response}");
        }
    });
    ask(&s, "OPTIONS", "*").expect(204, "for the server, not for a program");
    ask(&s, "REPORT", "*").expect(501, "only OPTIONS is for the whole server");
    assert_eq!(ask(&s, "PROPFIND", "/back").expect(200, "return").text(), "returned");
    each(["/back", "/away"], |target| drop(ask(&s, "REPORT", target).expect(501, target)));
}

#[test]
fn trace_and_connect_are_refused_everywhere() {
    let s = everywhere();
    each(["/ok.txt", "/m.sh", "/d/", "/back", "/away", "/some/m.sh", "/except/m.sh"], |target| {
        let request = format!("TRACE {target} HTTP/1.1\r\nHost: h\r\nCookie: secret\r\nConnection: close\r\n\r\n");
        let response = s.ask(request).expect(405, target);
        assert!(!response.must("Allow").contains("TRACE") && !response.text().contains("secret"), "{response}");
    });
    s.ask("CONNECT h:80 HTTP/1.1\r\nHost: h:80\r\n\r\n").expect(405, "CONNECT");
}

#[test]
fn a_location_names_the_methods_of_its_programs() {
    let s = everywhere();
    assert_eq!(ask(&s, "REPORT", "/some/m.sh").expect(200, "REPORT").text(), "REPORT body");
    each(["SEARCH", "report", "REPOR", "POST", "OPTIONS"], |method| {
        assert_eq!(ask(&s, method, "/some/m.sh").expect(405, method).must("Allow"), "GET, REPORT");
    });
    ask(&s, "REPORT", "/except/m.sh").expect(403, "limit_except");
    s.wait_said("access forbidden by rule while checking access");
    ask(&s, "GET", "/except/m.sh").expect(200, "limit_except");
}

/// A bug: `/app` was looked up as a file, and not found.
#[test]
fn a_location_that_a_program_answers_was_not_reached_without_its_slash() {
    let s = site("location \"/a b/app/\" { cgi_pass /bin/sh; }", &[]);
    for (method, query) in [("GET", ""), ("HEAD", "?x=1"), ("POST", "?"), ("REPORT", "?a%20b"), ("OPTIONS", "")] {
        let response = ask(&s, method, &format!("/a%20b/app{query}")).expect(301, method);
        let query = if query == "?" { "" } else { query };
        assert_eq!(response.must("Location"), format!("http://h:{}/a%20b/app/{query}", s.port()), "{response}");
    }
    ask(&s, "GET", "/a%20b/apps").expect(404, "another name");
}

#[test]
fn a_method_without_a_name_is_logged_and_can_be_used() {
    let s = scripts(
        "access_log logs/m.log combined; cgi_param METHOD $request_method;",
        &[("m.sh", &text("echo $METHOD"))],
    );
    assert_eq!(ask(&s, "MKCALENDAR", "/m.sh").expect(200, "cgi_param").text(), "MKCALENDAR\n");
    harness::wait_for("the line", || s.text("logs/m.log").contains("\"MKCALENDAR /m.sh HTTP/1.1\" 200").then_some(()));
}

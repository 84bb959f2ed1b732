//! `auth_basic`: who has the password gets an answer, in all formats of htpasswd; `satisfy`, `auth_delay`.

mod harness;

use harness::scripts::{make_executable, text};
use harness::{Response, Server, Setup, each, host, wait_for};
use std::time::{Duration, Instant};

/// Base64, as a client makes it.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let group = |chunk: &[u8]| {
        let bits = chunk.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        let digit = |at: usize| DIGITS[(bits >> (18 - 6 * at)) as usize % 64] as char;
        (0..4).map(|at| if at <= chunk.len() { digit(at) } else { '=' }).collect::<String>()
    };
    bytes.chunks(3).map(group).collect()
}

fn as_user(s: &Server, target: &str, user: &str, password: &str) -> Response {
    s.get_with(target, &format!("Authorization: Basic {}\r\n", base64(format!("{user}:{password}").as_bytes())))
}

/// Users with the password "password", each with another kind of hash; those with a digit at the end are broken.
const USERS: &str = "# made with crypt(3), openssl passwd and htpasswd\n\
    crypt:sa3tHJ3/KuYvI\n\
    md5:$1$salt$qJH7.N4xYta3aEG/dfqo/0:a comment\n\
    md52:$1$\n\
    apr1:$apr1$salt$Xxd1irWT9ycqoYxGFn4cb.\r\n\
    apr12:$apr1$\n\
    plain:{PLAIN}password\n\
    plain:{PLAIN}another\n\
    ssha:{SSHA}yI6cZwQadOA1e+/f+T+H3eCQQhRzYWx0\n\
    ssha2:{SSHA}_____wQadOA1e+/f+T+H3eCQQhRzYWx0\n\
    ssha3:{SSHA}Zm9vCg==\n\
    sha:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n\
    sha2:{SHA}_____Mm5Pz8GgiULbPgzG37mj9g=\n\
    locked2:!\n\
    five:$5$saltstring$OH4IDuTlsuTYPdED1gsuiRMyTAwNlRWyA6Xr3I4/dQ5\n\
    six:$6$saltstring$adDbXsJjcDlq2662QPgd.tkSOVmnG9Tt3oXl4HR60SusC3AGjirnDenVZp3DGwLwqy6iYKCzannhaX9DR72nN1\n\
    bcrypt:$2y$05$abcdefghijklmnopqrstuuWG29KuyeAicPCJODk1zjyGvyQUU2awu\n\
    last:{PLAIN}password";

/// A server with these users, and `html/a`.
fn closed(config: &str) -> Server {
    let setup = Setup::new(&host(config), &[("a", b"secret"), ("in/a", b"in")]);
    setup.write("users", USERS.as_bytes());
    setup.start()
}

#[test]
fn every_format() {
    let s = closed("auth_basic \"a \\\"closed\\\" site\"; auth_basic_user_file users;");
    let refused = s.connect().get("/a").expect(401, "without a password");
    assert_eq!(refused.must("WWW-Authenticate"), r#"Basic realm="a \"closed\" site""#);
    assert!(!refused.says_close() && !refused.text().contains("secret"));
    let known = ["crypt", "md5", "apr1", "plain", "ssha", "sha", "five", "six", "bcrypt", "last"];
    each(known, |user| {
        for _ in 0..2 {
            assert_eq!(as_user(&s, "/a", user, "password").expect(200, user).text(), "secret");
        }
        for wrong in ["", "Password", "1password", "123", "another"] {
            as_user(&s, "/a", user, wrong).expect(401, &format!("{user} {wrong}")).must("WWW-Authenticate");
        }
    });
    each(["md52", "apr12", "ssha2", "ssha3", "sha2", "locked2", "nobody", "# made with crypt(3)"], |user| {
        for password in ["1", "password", ""] {
            as_user(&s, "/a", user, password).expect(401, user);
        }
    });
    s.wait_said("AuthCheck user \"plain\": password mismatch while checking a password, client: 127.0.0.1");
    s.wait_said("AuthCheck user \"nobody\" was not found in \"");
    s.wait_said("AuthCheck user \"locked2\": its hash is of no kind that is known here");
}

#[test]
fn what_is_no_basic_authorization_is_none() {
    let s = closed("auth_basic x; auth_basic_user_file users;");
    let right = base64(b"plain:password");
    for field in [
        format!("Authorization: Bearer {right}"),
        format!("Authorization: Basic{right}"),
        "Authorization: Basic plain:password".to_owned(),
        format!("Authorization: Basic {}", base64(b"plain")),
        format!("Authorization: Basic {}", base64(b":password")),
        format!("Proxy-Authorization: Basic {right}"),
    ] {
        s.get_with("/a", &format!("{field}\r\n")).expect(401, &field);
    }
    s.get_with("/a", &format!("authorization: bAsIc   {right}\r\n")).expect(200, "as RFC 9110 section 11.1 says");
    s.get_with("/a", &format!("Authorization: Basic {}\r\n", right.trim_end_matches('='))).expect(200, "no padding");
}

#[test]
fn levels_and_variables() {
    let s = closed(
        "auth_basic x; auth_basic_user_file users; location /open { auth_basic off; root html; } \
         location /in/ { auth_basic $arg_realm; } location /file { auth_basic x; auth_basic_user_file $arg_f; } \
         location /long { auth_basic_user_file long; } location /gone { auth_basic_user_file none; }",
    );
    s.write("long", &vec![b'x'; (1 << 20) + 1]);
    s.get("/open").expect(404, "nothing is asked");
    s.get("/in/a?realm=off").expect(200, "a realm that is off");
    assert_eq!(s.get("/in/a?realm=y").expect(401, "/in/a").must("WWW-Authenticate"), "Basic realm=\"y\"");
    for (target, status) in [
        ("/file?f=users", 404),
        ("/file?f=none", 403),
        ("/file?f=", 500),
        ("/file?f=html", 500),
        ("/long", 500),
        ("/gone", 403),
    ] {
        as_user(&s, target, "plain", "password").expect(status, target);
    }
    s.wait_said("is longer than 1048576 bytes");
    for number in 0..50 {
        s.write(&format!("users{number}"), USERS.as_bytes());
        as_user(&s, &format!("/file?f=users{number}"), "plain", "password").expect(404, "many files");
    }
}

#[test]
fn satisfy() {
    let s = closed(
        "auth_basic x; auth_basic_user_file users; \
         location /all-in { allow 127.0.0.1; deny all; } location /all-out { deny all; } \
         location /any-in { satisfy any; allow 127.0.0.1; deny all; } location /any-out { satisfy any; deny all; } \
         location /any-none { satisfy any; deny 10.0.0.0/8; } \
         location /any-address { satisfy any; auth_basic off; deny all; } \
         location /any-open { satisfy any; auth_basic off; deny 10.0.0.0/8; }",
    );
    for (target, without, wrong, right) in [
        ("/all-in", 401, 401, 404),
        ("/all-out", 403, 403, 403),
        ("/any-in", 404, 404, 404),
        ("/any-out", 401, 401, 404),
        ("/any-none", 401, 401, 404),
        ("/any-address", 403, 403, 403),
        ("/any-open", 404, 404, 404),
    ] {
        let answer = s.get(target).expect(without, target);
        assert_eq!(answer.field("WWW-Authenticate").is_some(), without == 401, "{target}");
        as_user(&s, target, "plain", "wrong").expect(wrong, target);
        for user in ["plain", "apr1"] {
            let answer = as_user(&s, target, user, "password").expect(right, target);
            assert_eq!(answer.field("WWW-Authenticate"), None, "{target}");
        }
    }
}

#[test]
fn error_pages() {
    let s = closed(
        "auth_basic x; auth_basic_user_file users; error_page 401 /in/a; error_page 404 @none; \
         location /page { error_page 401 /page.html; } location = /page.html { auth_basic off; return 200 sorry; } \
         location @none { return 410; } location @closed { root html; } location /named { auth_basic off; \
         error_page 404 @closed; }",
    );
    let refused = s.get("/page").expect(401, "/page");
    assert_eq!((refused.must("WWW-Authenticate"), &refused.text()[..]), ("Basic realm=\"x\"", "sorry"));
    let refused = s.get("/a").expect(401, "/a");
    assert_eq!(refused.must("WWW-Authenticate"), "Basic realm=\"x\"");
    assert!(refused.text().contains("401 Unauthorized"), "the page is not for this client, either");
    s.get("/named").expect(404, "the named location asks for a password, too");
    as_user(&s, "/a", "plain", "password").expect(200, "/a");
}

#[test]
fn other_methods_need_a_password() {
    let s = closed("dav_methods PUT; auth_basic_user_file users; location /in/ { limit_except GET { auth_basic x; } }");
    let put = |fields: &str| s.ask(format!("PUT /in/a HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n{fields}\r\nnew"));
    s.get("/in/a").expect(200, "GET");
    put("").expect(401, "PUT").must("WWW-Authenticate");
    assert_eq!(s.text("html/in/a"), "in");
    for user in ["plain", "six"] {
        let field = format!("Authorization: Basic {}\r\n", base64(format!("{user}:password").as_bytes()));
        put(&field).expect(204, "PUT with a password");
    }
    assert_eq!(s.text("html/in/a"), "new");
}

/// The body is asked for only when the password is right.
#[test]
fn a_client_that_waits_for_100_continue() {
    let s = closed("dav_methods PUT; auth_basic x; auth_basic_user_file users;");
    for (password, is_right) in [("wrong", false), ("password", true)] {
        let mut client = s.connect();
        let field = base64(format!("six:{password}").as_bytes());
        client.send(format!(
            "PUT /new HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\
             Authorization: Basic {field}\r\n\r\n"
        ));
        if is_right {
            assert_eq!(client.any_response().status, 100);
            client.send("new");
            client.response().expect(201, "/new");
        } else {
            client.response().expect(401, "/new");
        }
    }
}

#[test]
fn requests_that_come_at_once_are_answered_in_order() {
    let s = closed("auth_basic x; auth_basic_user_file users; location /open/ { auth_basic off; return 200 open; }");
    let mut client = s.connect();
    let field = |user: &str| format!("Authorization: Basic {}\r\n", base64(format!("{user}:password").as_bytes()));
    let targets = [("/a", field("bcrypt")), ("/open/", String::new()), ("/a", field("nobody")), ("/a", field("apr1"))];
    let all: String = targets.iter().map(|(t, field)| format!("GET {t} HTTP/1.1\r\nHost: h\r\n{field}\r\n")).collect();
    client.send(&all);
    for (status, content) in [(200, "secret"), (200, "open"), (401, "401"), (200, "secret")] {
        assert!(client.response().expect(status, content).text().contains(content));
    }
}

#[test]
fn a_changed_file_counts_and_what_was_remembered_of_it_does_not() {
    let s = closed("auth_basic x; auth_basic_user_file users;");
    for user in ["plain", "six"] {
        as_user(&s, "/a", user, "password").expect(200, user);
        as_user(&s, "/a", user, "password").expect(200, user);
    }
    s.write("users", b"plain:{PLAIN}new\n");
    wait_for("the new password", || Some(()).filter(|()| as_user(&s, "/a", "plain", "new").status == 200));
    as_user(&s, "/a", "plain", "password").expect(401, "the old password");
    as_user(&s, "/a", "six", "password").expect(401, "a user who is gone");
    std::fs::remove_file(s.path("users")).expect("it is there");
    wait_for("no file", || Some(()).filter(|()| as_user(&s, "/a", "plain", "new").status == 403));
}

/// The thread that hashes passwords is asked once, and the file is read once.
#[test]
fn a_right_password_is_remembered() {
    let setup = Setup::new(&host("auth_basic x; auth_basic_user_file users;"), &[("a", b"secret")]);
    setup.write("users", USERS.as_bytes());
    let s = setup.main("error_log stderr debug;").start();
    let checks = || s.said().matches("AuthCheck Ready -> ").count();
    as_user(&s, "/a", "six", "password").expect(200, "six");
    let hashed = || s.said().matches("AuthCheck Finished -> ").count();
    assert_eq!(hashed(), 1, "the password was hashed before the answer");
    // Once a second the file is looked at; the other requests need no task.
    wait_for("a request without AuthCheck", || {
        let before = checks();
        as_user(&s, "/a", "six", "password").expect(200, "six");
        Some(()).filter(|()| checks() == before)
    });
    assert_eq!(hashed(), 1, "no second hash");
}

#[test]
fn a_wrong_password_waits() {
    let delay = Duration::from_millis(300);
    let s = closed(
        "auth_basic x; auth_basic_user_file users; auth_delay 300ms; error_page 401 /page; \
         location /page { auth_basic off; return 200 sorry; }",
    );
    let since = Instant::now();
    let refused = as_user(&s, "/a", "plain", "wrong").expect(401, "wrong");
    assert_eq!((refused.must("WWW-Authenticate"), &refused.text()[..]), ("Basic realm=\"x\"", "sorry"));
    s.get("/a").expect(401, "without a password");
    assert!(since.elapsed() >= 2 * delay, "{:?}", since.elapsed());
    let mut leaving = s.connect();
    leaving.send_get("/a");
    drop(leaving);
    as_user(&s, "/a", "plain", "password").expect(200, "right");
}

#[test]
fn the_user_in_logs_and_programs() {
    let shown = text("echo \"$AUTH_TYPE $REMOTE_USER\"");
    let config = "log_format user '$uri $remote_user'; server { listen 127.0.0.1:0; cgi on; cgi_extension .sh; \
                  access_log logs/access.log user; auth_basic_user_file users; location /closed/ { auth_basic x; } \
                  location /any/ { auth_basic x; satisfy any; allow all; } }";
    let setup = Setup::new(config, &[]);
    setup.write("users", USERS.as_bytes());
    for folder in ["closed", "any", "open"] {
        setup.write(&format!("html/{folder}/a.sh"), format!("#!/bin/sh\n{shown}\n").as_bytes());
        make_executable(&setup.path(&format!("html/{folder}/a.sh")));
    }
    let s = setup.start();
    for (target, expected) in [("/closed/a.sh", "Basic six\n"), ("/any/a.sh", " \n"), ("/open/a.sh", " \n")] {
        for _ in 0..2 {
            assert_eq!(as_user(&s, target, "six", "password").expect(200, target).text(), expected, "{target}");
        }
        wait_for("the log", || s.text("logs/access.log").contains(&format!("{target} six\n")).then_some(()));
    }
    s.get("/open/a.sh").expect(200, "/open/a.sh");
    wait_for("the log", || s.text("logs/access.log").contains("/open/a.sh -\n").then_some(()));
}

//! Whose time it is while a program answers: the program's (`cgi_timeout`, `cgi_idle_timeout`), or the client's
//! (`client_body_timeout`, `send_timeout`).

mod harness;

use harness::scripts::{children, scripts, text, wait_pids};
use harness::{Server, each, wait_for};
use std::time::Duration;

/// Waits until all programs have ended and were reaped.
fn wait_childless(s: &Server) {
    wait_for("the end of all programs", || children(s.process.pid()).is_empty().then_some(()));
}

#[test]
fn a_slow_upload_was_charged_to_the_program() {
    let s = scripts(
        "cgi_timeout 1s; cgi_idle_timeout 1s; cgi_request_buffering off;",
        &[("a.sh", &format!("read line\n{}", text("echo \"got $line\"")))],
    );
    let mut client = s.connect();
    client.send("POST /a.sh HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n");
    for letter in "a slow 1".chars() {
        std::thread::sleep(Duration::from_millis(250)); // in all, twice as long as the program may run
        client.send(letter.to_string());
    }
    client.send("\n");
    assert_eq!(client.response().expect(200, "a slow upload").text(), "got a slow 1\n");
    assert!(!s.said().contains("too slow"), "{}", s.said());
}

#[test]
fn a_slow_download_was_cut_and_the_log_blamed_the_program() {
    let length = 8 << 20;
    let s = scripts(
        "cgi_timeout 1s; cgi_idle_timeout 1s; send_timeout 60s;",
        &[("a.sh", &text(&format!("echo $$ > pids; head -c {length} /dev/zero; exit 0")))],
    );
    let mut client = s.connect();
    client.send("GET /a.sh HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    wait_pids(&s);
    std::thread::sleep(Duration::from_secs(2)); // the program cannot write on before the client reads
    let response = client.response().expect(200, "a slow download");
    assert_eq!(response.body.len(), length);
    assert!(!s.said().contains("too slow"), "{}", s.said());
}

#[test]
fn a_program_that_runs_for_ever_is_still_ended() {
    let silent = "while :; do :; done";
    let chatty = text("while :; do echo x; sleep 0.02; done");
    let deaf = format!("trap '' PIPE; exec <&-\n{silent}");
    // The whole body is there, and the program does not take it.
    let unread = format!("echo $$ > pids; {silent}");
    let rows = [("silent", "", silent), ("chatty", "", &chatty), ("deaf", "x", &deaf), ("unread", "x", &unread)];
    each(rows, |(name, body, script)| {
        let s = scripts("cgi_timeout 500ms; cgi_request_buffering off;", &[("a.sh", script)]);
        let body = body.repeat(300_000);
        let mut client = s.connect();
        // The server may end the connection before it has read all.
        let request = format!(
            "POST /a.sh HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let _ = client.try_send(request.as_bytes());
        let answer = client.rest();
        let is_begun = *name == "chatty";
        assert!(answer.starts_with(if is_begun { b"HTTP/1.1 200 " } else { b"HTTP/1.1 504 " }), "{name}");
        assert!(!is_begun || !answer.ends_with(b"0\r\n\r\n"), "an answer that is cut does not look whole");
        s.wait_said("the program is too slow: cgi_timeout has passed");
        s.wait_said("(SIGTERM) of the server: it was too slow, or its answer was not right");
        wait_childless(&s);
    });
}

#[test]
fn an_error_page_by_a_program_waits_for_no_body() {
    let s = scripts(
        "cgi_timeout 500ms; client_body_timeout 60s; error_page 413 /a.sh; location /up/ { client_max_body_size 1; }",
        &[("a.sh", "while :; do :; done"), ("up/b.sh", "cat")],
    );
    let mut client = s.connect();
    client.send("POST /up/b.sh HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n");
    client.response().expect(413, "the error page failed");
    s.wait_said("cgi_timeout has passed");
    wait_childless(&s);
}

/// The output of a program gave its client more time to send the body, without end.
#[test]
fn a_body_that_never_came_was_waited_for_as_long_as_the_program_wrote() {
    let chatty = text("while :; do echo x; sleep 0.02; done");
    let s = scripts("client_body_timeout 400ms; cgi_request_buffering off;", &[("a.sh", &chatty)]);
    let mut client = s.connect();
    client.send("POST /a.sh HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nx");
    client.wait_some();
    assert!(!client.rest().ends_with(b"0\r\n\r\n"), "an answer that is cut does not look whole");
    wait_childless(&s);
    assert!(!s.said().contains("too slow"), "{}", s.said());
}

#[test]
fn each_part_of_a_body_has_its_own_time() {
    let s = scripts("client_body_timeout 1s;", &[("a.sh", &text("cat"))]);
    for length in ["Content-Length: 8", "Transfer-Encoding: chunked"] {
        let mut client = s.connect();
        client.send(format!("POST /a.sh HTTP/1.1\r\nHost: h\r\n{length}\r\n\r\n"));
        let parts: &[&str] = if length.contains("chunked") {
            &["2\r\n", "ab", "\r\n", "1\r\nc", "\r\n0", "\r\n\r\n"]
        } else {
            &["ab", "cd", "ef", "gh"]
        };
        for part in parts {
            std::thread::sleep(Duration::from_millis(300));
            client.send(part);
        }
        client.response().expect(200, length);
    }
}

/// The last part of a body filled the handler's pipe exactly: the client's time was not counted after that.
#[test]
fn a_client_that_stopped_when_the_pipe_was_full_was_waited_for_without_end() {
    let off = "location /off/ { alias html/; cgi_request_buffering off; }";
    let s = scripts(
        &format!(
            "client_body_timeout 400ms; client_body_buffer_size 128k; cgi_max_processes 1; error_log stderr info; {off}"
        ),
        &[("a.sh", "cat > /dev/null"), ("hold.sh", "while [ ! -e go ]; do sleep 0.02; done")],
    );
    let post = |target: &str| {
        let mut client = s.connect();
        let head = format!("POST {target} HTTP/1.1\r\nHost: h\r\nContent-Length: 300000\r\n\r\n");
        client.send(head + &"x".repeat(128 << 10));
        client
    };
    post("/a.sh").response().expect(408, "the body goes into a file");
    // The pipe becomes full while the request waits for a place, and empty when the program runs.
    let mut first = s.connect();
    first.send_get("/hold.sh");
    wait_for("the first program", || (!children(s.process.pid()).is_empty()).then_some(()));
    let mut second = post("/off/a.sh");
    s.wait_said("the request waits");
    for _ in 0..3 {
        s.get("/ok.txt"); // by then the server has read what has come of the body
    }
    s.write("html/go", b"");
    second.response().expect(408, "the body goes to the program");
    wait_childless(&s);
}

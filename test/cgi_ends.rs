//! The end of programs and their requests: output after the answer is complete, programs that run longer than the
//! answer, and bodies that are not requested until it is known that there is a program.

mod harness;

use harness::scripts::{children, make_executable, scripts, text};
use harness::{Server, Setup, each, host, wait_for};
use std::os::unix::fs::PermissionsExt;

/// Waits until the server has no children: all programs have ended and were reaped.
fn wait_childless(s: &Server, what: &str) {
    wait_for(&format!("the end of {what}"), || children(s.process.pid()).is_empty().then_some(()));
}

#[test]
fn what_head_does_not_want_is_read_up_to_a_limit_and_the_program_finishes() {
    let long = text("head -c 900000 /dev/zero; echo $? > status");
    let told = "printf 'Content-Type: a/b\\nContent-Length: 300000\\n\\n'; head -c 300000 /dev/zero; echo $? > status";
    for script in [long, told.to_owned()] {
        let s = scripts("", &[("a.sh", &script)]);
        let mut client = s.connect();
        client.send("HEAD /a.sh HTTP/1.1\r\nHost: h\r\n\r\n");
        assert_eq!(client.response().status, 200);
        assert_eq!(client.get("/ok.txt").text(), "ok", "the connection goes on");
        let status = wait_for("the program's own end", || Some(s.text("html/status")).filter(|t| t.ends_with('\n')));
        assert_eq!(status, "0\n", "{script}");
        wait_childless(&s, &script);
    }
}

#[test]
fn a_redirect_with_a_body_that_nobody_sees_does_not_end_its_program() {
    let away = "printf 'Location: http://other.example/\\n\\n'; sleep 0.1; head -c 200000 /dev/zero; echo $? > status";
    let here = "printf 'Location: /ok.txt\\n\\n'; sleep 0.1; head -c 200000 /dev/zero; echo $? > status";
    for (script, status) in [(away, 302), (here, 200)] {
        let s = scripts("", &[("a.sh", script)]);
        s.get("/a.sh").expect(status, script);
        let status = wait_for("the program's own end", || Some(s.text("html/status")).filter(|t| t.ends_with('\n')));
        assert_eq!(status, "0\n", "{script}");
        wait_childless(&s, script);
    }
}

#[test]
fn a_program_that_never_stops_writing_is_ended_by_its_closed_pipe() {
    let endless = text("exec cat /dev/zero");
    let over = "printf 'Content-Type: a/b\\nContent-Length: 5\\n\\n12345'; exec cat /dev/zero";
    let gone = "printf 'Location: http://other.example/\\n\\n'; exec cat /dev/zero";
    let rows = [("HEAD", endless.as_str(), 200), ("GET", over, 200), ("HEAD", over, 200), ("GET", gone, 302)];
    each(rows, |(method, script, status)| {
        let s = scripts("cgi_idle_timeout 60s; cgi_timeout 60s;", &[("a.sh", script)]);
        let mut client = s.connect();
        client.send(format!("{method} /a.sh HTTP/1.1\r\nHost: h\r\n\r\n"));
        client.response().expect(*status, script);
        assert_eq!(client.get("/ok.txt").text(), "ok", "the connection goes on");
        wait_childless(&s, script); // within the limit of the harness, which is shorter than the timeouts
        s.assert_alive(script);
        assert_eq!(s.warnings(), "", "it is no fault of anyone");
    });
}

#[test]
fn work_after_a_closed_output_is_finished_before_the_answer_is_whole() {
    // The program closes its output and runs on: the server waits for its end, and does not kill it.
    let s = scripts(
        "",
        &[("a.sh", &text("echo answer; echo note >&2; exec >&-; sleep 0.3; echo late >&2; echo done > saved"))],
    );
    assert_eq!(s.get("/a.sh").text(), "answer\n");
    assert_eq!(s.text("html/saved"), "done\n");
    s.wait_said("note");
    s.wait_said("late");
    assert_eq!(s.warnings(), "");
}

#[test]
fn what_a_child_of_the_program_says_later_is_logged_too() {
    let s = scripts("", &[("a.sh", &text("(sleep 0.2; echo 'from behind' >&2) > /dev/null & echo answer"))]);
    assert_eq!(s.get("/a.sh").text(), "answer\n");
    s.wait_said("from behind");
}

#[test]
fn one_that_does_not_mind_its_closed_pipe_is_ended_by_time() {
    let deaf =
        "trap '' PIPE; printf 'Content-Type: a/b\\nContent-Length: 2\\n\\nok'; while :; do echo x; sleep 0.01; done";
    let s = scripts("cgi_idle_timeout 200ms;", &[("a.sh", deaf)]);
    assert_eq!(s.get("/a.sh").text(), "ok");
    s.wait_said("ended by signal 15");
    wait_childless(&s, "a program that ignores SIGPIPE");
}

#[test]
fn what_a_program_says_after_its_answer_is_logged_with_its_request() {
    let script =
        "printf 'Content-Type: a/b\\nContent-Length: 2\\n\\nok'; sleep 0.2; echo 'too late' >&2; echo done > saved";
    let s = scripts("", &[("a.sh", script)]);
    let mut client = s.connect();
    client.send_get("/a.sh?first");
    assert_eq!(client.response().text(), "ok");
    assert_eq!(client.get("/ok.txt").text(), "ok");
    let saved = s.path("html/saved");
    wait_for("the program's work", || saved.exists().then_some(()));
    s.wait_said("too late");
    let said = s.said();
    let line = said.lines().find(|line| line.contains("too late")).unwrap();
    assert!(line.contains("client: 127.0.0.1") && line.contains("GET /a.sh?first"), "{line}");
}

#[test]
fn a_body_is_asked_for_when_the_program_runs_and_not_before() {
    let streams = "location /off/ { alias html/; cgi_request_buffering off; }";
    let s = scripts(streams, &[("a.sh", &text("cat")), ("plain.sh", "echo"), ("bad.sh", "echo")]);
    std::fs::set_permissions(s.path("html/plain.sh"), PermissionsExt::from_mode(0o644)).unwrap();
    s.write("html/bad.sh", b"#!/none/such/interpreter\n");
    make_executable(&s.path("html/bad.sh"));
    let framings = [("Content-Length: 5", "hello"), ("Transfer-Encoding: chunked", "5\r\nhello\r\n0\r\n\r\n")];
    let rows = [
        ("/none.sh", 405),
        ("/plain.sh", 100),
        ("/bad.sh", 100),
        ("/ok.txt", 405),
        ("/off/none.sh", 405),
        ("/off/plain.sh", 403),
        ("/off/bad.sh", 502),
    ];
    for (field, body) in framings {
        let head = |target: &str| {
            format!("POST {target} HTTP/1.1\r\nHost: h\r\n{field}\r\nExpect: 100-continue\r\n\r\n").into_bytes()
        };
        each(rows, |(target, status)| {
            let mut client = s.connect();
            client.send(head(target));
            let response = client.any_response();
            assert_eq!(response.status, *status, "{target}: {response}");
            if response.status != 100 {
                assert!(response.says_close(), "the body may come all the same: {response}");
                client.assert_ended(target);
            }
        });
        let mut client = s.connect();
        client.send(head("/a.sh"));
        assert_eq!(client.any_response().status, 100, "{field}");
        client.send(body);
        assert_eq!(client.response().expect(200, field).text(), "hello");
    }
}

#[test]
fn a_body_in_chunks_is_not_stored_for_a_program_that_is_not_there() {
    let s = scripts("client_body_in_file_only on; client_body_temp_path gone;", &[("a.sh", &text("cat"))]);
    std::fs::remove_dir(s.path("gone")).unwrap();
    let request = |target: &str| {
        format!("POST {target} HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
    };
    s.ask(request("/none.sh")).expect(405, "no program");
    s.ask(request("/a.sh")).expect(500, "a program");
    s.wait_said("client_body_temp_path");
    // The client is also not asked for a body that cannot be stored.
    let mut client = s.connect();
    client.send("POST /a.sh HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n");
    assert_eq!(client.any_response().status, 500);
}

/// If a process ignores SIGCHLD, waitpid(2) returns no status of its children, and a child inherits this. So the server
/// did not know how a program had ended, and cut each answer short.
#[test]
fn no_answer_was_whole_when_the_servers_parent_ignored_its_children() {
    let setup = Setup::new(&host("cgi on; cgi_extension .sh;"), &[]);
    setup.write("html/a.sh", format!("#!/bin/sh\n{}\n", text("echo answer")).as_bytes());
    make_executable(&setup.path("html/a.sh"));
    // A shell's trap cannot set this for SIGCHLD; GNU env(1) can.
    let s = setup.before(r#"exec env --ignore-signal=CHLD "$0" "$@""#).start();
    for _ in 0..3 {
        assert_eq!(s.get("/a.sh").text(), "answer\n");
    }
    wait_childless(&s, "each program");
    assert!(!s.said().contains("waitpid"), "{}", s.said());
}

/// A server with pid 1 adopts the children of its programs, as in a container without an init. They stayed zombies.
#[test]
fn orphans_stayed_zombies_when_the_server_was_pid_1() {
    let unshare = ["--pid", "--fork", "--mount-proc", "--kill-child"];
    let may = std::process::Command::new("unshare").args(unshare).arg("true").output();
    if !may.is_ok_and(|output| output.status.success()) {
        eprintln!("SKIPPED: unshare(1) is missing or refused, so the server cannot have pid 1");
        return;
    }
    let setup = Setup::new(&host("cgi on; cgi_extension .sh;"), &[]);
    let scripts = [
        ("a.sh", text("(setsid sleep 0.1 >&- 2>&- &); echo answer")),
        ("b.sh", text("(setsid sleep 0.1 >&- 2>&- &); exec >&-; sleep 0.3")),
        ("c.sh", "kill -9 $$".to_owned()),
    ];
    for (name, script) in &scripts {
        setup.write(&format!("html/{name}"), format!("#!/bin/sh\n{script}\n").as_bytes());
        make_executable(&setup.path(&format!("html/{name}")));
    }
    let mut s = setup
        .main("error_log stderr notice; worker_processes 2;")
        .before(&format!("exec unshare {} \"$0\" \"$@\"", unshare.join(" ")))
        .start();
    let [server] = children(s.process.pid())[..] else { panic!("unshare(1) has one child") };
    for _ in 0..10 {
        // The statuses of the programs themselves still reach those that wait for them.
        assert_eq!(s.get("/a.sh").expect(200, "/a.sh").text(), "answer\n");
        assert_eq!(s.get("/b.sh").expect(200, "/b.sh").text(), "");
        s.get("/c.sh").expect(502, "/c.sh");
    }
    wait_for("the end of all programs and orphans", || children(server).is_empty().then_some(()));
    assert!(!s.said().contains("waitpid") && !s.said().contains("waitid"), "{}", s.said());
    let ended = std::process::Command::new("kill").args(["-TERM", &server.to_string()]).status().unwrap();
    assert!(ended.success());
    s.process.exit();
}

#[test]
fn cgi_rlimit_ends_what_uses_too_much() {
    let write = "head -c 3000000 /dev/zero > large 2>/dev/null; echo $(wc -c < large)";
    let s = scripts("cgi_rlimit fsize 1m; cgi_rlimit nofile 20;", &[("a.sh", &text(&format!("{write}; ulimit -n")))]);
    assert_eq!(s.get("/a.sh").text(), "1048576\n20\n");
}

/// The program was started and its body refused in the same round: the task that waits for its exit had had no turn,
/// and looked for its connection, which it had lost.
#[test]
fn a_body_that_was_refused_at_once_made_a_task_panic() {
    let s = scripts("cgi_request_buffering off;", &[("a.sh", "cat > /dev/null; exit 3")]);
    s.ask("POST /a.sh HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n").expect(400, "no chunk");
    s.wait_said("(SIGTERM) of the server: its request's body was refused, or the rest of it did not come");
    wait_childless(&s, "the program");
    assert!(!s.said().contains("panic"), "{}", s.said());
    s.assert_alive("a refused body");
}

/// The exit status of the first program of a request was taken for that of the second one, whose answer was cut short.
#[test]
fn an_error_page_by_a_program_had_the_end_of_the_program_before_it() {
    let page = text("echo sorry; exec >&-; sleep 0.3"); // its output ends before its own status is there
    let s = scripts("error_page 502 /err.sh;", &[("a.sh", &text("kill -9 $$")), ("err.sh", &page)]);
    assert_eq!(s.get("/a.sh").expect(502, "/a.sh").text(), "sorry\n");
    assert_eq!(s.said().matches("the program was killed; its answer is cut short").count(), 1, "{}", s.said());
}

/// The program read EOF after a part of its body, as if that were all of it.
#[test]
fn a_refused_body_looked_whole_to_the_program() {
    let script = "trap 'echo term > out; exit' TERM; echo > started; cat > body; echo eof > out";
    let rows = [
        ("a malformed chunk", "", "ZZ\r\n", 400),
        ("a chunk that is too large", "client_max_body_size 9;", "ff\r\n", 413),
        ("silence", "client_body_timeout 1s;", "", 408),
        ("the end", "", "end", 400),
    ];
    each(rows, |(name, config, rest, status)| {
        let location = format!("location /up/ {{ alias html/; cgi_request_buffering off; {config} }}");
        let s = scripts(&location, &[("a.sh", script)]);
        let mut client = s.connect();
        client.send("POST /up/a.sh HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
        let started = s.path("html/started");
        wait_for("the program", || started.exists().then_some(()));
        match *rest {
            "end" => client.half_close(),
            rest => client.send(rest),
        }
        client.response().expect(*status, name);
        let out = s.path("html/out");
        let out = wait_for("the program's word", || std::fs::read_to_string(&out).ok().filter(|t| t.ends_with('\n')));
        assert_eq!(out, "term\n", "{name}");
        wait_childless(&s, name);
    });
}

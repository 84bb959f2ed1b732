//! The command line, and the messages for wrong configurations.

mod harness;

use harness::process::{Process, program, run};
use harness::{Client, Setup, TempDir, each, host, site, wait_for};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::MetadataExt;
use std::process::Output;

/// Both outputs of a program, for tests that do not care which one has the message.
fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// Runs `webserv -p DIR -c DIR/webserv.conf` with more arguments.
fn webserv(dir: &TempDir, arguments: &[&str]) -> Output {
    let config = dir.path().join("webserv.conf");
    let place = ["-p", dir.path().to_str().unwrap(), "-c", config.to_str().unwrap()];
    run(&[&place, arguments].concat(), dir.path())
}

/// A directory with this configuration file.
fn dir_with(config: &str) -> TempDir {
    let setup = Setup::new("", &[]);
    setup.write("webserv.conf", config.as_bytes());
    setup.dir
}

fn dir_with_http(http: &str) -> TempDir {
    dir_with(&format!("events {{}}\nhttp {{\n{http}\n}}\n"))
}

#[test]
fn a_good_configuration_is_tested_and_nothing_is_started() {
    let dir = dir_with_http(&host("root html;"));
    let output = webserv(&dir, &["-t"]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let text = said(&output);
    assert!(text.contains("webserv.conf") && text.contains("successful"), "{text}");
    assert!(!text.contains("listening on"), "{text}");
    let quiet = webserv(&dir, &["-t", "-q"]);
    assert_eq!((quiet.status.code(), said(&quiet).as_str()), (Some(0), ""));
}

#[test]
fn a_server_that_stays_root_is_warned_of() {
    if std::fs::metadata("/proc/self").unwrap().uid() != 0 {
        return println!("skipped: these tests do not run as root");
    }
    let told = "[warn] w0 the server is root, and so is each program that it starts; write \"user NAME;\"";
    let shown = told.split("w0 ").nth(1).unwrap();
    for (main, is_warned) in [("", true), ("user root;", true), ("user nobody;", false)] {
        let main = format!("{main} error_log stderr notice;");
        let s = Setup::new(&host("root html;"), &[]).main(&main).start();
        assert_eq!(s.said().contains(told), is_warned, "{main}: {}", s.said());
        let output = webserv(&s.dir, &["-t"]);
        assert_eq!((output.status.code(), said(&output).contains(shown)), (Some(0), is_warned), "{main}");
    }
}

#[test]
fn a_server_that_is_the_user_already_starts() {
    if std::fs::metadata("/proc/self").unwrap().uid() != 0 {
        return println!("skipped: only root can start a server as another user");
    }
    let dir = dir_with("user nobody; error_log stderr notice; http { server { listen 127.0.0.1:0; } }");
    let place = ["-p", dir.path().to_str().unwrap(), "-c", dir.path().join("webserv.conf").to_str().unwrap()].join(" ");
    let run = |user: &str, more: &str| {
        let command = format!("exec setpriv --reuid={user} --clear-groups {} {place} {more}", program());
        let mut process = std::process::Command::new("sh");
        process.args(["-c", &command]).stderr(std::process::Stdio::piped()).spawn().unwrap()
    };
    let mut server = run("nobody", "");
    let mut lines = BufReader::new(server.stderr.take().unwrap()).lines();
    let started: Vec<String> = lines.by_ref().map(Result::unwrap).take(2).collect();
    assert!(started[1].contains("listening on"), "{started:?}");
    std::process::Command::new("sh").args(["-c", &format!("kill {}", server.id())]).status().unwrap();
    assert!(server.wait().unwrap().success());
    // Another user than root may check the configuration, and cannot start it.
    assert!(run("daemon", "-t").wait_with_output().unwrap().status.success());
    let refused = run("daemon", "").wait_with_output().unwrap();
    assert!(
        !refused.status.success() && said(&refused).contains("only root can change the user"),
        "{}",
        said(&refused)
    );
}

#[test]
fn a_user_that_does_not_exist_is_shown_with_its_place() {
    let dir = dir_with("user nobody;\nhttp { server { listen 127.0.0.1:0; } }");
    assert_eq!(webserv(&dir, &["-t"]).status.code(), Some(0));
    for (user, place) in [("user no-such-user;", "2:6"), ("user nobody no-such-group;", "2:13")] {
        let dir = dir_with(&format!("\n{user}\nhttp {{ server {{ listen 127.0.0.1:0; }} }}"));
        let output = webserv(&dir, &["-t"]);
        assert_eq!(output.status.code(), Some(1));
        assert!(said(&output).contains(&format!("webserv.conf:{place}: there is no ")), "{}", said(&output));
        let failed = format!("file {} test failed", dir.path().join("webserv.conf").display());
        assert!(said(&output).contains(&failed), "{}", said(&output));
    }
}

#[test]
fn a_mistake_is_shown_with_its_place_and_the_word_that_was_meant() {
    let config = "events {}\nhttp {\n    server {\n        lisen 127.0.0.1:0;\n    }\n}\n";
    for arguments in [&["-t"][..], &["-t", "-q"], &[]] {
        let dir = dir_with(config);
        let output = webserv(&dir, arguments);
        let text = said(&output);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {text}");
        assert!(text.contains("webserv.conf:4:9"), "the place, {arguments:?}:\n{text}");
        assert!(text.contains("unknown directive \"lisen\""), "{arguments:?}:\n{text}");
        assert!(text.contains("did you mean \"listen\""), "{arguments:?}:\n{text}");
        let lines: Vec<&str> = text.lines().collect();
        let line = lines.iter().position(|line| line.contains("lisen 127.0.0.1:0;"));
        let line = line.unwrap_or_else(|| panic!("the line itself is not shown, {arguments:?}:\n{text}"));
        let caret = lines.get(line + 1).and_then(|line| line.find('^'));
        assert_eq!(caret, lines[line].find("lisen"), "the caret stands below the word, {arguments:?}:\n{text}");
        assert!(!text.contains("listening on"), "nothing is opened before the file is right:\n{text}");
    }
}

#[test]
fn mistakes_of_each_kind_name_their_line() {
    // In each configuration, "<<" marks the line with the mistake, and is removed; the message must contain the word.
    let rows = [
        ("events {}\nhttp {\n<< listen 80;\n}", "listen"),
        ("events {}\nhttp {\nserver {\n<< worker_processes 2;\n}\n}", "worker_processes"),
        ("events {}\nhttp {\n<< root a b;\n}", "root"),
        ("events {}\nhttp {\n<< root;\n}", "root"),
        ("events {}\nhttp {\nroot a;\n<< root b;\n}", "root"),
        ("events {}\nhttp {\n<< keepalive_timeout 5x;\n}", "5x"),
        ("events {}\nhttp {\n<< keepalive_requests many;\n}", "many"),
        ("events {}\nhttp {\n<< sendfile maybe;\n}", "maybe"),
        ("events {}\nhttp {\n<< client_header_buffer_size 1q;\n}", "1q"),
        ("events {}\nhttp {\nserver {\n<< listen 127.0.0.1:99999;\n}\n}", "99999"),
        ("events {}\nhttp {\nserver {\n<< listen 127.0.0.1:0 bogus;\n}\n}", "bogus"),
        ("events {}\nhttp {\nserver {\n<< listen nonsense::1:80;\n}\n}", "nonsense"),
        ("events {}\nhttp {\nserver {\nlisten 127.0.0.1:0;\n<< return nonsense;\n}\n}", "nonsense"),
        ("events {}\nhttp {\n<< error_page nonsense /x;\n}", "nonsense"),
        ("events {}\nhttp {\n<< log_format x '$nonsense';\n}", "nonsense"),
        ("events {}\nhttp {\n<< access_log logs/x missing;\n}", "missing"),
        ("events {}\nhttp {\n<< include missing.conf;\n}", "missing.conf"),
        ("events {\n<< use nonsense;\n}\nhttp {}", "nonsense"),
        ("events {\n<< worker_connections x;\n}\nhttp {}", "x"),
        ("<< error_log stderr loud;\nevents {}\nhttp {}", "loud"),
        ("events {}\nhttp {\nserver {\nlocation /a {}\n<< location /a {}\n}\n}", "/a"),
        ("events {}\nhttp {\nserver {\n<< location a b c {}\n}\n}", "location"),
        ("events {}\nhttp {\n<< server;\n}", "server"),
        ("events {}\nhttp {\n<< root html {}\n}", "root"),
        ("events {}\nhttp {\nroot html;\n<< }}\n", "}"),
        ("events {}\n<< events {}\nhttp {}", "events"),
    ];
    each(rows, |(config, word)| {
        let line = config.lines().position(|line| line.contains("<<")).unwrap() + 1;
        let dir = dir_with(&config.replace("<< ", ""));
        let output = webserv(&dir, &["-t"]);
        let text = said(&output);
        assert_eq!(output.status.code(), Some(1), "{config}\n{text}");
        assert!(text.contains(&format!("webserv.conf:{line}")), "expected line {line}:\n{config}\n{text}");
        assert!(text.contains(word), "expected {word:?}:\n{config}\n{text}");
    });
}

#[test]
fn what_is_left_open_is_said() {
    let rows = [
        "events {}\nhttp {\nserver {\n",
        "events {}\nhttp {\nroot html",
        "events {}\nhttp {\nroot \"html;\n}",
        "events {}\nhttp {\nroot 'html;\n}",
        "http {}\nevents",
    ];
    each(rows, |config| {
        let output = webserv(&dir_with(config), &["-t"]);
        let text = said(&output);
        assert_eq!(output.status.code(), Some(1), "{config:?}\n{text}");
        assert!(text.contains("webserv.conf:"), "{config:?}\n{text}");
    });
}

#[test]
fn the_language() {
    let config = "# comment ; { }\nserver{listen 127.0.0.1:0;include parts/*.inc; include none/*.inc;\n\
                  location\n/lines\n{\nreturn\n200\n\"two  words\"\n;\n}# end\n\
                  location /quote { return 200 'it\\'s \"x\"'; }\n\
                  location \"/br{ace\" { return 200 brace; }\n\
                  location /hash { return 200 a#b; }\n\
                  location /escape { return 200 \"tab\\tnew\\nline\"; } }";
    let setup = Setup::new(config, &[]);
    setup.write("parts/a.inc", b"location /a { return 200 a; }");
    setup.write("parts/b.inc", b"location /b { return 200 b; }");
    setup.write("parts/c.other", b"nonsense;");
    let s = setup.start();
    let rows = [
        ("/a", "a"),
        ("/b", "b"),
        ("/lines", "two  words"),
        ("/quote", "it's \"x\""),
        ("/br%7Bace", "brace"),
        ("/hash", "a#b"),
        ("/escape", "tab\tnew\nline"),
    ];
    each(rows, |(target, text)| assert_eq!(&s.get(target).expect(200, target).text(), text, "{target}"));
}

#[test]
fn a_mistake_in_an_included_file_names_that_file() {
    let dir = dir_with_http(&format!("include extra.conf; {}", host("")));
    std::fs::write(dir.path().join("extra.conf"), "root html;\n  nonsense on;\n").unwrap();
    let output = webserv(&dir, &["-t"]);
    let text = said(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("extra.conf:2:3") && text.contains("nonsense"), "{text}");
}

#[test]
fn a_missing_configuration_file_is_said() {
    let dir = TempDir::new();
    let output = webserv(&dir, &[]);
    let text = said(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("webserv.conf") && text.contains("No such file"), "{text}");
}

#[test]
fn the_whole_configuration_is_printed() {
    let dir = dir_with_http(&format!("include extra.conf; {}", host("")));
    std::fs::write(dir.path().join("extra.conf"), "# a comment stays\nroot html;\n").unwrap();
    let output = webserv(&dir, &["-T"]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    for name in ["webserv.conf", "extra.conf"] {
        assert!(text.contains(&format!("# configuration file {}:", dir.path().join(name).display())), "{text}");
    }
    assert!(text.contains("include extra.conf;") && text.contains("# a comment stays\nroot html;"), "{text}");
}

#[test]
fn without_any_file_there_is_a_default() {
    // Only checked, not started, since it has a fixed port.
    let dir = TempDir::new();
    std::fs::create_dir(dir.path().join("html")).unwrap();
    let test = run(&["-t"], dir.path());
    assert_eq!(test.status.code(), Some(0), "{}", said(&test));
    assert!(said(&test).contains("config/default.conf (built in) is right"), "{}", said(&test));
    let dump = run(&["-T"], dir.path());
    assert!(said(&dump).contains("127.0.0.1:8080"), "{}", said(&dump));
}

#[test]
fn the_demo_without_its_site_answered_404_for_all() {
    let dir = TempDir::new();
    for arguments in [&[][..], &["-t"], &["--port", "8000"]] {
        let output = run(arguments, dir.path());
        let text = said(&output);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {text}");
        for part in ["html/", dir.path().to_str().unwrap(), "webserv DIR", "-c FILE", "clone"] {
            assert!(text.contains(part), "{arguments:?}: {text}");
        }
    }
}

#[test]
fn a_checked_configuration_did_not_start() {
    let rows = [
        ("access_log absent/a.log;", "cannot open the access log "),
        ("error_log absent/e.log;", "cannot open the error log "),
        ("error_log html;", "cannot open the error log "),
    ];
    each(rows, |(http, told)| {
        let dir = dir_with_http(&format!("{http} {}", host("")));
        for arguments in [&["-t"][..], &["-t", "-q"], &[]] {
            let output = webserv(&dir, arguments);
            assert_eq!(output.status.code(), Some(1), "{http} {arguments:?}: {}", said(&output));
            assert!(said(&output).contains(told), "{http} {arguments:?}: {}", said(&output));
        }
    });
    // What is missing and does not stop the server is a warning, in the check and at the start.
    let setup = Setup::new(&host("root absent; location /up/ { upload_store nowhere; }"), &[]);
    setup.write("webserv.conf", setup.config().as_bytes());
    let output = webserv(&setup.dir, &["-t"]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let server = setup.start();
    for text in [said(&output), server.said()] {
        for told in ["/absent: requests for its files get 404", "there is no folder ", "/nowhere: uploads to it fail"] {
            assert!(text.contains(told), "{told}: {text}");
        }
    }
}

#[test]
fn version_and_help() {
    let dir = TempDir::new();
    for option in ["-v", "-V", "--version"] {
        let output = run(&[option], dir.path());
        let text = said(&output);
        assert_eq!(output.status.code(), Some(0), "{option}: {text}");
        assert!(text.contains("webserv") && text.contains(env!("CARGO_PKG_VERSION")), "{option}: {text}");
    }
    for option in ["-h", "--help"] {
        let output = run(&[option], dir.path());
        let text = said(&output);
        assert_eq!(output.status.code(), Some(0), "{option}: {text}");
        for named in ["-c", "-p", "-e", "-g", "-t", "-T", "-q", "-s", "-v", "-V", "-h", "reload", "--port", "--bind"] {
            assert!(text.contains(named), "{option} does not tell of {named}:\n{text}");
        }
    }
}

/// What is legal and wrong is told by -t alone, and also beside errors.
#[test]
fn findings_are_warned_of() {
    let wrong = host("root html; location /i { alias html/; }");
    let dir = dir_with_http(&wrong);
    let told = "webserv: warning: ";
    for (arguments, findings) in [
        (&["-t"][..], 1),
        (&["-T"], 1),
        (&["-t", "-q"], 0),
        (&["-t", "--lint=off"], 0),
        (&["-t", "-q", "--lint=off"], 0),
    ] {
        let output = webserv(&dir, arguments);
        let text = said(&output);
        assert_eq!((output.status.code(), text.matches(told).count()), (Some(0), findings), "{arguments:?}: {text}");
    }
    let text = said(&webserv(&dir, &["-t"]));
    for part in ["webserv.conf:", "alias html/;", "^^^^^", "\n  why:   ", "(alias-slash)\n  write: location /i/ {"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("end both with"), "the warning of the same place is not told as well: {text}");
    assert!(said(&webserv(&dir, &["-t", "--lint=off"])).contains("end both with"), "without the finding it is");
    let absent = dir_with_http(&host("root html; location /a/ { alias absent/; }"));
    for (arguments, told) in [(&["-t"][..], ": there is no /"), (&["-t", "--lint=off"], ": there is no /")] {
        assert_eq!(said(&webserv(&absent, arguments)).matches(told).count(), 1, "{arguments:?}");
    }
    let text = said(&webserv(&absent, &["-t"]));
    for part in ["warning: ", "/absent/: requests for its files get 404\n", "^^^^^^^\n  why:   ", "(folder-missing)"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let refused = dir_with_http(&(wrong + "lisen 80;"));
    let output = webserv(&refused, &["-t"]);
    let text = said(&output);
    let order = ["unknown directive \"lisen\"", told, "test failed"].map(|part| text.find(part));
    assert!(output.status.code() == Some(1) && order.is_sorted() && order[0].is_some(), "{text}");
    let text = said(&webserv(&refused, &["-t", "-q"]));
    assert!(text.contains("lisen") && !text.contains(told), "{text}");
    let s = Setup::new(&host("root html; location /i { alias html/; }"), &[]).start();
    assert!(!s.said().contains("why:"), "{}", s.said());
}

#[test]
fn directives_are_explained() {
    let dir = TempDir::new();
    let page = include_str!("../docs/directives.md");
    for (arguments, status, told) in [
        (&["--help", "keepalive_timeout"][..], 0, "default:   75s\n"),
        (&["--help=keepalive_timout"], 2, "did you mean \"keepalive_timeout\"?"),
        (&["--help", "x"], 2, "webserv --directives"),
        (&["--directives"], 0, "keepalive_timeout TIME [TIME];"),
        (&["--directives=markdown"], 0, page),
        (&["--lint=markdown"], 0, include_str!("../docs/lint.md")),
    ] {
        let output = run(arguments, dir.path());
        assert_eq!(output.status.code(), Some(status), "{arguments:?}");
        assert!(said(&output).contains(told), "{arguments:?}: {}", said(&output));
    }
}

#[test]
fn a_wrong_command_line_is_refused() {
    let dir = dir_with_http("");
    let rows: [(&[&str], &str); 9] = [
        (&["--bind", "here", "."], "here"),
        (&["--port", "80", "-c", "webserv.conf"], "listen"),
        (&["-x"], "x"),
        (&["--nonsense"], "nonsense"),
        (&["-s", "nonsense"], "nonsense"),
        (&["-s"], "-s"),
        (&["-c"], "-c"),
        (&["--port", "notanumber", "."], "notanumber"),
        (&["/no/such/folder"], "/no/such/folder"),
    ];
    each(rows, |(arguments, word)| {
        let output = run(arguments, dir.path());
        let text = said(&output);
        assert!(!output.status.success() && output.status.code().is_some(), "{arguments:?}: {text}");
        assert!(text.contains(word), "{arguments:?}: {text}");
    });
}

#[test]
fn directives_from_the_command_line() {
    let dir = dir_with_http(&host(""));
    let good = webserv(&dir, &["-t", "-g", "worker_processes 2; error_log stderr info;"]);
    assert_eq!(good.status.code(), Some(0), "{}", said(&good));
    let bad = webserv(&dir, &["-t", "-g", "nonsense on;"]);
    assert!(bad.status.code() == Some(1) && said(&bad).contains("nonsense"), "{}", said(&bad));
    // And they take effect: the pid file is where -g says.
    let path = dir.path().join("s.sock");
    let config = format!("events {{}} http {{ server {{ listen unix:{}; return 200 ok; }} }}", path.display());
    let dir = dir_with(&config);
    let config = dir.path().join("webserv.conf");
    let place = ["-p", dir.path().to_str().unwrap(), "-c", config.to_str().unwrap(), "-g", "pid given.pid;"];
    let process = Process::start(&place.map(String::from), dir.path(), None);
    let written = || std::fs::read_to_string(dir.path().join("given.pid")).ok().filter(|text| text.ends_with('\n'));
    assert_eq!(wait_for("given.pid", written).trim(), process.pid().to_string());
}

#[test]
fn the_error_log_from_the_command_line() {
    let setup = Setup::new("", &[]);
    let socket = setup.path("s.sock");
    let config = format!("pid a.pid; events {{}} http {{ server {{ listen unix:{}; }} }}", socket.display());
    setup.write("webserv.conf", config.as_bytes());
    let (dir, log, config) = (setup.dir.path(), setup.path("early.log"), setup.path("webserv.conf"));
    let arguments = ["-p", dir.to_str().unwrap(), "-c", config.to_str().unwrap(), "-e", log.to_str().unwrap()];
    let _process = Process::start(&arguments.map(String::from), dir, None);
    let address = format!("unix:{}", socket.display());
    let mut client = wait_for("the socket", || Client::try_connect(&address).ok());
    client.get("/absent-file").expect(404, "/absent-file");
    wait_for("the line", || std::fs::read_to_string(&log).ok().filter(|text| text.contains("/absent-file")));
    // A log that the configuration names stays, as in nginx.
    setup.write("webserv.conf", b"error_log named.log; events {} http { server { listen 127.0.0.1:0; } }");
    let check = [&arguments[..], &["-t"]].concat();
    assert_eq!(run(&check, dir).status.code(), Some(0));
    std::fs::remove_file(&log).unwrap();
    let _process = Process::start(&arguments.map(String::from), dir, None);
    wait_for("the log that is named", || setup.path("named.log").exists().then_some(()));
    assert!(!log.exists());
}

#[test]
fn signals_by_name() {
    for name in ["stop", "quit"] {
        let mut s = site("", &[("ok.txt", b"ok")]);
        assert_eq!(s.text("webserv.pid").trim(), s.process.pid().to_string(), "the pid file");
        let output = webserv(&s.dir, &["-s", name]);
        assert_eq!(output.status.code(), Some(0), "-s {name}: {}", said(&output));
        assert!(s.process.exit().success(), "-s {name}");
        assert!(!s.path("webserv.pid").exists(), "the pid file goes with the server");
        let again = webserv(&s.dir, &["-s", name]);
        assert_eq!(again.status.code(), Some(1), "-s {name} with no server: {}", said(&again));
        assert!(said(&again).contains("webserv.pid"), "{}", said(&again));
    }
    let s = site("return 200 old;", &[]);
    s.rewrite("error_log stderr notice;", &host("return 200 new;"));
    let output = webserv(&s.dir, &["-s", "reload"]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    wait_for("the new configuration", || (s.get("/").text() == "new").then_some(()));
}

#[test]
fn a_port_that_is_taken_is_refused_clearly() {
    let first = site("return 200 first;", &[]);
    let http = format!("server {{ listen 127.0.0.1:{}; return 200 second; }}", first.port());
    let output = webserv(&dir_with_http(&http), &[]);
    let text = said(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains(&first.addresses[0]) && text.contains("Address already in use"), "{text}");
    assert_eq!(first.get("/").text(), "first");
}

#[test]
fn a_folder_is_served_at_once() {
    let dir = TempDir::new();
    std::fs::write(dir.path().join("a.txt"), "from the folder").unwrap();
    let at = dir.path().to_str().unwrap();
    for (folder, bind) in [(at, "127.0.0.1"), (".", "127.0.0.1"), (".", "127.0.0.2")] {
        let arguments = [folder, "--port", "0", "--bind", bind].map(String::from);
        let mut process = Process::start(&arguments, dir.path(), None);
        let address = wait_for("its address", || {
            assert_eq!(process.exit_within(Default::default()), None, "it ended: {}", process.stderr());
            let text = process.stderr();
            let whole = &text[..text.rfind('\n')? + 1];
            Some(whole.split("listening on ").nth(1)?.split([' ', ',', '\n']).next()?.to_owned())
        });
        assert!(address.starts_with(bind), "{address}");
        let response = Client::connect(&address).get("/a.txt").expect(200, "/a.txt");
        assert_eq!(response.text(), "from the folder", "webserv {folder} --port 0: {response}");
        // The folder is listed, and each request is a line.
        let listing = Client::connect(&address).get("/").expect(200, "/");
        assert!(listing.text().contains("href=\"a.txt\""), "{listing}");
        for line in ["\"GET /a.txt HTTP/1.1\" 200 15", "\"GET / HTTP/1.1\" 200 "] {
            wait_for(line, || process.stdout().contains(line).then_some(()));
        }
        let mut other = Client::connect(&address);
        other.send("GET /a.txt HTTP/1.1\r\nHost: rebound.example\r\n\r\n");
        other.response().expect(421, "a page of another site, by a name that leads here");
        process.signal("TERM");
        assert!(process.exit().success());
    }
}

/// A bug: the server started without the folder, and refused the first large body.
#[test]
fn a_folder_for_bodies_was_missing_until_it_was_needed() {
    let missing = "the folder around it does not exist; create it";
    for (path, told) in
        [("none/bodies", missing), ("webserv.conf", "there is a file of this name"), ("webserv.conf/x", missing)]
    {
        let dir = dir_with_http(&host(&format!("client_body_temp_path {path};")));
        for arguments in [&["-t"][..], &["-t", "-q"], &[]] {
            let output = webserv(&dir, arguments);
            let text = said(&output);
            assert_eq!(output.status.code(), Some(1), "{path} {arguments:?}: {text}");
            assert!(text.contains("webserv.conf:3: ") && text.contains(path) && text.contains(told), "{path}: {text}");
        }
    }
    let config = host("client_body_temp_path bodies; location /a { client_body_temp_path ./more 1 2; }");
    let dir = dir_with_http(&config);
    assert_eq!(webserv(&dir, &["-t"]).status.code(), Some(0));
    assert!(!dir.path().join("bodies").exists(), "a check makes nothing");
    let s = Setup::new(&config, &[("ok.txt", b"ok")]).start();
    for folder in ["bodies", "more"] {
        let mode = std::os::unix::fs::PermissionsExt::mode(&s.path(folder).metadata().unwrap().permissions());
        assert_eq!(mode & 0o7777, 0o700, "{folder}");
    }
    s.write("webserv.conf", s.text("webserv.conf").replace("bodies", "later").as_bytes());
    s.process.signal("HUP");
    wait_for("the folder of the new configuration", || s.path("later").is_dir().then_some(()));
    s.write("webserv.conf", s.text("webserv.conf").replace("later", "none/such").as_bytes());
    s.process.signal("HUP");
    s.wait_said("the folder around it does not exist");
    s.assert_alive("a folder that cannot be made");
}

//! Programs, and the methods and bodies of requests.

use super::*;
use crate::config::{BodyInFile, Cgi, CgiPass, CgiQueue, PathInfo};
use crate::http::Method;
use std::path::PathBuf;
use std::time::Duration;

fn in_location(directives: &str) -> Arc<Settings> {
    settings_at(&load(&format!("http {{ server {{ listen 80; location /p/ {{ {directives} }} }} }}")), "/p/x")
}

fn cgi_of(directives: &str) -> Cgi {
    let settings = in_location(directives);
    Cgi::clone(settings.cgi.as_ref().unwrap_or_else(|| panic!("no program answers: {directives}")))
}

/// The message, without the place.
fn fault(directives: &str) -> String {
    let found = headlines(&format!("http {{ server {{ location /p/ {{ {directives} }} }} }}"));
    assert_eq!(found.len(), 1, "{directives}: {found:?}");
    found[0].splitn(4, ':').nth(3).unwrap().trim_start().to_owned()
}

#[test]
fn defaults() {
    let settings = in_location("");
    assert!(settings.cgi.is_none() && settings.methods.is_none() && settings.limit_except.is_none());
    assert_eq!(settings.client_body_buffer_size, 128 << 10);
    assert_eq!(settings.client_body_in_file_only, BodyInFile::Off);
    assert!(settings.client_body_temp_path.is_absolute());
    let working_directory = std::env::current_dir().unwrap();
    assert_eq!(cgi_of("cgi on;"), Cgi { working_directory, ..Cgi::default() });
    let Cgi { timeout, idle_timeout, processes_max, request_buffering, path_info, .. } = Cgi::default();
    assert_eq!((timeout, idle_timeout), (Duration::from_secs(60), Duration::from_secs(30)));
    assert_eq!((processes_max, request_buffering, path_info), (64, true, PathInfo::Rest));
    assert_eq!(Cgi::default().queue, CgiQueue { requests_max: 256, timeout: Duration::from_secs(60) });
}

#[test]
fn each_directive_sets_its_value() {
    type Show = fn(&Cgi) -> String;
    let extensions: Show = |c| c.extensions.join(" ");
    let interpreters: Show =
        |c| c.interpreters.iter().map(|(e, p)| format!("{e}={} ", p.display())).collect::<String>().trim_end().into();
    let params: Show = |c| {
        let shown = c.params.iter().map(|p| format!("{}={:?}", p.name, p.value.as_text()));
        shown.collect::<Vec<_>>().join(" ")
    };
    let rlimits: Show = |c| {
        let shown = c.rlimits.iter().map(|(resource, limit)| format!("{resource:?}={limit}"));
        shown.collect::<Vec<_>>().join(" ")
    };
    let queue: Show = |c| format!("{} {:?}", c.queue.requests_max, c.queue.timeout);
    let table: [(&str, Show, &str); 28] = [
        ("cgi on;", |c| format!("{:?}", c.pass), "None"),
        ("cgi_extension .py;", extensions, ".py"),
        ("cgi_extension .PY .tar.gz; cgi_extension .é;", extensions, ".py .tar.gz .é"),
        ("cgi_interpreter .py /usr/bin/python3;", interpreters, ".py=/usr/bin/python3"),
        ("cgi_interpreter .Py bin/py; cgi_interpreter .pl ./pl;", interpreters, ".py=/srv/bin/py .pl=/srv/pl"),
        ("cgi_param A b;", params, "A=Some(\"b\")"),
        ("cgi_param _a1 \"\"; cgi_param HTTP_PROXY \"x y\";", params, "_a1=Some(\"\") HTTP_PROXY=Some(\"x y\")"),
        ("cgi_param A ${uri}x;", params, "A=None"),
        ("cgi_timeout 5m;", |c| format!("{:?}", c.timeout), "300s"),
        ("cgi_idle_timeout 500ms;", |c| format!("{:?}", c.idle_timeout), "500ms"),
        ("cgi_path_info uri;", |c| format!("{:?}", c.path_info), "Uri"),
        ("cgi_path_info on;", |c| format!("{:?}", c.path_info), "Rest"),
        ("cgi_request_buffering off;", |c| c.request_buffering.to_string(), "false"),
        ("cgi_intercept_errors on;", |c| c.intercept_errors.to_string(), "true"),
        ("cgi_hide_header X-A; cgi_hide_header x-b;", |c| c.hidden.join(" "), "x-a x-b"),
        ("cgi_hide_header X-A; cgi_hide_header x-b; cgi_pass_header X-B;", |c| c.hidden.join(" "), "x-a"),
        ("cgi_max_processes 7;", |c| c.processes_max.to_string(), "7"),
        ("cgi_queue 7;", queue, "7 60s"),
        ("cgi_queue 0;", queue, "0 60s"),
        ("cgi_queue 9 timeout=1h;", queue, "9 3600s"),
        ("cgi_rlimit cpu 10;", rlimits, "Cpu=10"),
        ("cgi_rlimit cpu 1m;", rlimits, "Cpu=60"),
        ("cgi_rlimit as 1g;", rlimits, "AddressSpace=1073741824"),
        ("cgi_rlimit nofile 3;", rlimits, "OpenFiles=3"),
        ("cgi_rlimit fsize 1m;", rlimits, "FileSize=1048576"),
        ("cgi_rlimit core 0;", rlimits, "Core=0"),
        ("cgi_rlimit nproc 9;", rlimits, "Processes=9"),
        ("cgi_rlimit cpu 1; cgi_rlimit core 8k;", rlimits, "Cpu=1 Core=8192"),
    ];
    for (directives, show, expected) in table {
        let directives = directives.strip_prefix("cgi on;").unwrap_or(directives);
        assert_eq!(show(&cgi_of(&format!("cgi on; {directives}"))), expected, "{directives}");
        assert_eq!(show(&cgi_of(&format!("{directives} cgi on;"))), expected, "the order does not matter");
    }
}

#[test]
fn which_program_answers() {
    let pass = |location: &str, directives: &str| {
        let config = load(&format!("http {{ server {{ listen 80; location {location} {{ {directives} }} }} }}"));
        let locations = &servers(&config)[0].locations;
        let location = locations.named.get("@x").or_else(|| locations.find(b"/p/x")).unwrap();
        location.settings.cgi.as_ref().unwrap().pass.clone()
    };
    let expected = |program: &str, prefix_bytes| Some(CgiPass { program: PathBuf::from(program), prefix_bytes });
    assert_eq!(pass("/p/", "cgi_pass /usr/bin/x;"), expected("/usr/bin/x", 3));
    assert_eq!(pass("/", "cgi_pass tester;"), expected("/srv/tester", 1));
    assert_eq!(pass("= /p/x", "cgi_pass a/b;"), expected("/srv/a/b", 4));
    assert_eq!(pass("@x", "cgi_pass /x;"), expected("/x", 0));
    assert_eq!(pass("/p", "cgi_pass /x; location /p/x { etag off; }"), expected("/x", 2), "inherited with its prefix");
    assert_eq!(pass("/p", "cgi_pass /x; location /p/x { cgi on; }"), None, "the file itself again");
}

#[test]
fn inheritance() {
    let show = |cgi: &Option<Arc<Cgi>>| match cgi {
        None => "off".to_owned(),
        Some(cgi) => {
            let params: Vec<&str> = cgi.params.iter().map(|param| &param.name[..]).collect();
            let extensions = cgi.extensions.join("");
            format!("{} {} {}s {}", extensions, params.join(""), cgi.timeout.as_secs(), cgi.rlimits.len())
        }
    };
    let table = [
        ("cgi on;", "", "", "  60s 0"),
        ("cgi on;", "", "cgi off;", "off"),
        ("", "cgi_extension .a; cgi_timeout 5;", "cgi on;", ".a  5s 0"),
        ("cgi_param A 1; cgi_param B 2;", "cgi on;", "", " AB 60s 0"),
        ("cgi_param A 1; cgi_param B 2;", "cgi on;", "cgi_param C 3;", " C 60s 0"),
        ("cgi_extension .a;", "cgi_extension .b; cgi_extension .c;", "cgi_pass x;", ".b.c  60s 0"),
        ("cgi_rlimit cpu 1; cgi_rlimit as 1m;", "cgi on; cgi_rlimit cpu 2;", "", "  60s 1"),
        ("cgi on; cgi_timeout 1;", "", "cgi_timeout 2;", "  2s 0"),
        ("cgi_timeout 1;", "", "", "off"),
    ];
    for (http, server, location, expected) in table {
        for text in [
            format!("http {{ {http} server {{ listen 80; {server} location /p/ {{ {location} }} }} }}"),
            format!("http {{ server {{ location /p/ {{ {location} }} listen 80; {server} }} {http} }}"),
        ] {
            assert_eq!(show(&settings_at(&load(&text), "/p/x").cgi), expected, "{text}");
        }
    }
}

#[test]
fn broken() {
    let no_extension = "is no extension; write it with its dot, as in .py";
    let no_variable = "is no variable of an environment: letters, digits and underscores make one";
    let table = [
        ("cgi yes;", "\"yes\" is neither \"on\" nor \"off\"".to_owned()),
        ("cgi on; cgi_pass x;", "\"cgi_pass\" and \"cgi\" exclude each other, first at site.conf:1:32".into()),
        ("cgi_pass x; cgi off;", "\"cgi\" and \"cgi_pass\" exclude each other, first at site.conf:1:32".into()),
        ("cgi_pass \"\";", "this value is empty".into()),
        ("cgi_pass bin/;", "\"bin/\" is a folder, not a program".into()),
        ("cgi_pass $uri;", "variables are not supported in this path".into()),
        ("cgi_extension py;", format!("\"py\" {no_extension}")),
        ("cgi_extension .;", format!("\".\" {no_extension}")),
        ("cgi_extension ./py;", format!("\"./py\" {no_extension}")),
        ("cgi_extension .a .A;", "the extension \".A\" is given twice".into()),
        ("cgi_interpreter py /usr/bin/python3;", format!("\"py\" {no_extension}")),
        (
            "cgi_interpreter .py python3;",
            "\"python3\" is not looked up in PATH; write where it is, as in /usr/bin/python3".into(),
        ),
        ("cgi_interpreter .py /a; cgi_interpreter .PY /b;", "\".PY\" has an interpreter already".into()),
        ("cgi_param 1A b;", format!("\"1A\" {no_variable}")),
        ("cgi_param A=B b;", format!("\"A=B\" {no_variable}")),
        ("cgi_param A-B b;", format!("\"A-B\" {no_variable}")),
        ("cgi_param \"\" b;", "this value is empty".into()),
        ("cgi_param A $urii;", "unknown variable \"$urii\", did you mean \"$uri\"?".into()),
        ("cgi_timeout 0;", "this time must be longer than 0".into()),
        ("cgi_idle_timeout 0ms;", "this time must be longer than 0".into()),
        ("cgi_path_info off;", "unknown value \"off\"; accepted: on, uri".into()),
        ("cgi_intercept_errors 1;", "\"1\" is neither \"on\" nor \"off\"".into()),
        ("cgi_hide_header \"a b\";", "\"a b\" is no name of a field".into()),
        ("cgi_pass_header a:;", "\"a:\" is no name of a field".into()),
        ("cgi_request_buffering 1;", "\"1\" is neither \"on\" nor \"off\"".into()),
        ("cgi_max_processes 0;", "\"0\" is not a whole number from 1 to 100000".into()),
        ("cgi_queue off;", "\"off\" is not a whole number from 0 to 1000000".into()),
        ("cgi_queue 1 timeout=0;", "this time must be longer than 0".into()),
        ("cgi_queue 1 time=1;", "unknown value \"time=1\"; accepted: timeout=TIME".into()),
        ("cgi_rlimit stack 1;", "unknown resource \"stack\"; accepted: cpu, as, nofile, fsize, core, nproc".into()),
        ("cgi_rlimit cpu 0;", "\"0\" is no number of whole seconds from 1 on".into()),
        ("cgi_rlimit cpu 1500ms;", "\"1500ms\" is no number of whole seconds from 1 on".into()),
        ("cgi_rlimit nofile 2;", "\"2\" is not a whole number from 3 to 1073741824".into()),
        ("cgi_rlimit nproc 0;", "\"0\" is not a whole number from 1 to 1073741824".into()),
        ("cgi_rlimit core 1; cgi_rlimit core 2;", "\"core\" is limited already".into()),
        ("client_body_buffer_size 1;", "\"1\" is not a size from 64 bytes to 16384k".into()),
        ("client_body_temp_path \"\";", "this path is empty".into()),
        ("client_body_temp_path tmp 4;", "\"4\" is not a whole number from 1 to 3".into()),
        ("client_body_in_file_only yes;", "unknown value \"yes\"; accepted: off, on, clean".into()),
    ];
    for (directives, expected) in table {
        assert_eq!(fault(directives), expected, "{directives}");
    }
    let found = headlines("http { server { cgi_pass x; } }");
    assert_eq!(found, ["site.conf:1:17: \"cgi_pass\" is not allowed in \"server\"; it belongs in \"location\""]);
}

#[test]
fn methods() {
    let table = [
        ("methods GET;", "GET"),
        ("methods GET HEAD POST PUT DELETE OPTIONS PATCH;", "GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH"),
        ("methods GET MKCOL COPY MOVE;", "GET, MKCOL, COPY, MOVE"),
        ("methods post get get;", "GET, POST"),
    ];
    for (directive, allow) in table {
        assert_eq!(in_location(directive).methods.unwrap().allow(), allow, "{directive}");
    }
    let accepted = "accepted: GET, POST, PUT, DELETE, HEAD, OPTIONS, PATCH, MKCOL, COPY, MOVE, PROPFIND, PROPPATCH, \
                    LOCK, UNLOCK";
    let settings = in_location("methods GET REPORT version-control; limit_except GET { deny all; }");
    assert_eq!(
        (settings.methods.unwrap().allow(), settings.extension_methods.join(" ")),
        ("GET".into(), "REPORT VERSION-CONTROL".into())
    );
    for wrong in ["\"A B\"", "A/B", "A123456789012345678901234567890123"] {
        assert!(fault(&format!("methods {wrong};")).starts_with("unknown method"), "{wrong}");
    }
    assert_eq!(fault("methods GTE;"), format!("unknown method \"GTE\", did you mean \"GET\"? {accepted}"));
    assert_eq!(fault("methods GET TRACE;"), format!("unknown method \"TRACE\"; {accepted}"));
    assert_eq!(fault("methods;"), "\"methods\" takes at least 1 value, not 0, as in: methods GET HEAD POST;");
    let config = load("http { methods GET; server { listen 80; location /a { methods PUT; } } }");
    assert!(settings_at(&config, "/").methods.unwrap().contains(Method::Get));
    assert!(!settings_at(&config, "/a").methods.unwrap().contains(Method::Get));
}

#[test]
fn bodies() {
    let settings = in_location("client_body_buffer_size 1m; client_body_temp_path tmp;");
    assert_eq!(settings.client_body_buffer_size, 1 << 20);
    assert_eq!(settings.client_body_temp_path, PathBuf::from("/srv/tmp"));
    let settings = in_location("client_body_temp_path tmp 1 2; client_body_in_file_only clean;");
    assert_eq!(settings.client_body_temp_path, PathBuf::from("/srv/tmp"));
    assert_eq!(settings.client_body_in_file_only, BodyInFile::Clean);
    assert_eq!(in_location("client_body_in_file_only on;").client_body_in_file_only, BodyInFile::On);
}

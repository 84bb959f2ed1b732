//! Files that include files.

use super::*;
use crate::config::EtagForm;
use std::fs;
use std::path::PathBuf;

/// A directory that is removed at the end of its test.
struct Temporary(PathBuf);

impl Temporary {
    fn new(name: &str, files: &[(&str, &str)]) -> Self {
        let path = std::env::temp_dir().join(format!("webserv-config-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        for (file, text) in files {
            let file = path.join(file);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
        Temporary(path)
    }

    /// Loads `main.conf`; problems as headlines with the directory taken off.
    fn load(&self) -> Result<Config, Vec<String>> {
        let here = format!("{}/", self.0.display());
        Config::load(&self.0.join("main.conf"), Path::new("/srv"), "")
            .map_err(|errors| errors.problems.iter().map(|p| p.headline().replace(&here, "")).collect())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn plain_and_glob() {
    let files = Temporary::new(
        "glob",
        &[
            ("main.conf", "include top.conf; http { include types; include sites/*.conf; include none/*.conf; }"),
            ("top.conf", "\u{feff}daemon on;\r\n"),
            ("types", "types { include more/types.*; }"),
            ("more/types.1", "a/a a;"),
            ("more/types.2", "b/b b;"),
            // Sorted by name, whatever the order on the disk.
            ("sites/20-b.conf", "server { listen 80; server_name b; include ../settings; }"),
            ("sites/10-a.conf", "server { listen 80; server_name a; include settings; }"),
            ("sites/.hidden.conf", "this is not read"),
            ("sites/c.conf~", "nor is this"),
            ("settings", "etag off;"),
        ],
    );
    // Included names are relative to the main file, not to the one that they stand in.
    let error = files.load().unwrap_err();
    assert!(error[0].starts_with("sites/20-b.conf:1:44: cannot read \"../settings\": "), "{error:?}");
    fs::write(files.0.join("sites/20-b.conf"), "server { listen 80; server_name b; }").unwrap();
    let config = files.load().unwrap();
    assert!(config.daemon);
    let names: Vec<&str> = servers(&config).iter().map(|server| server.name()).collect();
    assert_eq!(names, ["a", "b"]);
    assert_eq!((servers(&config)[0].settings.etag, servers(&config)[1].settings.etag), (EtagForm::Off, EtagForm::On));
    assert_eq!(settings_at(&config, "/").types.len(), 2);
    assert_eq!(settings_at(&config, "/").root, Path::new("/srv/html"));
}

#[test]
fn a_file_that_is_included_twice_is_dumped_once() {
    let main = "http { include a; server { listen 80; include a; } }";
    let config = Temporary::new("twice", &[("main.conf", main), ("a", "include b;"), ("b", "")]).load().unwrap();
    let names = config.texts.iter().map(|(name, _)| name.rsplit('/').next().unwrap_or_default()).collect::<Vec<_>>();
    assert_eq!(names, ["main.conf", "a", "b"]);
}

#[test]
fn faults_name_the_included_file() {
    let table = [
        (
            "http {\n include inner; }",
            "lisen 1;",
            "inner:1:1: unknown directive \"lisen\", did you mean \"listen\"? it belongs in \"server\"",
        ),
        ("http { include inner; }", "server {", "inner:1:8: missing \"}\": this block is never closed"),
        ("http { include inner; }", "}", "inner:1:1: unexpected \"}\": no block is open here"),
        ("http { include inner; }", "etag on", "inner:1:6: missing \";\" after \"on\""),
        (
            "http { etag on; include inner; }",
            "\n etag on;",
            "inner:2:2: \"etag\" is given twice, first at main.conf:1:8",
        ),
        ("include inner;", "include inner;", "inner:1:9: \"inner\" includes itself"),
        ("include inner;", "include main.conf;", "inner:1:9: \"main.conf\" includes itself"),
        ("include inner;", "include *;", "inner:1:9: \"inner\" includes itself"),
    ];
    for (index, (main, inner, expected)) in table.into_iter().enumerate() {
        let files = Temporary::new(&format!("fault-{index}"), &[("main.conf", main), ("inner", inner)]);
        assert_eq!(files.load().unwrap_err()[0], expected, "{main} {inner}");
    }
}

#[test]
fn files_that_cannot_be_read() {
    let missing = Path::new("/nonexistent/main.conf");
    let errors = Config::load(missing, Path::new("/srv"), "").unwrap_err();
    let expected = "/nonexistent/main.conf: cannot be read: No such file or directory (os error 2)";
    assert_eq!(errors.to_string(), expected);

    let files = Temporary::new("unreadable", &[("main.conf", "include binary;"), ("sub/x", "")]);
    fs::write(files.0.join("binary"), b"daemon on;\n\xff\xfe").unwrap();
    assert_eq!(files.load().unwrap_err(), ["binary:2:1: this is not UTF-8 text; save the file in UTF-8"]);
    fs::write(files.0.join("binary"), b"daemon on; # \xe4\nhttp { server { listen 80; } }").unwrap();
    assert!(files.load().is_ok(), "a comment in another encoding");
    fs::write(files.0.join("binary"), vec![b' '; (4 << 20) + 1]).unwrap();
    assert_eq!(files.load().unwrap_err(), ["main.conf:1:9: cannot read \"binary\": it is larger than 4 MiB"]);
    fs::write(files.0.join("main.conf"), "include sub;").unwrap();
    assert!(files.load().unwrap_err()[0].starts_with("main.conf:1:9: cannot read \"sub\": Is a directory"));
}

#[test]
fn depth_and_number_are_limited() {
    let chain: Vec<(String, String)> = (0..20)
        .map(|i| (format!("c{i}"), format!("include c{};", i + 1)))
        .chain([("c20".into(), String::new())])
        .collect();
    let mut files: Vec<(&str, &str)> = chain.iter().map(|(name, text)| (&name[..], &text[..])).collect();
    files.push(("main.conf", "include c0;"));
    let files = Temporary::new("deep", &files);
    assert_eq!(files.load().unwrap_err(), ["c14:1:9: more than 16 files including one another"]);

    // Each of ten files includes ten others, twelve levels deep.
    let wide: Vec<(String, String)> = (0..12)
        .flat_map(|level| (0..10).map(move |i| (format!("{level}/{i}"), format!("include {}/*;", level + 1))))
        .collect();
    let mut files: Vec<(&str, &str)> = wide.iter().map(|(name, text)| (&name[..], &text[..])).collect();
    files.push(("main.conf", "include 0/*;"));
    let files = Temporary::new("wide", &files);
    assert!(files.load().unwrap_err()[0].ends_with("more than 1000 files in one configuration"));
}

/// nginx's files are inside the program: a configuration finds them by name, also in nginx's own folder.
#[test]
fn built_in_texts_are_found_where_there_is_no_file() {
    let site = |directives: &str| format!("http {{ server {{ listen 80; location /p/ {{ {directives} }} }} }}");
    let names = |config: &Config| {
        let gateway = settings_at(config, "/p/x").gateway.clone().expect("requests are passed on");
        gateway.rules.params.iter().map(|param| param.name.clone()).collect::<Vec<_>>()
    };
    for (pass, included, count, some) in [
        ("fastcgi_pass 127.0.0.1:1;", "fastcgi_params", 19, "REDIRECT_STATUS"),
        ("fastcgi_pass 127.0.0.1:1;", "/no/such/folder/fastcgi_params", 19, "SCRIPT_NAME"),
        ("fastcgi_pass 127.0.0.1:1;", "fastcgi.conf", 20, "SCRIPT_FILENAME"),
        ("fastcgi_pass 127.0.0.1:1;", "snippets/fastcgi-php.conf", 21, "PATH_INFO"),
        ("scgi_pass 127.0.0.1:1;", "scgi_params", 14, "SCGI"),
        ("uwsgi_pass 127.0.0.1:1;", "uwsgi_params", 14, "CONTENT_LENGTH"),
        ("proxy_pass http://127.0.0.1:1;", "proxy_params", 4, "Host"),
    ] {
        let text = site(&format!("{pass} include {included};"));
        let files = Temporary::new("built-in", &[("main.conf", &text)]);
        let found = names(&files.load().expect("it is right"));
        assert!(found.len() == count && found.iter().any(|name| name == some), "{included}: {found:?}");
        assert_eq!(names(&load(&text)), found, "of a text that is no file");
    }
    let text = site("scgi_pass 127.0.0.1:1; include scgi_params;");
    let files = Temporary::new("own", &[("main.conf", &text), ("scgi_params", "scgi_param OWN 1;")]);
    assert_eq!(names(&files.load().expect("it is right")), ["OWN"], "a file that is there is meant");
}

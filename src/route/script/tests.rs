use super::*;
use crate::config::Alias;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::sync::Arc;

/// A folder with a few files, removed at the end.
struct Site(PathBuf);

impl Site {
    /// `name` is the name of the test.
    fn new(name: &str) -> Site {
        let root = std::env::temp_dir().join(format!("webserv-script-{}-{name}", std::process::id()));
        for folder in ["cgi-bin/deep", "dir.py", "secret"] {
            fs::create_dir_all(root.join(folder)).unwrap();
        }
        for file in ["a.py", "A.PL", "page.html", "cgi-bin/run", "cgi-bin/deep/b.py", "dir.py/c.py", ".py"] {
            fs::write(root.join(file), "").unwrap();
        }
        symlink(root.join("a.py"), root.join("link.py")).unwrap();
        symlink(root.join("cgi-bin"), root.join("linked")).unwrap();
        Site(root)
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }

    fn settings(&self, cgi: Cgi) -> Settings {
        Settings { root: self.0.clone(), cgi: Some(Arc::new(cgi)), ..Settings::default() }
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// `SCRIPT_NAME|PATH_INFO file`, with the file relative to the site; "-" if no program answers.
fn shown(settings: &Settings, path: &str) -> String {
    match find(settings, path.as_bytes()) {
        Err(error) if error.is_forbidden() => "forbidden".to_owned(),
        Err(error) => error.to_string(),
        Ok(None) => "-".to_owned(),
        Ok(Some(script)) => {
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
            let file = text(&script.file).replace(&format!("{}/", settings.root.display()), "");
            format!("{}|{} {file}", text(&script.script_name), text(&script.path_info))
        }
    }
}

fn with_extensions(extensions: &[&str]) -> Cgi {
    Cgi { extensions: extensions.iter().map(|e| (*e).to_owned()).collect(), ..Cgi::default() }
}

/// RFC 3875 section 3.3: SCRIPT_NAME and PATH_INFO together are the URL's path.
#[test]
fn the_path_is_walked() {
    let site = Site::new("walk");
    let settings = site.settings(Cgi::default());
    for (path, expected) in [
        ("/a.py", "/a.py| a.py"),
        ("/a.py/", "/a.py|/ a.py"),
        ("/a.py/x/y.py", "/a.py|/x/y.py a.py"),
        ("/a.py//x", "/a.py|//x a.py"),
        ("/page.html", "/page.html| page.html"),
        ("/cgi-bin/run", "/cgi-bin/run| cgi-bin/run"),
        ("/cgi-bin/run/deep/b.py", "/cgi-bin/run|/deep/b.py cgi-bin/run"),
        ("/cgi-bin/deep/b.py/..x", "/cgi-bin/deep/b.py|/..x cgi-bin/deep/b.py"),
        ("/dir.py/c.py/x", "/dir.py/c.py|/x dir.py/c.py"),
        ("/linked/run/x", "/linked/run|/x linked/run"),
        ("/", "-"),
        ("/cgi-bin", "-"),
        ("/cgi-bin/", "-"),
        ("/cgi-bin/none", "-"),
        ("/cgi-bin/none/run", "-"),
        ("/nothing/at/all", "-"),
    ] {
        assert_eq!(shown(&settings, path), expected, "{path}");
    }
}

#[test]
fn only_names_with_the_extension_count() {
    let site = Site::new("extensions");
    let settings = site.settings(with_extensions(&[".py", ".pl"]));
    for (path, expected) in [
        ("/a.py", "/a.py| a.py"),
        ("/a.py/page.html", "/a.py|/page.html a.py"),
        ("/A.PL/x", "/A.PL|/x A.PL"),
        ("/dir.py/c.py/d.py", "/dir.py/c.py|/d.py dir.py/c.py"),
        ("/.py", "/.py| .py"),
        ("/dir.py", "-"),
        ("/dir.py/", "-"),
        ("/page.html", "-"),
        ("/page.html/a.py", "-"),
        ("/cgi-bin/run", "-"),
        ("/none.py", "-"),
        ("/none.py/a.py", "-"),
        ("/a.pyx", "-"),
        ("/apy", "-"),
        ("/py", "-"),
        ("/", "-"),
    ] {
        assert_eq!(shown(&settings, path), expected, "{path}");
        let (may, expected) = (script_may(&settings, path), path.contains(".py") && path != "/a.pyx");
        assert_eq!(may, expected || path.contains(".PL"), "{path}");
    }
    assert!(!script_may(&Settings::default(), "/a.py"), "no program answers there");
    assert_eq!(find(&Settings::default(), b"/a.py"), Ok(None));
}

fn script_may(settings: &Settings, path: &str) -> bool {
    may_answer(settings, path.as_bytes())
}

#[test]
fn the_whole_path_as_path_info() {
    let site = Site::new("uri");
    let settings = site.settings(Cgi { path_info: PathInfo::Uri, ..Cgi::default() });
    assert_eq!(shown(&settings, "/a.py/x"), "/a.py|/a.py/x a.py");
    assert_eq!(shown(&settings, "/a.py"), "/a.py|/a.py a.py");
}

#[test]
fn aliases() {
    let site = Site::new("alias");
    let alias = |path: &str, prefix_bytes| {
        let alias = Some(Alias { path: site.0.join(path), prefix_bytes });
        Settings { alias, ..site.settings(Cgi::default()) }
    };
    assert_eq!(shown(&alias("cgi-bin/", 3), "/x/run/y"), "/x/run|/y cgi-bin/run");
    assert_eq!(shown(&alias("cgi-bin/", 5), "/x/y/deep/b.py"), "/x/y/deep/b.py| cgi-bin/deep/b.py");
    assert_eq!(shown(&alias("a.py", 2), "/x/y"), "/x|/y a.py");
    assert_eq!(shown(&alias("a.py", 2), "/x"), "/x| a.py");
    assert_eq!(shown(&alias("cgi-bin/", 2), "/x../a.py"), "-", "an alias leads nowhere else");
}

#[test]
fn links_are_followed_as_disable_symlinks_allows() {
    let site = Site::new("links");
    let settings = |links| Settings { disable_symlinks: links, ..site.settings(Cgi::default()) };
    let on = settings(DisableSymlinks::On);
    assert_eq!(shown(&on, "/link.py"), "forbidden");
    assert_eq!(shown(&on, "/linked/run"), "forbidden");
    assert_eq!(shown(&on, "/linked/run/x"), "forbidden");
    assert_eq!(shown(&on, "/a.py/x"), "/a.py|/x a.py");
    assert_eq!(shown(&on, "/cgi-bin/"), "-");
    let owner = settings(DisableSymlinks::IfNotOwner);
    assert_eq!(shown(&owner, "/link.py/x"), "/link.py|/x link.py");
    assert_eq!(shown(&owner, "/linked/run"), "/linked/run| linked/run");
}

#[test]
fn what_is_started() {
    let site = Site::new("start");
    let interpreters = vec![(".py".to_owned(), PathBuf::from("/usr/bin/python3"))];
    let settings = site.settings(Cgi { interpreters, ..Cgi::default() });
    let started = |path: &str| {
        let script = find(&settings, path.as_bytes()).unwrap().unwrap();
        let text = |c: &CString| c.to_str().unwrap().to_owned();
        let arguments: Vec<String> = script.arguments.iter().map(text).collect();
        (text(&script.program), arguments.join(" "), text(&script.directory))
    };
    let (script, folder) = (site.path("cgi-bin/deep/b.py"), site.path("cgi-bin/deep"));
    let expected = ("/usr/bin/python3".to_owned(), format!("/usr/bin/python3 {script}"), folder);
    assert_eq!(started("/cgi-bin/deep/b.py/x"), expected);
    let (script, folder) = (site.path("cgi-bin/run"), site.path("cgi-bin"));
    assert_eq!(started("/cgi-bin/run"), (script.clone(), script, folder));
}

#[test]
fn a_program_that_is_passed_to() {
    let site = Site::new("pass");
    let pass = |prefix_bytes| Some(CgiPass { program: "/usr/bin/tool".into(), prefix_bytes });
    for (prefix_bytes, path, expected) in [
        (5, "/git/repo/info", "/git|/repo/info /usr/bin/tool"),
        (5, "/git/", "/git|/ /usr/bin/tool"),
        (4, "/git", "/git| /usr/bin/tool"),
        (4, "/git/x", "/git|/x /usr/bin/tool"),
        (4, "/github/x", "/github|/x /usr/bin/tool"),
        (1, "/any/path", "|/any/path /usr/bin/tool"),
        (1, "/", "|/ /usr/bin/tool"),
        (0, "/named", "|/named /usr/bin/tool"),
        (99, "/short", "/short| /usr/bin/tool"),
    ] {
        let settings = site.settings(Cgi { pass: pass(prefix_bytes), ..Cgi::default() });
        assert_eq!(shown(&settings, path), expected, "{path}");
        let script = find(&settings, path.as_bytes()).unwrap().unwrap();
        assert_eq!((&*script.program, script.arguments.len()), (c"/usr/bin/tool", 1));
        assert_eq!(&*script.directory, c"/usr/bin");
    }
    for (path, expected) in [
        ("/a.py", "/a.py| a.py"),
        ("/a.py/x.py", "/a.py|/x.py a.py"),
        ("/dir.py/c.py/x", "/dir.py/c.py|/x dir.py/c.py"),
        ("/link.py", "/link.py| link.py"),
        ("/none.py", "-"),
        ("/page.html/x.py", "-"),
        ("/cgi-bin/run/x.py", "-"),
        ("/dir.py/", "-"),
        ("/cgi-bin/run", "-"),
    ] {
        let mut settings = site.settings(Cgi { pass: pass(1), ..with_extensions(&[".py"]) });
        assert_eq!(shown(&settings, path), expected, "the script is a file that is there: {path}");
        settings.disable_symlinks = DisableSymlinks::On;
        assert_eq!(shown(&settings, path), if path == "/link.py" { "forbidden" } else { expected }, "{path}");
    }
    let uri = Cgi { path_info: PathInfo::Uri, ..with_extensions(&[".bla"]) };
    let settings = site.settings(Cgi { pass: pass(1), ..uri });
    for (path, expected, directory) in [
        ("/none/x.bla", "/none/x.bla|/none/x.bla none/x.bla", "/usr/bin".to_owned()),
        ("/cgi-bin/x.bla/y.bla", "/cgi-bin/x.bla|/cgi-bin/x.bla/y.bla cgi-bin/x.bla", site.path("cgi-bin")),
    ] {
        assert_eq!(shown(&settings, path), expected, "whether the file exists or not");
        let script = find(&settings, path.as_bytes()).unwrap().unwrap();
        assert_eq!(script.directory.to_str(), Ok(&directory[..]));
    }
    assert_eq!(shown(&settings, "/cgi-bin/run"), "-");
}

#[test]
fn relative_roots_become_absolute() {
    let cgi = Cgi { working_directory: "/base".into(), ..Cgi::default() };
    for (path, expected) in
        [("html/a", "/base/html/a"), ("./html/a", "/base/html/a"), (".", "/base"), ("././a", "/base/a"), ("/a", "/a")]
    {
        assert_eq!(absolute(&cgi, path.into()), expected.as_bytes(), "{path}");
    }
    for (file, expected) in [("/a", "/"), ("/a/b", "/a"), ("/a/b/c.py", "/a/b")] {
        assert_eq!(folder(file.as_bytes()), expected.as_bytes());
    }
}

/// A long path needs no more stat(2) calls than there are directories.
#[test]
fn long_paths() {
    let site = Site::new("long");
    let settings = site.settings(Cgi::default());
    for path in ["/x".repeat(100_000), format!("/{}", "x".repeat(10_000)), format!("/cgi-bin{}", "/".repeat(10_000))] {
        assert_eq!(find(&settings, path.as_bytes()), Ok(None));
    }
    let path = format!("/a.py{}", "/x".repeat(10_000));
    let script = find(&settings, path.as_bytes()).unwrap().unwrap();
    assert_eq!((&script.script_name[..], script.path_info.len()), (&b"/a.py"[..], 20_000));
}

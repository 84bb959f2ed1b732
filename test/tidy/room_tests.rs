//! The rules that look at paths and names across files, on small examples.

use super::*;

fn tree(files: &[(&str, &str)]) -> Vec<Source> {
    let mut files: Vec<_> = files.iter().map(|(path, text)| Source::new(path, text)).collect();
    scan::mark_test_files(&mut files);
    files
}

/// The faults that `rule` finds in these files, less what it says of the tables.
fn faults_of(rule: TreeRule, files: &[(&str, &str)]) -> Vec<String> {
    let mut faults = Vec::new();
    rule(&tree(files), &mut faults);
    faults.retain(|fault| fault.starts_with("src/"));
    faults.iter().map(|fault| fault.split(": ").next().unwrap_or_default().to_owned()).collect()
}

#[test]
fn paths_are_found() {
    let text = "use crate::log::Level;\n\
        use super::{\n  a::{self, B as C, *},\n  super::D,\n};\n\
        fn f() -> super::x::Y<u8> { crate::z::W::<u8>::new() } // crate::no\n\
        pub(super) fn g() {\n  super::h()\n}\n\
        #[cfg(test)]\nmod tests {\n  use super::*;\n}\n";
    let found = Source::new("src/p/q.rs", text).paths();
    let found: Vec<_> = found.iter().map(|(line, path)| format!("{line} {}", path.join("::"))).collect();
    let expected = ["0 crate::log::Level", "1 super::a", "1 super::a::B", "1 super::a", "1 super::super::D"];
    assert_eq!(found[..5], expected);
    assert_eq!(found[5..], ["5 crate::z::W", "5 super::x::Y", "7 super::h"]);
}

#[test]
fn paths_lead_to_modules() {
    let table = [
        ("src/a/b.rs", "super::c::D", "a::c::D"),
        ("src/a/b/mod.rs", "super::super::E", "E"),
        ("src/a/mod.rs", "super::e", "e"),
        ("src/a/b.rs", "crate::f::G", "f::G"),
    ];
    for (file, path, expected) in table {
        let from = Source::new(file, "").module_path().unwrap();
        let path: Vec<_> = path.split("::").map(str::to_owned).collect();
        assert_eq!(Source::from_root(&from, &path).join("::"), expected, "{file}");
    }
    assert_eq!(Source::new("sys/src/a.rs", "").module_path(), None);
    assert_eq!(Source::new("src/lib.rs", "").module_path(), Some(Vec::new()));
}

#[test]
fn circles_are_seen() {
    let two = [("src/a/b.rs", "use super::c::X;"), ("src/a/c.rs", "\nuse crate::a::b::Y;")];
    assert_eq!(faults_of(circles, &two), ["src/a/b.rs:1", "src/a/c.rs:2"]);
    // Three files, one of them an inner folder; and the last one only points at them.
    let three = [
        ("src/a/b.rs", "use super::c::X;"),
        ("src/a/c/mod.rs", ""),
        ("src/a/c/inner.rs", "use super::super::d;"),
        ("src/a/d.rs", "fn f() { super::b::g() }"),
        ("src/a/e.rs", "use super::{b, d};"),
    ];
    assert_eq!(faults_of(circles, &three), ["src/a/b.rs:1", "src/a/c/inner.rs:1", "src/a/d.rs:1"]);
    // A parent and its children are no circle, nor are tests.
    let parent = [
        ("src/a/mod.rs", "mod b;\nuse b::X;\npub struct Y;"),
        ("src/a/b.rs", "use super::Y;\nuse super::c::Z;"),
        ("src/a/c.rs", "#[cfg(test)]\nmod tests {\nuse super::super::b::X;\n}"),
    ];
    assert_eq!(faults_of(circles, &parent), [""; 0]);
    // A child that imports another child's name through their parent.
    let through_parent = [
        ("src/a/mod.rs", "mod b;\nmod c;\npub use c::{\n    X,\n    Y,\n};"),
        ("src/a/b.rs", "use super::Y;"),
        ("src/a/c.rs", "use super::b::Z;"),
    ];
    assert_eq!(faults_of(circles, &through_parent), ["src/a/b.rs:1", "src/a/c.rs:1"]);
    // The modules of src/ are files of one folder, too.
    let top = [("src/a/x.rs", "use crate::b::X;"), ("src/b/mod.rs", "use crate::a::Y;"), ("src/a/mod.rs", "")];
    assert_eq!(faults_of(circles, &top), ["src/a/x.rs:1", "src/b/mod.rs:1"]);
}

#[test]
fn rooms_of_tasks_use_only_rooms_below() {
    let table: &[(&str, &str, usize)] = &[
        ("src/task/http1/ask.rs", "use crate::task::{file::X, cgi};\nuse super::super::upload;", 0),
        ("src/task/file/read.rs", "use crate::task::{Context, handle_log_events};\nuse super::open;", 0),
        ("src/task/file/read.rs", "use crate::task::http1::Http1;", 1),
        ("src/task/dav/a/b.rs", "use super::super::super::upload;", 1),
        ("src/task/client/accept.rs", "use crate::task::server::Command;", 1),
        ("src/task/attic/a.rs", "", 1),
        ("src/task/timer.rs", "use super::file::X;", 0),
    ];
    for (path, text, count) in table {
        let mut faults = Vec::new();
        task_rooms(&Source::new(path, text), &mut faults);
        assert_eq!(faults.len(), *count, "{path}: {text}: {faults:?}");
    }
}

#[test]
fn rows_that_nobody_needs_are_seen() {
    let mut faults = Vec::new();
    rows_point_down(&tree(&[("src/listen.rs", "use crate::config::X;")]), &mut faults);
    assert_eq!(faults, ["MAY_USE: listen does not use sys"]);
}

#[test]
fn type_names_are_unique() {
    let files = [
        ("src/a.rs", "pub struct One;\nstruct Two;\nimpl T for One {\n    type Three = u8;\n}"),
        ("src/b.rs", "pub(super) enum Two {}\npub(in crate::x) type Three<T> = Vec<T>;\npub fn one() {}"),
        ("src/c.rs", "pub(crate) trait One {}\n#[cfg(test)]\nmod tests {\n    pub struct Two;\n}"),
    ];
    assert_eq!(faults_of(type_names, &files), ["src/c.rs:1"]);
}

#[test]
fn riddles_are_seen() {
    let table: &[(&str, &str, usize)] = &[
        ("src/password/a.rs", "/// The one to whom it belongs.", 1),
        ("src/password/a.rs", "// Newsletter, estimate, excellent", 0),
        ("src/password/a.rs", "let news = whom; // None is returned.", 0),
        ("src/password/a.rs", "/* `None`: there is none. */ // So many bytes", 2),
        ("test/a.rs", "// so many", 0),
    ];
    for (path, text, count) in table {
        let mut faults = Vec::new();
        plain_words(&Source::new(path, text), &mut faults);
        assert_eq!(faults.len(), *count, "{text}: {faults:?}");
    }
}

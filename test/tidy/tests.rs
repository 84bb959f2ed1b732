//! The scanner and each rule on small examples: a rule that never reports a fault is useless.

use super::scan::{Source, has_word, mark_test_files, split, words};
use super::*;

#[test]
fn code_and_comments_part() {
    let table = [
        ("let a = 1; // one", "let a = 1;", "// one"),
        (r#"x("// no \" comment", 'a', '"'); // "q""#, r#"x("", '', '');"#, r#"// "q""#),
        ("fn f<'a>(x: &'a str) -> &'static str", "fn f<'a>(x: &'a str) -> &'static str", ""),
        (r"match c { '\'' | '\\' | '\u{1f}' => {} }", "match c { '' | '' | '' => {} }", ""),
        (r##"r"\", br#"say "unsafe""#, b"x", r#type"##, r#"r"", br"", b"", r#type"#, ""),
        ("a /* b /* c */ d */ e", "a  e", "/* b /* c */ d */"),
        ("    /// Ünïcode \"", "", "/// Ünïcode \""),
        ("for r in \"é//\" {", "for r in \"\" {", ""),
    ];
    for (text, code, comment) in table {
        let lines = split(text);
        assert_eq!((lines[0].code.as_str(), lines[0].comment.as_str()), (code, comment), "{text}");
        assert_eq!(lines[0].text, text);
    }
}

#[test]
fn strings_and_comments_go_on_over_lines() {
    let lines = split("a(\"x\n unsafe\n\"); /* b\n unsafe */ c\nr#\"\n\" unsafe\n\"#; d");
    let code: Vec<_> = lines.iter().map(|line| line.code.as_str()).collect();
    assert_eq!(code, ["a(\"", "", "\");", "c", "r\"", "", "\"; d"]);
}

#[test]
fn functions_have_lengths() {
    let text = "trait T { fn f(&self); }\n\
        pub fn one(x: [u8; 2]) -> u8 { x[0] }\n\
        type F = fn(u8);\n\
        fn outer(\n  x: u8,\n) {\n  fn inner() {\n  }\n  \"}\";\n}\n";
    let functions = Source::new("src/a.rs", text).functions();
    let found: Vec<_> = functions.iter().map(|f| (f.name.as_str(), f.line, f.lines)).collect();
    assert_eq!(found, [("one", 1, 1), ("outer", 3, 7), ("inner", 6, 2)]);
}

#[test]
fn words_are_whole() {
    let table = [("unsafe {", true), ("unsafe_code", false), ("(unsafe)", true), ("isunsafe", false), ("", false)];
    for (text, found) in table {
        assert_eq!(has_word(text, "unsafe"), found, "{text}");
    }
    let parts: Vec<_> = words("HttpHead::read_line(URI, x1)").collect();
    assert_eq!(parts, ["http", "head", "read", "line", "uri", "x1"]);
}

#[test]
fn uses_are_found() {
    let text = "use crate::log::Level;\n\
        use crate::{\n  config::{self, http},\n  route,\n};\n\
        fn f(x: &webserv_sys::Error, y: crate::task::Kind) {} // crate::no\n\
        #[cfg(test)]\nmod tests {\n  use crate::engine;\n}\n";
    let found = Source::new("src/a/b.rs", text).uses();
    let found: Vec<_> = found.iter().map(|(line, name)| (*line, name.as_str())).collect();
    assert_eq!(found, [(0, "log"), (1, "config"), (1, "route"), (5, "sys"), (5, "task")]);
}

#[test]
fn test_modules_are_test_files() {
    let parent = Source::new("sys/src/poller/mod.rs", "#[cfg(test)]\nmod behaviours;\nmod epoll;\n");
    let sibling = Source::new("src/http/head.rs", "#[cfg(all(test, unix))]\npub(crate) mod tests;\n");
    let paths = [
        ("sys/src/poller/behaviours.rs", true),
        ("sys/src/poller/epoll.rs", false),
        ("src/http/head/tests.rs", true),
        ("src/http/tests.rs", false),
        ("test/logs.rs", true),
    ];
    let mut files = vec![parent, sibling];
    files.extend(paths.map(|(path, _)| Source::new(path, "")));
    mark_test_files(&mut files);
    for (file, (path, is_test)) in files[2..].iter().zip(paths) {
        assert_eq!(file.is_test, is_test, "{path}");
    }
}

#[test]
fn kinds_are_read_from_the_tasks_themselves() {
    let text = "impl Task for A {\n    fn kind(&self) -> &'static str {\n        \"FileRead\"\n    }\n}\n\
        #[cfg(test)]\nmod tests {\n    fn kind(&self) -> &'static str { \"Played\" }\n}\n";
    let paths = ["src/task/file/file_read/mod.rs", "src/engine/task.rs", "src/task/http1/tests.rs"];
    let mut files: Vec<_> = paths.iter().map(|path| Source::new(path, text)).collect();
    files[2].is_test = true;
    assert_eq!(task_kinds(&files), ["FileRead"]);
}

/// The lines of `text` in which `rule` finds a fault, if `text` is the file `path`.
fn lines_at_fault(rule: Rule, path: &str, text: &str) -> Vec<usize> {
    let mut faults = Vec::new();
    rule(&Source::new(path, text), &mut faults);
    let line = |fault: &String| fault.strip_prefix(path)?.strip_prefix(':')?.split(':').next()?.parse().ok();
    faults.iter().map(|fault| line(fault).unwrap_or_else(|| panic!("{fault}"))).collect()
}

#[test]
fn rules_fire_and_hold_still() {
    let long_function = format!("fn f() {{\n{}}}\n", "\n".repeat(FUNCTION_LINES_MAX - 1));
    let wide = "é".repeat(COLUMNS_MAX + 1);
    let commented = "// SAFETY: x is alive,\n// and aligned.\nlet y =\n    unsafe { *x };\n";
    let table: &[(Rule, &str, &str, &[usize])] = &[
        (file_length, "src/a.rs", &"\n".repeat(FILE_LINES_MAX), &[]),
        (file_length, "src/a.rs", &"\n".repeat(FILE_LINES_MAX + 1), &[FILE_LINES_MAX]),
        (file_length, "test/a.rs", &"\n".repeat(TEST_FILE_LINES_MAX), &[]),
        (function_length, "src/a.rs", &long_function, &[1]),
        (function_length, "src/a.rs", &long_function.replacen("\n\n", "\n", 1), &[]),
        (line_length, "src/a.rs", &wide, &[1]),
        (line_length, "src/a.rs", &wide["é".len()..], &[]),
        (unsafe_stays_in_sys, "src/a.rs", "// unsafe\nunsafe {}\n\"unsafe\"\n", &[2]),
        (unsafe_stays_in_sys, "sys/src/a.rs", "unsafe {}", &[]),
        (unsafe_says_why, "sys/src/a.rs", commented, &[]),
        (unsafe_says_why, "sys/src/a.rs", "// SAFETY: x\na();\nunsafe { b() }", &[3]),
        (unsafe_says_why, "sys/src/a.rs", "unsafe fn a() {}\nunsafe impl Send for A {}\n", &[2]),
        (crate_roots_forbid_unsafe, "src/main.rs", "//! A.\n", &[1]),
        (crate_roots_forbid_unsafe, "src/bin/a.rs", "//! A.\n#![forbid(unsafe_code)]\n", &[]),
        (crate_roots_forbid_unsafe, "src/a/lib.rs", "", &[]),
        (leading_doc, "src/a.rs", "use x;\n//! Late.\n", &[1]),
        (leading_doc, "src/a.rs", "//! Says what.\n", &[]),
        (leading_doc, "src/a/tests.rs", "use super::*;\n", &[]),
        (unfinished_work, "src/a.rs", "todo!()\n// FIXME\ndbg!(1);\n// todo! XXXL\n", &[1, 2, 3]),
        (left_out_tests, "src/a.rs", "#[ignore]\n#[ignore = \"slow\"]\n\"#[ignore]\"\n", &[1, 2]),
        (left_out_tests, "src/a.rs", "#[ignore = \"by c\"]\nfn a() {}\n", &[1]),
        (left_out_tests, "src/a.rs", "#[ignore = \"alone, by b\"]\nfn a() {}\nfn b() {}\n", &[]),
        (unwanted_calls, "src/a.rs", "x: Rc<RefCell<u8>>\nstd::thread::sleep(d)\n", &[1, 2]),
        (unwanted_calls, "src/a.rs", "#[cfg(test)]\nmod tests {\nthread::sleep(d)\n", &[]),
        (module_names, "src/http/utils.rs", "", &[1]),
        (module_names, "sys/src/a.rs", "mod common {\n}\nmod commonest {\n}\n", &[1]),
        (dependencies, "src/http/a.rs", "use webserv_sys::net;\nuse crate::{http, config};\n", &[1, 2]),
        (dependencies, "src/task/a.rs", "use crate::{http, config};\n", &[]),
        (dependencies, "src/cli.rs", "use crate::{http, config};\n", &[]),
        (dependencies, "src/new_one/mod.rs", "", &[1]),
    ];
    for (index, (rule, path, text, lines)) in table.iter().enumerate() {
        assert_eq!(lines_at_fault(*rule, path, text), *lines, "row {index}: {path}: {text}");
    }
}

#[test]
fn the_engine_knows_no_task_and_no_protocol() {
    let text = "//! Not even ClientRead.\nuse x::ClientRead;\nfn http_head() {}\nWatch::Signal\n\
        let request_id = \"http\";\n\
        #[cfg(test)]\nmod tests {\n  let http = 1;\n}\n";
    let kinds = ["ClientRead", "Signal"].map(str::to_owned);
    for (path, count) in [("src/engine/mod.rs", 3), ("src/task/mod.rs", 0)] {
        let mut faults = Vec::new();
        engine_words(&Source::new(path, text), &kinds, &mut faults);
        assert_eq!(faults.len(), count, "{path}: {faults:?}");
    }
}

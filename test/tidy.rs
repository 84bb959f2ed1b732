//! House rules that the compiler and clippy do not know, checked over every .rs file of the repository.
//!
//! Each rule is a function over one file or over all files; [`FILE_RULES`] and [`TREE_RULES`] list them. Rules look at
//! lines and words and have no parser (see [`scan`]): that is simple, and enough. Which part of the tree may use
//! which stands in [`rooms`], which words comments avoid in [`plain`].

#![forbid(unsafe_code)]

#[path = "tidy/names.rs"]
mod names;
#[path = "tidy/pages.rs"]
mod pages;
#[path = "tidy/paths.rs"]
mod paths;
#[path = "tidy/plain.rs"]
mod plain;
#[path = "tidy/room_tests.rs"]
mod room_tests;
#[path = "tidy/rooms.rs"]
mod rooms;
#[path = "tidy/scan.rs"]
mod scan;
#[path = "tidy/tests.rs"]
mod tests;

use names::{module_names, type_names};
use plain::plain_words;
use rooms::{circles, dependencies, rows_point_down, task_rooms};
use scan::{Function, Source, has_word, words};
use std::fs;
use std::path::Path;

/// The most lines of a file; aim at 400.
const FILE_LINES_MAX: usize = 450;
/// The most lines of a file of tests: its tables may be long, because readers look single rows up.
const TEST_FILE_LINES_MAX: usize = 600;
/// A function fits on a screen.
const FUNCTION_LINES_MAX: usize = 70;
/// As in rustfmt.toml, which leaves comments and strings alone.
const COLUMNS_MAX: usize = 120;

/// Words that `engine/` must not contain, alone or within a name. The kinds of task are forbidden there too.
const ENGINE_DOES_NOT_KNOW: &[&str] = &["cgi", "header", "http", "http1", "request", "response", "uri"];

/// A rule looks at a file and adds a message, `path:line: what is wrong`, for each fault.
type Rule = fn(&Source, &mut Vec<String>);

/// Rules that need to see one file only.
const FILE_RULES: &[Rule] = &[
    file_length,
    function_length,
    line_length,
    unsafe_stays_in_sys,
    unsafe_says_why,
    crate_roots_forbid_unsafe,
    leading_doc,
    unfinished_work,
    left_out_tests,
    unwanted_calls,
    module_names,
    dependencies,
    task_rooms,
    plain_words,
];

/// A rule that needs to see all files.
type TreeRule = fn(&[Source], &mut Vec<String>);

const TREE_RULES: &[TreeRule] = &[rows_point_down, circles, type_names];

#[test]
fn the_tree_is_tidy() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    read_tree(root, root, &mut files);
    scan::mark_test_files(&mut files);
    assert!(files.iter().any(|file| file.path == "src/main.rs"), "no src/main.rs among {} files", files.len());

    let kinds = task_kinds(&files);
    let mut faults = Vec::new();
    for file in &files {
        for rule in FILE_RULES {
            rule(file, &mut faults);
        }
        engine_words(file, &kinds, &mut faults);
    }
    for rule in TREE_RULES {
        rule(&files, &mut faults);
    }
    pages::paths_exist(root, &mut faults);
    assert!(faults.is_empty(), "{} faults in {} files:\n{}\n", faults.len(), files.len(), faults.join("\n"));
}

/// Reads all .rs files below `folder`, except in hidden folders and in cargo's target folder.
fn read_tree(root: &Path, folder: &Path, files: &mut Vec<Source>) {
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        let name = path.file_name().unwrap().to_str().expect("file names are UTF-8");
        if path.is_dir() && !path.is_symlink() && name != "target" && !name.starts_with('.') {
            read_tree(root, &path, files);
        } else if name.ends_with(".rs") {
            let relative = path.strip_prefix(root).unwrap().to_str().unwrap();
            files.push(Source::new(relative, &fs::read_to_string(&path).unwrap()));
        }
    }
}

/// The kinds of task by name: what `fn kind` of each `impl Task` in `src/task/` returns.
fn task_kinds(files: &[Source]) -> Vec<String> {
    let shipped = files.iter().filter(|file| file.in_folder("src/task") && !file.is_test);
    shipped.flat_map(|file| file.kinds()).collect()
}

fn file_length(file: &Source, faults: &mut Vec<String>) {
    let max = if file.is_test { TEST_FILE_LINES_MAX } else { FILE_LINES_MAX };
    if file.lines.len() > max {
        faults.push(format!("{}:{max}: the file has {} lines, at most {max}", file.path, file.lines.len()));
    }
}

fn function_length(file: &Source, faults: &mut Vec<String>) {
    for Function { name, line, lines } in file.functions() {
        if lines > FUNCTION_LINES_MAX {
            faults.push(file.fault(line, &format!("fn {name} has {lines} lines, at most {FUNCTION_LINES_MAX}")));
        }
    }
}

fn line_length(file: &Source, faults: &mut Vec<String>) {
    for (index, line) in file.lines.iter().enumerate() {
        let columns = line.text.chars().count();
        if columns > COLUMNS_MAX {
            faults.push(file.fault(index, &format!("{columns} columns, at most {COLUMNS_MAX}")));
        }
    }
}

fn unsafe_stays_in_sys(file: &Source, faults: &mut Vec<String>) {
    if !file.in_folder("sys") {
        for (line, _) in file.code().filter(|(_, code)| has_word(code, "unsafe")) {
            faults.push(file.fault(line, "unsafe outside sys/"));
        }
    }
}

/// clippy's undocumented_unsafe_blocks sees only what is compiled for this system; this sees kqueue's side too.
fn unsafe_says_why(file: &Source, faults: &mut Vec<String>) {
    for (line, code) in file.code() {
        if (code.contains("unsafe {") || code.contains("unsafe impl")) && !file.comment_above(line, "SAFETY:") {
            faults.push(file.fault(line, "unsafe without a SAFETY: comment above it"));
        }
    }
}

/// The crates of tests need not have the line: [`unsafe_stays_in_sys`] reads them all.
fn crate_roots_forbid_unsafe(file: &Source, faults: &mut Vec<String>) {
    let is_root = matches!(file.path.as_str(), "src/lib.rs" | "src/main.rs") || file.in_folder("src/bin");
    if is_root && !file.code().any(|(_, code)| code == "#![forbid(unsafe_code)]") {
        faults.push(file.fault(0, "the root of a crate outside sys/ says #![forbid(unsafe_code)]"));
    }
}

/// The name of a file tests.rs or some_tests.rs already says what is in it.
fn leading_doc(file: &Source, faults: &mut Vec<String>) {
    if !file.path.ends_with("tests.rs") && !file.lines.first().is_some_and(|line| line.comment.starts_with("//!")) {
        faults.push(file.fault(0, "the file begins without a //! line that says what is in it"));
    }
}

fn unfinished_work(file: &Source, faults: &mut Vec<String>) {
    for (index, line) in file.lines.iter().enumerate() {
        for name in ["todo!", "unimplemented!", "dbg!"] {
            if line.code.contains(name) {
                faults.push(file.fault(index, &format!("{name} does not go in")));
            }
        }
        for word in ["FIXME", "XXX"] {
            if has_word(&line.comment, word) {
                faults.push(file.fault(index, &format!("{word}: do it now, or file an issue")));
            }
        }
    }
}

/// A test that never runs proves nothing. `#[ignore]` is allowed if another test runs it, for instance in a process of
/// its own: then the reason ends in the name of that test.
fn left_out_tests(file: &Source, faults: &mut Vec<String>) {
    for (index, _) in file.code().filter(|(_, code)| code.contains("#[ignore")) {
        let reason = file.lines[index].text.trim_end().trim_end_matches("\"]");
        let runner = reason.rsplit_once(" by ").map_or("", |(_, name)| name);
        if !file.functions().iter().any(|function| function.name == runner) {
            faults.push(
                file.fault(index, "#[ignore] only as #[ignore = \"... run by NAME\"], another test of this file"),
            );
        }
    }
}

fn unwanted_calls(file: &Source, faults: &mut Vec<String>) {
    for (line, _) in file.code().filter(|(_, code)| code.contains("Rc<RefCell")) {
        faults.push(file.fault(line, "Rc<RefCell: put it into the connection"));
    }
    if file.in_folder("src") {
        for (line, _) in file.shipped_code().filter(|(_, code)| code.contains("thread::sleep")) {
            faults.push(file.fault(line, "thread::sleep blocks the loop: set a deadline"));
        }
    }
}

fn engine_words(file: &Source, kinds: &[String], faults: &mut Vec<String>) {
    if file.module() != Some("engine") {
        return;
    }
    for (line, code) in file.shipped_code() {
        let code = &code.replace("Watch::Signal", ""); // of sys, and not the task
        if let Some(kind) = kinds.iter().find(|kind| has_word(code, kind)) {
            faults.push(file.fault(line, &format!("the engine does not know the task {kind}")));
        }
        if let Some(word) = words(code).find(|word| ENGINE_DOES_NOT_KNOW.contains(&word.as_str())) {
            faults.push(file.fault(line, &format!("the engine does not know the word {word}")));
        }
    }
}

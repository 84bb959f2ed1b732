use super::*;
use crate::config::{Autoindex, DisableSymlinks};
use crate::connection::{Identity, SpareTransactions, Transaction};
use crate::limits::REPLY_BYTES_MAX;
use crate::task::temp_dir::TempDir;
use std::fs::{File, create_dir};
use std::os::unix::fs::symlink;
use std::rc::Rc;

fn task(dir: &TempDir, settings: Settings, format: Format) -> DirRead {
    let fd = OwnedFd::from(File::open(dir.path()).unwrap());
    DirRead::new(fd, b"/files/".to_vec(), Arc::new(settings), format)
}

/// Reads all names. Returns the number of turns.
fn read_all(task: &mut DirRead) -> usize {
    for turn in 1.. {
        let before = task.totals.files + task.totals.directories;
        let progress = task.read().unwrap();
        assert!(task.totals.files + task.totals.directories - before <= LISTED_PER_TURN as u64);
        if progress == Progress::All {
            return turn;
        }
        assert_eq!(progress, Progress::More);
    }
    unreachable!("a directory has an end")
}

/// Writes the listing, and takes it out of the pipe as it comes.
fn write_all(task: &mut DirRead) -> String {
    let mut reply = Reply::new(REPLY_BYTES_MAX);
    let mut text = Vec::new();
    loop {
        let flow = task.write(&mut reply);
        assert!(reply.body.len() as usize <= LISTING_TEXT_BYTES + 1024, "{} bytes in one turn", reply.body.len());
        text.extend_from_slice(reply.body.contiguous());
        reply.body.clear();
        assert_eq!(reply.body.is_ended(), flow == Flow::Done);
        if flow == Flow::Done {
            return String::from_utf8(text).unwrap();
        }
    }
}

fn names(json: &str) -> Vec<&str> {
    json.lines().filter_map(|line| line.split('"').nth(3)).collect()
}

#[test]
fn directories_come_first_and_names_in_order() {
    let dir = TempDir::new();
    for name in ["b.txt", "B.txt", "a", "10", "9", "a&b<c>.txt", "-x", ".hidden"] {
        dir.write(name, name.as_bytes());
    }
    for name in ["zoo", "Zoo", ".git"] {
        create_dir(dir.path().join(name)).unwrap();
    }
    let mut task = task(&dir, Settings::default(), Format::Json);
    assert_eq!(read_all(&mut task), 1);
    assert_eq!((task.totals.directories, task.totals.files, task.totals.size_bytes), (2, 7, 26));
    let json = write_all(&mut task);
    assert_eq!(names(&json), ["Zoo", "zoo", "-x", "10", "9", "B.txt", "a", "a&b<c>.txt", "b.txt"], "{json}");
    assert!(json.contains("\"size\":10 },\n"), "{json}");
}

#[test]
fn names_that_cannot_be_requested_are_not_listed() {
    let dir = TempDir::new();
    dir.write("file", b"");
    symlink("file", dir.path().join("link")).unwrap();
    symlink("nowhere", dir.path().join("broken")).unwrap();
    symlink("loop", dir.path().join("loop")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(dir.path().join("socket")).unwrap();
    for (links, expected) in [
        (DisableSymlinks::Off, &["file", "link"][..]),
        (DisableSymlinks::IfNotOwner, &["file", "link"]),
        (DisableSymlinks::On, &["file"]),
    ] {
        let mut task = task(&dir, Settings { disable_symlinks: links, ..Settings::default() }, Format::Json);
        read_all(&mut task);
        assert_eq!(names(&write_all(&mut task)), expected, "{links:?}");
    }
}

#[test]
fn a_large_directory_is_read_and_written_piece_by_piece() {
    let dir = TempDir::new();
    let mut expected: Vec<String> = (0..1000).map(|i| format!("file number {i}.txt")).collect();
    expected.iter().for_each(|name| dir.write(name, b""));
    expected.sort();
    for format in [Format::Html, Format::Json, Format::Xml] {
        let mut task = task(&dir, Settings::default(), format);
        assert!(read_all(&mut task) >= 1000usize.div_ceil(LISTED_PER_TURN), "a bounded number per turn");
        let text = write_all(&mut task);
        assert!(text.len() > 2 * LISTING_TEXT_BYTES, "{} bytes are more than one piece", text.len());
        let mut from = 0;
        for name in &expected {
            let at = text[from..].find(&**name).unwrap_or_else(|| panic!("{name} comes too early, or not at all"));
            from += at + name.len();
        }
        assert_eq!(text.matches("file number 500.txt").count(), 1);
    }
}

#[test]
fn an_empty_directory() {
    let dir = TempDir::new();
    for (format, end) in [(Format::Html, "</html>\n"), (Format::Json, "[\n]\n"), (Format::Xml, "<list>\n</list>\n")] {
        let mut task = task(&dir, Settings::default(), format);
        read_all(&mut task);
        assert!(write_all(&mut task).ends_with(end));
    }
}

#[test]
fn the_number_of_held_bytes_has_a_limit() {
    let dir = TempDir::new();
    dir.write("name", b"");
    let mut task = task(&dir, Settings::default(), Format::Html);
    task.held_bytes = LISTING_BYTES_MAX - 1;
    assert_eq!(task.read().unwrap(), Progress::TooMany);
}

#[test]
fn a_file_instead_of_a_directory_is_an_error() {
    let dir = TempDir::new();
    dir.write("file", b"");
    let fd = OwnedFd::from(File::open(dir.path().join("file")).unwrap());
    let error = DirRead::new(fd, b"/".to_vec(), Arc::default(), Format::Html).read().unwrap_err();
    assert!(error.is_not_found(), "{error}");
}

fn current(x: &mut Connection) -> &mut Transaction {
    x.transactions.current_mut().unwrap()
}

/// It reads at once, then waits until its head is taken, and then writes while the pipe has room.
#[test]
fn it_wants_to_run_when_the_pipe_has_room() {
    let dir = TempDir::new();
    (0..1500).for_each(|i| dir.write(&format!("{i:0100}"), b""));
    let mut task = task(&dir, Settings::default(), Format::Html);
    let mut x = Connection::new(None, Identity::for_tests());
    x.transactions.begin(&mut SpareTransactions::default(), Rc::clone(&x.route), None);
    let wants = |task: &DirRead, x: &Connection| {
        let transaction = x.transactions.current();
        task.wants(Seen { connection: Some(x), transaction })
    };
    assert_eq!((wants(&task, &x), task.doing()), (Want::Kernel, "reading the directory"));
    assert_eq!(task.wants(Seen::default()), Want::Nothing);
    read_all(&mut task);
    current(&mut x).reply.outcome = Some(Outcome::Answer(Answer::Document(task.head())));
    assert_eq!((wants(&task, &x), task.doing()), (Want::Nothing, "writing the listing"));
    current(&mut x).reply.outcome = None;
    let mut turns = 0;
    while wants(&task, &x) == Want::Turn {
        assert_eq!(task.write(&mut current(&mut x).reply), Flow::Yield);
        turns += 1;
    }
    assert_eq!(turns, REPLY_BYTES_MAX / LISTING_TEXT_BYTES);
    current(&mut x).reply.body.clear();
    assert_eq!(wants(&task, &x), Want::Turn);
}

#[test]
fn the_head_has_the_type_and_vary() {
    let dir = TempDir::new();
    for (format, content_type) in [(Format::Html, "text/html; charset=utf-8"), (Format::Json, "application/json")] {
        for chosen in [Some(format), None] {
            let autoindex = Autoindex { on: true, format: chosen, ..Autoindex::default() };
            let head = task(&dir, Settings { autoindex, ..Settings::default() }, format).head();
            assert_eq!((head.status, head.length, head.seekable), (200, None, false));
            assert_eq!(head.content_type, Some(Text::from_static(content_type)));
            let vary: Vec<_> = head.fields.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect();
            let expected = [(&b"Vary"[..], &b"Accept"[..])];
            assert_eq!(vary, if chosen.is_none() { &expected[..] } else { &[] });
        }
    }
}

/// The page shows times in the local time zone.
#[test]
fn local_times_are_those_of_the_clock() {
    let dir = TempDir::new();
    dir.write("file", b"");
    let autoindex = Autoindex { localtime: true, exact_size: false, ..Autoindex::default() };
    let mut task = task(&dir, Settings { autoindex, ..Settings::default() }, Format::Html);
    read_all(&mut task);
    let modified_secs = std::os::unix::fs::MetadataExt::mtime(&dir.path().join("file").metadata().unwrap());
    let t = clock::local(modified_secs);
    let page = write_all(&mut task);
    let time = format!("<td>{:04}-{:02}-{:02} {:02}:{:02}</td>", t.year, t.month, t.day, t.hour, t.minute);
    assert!(page.contains(&time) && page.contains("0 B") && page.contains("server time"), "{time} in {page}");
}

use super::*;
use crate::testing::TempDir;
use std::ffi::CString;
use std::fs;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

fn c_path(path: &Path) -> CString {
    CString::new(path.as_os_str().as_bytes()).unwrap()
}

/// Reads all events, with names.
fn read_events(changes: &Changes) -> Vec<(Watched, Option<String>)> {
    let mut out = Vec::new();
    changes.take(|change| match change {
        Change::Of(watched) => out.push((watched, None)),
        Change::In(watched, name) => out.push((watched, Some(String::from_utf8_lossy(name).into_owned()))),
        Change::Gone(_) => {}
        Change::Anything => panic!("nothing was lost"),
    });
    out
}

/// The SIGIO of a change arrives before the call that makes the change returns; then `take` reports the change.
#[test]
fn every_kind_of_change_is_noticed_at_once_and_reported() {
    let dir = TempDir::new();
    let path = |name: &str| dir.path().join(name);
    type Row = (&'static str, Aspects, fn(&Path));
    let both = Aspects::ITSELF | Aspects::BYTES;
    let rows: [Row; 13] = [
        ("written", both, |p| fs::write(p, b"new").unwrap()),
        ("truncated", both, |p| drop(fs::File::create(p).unwrap())),
        ("renamed", both, |p| fs::rename(p, p.with_extension("old")).unwrap()),
        ("replaced", both, |p| {
            fs::write(p.with_extension("new"), b"new").unwrap();
            fs::rename(p.with_extension("new"), p).unwrap();
        }),
        ("removed", both, |p| fs::remove_file(p).unwrap()),
        ("mode", both, |p| fs::set_permissions(p, fs::Permissions::from_mode(0o600)).unwrap()),
        ("by-another-name", both, |p| {
            fs::hard_link(p, p.with_extension("other")).unwrap();
            fs::write(p.with_extension("other"), b"new").unwrap();
        }),
        ("closed", both, |p| drop(fs::OpenOptions::new().write(true).open(p).unwrap())),
        ("folder/renamed", Aspects::ITSELF, |p| {
            let folder = p.parent().unwrap();
            fs::rename(folder, folder.with_extension("old")).unwrap();
        }),
        ("folder2/new", Aspects::NEW_NAMES, |p| fs::write(p.with_file_name("another"), b"").unwrap()),
        ("folder3/moved", Aspects::NEW_NAMES, |p| fs::rename(p, p.with_extension("other")).unwrap()),
        ("link1", Aspects::ITSELF, |p| fs::remove_file(p).unwrap()),
        ("link2", Aspects::ITSELF, |p| {
            symlink("elsewhere", p.with_extension("new")).unwrap();
            fs::rename(p.with_extension("new"), p).unwrap();
        }),
    ];
    for (name, aspects, change) in rows {
        let changes = Changes::open().unwrap();
        let file = path(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        match name.starts_with("link") {
            true => symlink("nowhere", &file).unwrap(),
            false => fs::write(&file, b"old").unwrap(),
        }
        let subject = if name.contains('/') { file.parent().unwrap() } else { &file };
        let watched = changes.watch(&c_path(subject), aspects).unwrap();
        read_events(&changes);
        read_events(&changes); // the first read may have taken events before their SIGIO was counted
        assert!(changes.is_quiet(), "{name}");
        change(&file);
        assert!(!changes.is_quiet(), "{name}");
        let told = read_events(&changes);
        assert!(told.iter().any(|(of, _)| *of == watched), "{name}: {told:?}");
        if aspects == Aspects::NEW_NAMES {
            assert!(told.iter().all(|(_, name)| name.is_some()), "{name}: {told:?}");
        }
    }
}

#[test]
fn a_watch_that_was_ended_reports_nothing() {
    let dir = TempDir::new();
    let file = dir.path().join("file");
    fs::write(&file, b"old").unwrap();
    let changes = Changes::open().unwrap();
    let first = changes.watch(&c_path(&file), Aspects::BYTES).unwrap();
    assert_eq!(changes.watch(&c_path(&file), Aspects::ITSELF).unwrap(), first, "one file is one watch");
    fs::write(&file, b"new").unwrap();
    assert!(!read_events(&changes).is_empty(), "the first aspect is still watched");
    changes.forget(first);
    fs::write(&file, b"newer").unwrap();
    assert_eq!(read_events(&changes), []);
    let absent = changes.watch(c"/nothing-of-this-name", Aspects::ITSELF).unwrap_err();
    assert_eq!((absent.call(), absent.is_not_found()), ("inotify_add_watch", true));
}

#[test]
fn sigio_goes_only_to_the_thread_that_watches() {
    let dir = TempDir::new();
    let file = dir.path().join("file");
    fs::write(&file, b"old").unwrap();
    let changes = Changes::open().unwrap();
    changes.watch(&c_path(&file), Aspects::BYTES).unwrap();
    read_events(&changes);
    read_events(&changes);
    let theirs = std::thread::spawn({
        let file = file.clone();
        move || {
            let changes = Changes::open().unwrap();
            read_events(&changes);
            read_events(&changes);
            fs::write(&file, b"new").unwrap();
            changes.is_quiet()
        }
    });
    assert!(theirs.join().unwrap(), "the thread that writes watches nothing");
    assert!(!changes.is_quiet());
}

/// Lost events must be reported, too.
#[test]
fn an_overflow_is_reported_as_anything_and_half_an_event_not_at_all() {
    let event = |watched: i32, mask: u32, name: &[u8]| {
        let head = [watched as u32, mask, 0, name.len() as u32].map(u32::to_ne_bytes).concat();
        [head.as_slice(), name].concat()
    };
    let bytes = [
        event(3, libc::IN_MODIFY, b""),
        event(4, libc::IN_CREATE, b"a.txt\0\0\0"),
        event(-1, libc::IN_Q_OVERFLOW, b""),
        event(3, libc::IN_IGNORED, b""),
        event(5, libc::IN_UNMOUNT, b""),
    ]
    .concat();
    let told = |bytes: &[u8]| {
        let mut out = Vec::new();
        inotify::events(bytes, &mut |change| out.push(format!("{change:?}")));
        out
    };
    let all = told(&bytes);
    let name = format!("In(4, {:?})", b"a.txt");
    assert_eq!(all, ["Of(3)", name.as_str(), "Anything", "Gone(3)", "Gone(5)"]);
    assert_eq!(told(&bytes[..bytes.len() - 1]), all[..4]);
    assert_eq!(told(&bytes[..39]), all[..1]);
}

/// The kernel queues a limited number of events.
#[test]
fn more_changes_than_the_kernel_queues_are_reported_as_anything() {
    let most: usize = fs::read_to_string("/proc/sys/fs/inotify/max_queued_events").unwrap().trim().parse().unwrap();
    if most > 100_000 {
        return println!("skipped: {most} events would take too long");
    }
    let dir = TempDir::new();
    let paths = ["a", "b"].map(|name| dir.path().join(name));
    let files = paths.each_ref().map(|path| fs::File::create(path).unwrap());
    let changes = Changes::open().unwrap();
    for path in &paths {
        changes.watch(&c_path(path), Aspects::BYTES).unwrap();
    }
    read_events(&changes);
    let (mut count, mut lost) = (0, 0);
    // Alternate the files, since the kernel merges equal events.
    for _ in 0..most {
        files.iter().for_each(|mut file| file.write_all(b"x").unwrap());
    }
    changes.take(|change| match change {
        Change::Anything => lost += 1,
        _ => count += 1,
    });
    assert_eq!((count, lost), (most, 1));
    read_events(&changes);
    assert!(changes.is_quiet());
}

/// The kernel drops an event that is equal to the last unread one. So when another process opened "/" during the trial,
/// SIGIO seemed not to work, and from then on each request read the events.
#[test]
fn the_trial_of_sigio_failed_when_another_process_opened_the_same_directory() {
    let stop = std::sync::atomic::AtomicBool::new(false);
    let is_over = || stop.load(std::sync::atomic::Ordering::Relaxed);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over() {
                drop(fs::File::open("/").unwrap());
            }
        });
        let without = (0..100).filter(|_| {
            let changes = Changes::open().unwrap();
            read_events(&changes);
            read_events(&changes);
            !changes.is_quiet()
        });
        let without = without.count();
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        assert_eq!(without, 0, "of 100");
    });
}

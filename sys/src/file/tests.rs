//! Real files and directories in a temporary directory.

use super::directory::readdir;
use super::*;
use crate::net;
use crate::pipe::set_nonblocking;
use crate::testing::{TempDir, assert_flags, c, failure, wait_for};
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::io::{IoSlice, IoSliceMut};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, symlink};

const READ: OpenFlags = OpenFlags::READ;
const CREATE: OpenFlags = READ.union(OpenFlags::WRITE).union(OpenFlags::CREATE);

/// An open directory, and a file `f` in it with this content, open for reading and writing.
fn directory_with_file(content: &[u8]) -> (TempDir, OwnedFd, OwnedFd) {
    let temp = TempDir::new();
    let directory = open(&c(temp.path()), READ | OpenFlags::DIRECTORY, 0).unwrap();
    let file = openat(directory.as_fd(), c"f", CREATE | OpenFlags::EXCLUSIVE, 0o644).unwrap();
    assert_eq!(write(file.as_fd(), content), Ok(content.len()));
    (temp, directory, file)
}

#[test]
fn permissions_are_not_set_through_a_link() {
    let temp = TempDir::new();
    let (file, link) = (temp.join("file"), temp.join("link"));
    std::fs::write(&file, "").unwrap();
    std::os::unix::fs::symlink(&file, &link).unwrap();
    let mode = || std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&file).unwrap().permissions()) & 0o777;
    let before = mode();
    let followed = chmod_no_follow(&c(&link), 0o604);
    assert_eq!(mode(), before, "{followed:?}");
    chmod_no_follow(&c(&file), 0o604).unwrap();
    assert_eq!(mode(), 0o604);
}

#[test]
fn open_makes_reads_cuts_and_appends() {
    let (temp, directory, file) = directory_with_file(b"content");
    assert_flags(file.as_fd(), false);
    assert_flags(directory.as_fd(), false);
    let mut buffer = [0; 16];

    let again = open(&c(&temp.join("f")), READ | OpenFlags::NON_BLOCKING, 0).unwrap();
    assert_flags(again.as_fd(), true);
    assert_eq!(read(again.as_fd(), &mut buffer), Ok(7));
    assert_eq!(&buffer[..7], b"content");
    assert_eq!(read(again.as_fd(), &mut buffer), Ok(0), "the end");
    assert_eq!(failure(write(again.as_fd(), b"x")), ("write", libc::EBADF), "open to read only");

    let end = openat(directory.as_fd(), c"f", OpenFlags::WRITE | OpenFlags::APPEND, 0).unwrap();
    assert_eq!(write(end.as_fd(), b"+more"), Ok(5));
    assert_eq!(failure(read(end.as_fd(), &mut buffer)), ("read", libc::EBADF), "open to write only");
    assert_eq!(read(again.as_fd(), &mut buffer), Ok(5));

    openat(directory.as_fd(), c"f", OpenFlags::WRITE | OpenFlags::TRUNCATE, 0).unwrap();
    assert_eq!(fstat(file.as_fd()).unwrap().size_bytes, 0);
}

#[test]
fn open_says_why_not() {
    let (temp, directory, _file) = directory_with_file(b"");
    symlink("f", temp.join("link")).unwrap();
    symlink("loop", temp.join("loop")).unwrap();
    let long = CString::new("x".repeat(300)).unwrap();
    for (path, flags, errno) in [
        (c"missing", READ, libc::ENOENT),
        (c"missing/f", READ, libc::ENOENT),
        (c"f/below", READ, libc::ENOTDIR),
        (c"f", READ | OpenFlags::DIRECTORY, libc::ENOTDIR),
        (c".", OpenFlags::WRITE, libc::EISDIR),
        (c"f", CREATE | OpenFlags::EXCLUSIVE, libc::EEXIST),
        (c"link", READ | OpenFlags::NO_FOLLOW, if cfg!(target_os = "freebsd") { libc::EMLINK } else { libc::ELOOP }),
        (c"loop", READ, libc::ELOOP),
        (&long, READ, libc::ENAMETOOLONG),
        (c"", READ, libc::ENOENT),
    ] {
        assert_eq!(failure(openat(directory.as_fd(), path, flags, 0o600)), ("openat", errno), "{path:?}");
    }
    openat(directory.as_fd(), c"link", READ, 0).unwrap();
}

#[test]
fn opening_a_fifo_does_not_wait() {
    let (temp, directory, _file) = directory_with_file(b"");
    // SAFETY: the path ends with NUL and outlives the call.
    unsafe { syscall!(mkfifo(c(&temp.join("fifo")).as_ptr(), 0o600)) }.unwrap();
    openat(directory.as_fd(), c"fifo", READ | OpenFlags::NON_BLOCKING, 0).unwrap();
    let outcome = openat(directory.as_fd(), c"fifo", OpenFlags::WRITE | OpenFlags::NON_BLOCKING, 0);
    assert_eq!(failure(outcome), ("openat", libc::ENXIO), "no process has it open for reading");
    assert_eq!(fstatat(directory.as_fd(), c"fifo", true).unwrap().kind, FileKind::Fifo);
}

#[cfg(target_os = "linux")]
#[test]
fn a_path_descriptor_names_but_does_not_read() {
    let (_temp, directory, _file) = directory_with_file(b"content");
    let path = openat(directory.as_fd(), c"f", OpenFlags::PATH, 0).unwrap();
    assert_eq!(fstat(path.as_fd()).unwrap().size_bytes, 7);
    assert_eq!(failure(read(path.as_fd(), &mut [0; 8])), ("read", libc::EBADF));
}

#[test]
fn a_nul_in_a_path_is_refused() {
    assert_eq!(failure(c_path("openat", b"a\0b")), ("openat", libc::EINVAL));
    assert_eq!(c_path("openat", b"/a b\xff").unwrap().as_bytes(), b"/a b\xff");
}

#[test]
fn stat_says_what_the_standard_library_says() {
    let (temp, directory, file) = directory_with_file(b"12345");
    symlink("f", temp.join("link")).unwrap();
    std::fs::create_dir(temp.join("d")).unwrap();
    let _socket = net::listen(&net::Address::Unix(temp.join("socket")), &net::ListenOptions::default()).unwrap();

    let of = |name, follow| fstatat(directory.as_fd(), name, follow).unwrap();
    let modified = std::time::UNIX_EPOCH + std::time::Duration::new(1_000_000_000, 123_456_789);
    std::fs::File::from(file.try_clone().unwrap()).set_modified(modified).unwrap();
    let stat = of(c"f", true);
    assert_eq!((stat.modified_secs, stat.modified_nanos), (1_000_000_000, 123_456_789));
    assert_eq!(stat, fstat(file.as_fd()).unwrap());
    assert_eq!(stat, of(c"link", true));
    let std = std::fs::metadata(temp.join("f")).unwrap();
    assert_eq!((stat.kind, stat.size_bytes, stat.links), (FileKind::File, 5, 1));
    assert_eq!((stat.modified_secs, i64::from(stat.modified_nanos)), (std.mtime(), std.mtime_nsec()));
    assert_eq!((stat.changed_secs, i64::from(stat.changed_nanos)), (std.ctime(), std.ctime_nsec()));
    assert_eq!((stat.inode, stat.device), (std.ino(), std.dev()));
    assert_eq!((stat.owner, stat.group, stat.mode), (std.uid(), std.gid(), std.mode() & 0o7777));
    assert_eq!(of(c"link", false).kind, FileKind::Symlink);
    assert_eq!(of(c"d", false).kind, FileKind::Directory);
    assert_eq!(of(c"socket", false).kind, FileKind::Socket);
    assert_eq!(fstatat(CWD, c"/dev/null", true).unwrap().kind, FileKind::Device);
    assert_eq!(failure(fstatat(directory.as_fd(), c"missing", true)), ("fstatat", libc::ENOENT));
    assert_eq!(failure(fstatat(directory.as_fd(), c"f/x", true)), ("fstatat", libc::ENOTDIR));
}

#[test]
fn permissions_count_for_all_but_root() {
    let (temp, directory, file) = directory_with_file(b"");
    // SAFETY: neither call takes pointers.
    let is_root = unsafe { syscall!(fchmod(file.as_raw_fd(), 0)).is_ok() && libc::geteuid() == 0 };
    assert_eq!(fstat(file.as_fd()).unwrap().mode, 0);
    let outcome = open(&c(&temp.join("f")), READ, 0);
    assert_eq!(outcome.map(drop).map_err(|e| e.errno()), if is_root { Ok(()) } else { Err(libc::EACCES) });
    drop(directory);
}

#[test]
fn offsets_leave_the_position_alone() {
    let (_temp, _directory, file) = directory_with_file(b"0123456789");
    let mut buffer = [0; 4];
    assert_eq!(pread(file.as_fd(), &mut buffer, 2), Ok(4));
    assert_eq!(&buffer, b"2345");
    assert_eq!(pread(file.as_fd(), &mut buffer, 8), Ok(2));
    assert_eq!(pread(file.as_fd(), &mut buffer, 10), Ok(0));
    assert_eq!(pwrite(file.as_fd(), b"XY", 4), Ok(2));
    assert_eq!(read(file.as_fd(), &mut buffer), Ok(0), "the position is at the end, as after writing");
    assert_eq!(pread(file.as_fd(), &mut buffer, 3), Ok(4));
    assert_eq!(&buffer, b"3XY6");
    for offset in [u64::MAX, 1 << 63] {
        assert_eq!(failure(pread(file.as_fd(), &mut buffer, offset)), ("pread", libc::EFBIG));
        assert_eq!(failure(pwrite(file.as_fd(), b"", offset)), ("pwrite", libc::EFBIG));
        assert_eq!(failure(ftruncate(file.as_fd(), offset)), ("ftruncate", libc::EFBIG));
    }
}

#[test]
fn several_buffers_are_one_stream() {
    let (_temp, directory, file) = directory_with_file(b"");
    assert_eq!(writev(file.as_fd(), &[IoSlice::new(b"ab"), IoSlice::new(b""), IoSlice::new(b"cde")]), Ok(5));
    let again = openat(directory.as_fd(), c"f", READ, 0).unwrap();
    let (mut one, mut other) = ([0; 3], [0; 8]);
    assert_eq!(readv(again.as_fd(), &mut [IoSliceMut::new(&mut one), IoSliceMut::new(&mut other)]), Ok(5));
    assert_eq!((&one, &other[..2]), (b"abc", &b"de"[..]));

    let many: Vec<IoSlice<'_>> = (0..SLICES_MAX + 1).map(|_| IoSlice::new(b"x")).collect();
    assert_eq!(writev(file.as_fd(), &many), Ok(SLICES_MAX));
    let mut bytes = vec![[0u8; 1]; SLICES_MAX + 1];
    let mut many: Vec<IoSliceMut<'_>> = bytes.iter_mut().map(|b| IoSliceMut::new(b)).collect();
    assert_eq!(readv(again.as_fd(), &mut many), Ok(SLICES_MAX));
}

#[test]
fn names_are_made_moved_and_removed() {
    let (_temp, directory, file) = directory_with_file(b"content");
    let at = directory.as_fd();
    mkdirat(at, c"d", 0o700).unwrap();
    assert_eq!(failure(mkdirat(at, c"d", 0o700)), ("mkdirat", libc::EEXIST));
    linkat(at, c"f", at, c"d/second").unwrap();
    assert_eq!(failure(linkat(at, c"f", at, c"d/second")), ("linkat", libc::EEXIST));
    assert_eq!(fstat(file.as_fd()).unwrap().links, 2);
    assert_eq!(failure(rmdirat(at, c"d")), ("unlinkat", libc::ENOTEMPTY));
    renameat(at, c"d/second", at, c"third").unwrap();
    assert_eq!(failure(renameat(at, c"d/second", at, c"x")), ("renameat", libc::ENOENT));
    rmdirat(at, c"d").unwrap();
    unlinkat(at, c"f").unwrap();
    assert_eq!(failure(unlinkat(at, c"f")), ("unlinkat", libc::ENOENT));
    ftruncate(file.as_fd(), 3).unwrap();
    fsync(file.as_fd()).unwrap();
    assert_eq!(fstatat(at, c"third", false).unwrap().size_bytes, 3);
}

/// A connected pair of TCP sockets; the first one is non-blocking, the second one is blocking.
fn sockets() -> (OwnedFd, OwnedFd) {
    let listen = net::Address::Inet("127.0.0.1:0".parse().unwrap());
    let listener = net::listen(&listen, &net::ListenOptions::default()).unwrap();
    let client = net::connect(&net::local_address(listener.as_fd()).unwrap()).unwrap();
    wait_for(listener.as_fd(), libc::POLLIN);
    let (server, _) = net::accept(listener.as_fd()).unwrap();
    set_nonblocking(client.as_fd(), false).unwrap();
    (server, client)
}

#[test]
fn sendfile_sends_a_range() {
    let (_temp, _directory, file) = directory_with_file(b"0123456789");
    let (server, client) = sockets();
    let mut buffer = [0; 16];
    for (offset, count, expected) in [(0, 10, &b"0123456789"[..]), (3, 4, b"3456"), (8, 100, b"89")] {
        assert_eq!(sendfile(server.as_fd(), file.as_fd(), offset, count), Ok(expected.len()));
        let n = net::recv(client.as_fd(), &mut buffer).unwrap();
        assert_eq!(&buffer[..n], expected);
    }
    assert_eq!(sendfile(server.as_fd(), file.as_fd(), 10, 5), Ok(0), "at the end");
    assert_eq!(sendfile(server.as_fd(), file.as_fd(), 11, 5), Ok(0), "beyond the end");
    assert_eq!(sendfile(server.as_fd(), file.as_fd(), 0, 0), Ok(0), "nothing asked for");
    assert_eq!(failure(sendfile(server.as_fd(), file.as_fd(), u64::MAX, 1)), ("sendfile", libc::EFBIG));
    assert_eq!(read(file.as_fd(), &mut buffer), Ok(0), "the file's own position is where writing left it");
}

#[test]
fn sendfile_tells_a_full_socket_from_a_file_that_shrank() {
    const SIZE: u64 = 64 << 20; // more than a socket can buffer
    let (_temp, _directory, file) = directory_with_file(b"");
    ftruncate(file.as_fd(), SIZE).unwrap();
    let (server, client) = sockets();
    let mut sent: u64 = 0;
    let stopped = loop {
        match sendfile(server.as_fd(), file.as_fd(), sent, (SIZE - sent) as usize) {
            Ok(n) => sent += n as u64,
            Err(error) => break error,
        }
    };
    assert!((stopped.call(), stopped.would_block()) == ("sendfile", true) && 0 < sent && sent < SIZE, "{stopped}");

    ftruncate(file.as_fd(), sent).unwrap();
    let (mut received, mut buffer) = (0, vec![0; 1 << 20]);
    while received < sent {
        received += net::recv(client.as_fd(), &mut buffer).unwrap() as u64;
    }
    assert_eq!(received, sent, "the counts are of bytes that arrive");
    wait_for(server.as_fd(), libc::POLLOUT);
    assert_eq!(sendfile(server.as_fd(), file.as_fd(), sent, 100), Ok(0), "the file ended early");
    ftruncate(file.as_fd(), sent + 7).unwrap();
    assert_eq!(sendfile(server.as_fd(), file.as_fd(), sent, 100), Ok(7), "and grew again");
}

#[test]
fn sendfile_to_nobody_is_an_error_not_a_signal() {
    let (_temp, directory, file) = directory_with_file(b"content");
    let (one, other) = net::pair().unwrap();
    assert_eq!(failure(sendfile(one.as_fd(), directory.as_fd(), 0, 1)).0, "sendfile", "a directory");
    drop(other);
    assert_eq!(failure(sendfile(one.as_fd(), file.as_fd(), 0, 7)), ("sendfile", libc::EPIPE));
}

#[test]
fn a_bsds_sendfile_may_fail_and_have_sent() {
    let failed = |errno| Some(Error::new("sendfile", errno));
    for (failure, sent, outcome) in [
        (None, 10, Some(Ok(10))),
        (None, 0, Some(Ok(0))), // the file's end
        (failed(libc::EAGAIN), 10, Some(Ok(10))),
        (failed(libc::EINTR), 10, Some(Ok(10))),
        (failed(libc::EINTR), 0, None),
        (failed(libc::EAGAIN), 0, Some(Err(libc::EAGAIN))),
        (failed(libc::EPIPE), 0, Some(Err(libc::EPIPE))),
        (failed(libc::EIO), 10, Some(Err(libc::EIO))),
    ] {
        assert_eq!(transfer::outcome(failure, sent).map(|o| o.map_err(|e| e.errno())), outcome, "{failure:?} {sent}");
    }
}

/// Reads a directory with each reader: returns the entries, and the number of entries in each step.
type Reader = fn(OwnedFd, usize) -> (Vec<Entry>, Vec<usize>);

const READERS: [(&str, Reader); 2] = [
    ("Directory", |fd, most| {
        let mut directory = Directory::new(fd).unwrap();
        assert_eq!(fstat(directory.as_fd()).unwrap().kind, FileKind::Directory);
        steps(|out| directory.read(out, most).unwrap())
    }),
    ("readdir", |fd, most| {
        let mut stream = readdir::Stream::new(fd).unwrap();
        assert_eq!(fstat(stream.as_fd()).unwrap().kind, FileKind::Directory);
        steps(|out| stream.read(out, most).unwrap())
    }),
];

fn steps(mut read: impl FnMut(&mut Vec<Entry>) -> bool) -> (Vec<Entry>, Vec<usize>) {
    let (mut all, mut counts) = (Vec::new(), Vec::new());
    loop {
        let before = all.len();
        let more = read(&mut all);
        counts.push(all.len() - before);
        if !more {
            return (all, counts);
        }
    }
}

#[test]
fn a_thousand_entries_come_in_bounded_steps() {
    let temp = TempDir::new();
    let odd: [&[u8]; 5] = [b"new\nline", b"\xff\xfe", b" ", b"...", b"-rf"];
    let mut names: BTreeSet<Vec<u8>> = odd.iter().map(|name| name.to_vec()).collect();
    names.extend((0..1000 - odd.len()).map(|i| format!("{i:0>width$}", width = 3 + i % 250).into_bytes()));
    for name in &names {
        std::fs::write(temp.path().join(OsStr::from_bytes(name)), "").unwrap();
    }
    for (reader, read_all) in READERS {
        let open = || open(&c(temp.path()), READ | OpenFlags::DIRECTORY, 0).unwrap();
        for most in [1, 7, 100, 1000, 5000] {
            let (entries, counts) = read_all(open(), most);
            assert_eq!(entries.len(), 1000, "{reader}: none twice, none missing");
            assert_eq!(entries.iter().map(|e| e.name.to_bytes().to_vec()).collect::<BTreeSet<_>>(), names);
            let (_, full) = counts.split_last().unwrap();
            assert!(full.iter().all(|n| *n == most), "{reader}: every step but the last is full: {counts:?}");
            assert!(counts.iter().all(|n| *n <= most));
        }
    }
}

#[test]
fn entries_know_their_kind_and_inode() {
    let (temp, directory, file) = directory_with_file(b"");
    symlink("f", temp.join("link")).unwrap();
    std::fs::create_dir(temp.join("d")).unwrap();
    for (reader, read_all) in READERS {
        let (mut entries, _) = read_all(directory.try_clone().unwrap(), 10);
        if reader == "Directory" {
            rewind(&directory); // the clones share one position
        }
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        for (entry, (name, kind)) in
            entries.iter().zip([(c"d", FileKind::Directory), (c"f", FileKind::File), (c"link", FileKind::Symlink)])
        {
            assert_eq!(entry.name.as_c_str(), name);
            assert!(entry.kind.is_none_or(|k| k == kind), "{entry:?}");
            assert_eq!(entry.inode, fstatat(directory.as_fd(), name, false).unwrap().inode);
        }
        assert_eq!(entries.len(), 3);
        assert_eq!(entries[1].inode, fstat(file.as_fd()).unwrap().inode);
    }
}

fn rewind(directory: &OwnedFd) {
    // SAFETY: the call takes no pointers.
    assert_eq!(unsafe { libc::lseek(directory.as_raw_fd(), 0, libc::SEEK_SET) }, 0);
}

#[test]
fn empty_removed_and_no_directories() {
    let temp = TempDir::new();
    std::fs::create_dir(temp.join("d")).unwrap();
    let path = c(&temp.join("d"));
    for (_, read_all) in READERS {
        assert_eq!(read_all(open(&path, READ, 0).unwrap(), 10), (vec![], vec![0]));
    }
    let file = open(&c(&temp.join("f")), CREATE, 0o600).unwrap();
    assert_eq!(failure(readdir::Stream::new(file.try_clone().unwrap())), ("fdopendir", libc::ENOTDIR));
    let outcome = Directory::new(file).and_then(|mut d| d.read(&mut Vec::new(), 1));
    let call = if cfg!(target_os = "linux") { "getdents64" } else { "fdopendir" };
    assert_eq!(failure(outcome), (call, libc::ENOTDIR));
}

#[cfg(target_os = "linux")]
#[test]
fn reading_on_in_a_removed_directory_is_an_error() {
    let temp = TempDir::new();
    std::fs::create_dir(temp.join("d")).unwrap();
    let mut directory = Directory::new(open(&c(&temp.join("d")), READ, 0).unwrap()).unwrap();
    std::fs::remove_dir(temp.join("d")).unwrap();
    assert_eq!(failure(directory.read(&mut Vec::new(), 1)), ("getdents64", libc::ENOENT));
}

#[cfg(target_os = "linux")]
#[test]
fn a_nameless_file_gets_a_name_or_goes() {
    let (temp, directory, _file) = directory_with_file(b"old");
    let at = directory.as_fd();
    let names = || std::fs::read_dir(temp.path()).unwrap().count();
    let nameless = match open_nameless(at, 0o640) {
        Ok(nameless) => nameless,
        Err(error) => return assert!(error.is_unsupported(), "{error}"), // the file system does not support it
    };
    assert_flags(nameless.as_fd(), false);
    write(nameless.as_fd(), b"new").unwrap();
    assert_eq!((names(), fstat(nameless.as_fd()).unwrap().links), (1, 0));
    assert_eq!(failure(link_nameless(nameless.as_fd(), at, c"f")), ("linkat", libc::EEXIST));
    link_nameless(nameless.as_fd(), at, c"g").unwrap();
    assert_eq!(std::fs::read(temp.join("g")).unwrap(), b"new");
    assert_eq!(std::fs::read(temp.join("f")).unwrap(), b"old");
    drop(open_nameless(at, 0o600).unwrap());
    assert_eq!(names(), 2);
    let not_there = open_nameless(directory_with_file(b"").2.as_fd(), 0o600); // a file is not a directory
    assert_eq!(failure(not_there), ("O_TMPFILE", libc::ENOTDIR));
}

#[test]
fn a_new_name_takes_no_others_place() {
    let (temp, directory, _file) = directory_with_file(b"f");
    let at = directory.as_fd();
    std::fs::write(temp.join("g"), "g").unwrap();
    mkdirat(at, c"d", 0o700).unwrap();
    if rename_new(at, c"g", at, c"h").is_err_and(|error| error.is_unsupported()) {
        return; // not on this system
    }
    for (from, to) in [(c"f", c"h"), (c"f", c"d"), (c"d", c"f")] {
        assert!(rename_new(at, from, at, to).is_err_and(|error| error.is_taken()), "{from:?} {to:?}");
    }
    rename_new(at, c"d", at, c"e").unwrap();
    assert_eq!(std::fs::read(temp.join("h")).unwrap(), b"g");
    assert!(temp.join("e").is_dir() && temp.join("f").is_file());
}

#[test]
fn bytes_are_copied_from_file_to_file() {
    let (temp, _directory, _file) = directory_with_file(b"0123456789");
    let from = open(&c(&temp.join("f")), READ, 0).unwrap();
    let to = open(&c(&temp.join("g")), CREATE, 0o600).unwrap();
    match copy_file_range(from.as_fd(), to.as_fd(), 4) {
        Err(error) => assert!(error.is_unsupported() || error.is_cross_device(), "{error}"),
        Ok(count) => {
            let mut all = count;
            while all < 10 {
                all += copy_file_range(from.as_fd(), to.as_fd(), 100).unwrap();
            }
            assert_eq!(copy_file_range(from.as_fd(), to.as_fd(), 100), Ok(0), "the end");
            assert_eq!(std::fs::read(temp.join("g")).unwrap(), b"0123456789");
        }
    }
}

#[test]
fn mode_times_and_owner_are_set() {
    let (_temp, _directory, file) = directory_with_file(b"");
    fchmod(file.as_fd(), 0o666).unwrap();
    let stat = fstat(file.as_fd()).unwrap();
    assert_eq!(stat.mode, 0o666, "whatever the umask is");
    set_modified(file.as_fd(), 123_456_789).unwrap();
    assert_eq!(fstat(file.as_fd()).unwrap().modified_secs, 123_456_789);
    fchown(file.as_fd(), stat.owner, stat.group).unwrap();
    assert_eq!(fstat(file.as_fd()).unwrap().owner, stat.owner);
}

#[test]
fn reading_fills_the_spare_room_of_a_buffer() {
    let (temp, _directory, _file) = directory_with_file(b"0123456789");
    let file = open(&c(&temp.join("f")), READ, 0).unwrap();
    let mut buffer = Vec::with_capacity(8);
    buffer.extend_from_slice(b"ab");
    let room = buffer.capacity() - 2;
    assert_eq!(read_spare(file.as_fd(), &mut buffer), Ok(room.min(10)));
    assert_eq!(buffer, [&b"ab"[..], &b"0123456789"[..room.min(10)]].concat());
    assert_eq!(read_spare(file.as_fd(), &mut Vec::new()), Ok(0), "no room");
    let mut rest = Vec::with_capacity(100);
    assert_eq!(read_spare(file.as_fd(), &mut rest), Ok(10 - room.min(10)));
    assert_eq!(read_spare(file.as_fd(), &mut rest), Ok(0), "the end");
}

//! The emulation behaves as the man page says, with all pitfalls: else the tests of `kqueue.rs` would be too easy.

use super::*;
use crate::signal::Signal::Usr2;
use std::io::{PipeReader, PipeWriter, Read, Write, pipe};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;

const NOW: Option<Duration> = Some(Duration::ZERO);

/// The emulation, behind the same wrapper that kqueue.rs calls, with room for eight events.
struct Kq(OwnedFd);

impl Kq {
    fn new() -> Self {
        Self(super::super::ffi::kqueue::kqueue().unwrap())
    }

    /// The events, or the errno.
    fn kevent(&self, changes: &[KEvent], room: usize, timeout: Option<Duration>) -> Result<Vec<KEvent>, Errno> {
        let mut events = vec![KEvent::NONE; room];
        let result = super::super::ffi::kqueue::kevent(&self.0, changes, &mut events, timeout);
        let n = result.map_err(|error| error.errno())?;
        events.truncate(n);
        Ok(events)
    }

    fn change(&self, change: KEvent) -> Result<(), Errno> {
        self.kevent(&[change], 0, NOW).map(drop)
    }

    #[track_caller]
    fn one(&self) -> KEvent {
        let events = self.kevent(&[], 8, NOW).unwrap();
        assert_eq!(events.len(), 1, "{events:?}");
        events[0]
    }

    #[track_caller]
    fn assert_quiet(&self) {
        assert!(self.kevent(&[], 8, NOW).unwrap().is_empty());
    }
}

fn read_of(fd: &impl AsRawFd, flags: Flags) -> KEvent {
    KEvent { ident: fd.as_raw_fd() as usize, filter: EVFILT_READ, flags, udata: 7, ..KEvent::NONE }
}

fn exit_of(pid: u32, flags: Flags) -> KEvent {
    KEvent { ident: pid as usize, filter: EVFILT_PROC, flags, fflags: NOTE_EXIT, udata: 7, ..KEvent::NONE }
}

/// A pipe with three bytes in it.
fn filled() -> (PipeReader, PipeWriter) {
    let (read_end, mut write_end) = pipe().unwrap();
    write_end.write_all(b"abc").unwrap();
    (read_end, write_end)
}

#[test]
fn errors_of_changes_are_events_while_there_is_room() {
    let kq = Kq::new();
    let (read_end, _write_end) = filled();
    let nothing = read_of(&read_end, EV_DELETE);
    let closed = KEvent { ident: 1 << 30, ..read_of(&read_end, EV_ADD) };
    let filter = KEvent { filter: 99, ..read_of(&read_end, EV_ADD) };
    assert_eq!(kq.change(nothing), Err(libc::ENOENT));
    assert_eq!(kq.change(KEvent { flags: EV_DELETE, ..closed }), Err(libc::EBADF));
    let good = read_of(&read_end, EV_ADD);
    let errors = kq.kevent(&[nothing, good, closed, filter], 8, None).unwrap();
    let told: Vec<_> = errors.iter().map(|e| (e.flags, e.data as Errno, e.udata)).collect();
    let expected = [libc::ENOENT, libc::EBADF, libc::EINVAL].map(|errno| (EV_ERROR, errno, 7));
    assert_eq!(told, expected, "no event of the readable pipe");
    assert_eq!(kq.one().data, 3, "the valid change was applied");
}

#[test]
fn a_receipt_is_an_error_of_0_and_leaves_events_for_later() {
    let kq = Kq::new();
    let (read_end, _write_end) = filled();
    let receipts = kq.kevent(&[read_of(&read_end, EV_ADD | EV_RECEIPT)], 8, None).unwrap();
    assert_eq!(receipts.len(), 1);
    assert_eq!((receipts[0].flags, receipts[0].data), (EV_ERROR, 0));
    assert_eq!(kq.one().data, 3);
}

#[test]
fn closing_a_descriptor_removes_its_knotes() {
    let kq = Kq::new();
    let (read_end, mut write_end) = pipe().unwrap();
    let delete = read_of(&read_end, EV_DELETE);
    kq.change(read_of(&read_end, EV_ADD)).unwrap();
    let elsewhere = read_end.try_clone().unwrap(); // as if a forked child had it open, too
    drop(read_end);
    write_end.write_all(b"abc").unwrap();
    kq.assert_quiet();
    assert!(matches!(kq.change(delete), Err(libc::EBADF | libc::ENOENT)), "the number may belong to another file now");
    drop(elsewhere);
    kq.assert_quiet();
}

#[test]
fn a_level_fires_again_an_edge_does_not_and_a_one_shot_fires_once() {
    let kq = Kq::new();
    let (mut read_end, mut write_end) = filled();
    kq.change(read_of(&read_end, EV_ADD)).unwrap();
    assert_eq!((kq.one().data, kq.one().data), (3, 3));
    read_end.read_exact(&mut [0; 2]).unwrap();
    assert_eq!(kq.one().data, 1);
    kq.change(read_of(&read_end, EV_DELETE)).unwrap();
    kq.assert_quiet();
    kq.change(read_of(&read_end, EV_ADD | EV_CLEAR)).unwrap();
    assert_eq!(kq.one().data, 1);
    kq.assert_quiet();
    write_end.write_all(b"d").unwrap();
    assert_eq!(kq.one().data, 2);
    kq.change(read_of(&read_end, EV_DELETE)).unwrap();
    kq.change(read_of(&read_end, EV_ADD | EV_ONESHOT)).unwrap();
    assert_eq!(kq.one().data, 2);
    kq.assert_quiet();
    assert_eq!(kq.change(read_of(&read_end, EV_DELETE)), Err(libc::ENOENT));
}

#[test]
fn a_disabled_knote_stays_and_does_not_fire() {
    let kq = Kq::new();
    let (read_end, _write_end) = filled();
    kq.change(read_of(&read_end, EV_ADD)).unwrap();
    kq.change(read_of(&read_end, EV_DISABLE)).unwrap();
    kq.assert_quiet();
    kq.change(read_of(&read_end, EV_ADD)).unwrap();
    kq.assert_quiet();
    kq.change(read_of(&read_end, EV_ENABLE)).unwrap();
    assert_eq!(kq.one().data, 3);
}

#[test]
fn a_second_add_changes_the_user_data_and_keeps_the_edge() {
    let kq = Kq::new();
    let (read_end, mut write_end) = filled();
    kq.change(read_of(&read_end, EV_ADD | EV_CLEAR)).unwrap();
    assert_eq!(kq.one().udata, 7);
    kq.change(KEvent { udata: 8, ..read_of(&read_end, EV_ADD) }).unwrap();
    write_end.write_all(b"d").unwrap();
    let event = kq.one();
    assert_eq!((event.udata, event.flags & EV_CLEAR), (8, EV_CLEAR));
    kq.assert_quiet();
}

#[test]
fn a_receipt_without_room_drops_the_changes_after_it() {
    let kq = Kq::new();
    let (one, two) = (filled(), filled());
    let changes = [read_of(&one.0, EV_ADD | EV_RECEIPT), read_of(&two.0, EV_ADD)];
    assert_eq!(kq.kevent(&changes, 0, NOW).unwrap().len(), 0);
    assert_eq!(kq.one().ident, one.0.as_raw_fd() as usize);
}

#[test]
fn eof_is_reported_with_the_bytes_that_are_left() {
    let kq = Kq::new();
    let (read_end, write_end) = filled();
    kq.change(read_of(&read_end, EV_ADD)).unwrap();
    assert_eq!(kq.one().flags & EV_EOF, 0);
    drop(write_end);
    // A child that another test forks has the write end open, too, until it calls execve.
    let end = std::iter::repeat_with(|| kq.one()).find(|event| event.flags & EV_EOF != 0).unwrap();
    assert_eq!((end.data, end.fflags), (3, 0));
}

fn write_of(fd: &impl AsRawFd) -> KEvent {
    KEvent { filter: EVFILT_WRITE, ..read_of(fd, EV_ADD) }
}

#[test]
fn a_pipe_without_a_reader_is_refused() {
    let kq = Kq::new();
    let (read_end, write_end) = pipe().unwrap();
    drop(read_end);
    // A child that another test forks has the read end open, too, until it calls execve.
    let refused = |_| loop {
        match kq.change(write_of(&write_end)) {
            Ok(()) => kq.change(KEvent { flags: EV_DELETE, ..write_of(&write_end) }).unwrap(),
            Err(errno) => break errno,
        }
    };
    assert_eq!([1, 2].map(refused), [libc::EBADF, libc::EPIPE]);
}

#[test]
fn the_write_side_ends_with_our_own_shutdown_and_without_an_error() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (unix_near, _unix_far) = UnixStream::pair().unwrap();
    for (number, shut) in [
        (near.as_raw_fd(), Box::new(|| near.shutdown(Shutdown::Write)) as Box<dyn Fn() -> std::io::Result<()>>),
        (unix_near.as_raw_fd(), Box::new(|| unix_near.shutdown(Shutdown::Write))),
    ] {
        let kq = Kq::new();
        kq.change(write_of(&number)).unwrap();
        let open = kq.one();
        assert!(open.flags & EV_EOF == 0 && open.data > 4096, "the free part of the buffer: {open:?}");
        shut().unwrap();
        let end = kq.one();
        assert_eq!((end.flags & EV_EOF, end.fflags), (EV_EOF, 0));
    }
}

#[test]
fn a_socket_that_was_never_connected_is_silent_until_then() {
    let kq = Kq::new();
    // SAFETY: takes no pointer, and the new descriptor has no other owner.
    let near = unsafe { OwnedFd::from_raw_fd(libc::socket(libc::AF_INET, libc::SOCK_STREAM | libc::SOCK_CLOEXEC, 0)) };
    kq.change(write_of(&near)).unwrap();
    kq.change(read_of(&near, EV_ADD)).unwrap();
    kq.assert_quiet();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let std::net::SocketAddr::V4(to) = listener.local_addr().unwrap() else { unreachable!("bound to IPv4") };
    // SAFETY: sockaddr_in is plain data; the call reads one.
    let connected = unsafe {
        let mut address: libc::sockaddr_in = std::mem::zeroed();
        address.sin_family = libc::AF_INET as _;
        address.sin_port = to.port().to_be();
        address.sin_addr.s_addr = u32::from(*to.ip()).to_be();
        libc::connect(near.as_raw_fd(), (&raw const address).cast(), size_of_val(&address) as u32)
    };
    assert_eq!(connected, 0);
    assert_eq!(kq.one().filter, EVFILT_WRITE);
}

#[test]
fn a_listening_socket_has_the_number_of_waiting_connections() {
    let kq = Kq::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    kq.change(read_of(&listener, EV_ADD)).unwrap();
    let connect = || TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let _clients = [connect(), connect(), connect()];
    assert_eq!(kq.one().data, 3);
}

#[test]
fn of_three_children_that_run_two_are_told_too_early() {
    let kq = Kq::new();
    let mut children: Vec<_> = (0..3)
        .map(|_| std::process::Command::new("cat").stdin(std::process::Stdio::piped()).spawn().unwrap())
        .collect();
    let added = |child: &std::process::Child| kq.change(exit_of(child.id(), EV_ADD));
    assert_eq!(children.iter().map(added).collect::<Vec<_>>(), [Ok(()), Ok(()), Err(libc::ESRCH)]);
    let early = kq.one();
    assert_eq!((early.ident, early.fflags), (children[1].id() as usize, NOTE_EXIT));
    kq.assert_quiet();
    for child in &mut children {
        assert!(child.try_wait().unwrap().is_none());
        drop(child.stdin.take());
        child.wait().unwrap();
    }
    assert_eq!(kq.one().ident, children[0].id() as usize);
    kq.assert_quiet();
}

#[test]
fn signals_are_counted_for_every_queue_and_stay_pending() {
    crate::testing::passes_with_blocked("poller::kqueue_shim::tests::signals_alone", &[Usr2]);
}

#[test]
#[ignore = "run by signals_are_counted_for_every_queue_and_stay_pending"]
fn signals_alone() {
    crate::testing::assert_own_process("poller::kqueue_shim::tests::signals_alone");
    let send = || crate::process::kill(crate::process::pid(), Usr2).unwrap();
    let usr2 = KEvent { ident: Usr2 as usize, filter: EVFILT_SIGNAL, flags: EV_ADD | EV_CLEAR, ..KEvent::NONE };
    send();
    let (one, two) = (Kq::new(), Kq::new());
    one.change(usr2).unwrap();
    one.assert_quiet(); // it was pending before
    assert!(take_pending(Usr2 as i32) && !take_pending(Usr2 as i32));
    one.assert_quiet();
    send();
    two.change(usr2).unwrap();
    two.assert_quiet();
    send();
    assert_eq!((two.one().data, one.one().data), (1, 2));
    assert!(take_pending(Usr2 as i32) && !take_pending(Usr2 as i32));
    // SAFETY: takes no pointer. raise(3) is for the calling thread.
    assert_eq!(unsafe { libc::raise(Usr2 as i32) }, 0);
    one.assert_quiet();
    assert!(take_pending(Usr2 as i32));
    one.change(KEvent { flags: EV_DELETE, ..usr2 }).unwrap();
    send();
    one.assert_quiet();
    assert_eq!(two.one().data, 1);
}

#[test]
fn an_exit_fires_once_and_is_esrch_afterwards() {
    let kq = Kq::new();
    let mut child = std::process::Command::new("cat").stdin(std::process::Stdio::piped()).spawn().unwrap();
    kq.change(exit_of(child.id(), EV_ADD)).unwrap();
    kq.assert_quiet();
    drop(child.stdin.take());
    let exit = kq.kevent(&[], 8, None).unwrap();
    assert_eq!(exit.len(), 1);
    assert_eq!((exit[0].fflags, exit[0].flags & EV_EOF, exit[0].udata), (NOTE_EXIT, EV_EOF, 7));
    kq.assert_quiet();
    assert_eq!(kq.change(exit_of(child.id(), EV_DELETE)), Err(libc::ENOENT));
    assert_eq!(kq.change(exit_of(child.id(), EV_ADD)), Err(libc::ESRCH), "a zombie");
    child.wait().unwrap();
    assert_eq!(kq.change(exit_of(child.id(), EV_ADD)), Err(libc::ESRCH));
}

#[test]
fn events_without_room_come_with_the_next_call() {
    let kq = Kq::new();
    let pipes: Vec<_> = (0..5).map(|_| filled()).collect();
    for (read_end, _) in &pipes {
        kq.change(read_of(read_end, EV_ADD | EV_ONESHOT)).unwrap();
    }
    let counts: Vec<_> = (0..4).map(|_| kq.kevent(&[], 2, NOW).unwrap().len()).collect();
    assert_eq!(counts, [2, 2, 1, 0]);
}

#[test]
fn a_descriptor_that_is_no_kqueue_is_refused() {
    let (read_end, _write_end) = filled();
    let kq = Kq(read_end.into());
    assert_eq!(kq.kevent(&[], 8, NOW).err(), Some(libc::EBADF));
}

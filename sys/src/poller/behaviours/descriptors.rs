//! Reading and writing: sockets and pipes.

use super::*;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::fd::FromRawFd;
use std::os::unix::net::UnixStream;

/// Both ends of a TCP connection over the loopback interface.
fn tcp_pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (near, listener.accept().unwrap().0)
}

/// Writes until the kernel takes no more.
fn fill(stream: &UnixStream) {
    stream.set_nonblocking(true).unwrap();
    while (&mut &*stream).write(&[0; 4096]).is_ok() {}
}

#[test]
fn readable_when_there_are_bytes() {
    each(|poller| {
        let (read_end, write_end) = pipe();
        poller.arm(Watch::Read(read_end.as_fd()), token(1)).unwrap();
        assert_quiet(poller);
        write(&write_end, b"x");
        assert_eq!(fired(poller), [Ready { token: token(1), hangup: false }]);
    });
}

#[test]
fn readable_when_a_connection_waits() {
    each(|poller| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        poller.arm(Watch::Read(listener.as_fd()), token(1)).unwrap();
        assert_quiet(poller);
        let _near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        assert_eq!(fired(poller), [Ready { token: token(1), hangup: false }]);
    });
}

#[test]
fn writable_while_there_is_room() {
    each(|poller| {
        let (near, mut far) = UnixStream::pair().unwrap();
        poller.arm(Watch::Write(near.as_fd()), token(1)).unwrap();
        assert_eq!(fired(poller), [Ready { token: token(1), hangup: false }]);
        fill(&near);
        assert_quiet(poller);
        far.set_nonblocking(true).unwrap();
        while far.read(&mut [0; 4096]).is_ok() {}
        assert_eq!(fired(poller), [Ready { token: token(1), hangup: false }]);
    });
}

#[test]
fn the_directions_of_a_socket_have_tokens_of_their_own() {
    each(|poller| {
        let (near, far) = UnixStream::pair().unwrap();
        poller.arm(Watch::Read(near.as_fd()), token(1)).unwrap();
        poller.arm(Watch::Write(near.as_fd()), token(2)).unwrap();
        assert_eq!(tokens(poller), [token(2)], "no bytes yet");
        write(&far, b"x");
        assert_eq!(tokens(poller), [token(1), token(2)]);
        poller.disarm(Watch::Write(near.as_fd())).unwrap();
        assert_eq!(tokens(poller), [token(1)]);
        poller.arm(Watch::Write(near.as_fd()), token(3)).unwrap();
        poller.disarm(Watch::Read(near.as_fd())).unwrap();
        assert_eq!(tokens(poller), [token(3)]);
        poller.disarm(Watch::Write(near.as_fd())).unwrap();
        assert_quiet(poller);
    });
}

#[test]
fn a_watch_fires_again_until_its_cause_is_gone() {
    each(|poller| {
        let (read_end, write_end) = pipe();
        poller.arm(Watch::Read(read_end.as_fd()), token(1)).unwrap();
        write(&write_end, &[b'x'; 65]);
        for _ in 0..3 {
            assert_eq!(tokens(poller), [token(1)]);
        }
        assert_eq!(read(&read_end).len(), 64);
        assert_eq!(tokens(poller), [token(1)], "one byte is left");
        assert_eq!(read(&read_end).len(), 1);
        assert_quiet(poller);
    });
}

#[test]
fn disarmed_is_quiet_and_armed_anew_fires_again() {
    each(|poller| {
        let (read_end, write_end) = pipe();
        write(&write_end, b"x");
        poller.arm(Watch::Read(read_end.as_fd()), token(1)).unwrap();
        poller.disarm(Watch::Read(read_end.as_fd())).unwrap();
        assert_quiet(poller);
        poller.arm(Watch::Read(read_end.as_fd()), token(2)).unwrap();
        assert_eq!(tokens(poller), [token(2)]);
        poller.disarm(Watch::Read(read_end.as_fd())).unwrap();
        assert_quiet(poller);
        drop(write_end);
        assert_quiet(poller); // with an empty event mask, epoll would report the hangup
    });
}

#[test]
fn arming_again_changes_the_token() {
    each(|poller| {
        let (read_end, write_end) = pipe();
        write(&write_end, b"x");
        poller.arm(Watch::Read(read_end.as_fd()), token(1)).unwrap();
        poller.arm(Watch::Read(read_end.as_fd()), token(2)).unwrap();
        assert_eq!(tokens(poller), [token(2)]);
        let later = Token { index: 1, generation: 7 };
        poller.arm(Watch::Read(read_end.as_fd()), later).unwrap();
        assert_eq!(tokens(poller), [later]);
    });
}

#[test]
fn tokens_are_carried_whole() {
    each(|poller| {
        let (near, far) = UnixStream::pair().unwrap();
        write(&far, b"x");
        let last = Token { index: u32::MAX, generation: u32::MAX - 1 };
        poller.arm(Watch::Read(near.as_fd()), token(0)).unwrap();
        poller.arm(Watch::Write(near.as_fd()), last).unwrap();
        assert_eq!(tokens(poller), [token(0), last]);
    });
}

#[test]
fn disarming_what_is_not_armed_is_no_error() {
    each(|poller| {
        let (near, _far) = UnixStream::pair().unwrap();
        poller.disarm(Watch::Read(near.as_fd())).unwrap();
        poller.disarm(Watch::Exit(1)).unwrap();
        poller.disarm(Watch::Signal(Signal::Usr2)).unwrap();
        poller.disarm(Watch::Change(near.as_fd())).unwrap();
        poller.disarm(Watch::Always).unwrap();
        assert_quiet(poller);
    });
}

/// Closes `fd` and opens a pipe with a byte in it that gets the same number; returns its ends.
fn reuse(number: i32, fd: OwnedFd) -> (OwnedFd, OwnedFd) {
    let (read_end, write_end) = pipe();
    drop(fd);
    // SAFETY: plain numbers; `number` has just been closed. Another test may have taken it meanwhile, which dup2 would
    // close: so take the number only if it is free, by F_DUPFD's rule of the lowest free one.
    let again = unsafe { libc::fcntl(read_end.as_raw_fd(), libc::F_DUPFD_CLOEXEC, number) };
    assert!(again >= 0);
    write(&write_end, b"y");
    // SAFETY: fcntl has just opened this descriptor; it has no other owner.
    (unsafe { OwnedFd::from_raw_fd(again) }, write_end)
}

#[test]
fn a_reused_descriptor_does_not_fire_for_its_former_owner() {
    each(|poller| {
        // All combinations of waits between the steps, so that kqueue sends its changes together or separately.
        for waits in 0..8 {
            let (old, _old_write_end) = pipe();
            let number = old.as_raw_fd();
            poller.arm(Watch::Read(old.as_fd()), token(1)).unwrap();
            if waits & 1 != 0 {
                assert_quiet(poller);
            }
            poller.disarm(Watch::Read(old.as_fd())).unwrap();
            if waits & 2 != 0 {
                assert_quiet(poller);
            }
            let (new, _new_write_end) = reuse(number, old);
            if waits & 4 != 0 {
                assert_quiet(poller);
            }
            poller.arm(Watch::Read(new.as_fd()), token(2)).unwrap();
            assert_eq!(tokens(poller), [token(2)], "waits {waits:#b}");
            poller.disarm(Watch::Read(new.as_fd())).unwrap();
            assert_quiet(poller);
        }
    });
}

#[test]
fn after_a_hangup_the_bytes_left_can_be_read() {
    each(|poller| {
        let (near, far) = UnixStream::pair().unwrap();
        let (read_end, write_end) = pipe();
        for (near, far) in [(OwnedFd::from(near), OwnedFd::from(far)), (read_end, write_end)] {
            poller.arm(Watch::Read(near.as_fd()), token(1)).unwrap();
            write(&far, b"last words");
            drop(far);
            assert_eq!(tokens(poller), [token(1)]);
            assert_eq!(read(&near), b"last words");
            assert_eq!(tokens(poller), [token(1)], "EOF is readable, too");
            assert_eq!(read(&near), b"");
            poller.disarm(Watch::Read(near.as_fd())).unwrap();
        }
    });
}

#[test]
fn a_half_close_is_the_end_to_be_read_and_no_hangup() {
    each(|poller| {
        let (unix_near, unix_far) = UnixStream::pair().unwrap();
        unix_far.shutdown(Shutdown::Write).unwrap();
        let (tcp_near, tcp_far) = tcp_pair();
        tcp_far.shutdown(Shutdown::Write).unwrap();
        for (near, far) in
            [(OwnedFd::from(unix_near), OwnedFd::from(unix_far)), (OwnedFd::from(tcp_near), OwnedFd::from(tcp_far))]
        {
            poller.arm(Watch::Read(near.as_fd()), token(1)).unwrap();
            assert_eq!(fired(poller), [Ready { token: token(1), hangup: false }]);
            assert_eq!(read(&near), b"");
            poller.disarm(Watch::Read(near.as_fd())).unwrap();
            poller.arm(Watch::Write(near.as_fd()), token(2)).unwrap();
            assert_eq!(fired(poller), [Ready { token: token(2), hangup: false }]);
            write(&near, b"answer");
            assert_eq!(read(&far), b"answer");
            poller.disarm(Watch::Write(near.as_fd())).unwrap();
        }
    });
}

#[test]
fn a_reset_hangs_up_both_directions() {
    each(|poller| {
        let (near, far) = tcp_pair();
        poller.arm(Watch::Read(near.as_fd()), token(1)).unwrap();
        poller.arm(Watch::Write(near.as_fd()), token(2)).unwrap();
        assert_eq!(tokens(poller), [token(2)]);
        let linger = libc::linger { l_onoff: 1, l_linger: 0 };
        // SAFETY: the option's value is one struct linger.
        let set = unsafe {
            let value = (&raw const linger).cast();
            libc::setsockopt(far.as_raw_fd(), libc::SOL_SOCKET, libc::SO_LINGER, value, size_of_val(&linger) as u32)
        };
        assert_eq!(set, 0);
        drop(far); // sends RST
        let hangup = poller.name() != "select";
        let both = [Ready { token: token(1), hangup }, Ready { token: token(2), hangup }];
        let mut ready = fired(poller);
        while ready.len() < 2 {
            ready = fired(poller); // the reset had not arrived yet: only writable
        }
        ready.sort_by_key(|ready| ready.token);
        assert_eq!(ready, both);
    });
}

#[test]
fn a_pipe_that_nobody_reads_is_writable_and_hung_up() {
    each(|poller| {
        let (read_end, write_end) = pipe();
        poller.arm(Watch::Write(write_end.as_fd()), token(1)).unwrap();
        drop(read_end);
        assert_eq!(fired(poller), [Ready { token: token(1), hangup: poller.name() != "select" }]);
    });
}

#[test]
fn a_refused_connection_is_writable() {
    each(|poller| {
        let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let std::net::SocketAddr::V4(closed) = closed else { unreachable!("bound to IPv4") };
        // SAFETY: takes no pointer; the descriptor is ours alone.
        let near = unsafe { TcpStream::from_raw_fd(libc::socket(libc::AF_INET, libc::SOCK_STREAM, 0)) };
        near.set_nonblocking(true).unwrap();
        // SAFETY: sockaddr_in is plain data, for which zeros are valid.
        let mut address: libc::sockaddr_in = unsafe { std::mem::zeroed() };
        address.sin_family = libc::AF_INET as _;
        address.sin_port = closed.port().to_be();
        address.sin_addr.s_addr = u32::from(*closed.ip()).to_be();
        // SAFETY: the address is one sockaddr_in of the length given.
        unsafe { libc::connect(near.as_raw_fd(), (&raw const address).cast(), size_of_val(&address) as u32) };
        poller.arm(Watch::Write(near.as_fd()), token(1)).unwrap();
        assert_eq!(tokens(poller), [token(1)]);
        assert_eq!(near.take_error().unwrap().unwrap().kind(), std::io::ErrorKind::ConnectionRefused);
    });
}

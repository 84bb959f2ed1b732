//! What kqueue(2) tells of sockets and pipes, from Linux's calls.

use super::Errno;
use std::ffi::{c_int, c_short};
use std::os::fd::RawFd;

/// The state of a descriptor, as poll(2) shows it.
#[derive(Clone, Copy)]
pub struct State {
    is_socket: bool,
    revents: c_short,
}

impl State {
    pub fn of(fd: RawFd) -> Self {
        let mut poll = libc::pollfd { fd, events: libc::POLLIN | libc::POLLOUT | libc::POLLRDHUP, revents: 0 };
        // SAFETY: the call writes to the one pollfd; the other writes the one struct stat, which is plain data.
        unsafe {
            let mut stat: libc::stat = std::mem::zeroed();
            let is_socket = libc::fstat(fd, &raw mut stat) == 0 && stat.st_mode & libc::S_IFMT == libc::S_IFSOCK;
            libc::poll(&raw mut poll, 1, 0);
            Self { is_socket, revents: poll.revents }
        }
    }

    fn has(self, events: c_short) -> bool {
        self.revents & events != 0
    }

    /// A socket that was never connected and does not listen. Linux reports a hangup, kqueue(2) nothing.
    pub fn is_unconnected(self) -> bool {
        self.is_socket && self.has(libc::POLLHUP) && !self.has(libc::POLLRDHUP | libc::POLLERR)
    }

    /// The write end of a pipe whose read ends are all closed.
    pub fn has_no_reader(self) -> bool {
        !self.is_socket && self.has(libc::POLLERR)
    }

    /// `fflags` of an event with `EV_EOF`: the pending error of a socket. (Reading it would clear it, but the task's
    /// next call must get it.) Pipes have none.
    pub fn error(self) -> u32 {
        if self.is_socket && self.has(libc::POLLERR) { libc::ECONNRESET as u32 } else { 0 }
    }

    /// The other side has stopped sending.
    pub fn is_at_end(self) -> bool {
        self.has(libc::POLLHUP | libc::POLLRDHUP | libc::POLLERR)
    }

    /// Nothing can be sent any more: the other side is closed, or this side has called shutdown(2).
    pub fn is_shut(self, fd: RawFd) -> bool {
        self.has(libc::POLLHUP | libc::POLLERR) || (self.is_socket && has_shut(fd))
    }
}

/// True if this socket has called shutdown(2) with `SHUT_WR`: then it refuses even no bytes.
fn has_shut(socket: RawFd) -> bool {
    let flags = libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT;
    // SAFETY: the call reads no bytes.
    let refused = unsafe { libc::send(socket, [].as_ptr(), 0, flags) } == -1;
    refused && crate::Error::last("send").errno() == libc::EPIPE
}

/// The errno with which some systems refuse to watch a pipe that has no reader. FreeBSD: `EPIPE`. NetBSD: `EBADF`.
pub fn refusal_without_reader(count: u64) -> Errno {
    if count.is_multiple_of(2) { libc::EPIPE } else { libc::EBADF }
}

/// The number of bytes that can be read; for a listening socket, the number of connections that wait.
pub fn readable(fd: RawFd) -> i64 {
    let mut bytes: c_int = 0;
    // SAFETY: FIONREAD writes one int.
    if unsafe { libc::ioctl(fd, libc::FIONREAD, &raw mut bytes) } == 0 {
        return bytes.into();
    }
    // SAFETY: a struct tcp_info is plain data, and the call writes at most its size.
    unsafe {
        let mut info: libc::tcp_info = std::mem::zeroed();
        let mut size = size_of_val(&info) as libc::socklen_t;
        let to = (&raw mut info).cast();
        match libc::getsockopt(fd, libc::IPPROTO_TCP, libc::TCP_INFO, to, &raw mut size) {
            0 => info.tcpi_unacked.into(),
            _ => 1, // a listening unix socket: at least 1, as it is ready
        }
    }
}

/// The number of bytes that can be written before a call would block: the free part of the buffer.
pub fn writable(fd: RawFd) -> i64 {
    let (mut size, mut used): (c_int, c_int) = (0, 0);
    // SAFETY: the calls write one int each (and the length of the option).
    unsafe {
        let mut length = size_of_val(&size) as libc::socklen_t;
        let to = (&raw mut size).cast();
        if libc::getsockopt(fd, libc::SOL_SOCKET, libc::SO_SNDBUF, to, &raw mut length) == 0 {
            libc::ioctl(fd, libc::TIOCOUTQ, &raw mut used);
        } else {
            size = libc::fcntl(fd, libc::F_GETPIPE_SZ);
            libc::ioctl(fd, libc::FIONREAD, &raw mut used);
        }
    }
    (size - used).max(1).into()
}

/// The bytes of a regular file after its offset. Returns `None` at its end.
pub fn left_in_file(fd: RawFd) -> Option<i64> {
    // SAFETY: the calls take no pointers.
    let left = unsafe {
        let offset = libc::lseek(fd, 0, libc::SEEK_CUR);
        let size = libc::lseek(fd, 0, libc::SEEK_END);
        libc::lseek(fd, offset, libc::SEEK_SET);
        size - offset
    };
    Some(left).filter(|left| *left > 0)
}

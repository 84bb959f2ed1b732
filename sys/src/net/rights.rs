//! Passes open descriptors to another process over a unix socket: `SCM_RIGHTS` in unix(7).

use crate::{Error, Result};
use libc::{c_int, c_uint};
use std::io::{IoSlice, IoSliceMut};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::time::Duration;
use std::{mem, ptr};

/// The size of one descriptor in a control message.
const FD_BYTES: c_uint = size_of::<RawFd>() as c_uint;

/// Room for a control message with one descriptor, aligned as `cmsghdr` must be.
type Control = [u64; 8];

#[cfg(target_os = "macos")]
const RECEIVE_FLAGS: c_int = 0;
#[cfg(not(target_os = "macos"))]
const RECEIVE_FLAGS: c_int = libc::MSG_CMSG_CLOEXEC;

/// The descriptor that came with some bytes.
#[derive(Debug)]
pub enum Passed {
    /// None came.
    Nothing,
    /// This one came. It is closed on exec.
    Descriptor(OwnedFd),
    /// One was sent, and the kernel has closed it: this process has no free descriptor.
    Lost,
}

/// Sends bytes, and a copy of the descriptor with the first of them: sendmsg(2) with `SCM_RIGHTS`. Returns how many
/// bytes were sent. If that is less than all, the descriptor has been sent with them.
///
/// Errors: `EAGAIN` (no room: nothing was sent), `EPIPE` (the other side is closed).
pub fn send_descriptor(socket: BorrowedFd<'_>, bytes: &[u8], descriptor: BorrowedFd<'_>) -> Result<usize> {
    let mut control: Control = [0; 8];
    let slice = IoSlice::new(bytes);
    let mut message = message(&mut control);
    message.msg_iov = (&raw const slice).cast_mut().cast();
    message.msg_iovlen = 1;
    // SAFETY: the control buffer has room for one descriptor and is aligned for the header, so `first` points to a
    // header in it, with FD_BYTES bytes of data behind it.
    unsafe {
        let first = libc::CMSG_FIRSTHDR(&raw const message);
        (*first).cmsg_level = libc::SOL_SOCKET;
        (*first).cmsg_type = libc::SCM_RIGHTS;
        (*first).cmsg_len = libc::CMSG_LEN(FD_BYTES) as _;
        ptr::write_unaligned(libc::CMSG_DATA(first).cast::<RawFd>(), descriptor.as_raw_fd());
    }
    // SAFETY: IoSlice has the layout of iovec (std promises it). The kernel reads the slice's bytes and the control
    // message, which outlive the call, and writes nothing.
    let sent = unsafe { syscall!(sendmsg(socket.as_raw_fd(), &raw const message, libc::MSG_NOSIGNAL)) }?;
    Ok(sent as usize)
}

/// Reads bytes, and a descriptor that was sent with one of them: recvmsg(2). One call returns at most one descriptor.
/// `Ok((0, _))`: the other side is closed.
///
/// Errors: `EAGAIN` (no bytes now), `ECONNRESET`.
// The length of a control message is u32 on the BSDs, and usize on Linux.
#[allow(clippy::unnecessary_cast)]
pub fn receive_descriptor(socket: BorrowedFd<'_>, buffer: &mut [u8]) -> Result<(usize, Passed)> {
    let mut control: Control = [0; 8];
    let mut slice = IoSliceMut::new(buffer);
    let mut message = message(&mut control);
    message.msg_iov = (&raw mut slice).cast();
    message.msg_iovlen = 1;
    // SAFETY: IoSliceMut has the layout of iovec (std promises it). The kernel writes into the slice's bytes, into the
    // control buffer, and into the message, which outlive the call.
    let count = unsafe { syscall!(recvmsg(socket.as_raw_fd(), &raw mut message, RECEIVE_FLAGS)) }?;
    let mut passed = Passed::Nothing;
    // SAFETY: the kernel has set the length of the control data, in which CMSG_FIRSTHDR finds a header or none.
    let first = unsafe { libc::CMSG_FIRSTHDR(&raw const message) };
    // SAFETY: a header that is not null lies in the control buffer, and the kernel has written it.
    if let Some(header) = unsafe { first.as_ref() }
        && (header.cmsg_level, header.cmsg_type) == (libc::SOL_SOCKET, libc::SCM_RIGHTS)
    {
        // SAFETY: CMSG_LEN only computes.
        let data_bytes = (header.cmsg_len as usize).saturating_sub(unsafe { libc::CMSG_LEN(0) } as usize);
        for at in 0..data_bytes / FD_BYTES as usize {
            // SAFETY: the header says that `data_bytes` bytes of descriptors follow it. Each is open and new in this
            // process, so it has no other owner.
            let descriptor = unsafe {
                let data = libc::CMSG_DATA(first).cast::<RawFd>();
                OwnedFd::from_raw_fd(ptr::read_unaligned(data.add(at)))
            };
            passed = Passed::Descriptor(descriptor);
        }
    }
    #[cfg(target_os = "macos")]
    if let Passed::Descriptor(descriptor) = &passed {
        use std::os::fd::AsFd;
        crate::pipe::set_close_on_exec(descriptor.as_fd())?;
    }
    if message.msg_flags & libc::MSG_CTRUNC != 0 {
        passed = Passed::Lost;
    }
    Ok((count as usize, passed))
}

/// A message whose control buffer has room for one descriptor, without bytes.
fn message(control: &mut Control) -> libc::msghdr {
    // SAFETY: msghdr consists of integers and pointers, for which all-zero bytes are valid.
    let mut message: libc::msghdr = unsafe { mem::zeroed() };
    message.msg_control = control.as_mut_ptr().cast();
    // SAFETY: CMSG_SPACE only computes.
    message.msg_controllen = unsafe { libc::CMSG_SPACE(FD_BYTES) } as _;
    message
}

/// What [`wait_ready`] waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Readiness {
    /// Bytes, or the end of the other side.
    Readable,
    /// Room for bytes, or the end of the other side.
    Writable,
}

/// Blocks until the socket is ready, or until the time is over: poll(2). Returns whether it is ready. For processes
/// without an event loop.
pub fn wait_ready(socket: BorrowedFd<'_>, readiness: Readiness, limit: Duration) -> Result<bool> {
    let events = match readiness {
        Readiness::Readable => libc::POLLIN,
        Readiness::Writable => libc::POLLOUT,
    };
    let mut poll = libc::pollfd { fd: socket.as_raw_fd(), events, revents: 0 };
    let limit_ms = c_int::try_from(limit.as_millis()).unwrap_or(c_int::MAX);
    // SAFETY: the call reads and writes the one struct, which outlives it.
    match unsafe { libc::poll(&raw mut poll, 1, limit_ms) } {
        -1 => Err(Error::last("poll")),
        count => Ok(count > 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::pair;
    use std::os::fd::AsFd;

    #[test]
    fn a_descriptor_comes_with_the_first_of_its_bytes() {
        let (ours, theirs) = pair().unwrap();
        let (reader, writer) = std::io::pipe().unwrap();
        crate::net::send(ours.as_fd(), b"before", false).unwrap();
        assert_eq!(send_descriptor(ours.as_fd(), b"with", writer.as_fd()), Ok(4));
        drop(writer);
        let (mut text, mut descriptors) = (Vec::new(), Vec::new());
        while text.len() < 10 {
            let mut buffer = [0; 3];
            let (count, passed) = receive_descriptor(theirs.as_fd(), &mut buffer).unwrap();
            if let Passed::Descriptor(descriptor) = passed {
                assert!((4..=6).contains(&text.len()), "with byte 6, whatever came before it: {}", text.len());
                descriptors.push(descriptor);
            }
            text.extend_from_slice(&buffer[..count]);
        }
        assert_eq!((&text[..], descriptors.len()), (&b"beforewith"[..], 1));
        let sent = descriptors.pop().unwrap();
        // SAFETY: the call takes no pointers.
        assert_eq!(unsafe { libc::fcntl(sent.as_raw_fd(), libc::F_GETFD) }, libc::FD_CLOEXEC);
        crate::file::write(sent.as_fd(), b"!").unwrap();
        drop(sent);
        assert_eq!(std::io::read_to_string(reader).unwrap(), "!", "it is the other end of our pipe");
        drop(ours);
        assert!(matches!(receive_descriptor(theirs.as_fd(), &mut [0; 3]), Ok((0, Passed::Nothing))));
    }

    #[test]
    fn a_descriptor_for_which_there_is_no_room_is_reported_as_lost() {
        crate::testing::passes_in_own_process("net::rights::tests::receiving_without_a_free_descriptor", &[]);
    }

    #[test]
    #[ignore = "run in a process of its own, by a_descriptor_for_which_there_is_no_room_is_reported_as_lost"]
    fn receiving_without_a_free_descriptor() {
        crate::testing::assert_own_process("net::rights::tests::receiving_without_a_free_descriptor");
        let (ours, theirs) = pair().unwrap();
        send_descriptor(ours.as_fd(), b"x", theirs.as_fd()).unwrap();
        crate::testing::limit_descriptors(64, 64);
        let all: Vec<_> = std::iter::from_fn(|| ours.try_clone().ok()).collect();
        let mut buffer = [0; 8];
        assert!(matches!(receive_descriptor(theirs.as_fd(), &mut buffer), Ok((1, Passed::Lost))));
        drop(all);
        send_descriptor(ours.as_fd(), b"y", theirs.as_fd()).unwrap();
        assert!(matches!(receive_descriptor(theirs.as_fd(), &mut buffer), Ok((1, Passed::Descriptor(_)))));
    }

    #[test]
    fn waiting_ends_when_the_socket_is_ready_or_the_other_side_has_gone() {
        let (ours, theirs) = pair().unwrap();
        let ready = |readiness| wait_ready(ours.as_fd(), readiness, Duration::ZERO).unwrap();
        assert!(!ready(Readiness::Readable) && ready(Readiness::Writable));
        crate::net::send(theirs.as_fd(), b"x", false).unwrap();
        assert!(ready(Readiness::Readable));
        crate::net::recv(ours.as_fd(), &mut [0; 8]).unwrap();
        drop(theirs);
        assert!(ready(Readiness::Readable) && ready(Readiness::Writable));
    }
}

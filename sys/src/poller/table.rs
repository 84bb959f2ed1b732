//! The armed directions of each descriptor and their tokens, for the interfaces that store no token, or only one
//! (epoll).

use super::{Ready, Token, Watch};
use bitflags::bitflags;
use std::os::fd::{AsRawFd, RawFd};

bitflags! {
    /// The directions of a descriptor.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub(super) struct Side: u8 {
        const READ = 1;
        const WRITE = 2;
    }
}

impl Side {
    /// The descriptor and the direction of `watch`. Returns `None` if it is neither `Read` nor `Write`.
    pub fn of(watch: Watch<'_>) -> Option<(RawFd, Side)> {
        match watch {
            Watch::Read(fd) => Some((fd.as_raw_fd(), Side::READ)),
            Watch::Write(fd) => Some((fd.as_raw_fd(), Side::WRITE)),
            _ => None,
        }
    }
}

/// The tokens of one descriptor.
#[derive(Clone, Copy)]
struct Entry {
    read: Token,
    write: Token,
}

/// Stands for "not armed". (An `Option` would make every entry eight bytes larger.)
const NO_TOKEN: Token = Token { index: u32::MAX, generation: u32::MAX };

impl Entry {
    fn armed(&self) -> Side {
        let mut armed = Side::empty();
        armed.set(Side::READ, self.read != NO_TOKEN);
        armed.set(Side::WRITE, self.write != NO_TOKEN);
        armed
    }

    fn of(&mut self, side: Side) -> &mut Token {
        if side == Side::READ { &mut self.read } else { &mut self.write }
    }
}

/// A table of all descriptors, indexed by number: 16 bytes for each, up to the highest one so far.
#[derive(Default)]
pub(super) struct Table(Vec<Entry>);

const _: () = assert!(size_of::<Entry>() == 16);

impl Table {
    /// The armed directions of `fd`.
    pub fn armed(&self, fd: RawFd) -> Side {
        self.0.get(fd as usize).map_or(Side::empty(), Entry::armed)
    }

    /// Sets the token of `side` of `fd`.
    pub fn arm(&mut self, fd: RawFd, side: Side, token: Token) {
        let index = fd as usize;
        if index >= self.0.len() {
            self.0.resize(index + 1, Entry { read: NO_TOKEN, write: NO_TOKEN });
        }
        *self.0[index].of(side) = token;
    }

    /// Removes the token of `side` of `fd`.
    pub fn disarm(&mut self, fd: RawFd, side: Side) {
        if let Some(entry) = self.0.get_mut(fd as usize) {
            *entry.of(side) = NO_TOKEN;
        }
    }

    /// Appends the tokens of these `sides` of `fd` to `out`.
    pub fn fire(&self, fd: RawFd, sides: Side, hangup: bool, out: &mut Vec<Ready>) {
        let Some(entry) = self.0.get(fd as usize) else { return };
        if sides.contains(Side::READ) && entry.read != NO_TOKEN {
            out.push(Ready { token: entry.read, hangup });
        }
        if sides.contains(Side::WRITE) && entry.write != NO_TOKEN {
            out.push(Ready { token: entry.write, hangup });
        }
    }
}

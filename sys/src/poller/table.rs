//! What is armed on which descriptor, for the kernels that do not keep our tokens (or only one of the two).

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
    /// The descriptor and direction that `watch` is about; `None` if it is no matter of reading or writing.
    pub fn of(watch: Watch<'_>) -> Option<(RawFd, Side)> {
        match watch {
            Watch::Read(fd) => Some((fd.as_raw_fd(), Side::READ)),
            Watch::Write(fd) => Some((fd.as_raw_fd(), Side::WRITE)),
            _ => None,
        }
    }
}

/// One descriptor: who waits for what.
#[derive(Clone, Copy)]
struct Entry {
    read: Token,
    write: Token,
}

/// Waits for nothing. (An `Option` would make every entry eight bytes larger.)
const NOBODY: Token = Token { index: u32::MAX, generation: u32::MAX };

impl Entry {
    fn armed(&self) -> Side {
        let mut armed = Side::empty();
        armed.set(Side::READ, self.read != NOBODY);
        armed.set(Side::WRITE, self.write != NOBODY);
        armed
    }

    fn of(&mut self, side: Side) -> &mut Token {
        if side == Side::READ { &mut self.read } else { &mut self.write }
    }
}

/// All descriptors, by their number: 16 bytes for each up to the highest one seen.
#[derive(Default)]
pub(super) struct Table(Vec<Entry>);

const _: () = assert!(size_of::<Entry>() == 16);

impl Table {
    /// What is armed on `fd`.
    pub fn armed(&self, fd: RawFd) -> Side {
        self.0.get(fd as usize).map_or(Side::empty(), Entry::armed)
    }

    /// Makes `token` wait for `side` of `fd`.
    pub fn arm(&mut self, fd: RawFd, side: Side, token: Token) {
        let index = fd as usize;
        if index >= self.0.len() {
            self.0.resize(index + 1, Entry { read: NOBODY, write: NOBODY });
        }
        *self.0[index].of(side) = token;
    }

    /// Nobody waits for `side` of `fd` any more.
    pub fn disarm(&mut self, fd: RawFd, side: Side) {
        if let Some(entry) = self.0.get_mut(fd as usize) {
            *entry.of(side) = NOBODY;
        }
    }

    /// Puts the tokens that wait for one of `sides` of `fd` into `out`.
    pub fn fire(&self, fd: RawFd, sides: Side, hangup: bool, out: &mut Vec<Ready>) {
        let Some(entry) = self.0.get(fd as usize) else { return };
        if sides.contains(Side::READ) && entry.read != NOBODY {
            out.push(Ready { token: entry.read, hangup });
        }
        if sides.contains(Side::WRITE) && entry.write != NOBODY {
            out.push(Ready { token: entry.write, hangup });
        }
    }
}

//! What the server is told of the call that is to fail, and what it tells of its calls: the file of sys/src/fault.rs.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use webserv_sys::fault::{BYTES, EACH};

const ERRNO_AT: u64 = 4;
const MADE_AT: u64 = 8;
const SINCE_WAIT_AT: u64 = 12;
const LONGEST_AT: u64 = 16;
const CALL_AT: u64 = 20;
const NAME_BYTES: usize = 24;

/// What the shell does that becomes a server with the file `faults`.
pub const ON_COMMAND: &str = "export WEBSERV_FAULTS=faults";

/// The tester's end of the file.
pub struct Faults(File);

impl Faults {
    /// Makes the file; nothing is to fail.
    pub fn new(path: &Path) -> Self {
        let file = File::options().read(true).write(true).create_new(true).open(path).unwrap();
        file.set_len(BYTES as u64).unwrap();
        Self(file)
    }

    fn number(&self, at: u64) -> u32 {
        let mut bytes = [0; 4];
        self.0.read_exact_at(&mut bytes, at).unwrap();
        u32::from_ne_bytes(bytes)
    }

    fn put(&self, at: u64, bytes: &[u8]) {
        self.0.write_all_at(bytes, at).unwrap();
    }

    /// From now on the `nth` of these calls fails, once.
    pub fn arm(&self, call: &str, nth: u32, errno: i32) {
        let mut name = [0; NAME_BYTES];
        name[..call.len()].copy_from_slice(call.as_bytes());
        self.put(CALL_AT, &name);
        self.put(ERRNO_AT, &errno.to_ne_bytes());
        self.put(0, &nth.to_ne_bytes());
    }

    /// From now on each of these calls fails.
    pub fn refuse(&self, call: &str, errno: i32) {
        self.arm(call, EACH, errno);
    }

    /// Nothing fails any more. Whether the call that was to fail has come.
    pub fn disarm(&self) -> bool {
        let fired = self.number(0) == 0;
        self.put(0, &[0; 4]);
        fired
    }

    /// Forgets which calls there have been.
    pub fn forget(&self) {
        self.put(CALL_AT + NAME_BYTES as u64, &vec![0; BYTES - CALL_AT as usize - NAME_BYTES]);
        self.put(MADE_AT, &[0; 4]);
        self.put(SINCE_WAIT_AT, &[0; 4]);
        self.put(LONGEST_AT, &[0; 4]);
    }

    /// The most calls between two calls of the poller since [`Self::forget`]: those of one round of the loop.
    pub fn longest_round(&self) -> u32 {
        self.number(LONGEST_AT)
    }

    /// How many calls there have been since [`Self::forget`].
    pub fn count(&self) -> usize {
        self.number(MADE_AT) as usize
    }

    /// The calls since [`Self::forget`], in order.
    pub fn calls(&self) -> Vec<String> {
        let mut bytes = vec![0; BYTES];
        self.0.read_exact_at(&mut bytes, 0).unwrap();
        let names = bytes[CALL_AT as usize + NAME_BYTES..].chunks_exact(NAME_BYTES);
        let text = |name: &[u8]| String::from_utf8(name.split(|b| *b == 0).next().unwrap().to_vec()).unwrap();
        names.map(text).take(self.count()).collect()
    }
}

/// Error numbers, as Linux has them (errno(3)).
pub mod errno {
    pub const EPERM: i32 = 1;
    pub const ENOENT: i32 = 2;
    pub const ESRCH: i32 = 3;
    pub const EINTR: i32 = 4;
    pub const EIO: i32 = 5;
    pub const ECHILD: i32 = 10;
    pub const EAGAIN: i32 = 11;
    pub const ENOMEM: i32 = 12;
    pub const EACCES: i32 = 13;
    pub const EXDEV: i32 = 18;
    pub const EINVAL: i32 = 22;
    pub const EMFILE: i32 = 24;
    pub const ENOSPC: i32 = 28;
    pub const ENOTTY: i32 = 25;
    pub const EPIPE: i32 = 32;
    pub const ENOSYS: i32 = 38;
    pub const EOPNOTSUPP: i32 = 95;
    pub const ENOTCONN: i32 = 107;
    pub const ECONNABORTED: i32 = 103;
    pub const ECONNRESET: i32 = 104;
}

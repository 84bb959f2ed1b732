//! What a file is: fstat(2), fstatat(2).

use crate::Result;
use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd};

/// What kind of file it is: `S_IFMT` in inode(7).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum FileKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// A unix socket.
    Socket,
    /// A named pipe.
    Fifo,
    /// A block or character device.
    Device,
    /// What this system has and others have not.
    Other,
}

/// What the kernel knows of a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stat {
    /// What it is.
    pub kind: FileKind,
    /// How long it is; of meaning for regular files.
    pub size_bytes: u64,
    /// When its bytes changed last, in seconds since 1970 (may be negative) ...
    pub modified_secs: i64,
    /// ... and nanoseconds.
    pub modified_nanos: u32,
    /// When its bytes, owner, mode or links changed last: nobody can set this one back.
    pub changed_secs: i64,
    /// And its nanoseconds.
    pub changed_nanos: u32,
    /// With `device`: which file this is.
    pub inode: u64,
    /// The file system that it is on.
    pub device: u64,
    /// The owning user's number.
    pub owner: u32,
    /// The owning group's number.
    pub group: u32,
    /// Permission bits, 0 to 0o7777.
    pub mode: u32,
    /// How many names it has; 0 once all are removed.
    pub links: u64,
}

/// What an open descriptor refers to: fstat(2).
pub fn fstat(fd: BorrowedFd<'_>) -> Result<Stat> {
    let mut raw = MaybeUninit::<libc::stat>::uninit();
    // SAFETY: the call fills the whole struct, or fails.
    unsafe { syscall!(fstat(fd.as_raw_fd(), raw.as_mut_ptr())) }?;
    // SAFETY: the call has succeeded.
    Ok(stat(unsafe { raw.assume_init_ref() }))
}

/// What a path, from `directory` on, refers to: fstatat(2). Without `follow`, that may be a symbolic link itself.
///
/// Errors: `ENOENT`, `EACCES`, `ENOTDIR`, `ELOOP`, `ENAMETOOLONG`.
pub fn fstatat(directory: BorrowedFd<'_>, path: &CStr, follow: bool) -> Result<Stat> {
    let flags = if follow { 0 } else { libc::AT_SYMLINK_NOFOLLOW };
    let mut raw = MaybeUninit::<libc::stat>::uninit();
    // SAFETY: the path ends with NUL and outlives the call, which fills the whole struct, or fails.
    unsafe { syscall!(fstatat(directory.as_raw_fd(), path.as_ptr(), raw.as_mut_ptr(), flags)) }?;
    // SAFETY: the call has succeeded.
    Ok(stat(unsafe { raw.assume_init_ref() }))
}

// The fields' widths differ between systems: on each of them, some of these conversions are none.
#[allow(clippy::unnecessary_cast)]
fn stat(raw: &libc::stat) -> Stat {
    Stat {
        kind: kind(raw.st_mode),
        size_bytes: u64::try_from(raw.st_size).unwrap_or(0),
        modified_secs: raw.st_mtime as i64,
        modified_nanos: raw.st_mtime_nsec as u32,
        changed_secs: raw.st_ctime as i64,
        changed_nanos: raw.st_ctime_nsec as u32,
        inode: raw.st_ino as u64,
        device: raw.st_dev as u64,
        owner: raw.st_uid,
        group: raw.st_gid,
        mode: raw.st_mode as u32 & 0o7777,
        links: raw.st_nlink as u64,
    }
}

fn kind(mode: libc::mode_t) -> FileKind {
    match mode & libc::S_IFMT {
        libc::S_IFREG => FileKind::File,
        libc::S_IFDIR => FileKind::Directory,
        libc::S_IFLNK => FileKind::Symlink,
        libc::S_IFSOCK => FileKind::Socket,
        libc::S_IFIFO => FileKind::Fifo,
        libc::S_IFBLK | libc::S_IFCHR => FileKind::Device,
        _ => FileKind::Other,
    }
}

/// The kind by a directory entry's `d_type`; `None` where the file system does not say.
pub(super) fn kind_of_entry(d_type: u8) -> Option<FileKind> {
    Some(match d_type {
        libc::DT_REG => FileKind::File,
        libc::DT_DIR => FileKind::Directory,
        libc::DT_LNK => FileKind::Symlink,
        libc::DT_SOCK => FileKind::Socket,
        libc::DT_FIFO => FileKind::Fifo,
        libc::DT_BLK | libc::DT_CHR => FileKind::Device,
        libc::DT_UNKNOWN => return None,
        _ => FileKind::Other,
    })
}

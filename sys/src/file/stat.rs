//! The kind, size, times and owner of a file: fstat(2), fstatat(2).

use crate::Result;
use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd};

/// The kind of a file: `S_IFMT` in inode(7).
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
    /// A kind that only this system has.
    Other,
}

/// The metadata of a file: `struct stat`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stat {
    /// The kind of the file.
    pub kind: FileKind,
    /// The size in bytes, for regular files.
    pub size_bytes: u64,
    /// The time of the last change of its content, in seconds since 1970; negative before.
    pub modified_secs: i64,
    /// The nanoseconds of that time, 0 to 999,999,999.
    pub modified_nanos: u32,
    /// The time of the last change of its content, owner, mode or links, in seconds since 1970. Programs cannot set it.
    pub changed_secs: i64,
    /// The nanoseconds of that time, 0 to 999,999,999.
    pub changed_nanos: u32,
    /// The inode number: together with `device`, it identifies the file.
    pub inode: u64,
    /// The file system of the file.
    pub device: u64,
    /// The user id of the owner.
    pub owner: u32,
    /// The group id of the owner.
    pub group: u32,
    /// The permission bits, 0 to 0o7777.
    pub mode: u32,
    /// The number of names (hard links); 0 if all were removed.
    pub links: u64,
}

/// The metadata of an open file: fstat(2).
pub fn fstat(fd: BorrowedFd<'_>) -> Result<Stat> {
    let mut raw = MaybeUninit::<libc::stat>::uninit();
    // SAFETY: the call fills the whole struct, or fails.
    unsafe { syscall!(fstat(fd.as_raw_fd(), raw.as_mut_ptr())) }?;
    // SAFETY: the call succeeded.
    Ok(stat(unsafe { raw.assume_init_ref() }))
}

/// The metadata of the file at a path that starts at `directory`: fstatat(2). Without `follow`, a symbolic link itself.
///
/// Errors: `ENOENT`, `EACCES`, `ENOTDIR`, `ELOOP`, `ENAMETOOLONG`.
pub fn fstatat(directory: BorrowedFd<'_>, path: &CStr, follow: bool) -> Result<Stat> {
    let flags = if follow { 0 } else { libc::AT_SYMLINK_NOFOLLOW };
    let mut raw = MaybeUninit::<libc::stat>::uninit();
    // SAFETY: the path ends with NUL and outlives the call, which fills the whole struct, or fails.
    unsafe { syscall!(fstatat(directory.as_raw_fd(), path.as_ptr(), raw.as_mut_ptr(), flags)) }?;
    // SAFETY: the call succeeded.
    Ok(stat(unsafe { raw.assume_init_ref() }))
}

// The types of the fields differ between systems, so some of these casts do nothing on some systems.
#[allow(clippy::unnecessary_cast)]
fn stat(raw: &libc::stat) -> Stat {
    Stat {
        kind: kind(raw.st_mode),
        size_bytes: u64::try_from(raw.st_size).unwrap_or(0),
        modified_secs: raw.st_mtime as i64,
        modified_nanos: nanos(raw).0 as u32,
        changed_secs: raw.st_ctime as i64,
        changed_nanos: nanos(raw).1 as u32,
        inode: raw.st_ino as u64,
        device: raw.st_dev as u64,
        owner: raw.st_uid,
        group: raw.st_gid,
        mode: raw.st_mode as u32 & 0o7777,
        links: raw.st_nlink as u64,
    }
}

#[cfg(not(target_os = "netbsd"))]
fn nanos(raw: &libc::stat) -> (libc::c_long, libc::c_long) {
    (raw.st_mtime_nsec, raw.st_ctime_nsec)
}

/// NetBSD has other names for these fields.
#[cfg(target_os = "netbsd")]
fn nanos(raw: &libc::stat) -> (libc::c_long, libc::c_long) {
    (raw.st_mtimensec, raw.st_ctimensec)
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

/// The kind from a directory entry's `d_type`; `None` if the file system does not store it (`DT_UNKNOWN`).
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

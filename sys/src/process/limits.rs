//! Resource limits of this process, and properties of the machine.

use crate::{Error, Result};
use std::mem::MaybeUninit;

/// The soft and the hard limit of open descriptors: getrlimit(2) with `RLIMIT_NOFILE`.
// rlim_t is signed on FreeBSD, and u64 elsewhere.
#[allow(clippy::unnecessary_cast)]
pub fn fd_limit() -> Result<(u64, u64)> {
    let mut limit = MaybeUninit::<libc::rlimit>::uninit();
    // SAFETY: the call fills the one limit, or fails.
    unsafe { syscall!(getrlimit(libc::RLIMIT_NOFILE, limit.as_mut_ptr())) }?;
    // SAFETY: the call has succeeded.
    let limit = unsafe { limit.assume_init() };
    Ok((limit.rlim_cur as u64, limit.rlim_max as u64))
}

/// Raises the soft limit to `want` descriptors, or as far as the system allows: setrlimit(2). For root, also raises the
/// hard limit if needed. Never lowers a limit. Returns the soft limit.
pub fn raise_fd_limit(want: u64) -> Result<u64> {
    let (soft, hard) = fd_limit()?;
    // macOS reports "unlimited", but accepts only up to OPEN_MAX.
    let open_max = if cfg!(target_os = "macos") { 10_240 } else { u64::MAX };
    for (soft_new, hard_new) in [(want, hard.max(want)), (want.min(hard), hard), (want.min(hard).min(open_max), hard)] {
        if soft_new <= soft {
            break;
        }
        match set_limit(soft_new, hard_new) {
            Err(error) if error.is_unsupported() => {}
            outcome => return outcome.map(|()| soft_new),
        }
    }
    Ok(soft)
}

/// Sets both limits of open descriptors: setrlimit(2). Only root may raise the hard limit: for others, a limit above it
/// is an error (`EPERM`).
pub fn set_fd_limit(limit: u64) -> Result<()> {
    set_limit(limit, limit)
}

#[allow(clippy::unnecessary_cast)]
fn set_limit(soft: u64, hard: u64) -> Result<()> {
    let raw = |limit: u64| limit.min(libc::RLIM_INFINITY as u64) as libc::rlim_t;
    let limit = libc::rlimit { rlim_cur: raw(soft), rlim_max: raw(hard) };
    // SAFETY: the call reads the one limit.
    unsafe { syscall!(setrlimit(libc::RLIMIT_NOFILE, &raw const limit)) }.map(drop)
}

/// A resource with a limit per process: `RLIMIT_*` in getrlimit(2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Resource {
    /// Processor time, in seconds.
    Cpu,
    /// Mapped memory, in bytes.
    AddressSpace,
    /// Descriptors.
    OpenFiles,
    /// The size of a file that the process writes, in bytes.
    FileSize,
    /// The size of a core dump, in bytes.
    Core,
    /// The number of processes of its user.
    Processes,
}

/// Sets the soft and the hard limit of this process, but never above the present hard limit: setrlimit(2). Takes no
/// locks, so that a child can call it before execve(2).
///
/// The hard limit of processor time is a second longer: the kernel sends SIGXCPU at the soft limit, which tells the
/// parent why the process has ended, and SIGKILL at the hard one, which tells it nothing.
#[cfg(target_os = "linux")]
pub(super) fn limit(resource: Resource, limit: u64) -> Result<()> {
    let which = match resource {
        Resource::Cpu => libc::RLIMIT_CPU,
        Resource::AddressSpace => libc::RLIMIT_AS,
        Resource::OpenFiles => libc::RLIMIT_NOFILE,
        Resource::FileSize => libc::RLIMIT_FSIZE,
        Resource::Core => libc::RLIMIT_CORE,
        Resource::Processes => libc::RLIMIT_NPROC,
    };
    let mut limits = MaybeUninit::<libc::rlimit>::uninit();
    // SAFETY: the call fills the limits, or fails.
    unsafe { syscall!(getrlimit(which, limits.as_mut_ptr())) }?;
    // SAFETY: the call has succeeded.
    let most = unsafe { limits.assume_init() }.rlim_max;
    let hard = if resource == Resource::Cpu { limit.saturating_add(1) } else { limit };
    let limits = libc::rlimit { rlim_cur: limit.min(most), rlim_max: hard.min(most) };
    // SAFETY: the call reads the limits.
    unsafe { syscall!(setrlimit(which, &raw const limits)) }.map(drop)
}

/// The number of threads that can run at once, limited by the machine, the cgroup and the CPU affinity; at least 1.
pub fn cpu_count() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// The machine's name: gethostname(2). Invalid UTF-8 is replaced.
pub fn hostname() -> Result<String> {
    let mut name = [0u8; 256]; // HOST_NAME_MAX is 64 on Linux and 255 on the BSDs
    // SAFETY: the call writes at most `name.len() - 1` bytes to the buffer.
    if unsafe { libc::gethostname(name.as_mut_ptr().cast(), name.len() - 1) } == -1 {
        return Err(Error::last("gethostname"));
    }
    let name = name.split(|byte| *byte == 0).next().unwrap_or_default();
    Ok(String::from_utf8_lossy(name).into_owned())
}

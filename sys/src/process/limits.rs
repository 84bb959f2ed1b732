//! What this process may have, and where it runs.

use crate::{Error, Result};
use std::mem::MaybeUninit;

/// How many descriptors this process may have open: its soft limit, and the hard one that it may raise that to.
/// getrlimit(2) with `RLIMIT_NOFILE`.
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

/// Raises the soft limit to `want` descriptors, or as far as the system lets it, and says what it is then. Never lowers
/// it. Root's hard limit is raised too, if that is needed: setrlimit(2).
pub fn raise_fd_limit(want: u64) -> Result<u64> {
    let (soft, hard) = fd_limit()?;
    // macOS says "unlimited", and then takes no more than its OPEN_MAX.
    let open_max = if cfg!(target_os = "macos") { 10_240 } else { u64::MAX };
    for (soft_new, hard_new) in [(want, hard.max(want)), (want.min(hard), hard), (want.min(hard).min(open_max), hard)] {
        if soft_new <= soft {
            break;
        }
        match set_limit(soft_new, hard_new) {
            Err(error) if error.errno() == libc::EPERM || error.errno() == libc::EINVAL => {}
            outcome => return outcome.map(|()| soft_new),
        }
    }
    Ok(soft)
}

#[allow(clippy::unnecessary_cast)]
fn set_limit(soft: u64, hard: u64) -> Result<()> {
    let raw = |limit: u64| limit.min(libc::RLIM_INFINITY as u64) as libc::rlim_t;
    let limit = libc::rlimit { rlim_cur: raw(soft), rlim_max: raw(hard) };
    // SAFETY: the call reads the one limit.
    unsafe { syscall!(setrlimit(libc::RLIMIT_NOFILE, &raw const limit)) }.map(drop)
}

/// A resource that a process can be limited in: `RLIMIT_*` in getrlimit(2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Resource {
    /// Processor time, in seconds.
    Cpu,
    /// Mapped memory, in bytes.
    AddressSpace,
    /// Descriptors.
    OpenFiles,
    /// The size of a file that it writes, in bytes.
    FileSize,
    /// The size of a core dump, in bytes.
    Core,
    /// Processes of its user.
    Processes,
}

/// Limits this process, soft and hard, to no more than it may have already: setrlimit(2). Takes no lock: for a child
/// before its exec.
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
    let limit = limit.min(unsafe { limits.assume_init() }.rlim_max);
    let limits = libc::rlimit { rlim_cur: limit, rlim_max: limit };
    // SAFETY: the call reads the limits.
    unsafe { syscall!(setrlimit(which, &raw const limits)) }.map(drop)
}

/// How many threads can run at once here, by the machine, its cgroup and this process's affinity; at least 1.
pub fn cpu_count() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// The machine's name: gethostname(2). Bytes that are no UTF-8 are replaced.
pub fn hostname() -> Result<String> {
    let mut name = [0u8; 256]; // HOST_NAME_MAX is 64 on Linux and 255 on the BSDs
    // SAFETY: the call writes at most as many bytes as the buffer has.
    if unsafe { libc::gethostname(name.as_mut_ptr().cast(), name.len() - 1) } == -1 {
        return Err(Error::last("gethostname"));
    }
    let name = name.split(|byte| *byte == 0).next().unwrap_or_default();
    Ok(String::from_utf8_lossy(name).into_owned())
}

//! Random bytes for secrets.

use crate::Result;
#[cfg(any(target_os = "linux", target_os = "android"))]
use std::os::fd::AsFd;

/// Fills the buffer, of at most 256 bytes, with random bytes of the kernel: getrandom(2), or /dev/urandom where that is
/// refused; on other systems getentropy(3). Errors: those of open(2) for the device, `EIO` (a longer buffer).
pub fn fill(buffer: &mut [u8]) -> Result<()> {
    fill_raw(buffer)
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn fill_raw(buffer: &mut [u8]) -> Result<()> {
    if buffer.len() > 256 {
        return Err(crate::Error::new("getrandom", libc::EIO)); // for longer ones, getrandom(2) may return fewer bytes
    }
    // SAFETY: the kernel writes at most `buffer.len()` bytes to the buffer.
    match unsafe { syscall!(getrandom(buffer.as_mut_ptr().cast(), buffer.len(), 0)) } {
        Err(error) if error.is_unsupported() => from_device(buffer),
        outcome => outcome.map(drop),
    }
}

/// The same bytes from /dev/urandom, where the call is refused.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn from_device(buffer: &mut [u8]) -> Result<()> {
    let device = crate::file::open(c"/dev/urandom", crate::file::OpenFlags::READ, 0)?;
    match crate::file::read(device.as_fd(), buffer)? {
        count if count == buffer.len() => Ok(()),
        _ => Err(crate::Error::new("read", libc::EIO)),
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn fill_raw(buffer: &mut [u8]) -> Result<()> {
    // SAFETY: the call writes at most `buffer.len()` bytes to the buffer.
    unsafe { syscall!(getentropy(buffer.as_mut_ptr().cast(), buffer.len())) }.map(drop)
}

#[cfg(test)]
mod tests {
    use super::fill;

    #[test]
    fn no_two_draws_are_the_same() {
        let mut draws = [[0; 16]; 100];
        for draw in &mut draws {
            fill(draw).unwrap();
        }
        draws.sort();
        assert!(draws.windows(2).all(|two| two[0] != two[1]));
        assert_eq!(fill(&mut [0; 256]), Ok(()));
        assert!(fill(&mut [0; 257]).is_err());
        assert_eq!(fill(&mut []), Ok(()));
    }
}

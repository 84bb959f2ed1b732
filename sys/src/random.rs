//! Random bytes for secrets.

use crate::Result;

/// Fills the buffer, of at most 256 bytes, with random bytes of the kernel: getrandom(2), on other systems
/// getentropy(3). Errors: `ENOSYS` (an old kernel), `EIO` (a longer buffer).
pub fn fill(buffer: &mut [u8]) -> Result<()> {
    fill_raw(buffer)
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn fill_raw(buffer: &mut [u8]) -> Result<()> {
    if buffer.len() > 256 {
        return Err(crate::Error::new("getrandom", libc::EIO)); // for longer ones, getrandom(2) may return fewer bytes
    }
    // SAFETY: the kernel writes at most `buffer.len()` bytes to the buffer.
    unsafe { syscall!(getrandom(buffer.as_mut_ptr().cast(), buffer.len(), 0)) }.map(drop)
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

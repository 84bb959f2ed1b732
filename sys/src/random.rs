//! Random bytes for secrets.

use crate::Result;
use crate::file::{self, OpenFlags};
use std::os::fd::AsFd;

/// The most bytes that one call may ask for: for more, getrandom(2) may return fewer, and getentropy(3) fails.
const BYTES_MAX: usize = 256;

/// Fills the buffer, of at most 256 bytes, with random bytes of the kernel: getrandom(2), on other systems
/// getentropy(3). If the kernel lacks the call, or a sandbox forbids it, reads /dev/urandom, as urandom(4) says.
///
/// Errors: that of the call, such as `ENOSYS`, if /dev/urandom cannot be read either; `EIO` for a longer buffer.
pub fn fill(buffer: &mut [u8]) -> Result<()> {
    if buffer.len() > BYTES_MAX {
        return Err(crate::Error::new("getrandom", libc::EIO));
    }
    fill_raw(buffer).or_else(|error| read_device(buffer).map_err(|_| error))
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn fill_raw(buffer: &mut [u8]) -> Result<()> {
    // SAFETY: the kernel writes at most `buffer.len()` bytes to the buffer.
    unsafe { syscall!(getrandom(buffer.as_mut_ptr().cast(), buffer.len(), 0)) }.map(drop)
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn fill_raw(buffer: &mut [u8]) -> Result<()> {
    // SAFETY: the call writes at most `buffer.len()` bytes to the buffer.
    unsafe { syscall!(getentropy(buffer.as_mut_ptr().cast(), buffer.len())) }.map(drop)
}

fn read_device(buffer: &mut [u8]) -> Result<()> {
    let device = file::open(c"/dev/urandom", OpenFlags::READ, 0)?;
    let mut filled = 0;
    while filled < buffer.len() {
        match file::read(device.as_fd(), &mut buffer[filled..])? {
            0 => return Err(crate::Error::new("read", libc::EIO)), // not the device
            count => filled += count,
        }
    }
    Ok(())
}

/// Random bytes in stock, so that one call of the kernel is enough for many draws. No byte is drawn twice, and a drawn
/// byte is erased: neither one draw nor the memory at a later time tells anything of the other draws.
pub struct RandomBytes {
    bytes: [u8; BYTES_MAX],
    /// The bytes before this place have not been drawn yet.
    left: usize,
}

impl Default for RandomBytes {
    /// An empty stock. The first draw fills it.
    fn default() -> Self {
        Self { bytes: [0; BYTES_MAX], left: 0 }
    }
}

impl RandomBytes {
    /// Draws `N` bytes, at most 256. Errors: those of [`fill`].
    pub fn draw<const N: usize>(&mut self) -> Result<[u8; N]> {
        const { assert!(N <= BYTES_MAX) };
        if self.left < N {
            fill(&mut self.bytes)?;
            self.left = BYTES_MAX;
        }
        let drawn = &mut self.bytes[self.left - N..self.left];
        let mut out = [0; N];
        out.copy_from_slice(drawn);
        drawn.fill(0);
        self.left -= N;
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::{BYTES_MAX, RandomBytes, fill, read_device};

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

    #[test]
    fn the_device_fills_the_whole_buffer() {
        let mut draws = [[0; BYTES_MAX]; 2];
        draws.iter_mut().for_each(|draw| read_device(draw).unwrap());
        assert_ne!(draws[0], draws[1]);
        assert!(draws.iter().all(|draw| draw[BYTES_MAX - 16..] != [0; 16] && draw[..16] != [0; 16]));
    }

    /// The stock hands out the kernel's bytes as they are, each once, and keeps none of them.
    #[test]
    fn a_drawn_byte_is_the_kernel_s_and_is_erased() {
        let mut stock = RandomBytes::default();
        let _: [u8; 16] = stock.draw().unwrap();
        let before = stock.bytes;
        let mut drawn = Vec::new();
        while stock.left >= 16 {
            drawn.push(stock.draw::<16>().unwrap());
        }
        assert_eq!(drawn.len(), BYTES_MAX / 16 - 1);
        drawn.reverse();
        assert_eq!(drawn.concat(), before[..BYTES_MAX - 16]);
        assert_eq!(stock.bytes, [0; BYTES_MAX]);
        assert_ne!(stock.draw::<200>().unwrap()[..], before[..200]);
        assert_ne!(stock.draw::<100>().unwrap(), [0; 100], "56 bytes are left, which are not enough");
    }
}

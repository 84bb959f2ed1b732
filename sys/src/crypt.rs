//! The password hashes of the system's C library: crypt(3).

use crate::{Error, Result};
use std::ffi::{CStr, c_char};
use std::sync::Mutex;

// On Linux with glibc, on FreeBSD, NetBSD and DragonFly the function is in a library of its own, elsewhere in libc.
// Unlike crypt_r(3), which needs a struct whose size differs from library to library, all systems have it.
#[cfg_attr(
    any(
        all(target_os = "linux", target_env = "gnu"),
        target_os = "freebsd",
        target_os = "netbsd",
        target_os = "dragonfly"
    ),
    link(name = "crypt")
)]
unsafe extern "C" {
    fn crypt(key: *const c_char, setting: *const c_char) -> *mut c_char;
}

/// One call at a time: the function returns a buffer that the next call overwrites.
static CALL: Mutex<()> = Mutex::new(());

/// Hashes a password as `setting` says, which is a stored hash, or its beginning up to the salt: crypt(3). May take
/// a second, so it belongs into a thread that nobody waits for.
///
/// Errors: `EINVAL` if this system does not know the kind of hash.
pub fn hash(password: &CStr, setting: &CStr) -> Result<Vec<u8>> {
    let _one_call = CALL.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    // SAFETY: both texts end with NUL and outlive the call. No other thread calls the function now: this crate has the
    // only call, and holds the lock.
    let hash = unsafe { crypt(password.as_ptr(), setting.as_ptr()) };
    if hash.is_null() {
        return Err(Error::new("crypt", libc::EINVAL));
    }
    // SAFETY: the result is a text that ends with NUL, and stays as it is until the next call.
    let hash = unsafe { CStr::from_ptr(hash) }.to_bytes().to_vec();
    // Libraries that never return NULL return a text that no setting can be.
    if hash.starts_with(b"*") { Err(Error::new("crypt", libc::EINVAL)) } else { Ok(hash) }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_hashes_that_linux_knows() {
        const SHA512: &str = "$6$saltstring$adDbXsJjcDlq2662QPgd.tkSOVmnG9Tt3oXl4HR60SusC3AGjirnDenVZp3DGwLwqy6iYKCzann\
                              haX9DR72nN1";
        for (setting, expected) in [(c"$1$salt$", "$1$salt$qJH7.N4xYta3aEG/dfqo/0"), (c"$6$saltstring", SHA512)] {
            let found = hash(c"password", setting).expect("it is known");
            assert_eq!(String::from_utf8_lossy(&found), expected);
        }
        assert_eq!(hash(c"password", c"*").map_err(|error| error.errno()), Err(libc::EINVAL));
    }
}

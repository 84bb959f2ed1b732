//! Socket addresses: IPv4, IPv6 and unix paths, as Rust values and as the kernel's `sockaddr_storage`.

use crate::{Error, Result};
use std::ffi::OsStr;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::{fmt, mem};

/// A socket address.
///
/// Displays in the format of nginx's `listen`: `127.0.0.1:80`, `[::1]:80`, `unix:/run/web.sock`.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Address {
    /// An IPv4 or IPv6 address with its port.
    Inet(SocketAddr),
    /// The path of a unix socket; empty for a socket without an address.
    Unix(PathBuf),
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Inet(inet) => inet.fmt(f),
            Address::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl From<SocketAddr> for Address {
    fn from(inet: SocketAddr) -> Self {
        Address::Inet(inet)
    }
}

/// The offset of the path in a `sockaddr_un`.
const PATH_OFFSET: usize = mem::offset_of!(libc::sockaddr_un, sun_path);
/// The maximum length of a unix socket's path in bytes, without the NUL: 107 on Linux, 103 on the BSDs.
pub const UNIX_PATH_BYTES_MAX: usize = mem::size_of::<libc::sockaddr_un>() - PATH_OFFSET - 1;

/// An address in the kernel's format: a buffer that is large enough for every family, and the used length.
pub(super) struct Raw {
    storage: libc::sockaddr_storage,
    pub(super) length: libc::socklen_t,
}

// sockaddr_storage is large enough for every family, and aligned for it.
const _: () = {
    assert!(mem::size_of::<libc::sockaddr_un>() <= mem::size_of::<libc::sockaddr_storage>());
    assert!(mem::size_of::<libc::sockaddr_in6>() <= mem::size_of::<libc::sockaddr_storage>());
    assert!(mem::align_of::<libc::sockaddr_in6>() <= mem::align_of::<libc::sockaddr_storage>());
};

impl Raw {
    /// An empty buffer, for accept(2) and getsockname(2).
    pub(super) fn empty() -> Self {
        // SAFETY: sockaddr_storage consists of integers and arrays of integers, for which all-zero bytes are valid.
        let storage = unsafe { mem::zeroed() };
        Self { storage, length: mem::size_of::<libc::sockaddr_storage>() as libc::socklen_t }
    }

    /// Converts an address for the system call named `call`. Errors of that call: `ENAMETOOLONG` for a unix path over
    /// [`UNIX_PATH_BYTES_MAX`], `EINVAL` for an empty path or one with a NUL.
    pub(super) fn new(address: &Address, call: &'static str) -> Result<Self> {
        let mut raw = Self::empty();
        match address {
            Address::Inet(SocketAddr::V4(v4)) => raw.put_v4(v4),
            Address::Inet(SocketAddr::V6(v6)) => raw.put_v6(v6),
            Address::Unix(path) => {
                let path = path.as_os_str().as_bytes();
                if path.len() > UNIX_PATH_BYTES_MAX {
                    return Err(Error::new(call, libc::ENAMETOOLONG));
                }
                if path.is_empty() || path.contains(&0) {
                    return Err(Error::new(call, libc::EINVAL));
                }
                raw.put_unix(path);
            }
        }
        Ok(raw)
    }

    fn put_v4(&mut self, v4: &SocketAddrV4) {
        // SAFETY: the storage is large enough and aligned for each sockaddr (asserted above), its bytes are
        // initialised, every bit pattern is a valid sockaddr_in, and `&mut self` makes the reference exclusive.
        let to = unsafe { &mut *(&raw mut self.storage).cast::<libc::sockaddr_in>() };
        to.sin_family = libc::AF_INET as libc::sa_family_t;
        to.sin_port = v4.port().to_be();
        to.sin_addr.s_addr = u32::from_ne_bytes(v4.ip().octets());
        self.length = mem::size_of::<libc::sockaddr_in>() as libc::socklen_t;
    }

    fn put_v6(&mut self, v6: &SocketAddrV6) {
        // SAFETY: as in put_v4, for sockaddr_in6.
        let to = unsafe { &mut *(&raw mut self.storage).cast::<libc::sockaddr_in6>() };
        to.sin6_family = libc::AF_INET6 as libc::sa_family_t;
        to.sin6_port = v6.port().to_be();
        to.sin6_addr.s6_addr = v6.ip().octets();
        to.sin6_flowinfo = v6.flowinfo();
        to.sin6_scope_id = v6.scope_id();
        self.length = mem::size_of::<libc::sockaddr_in6>() as libc::socklen_t;
    }

    /// `path` must have at most [`UNIX_PATH_BYTES_MAX`] bytes.
    fn put_unix(&mut self, path: &[u8]) {
        // SAFETY: as in put_v4, for sockaddr_un.
        let to = unsafe { &mut *(&raw mut self.storage).cast::<libc::sockaddr_un>() };
        to.sun_family = libc::AF_UNIX as libc::sa_family_t;
        for (to, from) in to.sun_path.iter_mut().zip(path) {
            *to = *from as libc::c_char;
        }
        self.length = (PATH_OFFSET + path.len() + 1) as libc::socklen_t;
    }

    /// The argument of a call that reads an address: `const struct sockaddr *`. Valid as long as this value.
    pub(super) fn as_ptr(&self) -> *const libc::sockaddr {
        (&raw const self.storage).cast()
    }

    /// The arguments of a call that writes an address and its length.
    pub(super) fn as_mut_ptrs(&mut self) -> (*mut libc::sockaddr, *mut libc::socklen_t) {
        ((&raw mut self.storage).cast(), &raw mut self.length)
    }

    /// The address that the kernel has written. Returns an empty unix path for an unknown family, for a socket without
    /// an address, and for a name in Linux's abstract namespace.
    pub(super) fn address(&self) -> Address {
        // For a socket without an address, the BSDs set the length to 0 and do not write the family.
        let family = if self.length == 0 { libc::AF_UNSPEC } else { libc::c_int::from(self.storage.ss_family) };
        match family {
            libc::AF_INET => {
                // SAFETY: as in put_v4; every byte was initialised, by the kernel or with zeros by `empty`.
                let from = unsafe { &*self.as_ptr().cast::<libc::sockaddr_in>() };
                let ip = Ipv4Addr::from(from.sin_addr.s_addr.to_ne_bytes());
                SocketAddr::from((ip, u16::from_be(from.sin_port))).into()
            }
            libc::AF_INET6 => {
                // SAFETY: as above, for sockaddr_in6.
                let from = unsafe { &*self.as_ptr().cast::<libc::sockaddr_in6>() };
                let (ip, port) = (Ipv6Addr::from(from.sin6_addr.s6_addr), u16::from_be(from.sin6_port));
                Address::Inet(SocketAddrV6::new(ip, port, from.sin6_flowinfo, from.sin6_scope_id).into())
            }
            _ => {
                // SAFETY: as above, for sockaddr_un.
                let from = unsafe { &*self.as_ptr().cast::<libc::sockaddr_un>() };
                let used = (self.length as usize).saturating_sub(PATH_OFFSET).min(from.sun_path.len());
                let is_unix = family == libc::AF_UNIX;
                let named = from.sun_path[..used].iter().map(|c| *c as u8).take_while(|c| is_unix && *c != 0);
                Address::Unix(OsStr::from_bytes(&named.collect::<Vec<u8>>()).into())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn through_the_kernels_format(address: &Address) -> Address {
        Raw::new(address, "bind").unwrap().address()
    }

    #[test]
    fn addresses_survive_the_kernels_format() {
        let scoped = SocketAddrV6::new("fe80::1".parse().unwrap(), 81, 7, 2);
        for address in [
            Address::Inet("127.0.0.1:80".parse().unwrap()),
            Address::Inet("0.0.0.0:65535".parse().unwrap()),
            Address::Inet("[::1]:8080".parse().unwrap()),
            Address::Inet(scoped.into()),
            Address::Unix("/tmp/a socket".into()),
            Address::Unix(OsStr::from_bytes(b"/tmp/\xff\n").into()),
            Address::Unix("x".repeat(UNIX_PATH_BYTES_MAX).into()),
        ] {
            assert_eq!(through_the_kernels_format(&address), address);
        }
    }

    #[test]
    fn the_kernels_format_is_in_network_order() {
        let raw = Raw::new(&Address::Inet("1.2.3.4:258".parse().unwrap()), "bind").unwrap();
        // SAFETY: a sockaddr_in was just written there.
        let v4 = unsafe { &*raw.as_ptr().cast::<libc::sockaddr_in>() };
        assert_eq!(v4.sin_port.to_ne_bytes(), [1, 2]);
        assert_eq!(v4.sin_addr.s_addr.to_ne_bytes(), [1, 2, 3, 4]);
    }

    #[test]
    fn invalid_paths() {
        let long = Address::Unix("x".repeat(UNIX_PATH_BYTES_MAX + 1).into());
        for (address, errno) in [
            (long, libc::ENAMETOOLONG),
            (Address::Unix("".into()), libc::EINVAL),
            (Address::Unix("\0abstract".into()), libc::EINVAL),
            (Address::Unix("/tmp/a\0b".into()), libc::EINVAL),
        ] {
            let error = Raw::new(&address, "bind").err().unwrap();
            assert_eq!((error.call(), error.errno()), ("bind", errno), "{address:?}");
        }
    }

    #[test]
    fn a_socket_without_an_address_is_an_empty_path() {
        let mut raw = Raw::new(&Address::Unix("/left over".into()), "bind").unwrap();
        raw.length = PATH_OFFSET as libc::socklen_t;
        assert_eq!(raw.address(), Address::Unix("".into()), "Linux: the family alone");
        raw.length = 0;
        assert_eq!(raw.address(), Address::Unix("".into()), "the BSDs: nothing at all");
    }

    #[test]
    fn addresses_are_printed_in_the_format_of_listen() {
        for (address, text) in [
            (Address::Inet("127.0.0.1:80".parse().unwrap()), "127.0.0.1:80"),
            (Address::Inet("[::1]:80".parse().unwrap()), "[::1]:80"),
            (Address::Unix("/p".into()), "unix:/p"),
            (Address::Unix("".into()), "unix:"),
        ] {
            assert_eq!(address.to_string(), text);
        }
    }
}

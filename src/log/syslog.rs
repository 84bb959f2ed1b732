//! Lines for a syslog daemon: datagrams in the format of RFC 3164 section 4.1, which nginx sends too.

use super::Level;
use crate::config::Syslog;
use crate::local_time;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Mutex, OnceLock, PoisonError};
use webserv_sys::{Result, net, process};

/// A syslog daemon, and the socket that sends to it. No call waits: a datagram that the kernel does not take is lost.
pub(super) struct Daemon {
    syslog: Syslog,
    /// Opened with the first line, and again after an error: the daemon may have been started again.
    socket: Mutex<Option<OwnedFd>>,
}

impl Daemon {
    /// A daemon. Its socket is not open yet.
    pub fn new(syslog: Syslog) -> Self {
        Self { syslog, socket: Mutex::default() }
    }

    /// Sends a line, without the newline at its end, with the severity of this level.
    ///
    /// # Errors
    /// Those of connect(2) and send(2): `ECONNREFUSED` and `ENOENT` (no daemon), `EAGAIN` (a unix socket whose daemon
    /// does not read), `EMSGSIZE` (the line is too long for a datagram).
    pub fn send(&self, level: Level, line: &[u8]) -> Result<()> {
        let message = message(&self.syslog, level, line);
        let mut socket = self.socket.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = &*socket {
            match net::send(open.as_fd(), &message, false) {
                Ok(_) => return Ok(()),
                Err(error) if error.would_block() || error.is_exhaustion() => return Err(error),
                // It may be the error of an earlier datagram, which tells nothing of this one.
                Err(_) => *socket = None,
            }
        }
        let open = net::datagram_to(&self.syslog.server)?;
        net::send(open.as_fd(), &message, false)?;
        *socket = Some(open);
        Ok(())
    }
}

/// `<187>Nov  2 02:35:09 host webserv: text`
fn message(syslog: &Syslog, level: Level, line: &[u8]) -> Vec<u8> {
    let time = local_time::rfc3164(webserv_sys::clock::wall());
    let (host, space) = if syslog.has_hostname { (hostname(), " ") } else { ("", "") };
    let mut message = format!("<{}>{time} {host}{space}{}: ", syslog.priority(level), syslog.tag).into_bytes();
    message.extend_from_slice(line.strip_suffix(b"\n").unwrap_or(line));
    message
}

/// This machine's name in lower case. It is read once.
fn hostname() -> &'static str {
    static NAME: OnceLock<String> = OnceLock::new();
    NAME.get_or_init(|| process::hostname().unwrap_or_else(|_| "localhost".to_owned()).to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Address;
    use std::net::UdpSocket;
    use std::os::unix::net::UnixDatagram;

    fn shown(bytes: &[u8]) -> String {
        String::from_utf8_lossy(bytes).into_owned()
    }

    #[test]
    fn a_message_has_priority_time_host_and_tag() {
        let address = Address::Inet(([127, 0, 0, 1], 514).into());
        let syslog = Syslog { facility: 1, tag: "SITE".into(), ..Syslog::new(address) };
        let said = shown(&message(&syslog, Level::Error, b"text: 1\n"));
        let (priority, rest) = said.split_at(4);
        let (time, rest) = rest.split_at(15);
        assert_eq!((priority, rest), ("<11>", &format!(" {} SITE: text: 1", hostname())[..]));
        assert!(time.as_bytes()[3] == b' ' && time.as_bytes()[6] == b' ' && &time[9..10] == ":", "{time}");
        let short = Syslog { has_hostname: false, facility: 23, ..syslog };
        assert!(shown(&message(&short, Level::Debug, b"")).starts_with("<191>"));
        assert!(shown(&message(&short, Level::Debug, b"x")).ends_with(&[&time[14..], " SITE: x"].concat()[1..]));
    }

    #[test]
    fn lines_are_datagrams_and_a_daemon_that_comes_back_gets_the_next_line() {
        let receiver = UdpSocket::bind("127.0.0.1:0").expect("bound");
        let address = receiver.local_addr().expect("it has one");
        let daemon = Daemon::new(Syslog::new(Address::Inet(address)));
        let received = |receiver: &UdpSocket| {
            let mut buffer = [0; 512];
            receiver.recv(&mut buffer).map(|bytes| shown(&buffer[..bytes])).expect("received")
        };
        daemon.send(Level::Info, b"one\n").expect("sent");
        assert!(received(&receiver).ends_with(" webserv: one"));
        drop(receiver);
        let _ = daemon.send(Level::Info, b"nobody\n");
        let _ = daemon.send(Level::Info, b"nobody\n");
        let receiver = UdpSocket::bind(address).expect("bound again");
        daemon.send(Level::Info, b"two\n").expect("sent");
        assert!(received(&receiver).ends_with(" webserv: two"));
    }

    #[test]
    fn a_unix_daemon_that_does_not_read_or_is_absent_makes_nobody_wait() {
        let path = std::env::temp_dir().join(format!("webserv-syslog-{}", std::process::id()));
        let daemon = Daemon::new(Syslog::new(Address::Unix(path.clone())));
        assert_eq!(daemon.send(Level::Info, b"x").map_err(|e| e.kind()), Err(std::io::ErrorKind::NotFound));
        let _receiver = UnixDatagram::bind(&path).expect("bound");
        let refused = (0..100_000).find_map(|_| daemon.send(Level::Info, b"x").err());
        std::fs::remove_file(&path).expect("removed");
        assert!(refused.is_some_and(|error| error.would_block()), "{refused:?}");
    }
}

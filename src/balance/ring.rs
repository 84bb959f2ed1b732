//! The ring of `hash ... consistent` (ketama): each server has points on it, and a key goes to the next point. When a
//! server comes or goes, only the keys of its own points move.

use super::crc32::Crc32;

/// The points of a server, for each unit of its weight. As in nginx and Cache::Memcached::Fast.
const POINTS: u32 = 160;

/// The points of all servers.
#[derive(Debug, Default)]
pub struct HashRing {
    /// Sorted, each hash once: the hash, and the number of the server.
    points: Vec<(u32, u32)>,
}

impl HashRing {
    /// A ring of these servers: the names as the configuration has them, and the weights. Servers of one name have the
    /// same points, which belong to the first of them.
    pub fn new<'a>(servers: impl IntoIterator<Item = (&'a str, u32)>) -> Self {
        let mut points = Vec::new();
        for (number, (name, weight)) in (0..).zip(servers) {
            let (host, port) = host_and_port(name);
            let mut base = Crc32::default();
            base.update(host.as_bytes());
            base.update(b"\0");
            base.update(port.as_bytes());
            let mut previous = 0u32;
            for _ in 0..weight.saturating_mul(POINTS) {
                let mut crc = base;
                crc.update(&previous.to_le_bytes());
                previous = crc.value();
                points.push((previous, number));
            }
        }
        points.sort_unstable(); // of equal points, the first server's come first
        points.dedup_by_key(|(hash, _)| *hash);
        Self { points }
    }

    /// Whether there is no server.
    pub fn is_empty(&self) -> bool {
        self.points.is_empty()
    }

    /// The index of the point that a hash leads to. It may be one behind the last one.
    pub(super) fn point(&self, hash: u32) -> u32 {
        self.points.partition_point(|(point, _)| *point < hash) as u32
    }

    /// The number of the server of this point. The ring has no end.
    pub(super) fn server(&self, point: u32) -> u32 {
        self.points[point as usize % self.points.len()].1
    }
}

/// The host and the port of a server's name. The path of a unix socket, and a name without a port, have no port.
fn host_and_port(name: &str) -> (&str, &str) {
    if let Some((_, path)) = name.split_at_checked(5).filter(|(scheme, _)| scheme.eq_ignore_ascii_case("unix:")) {
        return (path, "");
    }
    match name.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => (host, port),
        _ => (name, ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_ports() {
        for (name, expected) in [
            ("127.0.0.1:8080", ("127.0.0.1", "8080")),
            ("example.org", ("example.org", "")),
            ("[::1]:80", ("[::1]", "80")),
            ("[::1]", ("[::1]", "")),
            ("unix:/run/app.sock", ("/run/app.sock", "")),
            ("UNIX:/a:1", ("/a:1", "")),
        ] {
            assert_eq!(host_and_port(name), expected, "{name}");
        }
    }

    #[test]
    fn points_are_sorted_and_each_stands_once() {
        let ring = HashRing::new([("a", 1), ("b:1", 2), ("a", 1)]);
        assert!(ring.points.is_sorted_by(|a, b| a.0 < b.0));
        assert_eq!(ring.points.len(), 3 * POINTS as usize, "servers of one name have the same points");
        assert_eq!(ring.server(ring.points.len() as u32), ring.server(0));
        assert!(HashRing::default().is_empty());
    }
}

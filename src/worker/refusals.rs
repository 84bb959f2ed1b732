//! The file systems that refuse sendfile(2): their files are read and written instead.

/// How many are remembered. The list has few entries, since a server has few file systems.
const DEVICES_MAX: usize = 64;

/// The device numbers of the file systems whose files sendfile(2) does not send, or of all if the kernel refuses the
/// call. So a refused call is made once for each file system, and not for each part of a file.
#[derive(Default)]
pub struct Refusals {
    devices: Vec<u64>,
}

impl Refusals {
    /// Remembers a file system. Returns false if it is known already.
    pub fn add(&mut self, device: u64) -> bool {
        if self.contains(device) {
            return false;
        }
        if self.devices.len() == DEVICES_MAX {
            self.devices.clear(); // numbers of file systems that are not mounted any more
        }
        self.devices.push(device);
        true
    }

    /// Whether this file system refuses.
    pub fn contains(&self, device: u64) -> bool {
        self.devices.contains(&device)
    }

    /// Whether no file system refuses. Then the number of the file's need not be known.
    pub fn is_empty(&self) -> bool {
        self.devices.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_system_is_remembered_once_and_not_for_ever() {
        let mut refusals = Refusals::default();
        assert!(refusals.is_empty() && refusals.add(7) && !refusals.add(7) && !refusals.is_empty());
        assert!(refusals.contains(7) && !refusals.contains(8));
        for device in 100..100 + 2 * DEVICES_MAX as u64 {
            refusals.add(device);
            assert!(refusals.contains(device) && refusals.devices.len() <= DEVICES_MAX);
        }
        assert!(!refusals.contains(7));
    }
}

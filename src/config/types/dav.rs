//! The settings for changes by clients: which methods may change the files of a location.

use crate::http::Method;

/// `dav_methods`, `dav_access`, `create_full_put_path`, `min_delete_depth`, `dav_sync`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Dav {
    /// The methods that may change files here. Default none.
    pub methods: DavMethods,
    /// The permissions of new files; None: 0666 without the umask.
    pub access: Option<u32>,
    /// Missing folders on the way to a stored file are made. With a folder missing, the file's path may have 64 names
    /// (`PATH_NAMES_MAX`): a longer one is refused with 403, and nothing is made. Default off.
    pub full_put_path: bool,
    /// A path with fewer segments is not removed. Default 0.
    pub min_delete_depth: usize,
    /// A stored file is on the disk (fsync(2)) before the client gets the answer. Default off.
    pub sync: bool,
}

bitflags::bitflags! {
    /// `dav_methods off|PUT DELETE MKCOL COPY MOVE;`
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub struct DavMethods: u8 {
        /// Store a file under the name in the URL.
        const PUT = 1;
        /// Remove a file, or a directory with everything in it.
        const DELETE = 2;
        /// Make a directory.
        const MKCOL = 4;
        /// Copy a file or a directory.
        const COPY = 8;
        /// Rename a file or a directory.
        const MOVE = 16;
    }
}

impl DavMethods {
    /// Whether the set has this method.
    pub fn allow(self, method: Method) -> bool {
        let flag = match method {
            Method::Put => Self::PUT,
            Method::Delete => Self::DELETE,
            Method::Mkcol => Self::MKCOL,
            Method::Copy => Self::COPY,
            Method::Move => Self::MOVE,
            _ => return false,
        };
        self.contains(flag)
    }
}

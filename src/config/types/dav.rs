//! How clients may change what a location serves.

use crate::http::Method;

/// `dav_methods`, `dav_access`, `create_full_put_path`, `min_delete_depth`, `dav_sync`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Dav {
    /// The methods that may change files here. Default none.
    pub methods: DavMethods,
    /// The permissions of files that are new; `None`: 0666 less the umask.
    pub access: Option<u32>,
    /// Folders that are missing on the way to a stored file are made. Default off.
    pub full_put_path: bool,
    /// A path with fewer names in it is not removed. Default 0.
    pub min_delete_depth: usize,
    /// What is stored is on the disk before the client is told so. Default off.
    pub sync: bool,
}

bitflags::bitflags! {
    /// `dav_methods off|PUT DELETE MKCOL COPY MOVE;`
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub struct DavMethods: u8 {
        /// A file is stored under the name that the URL gives it.
        const PUT = 1;
        /// A file is removed, or a directory with all that is in it.
        const DELETE = 2;
        /// A directory is made.
        const MKCOL = 4;
        /// A file or a directory gets a copy elsewhere.
        const COPY = 8;
        /// A file or a directory gets another name.
        const MOVE = 16;
    }
}

impl DavMethods {
    /// Whether this method is one of them.
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

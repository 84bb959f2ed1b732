//! Watches everything that a path depends on, step by step, before the path is opened.

use crate::cache::Dependency;
use crate::limits::WATCHED_NAMES_MAX;
use crate::worker::FileCache;
use std::ffi::CString;
use webserv_sys::changes::Aspects;
use webserv_sys::file::{self, FileKind};
use webserv_sys::{Error, Result};

/// The maximum number of symbolic links in one path. A file behind more of them is not kept.
const LINKS_MAX: usize = 8;

/// The watches for the paths that were looked up.
///
/// A step watches the directory or link of a name, and then looks at it. If it was replaced in between, there is an
/// event of the watched one. So while no inotify event is pending, the path still resolves as it did when we walked it,
/// and the following open finds the file that is watched.
pub(super) struct Dependencies<'a> {
    files: &'a mut FileCache,
    depends: Vec<Dependency>,
    /// The paths that are watched as directories or links, with their kinds: paths of one request begin alike.
    steps: Vec<(Vec<u8>, FileKind)>,
    failed: Option<Error>,
}

impl<'a> Dependencies<'a> {
    /// No watches yet.
    pub fn new(files: &'a mut FileCache) -> Self {
        Self { files, depends: Vec::new(), steps: Vec::new(), failed: None }
    }

    /// The watches, with the first error if something cannot be watched.
    pub fn finish(self) -> (Vec<Dependency>, Option<Error>) {
        (self.depends, self.failed)
    }

    /// Watches all directories and links of this path, and the file's bytes. Must be called before the path is opened.
    pub fn follow(&mut self, path: &[u8]) {
        if self.failed.is_none() {
            self.failed = self.try_follow(path).err();
        }
    }

    fn try_follow(&mut self, path: &[u8]) -> Result<()> {
        let mut here = start(path);
        self.step(&here, Aspects::ITSELF)?;
        let mut rest = names(path);
        let mut links = 0;
        while let Some(name) = rest.pop() {
            let next = [&here[..], if here.ends_with(b"/") { b"" } else { b"/" }, &name].concat();
            let aspects = if rest.is_empty() { Aspects::ITSELF | Aspects::BYTES } else { Aspects::ITSELF };
            match self.step(&next, aspects) {
                Ok(FileKind::Symlink) => {
                    links += 1;
                    if links > LINKS_MAX {
                        return Err(Error::not_watched("inotify_add_watch"));
                    }
                    let target = file::readlinkat(file::CWD, &file::c_path("readlinkat", &next)?)?;
                    if target.starts_with(b"/") {
                        here = start(&target);
                    }
                    rest.extend(names(&target));
                }
                Ok(_) => here = next,
                Err(error) if error.is_not_found() => return self.missing(&here, &name, &next),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Watches one directory, link or file. Returns its kind.
    ///
    /// # Errors
    /// Also `ENOTSUP` after [`WATCHED_NAMES_MAX`] steps: all of them are made in one turn, and the kernel resolves the
    /// path from its start in each.
    fn step(&mut self, path: &[u8], aspects: Aspects) -> Result<FileKind> {
        if aspects == Aspects::ITSELF
            && let Some((_, kind)) = self.steps.iter().find(|(before, _)| before == path)
        {
            return Ok(*kind);
        }
        if self.depends.len() >= WATCHED_NAMES_MAX {
            return Err(Error::not_watched("inotify_add_watch"));
        }
        let before = path;
        let path = file::c_path("inotify_add_watch", path)?;
        let on = self.files.watch(&path, aspects)?;
        self.depends.push(Dependency { on, name: Box::default() });
        let stat = file::fstatat(file::CWD, &path, false)?;
        // A link is on the file system of its directory, so only other kinds are checked.
        if stat.kind != FileKind::Symlink && !self.files.tells_changes(&path, stat.device)? {
            return Err(Error::not_watched("inotify_add_watch"));
        }
        self.steps.push((before.to_vec(), stat.kind));
        Ok(stat.kind)
    }

    /// Watches the directory of a missing name, for the name to be created.
    fn missing(&mut self, directory: &[u8], name: &[u8], path: &[u8]) -> Result<()> {
        let directory = file::c_path("inotify_add_watch", directory)?;
        if file::fstatat(file::CWD, &directory, true)?.kind != FileKind::Directory {
            return Ok(()); // a file, which has no entries; it is watched itself
        }
        let on = self.files.watch(&directory, Aspects::NEW_NAMES)?;
        self.depends.push(Dependency { on, name: name.into() });
        let path: CString = file::c_path("fstatat", path)?;
        match file::fstatat(file::CWD, &path, false) {
            Err(error) if error.is_not_found() => Ok(()),
            Err(error) => Err(error),
            Ok(_) => Err(Error::not_watched("inotify_add_watch")), // created since
        }
    }
}

/// The start of a path: "/" or ".".
fn start(path: &[u8]) -> Vec<u8> {
    if path.starts_with(b"/") { b"/".to_vec() } else { b".".to_vec() }
}

/// The names of a path in reverse order.
fn names(path: &[u8]) -> Vec<Box<[u8]>> {
    path.split(|b| *b == b'/').filter(|n| !n.is_empty() && *n != b".").rev().map(Box::from).collect()
}

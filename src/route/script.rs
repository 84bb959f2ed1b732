//! Which program answers a URL, and where the program ends in it and PATH_INFO begins.
//!
//! With `cgi on` the path is walked on the disk: the first part of it that is a regular file is the script. With
//! `cgi_pass` nothing is looked up: the program answers for its location, or for what ends like a script.

use super::file_path;
use crate::config::{Cgi, CgiPass, DisableSymlinks, PathInfo, Settings};
use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use webserv_sys::file::{self, CWD, FileKind};
use webserv_sys::{Error, Result};

/// A program that answers, and how to start it. All paths are absolute: it runs in another folder than the server.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Script {
    /// The script's file: SCRIPT_FILENAME. The program itself if nothing else is run by it.
    pub file: Vec<u8>,
    /// The part of the URL's path that names the script: SCRIPT_NAME (RFC 3875 section 4.1.13). May be empty.
    pub script_name: Vec<u8>,
    /// What follows it: PATH_INFO (RFC 3875 section 4.1.5). Empty, or begins with "/".
    pub path_info: Vec<u8>,
    /// What is executed.
    pub program: CString,
    /// Its arguments from the program's own name on, without those of an indexed query.
    pub arguments: Vec<CString>,
    /// The folder that it runs in: the script's.
    pub directory: CString,
}

impl Script {
    /// Whether it writes whole HTTP responses: its file's name begins with "nph-" (RFC 3875 section 5).
    pub fn is_nph(&self) -> bool {
        self.file.rsplit(|b| *b == b'/').next().is_some_and(|name| name.starts_with(b"nph-"))
    }
}

/// Could a program answer this path (decoded, normalized)? Asks no disk. Files of such names are not to be sent as they
/// are, which matters where a file is found otherwise than by [`find`], as the index of a folder.
pub fn may_answer(settings: &Settings, path: &[u8]) -> bool {
    settings.cgi.as_ref().is_some_and(|cgi| ends(path, cgi).next().is_some())
}

/// The program that answers this path (decoded, normalized); `None`: no program does, the path is of a folder or of a
/// static file, or there is nothing.
///
/// Looks at no more names than there are folders on the way, and at one where the path is that of the script.
///
/// # Errors
/// Those of stat(2): `EACCES`; `ELOOP` for a link that `disable_symlinks` does not let us follow. (That is looked at
/// before the program is started and not by the start itself: who can put links there at that moment gets around it.)
pub fn find(settings: &Settings, path: &[u8]) -> Result<Option<Script>> {
    match settings.cgi.as_deref() {
        None => Ok(None),
        Some(cgi) => match &cgi.pass {
            Some(pass) => passed(settings, cgi, pass, path),
            None => on_disk(settings, cgi, path),
        },
    }
}

/// `cgi on`: the file is the script.
fn on_disk(settings: &Settings, cgi: &Cgi, path: &[u8]) -> Result<Option<Script>> {
    // With extensions there are few parts to look at. Without, the whole path is the likely one.
    if cgi.extensions.is_empty() {
        match look(settings, path) {
            Ok(Some((FileKind::File, file))) => return script(cgi, path, path.len(), file).map(Some),
            Ok(_) => return Ok(None),
            Err(error) if error.is_not_found() => {}
            Err(error) => return Err(error),
        }
    }
    for end in ends(path, cgi).filter(|end| path[end - 1] != b'/') {
        match look(settings, &path[..end]) {
            Ok(Some((FileKind::File, file))) => return script(cgi, path, end, file).map(Some),
            Ok(Some((FileKind::Directory, _)) | None) => {}
            Ok(Some(_)) => return Ok(None),
            Err(error) if error.is_not_found() => return Ok(None), // and nothing below it is there
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

/// `cgi on`: the file at the first `end` bytes of the path answers.
fn script(cgi: &Cgi, path: &[u8], end: usize, file: Vec<u8>) -> Result<Script> {
    let file = absolute(cgi, file);
    let interpreter = cgi.interpreters.iter().find(|(extension, _)| ends_in(&file, extension));
    let script = file::c_path("posix_spawn", &file)?;
    let (program, arguments) = match interpreter {
        None => (script.clone(), vec![script]),
        Some((_, program)) => {
            let program = file::c_path("posix_spawn", program.as_os_str().as_bytes())?;
            (program.clone(), vec![program, script])
        }
    };
    let directory = file::c_path("posix_spawn", folder(&file))?;
    let (script_name, path_info) = split(cgi, path, end);
    Ok(Script { file, script_name, path_info, program, arguments, directory })
}

/// `cgi_pass`: the program answers for its location, or with `cgi_extension` for the scripts in it, which it finds by
/// SCRIPT_FILENAME and which may be there or not.
fn passed(settings: &Settings, cgi: &Cgi, pass: &CgiPass, path: &[u8]) -> Result<Option<Script>> {
    let own = pass.program.as_os_str().as_bytes();
    let program = file::c_path("posix_spawn", own)?;
    let (end, file) = match cgi.extensions.is_empty() {
        true => (prefix_end(path, pass.prefix_bytes), own.to_vec()),
        false => {
            let Some(end) = ends(path, cgi).next() else { return Ok(None) };
            let Some(file) = file_path(settings, &path[..end]) else { return Ok(None) };
            (end, absolute(cgi, file))
        }
    };
    let is_folder = |path: &[u8]| {
        let path = file::c_path("fstatat", path);
        path.is_ok_and(|path| file::fstatat(CWD, &path, true).is_ok_and(|stat| stat.kind == FileKind::Directory))
    };
    let directory = if is_folder(folder(&file)) { folder(&file) } else { folder(own) };
    let directory = file::c_path("posix_spawn", directory)?;
    let (script_name, path_info) = split(cgi, path, end);
    Ok(Some(Script { file, script_name, path_info, arguments: vec![program.clone()], program, directory }))
}

/// Where a location's prefix ends, without its slash. `location /a` has "/ab/c", too: a name is not cut in two.
fn prefix_end(path: &[u8], prefix_bytes: usize) -> usize {
    let prefix = prefix_bytes.min(path.len());
    match path[..prefix].last() {
        Some(b'/') => prefix - 1,
        _ => prefix + path[prefix..].iter().position(|b| *b == b'/').unwrap_or(path.len() - prefix),
    }
}

/// Where a script's part of the path may end: after each name that has one of the extensions.
fn ends(path: &[u8], cgi: &Cgi) -> impl Iterator<Item = usize> {
    let slashes = memchr::memchr_iter(b'/', path).skip(1);
    slashes.chain([path.len()]).filter(|end| {
        let extensions = &cgi.extensions;
        extensions.is_empty() || extensions.iter().any(|extension| ends_in(&path[..*end], extension))
    })
}

/// `extension` is in lower case.
fn ends_in(path: &[u8], extension: &str) -> bool {
    let end = path.len().checked_sub(extension.len()).map(|start| &path[start..]);
    end.is_some_and(|end| end.eq_ignore_ascii_case(extension.as_bytes()))
}

/// SCRIPT_NAME and PATH_INFO.
fn split(cgi: &Cgi, path: &[u8], end: usize) -> (Vec<u8>, Vec<u8>) {
    let path_info = match cgi.path_info {
        PathInfo::Rest => &path[end..],
        PathInfo::Uri => path,
    };
    (path[..end].to_vec(), path_info.to_vec())
}

/// What a part of the path is, and its file. `None`: it is shorter than what an `alias` replaces.
fn look(settings: &Settings, part: &[u8]) -> Result<Option<(FileKind, Vec<u8>)>> {
    if settings.alias.as_ref().is_some_and(|alias| part.len() < alias.prefix_bytes) {
        return Ok(None);
    }
    let Some(file) = file_path(settings, part) else { return Ok(None) };
    let path = file::c_path("fstatat", &file)?;
    if settings.disable_symlinks != DisableSymlinks::Off {
        refuse_links(&file, settings.disable_symlinks)?;
    }
    Ok(Some((file::fstatat(CWD, &path, true)?.kind, file)))
}

/// `disable_symlinks`: looks at each name on the way.
fn refuse_links(path: &[u8], links: DisableSymlinks) -> Result<()> {
    for end in memchr::memchr_iter(b'/', path).skip_while(|end| *end == 0).chain([path.len()]) {
        let name = file::c_path("fstatat", path[..end].strip_suffix(b"/").unwrap_or(&path[..end]))?;
        let itself = file::fstatat(CWD, &name, false)?;
        if itself.kind == FileKind::Symlink {
            let same_owner = || file::fstatat(CWD, &name, true).is_ok_and(|target| target.owner == itself.owner);
            if links == DisableSymlinks::On || !same_owner() {
                return Err(Error::link_refused("fstatat"));
            }
        }
    }
    Ok(())
}

/// A file's path as a program finds it that runs elsewhere.
pub fn absolute(cgi: &Cgi, path: Vec<u8>) -> Vec<u8> {
    if path.starts_with(b"/") {
        return path;
    }
    let mut rest = &path[..];
    while let Some(shorter) = rest.strip_prefix(b"./") {
        rest = shorter;
    }
    let mut out = cgi.working_directory.as_os_str().as_bytes().to_vec();
    if rest != b"." {
        out.push(b'/');
        out.extend_from_slice(rest);
    }
    out
}

/// The folder that a file is in; "/" for one in the root.
fn folder(file: &[u8]) -> &[u8] {
    match memchr::memrchr(b'/', file) {
        None | Some(0) => b"/",
        Some(slash) => &file[..slash],
    }
}

#[cfg(test)]
mod tests;

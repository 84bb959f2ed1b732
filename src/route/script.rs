//! Finds the CGI program for a URL path, and splits the path into SCRIPT_NAME and PATH_INFO.
//!
//! The path is looked up on the disk: its first part that is a regular file is the script. With `cgi_pass` and no
//! `cgi_extension` there is no script and nothing is looked up: the program answers for its whole location.

use super::file_path;
use crate::config::{Cgi, CgiPass, DisableSymlinks, PathInfo, Settings};
use crate::limits::PATH_NAMES_MAX;
use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use webserv_sys::file::{self, CWD, FileKind};
use webserv_sys::{Error, Result};

/// A CGI program and how to start it. All paths are absolute, because it runs in another directory than the server.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Script {
    /// The script's file: SCRIPT_FILENAME. The program itself if it interprets no script.
    pub file: Vec<u8>,
    /// The part of the URL path that names the script: SCRIPT_NAME (RFC 3875 section 4.1.13). May be empty.
    pub script_name: Vec<u8>,
    /// The rest of the path: PATH_INFO (RFC 3875 section 4.1.5). Empty, or begins with "/".
    pub path_info: Vec<u8>,
    /// The file to execute.
    pub program: CString,
    /// The arguments, beginning with the program's name, without those of the query.
    pub arguments: Vec<CString>,
    /// The working directory: the script's directory.
    pub directory: CString,
}

impl Script {
    /// Whether the program writes complete HTTP responses: its file name begins with "nph-" (RFC 3875 section 5).
    pub fn is_nph(&self) -> bool {
        self.file.rsplit(|b| *b == b'/').next().is_some_and(|name| name.starts_with(b"nph-"))
    }
}

/// Whether a program may answer this decoded, normalized path. Does not access the disk. Such files must not be sent as
/// they are, also if they are found without [`find`], for example as an index file.
pub fn may_answer(settings: &Settings, path: &[u8]) -> bool {
    settings.cgi.as_ref().is_some_and(|cgi| ends(path, cgi).next().is_some())
}

/// The program for this decoded, normalized path. Returns `None` if no program answers: the path is a directory, a
/// static file, or missing.
///
/// Makes at most one stat(2) call per directory of the path, and one if the whole path is the script (more with
/// `disable_symlinks`).
///
/// # Errors
/// The errors of stat(2): `EACCES`; `ELOOP` for a link that `disable_symlinks` forbids; `EMLINK` if more than
/// [`PATH_NAMES_MAX`] names are to be looked at. (Links are checked before the program is started, not by the start
/// itself: a link that is made between the two is followed.)
pub fn find(settings: &Settings, path: &[u8]) -> Result<Option<Script>> {
    match settings.cgi.as_deref() {
        None => Ok(None),
        Some(cgi) => match &cgi.pass {
            Some(pass) => passed(settings, cgi, pass, path),
            None => match on_disk(settings, cgi, path)? {
                Some((end, file)) => script(cgi, path, end, file).map(Some),
                None => Ok(None),
            },
        },
    }
}

/// Finds the script on the disk. Returns the end of its part of the path, and its file.
fn on_disk(settings: &Settings, cgi: &Cgi, path: &[u8]) -> Result<Option<(usize, Vec<u8>)>> {
    // With extensions, few parts of the path are candidates. Without, the whole path is the most likely one.
    if cgi.extensions.is_empty() {
        match look(settings, path) {
            Ok(Some((FileKind::File, file))) => return Ok(Some((path.len(), file))),
            Ok(_) => return Ok(None),
            Err(error) if error.is_not_found() => {}
            Err(error) => return Err(error),
        }
    }
    let mut looks = 0;
    for end in ends(path, cgi).filter(|end| path[end - 1] != b'/') {
        looks += 1;
        if looks > PATH_NAMES_MAX {
            return Err(Error::too_deep("fstatat")); // all looks are in one turn
        }
        match look_along(settings, &path[..end]) {
            Ok(Some((FileKind::File, file))) => {
                refuse_links(&file, settings.disable_symlinks)?;
                return Ok(Some((end, file)));
            }
            Ok(Some((FileKind::Directory, _)) | None) => {}
            Ok(Some(_)) => return Ok(None),
            Err(error) if error.is_not_found() => return Ok(None), // then nothing below it exists either
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

/// `cgi on`: the file at the first `end` bytes of the path is the script.
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

/// `cgi_pass`: the program answers for its location. With `cgi_extension` it answers for the scripts in it, and gets
/// their path in SCRIPT_FILENAME. A script must be a file that is there: php-cgi would look for another one in the
/// path, and `/avatar.jpg/x.php` would run a picture. `cgi_path_info uri` is for programs (of tests) that need no file.
fn passed(settings: &Settings, cgi: &Cgi, pass: &CgiPass, path: &[u8]) -> Result<Option<Script>> {
    let own = pass.program.as_os_str().as_bytes();
    let program = file::c_path("posix_spawn", own)?;
    let (end, file) = match cgi.extensions.is_empty() {
        true => (prefix_end(path, pass.prefix_bytes), own.to_vec()),
        false => {
            let found = match cgi.path_info {
                PathInfo::Rest => on_disk(settings, cgi, path)?,
                PathInfo::Uri => ends(path, cgi).next().and_then(|end| Some((end, file_path(settings, &path[..end])?))),
            };
            let Some((end, file)) = found else { return Ok(None) };
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

/// The end of a location's prefix, without its slash. `location /a` also matches "/ab/c": the name "ab" is not split.
fn prefix_end(path: &[u8], prefix_bytes: usize) -> usize {
    let prefix = prefix_bytes.min(path.len());
    match path[..prefix].last() {
        Some(b'/') => prefix - 1,
        _ => prefix + path[prefix..].iter().position(|b| *b == b'/').unwrap_or(path.len() - prefix),
    }
}

/// The positions where the script's part may end: after each name with one of the extensions.
fn ends(path: &[u8], cgi: &Cgi) -> impl Iterator<Item = usize> {
    let slashes = memchr::memchr_iter(b'/', path).skip(1);
    slashes.chain([path.len()]).filter(|end| {
        let extensions = &cgi.extensions;
        extensions.is_empty() || extensions.iter().any(|extension| ends_in(&path[..*end], extension))
    })
}

/// Whether a path has this extension, which is in lower case.
fn ends_in(path: &[u8], extension: &str) -> bool {
    let end = path.len().checked_sub(extension.len()).map(|start| &path[start..]);
    end.is_some_and(|end| end.eq_ignore_ascii_case(extension.as_bytes()))
}

/// Splits the path into SCRIPT_NAME and PATH_INFO.
fn split(cgi: &Cgi, path: &[u8], end: usize) -> (Vec<u8>, Vec<u8>) {
    let path_info = match cgi.path_info {
        PathInfo::Rest => &path[end..],
        PathInfo::Uri => path,
    };
    (path[..end].to_vec(), path_info.to_vec())
}

/// The kind of file for a part of the path, and its path on disk. Returns `None` if the part is shorter than the
/// alias's prefix.
fn look(settings: &Settings, part: &[u8]) -> Result<Option<(FileKind, Vec<u8>)>> {
    let found = look_along(settings, part)?;
    if let Some((_, file)) = &found {
        refuse_links(file, settings.disable_symlinks)?;
    }
    Ok(found)
}

/// The same, whatever links are in the path. The links of a script's path are checked once, when it is found: not for
/// each of its parts, which would be very many checks for a deep path.
fn look_along(settings: &Settings, part: &[u8]) -> Result<Option<(FileKind, Vec<u8>)>> {
    if settings.alias.as_ref().is_some_and(|alias| part.len() < alias.prefix_bytes) {
        return Ok(None);
    }
    let Some(file) = file_path(settings, part) else { return Ok(None) };
    let path = file::c_path("fstatat", &file)?;
    Ok(Some((file::fstatat(CWD, &path, true)?.kind, file)))
}

/// `disable_symlinks`: checks each name of the path.
fn refuse_links(path: &[u8], links: DisableSymlinks) -> Result<()> {
    if links == DisableSymlinks::Off {
        return Ok(());
    }
    let ends = || memchr::memchr_iter(b'/', path).skip_while(|end| *end == 0).chain([path.len()]);
    if ends().count() > PATH_NAMES_MAX {
        return Err(Error::too_deep("fstatat")); // as for files
    }
    for end in ends() {
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

/// The absolute path of a file, for a program that runs in another directory.
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

/// The directory of a file; "/" for a file in the root.
fn folder(file: &[u8]) -> &[u8] {
    match memchr::memrchr(b'/', file) {
        None | Some(0) => b"/",
        Some(slash) => &file[..slash],
    }
}

#[cfg(test)]
mod tests;

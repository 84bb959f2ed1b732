//! The pid file: contains the server's process id, so that `webserv -s` finds the server.
//!
//! The number of another process in an old file is no error: after a restart of the machine it may be that of another
//! program, and a new server may start while an old one finishes its responses.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use webserv_sys::file::{self, OpenFlags};
use webserv_sys::process;

/// The permissions of the file, without the umask.
const MODE: u32 = 0o644;

/// Dropping it removes the file, unless the file contains the pid of a server that was started later.
pub struct PidFile {
    path: PathBuf,
    file: File,
}

impl PidFile {
    /// Writes this process's pid.
    ///
    /// Root may write it into a folder in which others can write. So no symbolic link at this path is followed: a new
    /// file replaces a link or an old file. Another kind of file, such as /dev/null, is written to.
    ///
    /// # Errors
    /// A message for the user: the file that cannot be written, and why.
    pub fn write(path: &Path) -> Result<Self, String> {
        let is_replaced = std::fs::symlink_metadata(path).map_or(true, |now| now.is_file() || now.is_symlink());
        let written = match if is_replaced { replace(path) } else { overwrite(path) } {
            // The file may be the one thing that can be written: the folder is another user's, or the file system is
            // read-only and the file is mounted into it.
            Err(error) => overwrite(path).map_err(|_| error),
            outcome => outcome,
        };
        let file = written.map_err(|e| format!("cannot write the pid file {}: {e}", path.display()))?;
        Ok(Self { path: path.to_owned(), file })
    }
}

fn open(path: &Path, flags: OpenFlags) -> io::Result<File> {
    let path = file::c_path("open", path.as_os_str().as_bytes())?;
    let flags = flags | OpenFlags::NO_FOLLOW | OpenFlags::NON_BLOCKING;
    Ok(File::from(file::open(&path, flags, MODE)?))
}

/// Writes a new file under another name, and renames it, so that nobody reads half of a number.
fn replace(path: &Path) -> io::Result<File> {
    let Some(name) = path.file_name() else { return Err(io::ErrorKind::IsADirectory.into()) };
    let mut hidden = std::ffi::OsString::from(".");
    hidden.push(name);
    hidden.push(format!(".{}", process::pid()));
    let hidden = path.with_file_name(hidden);
    let create = || open(&hidden, OpenFlags::WRITE | OpenFlags::CREATE | OpenFlags::EXCLUSIVE);
    let mut file = match create() {
        // A process with this pid was killed here.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            std::fs::remove_file(&hidden)?;
            create()?
        }
        outcome => outcome?,
    };
    let written = file.write_all(text().as_bytes()).and_then(|()| std::fs::rename(&hidden, path));
    if written.is_err() {
        let _ = std::fs::remove_file(&hidden);
    }
    written.map(|()| file)
}

fn overwrite(path: &Path) -> io::Result<File> {
    let mut file = open(path, OpenFlags::WRITE | OpenFlags::TRUNCATE)?;
    file.write_all(text().as_bytes())?;
    Ok(file)
}

/// The first bytes of the file. Somebody else may have put another one there: root does not follow a link to it, does
/// not wait for it, and does not read it to its end.
fn first_bytes(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open(path, OpenFlags::READ)?.take(32).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn text() -> String {
    format!("{}\n", process::pid())
}

impl Drop for PidFile {
    fn drop(&mut self) {
        let ours = first_bytes(&self.path).is_ok_and(|now| now == text().as_bytes());
        if ours && std::fs::remove_file(&self.path).is_err() {
            // The process may have no write permission for the directory. It can still truncate the open file, so that
            // `-s` finds no pid.
            let _ = self.file.set_len(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_symbolic_link_in_its_place_was_followed() {
        let folder = std::env::temp_dir().join(format!("webserv-pid-{}", std::process::id()));
        std::fs::create_dir(&folder).expect("a folder");
        let (path, other) = (folder.join("pid"), folder.join("other"));
        std::fs::write(&other, "root's").expect("written");
        symlink(&other, &path).expect("linked");
        // Of a killed process with the same number.
        std::fs::write(folder.join(format!(".pid.{}", process::pid())), "").expect("written");
        let file = PidFile::write(&path).unwrap_or_else(|error| panic!("{error}"));
        let read = |path: &Path| std::fs::read_to_string(path).expect("it is there");
        assert_eq!((read(&path), read(&other)), (text(), "root's".into()));
        assert_eq!(std::fs::read_dir(&folder).expect("a folder").count(), 2, "no other name is left");
        drop(file);
        assert!(!path.exists() && other.exists());

        let file = PidFile::write(&path).unwrap_or_else(|error| panic!("{error}"));
        std::fs::write(&path, "1\n").expect("written");
        drop(file);
        assert_eq!(read(&path), "1\n", "the file of a server that was started later stays");
        // What somebody else has put there is not waited for, and not read to its end.
        for make in ["mkfifo pid", "ln -s /dev/zero pid"] {
            let file = PidFile::write(&path).unwrap_or_else(|error| panic!("{error}"));
            std::fs::remove_file(&path).expect("removed");
            let made = std::process::Command::new("sh").args(["-c", make]).current_dir(&folder).status();
            assert!(made.is_ok_and(|status| status.success()), "{make}");
            drop(file);
            assert!(std::fs::symlink_metadata(&path).is_ok_and(|now| !now.is_file()), "{make}");
            std::fs::remove_file(&path).expect("removed");
        }
        drop(PidFile::write(Path::new("/dev/null")).unwrap_or_else(|error| panic!("{error}")));
        assert!(!std::fs::symlink_metadata("/dev/null").expect("it is there").is_file());
        assert!(PidFile::write(&folder).is_err() && PidFile::write(&folder.join("absent/pid")).is_err());
        std::fs::remove_dir_all(&folder).expect("removed");
    }
}

//! The folders of `client_body_temp_path`. As in nginx, they are made when a configuration comes into use: without
//! them, the server would look right, and refuse the first large body.

use crate::config::{Config, TempFolder};
use std::fs::DirBuilder;
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, lchown};
use std::path::Path;

/// Makes the folders that do not exist. Their parents must exist. `owner` are the ids of the user and the group that
/// the server runs as, if it is to change them.
///
/// # Errors
/// A message for the user: the place in the configuration, the folder, and why it cannot be made.
pub fn make(config: &Config, owner: Option<(u32, u32)>) -> Result<(), String> {
    config.temp_folders.iter().try_for_each(|folder| {
        let made = match DirBuilder::new().mode(0o700).create(&folder.path) {
            // If another user replaces the new folder by a link, the link is given away, and not what it names.
            Ok(()) => owner.map_or(Ok(()), |(user, group)| lchown(&folder.path, Some(user), Some(group))),
            Err(_) if folder.path.is_dir() => Ok(()),
            Err(error) => Err(error),
        };
        made.map_err(|error| refused(folder, &why(error.kind(), &error.to_string())))
    })
}

/// Finds what would make [`make`] fail. Changes nothing.
///
/// # Errors
/// The same as those of [`make`].
pub fn check(config: &Config) -> Result<(), String> {
    config.temp_folders.iter().filter(|folder| !folder.path.is_dir()).try_for_each(|folder| {
        let parent = folder.path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        match (folder.path.symlink_metadata(), parent.is_dir()) {
            (Ok(_), _) => Err(refused(folder, &why(ErrorKind::AlreadyExists, ""))),
            (Err(_), false) => Err(refused(folder, &why(ErrorKind::NotFound, ""))),
            (Err(_), true) => Ok(()),
        }
    })
}

fn why(kind: ErrorKind, error: &str) -> String {
    match kind {
        ErrorKind::AlreadyExists => "there is a file of this name".to_owned(),
        ErrorKind::NotFound | ErrorKind::NotADirectory => "the folder around it does not exist; create it".to_owned(),
        _ => error.to_owned(),
    }
}

fn refused(folder: &TempFolder, why: &str) -> String {
    let TempFolder { path, place } = folder;
    format!("{place}: client_body_temp_path: the folder {} cannot be made: {why}", path.display())
}

//! The folders of `client_body_temp_path`, `proxy_temp_path` and its kind. As in nginx, they are made when a
//! configuration comes into use: without them, the server would look right, and refuse the first large body.

use crate::config::{Config, TempFolder};
use crate::fixed_path;
use std::fs::DirBuilder;
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, lchown};
use std::path::Path;
use webserv_sys::process::{self, Account};

/// Makes the folders that do not exist. Their parents must exist. `account` is the user that the server becomes, if
/// this process is root.
///
/// # Errors
/// A message for the user: the place in the configuration, the folder, and why it cannot be made or used.
pub fn make(config: &Config, account: Option<&Account>) -> Result<(), String> {
    config.temp_folders.iter().try_for_each(|folder| {
        let made = match create(&folder.path, account) {
            Err(_) if folder.path.is_dir() => usable(&folder.path, account),
            outcome => outcome,
        };
        made.map_err(|error| refused(folder, &why(&error)))
    })
}

/// Makes a folder that belongs to the user. As root, only where the user cannot have changed the path.
fn create(path: &Path, account: Option<&Account>) -> io::Result<()> {
    let create = |path: &Path| DirBuilder::new().mode(0o700).create(path);
    let Some(account) = account else { return create(path) };
    match process::as_account(account, || create(path))? {
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            let real = fixed_path::resolve(account, path)?.ok_or_else(|| {
                let what = format!("{error}; root does not make it, because user {} can change the path", account.name);
                io::Error::new(ErrorKind::PermissionDenied, what)
            })?;
            create(&real)?;
            lchown(&real, Some(account.user), Some(account.group))
        }
        outcome => outcome,
    }
}

/// Finds what would make storing a body in an existing folder fail.
fn usable(path: &Path, account: Option<&Account>) -> io::Result<()> {
    if fixed_path::may_write(path, account)? {
        return Ok(());
    }
    let user = account.map_or("the server's user".to_owned(), |account| format!("user {}", account.name));
    let what = format!("it exists, but {user} cannot write in it; change its owner, or remove it");
    Err(io::Error::new(ErrorKind::PermissionDenied, what))
}

/// Finds what would make [`make`] fail. Changes nothing.
///
/// # Errors
/// The same as those of [`make`].
pub fn check(config: &Config, account: Option<&Account>) -> Result<(), String> {
    config.temp_folders.iter().try_for_each(|folder| {
        let found = match folder.path.symlink_metadata() {
            _ if folder.path.is_dir() => usable(&folder.path, account),
            Ok(_) => Err(ErrorKind::AlreadyExists.into()),
            Err(_) => fixed_path::folder_of(&folder.path).map(drop),
        };
        found.map_err(|error| refused(folder, &why(&error)))
    })
}

fn why(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::AlreadyExists => "there is a file of this name".to_owned(),
        ErrorKind::NotFound | ErrorKind::NotADirectory => "the folder around it does not exist; create it".to_owned(),
        _ => error.to_string(),
    }
}

fn refused(folder: &TempFolder, why: &str) -> String {
    let TempFolder { directive, path, place } = folder;
    format!("{place}: {directive}: the folder {} cannot be used: {why}", path.display())
}

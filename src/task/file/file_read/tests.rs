use super::*;
use crate::config::{Autoindex, DisableSymlinks};
use crate::task::file::open::look_up;
use crate::task::temp_dir::TempDir;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::Path;

fn found(path: &Path, indexes: &[&str], settings: Settings) -> Result<Found, Error> {
    let indexes = indexes.iter().map(|name| (name.to_string(), false)).collect();
    let path = [path.as_os_str().as_bytes(), b"/"].concat();
    let wanted = FileRequest {
        path,
        url_path: b"/".to_vec(),
        indexes,
        gzip: false,
        keeps: false,
        random_index: false,
        settings: Arc::new(settings),
    };
    FileRead::new(wanted).find_index(&mut None)
}

fn listed() -> Settings {
    Settings { autoindex: Autoindex { on: true, ..Autoindex::default() }, ..Settings::default() }
}

#[test]
fn a_directory_without_an_index_is_opened_to_be_listed_if_that_is_on() {
    let dir = TempDir::new();
    assert!(matches!(found(dir.path(), &["index.html"], Settings::default()), Ok(Found::NoIndex)));
    let Ok(Found::Unindexed(fd)) = found(dir.path(), &["index.html"], listed()) else { panic!("an open directory") };
    assert_eq!(file::fstat(fd.as_fd()).unwrap().kind, FileKind::Directory);
    dir.write("index.html", b"hello");
    assert!(
        matches!(found(dir.path(), &["index.html"], listed()), Ok(Found::Document(_, _, Some(_)))),
        "the index file comes first"
    );
    for path in ["index.html", "absent"] {
        let Err(error) = found(&dir.path().join(path), &[], listed()) else { panic!("{path} is no directory") };
        assert_eq!(status(error), 404, "{error}");
    }
}

#[test]
fn a_directory_behind_a_link_is_not_opened_where_links_are_not_followed() {
    let dir = TempDir::new();
    std::fs::create_dir(dir.path().join("real")).unwrap();
    symlink("real", dir.path().join("link")).unwrap();
    for (links, expected) in
        [(DisableSymlinks::Off, None), (DisableSymlinks::IfNotOwner, None), (DisableSymlinks::On, Some(403))]
    {
        // The temporary directory's own path may contain links, which are not part of the test.
        let real = std::fs::canonicalize(dir.path()).unwrap();
        let settings = Settings { disable_symlinks: links, ..listed() };
        let refused = found(&real.join("link"), &[], settings).err().map(status);
        assert_eq!(refused, expected, "{links:?}");
    }
}

#[test]
fn links_are_looked_up_as_disable_symlinks_allows() {
    let dir = TempDir::new();
    dir.write("file", b"12345");
    symlink("file", dir.path().join("link")).unwrap();
    symlink("nowhere", dir.path().join("broken")).unwrap();
    let fd = OwnedFd::from(std::fs::File::open(dir.path()).unwrap());
    let table = [
        (DisableSymlinks::Off, c"link", Some(5)),
        (DisableSymlinks::IfNotOwner, c"link", Some(5)),
        (DisableSymlinks::On, c"link", None),
        (DisableSymlinks::On, c"file", Some(5)),
        (DisableSymlinks::Off, c"broken", None),
        (DisableSymlinks::IfNotOwner, c"broken", None),
    ];
    for (links, name, size) in table {
        let stat = look_up(fd.as_fd(), name, links).ok();
        assert_eq!(stat.map(|s| (s.kind, s.size_bytes)), size.map(|s| (FileKind::File, s)), "{links:?} {name:?}");
    }
}

use super::{Copier, CopyStep, Remover};
use crate::limits::TREE_DEPTH_MAX;
use crate::task::temp_dir::TempDir;
use std::fs;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::Path;
use webserv_sys::file::{self, OpenFlags};
use webserv_sys::{Error, Result};

fn open(path: &Path) -> OwnedFd {
    let path = file::c_path("openat", path.as_os_str().as_bytes()).unwrap();
    file::openat(file::CWD, &path, OpenFlags::READ, 0).unwrap()
}

fn remove(folder: &Path) -> Result<usize> {
    let (folder, mut remover) = (open(folder), Remover::new(c"tree".into()));
    let mut steps = 1;
    while remover.step(folder.as_fd())? {
        steps += 1;
    }
    Ok(steps)
}

fn copy(from: &Path, folder: &Path, deep: bool) -> Result<u64> {
    let folder = open(folder);
    let mut copier = Copier::start(open(from), folder.as_fd(), c"copy", deep, false)?;
    let mut buffer = [0; 1000];
    while copier.step(&mut buffer)? != CopyStep::Done {}
    Ok(copier.skipped())
}

/// All paths below a directory with their files' content, sorted.
fn list(folder: &Path) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && !path.is_symlink() {
            all.extend(list(&path).into_iter().map(|(below, text)| (format!("{name}/{below}"), text)));
            all.push((format!("{name}/"), String::new()));
        } else {
            all.push((name, fs::read_to_string(&path).unwrap_or_default()));
        }
    }
    all.sort();
    all
}

/// Makes a tree with more entries than one read returns, and directories among them.
fn plant(root: &Path) {
    fs::create_dir(root).unwrap();
    for i in 0..150 {
        fs::write(root.join(format!("file{i}")), format!("content {i}")).unwrap();
        if i % 10 == 0 {
            fs::create_dir_all(root.join(format!("d{i}/e/f"))).unwrap();
            fs::write(root.join(format!("d{i}/e/f/leaf")), format!("leaf {i}")).unwrap();
            fs::create_dir(root.join(format!("d{i}/empty"))).unwrap();
        }
    }
    fs::write(root.join(".hidden"), "as well").unwrap();
    fs::write(root.join("large"), "x".repeat(3_000_000)).unwrap();
}

#[test]
fn all_of_a_tree_is_removed_and_nothing_else() {
    let temp = TempDir::new();
    plant(&temp.path().join("tree"));
    fs::create_dir(temp.path().join("outside")).unwrap();
    temp.write("outside/kept", b"kept");
    symlink("../outside", temp.path().join("tree/link")).unwrap();
    symlink("../../../outside", temp.path().join("tree/d0/e/link")).unwrap();
    let steps = remove(temp.path()).unwrap();
    assert!(steps > 200, "{steps} steps: one does a bounded number of calls");
    assert_eq!(list(temp.path()).len(), 2, "{:?}", list(temp.path()));
    assert_eq!(remove(temp.path()).unwrap(), 1, "what is gone needs not be removed");
    temp.write("tree", b"a file");
    assert_eq!(remove(temp.path()).unwrap(), 1);
    symlink("outside", temp.path().join("tree")).unwrap();
    assert_eq!(remove(temp.path()).unwrap(), 1);
    assert_eq!(list(temp.path()).len(), 2, "the link is removed, not what it leads to");
}

#[test]
fn a_deep_tree_is_removed_with_few_descriptors_and_is_too_deep_for_a_copy() {
    let temp = TempDir::new();
    let mut path = temp.path().join("tree");
    fs::create_dir(&path).unwrap();
    for _ in 0..300 {
        path.push("d");
        fs::create_dir(&path).unwrap();
        fs::write(path.join("x"), "").unwrap();
    }
    let outcome = copy(&temp.path().join("tree"), temp.path(), true);
    assert!(matches!(outcome, Err(error) if error.is_forbidden()), "{outcome:?}: over {TREE_DEPTH_MAX} levels");
    remove(temp.path()).unwrap();
    assert!(!temp.path().join("tree").exists());
}

#[test]
fn removing_stops_at_a_directory_that_was_moved_away() {
    let temp = TempDir::new();
    fs::create_dir_all(temp.path().join("tree/a/b")).unwrap();
    temp.write("tree/a/b/x", b"");
    let (folder, mut remover) = (open(temp.path()), Remover::new(c"tree".into()));
    while temp.path().join("tree/a/b/x").exists() {
        assert!(remover.step(folder.as_fd()).unwrap());
    }
    fs::create_dir(temp.path().join("elsewhere")).unwrap();
    temp.write("elsewhere/kept", b"");
    fs::rename(temp.path().join("tree/a/b"), temp.path().join("elsewhere/b")).unwrap();
    let error: Error = loop {
        match remover.step(folder.as_fd()) {
            Ok(more) => assert!(more, "it went on in a directory that is not of the tree"),
            Err(error) => break error,
        }
    };
    assert!(error.is_busy(), "{error}");
    assert!(temp.path().join("elsewhere/kept").exists());
}

#[test]
fn a_copy_has_all_files_and_no_links() {
    let temp = TempDir::new();
    let tree = temp.path().join("tree");
    plant(&tree);
    assert_eq!(copy(&tree, temp.path(), true).unwrap(), 0);
    assert_eq!(list(&temp.path().join("copy")), list(&tree));
    fs::remove_dir_all(temp.path().join("copy")).unwrap();

    let before = list(&tree);
    symlink("file1", tree.join("link")).unwrap();
    symlink("d0", tree.join("folder-link")).unwrap();
    fs::write(tree.join(format!(".{:032x}.part", 5)), "an upload that is not complete").unwrap();
    assert_eq!(copy(&tree, temp.path(), true).unwrap(), 2);
    assert_eq!(list(&temp.path().join("copy")), before);
    assert!(copy(&tree, temp.path(), true).unwrap_err().is_taken());
    fs::remove_dir_all(temp.path().join("copy")).unwrap();

    assert_eq!(copy(&tree, temp.path(), false).unwrap(), 0);
    assert_eq!(list(&temp.path().join("copy")), [], "not deep: nothing that is in it");
}

#[test]
fn a_copy_into_the_tree_itself_ends() {
    let temp = TempDir::new();
    let tree = temp.path().join("tree");
    plant(&tree);
    let before = list(&tree);
    copy(&tree, &tree, true).unwrap();
    assert_eq!(list(&tree.join("copy")), before);
}

#[test]
fn a_file_is_copied_from_where_the_kernel_does_not() {
    let temp = TempDir::new();
    temp.write("file", &[b'x'; 100_000]);
    copy(&temp.path().join("file"), temp.path(), true).unwrap();
    assert_eq!(fs::read(temp.path().join("copy")).unwrap().len(), 100_000);
    fs::remove_file(temp.path().join("copy")).unwrap();
    #[cfg(target_os = "linux")]
    {
        // Its size is reported as 0.
        copy(Path::new("/proc/self/status"), temp.path(), true).unwrap();
        assert!(fs::read_to_string(temp.path().join("copy")).unwrap().starts_with("Name:"));
    }
}

#[test]
fn a_copy_failed_when_a_file_was_removed_after_its_folder_was_read() {
    let temp = TempDir::new();
    for name in ["a", "b", "c"] {
        temp.write(name, name.as_bytes());
        fs::create_dir_all(temp.path().join("to")).unwrap();
        fs::create_dir_all(temp.path().join("from").join(format!("folder of {name}"))).unwrap();
        fs::rename(temp.path().join(name), temp.path().join("from").join(name)).unwrap();
    }
    let to = open(&temp.path().join("to"));
    let mut copier = Copier::start(open(&temp.path().join("from")), to.as_fd(), c"copy", true, false).unwrap();
    copier.step(&mut [0; 10]).unwrap(); // reads the names and begins one
    let begun = list(&temp.path().join("to/copy"));
    fs::remove_dir_all(temp.path().join("from")).unwrap();
    while copier.step(&mut [0; 10]).unwrap() != CopyStep::Done {}
    assert_eq!(list(&temp.path().join("to/copy")).len(), begun.len());
    assert_eq!((begun.len(), copier.skipped()), (1, 0));
}

#[test]
fn a_folder_into_which_something_came_late_was_not_removed() {
    let temp = TempDir::new();
    fs::create_dir_all(temp.path().join("tree/inner")).unwrap();
    let (folder, mut remover) = (open(temp.path()), Remover::new(c"tree".into()));
    let mut late = 0;
    // A file is added before each step while the inner directory exists, also after all its entries were read.
    while remover.step(folder.as_fd()).unwrap() {
        let path = temp.path().join("tree/inner");
        if path.exists() && late < 20 {
            fs::write(path.join(format!("late{late}")), "").unwrap();
            late += 1;
        }
    }
    assert!(late > 2 && !temp.path().join("tree").exists());
}

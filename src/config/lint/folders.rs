//! Where the configuration names folders, so that a missing one can be shown.

use super::level::LintLevel;
use crate::config::problem::{Fault, Files, Problem};
use std::path::{Path, PathBuf};

/// Directives whose value is a folder that `check.rs` looks for.
const FOLDERS: [&str; 3] = ["root", "alias", "upload_store"];

/// The folders without variables that are named, each with the place of its word.
pub(super) fn folders(level: &LintLevel<'_>, files: &Files, prefix: &Path, list: &mut Vec<(PathBuf, Problem)>) {
    for it in level.statements.iter().filter(|it| FOLDERS.contains(&&it.name.text[..])) {
        if let [word] = &it.args[..] {
            list.push((prefix.join(&word.text), files.problem(&Fault::new(word.place, ""))));
        }
    }
    for inner in level.levels() {
        folders(&inner, files, prefix, list);
    }
}

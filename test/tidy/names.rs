//! Names: of modules, and of the types that more than one file sees.

use super::scan::{Source, in_word};
use std::collections::BTreeMap;

/// Names that do not say what is inside.
const NO_MODULE_NAMES: &[&str] = &["common", "helper", "helpers", "misc", "util", "utils"];

/// A module has none of the [`NO_MODULE_NAMES`].
pub fn module_names(file: &Source, faults: &mut Vec<String>) {
    if !file.in_folder("src") && !file.in_folder("sys/src") {
        return;
    }
    for name in NO_MODULE_NAMES {
        let what = format!("module {name}: name it after what it does");
        if file.path.split(['/', '.']).any(|part| part == *name) {
            faults.push(file.fault(0, &what));
        }
        for (line, _) in file.code().filter(|(_, code)| code.contains(&format!("mod {name} {{"))) {
            faults.push(file.fault(line, &what));
        }
    }
}

/// The name of a type that other files can see is used once in `src/`: a reader who searches for it finds one thing.
pub fn type_names(files: &[Source], faults: &mut Vec<String>) {
    let mut first: BTreeMap<String, String> = BTreeMap::new();
    for file in files.iter().filter(|file| file.in_folder("src") && !file.is_test) {
        for (line, name) in file.shipped_code().filter_map(|(line, code)| Some((line, public_type(code)?))) {
            if let Some(other) = first.get(name) {
                faults.push(file.fault(line, &format!("the type name {name} is taken by {other}")));
            } else {
                first.insert(name.to_owned(), format!("{}:{}", file.path, line + 1));
            }
        }
    }
}

/// The name of the struct, enum, trait, union or type alias that a line defines as `pub`, `pub(crate)` and so on.
fn public_type(code: &str) -> Option<&str> {
    let rest = code.strip_prefix("pub")?;
    let rest = if rest.starts_with('(') { &rest[rest.find(')')? + 1..] } else { rest };
    let rest = rest.strip_prefix(' ')?;
    let rest = ["struct ", "enum ", "trait ", "type ", "union "].iter().find_map(|kind| rest.strip_prefix(kind))?;
    Some(&rest[..rest.find(|c| !in_word(c)).unwrap_or(rest.len())])
}

//! Which part of `src/` may use which: the modules, the rooms of `src/task/`, and the files of one folder.

use super::paths::ModulePath;
use super::scan::Source;
use std::collections::{BTreeMap, BTreeSet};

/// Which modules of `src/` each module may use, itself aside. Dependencies point down: a row names only modules of
/// the rows above it. `sys` is the crate webserv-sys, which cannot use ours: cargo sees to that. Files right in `src/`
/// without a row (lib.rs, main.rs, cli.rs) put the parts together and may use all of them.
pub const MAY_USE: &[(&str, &[&str])] = &[
    ("http", &[]),
    ("limits", &[]),
    ("directory", &[]),
    ("password", &["http", "sys"]),
    ("secure_link", &["http"]),
    ("pattern", &[]),
    ("stats", &[]),
    ("ages", &["sys"]),
    ("cache", &["sys"]),
    ("dns", &["sys"]),
    ("rate", &["cache"]),
    ("balance", &[]),
    ("date_cache", &["http", "sys"]),
    ("local_time", &["sys"]),
    ("fixed_path", &["sys"]),
    ("pid_file", &["sys"]),
    ("handover", &["sys"]),
    ("config", &["ages", "balance", "directory", "http", "password", "pattern", "rate", "secure_link", "stats", "sys"]),
    ("log", &["cache", "config", "fixed_path", "http", "local_time", "sys"]),
    ("listen", &["config", "sys"]),
    ("temp_folders", &["config", "fixed_path", "sys"]),
    ("route", &["config", "http", "limits", "sys"]),
    ("upstreams", &["balance", "config", "sys"]),
    ("connection", &["balance", "config", "dns", "http", "limits", "pattern", "rate", "route", "sys", "upstreams"]),
    ("gateway", &["connection", "http"]),
    (
        "vars",
        &[
            "ages",
            "config",
            "connection",
            "date_cache",
            "http",
            "local_time",
            "password",
            "route",
            "secure_link",
            "stats",
            "sys",
        ],
    ),
    ("engine", &["connection", "limits", "log", "sys"]),
    (
        "worker",
        &[
            "ages",
            "cache",
            "config",
            "connection",
            "date_cache",
            "dns",
            "handover",
            "http",
            "limits",
            "listen",
            "log",
            "password",
            "route",
            "stats",
            "sys",
            "temp_folders",
            "upstreams",
            "vars",
        ],
    ),
    (
        "task",
        &[
            "balance",
            "cache",
            "config",
            "connection",
            "directory",
            "dns",
            "engine",
            "gateway",
            "handover",
            "http",
            "limits",
            "listen",
            "log",
            "password",
            "rate",
            "route",
            "sys",
            "upstreams",
            "vars",
            "worker",
        ],
    ),
    ("check", &["config", "fixed_path", "log", "sys"]),
    ("master", &["handover", "listen", "log", "sys", "worker"]),
    (
        "server",
        &[
            "check",
            "config",
            "engine",
            "handover",
            "listen",
            "log",
            "master",
            "pid_file",
            "stats",
            "sys",
            "task",
            "temp_folders",
            "worker",
        ],
    ),
];

/// The rooms of `src/task/`, the lowest first. A room uses only rooms of the lines above its own line. Files right in
/// `src/task/` belong to no room.
const TASK_ROOMS: &[&[&str]] = &[
    &["file", "auth", "resolve"],
    &["dav", "upload", "upstream"],
    &["cgi"],
    &["http"],
    &["http1", "directory"],
    &["client"],
    &["server"],
];

/// Imports that close a circle and stay: folder, the file that imports, the imported one, and why.
pub const CIRCLES_THAT_STAY: &[(&str, &str, &str, &str)] = &[
    ("engine", "context", "task", "a task gets a context for its turn, and the orders in that hold new tasks"),
    ("vars", "lookup", "variables", "the value of a map is a text with variables, and one of them may be a map"),
];

/// A module uses only what its row in [`MAY_USE`] names.
pub fn dependencies(file: &Source, faults: &mut Vec<String>) {
    let Some(module) = file.module() else { return };
    let Some((_, may_use)) = MAY_USE.iter().find(|(name, _)| *name == module) else {
        if file.in_folder(&format!("src/{module}")) {
            faults.push(file.fault(0, &format!("module {module} has no row in MAY_USE, see test/tidy/rooms.rs")));
        }
        return;
    };
    for (line, used) in file.uses() {
        let is_ours = used == "sys" || MAY_USE.iter().any(|(name, _)| *name == used);
        if is_ours && used != module && !may_use.contains(&used.as_str()) {
            faults.push(file.fault(line, &format!("{module} uses {used}; see MAY_USE in test/tidy/rooms.rs")));
        }
    }
}

/// A row of [`MAY_USE`] names modules above it only, and none that its module does not use.
pub fn rows_point_down(files: &[Source], faults: &mut Vec<String>) {
    for (index, (module, may_use)) in MAY_USE.iter().enumerate() {
        let of_module = || files.iter().filter(|file| !file.is_test && file.module() == Some(module));
        for name in may_use.iter() {
            if *name != "sys" && !MAY_USE[..index].iter().any(|(above, _)| above == name) {
                faults.push(format!("MAY_USE: {module} may use {name}, which has no row above it"));
            }
            if of_module().next().is_some() && !of_module().any(|file| file.uses().iter().any(|(_, used)| used == name))
            {
                faults.push(format!("MAY_USE: {module} does not use {name}"));
            }
        }
    }
}

/// A room of `src/task/` uses only rooms below it, see [`TASK_ROOMS`].
pub fn task_rooms(file: &Source, faults: &mut Vec<String>) {
    let Some(from) = file.module_path().filter(|path| path.len() > 1 && path[0] == "task") else { return };
    let level = |room: &str| TASK_ROOMS.iter().position(|rooms| rooms.contains(&room));
    let Some(own) = level(&from[1]) else {
        if file.in_folder(&format!("src/task/{}", from[1])) && !file.is_test {
            faults.push(file.fault(0, &format!("the room {} is not in TASK_ROOMS, see test/tidy/rooms.rs", from[1])));
        }
        return;
    };
    for (line, path) in file.paths() {
        let path = Source::from_root(&from, &path);
        if path.len() < 2 || path[0] != "task" || path[1] == from[1] {
            continue;
        }
        if level(&path[1]).is_some_and(|used| used >= own) {
            faults.push(file.fault(line, &format!("the room {} uses {}, which is not below it", from[1], path[1])));
        }
    }
}

/// An import between two files of one folder.
struct Import<'a> {
    /// The folder, from `src/` on.
    folder: String,
    /// The file or inner folder that imports, by its name in the folder.
    from: String,
    to: String,
    file: &'a Source,
    line: usize,
}

/// The files of one folder of `src/` do not import each other in a circle; an inner folder counts as one file. The
/// folder's own mod.rs is not counted: it declares its children and may import them, and they may import what it
/// defines. A name that mod.rs re-exports from a child counts as an import from that child (except by `pub use
/// child::*`).
pub fn circles(files: &[Source], faults: &mut Vec<String>) {
    let all = imports(files);
    let stays = |import: &Import<'_>| {
        let of = |row: &&(&str, &str, &str, &str)| (row.0, row.1, row.2) == (&import.folder, &import.from, &import.to);
        CIRCLES_THAT_STAY.iter().any(|row| of(&row))
    };
    let mut targets: BTreeMap<(&str, &str), BTreeSet<&str>> = BTreeMap::new();
    for import in all.iter().filter(|import| !stays(import)) {
        targets.entry((&import.folder, &import.from)).or_default().insert(&import.to);
    }
    let leads_to = |folder: &str, from: &str, to: &str| {
        let (mut seen, mut open) = (BTreeSet::new(), vec![from.to_owned()]);
        while let Some(name) = open.pop() {
            if seen.insert(name.clone()) {
                let next = targets.get(&(folder, &name[..])).into_iter().flatten();
                open.extend(next.map(|name| name.to_string()));
            }
        }
        seen.contains(to)
    };
    let mut told = BTreeSet::new();
    for import in all.iter().filter(|import| !stays(import)) {
        let Import { folder, from, to, file, line } = import;
        if leads_to(folder, to, from) && told.insert((folder, from, to)) {
            faults.push(file.fault(*line, &format!("{from} imports {to}, and {to} leads back to {from}")));
        }
    }
    for (folder, from, to, _) in CIRCLES_THAT_STAY {
        let exists = files.iter().any(|file| file.in_folder(&format!("src/{folder}")));
        let is_there =
            all.iter().any(|import| (&import.folder[..], &import.from[..], &import.to[..]) == (folder, from, to));
        if exists && !(is_there && leads_to(folder, to, from)) {
            faults.push(format!("CIRCLES_THAT_STAY: {from} and {to} of src/{folder} make no circle any more"));
        }
    }
}

fn imports(files: &[Source]) -> Vec<Import<'_>> {
    let shipped: Vec<_> = files.iter().filter(|file| !file.is_test).collect();
    let modules: BTreeSet<ModulePath> = shipped.iter().filter_map(|file| file.module_path()).collect();
    let mut re_exports = BTreeMap::new();
    for (file, path) in shipped.iter().filter_map(|file| Some((file, file.module_path()?))) {
        re_exports.extend(file.re_exports().into_iter().map(|(name, child)| ((path.clone(), name), child)));
    }
    let mut imports = Vec::new();
    for file in shipped {
        let Some(from) = file.module_path() else { continue };
        for (line, path) in file.paths() {
            let mut to = Source::from_root(&from, &path);
            let mut name = String::new(); // of the item in the module
            while !to.is_empty() && !modules.contains(&to) {
                name = to.pop().unwrap_or_default();
            }
            if from.starts_with(&to) {
                to.extend(re_exports.get(&(to.clone(), name)).cloned()); // a parent passes on a name of its child
            }
            let shared = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
            if let (Some(a), Some(b)) = (from.get(shared), to.get(shared)) {
                let (from, to) = (a.clone(), b.clone());
                imports.push(Import { folder: to_folder(&file.path, shared), from, to, file, line });
            }
        }
    }
    imports
}

/// The first `depth` folders below `src/`.
fn to_folder(path: &str, depth: usize) -> String {
    path.split('/').skip(1).take(depth).collect::<Vec<_>>().join("/")
}

//! The dav_ directives: which methods may store, copy and remove files.

use super::{Contexts, Directive, MANY, put, row};
use crate::config::parse::Statement;
use crate::config::problem::Fault;
use crate::config::scope::Scope;
use crate::config::types::DavMethods;

/// More segments than a path can have.
const DEPTH_MAX: usize = 1_000_000;

pub(super) const TABLE: &[Directive] = &[
    row("dav_methods", Contexts::REQUEST, 1..=MANY, "dav_methods PUT DELETE MKCOL COPY MOVE;")
        .syntax("off|METHOD ...")
        .default("off")
        .help("The methods that may change files: PUT, DELETE, MKCOL, COPY, MOVE.")
        .once(dav_methods),
    row("dav_access", Contexts::REQUEST, 1..=3, "dav_access user:rw group:rw all:r;")
        .syntax("WHO:r|rw [WHO:r|rw [WHO:r|rw]]")
        .without("user:rw, less the process's umask")
        .help("The permissions of new files and folders.")
        .once(|scope, it| put(&mut scope.settings.dav.access, access(it).map(Some))),
    row("create_full_put_path", Contexts::REQUEST, 1..=1, "create_full_put_path on;")
        .syntax("on|off")
        .default("off")
        .help("Creates the missing folders of the path of a PUT.")
        .once(|scope, it| put(&mut scope.settings.dav.full_put_path, it.args[0].flag())),
    row("min_delete_depth", Contexts::REQUEST, 1..=1, "min_delete_depth 2;")
        .syntax("NUMBER")
        .default("0")
        .help("The number of segments that the path of a DELETE needs.")
        .once(|scope, it| put(&mut scope.settings.dav.min_delete_depth, it.args[0].count(0..=DEPTH_MAX))),
    row("dav_sync", Contexts::REQUEST, 1..=1, "dav_sync on;")
        .syntax("on|off")
        .default("off")
        .own()
        .help("Waits until a stored file is safe on the disk before the answer.")
        .once(|scope, it| put(&mut scope.settings.dav.sync, it.args[0].flag())),
];

/// `dav_methods off|PUT DELETE MKCOL COPY MOVE;`
fn dav_methods(scope: &mut Scope<'_>, it: &Statement) -> Result<(), Fault> {
    scope.settings.dav.methods = DavMethods::empty();
    for word in &it.args {
        let known = &[
            ("off", DavMethods::empty()),
            ("PUT", DavMethods::PUT),
            ("DELETE", DavMethods::DELETE),
            ("MKCOL", DavMethods::MKCOL),
            ("COPY", DavMethods::COPY),
            ("MOVE", DavMethods::MOVE),
        ];
        scope.settings.dav.methods |= word.choice("method that stores or removes files", known)?;
    }
    Ok(())
}

/// The mode of `dav_access user:rw group:rw all:r;` and its kind: the user may always read and write; write permission
/// includes read permission.
pub(super) fn access(it: &Statement) -> Result<u32, Fault> {
    let mut mode = 0o600;
    for word in &it.args {
        let wrong = || {
            let message = format!("\"{}\" gives no access; accepted: user, group or all with :r or :rw", word.text);
            word.fault(message)
        };
        let (who, what) = word.text.split_once(':').ok_or_else(wrong)?;
        let bits = match what {
            "r" => 0o4,
            "rw" => 0o6,
            _ => return Err(wrong()),
        };
        mode |= match who {
            "user" => bits << 6,
            "group" => bits << 3,
            "all" => bits,
            _ => return Err(wrong()),
        };
    }
    Ok(mode)
}

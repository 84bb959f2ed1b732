//! The dav_ directives: which methods may store, copy and remove files.

use super::{Contexts, Directive, Form, MANY, put};
use crate::config::parse::Statement;
use crate::config::problem::Fault;
use crate::config::scope::Scope;
use crate::config::types::DavMethods;

/// More segments than a path can have.
const DEPTH_MAX: usize = 1_000_000;

pub(super) const TABLE: &[Directive] = &[
    Directive {
        name: "dav_methods",
        contexts: Contexts::REQUEST,
        args: 1..=MANY,
        example: "dav_methods PUT DELETE MKCOL COPY MOVE;",
        form: Form::Once(dav_methods),
    },
    Directive {
        name: "dav_access",
        contexts: Contexts::REQUEST,
        args: 1..=3,
        example: "dav_access user:rw group:rw all:r;",
        form: Form::Once(dav_access),
    },
    Directive {
        name: "create_full_put_path",
        contexts: Contexts::REQUEST,
        args: 1..=1,
        example: "create_full_put_path on;",
        form: Form::Once(|scope, it| put(&mut scope.settings.dav.full_put_path, it.args[0].flag())),
    },
    Directive {
        name: "min_delete_depth",
        contexts: Contexts::REQUEST,
        args: 1..=1,
        example: "min_delete_depth 2;",
        form: Form::Once(|scope, it| put(&mut scope.settings.dav.min_delete_depth, it.args[0].count(0..=DEPTH_MAX))),
    },
    Directive {
        name: "dav_sync",
        contexts: Contexts::REQUEST,
        args: 1..=1,
        example: "dav_sync on;",
        form: Form::Once(|scope, it| put(&mut scope.settings.dav.sync, it.args[0].flag())),
    },
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

/// `dav_access user:rw group:rw all:r;`: the user may always read and write; write permission includes read permission.
fn dav_access(scope: &mut Scope<'_>, it: &Statement) -> Result<(), Fault> {
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
    scope.settings.dav.access = Some(mode);
    Ok(())
}

//! Storing and removing files: the methods that change what a location serves.

use super::{Contexts, Directive, Form, MANY, put};
use crate::config::parse::Statement;
use crate::config::problem::Fault;
use crate::config::scope::Scope;
use crate::config::types::DavMethods;

pub(super) const TABLE: &[Directive] = &[
    Directive {
        name: "dav_methods",
        contexts: Contexts::REQUEST,
        args: 1..=MANY,
        example: "dav_methods PUT DELETE;",
        form: Form::Once(dav_methods),
    },
    Directive {
        name: "dav_sync",
        contexts: Contexts::REQUEST,
        args: 1..=1,
        example: "dav_sync on;",
        form: Form::Once(|scope, it| put(&mut scope.settings.dav_sync, it.args[0].flag())),
    },
];

/// `dav_methods off|PUT DELETE;`
fn dav_methods(scope: &mut Scope<'_>, it: &Statement) -> Result<(), Fault> {
    scope.settings.dav_methods = DavMethods::empty();
    for word in &it.args {
        let known = &[("off", DavMethods::empty()), ("PUT", DavMethods::PUT), ("DELETE", DavMethods::DELETE)];
        scope.settings.dav_methods |= word.choice("method that stores or removes files", known)?;
    }
    Ok(())
}

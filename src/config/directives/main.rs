//! The top level: processes and their files.

use super::{Contexts, Directive, Form, put};
use crate::config::User;
use crate::config::lex::Word;
use crate::config::parse::Statement;
use crate::config::problem::Fault;
use crate::config::scope::Scope;
use webserv_sys::process;

/// More threads than any machine needs.
const WORKERS_MAX: usize = 1024;

pub(super) const TABLE: &[Directive] = &[
    Directive {
        name: "daemon",
        contexts: Contexts::MAIN,
        args: 1..=1,
        example: "daemon off;",
        form: Form::Once(|scope, it| put(&mut scope.draft.config.daemon, it.args[0].flag())),
    },
    Directive {
        name: "pid",
        contexts: Contexts::MAIN,
        args: 1..=1,
        example: "pid run/webserv.pid;",
        form: Form::Once(|scope, it| {
            scope.draft.config.pid = Some(scope.path(&it.args[0])?);
            Ok(())
        }),
    },
    Directive { name: "user", contexts: Contexts::MAIN, args: 1..=2, example: "user nobody;", form: Form::Once(user) },
    Directive {
        name: "worker_processes",
        contexts: Contexts::MAIN,
        args: 1..=1,
        example: "worker_processes auto;",
        form: Form::Once(worker_processes),
    },
];

fn user(scope: &mut Scope<'_>, it: &Statement) -> Result<(), Fault> {
    if let Some(empty) = it.args.iter().find(|word| word.text.is_empty()) {
        return Err(empty.fault("this name is empty"));
    }
    let failed = |word: &Word, error: webserv_sys::Error| word.fault(format!("cannot be looked up: {error}"));
    let (name, group) = (&it.args[0], it.args.get(1));
    if process::lookup_user(&name.text).map_err(|error| failed(name, error))?.is_none() {
        return Err(name.fault(format!("there is no user \"{}\"", name.text)));
    }
    if let Some(group) = group
        && process::lookup_group(&group.text).map_err(|error| failed(group, error))?.is_none()
    {
        return Err(group.fault(format!("there is no group \"{}\"", group.text)));
    }
    scope.draft.config.user = Some(User { name: name.text.clone(), group: group.map(|word| word.text.clone()) });
    Ok(())
}

fn worker_processes(scope: &mut Scope<'_>, it: &Statement) -> Result<(), Fault> {
    let word = &it.args[0];
    scope.draft.config.workers = match &word.text[..] {
        "auto" => std::thread::available_parallelism().map_or(1, usize::from),
        text => word
            .count(1..=WORKERS_MAX)
            .map_err(|_| word.fault(format!("\"{text}\" is neither a number from 1 to {WORKERS_MAX} nor \"auto\"")))?,
    };
    Ok(())
}

//! The top level: processes and their files.

use super::{Contexts, Directive, put, row};
use crate::config::User;
use crate::config::lex::Word;
use crate::config::parse::Statement;
use crate::config::problem::Fault;
use crate::config::scope::Scope;
use webserv_sys::process;

/// What a limit of open files may be: standard streams and a log need some, and Linux takes no more.
const FILES: std::ops::RangeInclusive<u64> = 16..=1 << 30;

/// More threads than any machine needs.
const WORKERS_MAX: usize = 1024;

pub(super) const TABLE: &[Directive] = &[
    row("daemon", Contexts::MAIN, 1..=1, "daemon off;")
        .syntax("on|off")
        .default("off")
        .differs("nginx runs in the background unless this is off")
        .help("Runs the server in the background.")
        .once(|scope, it| put(&mut scope.draft.config.daemon, it.args[0].flag())),
    row("pid", Contexts::MAIN, 1..=1, "pid run/webserv.pid;")
        .syntax("FILE")
        .without("no file is written")
        .differs("nginx writes logs/nginx.pid without it")
        .help("The file that gets the server's process number.")
        .once(|scope, it| {
            scope.draft.config.pid = Some(scope.path(&it.args[0])?);
            Ok(())
        }),
    row("user", Contexts::MAIN, 1..=2, "user nobody;")
        .syntax("NAME [GROUP]")
        .without("the user does not change")
        .differs("nginx becomes nobody without it; here a start as root names the user")
        .help("The user that the server becomes, if it is started as root.")
        .once(user),
    row("worker_processes", Contexts::MAIN, 1..=1, "worker_processes auto;")
        .syntax("NUMBER|auto")
        .default("1")
        .differs("the workers are threads of one process")
        .help("The number of workers; auto is one for each CPU.")
        .once(worker_processes),
    row("worker_rlimit_nofile", Contexts::MAIN, 1..=1, "worker_rlimit_nofile 65536;")
        .syntax("NUMBER")
        .without("the limit is raised to what worker_connections needs, as far as the system allows")
        .help("The limit of open files of the server (RLIMIT_NOFILE).")
        .once(|scope, it| put(&mut scope.draft.config.rlimit_nofile, it.args[0].number(FILES).map(Some))),
    row("worker_shutdown_timeout", Contexts::MAIN, 1..=1, "worker_shutdown_timeout 10s;")
        .syntax("TIME")
        .without("until the last response has been sent")
        .help("How long connections may stay open after SIGQUIT, or after a reload; then they are closed.")
        .once(|scope, it| put(&mut scope.draft.config.shutdown_timeout, it.args[0].time().map(Some))),
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

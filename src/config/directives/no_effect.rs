//! Directives of nginx that can have no effect here. They are accepted, so that a configuration loads, and `-t` names
//! them in one line. Their values are checked all the same.

use super::row::Set;
use super::{Contexts, Directive, MANY, row};
use crate::config::parse::Statement;
use crate::config::problem::Fault;
use crate::config::scope::Scope;
use std::ops::RangeInclusive;

const MAIN: Contexts = Contexts::MAIN;
const EVENTS: Contexts = Contexts::EVENTS;
const HTTP: Contexts = Contexts::HTTP;
const HEAD: Contexts = Contexts::HTTP.union(Contexts::SERVER);
const REQUEST: Contexts = Contexts::REQUEST;

/// The help of each of them.
const HELP: &str = "Accepted, so that nginx's configurations load; it has no effect here.";

/// A directive with one value, which `set` looks at.
const fn one(
    name: &'static str,
    example: &'static str,
    contexts: Contexts,
    value: &'static str,
    set: Set,
) -> Directive {
    row(name, contexts, 1..=1, example).syntax(value).without("the same holds").help(HELP).once(set)
}

/// A size of a hash table or of a memory pool.
const fn size(name: &'static str, example: &'static str, contexts: Contexts) -> Directive {
    one(name, example, contexts, "SIZE", size_of)
}

/// `on` or `off`.
const fn flag(name: &'static str, example: &'static str, contexts: Contexts) -> Directive {
    one(name, example, contexts, "on|off", |scope, it| accept(scope, it, it.args[0].flag()))
}

/// A time.
const fn time(name: &'static str, example: &'static str, contexts: Contexts) -> Directive {
    one(name, example, contexts, "TIME", |scope, it| accept(scope, it, it.args[0].time()))
}

/// A number.
const fn number(name: &'static str, example: &'static str, contexts: Contexts) -> Directive {
    one(name, example, contexts, "NUMBER", |scope, it| accept(scope, it, it.args[0].number(0..=u64::MAX)))
}

/// Some values that are not looked at.
const fn words(
    name: &'static str,
    example: &'static str,
    contexts: Contexts,
    args: RangeInclusive<usize>,
    syntax: &'static str,
) -> Directive {
    row(name, contexts, args, example).syntax(syntax).without("the same holds").help(HELP).repeat(note)
}

pub(super) const TABLE: &[Directive] = &[
    flag("pcre_jit", "pcre_jit on;", MAIN),
    flag("master_process", "master_process on;", MAIN),
    one("lock_file", "lock_file logs/nginx.lock;", MAIN, "FILE", |scope, it| accept(scope, it, it.args[0].plain())),
    time("timer_resolution", "timer_resolution 100ms;", MAIN),
    one("worker_priority", "worker_priority -5;", MAIN, "NUMBER", note),
    words("worker_cpu_affinity", "worker_cpu_affinity auto;", MAIN, 1..=MANY, "auto|MASK [MASK] ..."),
    words("thread_pool", "thread_pool default threads=32;", MAIN, 2..=3, "NAME threads=NUMBER [max_queue=NUMBER]"),
    words("env", "env TZ;", MAIN, 1..=1, "NAME[=VALUE]"),
    one("working_directory", "working_directory /tmp;", MAIN, "FOLDER", note),
    size("worker_rlimit_core", "worker_rlimit_core 500m;", MAIN),
    one("debug_points", "debug_points abort;", MAIN, "abort|stop", |scope, it| {
        accept(scope, it, it.args[0].choice("value", &[("abort", ()), ("stop", ())]))
    }),
    flag("accept_mutex", "accept_mutex off;", EVENTS),
    time("accept_mutex_delay", "accept_mutex_delay 500ms;", EVENTS),
    number("worker_aio_requests", "worker_aio_requests 32;", EVENTS),
    number("epoll_events", "epoll_events 512;", EVENTS),
    number("kqueue_changes", "kqueue_changes 512;", EVENTS),
    number("kqueue_events", "kqueue_events 512;", EVENTS),
    words("debug_connection", "debug_connection 127.0.0.1;", EVENTS, 1..=1, "ADDRESS"),
    size("server_names_hash_max_size", "server_names_hash_max_size 512;", HTTP),
    size("server_names_hash_bucket_size", "server_names_hash_bucket_size 64;", HTTP),
    size("types_hash_max_size", "types_hash_max_size 2048;", REQUEST),
    size("types_hash_bucket_size", "types_hash_bucket_size 64;", REQUEST),
    size("variables_hash_max_size", "variables_hash_max_size 1024;", HTTP),
    size("variables_hash_bucket_size", "variables_hash_bucket_size 64;", HTTP),
    size("map_hash_max_size", "map_hash_max_size 2048;", HTTP),
    size("map_hash_bucket_size", "map_hash_bucket_size 64;", HTTP),
    size("referer_hash_max_size", "referer_hash_max_size 2048;", Contexts::SERVER.union(Contexts::LOCATION)),
    size("referer_hash_bucket_size", "referer_hash_bucket_size 64;", Contexts::SERVER.union(Contexts::LOCATION)),
    size("connection_pool_size", "connection_pool_size 512;", HEAD),
    size("request_pool_size", "request_pool_size 4k;", HEAD),
    size("postpone_output", "postpone_output 1460;", REQUEST),
    size("read_ahead", "read_ahead 0;", REQUEST),
    size("send_lowat", "send_lowat 0;", REQUEST),
    size("subrequest_output_buffer_size", "subrequest_output_buffer_size 4k;", REQUEST),
    row("output_buffers", REQUEST, 2..=2, "output_buffers 2 32k;")
        .syntax("NUMBER SIZE")
        .without("the same holds")
        .help(HELP)
        .once(|scope, it| {
            it.args[0].number(1..=1 << 20)?;
            accept(scope, it, it.args[1].size())
        }),
    one("aio", "aio threads;", REQUEST, "on|off|threads[=POOL]", |scope, it| {
        let word = &it.args[0];
        let is_pool = word.option("threads").is_some();
        let known = [("on", ()), ("off", ()), ("threads", ())];
        accept(scope, it, if is_pool { Ok(()) } else { word.choice("value", &known) })
    }),
    flag("aio_write", "aio_write on;", REQUEST),
    one("directio", "directio 4m;", REQUEST, "SIZE|off", |scope, it| {
        let word = &it.args[0];
        accept(scope, it, if word.text == "off" { Ok(0) } else { word.size() })
    }),
    size("directio_alignment", "directio_alignment 512;", REQUEST),
    flag("client_body_in_single_buffer", "client_body_in_single_buffer on;", REQUEST),
    flag("open_file_cache_events", "open_file_cache_events on;", REQUEST),
    words("gzip_disable", "gzip_disable msie6;", REQUEST, 1..=MANY, "REGEX [REGEX] ..."),
    flag("msie_padding", "msie_padding off;", REQUEST),
    flag("msie_refresh", "msie_refresh off;", REQUEST),
    flag("uninitialized_variable_warn", "uninitialized_variable_warn off;", REQUEST),
];

/// Remembers that the directive was given.
fn note(scope: &mut Scope<'_>, it: &Statement) -> Result<(), Fault> {
    let names = &mut scope.draft.config.without_effect;
    if !names.contains(&it.name.text) {
        names.push(it.name.text.clone());
    }
    Ok(())
}

/// The same, if the value is right.
fn accept<T>(scope: &mut Scope<'_>, it: &Statement, value: Result<T, Fault>) -> Result<(), Fault> {
    value?;
    note(scope, it)
}

/// The same, if the value is a size.
pub(super) fn size_of(scope: &mut Scope<'_>, it: &Statement) -> Result<(), Fault> {
    accept(scope, it, it.args[0].size())
}

//! `open_file_cache` and the other open_file_cache_ directives: which files a worker keeps between requests.

use super::{Contexts, Directive, put, row};
use crate::config::parse::Statement;
use crate::config::problem::Fault;
use crate::config::scope::Scope;

/// More files than a process may have descriptors.
const FILES_MAX: usize = 10_000_000;

/// The longest file that is kept in memory: a longer one does not fit into the pipe and would be sent in pieces.
const FILE_BYTES_MAX: u64 = 128 << 10;

/// More requests than a file can get; such a file is never kept.
const USES_MAX: u64 = 1_000_000_000;

pub(super) const TABLE: &[Directive] = &[
    row("open_file_cache", Contexts::REQUEST, 1..=2, "open_file_cache max=1024 inactive=60s;")
        .syntax("off|max=NUMBER [inactive=TIME]")
        .default("max=1024 inactive=60s")
        .differs("nginx's default is off")
        .help("The number of files that each worker keeps between requests.")
        .once(open_file_cache),
    row("open_file_cache_valid", Contexts::REQUEST, 1..=1, "open_file_cache_valid 60s;")
        .syntax("TIME")
        .default("60s")
        .differs("a changed file is seen at once where the kernel reports changes")
        .help("After what time a kept file is looked at again.")
        .once(|scope, it| put(&mut scope.settings.open_file_cache.valid, it.args[0].time())),
    row("open_file_cache_min_uses", Contexts::REQUEST, 1..=1, "open_file_cache_min_uses 2;")
        .syntax("NUMBER")
        .default("2")
        .differs("nginx's default is 1")
        .help("How many requests a file needs before it is kept.")
        .once(|scope, it| put(&mut scope.settings.open_file_cache.min_uses, it.args[0].number(1..=USES_MAX))),
    row("open_file_cache_errors", Contexts::REQUEST, 1..=1, "open_file_cache_errors on;")
        .syntax("on|off")
        .default("off")
        .help("Keeps also that a file does not exist.")
        .once(|scope, it| put(&mut scope.settings.open_file_cache.errors, it.args[0].flag())),
    row("open_file_cache_bytes", Contexts::REQUEST, 1..=2, "open_file_cache_bytes 16m file=64k;")
        .syntax("SIZE [file=SIZE]")
        .default("16m file=64k")
        .own()
        .help("The memory for the contents of small files, and the largest such file.")
        .once(bytes),
];

/// `open_file_cache off|max=N [inactive=TIME];`
fn open_file_cache(scope: &mut Scope<'_>, it: &Statement) -> Result<(), Fault> {
    let cache = &mut scope.settings.open_file_cache;
    if let [word] = &it.args[..]
        && word.text == "off"
    {
        cache.files_max = 0;
        return Ok(());
    }
    let mut files_max = None;
    for word in &it.args {
        if let Some(value) = word.option("max") {
            files_max = Some(value.count(1..=FILES_MAX)?);
        } else if let Some(value) = word.option("inactive") {
            cache.inactive = value.time()?;
        } else {
            return Err(word.fault(format!("unknown value \"{}\"; accepted: off, max=N, inactive=TIME", word.text)));
        }
    }
    let none = || it.name.fault("\"open_file_cache\" needs a number of files, as in: open_file_cache max=1024;");
    cache.files_max = files_max.ok_or_else(none)?;
    Ok(())
}

/// `open_file_cache_bytes SIZE [file=SIZE];`
fn bytes(scope: &mut Scope<'_>, it: &Statement) -> Result<(), Fault> {
    let cache = &mut scope.settings.open_file_cache;
    cache.bytes_max = usize::try_from(it.args[0].size()?).unwrap_or(usize::MAX);
    if let Some(word) = it.args.get(1) {
        let value = word.option("file").ok_or_else(|| word.unknown("value", &["file=SIZE"]))?;
        cache.file_bytes_max = value.buffer(0..=FILE_BYTES_MAX)?;
    }
    Ok(())
}

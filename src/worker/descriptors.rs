//! How many descriptors the process may use, and what for: each connection needs one for its socket, and often one more
//! for a file. A part is kept back for files and programs, so that a server with many idle clients can answer them.

use crate::config::Config;
use crate::limits::{DESCRIPTORS_BACK_MAX, DESCRIPTORS_BACK_MIN, DESCRIPTORS_BACK_PART};
use webserv_sys::process;

/// Raises the limit of the process to what this configuration probably needs, as far as the system allows
/// (setrlimit(2), `RLIMIT_NOFILE`). If `worker_rlimit_nofile` says a limit and the system allows it, it is that.
pub fn raise_limit(config: &Config) {
    if let Some(limit) = config.rlimit_nofile
        && process::set_fd_limit(limit).is_ok()
    {
        return;
    }
    let _ = process::raise_fd_limit(wanted(config)); // with too low a limit, fewer connections are accepted
}

/// How many connections each worker may hold open: `worker_connections`, or fewer with too low a limit.
pub fn connections_max(config: &Config) -> usize {
    process::fd_limit().map_or(config.events.worker_connections, |(limit, _)| connections_below(limit, config))
}

/// The warning that there are not enough descriptors for `worker_connections`.
pub fn warning(config: &Config) -> Option<String> {
    let (limit, _) = process::fd_limit().ok()?;
    if let Some(asked) = config.rlimit_nofile.filter(|asked| *asked != limit) {
        return Some(format!(
            "worker_rlimit_nofile {asked} is not permitted (only root may raise a hard limit): the limit is {limit}"
        ));
    }
    let (wanted, most) = (config.events.worker_connections, connections_below(limit, config));
    (most < wanted).then(|| {
        format!(
            "{wanted} worker_connections are more than the limit of {limit} open files permits: \
             each worker accepts {most}; raise the limit (ulimit -n, LimitNOFILE=)"
        )
    })
}

/// The number of descriptors that the process probably needs: for each connection, one for its socket and one for a
/// file; those for the files in `open_file_cache`; and those that each process needs. A connection with pipelined
/// requests for large files can need more. If the limit is reached, a request gets 503.
fn wanted(config: &Config) -> u64 {
    let servers = config.listeners.iter().flat_map(|listener| &listener.hosts.servers);
    let kept = servers.map(|server| server.settings.open_file_cache.files_max as u64).max().unwrap_or(0);
    64 + fixed(config) + workers(config) * (2 * config.events.worker_connections as u64 + kept)
}

/// The number of descriptors that are open without a client: standard input, output and error, the logs, and for each
/// worker its listening sockets, the poller, the signals, the watches of files and the wake-up sockets.
fn fixed(config: &Config) -> u64 {
    let logs = config.access_logs.len() + config.inner_error_logs.len() + config.error_logs.len().saturating_sub(1);
    8 + logs as u64 + workers(config) * ((config.listeners.len() + config.log_paths_max) as u64 + 5)
}

fn workers(config: &Config) -> u64 {
    config.workers.max(1) as u64
}

/// The connections of one worker in a process with this limit.
fn connections_below(limit: u64, config: &Config) -> usize {
    let share = limit.saturating_sub(fixed(config)) / workers(config);
    let kept_back = (share / DESCRIPTORS_BACK_PART).clamp(DESCRIPTORS_BACK_MIN, DESCRIPTORS_BACK_MAX);
    let most = usize::try_from(share.saturating_sub(kept_back)).unwrap_or(usize::MAX);
    config.events.worker_connections.min(most).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_the_descriptors_is_kept_back() {
        let config = |workers, worker_connections| {
            let mut config = Config { workers, ..Config::default() };
            config.events.worker_connections = worker_connections;
            config
        };
        let rows = [
            // limit, workers, worker_connections, the most that each worker accepts
            (64, 1, 512, 43),
            (32, 1, 512, 11),
            (16, 1, 512, 1),
            (1024, 1, 512, 512),
            (1024, 1, 1024, 885),
            (1024, 4, 1024, 218),
            (65_536, 1, 100_000, 64_523),
            (1_048_576, 4, 1024, 1024),
            (u64::MAX, 1, 1_000_000, 1_000_000),
        ];
        for (limit, workers, wanted, most) in rows {
            assert_eq!(connections_below(limit, &config(workers, wanted)), most, "{limit} {workers} {wanted}");
        }
    }

    #[test]
    fn the_wanted_limit_permits_all_worker_connections() {
        for (workers, connections) in [(1, 1), (1, 512), (4, 1024), (2, 100_000)] {
            let mut config = Config { workers, ..Config::default() };
            config.events.worker_connections = connections;
            assert_eq!(connections_below(wanted(&config), &config), connections);
        }
    }
}

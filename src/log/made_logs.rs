//! Access logs whose paths have variables: a file is opened for each line, or kept open as `open_log_file_cache` says.
//!
//! A client may choose a part of such a path. So the path must be absolute and must not lead upwards, and no line is
//! written for a site that does not exist: as in nginx, the document root must be there.

use super::Level;
use super::files::LogFile;
use super::open::append;
use crate::cache::{Cache, CacheEntry, CacheLimits};
use crate::config::OpenLogFileCache;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;
use webserv_sys::Moment;
use webserv_sys::file::OpenFlags;

/// A message for the error log.
pub(super) type Trouble = (Level, String);

/// The files of one worker.
#[derive(Default)]
pub(super) struct MadeLogs {
    table: Cache<Made>,
}

/// A path that had a line within `inactive`.
struct Made {
    /// The file, once there were `min_uses` lines.
    file: Option<Arc<LogFile>>,
    uses: u64,
    /// When the file was opened.
    opened: Moment,
}

impl MadeLogs {
    /// Closes all files.
    pub fn close(&mut self) {
        self.table.clear();
    }

    /// Writes a line into the file at this path.
    pub fn write(&mut self, path: &[u8], line: &[u8], cache: &OpenLogFileCache, now: Moment) -> Option<Trouble> {
        match self.file(path, cache, now) {
            Ok(file) => file.write(Level::Info, line).map(|said| (Level::Alert, said)),
            Err(why) => Some((Level::Crit, format!("cannot open the access log {}: {why}", path.escape_ascii()))),
        }
    }

    fn file(&mut self, path: &[u8], cache: &OpenLogFileCache, now: Moment) -> Result<Arc<LogFile>, String> {
        if cache.paths_max == 0 {
            return open(path);
        }
        self.table.drop_idle(now);
        let Some(made) = self.table.get(path, now) else {
            let file = open(path)?;
            let kept = Some(&file).filter(|_| cache.uses_min <= 1).cloned();
            let (value, idle_max) = (Made { file: kept, uses: 1, opened: now }, cache.inactive);
            let limits = CacheLimits { entries_max: cache.paths_max, bytes_max: 0 };
            self.table.insert(path, CacheEntry { value, bytes: 0, idle_max, depends: Vec::new() }, limits, now);
            return Ok(file);
        };
        made.uses += 1;
        if let Some(file) = made.file.as_ref().filter(|_| now.since(made.opened) < cache.valid) {
            return Ok(Arc::clone(file));
        }
        let file = open(path)?;
        made.file = Some(&file).filter(|_| made.uses >= cache.uses_min).cloned();
        made.opened = now;
        Ok(file)
    }
}

fn open(path: &[u8]) -> Result<Arc<LogFile>, String> {
    if !path.starts_with(b"/") {
        return Err("with its variables filled in, the path does not begin with \"/\"".to_owned());
    }
    if path.split(|b| *b == b'/').any(|name| name == b"..") {
        return Err("a variable has made the path lead upwards by \"..\"".to_owned());
    }
    let path = Path::new(OsStr::from_bytes(path));
    append(path, OpenFlags::CREATE).map(|file| LogFile::opened(path, file)).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;
    use std::time::Duration;

    /// A directory that is removed with this value.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("webserv-made-{name}-{}", std::process::id()));
            std::fs::create_dir(&path).expect("a folder");
            Self(path)
        }

        fn at(&self, name: &str) -> Vec<u8> {
            self.0.join(name).into_os_string().into_encoded_bytes()
        }

        fn lines(&self, name: &str) -> usize {
            std::fs::read_to_string(self.0.join(name)).map_or(0, |text| text.lines().count())
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_client_cannot_lead_the_path_elsewhere() {
        let folder = Folder::new("paths");
        let mut logs = MadeLogs::default();
        let mut ask = |path: &[u8]| logs.write(path, b"x\n", &OpenLogFileCache::default(), Moment::now());
        for (name, said) in
            [("../up", "upwards"), ("a/../up", "upwards"), ("a\0b", "Invalid"), ("no/such", "No such file")]
        {
            let (level, trouble) = ask(&folder.at(name)).expect("it is told");
            assert!(level == Level::Crit && trouble.to_lowercase().contains(&said.to_lowercase()), "{name}: {trouble}");
        }
        assert!(ask(b"relative").is_some_and(|(_, said)| said.contains("does not begin")));
        assert_eq!(ask(&folder.at("a..b")), None);
        assert_eq!((std::fs::read_dir(&folder.0).expect("listed").count(), folder.lines("a..b")), (1, 1));
    }

    #[test]
    fn files_with_enough_lines_stay_open_and_the_least_recently_used_one_is_closed() {
        let folder = Folder::new("kept");
        let mut logs = MadeLogs::default();
        let cache = OpenLogFileCache { paths_max: 2, uses_min: 2, ..OpenLogFileCache::default() };
        let start = Moment::now();
        let is_open = |logs: &mut MadeLogs, name: &str| {
            let made = logs.table.get(&folder.at(name), start);
            made.is_some_and(|made| made.file.is_some())
        };
        for (name, open) in [("a", false), ("a", true), ("b", false), ("a", true), ("b", true)] {
            assert_eq!(logs.write(&folder.at(name), b"x\n", &cache, start), None);
            assert_eq!(is_open(&mut logs, name), open, "{name}");
        }
        assert_eq!(logs.write(&folder.at("c"), b"x\n", &cache, start), None);
        assert!(!is_open(&mut logs, "a") && is_open(&mut logs, "b"));
        assert_eq!((folder.lines("a"), folder.lines("b"), folder.lines("c")), (3, 2, 1));
        // A file that was moved gets lines until `valid` has passed.
        std::fs::rename(folder.0.join("b"), folder.0.join("moved")).expect("renamed");
        logs.write(&folder.at("b"), b"x\n", &cache, start);
        assert_eq!((folder.lines("moved"), folder.lines("b")), (3, 0));
        let cache = OpenLogFileCache { inactive: Duration::from_secs(600), ..cache };
        logs.write(&folder.at("b"), b"x\n", &OpenLogFileCache { valid: Duration::ZERO, ..cache }, start);
        assert_eq!((folder.lines("moved"), folder.lines("b")), (3, 1));
        logs.write(&folder.at("a"), b"x\n", &cache, start.after(Duration::from_secs(11)));
        assert_eq!(logs.table.len(), 1, "the others had no line for `inactive`");
        logs.close();
        assert!(logs.table.is_empty());
    }
}

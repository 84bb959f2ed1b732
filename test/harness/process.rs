//! The server's process: its start, signals, exit, and its state in /proc.

use super::{PATIENCE, wait_for};
use std::fs::File;
use std::io::Read;
use std::net::TcpListener;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// The program under test.
pub fn program() -> String {
    std::env::var("WEBSERV_TEST_BIN").unwrap_or_else(|_| env!("CARGO_BIN_EXE_webserv").into())
}

/// Runs the program with these arguments in `dir` until it ends. After the limit, kills it and fails the test.
pub fn run(arguments: &[&str], dir: &Path) -> Output {
    let arguments: Vec<String> = arguments.iter().map(|a| a.to_string()).collect();
    let mut process = Process::start(&arguments, dir, None);
    let status = process.exit_within(PATIENCE);
    let status = status.unwrap_or_else(|| panic!("{arguments:?} does not end; it said:\n{}", process.stderr()));
    process.stop();
    Output { status, stdout: process.stdout().into_bytes(), stderr: process.stderr().into_bytes() }
}

/// A started program. Dropping this kills the process.
pub struct Process {
    child: Child,
    stdout: Gathered,
    stderr: NamelessFile,
}

impl Process {
    /// Starts the program under test; with `before`, from a shell that has run this command.
    pub fn start(arguments: &[String], dir: &Path, before: Option<&str>) -> Self {
        let mut command = match before {
            None => Command::new(program()),
            Some(before) => {
                let mut shell = Command::new("sh");
                shell.args(["-c", &format!("{before}; exec \"$0\" \"$@\"")]).arg(program());
                shell
            }
        };
        // Logs use local time, so set the same zone everywhere.
        command.args(arguments).current_dir(dir).env("TZ", "UTC");
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let stderr = NamelessFile::new();
        command.stderr(stderr.0.try_clone().expect("dup"));
        let mut child = command.spawn().unwrap_or_else(|e| panic!("{}: {e}", program()));
        let stdout = Gathered::from(child.stdout.take().unwrap());
        Process { child, stdout, stderr }
    }

    /// The pid.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The pid of the process that serves: with `user`, the child of the master process (Linux).
    pub fn serving_pid(&self) -> u32 {
        let line = |pid: u32| std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let children = std::fs::read_to_string(format!("/proc/{0}/task/{0}/children", self.pid())).unwrap_or_default();
        let mut children = children.split_whitespace().filter_map(|pid| pid.parse().ok());
        // Other children are programs.
        children.find(|child| line(*child) == line(self.pid())).unwrap_or(self.pid())
    }

    /// Standard output so far.
    pub fn stdout(&self) -> String {
        self.stdout.text()
    }

    /// Standard error so far.
    pub fn stderr(&self) -> String {
        self.stderr.text()
    }

    /// Sends a signal: "TERM", "HUP", ...
    pub fn signal(&self, name: &str) {
        let sent = Command::new("sh").args(["-c", &format!("kill -{name} {}", self.pid())]).status().unwrap();
        assert!(sent.success(), "kill -{name} {}: {sent}", self.pid());
    }

    /// The exit status of the process; `None` if it still runs after the limit.
    pub fn exit_within(&mut self, limit: Duration) -> Option<ExitStatus> {
        let end = Instant::now() + limit;
        loop {
            match self.child.try_wait().unwrap() {
                Some(status) => return Some(status),
                None if Instant::now() >= end => return None,
                None => std::thread::sleep(Duration::from_millis(5)),
            }
        }
    }

    /// The exit status. The test fails if the process does not end.
    #[track_caller]
    pub fn exit(&mut self) -> ExitStatus {
        let status = self.exit_within(PATIENCE);
        status.unwrap_or_else(|| panic!("the server does not end; it said:\n{}", self.stderr()))
    }

    /// Ends the process, first with SIGTERM, so that valgrind and similar tools can write their reports.
    pub fn stop(&mut self) {
        if self.exit_within(Duration::ZERO).is_none() {
            let _ = Command::new("sh").args(["-c", &format!("kill -TERM {}", self.pid())]).status();
            if self.exit_within(Duration::from_secs(3)).is_none() {
                let _ = self.child.kill();
                let _ = self.child.wait();
            }
        }
        self.stdout.finish();
    }

    /// The number of its open descriptors (Linux).
    pub fn open_fds(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.pid())).expect("/proc/PID/fd").count()
    }

    /// Its resident memory in KiB (Linux).
    pub fn rss_kib(&self) -> u64 {
        let status = self.proc_file("status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("VmRSS");
        line.split_whitespace().next().unwrap().parse().unwrap()
    }

    /// The CPU time used so far, user and system, in clock ticks of 10 ms (Linux, proc(5)).
    pub fn cpu_ticks(&self) -> u64 {
        let stat = self.proc_file("stat");
        // The second field is the name in parentheses, which may contain any character; utime and stime are fields 14
        // and 15.
        let after_name = stat.rsplit(')').next().unwrap();
        let fields: Vec<&str> = after_name.split_whitespace().collect();
        fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
    }

    /// Lowers its limit of open descriptors: prlimit(1).
    pub fn limit_fds(&self, most: u32) {
        let pid = self.pid().to_string();
        let limit = format!("--nofile={most}");
        assert!(Command::new("prlimit").args(["--pid", &pid, &limit]).status().expect("prlimit(1)").success());
    }

    /// Its state as one letter: 'T' is stopped (Linux, proc(5)).
    pub fn state(&self) -> char {
        self.proc_file("stat").rsplit(") ").next().unwrap().chars().next().unwrap()
    }

    fn proc_file(&self, name: &str) -> String {
        let path = format!("/proc/{}/{name}", self.pid());
        std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The output of a pipe. A thread collects it, so that the program never blocks.
struct Gathered {
    bytes: Arc<Mutex<Vec<u8>>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Gathered {
    fn from(mut pipe: impl Read + Send + 'static) -> Self {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&bytes);
        let thread = std::thread::spawn(move || {
            let mut piece = [0; 4096];
            while let Ok(n @ 1..) = pipe.read(&mut piece) {
                sink.lock().unwrap().extend_from_slice(&piece[..n]);
            }
        });
        Gathered { bytes, thread: Some(thread) }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes.lock().unwrap()).into_owned()
    }

    /// Waits for the end of the pipe, with a limit, since another process could have it open.
    fn finish(&mut self) {
        let Some(thread) = self.thread.take() else { return };
        let end = Instant::now() + Duration::from_secs(2);
        while !thread.is_finished() && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

/// A file for standard error. What the server has written before it answers is there when the answer comes; a pipe
/// would have to be read first.
struct NamelessFile(File);

impl NamelessFile {
    fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("webserv-stderr-{}-{number}", std::process::id()));
        let file = File::options().read(true).append(true).create_new(true).open(&path);
        let file = file.unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        std::fs::remove_file(path).expect("it was just made");
        Self(file)
    }

    fn text(&self) -> String {
        let mut bytes = vec![0; self.0.metadata().expect("fstat").len() as usize];
        self.0.read_exact_at(&mut bytes, 0).expect("pread"); // it only grows
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

/// A port that is free on all addresses, below those that the kernel assigns.
pub fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let start = std::process::id() % 100 * 100;
    let port = || (10_000 + (start + NEXT.fetch_add(1, Ordering::Relaxed)) % 10_000) as u16;
    wait_for("a free port", || TcpListener::bind(("0.0.0.0", port())).ok()?.local_addr().ok().map(|a| a.port()))
}

/// Runs `webserv -p DIR -c DIR/webserv.conf` with more arguments until it ends.
pub fn webserv(dir: &Path, arguments: &[&str]) -> Output {
    let config = dir.join("webserv.conf");
    let place = ["-p", dir.to_str().unwrap(), "-c", config.to_str().unwrap()];
    run(&[&place, arguments].concat(), dir)
}

/// The standard error of the program.
pub fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

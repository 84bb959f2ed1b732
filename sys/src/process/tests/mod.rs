//! Real children: /bin/sh and /bin/cat.

use super::*;
use crate::file::{c_path, fstat, open, read, write};
use crate::pipe::{pipe, pipe_from_child, pipe_to_child};
use crate::testing::{
    TempDir, assert_own_process, c, failure, in_own_process, limit_descriptors, passes_in_own_process, wait_for,
};
use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::process::Command;

mod oneself;
mod spawning;

/// A child, and our ends of its standard streams (standard output and standard error share a pipe).
struct Child {
    pid: Pid,
    stdin: Option<OwnedFd>,
    stdout: OwnedFd,
}

/// The program that a test starts; the other settings are the same for all tests.
struct Program<'a> {
    arguments: &'a [&'a str],
    environment: &'a [&'a str],
    directory: Option<&'a Path>,
    own_group: bool,
    limits: &'a [(Resource, u64)],
    by: fn(&Spawn<'_>) -> Result<Pid>,
}

/// The ways to start a program that run on this system: the usual one, and that of OpenBSD.
#[cfg(target_os = "linux")]
const WAYS: [fn(&Spawn<'_>) -> Result<Pid>; 2] = [spawn, super::spawn::spawn_by_fork];
#[cfg(not(target_os = "linux"))]
const WAYS: [fn(&Spawn<'_>) -> Result<Pid>; 1] = [spawn];

impl Program<'_> {
    fn spawn(&self) -> Result<Child> {
        let strings = |list: &[&str]| list.iter().map(|s| CString::new(*s).unwrap()).collect::<Vec<_>>();
        let (arguments, environment) = (strings(self.arguments), strings(self.environment));
        let directory = self.directory.map(c);
        let (child_stdin, stdin) = pipe_to_child()?;
        let (stdout, child_stdout) = pipe_from_child()?;
        let pid = (self.by)(&Spawn {
            program: &arguments[0],
            arguments: &arguments,
            environment: &environment,
            directory: directory.as_deref(),
            stdin: Some(child_stdin.as_fd()),
            stdout: child_stdout.as_fd(),
            stderr: child_stdout.as_fd(),
            own_group: self.own_group,
            limits: self.limits,
        })?;
        Ok(Child { pid, stdin: Some(stdin), stdout })
    }
}

fn program<'a>(arguments: &'a [&'a str]) -> Program<'a> {
    Program { arguments, environment: &[], directory: None, own_group: false, limits: &[], by: spawn }
}

fn shell(script: &str) -> Child {
    program(&["/bin/sh", "-c", script]).spawn().unwrap()
}

/// A new file, open for reading and writing.
fn create(path: &Path) -> OwnedFd {
    open(&c(path), OpenFlags::READ | OpenFlags::WRITE | OpenFlags::CREATE, 0o600).unwrap()
}

impl Child {
    /// Reads the child's output until all processes have closed it.
    fn output(&self) -> String {
        let (mut all, mut buffer) = (Vec::new(), [0; 4096]);
        loop {
            wait_for(self.stdout.as_fd(), libc::POLLIN);
            match read(self.stdout.as_fd(), &mut buffer).unwrap() {
                0 => return String::from_utf8(all).unwrap(),
                n => all.extend_from_slice(&buffer[..n]),
            }
        }
    }

    /// Sends a byte through a child that runs cat. Afterwards it is known to run, and to read.
    fn round_trip(&self) {
        assert_eq!(write(self.stdin.as_ref().unwrap().as_fd(), b"x"), Ok(1));
        wait_for(self.stdout.as_fd(), libc::POLLIN);
        assert_eq!(read(self.stdout.as_fd(), &mut [0; 8]), Ok(1));
    }

    /// Waits for the child's end, and reaps it.
    fn status(self) -> Status {
        loop {
            // SAFETY: all-zero bytes are a valid siginfo_t, which the call fills. It does not reap the child.
            let result = unsafe {
                let mut info = std::mem::zeroed();
                libc::waitid(libc::P_PID, self.pid as libc::id_t, &raw mut info, libc::WEXITED | libc::WNOWAIT)
            };
            if result == 0 || Error::last("waitid").errno() != libc::EINTR {
                return wait(self.pid).unwrap().expect("it has ended");
            }
        }
    }
}

#[test]
fn a_child_gets_its_arguments_environment_and_streams() {
    let environment = ["GREETING=hello there", "EMPTY="];
    let script = r#"read line; echo "$0|$1|$GREETING|$EMPTY|$line"; echo error >&2; exit 3"#;
    let mut child = Program { environment: &environment, ..program(&["/bin/sh", "-c", script, "zero", "one two"]) }
        .spawn()
        .unwrap();
    assert_eq!(wait(child.pid), Ok(None), "it waits for a line");
    write(child.stdin.take().unwrap().as_fd(), b"input\n").unwrap();
    assert_eq!(child.output(), "zero|one two|hello there||input\nerror\n");
    assert_eq!(child.status(), Status::Exited(3));
}

#[test]
fn exits_and_signals_are_distinguished() {
    for (script, status) in [
        ("exit 0", Status::Exited(0)),
        ("exit 255", Status::Exited(255)),
        ("kill -TERM $$", Status::Killed(libc::SIGTERM)),
        ("kill -KILL $$", Status::Killed(libc::SIGKILL)),
    ] {
        let child = shell(script);
        let pid = child.pid;
        assert_eq!(child.status(), status, "{script}");
        assert_eq!(failure(wait(pid)), ("waitpid", libc::ECHILD), "reaped already");
        assert_eq!(failure(kill(pid, Signal::Term)), ("kill", libc::ESRCH));
    }
}

#[test]
fn signals_arrive() {
    for signal in [Signal::Term, Signal::Int, Signal::Hup, Signal::Usr1, Signal::Pipe, Signal::Kill] {
        let child = program(&["/bin/cat"]).spawn().unwrap();
        kill(child.pid, signal).unwrap();
        assert_eq!(child.status(), Status::Killed(signal.raw()));
    }
}

#[test]
fn pids_of_more_than_one_process_are_refused() {
    // SIGCHLD does no harm if a check is missing.
    for pid in [0, -1, Pid::MIN] {
        assert_eq!(failure(kill(pid, Signal::Chld)), ("kill", libc::EINVAL));
    }
    for pid in [1, 0, -1, Pid::MIN] {
        assert_eq!(failure(kill_group(pid, Signal::Chld)), ("killpg", libc::EINVAL));
        assert_eq!(failure(wait(pid)), ("waitpid", libc::EINVAL));
    }
}

#[test]
fn a_group_ends_as_one() {
    let pipeline = Program { own_group: true, ..program(&["/bin/sh", "-c", "/bin/cat | /bin/cat"]) };
    let child = pipeline.spawn().unwrap();
    child.round_trip();
    kill_group(child.pid, Signal::Kill).unwrap();
    // Both cats have the output open, and their input is still open. So EOF shows that both have ended.
    assert_eq!(child.output(), "");
    assert_eq!(child.status(), Status::Killed(libc::SIGKILL));

    let same_group = program(&["/bin/cat"]).spawn().unwrap();
    assert_eq!(failure(kill_group(same_group.pid, Signal::Kill)), ("killpg", libc::ESRCH));
    kill(same_group.pid, Signal::Kill).unwrap();
    same_group.status();
}

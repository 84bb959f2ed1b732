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

/// A child, and our ends of its standard streams (1 and 2 are one pipe).
struct Child {
    pid: Pid,
    stdin: Option<OwnedFd>,
    stdout: OwnedFd,
}

/// What a test starts; the rest is the same for all.
struct Program<'a> {
    arguments: &'a [&'a str],
    environment: &'a [&'a str],
    directory: Option<&'a Path>,
    own_group: bool,
}

impl Program<'_> {
    fn spawn(&self) -> Result<Child> {
        let strings = |list: &[&str]| list.iter().map(|s| CString::new(*s).unwrap()).collect::<Vec<_>>();
        let (arguments, environment) = (strings(self.arguments), strings(self.environment));
        let directory = self.directory.map(c);
        let (child_stdin, stdin) = pipe_to_child()?;
        let (stdout, child_stdout) = pipe_from_child()?;
        let pid = spawn(&Spawn {
            program: &arguments[0],
            arguments: &arguments,
            environment: &environment,
            directory: directory.as_deref(),
            stdin: child_stdin.as_fd(),
            stdout: child_stdout.as_fd(),
            stderr: child_stdout.as_fd(),
            own_group: self.own_group,
        })?;
        Ok(Child { pid, stdin: Some(stdin), stdout })
    }
}

fn program<'a>(arguments: &'a [&'a str]) -> Program<'a> {
    Program { arguments, environment: &[], directory: None, own_group: false }
}

fn shell(script: &str) -> Child {
    program(&["/bin/sh", "-c", script]).spawn().unwrap()
}

impl Child {
    /// What the child writes until it, and all that have its output, have closed it.
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

    /// Sends a byte through a child that is a cat: then it has started, and reads.
    fn round_trip(&self) {
        assert_eq!(write(self.stdin.as_ref().unwrap().as_fd(), b"x"), Ok(1));
        wait_for(self.stdout.as_fd(), libc::POLLIN);
        assert_eq!(read(self.stdout.as_fd(), &mut [0; 8]), Ok(1));
    }

    /// Waits for the end, and reaps.
    fn status(self) -> Status {
        loop {
            // SAFETY: all-zero bytes are a siginfo_t, which the call fills. It waits and leaves the child to be reaped.
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
fn ends_are_told_apart() {
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
fn numbers_that_are_no_single_process_are_refused() {
    for pid in [1, 0, -1, Pid::MIN] {
        assert_eq!(failure(kill(pid, Signal::Usr1)), ("kill", libc::EINVAL));
        assert_eq!(failure(kill_group(pid, Signal::Usr1)), ("killpg", libc::EINVAL));
        assert_eq!(failure(wait(pid)), ("waitpid", libc::EINVAL));
    }
}

#[test]
fn a_group_ends_as_one() {
    let pipeline = Program { own_group: true, ..program(&["/bin/sh", "-c", "/bin/cat | /bin/cat"]) };
    let child = pipeline.spawn().unwrap();
    child.round_trip();
    kill_group(child.pid, Signal::Kill).unwrap();
    // Both cats hold the output, and their input is still open: the end says that they are gone.
    assert_eq!(child.output(), "");
    assert_eq!(child.status(), Status::Killed(libc::SIGKILL));

    let same_group = program(&["/bin/cat"]).spawn().unwrap();
    assert_eq!(failure(kill_group(same_group.pid, Signal::Kill)), ("killpg", libc::ESRCH));
    kill(same_group.pid, Signal::Kill).unwrap();
    same_group.status();
}

/// Signals 32 and 33, which glibc keeps for itself: its posix_spawn ignores them in the child.
#[cfg(target_os = "linux")]
const OF_THE_C_LIBRARY: u64 = 0b11 << 31;

/// A line of /proc/PID/status.
#[cfg(target_os = "linux")]
fn status_line(pid: Pid, name: &str) -> String {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.unwrap().trim().to_owned()
}

/// The process group, the fifth field in /proc/PID/stat.
#[cfg(target_os = "linux")]
fn group(pid: Pid) -> Pid {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    stat.rsplit_once(") ").unwrap().1.split(' ').nth(2).unwrap().parse().unwrap()
}

#[cfg(target_os = "linux")]
#[test]
fn a_child_inherits_three_descriptors_and_nothing_else() {
    use crate::signal;
    inherit_nothing().unwrap();
    let temp = TempDir::new();
    let _ours = (pipe().unwrap(), open(&c(temp.path()), OpenFlags::READ, 0).unwrap());
    signal::block(&[Signal::Usr1, Signal::Term, Signal::Chld]).unwrap();
    signal::ignore(Signal::Usr1).unwrap();
    for own_group in [true, false] {
        let cat = Program { directory: Some(temp.path()), own_group, ..program(&["/bin/cat"]) };
        let child = cat.spawn().unwrap();
        child.round_trip();

        let fds = std::fs::read_dir(format!("/proc/{}/fd", child.pid)).unwrap();
        let mut fds: Vec<_> = fds.map(|fd| fd.unwrap().file_name().into_string().unwrap()).collect();
        fds.sort();
        assert_eq!(fds, ["0", "1", "2"]);
        assert_eq!(
            std::fs::read_link(format!("/proc/{}/cwd", child.pid)).unwrap(),
            temp.path().canonicalize().unwrap()
        );
        assert_eq!(group(child.pid), if own_group { child.pid } else { group(pid()) });
        for mask in ["SigBlk", "SigIgn", "SigCgt"] {
            let signals = u64::from_str_radix(&status_line(child.pid, mask), 16).unwrap() & !OF_THE_C_LIBRARY;
            assert_eq!(signals, 0, "{mask}");
        }
        kill(child.pid, Signal::Term).unwrap();
        assert_eq!(child.status(), Status::Killed(libc::SIGTERM));
    }
    signal::reset(Signal::Usr1).unwrap();
}

#[test]
fn descriptors_from_before_are_not_inherited() {
    passes_in_own_process("process::tests::inheriting_nothing", &[]);
}

#[test]
#[ignore = "run in a process of its own, by descriptors_from_before_are_not_inherited"]
fn inheriting_nothing() {
    assert_own_process("process::tests::inheriting_nothing");
    let (out, into) = pipe().unwrap();
    // SAFETY: the call takes no pointers.
    unsafe { syscall!(fcntl(into.as_raw_fd(), libc::F_SETFD, 0)) }.unwrap();
    inherit_nothing().unwrap();
    let child = program(&["/bin/cat"]).spawn().unwrap();
    drop(into);
    wait_for(out.as_fd(), libc::POLLIN);
    assert_eq!(read(out.as_fd(), &mut [0; 8]), Ok(0), "the end, though the child runs");
    kill(child.pid, Signal::Kill).unwrap();
    child.status();
}

#[test]
fn standard_streams_can_be_passed_on_in_any_order() {
    // 2, 0, 1 as 0, 1, 2: each would be overwritten by a dup2 before.
    passes_in_own_process("process::tests::standard_streams_rotated", &[]);
}

#[test]
#[ignore = "run in a process of its own, by standard_streams_can_be_passed_on_in_any_order"]
fn standard_streams_rotated() {
    assert_own_process("process::tests::standard_streams_rotated");
    let temp = TempDir::new();
    let files: Vec<OwnedFd> = ["zero", "one", "two"].iter().map(|name| create(&temp.join(name))).collect();
    write(files[2].as_fd(), b"from two\n").unwrap();
    // SAFETY: takes no pointers; the descriptor stays open.
    assert_eq!(unsafe { libc::lseek(files[2].as_raw_fd(), 0, libc::SEEK_SET) }, 0);
    let saved: Vec<OwnedFd> = (0..3).map(|fd| standard(fd).try_clone_to_owned().unwrap()).collect();
    let put = |from: &[OwnedFd]| {
        for (from, to) in from.iter().zip(0..) {
            // SAFETY: the call takes no pointers; standard streams stay open.
            unsafe { syscall!(dup2(from.as_raw_fd(), to)) }.unwrap();
        }
    };
    put(&files);
    let arguments = ["/bin/sh", "-c", "read line; echo \"out $line\"; echo err >&2"].map(|s| CString::new(s).unwrap());
    let spawned = spawn(&Spawn {
        program: &arguments[0],
        arguments: &arguments,
        environment: &[],
        directory: None,
        stdin: standard(2),
        stdout: standard(0),
        stderr: standard(1),
        own_group: false,
    });
    put(&saved);
    let child = Child { pid: spawned.unwrap(), stdin: None, stdout: pipe().unwrap().0 };
    assert_eq!(child.status(), Status::Exited(0));
    assert_eq!(std::fs::read_to_string(temp.join("zero")).unwrap(), "out from two\n");
    assert_eq!(std::fs::read_to_string(temp.join("one")).unwrap(), "err\n");
}

fn create(path: &Path) -> OwnedFd {
    open(&c(path), OpenFlags::READ | OpenFlags::WRITE | OpenFlags::CREATE, 0o600).unwrap()
}

fn standard(fd: RawFd) -> BorrowedFd<'static> {
    // SAFETY: the standard streams are open all the time.
    unsafe { BorrowedFd::borrow_raw(fd) }
}

#[test]
fn a_standard_stream_can_stay_where_it_is() {
    let output = in_own_process("process::tests::stderr_passed_on", &[]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("said by the child"), "{output:?}");
}

#[test]
#[ignore = "run in a process of its own, by a_standard_stream_can_stay_where_it_is"]
fn stderr_passed_on() {
    assert_own_process("process::tests::stderr_passed_on");
    // As if it were marked by inherit_nothing(): the child gets it nevertheless.
    // SAFETY: the call takes no pointers.
    unsafe { syscall!(fcntl(2, libc::F_SETFD, libc::FD_CLOEXEC)) }.unwrap();
    let arguments = ["/bin/sh", "-c", "echo said by the child >&2"].map(|s| CString::new(s).unwrap());
    let (stdin, stdin_ours) = pipe_to_child().unwrap();
    let pid = spawn(&Spawn {
        program: &arguments[0],
        arguments: &arguments,
        environment: &[],
        directory: None,
        stdin: stdin.as_fd(),
        stdout: stdin_ours.as_fd(),
        stderr: standard(2),
        own_group: false,
    })
    .unwrap();
    assert_eq!(Child { pid, stdin: None, stdout: stdin_ours }.status(), Status::Exited(0));
}

#[test]
fn programs_that_cannot_run_say_why() {
    let temp = TempDir::new();
    // By a shell, for a file that a child of another test holds open for writing could not be executed.
    let script = "echo exit >plain; cp plain text; echo '#!/missing' >lost; mkdir folder; cp /bin/cat busy
        chmod a+x text lost busy; chmod a-x plain";
    assert!(Command::new("/bin/sh").args(["-ec", script]).current_dir(temp.path()).status().unwrap().success());
    let _busy = open(&c(&temp.join("busy")), OpenFlags::WRITE, 0).unwrap();
    let spawn = |name: &str| program(&[temp.join(name).to_str().unwrap()]).spawn().map(drop);
    for (name, errno) in [
        ("missing", libc::ENOENT),
        ("plain", libc::EACCES),
        ("folder", libc::EACCES),
        ("text", libc::ENOEXEC),
        ("lost", libc::ENOENT),
        ("plain/below", libc::ENOTDIR),
        ("busy", libc::ETXTBSY),
    ] {
        assert_eq!(failure(spawn(name)), ("posix_spawn", errno), "{name}");
    }
    for (directory, errno) in [("missing", libc::ENOENT), ("plain", libc::ENOTDIR)] {
        let outcome = Program { directory: Some(&temp.join(directory)), ..program(&["/bin/cat"]) }.spawn();
        assert_eq!(failure(outcome), ("posix_spawn", errno), "in {directory}");
    }
    let long = "x".repeat(4 << 20);
    assert_eq!(failure(program(&["/bin/cat", &long]).spawn()), ("posix_spawn", libc::E2BIG));
}

#[test]
fn failed_spawns_leave_no_child_and_no_descriptor() {
    passes_in_own_process("process::tests::failing_to_spawn", &[]);
}

#[test]
#[ignore = "run in a process of its own, by failed_spawns_leave_no_child_and_no_descriptor"]
fn failing_to_spawn() {
    assert_own_process("process::tests::failing_to_spawn");
    let next_fd = || pipe().unwrap().0.as_raw_fd();
    let before = next_fd();
    for _ in 0..10 {
        program(&["/missing"]).spawn().map(drop).unwrap_err();
    }
    assert_eq!(next_fd(), before);
    // SAFETY: the call writes no status.
    let any = unsafe { libc::waitpid(-1, std::ptr::null_mut(), libc::WNOHANG) };
    assert_eq!((any, Error::last("waitpid").errno()), (-1, libc::ECHILD));
}

#[cfg(target_os = "linux")]
#[test]
fn daemonize_leaves_terminal_streams_and_parent() {
    let temp = TempDir::new();
    let fifo = c(&temp.join("fifo"));
    // SAFETY: the path ends with NUL and outlives the call.
    unsafe { syscall!(mkfifo(fifo.as_ptr(), 0o600)) }.unwrap();
    let report = open(&fifo, OpenFlags::READ | OpenFlags::NON_BLOCKING, 0).unwrap();
    let path = temp.join("fifo");
    let parent = in_own_process("process::tests::being_a_daemon", &[("REPORT", path.to_str().unwrap())]);
    // The outputs have ended, so nobody holds them any more.
    assert!(parent.status.success(), "{parent:?}");
    wait_for(report.as_fd(), libc::POLLIN);
    let mut text = [0; 256];
    let n = read(report.as_fd(), &mut text).unwrap();
    assert_eq!(String::from_utf8_lossy(&text[..n]), "leads its session, not the parent; null null null");
}

#[cfg(target_os = "linux")]
#[test]
#[ignore = "run in a process of its own, by daemonize_leaves_terminal_streams_and_parent"]
fn being_a_daemon() {
    assert_own_process("process::tests::being_a_daemon");
    let before = pid();
    daemonize().unwrap();
    // SAFETY: the call takes no pointers.
    let leads = unsafe { libc::getsid(0) } == pid();
    let null = std::os::unix::fs::MetadataExt::rdev(&std::fs::metadata("/dev/null").unwrap());
    let streams: Vec<&str> = (0..3)
        .map(|fd| std::fs::metadata(format!("/proc/self/fd/{fd}")).unwrap())
        .map(|m| if std::os::unix::fs::MetadataExt::rdev(&m) == null { "null" } else { "other" })
        .collect();
    let who = if leads { "leads its session" } else { "leads nothing" };
    let which = if pid() == before { "the parent" } else { "not the parent" };
    std::fs::write(std::env::var("REPORT").unwrap(), format!("{who}, {which}; {}", streams.join(" "))).unwrap();
}

#[test]
fn accounts_are_found_by_name() {
    assert_eq!(lookup_user("root"), Ok(Some(User { id: 0, group: 0 })));
    assert_eq!(lookup_group("daemon").unwrap().is_some(), lookup_user("daemon").unwrap().is_some());
    assert_eq!(lookup_user("no such user"), Ok(None));
    assert_eq!(lookup_group("no such group"), Ok(None));
    assert_eq!(failure(lookup_user("a\0b")), ("getpwnam_r", libc::EINVAL));
}

#[test]
fn root_becomes_another_user_and_others_do_not() {
    let temp = TempDir::new();
    let secret = temp.join("secret");
    drop(create(&secret));
    passes_in_own_process("process::tests::becoming_another_user", &[("SECRET", secret.to_str().unwrap())]);
}

#[test]
#[ignore = "run in a process of its own, by root_becomes_another_user_and_others_do_not"]
fn becoming_another_user() {
    assert_own_process("process::tests::becoming_another_user");
    assert_eq!(failure(become_user("no such user", None)), ("getpwnam_r", libc::ENOENT));
    assert_eq!(failure(become_user("nobody", Some("no such group"))), ("getgrnam_r", libc::ENOENT));
    let nobody = lookup_user("nobody").unwrap().unwrap();
    if effective_user() != 0 {
        let (_, errno) = failure(become_user("nobody", None));
        assert_eq!(errno, libc::EPERM);
        return;
    }
    let secret = c_path("openat", std::env::var("SECRET").unwrap().as_bytes()).unwrap();
    drop(open(&secret, OpenFlags::READ, 0).unwrap());
    become_user("nobody", Some("daemon")).unwrap();
    assert_eq!(effective_user(), nobody.id);
    // SAFETY: neither call takes pointers; the list is only counted.
    let (group, groups) = unsafe { (libc::getegid(), libc::getgroups(0, std::ptr::null_mut())) };
    assert_eq!(Some(group), lookup_group("daemon").unwrap());
    assert!((0..=2).contains(&groups), "root's other groups are given up: {groups}");
    assert_eq!(failure(open(&secret, OpenFlags::READ, 0)), ("openat", libc::EACCES));
    assert_eq!(failure(become_user("root", None)), ("setgid", libc::EPERM), "there is no way back");
}

#[test]
fn the_descriptor_limit_can_be_raised() {
    passes_in_own_process("process::tests::raising_the_descriptor_limit", &[]);
}

#[test]
#[ignore = "run in a process of its own, by the_descriptor_limit_can_be_raised"]
fn raising_the_descriptor_limit() {
    assert_own_process("process::tests::raising_the_descriptor_limit");
    limit_descriptors(64, 128);
    assert_eq!(fd_limit(), Ok((64, 128)));
    assert_eq!(raise_fd_limit(10), Ok(64), "never lowered");
    assert_eq!(raise_fd_limit(100), Ok(100));
    assert_eq!(fd_limit(), Ok((100, 128)));
    let above = raise_fd_limit(200).unwrap();
    assert_eq!(fd_limit().unwrap().0, above);
    assert!(above == if effective_user() == 0 { 200 } else { 128 } || above == 128, "{above}");
    let fds: Vec<_> = std::iter::from_fn(|| pipe().ok()).collect();
    assert!(fds.len() as u64 * 2 > above - 16, "{} pipes", fds.len());
    assert_eq!(failure(pipe()).1, libc::EMFILE);
    drop(fds);
    raise_fd_limit(u64::MAX).unwrap();
}

#[test]
fn the_machine_has_a_name_and_processors() {
    assert!(cpu_count() >= 1);
    let child = program(&["/bin/sh", "-c", "uname -n"]).spawn().unwrap();
    assert_eq!(format!("{}\n", hostname().unwrap()), child.output());
    child.status();
}

#[test]
fn spawning_closes_no_descriptor_of_ours() {
    let (out, into) = pipe().unwrap();
    let child = shell("exit 0");
    assert!(fstat(out.as_fd()).is_ok() && fstat(into.as_fd()).is_ok());
    child.status();
    let path: &CStr = &c_path("posix_spawn", b"/bin/sh").unwrap();
    assert!(fstat(open(path, OpenFlags::READ, 0).unwrap().as_fd()).unwrap().mode & 0o111 != 0);
}

//! What a child process inherits, and the errors if it cannot start.

use super::*;

/// Signals 32 and 33, which glibc uses internally: its posix_spawn ignores them in the child.
#[cfg(target_os = "linux")]
const OF_THE_C_LIBRARY: u64 = 0b11 << 31;

/// The calls that fail.
#[cfg(any(target_os = "linux", target_os = "openbsd"))]
const EXEC: &str = "execve";
#[cfg(any(target_os = "linux", target_os = "openbsd"))]
const CHDIR: &str = "chdir";
#[cfg(not(any(target_os = "linux", target_os = "openbsd")))]
const EXEC: &str = "posix_spawn";
#[cfg(not(any(target_os = "linux", target_os = "openbsd")))]
const CHDIR: &str = "posix_spawn";

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
    for (own_group, by) in [true, false].into_iter().flat_map(|own_group| WAYS.map(|by| (own_group, by))) {
        signal::ignore(if own_group { Signal::Usr1 } else { Signal::Usr2 }).unwrap(); // before the first one, and after
        let cat = Program { directory: Some(temp.path()), own_group, by, ..program(&["/bin/cat"]) };
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
    for signal in [Signal::Usr1, Signal::Usr2] {
        signal::reset(signal).unwrap();
    }
}

#[test]
fn descriptors_from_before_are_not_inherited() {
    passes_in_own_process("process::tests::spawning::inheriting_nothing", &[]);
}

#[test]
#[ignore = "run in a process of its own, by descriptors_from_before_are_not_inherited"]
fn inheriting_nothing() {
    assert_own_process("process::tests::spawning::inheriting_nothing");
    let (out, into) = pipe().unwrap();
    // SAFETY: the call takes no pointers.
    unsafe { syscall!(fcntl(into.as_raw_fd(), libc::F_SETFD, 0)) }.unwrap();
    inherit_nothing().unwrap();
    let child = program(&["/bin/cat"]).spawn().unwrap();
    drop(into);
    wait_for(out.as_fd(), libc::POLLIN);
    assert_eq!(read(out.as_fd(), &mut [0; 8]), Ok(0), "EOF, although the child runs");
    kill(child.pid, Signal::Kill).unwrap();
    child.status();
}

#[test]
fn standard_streams_can_be_passed_on_in_any_order() {
    // 2, 0, 1 become 0, 1, 2: without copies, each would be overwritten by an earlier dup2.
    passes_in_own_process("process::tests::spawning::standard_streams_rotated", &[]);
}

#[test]
#[ignore = "run in a process of its own, by standard_streams_can_be_passed_on_in_any_order"]
fn standard_streams_rotated() {
    assert_own_process("process::tests::spawning::standard_streams_rotated");
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
        stdin: Some(standard(2)),
        stdout: standard(0),
        stderr: standard(1),
        own_group: false,
        limits: &[],
    });
    put(&saved);
    let child = Child { pid: spawned.unwrap(), stdin: None, stdout: pipe().unwrap().0 };
    assert_eq!(child.status(), Status::Exited(0));
    assert_eq!(std::fs::read_to_string(temp.join("zero")).unwrap(), "out from two\n");
    assert_eq!(std::fs::read_to_string(temp.join("one")).unwrap(), "err\n");
}

fn standard(fd: RawFd) -> BorrowedFd<'static> {
    // SAFETY: the standard streams are open all the time.
    unsafe { BorrowedFd::borrow_raw(fd) }
}

#[test]
fn a_standard_stream_can_stay_where_it_is() {
    let output = in_own_process("process::tests::spawning::stderr_passed_on", &[]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("said by the child"), "{output:?}");
}

#[test]
#[ignore = "run in a process of its own, by a_standard_stream_can_stay_where_it_is"]
fn stderr_passed_on() {
    assert_own_process("process::tests::spawning::stderr_passed_on");
    // Closed on exec, as after inherit_nothing(): the child must get it anyway.
    // SAFETY: the call takes no pointers.
    unsafe { syscall!(fcntl(2, libc::F_SETFD, libc::FD_CLOEXEC)) }.unwrap();
    let arguments = ["/bin/sh", "-c", "echo said by the child >&2"].map(|s| CString::new(s).unwrap());
    let (stdin, stdin_ours) = pipe_to_child().unwrap();
    let pid = spawn(&Spawn {
        program: &arguments[0],
        arguments: &arguments,
        environment: &[],
        directory: None,
        stdin: Some(stdin.as_fd()),
        stdout: stdin_ours.as_fd(),
        stderr: standard(2),
        own_group: false,
        limits: &[],
    })
    .unwrap();
    assert_eq!(Child { pid, stdin: None, stdout: stdin_ours }.status(), Status::Exited(0));
}

#[test]
fn programs_that_cannot_run_are_errors() {
    let temp = TempDir::new();
    // A shell creates the files: a forked child of another test could have them open for writing, and then execve
    // fails.
    let script = "echo exit >plain; cp plain text; echo '#!/missing' >lost; mkdir folder; cp /bin/cat busy
        chmod a+x text lost busy; chmod a-x plain";
    assert!(Command::new("/bin/sh").args(["-ec", script]).current_dir(temp.path()).status().unwrap().success());
    let _busy = open(&c(&temp.join("busy")), OpenFlags::WRITE, 0).unwrap();
    WAYS.into_iter().for_each(|by| cannot_start(&temp, by));
}

fn cannot_start(temp: &TempDir, by: fn(&Spawn<'_>) -> Result<Pid>) {
    let spawn = |name: &str| Program { by, ..program(&[temp.join(name).to_str().unwrap()]) }.spawn().map(drop);
    for (name, errno) in [
        ("missing", libc::ENOENT),
        ("plain", libc::EACCES),
        ("folder", libc::EACCES),
        ("text", libc::ENOEXEC),
        ("lost", libc::ENOENT),
        ("plain/below", libc::ENOTDIR),
        ("busy", libc::ETXTBSY),
    ] {
        assert_eq!(failure(spawn(name)), (EXEC, errno), "{name}");
    }
    for (directory, errno) in [("missing", libc::ENOENT), ("plain", libc::ENOTDIR)] {
        let outcome = Program { directory: Some(&temp.join(directory)), by, ..program(&["/bin/cat"]) }.spawn();
        assert_eq!(failure(outcome), (CHDIR, errno), "in {directory}");
    }
    let long = "x".repeat(4 << 20);
    assert_eq!(failure(Program { by, ..program(&["/bin/cat", &long]) }.spawn()), (EXEC, libc::E2BIG));
}

/// Earlier, the parent set the limits when the program already ran, so processes that it had started had none.
#[cfg(target_os = "linux")]
#[test]
fn limits_hold_from_the_first_instruction_on() {
    let (_, most) = fd_limit().unwrap();
    let limits = [
        (Resource::Cpu, 77),
        (Resource::AddressSpace, 1 << 40),
        (Resource::FileSize, 1 << 20),
        (Resource::Core, 0),
        (Resource::OpenFiles, u64::MAX), // becomes the present hard limit
    ];
    let child = Program { limits: &limits, ..program(&["/bin/cat", "/proc/self/limits"]) }.spawn().unwrap();
    let output = child.output();
    assert_eq!(child.status(), Status::Exited(0));
    for (name, limit) in [
        ("Max cpu time", 77),
        ("Max address space", 1 << 40),
        ("Max file size", 1 << 20),
        ("Max core file size", 0),
        ("Max open files", most),
    ] {
        let line = output.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        let numbers: Vec<&str> = line.split_whitespace().take(2).collect();
        let hard = if name == "Max cpu time" { limit + 1 } else { limit }; // SIGXCPU comes before SIGKILL
        assert_eq!(numbers, [&limit.to_string(), &hard.to_string()], "{name}");
    }
    let ours = std::fs::read_to_string("/proc/self/limits").unwrap();
    assert!(ours.lines().all(|line| !line.starts_with("Max cpu time") || !line.contains("77")), "{ours}");
}

#[test]
fn failed_spawns_leave_no_child_and_no_descriptor() {
    passes_in_own_process("process::tests::spawning::failing_to_spawn", &[]);
}

#[test]
#[ignore = "run in a process of its own, by failed_spawns_leave_no_child_and_no_descriptor"]
fn failing_to_spawn() {
    assert_own_process("process::tests::spawning::failing_to_spawn");
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

#[test]
fn spawning_closes_no_descriptor_of_ours() {
    let (out, into) = pipe().unwrap();
    let child = shell("exit 0");
    assert!(fstat(out.as_fd()).is_ok() && fstat(into.as_fd()).is_ok());
    child.status();
    let path: &CStr = &c_path("posix_spawn", b"/bin/sh").unwrap();
    assert!(fstat(open(path, OpenFlags::READ, 0).unwrap().as_fd()).unwrap().mode & 0o111 != 0);
}

//! Functions that change the process itself: each test runs in a separate process.

use super::*;

#[cfg(target_os = "linux")]
#[test]
fn daemonize_detaches_from_terminal_streams_and_parent() {
    let temp = TempDir::new();
    let fifo = c(&temp.join("fifo"));
    // SAFETY: the path ends with NUL and outlives the call.
    unsafe { syscall!(mkfifo(fifo.as_ptr(), 0o600)) }.unwrap();
    let report = open(&fifo, OpenFlags::READ | OpenFlags::NON_BLOCKING, 0).unwrap();
    let path = temp.join("fifo");
    let parent = in_own_process("process::tests::oneself::being_a_daemon", &[("REPORT", path.to_str().unwrap())]);
    // The outputs are at EOF, so no process has them open any more.
    assert!(parent.status.success(), "{parent:?}");
    wait_for(report.as_fd(), libc::POLLIN);
    let mut text = [0; 256];
    let n = read(report.as_fd(), &mut text).unwrap();
    assert_eq!(String::from_utf8_lossy(&text[..n]), "leads its session, not the parent; null null null");
}

#[cfg(target_os = "linux")]
#[test]
#[ignore = "run in a process of its own, by daemonize_detaches_from_terminal_streams_and_parent"]
fn being_a_daemon() {
    assert_own_process("process::tests::oneself::being_a_daemon");
    let before = pid();
    daemonize().unwrap().ready().unwrap();
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
fn without_dev_null_there_was_no_start() {
    let (input, output) = closed_pipes().unwrap();
    assert_eq!(read(input.as_fd(), &mut [0]), Ok(0));
    assert_eq!(write(output.as_fd(), b"x").unwrap_err().errno(), libc::EPIPE);
}

#[test]
fn a_daemon_that_does_not_start_can_say_why() {
    let parent = in_own_process("process::tests::oneself::failing_to_be_a_daemon", &[]);
    assert_eq!(parent.status.code(), Some(1), "{parent:?}");
    assert!(String::from_utf8_lossy(&parent.stderr).contains("it fails"), "{parent:?}");
}

#[test]
#[ignore = "run in a process of its own, by a_daemon_that_does_not_start_can_say_why"]
fn failing_to_be_a_daemon() {
    assert_own_process("process::tests::oneself::failing_to_be_a_daemon");
    let _daemon = daemonize().unwrap();
    let _ = std::io::Write::write_all(&mut std::io::stderr(), b"it fails\n");
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
    passes_in_own_process("process::tests::oneself::becoming_another_user", &[("SECRET", secret.to_str().unwrap())]);
}

#[test]
#[ignore = "run in a process of its own, by root_becomes_another_user_and_others_do_not"]
fn becoming_another_user() {
    assert_own_process("process::tests::oneself::becoming_another_user");
    assert_eq!(failure(Account::find("no such user", None)), ("getpwnam_r", libc::ENOENT));
    assert_eq!(failure(Account::find("nobody", Some("no such group"))), ("getgrnam_r", libc::ENOENT));
    let account = Account::find("nobody", Some("daemon")).unwrap();
    if effective_user() != 0 {
        assert_eq!(failure(become_user(&account)).1, libc::EPERM);
        assert_eq!(failure(as_account(&account, || ())).1, libc::EPERM);
        return;
    }
    let secret = c_path("openat", std::env::var("SECRET").unwrap().as_bytes()).unwrap();
    drop(open(&secret, OpenFlags::READ, 0).unwrap());
    let roots = [0, 1, 2, 3];
    // SAFETY: the call reads the four numbers.
    unsafe { syscall!(setgroups(roots.len() as _, roots.as_ptr())) }.unwrap();
    as_account(&account, || {
        assert_eq!(failure(open(&secret, OpenFlags::READ, 0)), ("openat", libc::EACCES));
        assert!(!may_write(c"/"));
    })
    .unwrap();
    drop(open(&secret, OpenFlags::READ, 0).unwrap()); // root again
    become_user(&account).unwrap();
    assert_eq!(effective_user(), account.user);
    let mut groups = [0; 64];
    // SAFETY: the call writes at most as many numbers as the array has.
    let count = unsafe { syscall!(getgroups(groups.len() as _, groups.as_mut_ptr())) }.unwrap();
    assert!(
        !groups[..count as usize].contains(&0),
        "root's other groups are given up: {:?}",
        &groups[..count as usize]
    );
    // SAFETY: the call takes no pointers.
    assert_eq!(Some(unsafe { libc::getegid() }), lookup_group("daemon").unwrap());
    assert_eq!(failure(open(&secret, OpenFlags::READ, 0)), ("openat", libc::EACCES));
    let root = Account::find("root", None).unwrap();
    assert_eq!(failure(become_user(&root)), ("setgid", libc::EPERM), "there is no way back");
}

#[test]
fn a_parent_learns_which_child_has_ended_and_how() {
    passes_in_own_process("process::tests::oneself::forking", &[]);
}

#[test]
#[ignore = "run in a process of its own, by a_parent_learns_which_child_has_ended_and_how"]
fn forking() {
    assert_own_process("process::tests::oneself::forking");
    assert_eq!(failure(wait_any()).1, libc::ECHILD);
    crate::signal::block(&[Signal::Chld]).unwrap();
    crate::signal::notice(Signal::Chld).unwrap();
    let Some(child) = fork().unwrap() else {
        // SAFETY: ends the child at once.
        unsafe { libc::_exit(7) }
    };
    assert_eq!(crate::signal::wait(&[Signal::Chld]), Ok(Signal::Chld));
    assert_eq!(wait_any(), Ok(Some((child, Status::Exited(7)))));
}

#[test]
fn the_descriptor_limit_can_be_raised() {
    passes_in_own_process("process::tests::oneself::raising_the_descriptor_limit", &[]);
}

#[test]
#[ignore = "run in a process of its own, by the_descriptor_limit_can_be_raised"]
fn raising_the_descriptor_limit() {
    assert_own_process("process::tests::oneself::raising_the_descriptor_limit");
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

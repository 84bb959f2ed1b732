//! How a program has ended, in words for the log.

use webserv_sys::process::Status;
use webserv_sys::signal;

/// `exited with 3`, `was ended by signal 24 (SIGXCPU): ...`. `cause` says why the server sent the signal; it is
/// empty if the server did not.
pub(super) fn ending(status: Status, cause: &str) -> String {
    match status {
        Status::Exited(code) => match code.checked_sub(128).and_then(signal::name_of) {
            // Shells return 128 and the number for a program that a signal has ended.
            Some(name) => format!("exited with {code}, as shells do after {name}{}", limit(name)),
            None => format!("exited with {code}"),
        },
        Status::Killed(number) => {
            let name = signal::name_of(number).unwrap_or("unknown");
            match cause {
                "" => format!("was ended by signal {number} ({name}){}", limit(name)),
                _ => format!("was ended by signal {number} ({name}) of the server: {cause}"),
            }
        }
    }
}

/// The limit that makes the kernel send this signal.
fn limit(signal: &str) -> &'static str {
    match signal {
        "SIGXCPU" => ": it has used its processor time (cgi_rlimit cpu)",
        "SIGXFSZ" => ": a file has become too large (cgi_rlimit fsize)",
        "SIGKILL" => ", which the server has not sent: the memory of the system may be used up",
        "SIGSEGV" | "SIGABRT" | "SIGBUS" => ": a fault of the program, or its memory is used up (cgi_rlimit as)",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use webserv_sys::signal::Signal;

    #[test]
    fn signals_and_limits_have_their_names() {
        let (pipe, kill, xfsz) = (Signal::Pipe.raw(), Signal::Kill.raw(), Signal::Xfsz.raw());
        for (status, cause, expected) in [
            (Status::Exited(0), "", "exited with 0".to_owned()),
            (Status::Exited(128), "", "exited with 128".to_owned()),
            (Status::Exited(255), "", "exited with 255".to_owned()),
            (Status::Exited(128 + pipe), "", format!("exited with {}, as shells do after SIGPIPE", 128 + pipe)),
            (Status::Killed(pipe), "", format!("was ended by signal {pipe} (SIGPIPE)")),
            (
                Status::Killed(xfsz),
                "",
                format!("was ended by signal {xfsz} (SIGXFSZ): a file has become too large (cgi_rlimit fsize)"),
            ),
            (
                Status::Killed(kill),
                "it was late",
                format!("was ended by signal {kill} (SIGKILL) of the server: it was late"),
            ),
            (Status::Killed(1000), "", "was ended by signal 1000 (unknown)".to_owned()),
        ] {
            assert_eq!(ending(status, cause), expected);
        }
    }
}

//! Why a program could not be started. execve(2) says "no such file" of an interpreter, too, without its name.

use crate::route::Script;
use std::ffi::CStr;
use webserv_sys::file::{self, CWD, OpenFlags};
use webserv_sys::{Error, Result};

/// The kernel reads this much of a script to find its interpreter (BINPRM_BUF_SIZE on Linux).
const FIRST_LINE_BYTES_MAX: usize = 256;

/// The reason for the log. Reads the beginning of the program's file.
pub(super) fn why(error: Error, script: &Script) -> String {
    if !error.is_not_found() && !error.is_no_program() && !error.is_forbidden() {
        return error.to_string();
    }
    let interprets = script.arguments.len() > 1 || script.program.as_bytes() != &*script.file;
    if interprets || !is_there(&script.program) {
        return format!("{error}: \"{}\"", script.program.to_bytes().escape_ascii());
    }
    match beginning(&script.program) {
        Ok(beginning) => explain(error, &beginning),
        Err(_) => error.to_string(), // a program may be executable and not readable
    }
}

/// The reason, from the beginning of the program's file.
fn explain(error: Error, beginning: &[u8]) -> String {
    match interpreter(beginning) {
        Some(interpreter) => {
            let crlf = if interpreter.ends_with(b"\r") { "; save the script with LF line ends, not CRLF" } else { "" };
            format!("{error}: bad interpreter \"{}\" in its first line{crlf}", interpreter.escape_ascii())
        }
        None if error.is_no_program() => format!("{error}: it has no first line as #!/bin/sh, and is no binary"),
        None if error.is_not_found() => format!("{error}: the loader that the binary needs is missing"),
        None => error.to_string(),
    }
}

/// The interpreter of a script, as the kernel reads it: `#!`, blanks, a path up to a blank or the end of the line.
fn interpreter(beginning: &[u8]) -> Option<&[u8]> {
    let line = beginning.strip_prefix(b"#!")?.split(|b| *b == b'\n').next()?;
    line.split(|b| matches!(b, b' ' | b'\t')).find(|word| !word.is_empty())
}

fn is_there(path: &CStr) -> bool {
    file::fstatat(CWD, path, true).is_ok()
}

fn beginning(path: &CStr) -> Result<Vec<u8>> {
    let file = file::open(path, OpenFlags::READ | OpenFlags::NON_BLOCKING, 0)?;
    let mut bytes = vec![0; FIRST_LINE_BYTES_MAX];
    let count = file::read(std::os::fd::AsFd::as_fd(&file), &mut bytes)?;
    bytes.truncate(count);
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interpreter_is_what_the_kernel_reads() {
        let table: &[(&[u8], Option<&[u8]>)] = &[
            (b"#!/bin/sh\n", Some(b"/bin/sh")),
            (b"#! \t/bin/sh -e\necho", Some(b"/bin/sh")),
            (b"#!/bin/sh\r\necho\r\n", Some(b"/bin/sh\r")),
            (b"#!/usr/bin/env python3\r\n", Some(b"/usr/bin/env")),
            (b"#!/cut/of", Some(b"/cut/of")),
            (b"#!\n/bin/sh", None),
            (b"#!", None),
            (b"echo", None),
            (b"", None),
        ];
        for (beginning, expected) in table {
            assert_eq!(interpreter(beginning), *expected, "{}", beginning.escape_ascii());
        }
    }
}

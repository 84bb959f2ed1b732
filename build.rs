//! Build script of both crates: sets the cfgs `has_epoll` and `has_kqueue` for the target, and the version that
//! `webserv -V` prints.

use std::process::Command;

fn main() {
    for cfg in ["has_epoll", "has_kqueue"] {
        println!("cargo:rustc-check-cfg=cfg({cfg})");
    }
    match std::env::var("CARGO_CFG_TARGET_OS").as_deref() {
        Ok("linux" | "android") => println!("cargo:rustc-cfg=has_epoll"),
        Ok("macos" | "ios" | "freebsd" | "netbsd" | "openbsd" | "dragonfly") => println!("cargo:rustc-cfg=has_kqueue"),
        _ => {}
    }
    // Both crates use this script. Only the server prints a version; its directory contains this file.
    if std::path::Path::new("build.rs").exists() {
        stamp();
    } else {
        println!("cargo:rerun-if-changed=../build.rs");
    }
}

/// Sets `WEBSERV_COMMIT` to the commit's short hash, or to "release" outside a checkout; and `WEBSERV_RUSTC` to the
/// compiler's version.
fn stamp() {
    println!("cargo:rerun-if-changed=build.rs");
    let line = |program: &str, args: &[&str]| -> Option<String> {
        let out = Command::new(program).args(args).output().ok().filter(|o| o.status.success())?;
        Some(String::from_utf8(out.stdout).ok()?.trim().to_owned())
    };
    let log = line("git", &["rev-parse", "--git-path", "logs/HEAD"]);
    if let Some(log) = log.filter(|path| std::path::Path::new(path).exists()) {
        println!("cargo:rerun-if-changed={log}"); // grows with each commit
    }
    let commit = line("git", &["rev-parse", "--short=12", "HEAD"]).unwrap_or_else(|| "release".into());
    let rustc = std::env::var("RUSTC").ok().and_then(|r| line(&r, &["--version"])).unwrap_or_else(|| "rustc".into());
    println!("cargo:rustc-env=WEBSERV_COMMIT={commit}");
    println!("cargo:rustc-env=WEBSERV_RUSTC={rustc}");
}

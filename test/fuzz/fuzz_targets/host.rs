//! Hosts: an accepted name contains no dangerous characters, and is accepted again, alone and with its port.
#![no_main]

use libfuzzer_sys::fuzz_target;
use webserv::http::host::{Host, lower, parse};

fuzz_target!(|input: &[u8]| {
    let Ok(host) = parse(input) else { return };
    let Host { name, port, has_capitals } = host;
    assert!(!name.is_empty() && input.starts_with(name));
    assert!(name.iter().all(|&b| b.is_ascii_graphic() && !b"/\\?#@\"<>".contains(&b)), "a byte that no host holds");
    assert!(!name.windows(2).any(|two| two == b"..") && !name.ends_with(b"."), "dots");
    assert_eq!(has_capitals, name.iter().any(u8::is_ascii_uppercase));
    assert_eq!(parse(name), Ok(Host { port: None, ..host }));
    let name = &lower(name)[..];
    let printed = [name, port.map(|port| format!(":{port}")).unwrap_or_default().as_bytes()].concat();
    assert_eq!(parse(&printed), Ok(Host { name, port, has_capitals: false }));
});

//! Paths: the path on the disk cannot leave the root, and the path in Location means the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use webserv::http::target::{escape_html, escape_path, escape_segment, normalize};

fuzz_target!(|input: &[u8]| {
    for merge_slashes in [false, true] {
        let Ok(path) = normalize(input, merge_slashes) else { continue };
        assert!(path.starts_with(b"/") && !path.contains(&0));
        assert!(path.split(|&b| b == b'/').all(|segment| segment != b"." && segment != b".."), "a dot segment");
        assert!(!(merge_slashes && path.windows(2).any(|two| two == b"//")), "two slashes");
        let location = escape_path(&path);
        assert!(!location.starts_with(b"//"), "another host");
        assert!(location.iter().all(|&b| b.is_ascii_graphic() && !b"?#\"<>\\".contains(&b)), "not a path of a URI");
        assert_eq!(normalize(&location, merge_slashes).as_deref(), Ok(&path[..]), "another path");
    }
    let segment = escape_segment(input);
    assert!(segment.iter().all(|&b| b == b'%' || b.is_ascii_alphanumeric() || b"-._~".contains(&b)));
    assert!(!escape_html(input).iter().any(|b| b"<>\"'".contains(b)));
});

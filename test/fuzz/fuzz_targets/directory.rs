//! Lines of the directory protocol: the requests do not depend on how the lines are split, and no path in them leads
//! out of the root.
#![no_main]

use libfuzzer_sys::fuzz_target;
use webserv::directory::{DirectoryRequest, Lines, path, states::State};

/// All requests of a stream that comes in pieces of so many bytes.
fn requests(stream: &[u8], piece: usize) -> Vec<DirectoryRequest> {
    let (mut lines, mut held, mut found) = (Lines::default(), Vec::new(), Vec::new());
    let mut pieces = stream.chunks(piece).peekable();
    loop {
        held.extend_from_slice(pieces.next().unwrap_or_default());
        let ended = pieces.peek().is_none();
        loop {
            let (used, request) = lines.next(&held, ended);
            assert!(used > 0 || request.is_none(), "a request of no bytes");
            held.drain(..used);
            found.extend(request);
            if used == 0 {
                break;
            }
        }
        assert!(held.len() <= 1025, "more is held than a line");
        if ended {
            assert!(held.is_empty(), "bytes are left behind");
            return found;
        }
    }
}

fuzz_target!(|input: &[u8]| {
    let (piece, stream) = input.split_first().unwrap_or((&0, input));
    let whole = requests(stream, usize::MAX);
    assert_eq!(requests(stream, usize::from(*piece) + 1), whole);
    for first in [State::first(false), State::first(true)] {
        let (mut state, mut here) = (first, "/".to_owned());
        for request in &whole {
            let Some(rule) = state.rule(request.input()) else { break };
            if let DirectoryRequest::Cd(name) | DirectoryRequest::Get(name) = request
                && let Some(path) = path::resolve(&here, name)
            {
                assert!(path.starts_with('/') && path.len() <= path::PATH_BYTES_MAX);
                assert!(path[1..].split('/').all(|part| !part.starts_with('.')), "{path}");
                assert!(path.bytes().all(|b| matches!(b, b' '..=b'~')), "{path}");
                here = path;
            }
            state = rule.done.1;
        }
    }
});

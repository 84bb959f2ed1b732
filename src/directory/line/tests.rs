use super::*;
use std::slice;

/// All requests of a stream that comes in pieces of this size.
fn requests(stream: &[u8], piece: usize) -> Vec<DirectoryRequest> {
    let (mut lines, mut held, mut found) = (Lines::default(), Vec::new(), Vec::new());
    let mut pieces = stream.chunks(piece.max(1)).peekable();
    loop {
        held.extend_from_slice(pieces.next().unwrap_or_default());
        let ended = pieces.peek().is_none();
        loop {
            let (used, request) = lines.next(&held, ended);
            held.drain(..used);
            assert!(held.len() <= stream.len());
            found.extend(request);
            if used == 0 {
                break;
            }
        }
        if ended {
            assert!(held.is_empty(), "left: {}", held.escape_ascii());
            return found;
        }
    }
}

fn cd(name: &str) -> DirectoryRequest {
    DirectoryRequest::Cd(name.to_owned())
}

fn login(name: &str, password: &str) -> DirectoryRequest {
    DirectoryRequest::Login { name: name.to_owned(), password: password.to_owned() }
}

#[test]
fn lines_and_what_they_mean() {
    let words = |takes| DirectoryRequest::Mistake(Mistake::Words(takes));
    let rows: &[(&[u8], DirectoryRequest)] = &[
        (b"PWD", DirectoryRequest::Pwd),
        (b"pwd", DirectoryRequest::Pwd),
        (b"  pWd   ", DirectoryRequest::Pwd),
        (b"DIR ", DirectoryRequest::Dir), // as the first client of this protocol says it
        (b"QUIT", DirectoryRequest::Quit),
        (b"LOGOUT", DirectoryRequest::Logout),
        (b"cd a", cd("a")),
        (b"CD A", cd("A")),
        (b"CD   two    words ", cd("two words")),
        (b"GET a/b.txt", DirectoryRequest::Get("a/b.txt".to_owned())),
        (b"LOGIN a b", login("a", "b")),
        (b"login  Ann   Secret", login("Ann", "Secret")),
        (b"VERSION 0", DirectoryRequest::Version(0)),
        (b"VERSION 000", DirectoryRequest::Version(0)),
        (b"VERSION 1", DirectoryRequest::Version(1)),
        (b"VERSION 99999999999999999999999999", DirectoryRequest::Version(1)),
        (b"", DirectoryRequest::Mistake(Mistake::Verb)),
        (b"   ", DirectoryRequest::Mistake(Mistake::Verb)),
        (b"DIRS", DirectoryRequest::Mistake(Mistake::Verb)),
        (b"HELO example.org", DirectoryRequest::Mistake(Mistake::Verb)),
        (b"VERSION", words("VERSION takes one number")),
        (b"VERSION one", words("VERSION takes one number")),
        (b"VERSION -1", words("VERSION takes one number")),
        (b"VERSION 1 2", words("VERSION takes one number")),
        (b"LOGIN a", words("LOGIN takes a name and a password")),
        (b"LOGIN a b c", words("LOGIN takes a name and a password")),
        (b"CD", words("CD takes a directory")),
        (b"GET ", words("GET takes a file")),
        (b"PWD x", words("this verb takes no more words")),
        (b"DIR /", words("this verb takes no more words")),
        (b"CD\ta", DirectoryRequest::Mistake(Mistake::Bytes)),
        (b"CD a\0", DirectoryRequest::Mistake(Mistake::Bytes)),
        (b"CD \xc3\xa4", DirectoryRequest::Mistake(Mistake::Bytes)),
        (b"CD \xff", DirectoryRequest::Mistake(Mistake::Bytes)),
        (b"PW\rD", DirectoryRequest::Mistake(Mistake::Bytes)),
        (b"\x7fPWD", DirectoryRequest::Mistake(Mistake::Bytes)),
    ];
    for (line, request) in rows {
        assert_eq!(DirectoryRequest::parse(line), *request, "{}", line.escape_ascii());
        for end in [&b"\n"[..], b"\r\n"] {
            assert_eq!(requests(&[line, end].concat(), 1), slice::from_ref(request), "{}", line.escape_ascii());
        }
    }
}

#[test]
fn a_line_has_a_limit_and_the_next_one_is_heard_again() {
    let long = DirectoryRequest::Mistake(Mistake::Long);
    let exact = "x".repeat(LINE_BYTES_MAX - 3);
    for (stream, found) in [
        (format!("CD {exact}\r\nPWD\n"), vec![cd(&exact), DirectoryRequest::Pwd]),
        (format!("CD {exact}\nPWD\n"), vec![cd(&exact), DirectoryRequest::Pwd]),
        (format!("CD {exact}x\nPWD\n"), vec![long.clone(), DirectoryRequest::Pwd]),
        (format!("CD {exact}x\r\nPWD\n"), vec![long.clone(), DirectoryRequest::Pwd]),
        (format!("CD {exact}{exact}{exact}\r\nPWD\n"), vec![long.clone(), DirectoryRequest::Pwd]),
        (format!("CD {exact}{exact}{exact}"), vec![long.clone()]),
    ] {
        for piece in [1, 2, 3, 7, 1024, 1025, 1026, 1027, 10_000] {
            assert_eq!(requests(stream.as_bytes(), piece), found, "{} bytes by {piece}", stream.len());
        }
    }
}

#[test]
fn a_line_without_an_end_is_no_request() {
    assert_eq!(requests(b"PWD\nQUI", 3), [DirectoryRequest::Pwd, DirectoryRequest::Mistake(Mistake::Unfinished)]);
    assert_eq!(requests(b"PWD\n", 3), [DirectoryRequest::Pwd]);
    assert_eq!(requests(b"", 3), []);
    assert_eq!(requests(b"PWD\r\r\n", 3), [DirectoryRequest::Mistake(Mistake::Bytes)], "one CR is the end's, not two");
    assert_eq!(Lines::default().next(b"PW", false), (0, None));
}

/// Seeded streams of what such lines are made of: the pieces in which they come make no difference.
#[test]
fn pieces_make_no_difference() {
    let mut seed = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed % below as u64) as usize
    };
    let (long, long_path) = (vec![b'x'; 1020], [b"CD ".to_vec(), vec![b'y'; 1023]].concat());
    let parts: [&[u8]; 12] =
        [b"PWD", b"CD ", b"a b", b" ", b"\r", b"\n", b"\r\n", b"\xe9", b"\0", &long, &long_path, b"GET x\r\nDIR\n"];
    for _ in 0..400 {
        let stream: Vec<u8> = (0..random(12)).flat_map(|_| parts[random(parts.len())].to_vec()).collect();
        let whole = requests(&stream, usize::MAX);
        let lines = stream.iter().filter(|b| **b == b'\n').count();
        assert!(whole.len() == lines || whole.len() == lines + 1, "one request for each line, and the last one's");
        assert_eq!(requests(&stream, 1), whole, "{}", stream.escape_ascii());
        assert_eq!(requests(&stream, 1 + random(1100)), whole, "{}", stream.escape_ascii());
    }
}

#[test]
fn a_password_is_not_shown() {
    let said = login("ann", "secret").to_string();
    assert_eq!(said, "LOGIN ann");
}

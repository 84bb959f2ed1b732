use super::*;
use crate::http::seeded::Seeded;

#[test]
fn normal_paths_are_borrowed() {
    for path in ["/", "/a", "/a/b.c", "/a/", "/a..b/c.", "/a\\..\\b", "/a b", "/\u{e9}", "/x?y#z", "/a/b/c...d"] {
        let Ok(Cow::Borrowed(same)) = normalize(path.as_bytes(), true) else { panic!("{path} was copied") };
        assert_eq!(same, path.as_bytes());
    }
}

/// Wherever in a path it stands, and whatever is around it.
#[test]
fn what_is_not_normal_is_found_at_any_place() {
    for len in 1..30 {
        for at in 0..len {
            for odd in ["/..", "/./", "//", "%41", "/.a"] {
                let path = format!("/{}{odd}{}", "x".repeat(at), "y".repeat(len - at));
                assert!(matches!(normalize(path.as_bytes(), true), Ok(Cow::Owned(_))), "{path}");
            }
        }
    }
}

/// RFC 3986 sections 2.1, 5.2.4 and 6.2.2; what nginx does with slashes.
#[test]
fn paths_are_normalized() {
    let table: &[(&[u8], &[u8], &[u8])] = &[
        // path, with merged slashes, with slashes kept
        (b"/%61%2E%7e", b"/a.~", b"/a.~"),
        (b"/%41%5a%5A", b"/AZZ", b"/AZZ"),
        (b"/a%20b", b"/a b", b"/a b"),
        (b"/a%3Fb%23c", b"/a?b#c", b"/a?b#c"), // no query, no fragment: decoding comes after cutting
        (b"/%2541", b"/%41", b"/%41"),         // once, not twice
        (b"/%C3%A9", b"/\xc3\xa9", b"/\xc3\xa9"),
        (b"/%0d%0a", b"/\r\n", b"/\r\n"),
        (b"//a///b//", b"/a/b/", b"//a///b//"),
        (b"/%2Fa", b"/a", b"//a"),
        (b"/a%2Fb", b"/a/b", b"/a/b"),
        (b"/.", b"/", b"/"),
        (b"/./", b"/", b"/"),
        (b"/./a", b"/a", b"/a"),
        (b"/a/.", b"/a/", b"/a/"),
        (b"/a/./b", b"/a/b", b"/a/b"),
        (b"/a/..", b"/", b"/"),
        (b"/a/../", b"/", b"/"),
        (b"/a/../b", b"/b", b"/b"),
        (b"/a/b/../../c", b"/c", b"/c"),
        (b"/a/b/..", b"/a/", b"/a/"),
        (b"/a//../b", b"/b", b"/a/b"),
        (b"/%2e", b"/", b"/"),
        (b"/a/%2E%2e/b", b"/b", b"/b"),
        (b"/a%2f..%2fb", b"/b", b"/b"),
        (b"/a/.%2e%2Fb", b"/b", b"/b"),
        (b"/...", b"/...", b"/..."),
        (b"/.a/..b/c..", b"/.a/..b/c..", b"/.a/..b/c.."),
        (b"/.well-known/x", b"/.well-known/x", b"/.well-known/x"),
        (b"/a/..%5c..", b"/a/..\\..", b"/a/..\\.."), // a backslash is an ordinary byte
        (b"/%c0%ae%c0%ae/x", b"/\xc0\xae\xc0\xae/x", b"/\xc0\xae\xc0\xae/x"), // overlong dots are no dots
        (b"/a%c0%afb", b"/a\xc0\xafb", b"/a\xc0\xafb"),
    ];
    for (path, merged, kept) in table {
        assert_eq!(normalize(path, true).as_deref(), Ok(*merged), "{}", path.escape_ascii());
        assert_eq!(normalize(path, false).as_deref(), Ok(*kept), "{}", path.escape_ascii());
    }
}

#[test]
fn paths_that_are_refused() {
    use TargetError::*;
    let table: &[(&[u8], TargetError)] = &[
        (b"", NotAbsolute),
        (b"a", NotAbsolute),
        (b"*", NotAbsolute),
        (b"%2f", NotAbsolute),
        (b"/%", BadPercent),
        (b"/%4", BadPercent),
        (b"/%4g", BadPercent),
        (b"/%g4", BadPercent),
        (b"/%%41", BadPercent),
        (b"/%u0041", BadPercent),
        (b"/%+1", BadPercent),
        (b"/\0", Nul),
        (b"/a%00", Nul),
        (b"/a%00.html", Nul),
        (b"/..", AboveRoot),
        (b"/../", AboveRoot),
        (b"/a/../..", AboveRoot),
        (b"/a/../../b", AboveRoot),
        (b"/./../a", AboveRoot),
        (b"/%2e%2e/etc/passwd", AboveRoot),
        (b"/..%2fetc", AboveRoot),
        (b"/a/..%2f%2e./b", AboveRoot),
        (b"//../a", AboveRoot),
    ];
    for (path, error) in table {
        assert_eq!(normalize(path, true), Err(*error), "{}", path.escape_ascii());
        assert!(!error.reason().is_empty());
    }
    assert_eq!(normalize(b"//../a", false).as_deref(), Ok(&b"/a"[..]));
}

/// Whatever comes in: a path that comes out is inside the root, and looking it up again changes nothing.
#[test]
fn what_comes_out_is_normal() {
    let mut outcomes = [0, 0];
    for seed in 0..50_000 {
        let mut random = Seeded(seed);
        let len = random.below(16);
        let path = [b"/", &random.text(b"//..a%2eF5c0\\", len)[..]].concat();
        for merge in [true, false] {
            let Ok(normal) = normalize(&path, merge) else {
                outcomes[0] += 1;
                continue;
            };
            outcomes[1] += 1;
            let segments: Vec<&[u8]> = normal[1..].split(|&b| b == b'/').collect();
            assert!(!segments.iter().any(|s| matches!(*s, b"." | b"..")), "{}", path.escape_ascii());
            let inner = &segments[..segments.len() - 1];
            assert!(!merge || inner.iter().all(|s| !s.is_empty()), "{}", path.escape_ascii());
            if !normal.starts_with(b"//") {
                let again = normalize(&escape_path(&normal), merge).map(Cow::into_owned);
                assert_eq!(again.as_deref(), Ok(&*normal), "{}", path.escape_ascii());
            }
        }
    }
    assert!(outcomes.iter().all(|&n| n > 10_000), "{outcomes:?}");
}

/// RFC 3986 section 3.3; control bytes and quotes cannot leave by Location.
#[test]
fn paths_are_escaped() {
    let table: &[(&[u8], &str)] = &[
        (b"/a/b.c~_-", "/a/b.c~_-"),
        (b"/!$&'()*+,;=:@", "/!$&'()*+,;=:@"),
        (b"/a b", "/a%20b"),
        (b"/100%", "/100%25"),
        (b"/a?b#c", "/a%3Fb%23c"),
        (b"/\r\nSet-Cookie: x", "/%0D%0ASet-Cookie:%20x"),
        (b"/\0\x7f\xff", "/%00%7F%FF"),
        (b"/\"<>\\^`{|}[]", "/%22%3C%3E%5C%5E%60%7B%7C%7D%5B%5D"),
        (b"//evil.example/", "/%2Fevil.example/"),
        (b"/a//b", "/a//b"),
    ];
    for (path, expected) in table {
        assert_eq!(&*escape_path(path), expected.as_bytes());
    }
    assert!(matches!(escape_path(b"/a/b"), Cow::Borrowed(_)));
}

#[test]
fn high_bytes_are_escaped_and_nothing_else() {
    assert_eq!(&*escape_high(b"/\xc3\xa9 %zz?q=\xff#\""), b"/%C3%A9 %zz?q=%FF#\"");
    assert!(matches!(escape_high(b"/ a%"), Cow::Borrowed(_)));
}

#[test]
fn segments_are_escaped() {
    for (name, expected) in [
        (&b"a-b_c.d~"[..], "a-b_c.d~"),
        (b"a/b:c", "a%2Fb%3Ac"),
        (b"javascript:alert('x')", "javascript%3Aalert%28%27x%27%29"),
        (b"\xe9 \"", "%E9%20%22"),
    ] {
        assert_eq!(&*escape_segment(name), expected.as_bytes());
    }
}

#[test]
fn arguments_are_escaped_and_urls_in_them_decoded() {
    let rows = [
        (&b"/a b/%25?x=1&y+z;#"[..], "/a%20b/%2525%3Fx=1%26y%2Bz%3B%23"),
        (b"/plain:path=1", "/plain:path=1"),
        (b"\r\n\xe9\"<>", "%0D%0A%E9%22%3C%3E"),
    ];
    for (text, expected) in rows {
        assert_eq!(&*escape_argument(text), expected.as_bytes());
    }
    let rows = [
        (&b"http%3A%2f%2Fexample.com%2F%3Ffrom%3Dblah"[..], "http://example.com/?from=blah"),
        (b"http%3A%2F%2Fexample.com%0D%0Asplit%20%c3%A9%7f", "http://example.com%0D%0Asplit%20%c3%A9%7f"),
        (b"100%25%", "100%25%"),
        (b"%4", "%4"),
        (b"%zz%2", "%zz%2"),
        (b"plain", "plain"),
    ];
    for (text, expected) in rows {
        assert_eq!(String::from_utf8_lossy(&decode_visible(text)), expected);
    }
}

/// Every byte, escaped and decoded, is itself again.
#[test]
fn escaping_loses_nothing() {
    for byte in 1..=255 {
        let path = [b'/', b'x', byte, b'x'];
        assert_eq!(normalize(&escape_path(&path), true).as_deref(), Ok(&path[..]));
        assert_eq!(normalize(&[b"/", &*escape_segment(&path[1..])].concat(), true).as_deref(), Ok(&path[..]));
    }
}

#[test]
fn html_is_escaped() {
    assert_eq!(&*escape_html(b"a <b c=\"d\" e='f'>&\xe9"), b"a &lt;b c=&quot;d&quot; e=&#39;f&#39;&gt;&amp;\xe9");
    assert!(matches!(escape_html(b"plain text"), Cow::Borrowed(_)));
}

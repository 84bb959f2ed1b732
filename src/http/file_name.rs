//! Makes a safe file name of the name that a client sends with an upload: one name, not a path, not hidden.

use super::deceptive::is_deceptive;

/// The longest name, in bytes. File systems allow 255, so there is room to add a number.
const NAME_BYTES_MAX: usize = 200;

/// The longest extension, with its dot, that is kept when a name is cut.
const EXTENSION_BYTES_MAX: usize = 20;

/// A safe name for an uploaded file. Returns None if no name is left, as for "", ".", ".." and "dir/".
///
/// Only the part behind the last slash or backslash is used. Control characters, and characters that change the
/// direction of writing, become "_". Bytes that are not UTF-8 become U+FFFD. Dots and blanks at the start and blanks at
/// the end are removed, so that the name is not hidden and does not look like another. A long name is cut before its
/// extension.
pub fn stored_name(sent: &[u8]) -> Option<String> {
    let last = sent.rsplit(|b| matches!(b, b'/' | b'\\')).next().unwrap_or_default();
    let text = String::from_utf8_lossy(last);
    let safe: String = text.chars().map(|c| if is_deceptive(c) { '_' } else { c }).collect();
    let name = safe.trim_start_matches(|c: char| c == '.' || c.is_whitespace()).trim_end();
    if name.is_empty() { None } else { Some(cut(name)) }
}

/// The name with a text inserted before its extension: `name-1.ext`.
pub fn with_suffix(name: &str, suffix: &str) -> String {
    let (stem, extension) = split_extension(name);
    format!("{stem}-{suffix}{extension}")
}

/// Splits a name before its last dot. A dot at the start belongs to the name.
fn split_extension(name: &str) -> (&str, &str) {
    name.rfind('.').filter(|dot| *dot > 0).map_or((name, ""), |dot| name.split_at(dot))
}

fn cut(name: &str) -> String {
    if name.len() <= NAME_BYTES_MAX {
        return name.to_owned();
    }
    let (stem, extension) = match split_extension(name) {
        (_, extension) if extension.len() > EXTENSION_BYTES_MAX => (name, ""),
        parts => parts,
    };
    let mut end = NAME_BYTES_MAX - extension.len();
    while !stem.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}{extension}", &stem[..end]).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::super::seeded::Seeded;
    use super::*;

    #[test]
    fn names_are_made_safe() {
        for (sent, stored) in [
            (&b"a.txt"[..], Some("a.txt")),
            (b"/etc/passwd", Some("passwd")),
            (b"..\\..\\boot.ini", Some("boot.ini")),
            (b"C:\\dir/x\\y.z", Some("y.z")),
            (b"", None),
            (b".", None),
            (b"..", None),
            (b"...", None),
            (b" . ", None),
            (b"dir/", None),
            (b"a/..", None),
            (b"\\", None),
            (b".htaccess", Some("htaccess")),
            (b"..a..", Some("a..")),
            (b" .a b. ", Some("a b.")),
            (b"a\0b", Some("a_b")),
            (b"a\r\nb\x1b\x7f", Some("a__b__")),
            (b"\0", Some("_")),
            (b"caf\xc3\xa9.txt", Some("caf\u{e9}.txt")),
            (b"caf\xe9.txt", Some("caf\u{fffd}.txt")),
            ("\u{202e}gpj.exe".as_bytes(), Some("_gpj.exe")),
            ("\u{a0}\u{3000}x".as_bytes(), Some("x")),
            (b"100%.txt", Some("100%.txt")),
            (b"a\"b<c>'", Some("a\"b<c>'")),
            (b"-rf", Some("-rf")),
        ] {
            assert_eq!(stored_name(sent).as_deref(), stored, "{}", sent.escape_ascii());
        }
    }

    #[test]
    fn long_names_keep_their_extension() {
        let stored = |sent: String| stored_name(sent.as_bytes()).unwrap();
        assert_eq!(stored("x".repeat(200)), "x".repeat(200));
        assert_eq!(stored("x".repeat(300) + ".jpeg"), "x".repeat(195) + ".jpeg");
        assert_eq!(stored("\u{e9}".repeat(300) + ".gz"), "\u{e9}".repeat(98) + ".gz");
        assert_eq!(stored("a.".to_owned() + &"x".repeat(300)), "a.".to_owned() + &"x".repeat(198));
        assert_eq!(
            stored("x".repeat(198) + "  " + &"y".repeat(99)),
            "x".repeat(198),
            "no blank ends the part that stays"
        );
    }

    #[test]
    fn a_suffix_goes_before_the_extension() {
        for (name, numbered) in
            [("a.txt", "a-1.txt"), ("a", "a-1"), ("a.tar.gz", "a.tar-1.gz"), (".a", ".a-1"), ("a.", "a-1.")]
        {
            assert_eq!(with_suffix(name, "1"), numbered);
        }
    }

    #[test]
    fn no_name_leads_elsewhere_whatever_is_sent() {
        let mut random = Seeded(6);
        for _ in 0..20_000 {
            let sent = match random.below(2) {
                0 => random.mutate("../caf\u{e9}\u{202e}\\.a b.txt".as_bytes()),
                _ => random.text(b"./\\ \0a\r\xc3\xa9\xff", 12),
            };
            let Some(name) = stored_name(&sent) else { continue };
            assert!(!name.is_empty() && name.len() <= NAME_BYTES_MAX, "{name:?}");
            assert!(!name.starts_with('.') && !name.contains(['/', '\\']), "{name:?}");
            assert!(!name.contains(char::is_control), "{name:?}");
            assert_eq!(stored_name(name.as_bytes()), Some(name), "a name that is safe stays as it is");
        }
    }
}

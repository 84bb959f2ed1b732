//! Suggestions for mistyped words: the nearest valid word.

/// The candidate that is nearest to a mistyped word. Returns None if no candidate is near enough.
pub(super) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_ascii_lowercase();
    let length = word.chars().count();
    // One mistake in four letters. With more, a directive that only nginx has would be taken for another one.
    let most = (length / 4).max(1);
    let ranked = candidates.into_iter().filter_map(|candidate| {
        // The distance is at least the difference of the lengths, so most candidates need no comparison.
        let theirs = candidate.chars().count();
        let far = || distance(&word, &candidate.to_ascii_lowercase());
        let far = if theirs.abs_diff(length) <= most { far() } else { usize::MAX };
        (far <= most && far < theirs).then_some((far, candidate))
    });
    ranked.min_by_key(|(far, _)| *far).map(|(_, candidate)| candidate)
}

/// `, did you mean "x"?`, or an empty text.
pub(super) fn did_you_mean<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    nearest(word, candidates).map(|found| format!(", did you mean \"{found}\"?")).unwrap_or_default()
}

/// The suggestion, and all valid words: `, did you mean "x"? accepted: x, y`.
pub(super) fn accepted(word: &str, label: &str, candidates: &[&str]) -> String {
    let meant = did_you_mean(word, candidates.iter().copied());
    let separator = if meant.is_empty() { ";" } else { "" };
    format!("{meant}{separator} {label} {}", candidates.join(", "))
}

/// The number of letters to insert, remove, replace or swap with their neighbour to turn `a` into `b` (the restricted
/// Damerau-Levenshtein distance).
fn distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.chars().collect();
    let b: Vec<char> = b.chars().collect();
    // Three rows of the usual table: the one before the last, the last, and the current one.
    let mut before = vec![0; b.len() + 1];
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let same = a[i - 1] == b[j - 1];
            row[j] = (last[j] + 1).min(row[j - 1] + 1).min(last[j - 1] + usize::from(!same));
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before[j - 2] + 1);
            }
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        let table = [("", "", 0), ("a", "", 1), ("listen", "lisen", 1), ("listen", "lsiten", 1), ("root", "boot", 1)];
        for (a, b, expected) in table {
            assert_eq!(distance(a, b), expected, "{a} {b}");
            assert_eq!(distance(b, a), expected, "{b} {a}");
        }
        assert_eq!(distance("kitten", "sitting"), 3);
    }

    #[test]
    fn what_was_meant() {
        let words = ["listen", "root", "return", "index", "on", "off", "server_name", "server_tokens", "try_first"];
        let table = [
            ("lisen", Some("listen")),
            ("lsiten", Some("listen")),
            ("Listen", Some("listen")),
            ("ROOT", Some("root")),
            ("rooot", Some("root")),
            ("retrun", Some("return")),
            ("indexs", Some("index")),
            ("servername", Some("server_name")),
            ("server-name", Some("server_name")),
            ("server_token", Some("server_tokens")),
            ("onn", Some("on")),
            ("x", None),
            ("", None),
            ("try_files", None),
            ("proxy_pass", None),
            ("ssl_certificate", None),
        ];
        for (word, expected) in table {
            assert_eq!(nearest(word, words), expected, "{word}");
        }
        assert_eq!(did_you_mean("lisen", words), ", did you mean \"listen\"?");
        assert_eq!(did_you_mean("zzz", words), "");
        assert_eq!(accepted("onn", "accepted:", &["on", "off"]), ", did you mean \"on\"? accepted: on, off");
        assert_eq!(accepted("zzz", "accepted:", &["on", "off"]), "; accepted: on, off");
    }
}

//! Characters that make a text look like another one on a screen, or that a terminal interprets.

/// Whether a terminal or a browser might interpret this character instead of showing it: control characters, also those
/// of C1 (U+009B begins a terminal's escape sequence, as ESC does), the characters that change the direction of writing
/// (UAX #9), and the separators of lines and paragraphs.
pub fn is_deceptive(character: char) -> bool {
    let turns =
        matches!(character, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    character.is_control() || turns || matches!(character, '\u{2028}' | '\u{2029}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_shown_as_it_is() {
        for character in "\0\n\u{1b}\u{7f}\u{80}\u{9b}\u{9f}\u{61c}\u{200f}\u{202e}\u{2028}\u{2029}\u{2066}".chars() {
            assert!(is_deceptive(character), "{character:?}");
        }
        for character in " ~\u{a0}\u{a1}é\u{200d}€日\u{1f600}".chars() {
            assert!(!is_deceptive(character), "{character:?}");
        }
    }
}

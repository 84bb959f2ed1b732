//! Fields of an answer of which nginx passes on the first line only.

use crate::http::{Known, Name, Text};

/// Drops all but the first line of each field that stands once.
pub(super) fn drop_repeated(fields: &mut Vec<(Name, Text)>) {
    let mut seen = 0;
    let may_be_repeated = fields.iter().any(|(name, _)| {
        let Some((bit, _)) = like(name) else { return false };
        let is_seen = seen & bit != 0;
        seen |= bit;
        is_seen
    });
    if may_be_repeated {
        let mut seen = 0;
        fields.retain(|(name, _)| {
            let Some((bit, _)) = like(name).filter(|(_, once)| name.is(once.as_bytes())) else { return true };
            let is_first = seen & bit == 0;
            seen |= bit;
            is_first
        });
    }
}

/// The field that stands once and is most like this one, as a bit and a name. The length and the first letter tell
/// most names apart without a comparison.
fn like(name: &Name) -> Option<(u16, &'static str)> {
    let text = name.as_bytes();
    Some(match (name.known(), text.len(), text.first()?) {
        (Some(Known::Date), ..) => (1, "Date"),
        (Some(Known::Server), ..) => (2, "Server"),
        (Some(_), ..) => return None,
        (_, 4, b'E' | b'e') => (4, "ETag"),
        (_, 7, b'E' | b'e') => (8, "Expires"),
        (_, 7, b'R' | b'r') => (16, "Refresh"),
        (_, 13, b'L' | b'l') => (32, "Last-Modified"),
        (_, 15, b'X' | b'x') => (64, "X-Accel-Expires"),
        (_, 16, b'X' | b'x') => (128, "X-Accel-Redirect"),
        (_, 18, b'X' | b'x') => (256, "X-Accel-Limit-Rate"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_of_a_field_that_stands_once_counts() {
        let once = [
            "Date",
            "Server",
            "ETag",
            "Expires",
            "Refresh",
            "Last-Modified",
            "X-Accel-Expires",
            "X-Accel-Redirect",
            "X-Accel-Limit-Rate",
        ];
        let others = ["Vary", "Set-Cookie", "Link", "Cache-Control", "Eggs", "Explain", "L234567890123"];
        let name = |text: &str| Name::new(text.as_bytes()).unwrap();
        let line = |text: &str, value: &str| (name(text), Text::new(value.as_bytes()).unwrap());
        for text in once.into_iter().chain(others) {
            let mut fields = vec![line("L234567890123", "0"), line("Eggs", "0"), line(text, "1"), line("X", "2")];
            fields.push(line(&text.to_lowercase(), "3"));
            let mut expected = fields.clone();
            if once.contains(&text) {
                expected.pop();
            }
            drop_repeated(&mut fields);
            assert_eq!(fields, expected, "{text}");
        }
    }
}

//! The request of the uwsgi protocol (<https://uwsgi-docs.readthedocs.io/en/latest/Protocol.html>). The answer has the
//! form of SCGI's.

use super::GatewayFault;

const TOO_LONG: &str = "the parameters are longer than the 64 KiB of a uwsgi packet";

/// Appends the head of a request: a header of four bytes, and names and values, each with its length in two bytes.
/// The body follows as it is; `CONTENT_LENGTH` among the parameters says its length.
///
/// # Errors
/// If the parameters have more than 65,535 bytes together. Then nothing is appended.
pub fn head(
    modifier1: u8,
    modifier2: u8,
    params: impl IntoIterator<Item = (impl AsRef<[u8]>, impl AsRef<[u8]>)>,
    out: &mut Vec<u8>,
) -> Result<(), GatewayFault> {
    let start = out.len();
    out.extend_from_slice(&[modifier1, 0, 0, modifier2]);
    let vars_start = out.len();
    for (name, value) in params {
        for text in [name.as_ref(), value.as_ref()] {
            out.extend_from_slice(&(text.len() as u16).to_le_bytes());
            out.extend_from_slice(text); // a longer one is refused below
        }
    }
    let Ok(len) = u16::try_from(out.len() - vars_start) else {
        out.truncate(start);
        return Err(TOO_LONG.into());
    };
    out[start + 1..vars_start - 1].copy_from_slice(&len.to_le_bytes());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::seeded::Seeded;

    #[test]
    fn the_request_of_the_specification() {
        let mut out = b"before".to_vec();
        head(5, 7, [("FOO", "bar"), ("A", "")], &mut out).unwrap();
        assert_eq!(out, b"before\x05\x0f\x00\x07\x03\x00FOO\x03\x00bar\x01\x00A\x00\x00");
    }

    #[test]
    fn what_is_written_is_read_again() {
        let mut random = Seeded(0x0576);
        for _ in 0..300 {
            let mut text = || {
                let len = random.below(400);
                random.text(b"ABC_=\n\0\xff", len)
            };
            let params: Vec<[Vec<u8>; 2]> = (0..8).map(|_| [text(), text()]).collect();
            let mut out = Vec::new();
            head(0, 0, params.iter().map(|[name, value]| (name, value)), &mut out).unwrap();
            assert_eq!(usize::from(out[1]) + 256 * usize::from(out[2]), out.len() - 4);
            let (mut rest, mut found) = (&out[4..], Vec::new());
            while let [low, high, behind @ ..] = rest {
                let (text, behind) = behind.split_at(usize::from(*low) + 256 * usize::from(*high));
                found.push(text.to_vec());
                rest = behind;
            }
            assert!(rest.is_empty() && found == params.concat());
        }
    }

    #[test]
    fn a_packet_has_a_limit() {
        let value = "x".repeat(65_535 - 5);
        for (name, is_good) in [("A", true), ("AB", false)] {
            let mut out = b"before".to_vec();
            assert_eq!(head(0, 0, [(name, &value)], &mut out).is_ok(), is_good);
            assert_eq!(out.len(), if is_good { 6 + 4 + 65_535 } else { 6 });
        }
        assert!(head(0, 0, [("", "x".repeat(65_536 + 3))], &mut Vec::new()).is_err());
    }
}

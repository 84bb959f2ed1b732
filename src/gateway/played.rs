//! What a decoder tells of an answer, as text, for tests; however the answer is split.

use super::{AnswerDecoder, Decoded};
use crate::http::ReplyHead;
use crate::http::seeded::Seeded;

/// What a decoder tells, in this form:
///
/// - `[200 Name=value length=3]` a head, `(103 ...)` an interim one, `<101 ...>` a switch,
/// - `[nph 200 "HTTP/1.1 ..."]` a head that is not parsed, `-> [302 ...]` and `-> /path` redirects of a program,
/// - `"abc"` data, put together if it comes in pieces, `~"abc"` standard error, `{Name=value}` trailers,
/// - `+` the end of an answer whose connection can be used again, `.` the end of another,
/// - `! reason` a fault,
/// - `eof` before the last of these: only the end of the connection has brought it.
pub fn told(mut decoder: AnswerDecoder, pieces: &[&[u8]], room: usize) -> String {
    let (mut out, mut data, mut errors) = (String::new(), Vec::new(), Vec::new());
    for piece in pieces {
        let mut rest = *piece;
        loop {
            let event = decoder.feed(&mut rest, room);
            match event {
                Ok(Decoded::More) => break,
                Ok(Decoded::Data(bytes)) => {
                    assert!(!bytes.is_empty() && bytes.len() <= room, "data of {} bytes", bytes.len());
                    flush(&mut out, "~", &mut errors);
                    data.extend_from_slice(bytes);
                    continue;
                }
                Ok(Decoded::Stderr(bytes)) => {
                    assert!(!bytes.is_empty(), "an empty message");
                    flush(&mut out, "", &mut data);
                    errors.extend_from_slice(bytes);
                    continue;
                }
                _ => {}
            }
            flush(&mut out, "~", &mut errors);
            flush(&mut out, "", &mut data);
            let is_last = !matches!(
                event,
                Ok(Decoded::Head(_)
                    | Decoded::Interim(..)
                    | Decoded::Switch(_)
                    | Decoded::Trailers(_)
                    | Decoded::NonParsed(..))
            );
            out += &shown(event);
            if is_last {
                return out;
            }
        }
        assert!(rest.is_empty(), "what is not used is lost");
    }
    flush(&mut out, "~", &mut errors);
    flush(&mut out, "", &mut data);
    out + "eof" + &shown(decoder.eof())
}

fn flush(out: &mut String, mark: &str, bytes: &mut Vec<u8>) {
    if !bytes.is_empty() {
        *out += &format!("{mark}\"{}\"", bytes.escape_ascii());
        bytes.clear();
    }
}

fn shown(event: Result<Decoded<'_>, super::GatewayFault>) -> String {
    match event {
        Ok(Decoded::Head(head)) => format!("[{}]", head_text(&head)),
        Ok(Decoded::Interim(status, head)) => {
            assert_eq!(status, head.status);
            format!("({})", head_text(&head))
        }
        Ok(Decoded::NonParsed(status, head)) => format!("[nph {status} \"{}\"]", head.escape_ascii()),
        Ok(Decoded::Redirect(head)) => format!("-> [{}]", head_text(&head)),
        Ok(Decoded::LocalRedirect(target)) => format!("-> {}", target.escape_ascii()),
        Ok(Decoded::Switch(head)) => format!("<{}>", head_text(&head)),
        Ok(Decoded::Trailers(fields)) => format!("{{{}}}", fields_text(&fields).trim_start()),
        Ok(Decoded::End { is_reusable }) => (if is_reusable { "+" } else { "." }).to_owned(),
        Ok(Decoded::More | Decoded::Data(_) | Decoded::Stderr(_)) => panic!("told elsewhere"),
        Err(fault) => format!("! {}", fault.reason),
    }
}

fn head_text(head: &ReplyHead) -> String {
    let mut out = head.status.to_string();
    for (name, text) in [("Content-Type", &head.content_type), ("Location", &head.location)] {
        if let Some(text) = text {
            out += &format!(" {name}={}", text.as_bytes().escape_ascii());
        }
    }
    if let Some(length) = head.length {
        out += &format!(" length={length}");
    }
    assert!(!head.seekable && head.etag.is_none() && head.last_modified_secs.is_none(), "stays in the fields");
    out + &fields_text(&head.fields)
}

fn fields_text(fields: &[(crate::http::Name, crate::http::Text)]) -> String {
    let text = |(name, value): &(crate::http::Name, crate::http::Text)| {
        format!(" {}={}", name.as_bytes().escape_ascii(), value.as_bytes().escape_ascii())
    };
    fields.iter().map(text).collect()
}

/// What a decoder tells of an answer that comes at once. It tells the same if the answer is split at any one place,
/// if it comes byte by byte, and if there is little room.
pub fn told_of(new: impl Fn() -> AnswerDecoder, answer: &[u8]) -> String {
    let whole = told(new(), &[answer], usize::MAX);
    let shown = || answer.escape_ascii();
    for cut in 0..=answer.len() {
        let (front, back) = answer.split_at(cut);
        assert_eq!(told(new(), &[front, back], usize::MAX), whole, "{} cut at {cut}", shown());
    }
    let bytes: Vec<&[u8]> = answer.chunks(1).collect();
    assert_eq!(told(new(), &bytes, usize::MAX), whole, "{} byte by byte", shown());
    assert_eq!(told(new(), &[answer], 1), whole, "{} with room for one byte", shown());
    whole
}

/// Answers that are nearly these, cut at random places: a decoder never panics, and tells the same as of the whole.
/// Returns how many had a right end, and how many a fault.
pub fn mutated(new: impl Fn() -> AnswerDecoder, answers: &[&[u8]], seed: u64, count: usize) -> (usize, usize) {
    let mut random = Seeded(seed);
    let (mut good, mut bad) = (0, 0);
    for _ in 0..count {
        let answer = random.pick(answers);
        let answer = random.mutate(answer);
        let (cuts, room) = (random.cuts(answer.len()), 1 + random.below(9));
        let ends = cuts.iter().copied().chain([answer.len()]);
        let starts = std::iter::once(0).chain(cuts.iter().copied());
        let pieces: Vec<&[u8]> = starts.zip(ends).map(|(start, end)| &answer[start..end]).collect();
        let whole = told(new(), &[&answer], usize::MAX);
        let split = told(new(), &pieces, room);
        // Bytes behind the end are seen only if they come together with it.
        let same = whole == split || whole.strip_suffix('.').is_some_and(|text| split.strip_suffix('+') == Some(text));
        assert!(same, "{} at {cuts:?}: {whole} but {split}", answer.escape_ascii());
        if whole.contains('!') { bad += 1 } else { good += 1 }
    }
    (good, bad)
}

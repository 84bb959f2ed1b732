use super::*;
use crate::connection::Front;
use std::os::fd::OwnedFd;
use std::rc::Rc;

/// What is in the pipe: text, and ranges of files as `<from-to>`.
fn content(mut pipe: Pipe) -> String {
    let mut out = String::new();
    loop {
        let count = match pipe.front() {
            None => return out,
            Some(Front::Bytes(bytes)) => {
                out += &bytes.escape_ascii().to_string();
                bytes.len() as u64
            }
            Some(Front::File(_, range)) => {
                out += &format!("<{}-{}>", range.start, range.end);
                range.end - range.start
            }
        };
        pipe.consume(count);
    }
}

fn file(from: u64, to: u64) -> Segment {
    let file = std::fs::File::open("/dev/null").unwrap();
    Segment::file(Rc::new(OwnedFd::from(file)), from..to)
}

fn framed(framing: BodyFraming, segments: Vec<Segment>) -> String {
    let mut pipe = Pipe::new(1 << 20);
    segments.into_iter().for_each(|segment| framing.push(segment, &mut pipe));
    framing.end(&mut pipe);
    content(pipe)
}

fn text(text: &str) -> Segment {
    Segment::owned(text.into())
}

#[test]
fn bodies_are_framed() {
    let rows: [(BodyFraming, Vec<Segment>, &str); 10] = [
        (BodyFraming::Plain, vec![], ""),
        (BodyFraming::Plain, vec![text("abc"), text(""), file(3, 9), text("d")], "abc<3-9>d"),
        (BodyFraming::Chunked, vec![], r"0\r\n\r\n"),
        (BodyFraming::Chunked, vec![text("")], r"0\r\n\r\n"),
        (BodyFraming::Chunked, vec![text("abc"), text("d")], r"3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n"),
        (BodyFraming::Chunked, vec![file(5, 0x1_0005)], r"10000\r\n<5-65541>\r\n0\r\n\r\n"),
        (BodyFraming::Fastcgi, vec![], "END"),
        (BodyFraming::Fastcgi, vec![text("")], "END"),
        (
            BodyFraming::Fastcgi,
            vec![text("abc"), text("12345678")],
            r"\x01\x05\x00\x01\x00\x03\x05\x00abc\x00\x00\x00\x00\x00\x01\x05\x00\x01\x00\x08\x00\x0012345678END",
        ),
        (
            BodyFraming::Fastcgi,
            vec![file(5, 32_768 + 12)],
            r"\x01\x05\x00\x01\x80\x00\x00\x00<5-32773>\x01\x05\x00\x01\x00\x07\x01\x00<32773-32780>\x00END",
        ),
    ];
    for (framing, segments, expected) in rows {
        let expected = expected.replace("END", r"\x01\x05\x00\x01\x00\x00\x00\x00");
        assert_eq!(framed(framing, segments), expected, "{framing:?}");
    }
}

/// The records of a body in memory have its bytes, at most 32 KiB each, and each is padded to a multiple of eight.
#[test]
fn records_are_read_again() {
    for len in [1, 7, 8, 9, 32_767, 32_768, 32_769, 65_536, 100_001] {
        let body: Vec<u8> = (0..len).map(|i| (i % 251) as u8).collect();
        let mut pipe = Pipe::new(1 << 20);
        BodyFraming::Fastcgi.push(Segment::owned(body.clone()), &mut pipe);
        let (mut rest, mut found) = (pipe.contiguous(), Vec::new());
        while let [1, 5, 0, 1, high, low, padding, 0, content @ ..] = rest {
            let count = usize::from(*high) << 8 | usize::from(*low);
            assert!(count <= 32_768 && (count + usize::from(*padding)).is_multiple_of(8));
            found.extend_from_slice(&content[..count]);
            rest = &content[count + usize::from(*padding)..];
        }
        assert!(rest.is_empty() && found == body, "{len}");
    }
}

//! Chunked bodies: splits do not matter, nothing after the end is read, an error stays, and data survives its encoding.
#![no_main]

use libfuzzer_sys::fuzz_target;
use webserv::http::HeadLimits;
use webserv::http::chunked::{CHUNK_END, ChunkStep, Decoder, LAST_CHUNK, push_chunk_start};

const LIMITS: HeadLimits = HeadLimits { line_bytes_max: 40, head_bytes_max: 120, fields_max: 3 };

/// The data, the trailers and the number of bytes read, after the end.
type Outcome = Result<Option<(Vec<u8>, String, usize)>, &'static str>;

/// Decodes the input `step` bytes at a time.
fn decode(input: &[u8], step: usize) -> Outcome {
    let (mut decoder, mut data, mut before) = (Decoder::new(LIMITS), Vec::new(), 0);
    for piece in input.chunks(step) {
        let mut rest = piece;
        loop {
            match decoder.decode(rest) {
                Ok(ChunkStep::More) => break,
                Ok(ChunkStep::Data(range)) => {
                    assert!(!range.is_empty(), "data without bytes");
                    data.extend_from_slice(&rest[range.clone()]);
                    rest = &rest[range.end..];
                }
                Ok(ChunkStep::End { taken }) => {
                    let trailers = decoder.trailers().iter().map(|field| format!("{field:?}\n")).collect();
                    return Ok(Some((data, trailers, before + piece.len() - rest.len() + taken)));
                }
                Err(error) => {
                    assert_eq!(decoder.decode(b"0\r\n\r\n"), Err(error), "an error that was forgotten");
                    return Err(error.reason);
                }
            }
        }
        before += piece.len();
    }
    Ok(None)
}

fuzz_target!(|input: &[u8]| {
    let outcome = decode(input, usize::MAX);
    assert_eq!(outcome, decode(input, 1), "byte by byte");
    assert_eq!(outcome, decode(input, 7), "in steps of 7");
    let Ok(Some((data, _, taken))) = &outcome else { return };
    assert_eq!(outcome, decode(&input[..*taken], usize::MAX), "what follows was read");
    assert_eq!(decode(&input[..taken - 1], usize::MAX), Ok(None), "its last byte was not needed");
    let mut encoded = Vec::new();
    for chunk in data.chunks(17) {
        push_chunk_start(&mut encoded, chunk.len() as u64);
        encoded.extend_from_slice(&[chunk, CHUNK_END].concat());
    }
    encoded.extend_from_slice(LAST_CHUNK);
    assert_eq!(decode(&encoded, usize::MAX), Ok(Some((data.clone(), String::new(), encoded.len()))));
});

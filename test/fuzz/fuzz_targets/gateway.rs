//! Answers of servers: splits and room do not matter, nothing comes behind the end, and the body is not longer than the
//! input. The first byte chooses the protocol and the request.
#![no_main]

use libfuzzer_sys::fuzz_target;
use webserv::gateway::{AnswerDecoder, Asked, Decoded};
use webserv::http::cgi::ScriptHeadLimits;

/// What is told, with data and messages put together, and the end.
#[derive(PartialEq, Debug, Default)]
struct Told {
    heads: String,
    data: Vec<u8>,
    messages: Vec<u8>,
    end: String,
    is_reusable: bool,
}

/// Decodes the input `step` bytes at a time, with this much room.
fn decode(choice: u8, input: &[u8], step: usize, room: usize) -> Told {
    let limits = ScriptHeadLimits { head_bytes_max: 200, fields_max: 5 };
    let (is_head, upgrades) = (choice & 4 != 0, choice & 8 != 0);
    let asked = Asked { is_head, keeps_connection: choice & 16 != 0, upgrades, limits };
    let mut decoder = match choice & 3 {
        0 => AnswerDecoder::cgi(asked),
        1 => AnswerDecoder::fastcgi(asked),
        _ => AnswerDecoder::http1(asked),
    };
    let mut told = Told::default();
    for piece in input.chunks(step) {
        let mut rest = piece;
        loop {
            match decoder.feed(&mut rest, room) {
                Ok(Decoded::More) => break,
                Ok(Decoded::Data(data)) => {
                    assert!(!data.is_empty() && data.len() <= room, "too little or too much data");
                    told.data.extend_from_slice(data);
                }
                Ok(Decoded::Stderr(message)) => told.messages.extend_from_slice(message),
                Ok(Decoded::End { is_reusable }) => {
                    told.is_reusable = is_reusable;
                    return told;
                }
                Ok(other) => told.heads += &format!("{other:?}\n"),
                Err(fault) => {
                    told.end = fault.reason.into_owned();
                    return told;
                }
            }
        }
        assert!(rest.is_empty(), "what is not used is lost");
    }
    told.end = format!("{:?}", decoder.eof());
    told
}

fuzz_target!(|input: &[u8]| {
    let Some((&choice, input)) = input.split_first() else { return };
    let whole = decode(choice, input, usize::MAX, usize::MAX);
    assert!(whole.data.len() + whole.messages.len() <= input.len());
    for (step, room) in [(1, usize::MAX), (7, 3), (usize::MAX, 1)] {
        let split = decode(choice, input, step, room);
        // Bytes behind the end are seen only if they come together with it.
        assert!(split.is_reusable || !whole.is_reusable);
        let is_reusable = whole.is_reusable;
        assert_eq!(Told { is_reusable, ..split }, whole, "in steps of {step} with room for {room}");
    }
});

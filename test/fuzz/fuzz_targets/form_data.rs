//! Forms: splits do not matter, an error is permanent, limits hold, names are safe, and a form survives its encoding.
#![no_main]

use libfuzzer_sys::fuzz_target;
use webserv::http::file_name::stored_name;
use webserv::http::form_data::{FormData, FormEvent, FormLimits, FormPart, boundary, is_form_data};

const LIMITS: FormLimits = FormLimits { parts_max: 3, file_bytes_max: 60, fields_bytes_max: 50, head_bytes_max: 150 };

/// The parts with their contents, and whether the form is complete.
type Outcome = (Vec<(FormPart, Vec<u8>)>, Result<(), &'static str>);

/// Parses the input `step` bytes at a time. A refused part is not included.
fn parse(boundary: &[u8], input: &[u8], step: usize) -> Outcome {
    let (mut form, mut parts, mut current, mut ended) = (FormData::new(boundary, LIMITS), Vec::new(), None, false);
    for piece in input.chunks(step) {
        let mut rest = piece;
        loop {
            match form.next(&mut rest) {
                Ok(None) => break,
                Ok(Some(FormEvent::Part(part))) => {
                    assert!(current.replace((part, Vec::new())).is_none(), "a part in a part");
                }
                Ok(Some(FormEvent::Data(bytes))) => {
                    assert!(!bytes.is_empty(), "content without bytes");
                    current.as_mut().expect("content of a part").1.extend_from_slice(bytes);
                }
                Ok(Some(FormEvent::PartEnd)) => parts.push(current.take().expect("the end of a part")),
                Ok(Some(FormEvent::End)) => {
                    assert!(!ended && current.is_none(), "an end in a part, or a second one");
                    ended = true;
                }
                Err(error) => {
                    assert_eq!(form.next(&mut &b"\r\n--B--"[..]), Err(error), "an error that was forgotten");
                    return (parts, Err(error.reason));
                }
            }
        }
        assert!(rest.is_empty(), "bytes that are not used");
    }
    assert_eq!(form.end().is_ok(), ended);
    (parts, form.end().map_err(|error| error.reason))
}

fuzz_target!(|input: &[u8]| {
    if is_form_data(input) {
        let _ = boundary(input);
    }
    if let Some(name) = stored_name(input) {
        assert!(!name.starts_with('.') && !name.contains(['/', '\\', '\0']) && name.len() < 255, "{name:?}");
    }
    let outcome = parse(b"B", input, usize::MAX);
    assert_eq!(outcome, parse(b"B", input, 1), "byte by byte");
    assert_eq!(outcome, parse(b"B", input, 7), "in steps of 7");
    let (parts, _) = &outcome;
    assert!(parts.len() <= LIMITS.parts_max);
    let fields = parts.iter().filter(|(part, _)| part.file_name.is_none());
    assert!(fields.map(|(part, content)| part.name.len() + content.len()).sum::<usize>() <= 50);
    // The same contents in a new form, with a boundary that is in none of them.
    let mut encoded = Vec::new();
    for (i, (_, content)) in parts.iter().enumerate() {
        let head = format!("--no such boundary\r\nContent-Disposition: form-data; name={i}; filename=x\r\n\r\n");
        encoded.extend_from_slice(&[head.as_bytes(), content, b"\r\n"].concat());
    }
    encoded.extend_from_slice(b"--no such boundary--");
    let (again, end) = parse(b"no such boundary", &encoded, 5);
    assert_eq!(end, Ok(()));
    assert!(again.iter().map(|(_, content)| content).eq(parts.iter().map(|(_, content)| content)));
});

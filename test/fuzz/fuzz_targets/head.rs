//! Request heads: splits do not matter, nothing after the head is read, and a head that is printed again is the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::rc::Rc;
use webserv::http::{HeadError, HeadLimits, Request, Scan, head};

type Outcome = Result<Option<(Rc<Request>, usize)>, HeadError>;

const TIGHT: HeadLimits = HeadLimits { line_bytes_max: 40, head_bytes_max: 120, fields_max: 3 };
const LOOSE: HeadLimits = HeadLimits { line_bytes_max: 1 << 20, head_bytes_max: 1 << 20, fields_max: 1 << 20 };

/// The whole input as it comes when each call sees `step` bytes more than the one before.
fn read(input: &[u8], step: usize, limits: &HeadLimits) -> Outcome {
    let mut scan = Scan::default();
    for end in (0..input.len()).step_by(step) {
        match head::request(&input[..end], &mut scan, limits) {
            Ok(None) => {}
            outcome => return outcome,
        }
    }
    head::request(input, &mut scan, limits)
}

/// The length of the head, and its parsed values.
fn seen(outcome: &Outcome) -> (Option<usize>, String) {
    match outcome {
        Ok(None) => (None, "more".into()),
        Ok(Some((request, taken))) => (Some(*taken), meaning(request)),
        Err(error) => (None, format!("{} {} {:?}", error.status, error.reason, error.method)),
    }
}

fn meaning(request: &Request) -> String {
    let r = request;
    let mut text = format!("{:?} {:?} {:?} {:?} {:?} ", r.method, r.version, r.form, r.framing, r.port());
    text += &format!("{} {} {} {}", r.https, r.keep_alive, r.expect_continue, r.upgrade);
    for part in [r.target(), r.path(), r.query().unwrap_or(b"-"), r.host().unwrap_or(b"-")] {
        text += &format!("\n{}", part.escape_ascii());
    }
    for field in r.fields.iter() {
        text += &format!("\n{:?} {}: {}", field.known, field.name.escape_ascii(), field.value.escape_ascii());
    }
    text
}

fn print(request: &Request) -> Vec<u8> {
    let version = format!(" HTTP/{}.{}\r\n", request.version.major, request.version.minor);
    let mut out = [request.method_text(), b" ", request.target(), version.as_bytes()].concat();
    for field in request.fields.iter() {
        out.extend_from_slice(&[field.name, b": ", field.value, b"\r\n"].concat());
    }
    out.extend_from_slice(b"\r\n");
    out
}

fuzz_target!(|input: &[u8]| {
    for limits in [HeadLimits::default(), TIGHT] {
        let outcome = read(input, usize::MAX, &limits);
        for step in [1, 7] {
            assert_eq!(seen(&outcome), seen(&read(input, step, &limits)), "in steps of {step}");
        }
        let Ok(Some((request, taken))) = &outcome else { continue };
        assert_eq!(seen(&outcome), seen(&read(&input[..*taken], usize::MAX, &limits)), "what follows was read");
        assert!(matches!(read(&input[..taken - 1], usize::MAX, &limits), Ok(None)), "its last byte was not needed");
        let again = read(&print(request), usize::MAX, &LOOSE).expect("a head that was printed").expect("all of it").0;
        assert_eq!(meaning(request), meaning(&again), "printed and read again");
    }
});

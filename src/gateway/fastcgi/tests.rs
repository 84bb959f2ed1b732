use super::*;
use crate::gateway::played::{mutated, told, told_of};
use crate::gateway::{AnswerDecoder, Asked};
use crate::http::cgi::ScriptHeadLimits;
use crate::http::seeded::Seeded;

const ONCE: Asked = Asked {
    is_head: false,
    keeps_connection: false,
    upgrades: false,
    limits: ScriptHeadLimits { head_bytes_max: 300, fields_max: 10 },
};

const KEPT: Asked = Asked { keeps_connection: true, ..ONCE };

const HEAD: Asked = Asked { is_head: true, ..KEPT };

/// One record, written out.
fn record(kind: u8, id: u8, content: &[u8], padding: u8) -> Vec<u8> {
    let length = (content.len() as u16).to_be_bytes();
    let mut record = vec![1, kind, 0, id, length[0], length[1], padding, 0];
    record.extend_from_slice(content);
    record.resize(record.len() + usize::from(padding), b'p');
    record
}

fn stdout(text: &str) -> Vec<u8> {
    record(6, 1, text.as_bytes(), 0)
}

fn stderr(text: &str) -> Vec<u8> {
    record(7, 1, text.as_bytes(), 3)
}

fn end() -> Vec<u8> {
    record(3, 1, &[0; 8], 0)
}

/// The end with a protocol status.
fn end_with(status: u8) -> Vec<u8> {
    record(3, 1, &[0, 0, 0, 7, status, 0, 0, 0], 0)
}

/// Reads records strictly: type, request, content. All are padded to a multiple of eight.
fn read_records(mut bytes: &[u8]) -> Vec<(u8, u16, Vec<u8>)> {
    let mut records = Vec::new();
    while let Some((header, rest)) = bytes.split_first_chunk::<8>() {
        assert_eq!((header[0], header[7]), (1, 0), "version and reserved byte");
        let length = usize::from(header[4]) << 8 | usize::from(header[5]);
        let padded = length + usize::from(header[6]);
        assert!(padded.is_multiple_of(8) && header[6] < 8);
        assert!(rest[length..padded].iter().all(|byte| *byte == 0));
        records.push((header[1], u16::from(header[2]) << 8 | u16::from(header[3]), rest[..length].to_vec()));
        bytes = &rest[padded..];
    }
    assert_eq!(bytes, b"");
    records
}

/// Reads pairs of name and value; false if one is cut.
fn read_pairs(mut bytes: &[u8], out: &mut Vec<[Vec<u8>; 2]>) -> bool {
    while !bytes.is_empty() {
        let mut lens = [0; 2];
        for len in &mut lens {
            let long = bytes[0] >> 7 == 1;
            if bytes.len() < if long { 4 } else { 1 } {
                return false;
            }
            *len =
                if long { u32::from_be_bytes(bytes[..4].try_into().unwrap()) & 0x7fff_ffff } else { bytes[0].into() };
            bytes = &bytes[if long { 4 } else { 1 }..];
        }
        let lens = lens.map(|len| len as usize);
        if bytes.len() < lens[0] + lens[1] {
            return false;
        }
        let (name, rest) = bytes.split_at(lens[0]);
        let (value, rest) = rest.split_at(lens[1]);
        out.push([name.to_vec(), value.to_vec()]);
        bytes = rest;
    }
    true
}

#[test]
fn a_request_byte_by_byte() {
    let mut out = b"before".to_vec();
    begin(true, [("A", "bc"), ("D", "")], &mut out).unwrap();
    let expected: &[&[u8]] = &[
        b"before",
        &[1, 1, 0, 1, 0, 8, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0],
        &[1, 4, 0, 1, 0, 8, 0, 0, 1, 2, b'A', b'b', b'c', 1, 0, b'D'],
        &[1, 4, 0, 1, 0, 0, 0, 0],
    ];
    assert_eq!(out, expected.concat());
    let mut out = Vec::new();
    begin(false, [("", ""); 0], &mut out).unwrap();
    assert_eq!(out, [&[1, 1, 0, 1, 0, 8, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0][..], expected[3]].concat());
    assert_eq!(ABORT_REQUEST, [1, 2, 0, 1, 0, 0, 0, 0]);
    assert_eq!(END_OF_STDIN, [1, 5, 0, 1, 0, 0, 0, 0]);
}

#[test]
fn parameters_are_read_again() {
    let mut random = Seeded(0xfc61);
    let sizes = [0, 1, 127, 128, 129, 300, 30_000, 65_527, 65_528, 65_533, 65_535, 65_536, 200_000];
    for round in 0..60 {
        let sizes = if round % 3 == 0 { &sizes[..] } else { &sizes[..7] };
        let mut text = || {
            let len = *random.pick(sizes);
            random.text(b"ABC_=\n\0\xff", len)
        };
        let params: Vec<[Vec<u8>; 2]> = (0..6).map(|_| [text(), text()]).collect();
        let mut out = Vec::new();
        begin(true, params.iter().map(|[name, value]| (name, value)), &mut out).unwrap();
        let records = read_records(&out);
        assert_eq!(records[0], (1, 1, vec![0, 1, 1, 0, 0, 0, 0, 0]));
        assert_eq!(records.last(), Some(&(4, 1, Vec::new())));
        assert!(records[1..].iter().all(|(kind, id, _)| (*kind, *id) == (4, 1)));
        let contents: Vec<&[u8]> = records[1..].iter().map(|(_, _, content)| &content[..]).collect();
        assert!(contents[..contents.len() - 1].iter().all(|content| !content.is_empty()), "that would end them");
        let mut found = Vec::new();
        assert!(read_pairs(&contents.concat(), &mut found));
        assert!(found == params, "the pairs are others");
        // Pairs are cut only if they do not fit into a record.
        if params.iter().all(|[name, value]| name.len() + value.len() <= 65_527) {
            assert!(contents.iter().all(|content| read_pairs(content, &mut Vec::new())), "a pair is cut");
        }
    }
}

#[test]
fn answers_are_decoded_however_they_are_split() {
    let table: &[(&[Vec<u8>], &str)] = &[
        (&[stdout("Content-Type: a/b\r\n\r\nbody"), stdout(""), end()], "[200 Content-Type=a/b]\"body\"+"),
        (&[stdout("X: y\n\n"), stdout(""), end()], "[200 X=y]+"),
        (&[stdout("X: y\n\nbody"), end()], "[200 X=y]\"body\"+"),
        (&[stdout("Status: 404\n\na"), stdout("bc"), stdout("d"), stdout(""), end()], "[404]\"abcd\"+"),
        // A head over several records, and padding everywhere.
        (&[stdout("X"), stdout(": y\n"), stdout("\nbody"), stdout(""), end()], "[200 X=y]\"body\"+"),
        (
            &[record(6, 1, b"X: y\n\n", 2), record(6, 1, b"a", 255), record(6, 1, b"", 8), record(3, 1, &[0; 8], 9)],
            "[200 X=y]\"a\"+",
        ),
        // Standard error, before, between and behind.
        (
            &[
                stderr("oh "),
                stderr("no"),
                stdout("X: y\n\na"),
                stderr("!"),
                stdout("b"),
                stdout(""),
                stderr("?"),
                end(),
            ],
            "~\"oh no\"[200 X=y]\"a\"~\"!\"\"b\"~\"?\"+",
        ),
        (&[stdout("X:"), stderr("!"), stdout(" y\n\n"), stdout(""), stderr(""), end()], "~\"!\"[200 X=y]+"),
        // Records that are not about the request.
        (&[record(10, 0, b"\x01\x01ab", 4), stdout("X: y\n\na"), record(11, 0, &[12; 8], 0), end()], "[200 X=y]\"a\"+"),
        // The exit status of the program is not the answer's.
        (&[stdout("X: y\n\na"), stdout(""), end_with(0)], "[200 X=y]\"a\"+"),
        // Content-Length: the rest is dropped, and the connection with it.
        (&[stdout("Content-Length: 4\n\nbody"), stdout(""), end()], "[200 length=4]\"body\"+"),
        (&[stdout("Content-Length: 4\n\nbo"), stdout("dy"), end()], "[200 length=4]\"body\"+"),
        (&[stdout("Content-Length: 3\n\nbody"), stdout(""), end()], "[200 length=3]\"bod\"."),
        (&[stdout("Content-Length: 0\n\nbody"), stdout(""), end()], "[200 length=0]."),
        (&[stdout("Status: 204\n\n"), stdout(""), end()], "[204]+"),
        (&[stdout("Status: 304\nContent-Length: 9\n\nx"), end()], "[304 length=9]."),
        (&[stdout("Location: /a\n\nx"), stdout(""), end()], "[302 Location=/a]\"x\"+"),
        // An answer without END_REQUEST, if nothing is missing.
        (&[stdout("X: y\n\nbody"), stdout("")], "[200 X=y]\"body\"eof."),
        (&[stdout("Content-Length: 4\n\nbody")], "[200 length=4]\"body\"eof."),
    ];
    for (records, expected) in table {
        let answer = records.concat();
        assert_eq!(told_of(|| AnswerDecoder::fastcgi(KEPT), &answer), *expected);
        // Without keep_conn it tells the same, but the connection is not used again.
        assert_eq!(told_of(|| AnswerDecoder::fastcgi(ONCE), &answer), expected.replace('+', "."));
    }
    let answers: Vec<Vec<u8>> = table.iter().map(|(records, _)| records.concat()).collect();
    let answers: Vec<&[u8]> = answers.iter().map(|answer| &answer[..]).collect();
    let (good, bad) = mutated(|| AnswerDecoder::fastcgi(KEPT), &answers, 0xfc91, 20_000);
    assert!(good > 3000 && bad > 3000, "{good} good, {bad} bad");
}

#[test]
fn what_is_no_answer_is_refused_however_it_is_split() {
    let head = || stdout("X: y\n\na");
    let short = "[200 length=9]\"body\"! the answer ended before its Content-Length";
    let other_version = [2, 6, 0, 1, 0, 0, 0, 0].to_vec();
    let other_type = "! a FastCGI record of a type";
    let other_request = "! a FastCGI record for another request";
    let table: &[(&[Vec<u8>], &str)] = &[
        (&[], "eof! the answer ended before its first byte"),
        (&[stderr("!")], "~\"!\"eof! the answer ended before its first byte"),
        (&[stdout("X: y\n")], "eof! the answer ended within its head"),
        (&[head(), vec![1, 6, 0]], "[200 X=y]\"a\"eof! the connection was closed before the end of STDOUT"),
        (&[head()], "[200 X=y]\"a\"eof! the connection was closed before the end of STDOUT"),
        (&[stdout("Content-Length: 9\n\nbody"), stdout(""), end()], short),
        (&[stdout("Content-Length: 9\n\nbody"), stdout("")], &short.replace('!', "eof!")),
        (&[other_version, end()], "! a FastCGI record of another version"),
        (&[head(), record(5, 1, b"x", 0)], &format!("[200 X=y]\"a\"{other_type}")),
        (&[record(8, 1, b"x", 0)], other_type),
        (&[record(12, 0, b"x", 0)], other_type),
        (&[record(0, 1, b"x", 0)], other_type),
        (&[record(6, 2, b"X: y\n\n", 0)], other_request),
        (&[record(6, 0, b"X: y\n\n", 0)], other_request),
        (&[record(10, 1, b"", 0)], other_request),
        (&[head(), stdout(""), record(3, 2, &[0; 8], 0)], &format!("[200 X=y]\"a\"{other_request}")),
        (&[stdout(""), end()], "! STDOUT ended before a complete head"),
        (&[stdout("BAD"), stdout(""), end()], "! STDOUT ended before a complete head"),
        (&[stdout("BAD\n"), end()], "! line 1 of the answer: a field line without a colon"),
        (&[end()], "! END_REQUEST came before a complete head"),
        (&[stdout("X: y\n"), end()], "! END_REQUEST came before a complete head"),
        (&[end_with(1)], "! the FastCGI server does not multiplex"),
        (&[end_with(2)], "! the FastCGI server is overloaded"),
        (&[end_with(3)], "! the FastCGI server does not know the role"),
        (&[head(), end_with(2)], "[200 X=y]\"a\"! the FastCGI server is overloaded"),
        (&[end_with(4)], "! an END_REQUEST record with the unknown protocol status 4"),
        (&[head(), record(3, 1, &[0; 7], 0)], "[200 X=y]\"a\"! an END_REQUEST record whose length"),
        (&[head(), record(3, 1, &[], 0)], "[200 X=y]\"a\"! an END_REQUEST record whose length"),
        (&[head(), stdout(""), stdout("x")], "[200 X=y]\"a\"! a STDOUT record behind the end of STDOUT"),
        (&[stdout(&format!("X: {}\n\n", "y".repeat(400)))], "! line 1 of the answer: its head is over the limit"),
        (&[stdout(&"X: y\n".repeat(11))], "! line 11 of the answer: too many fields"),
    ];
    for (records, expected) in table {
        for asked in [KEPT, ONCE] {
            let found = told_of(|| AnswerDecoder::fastcgi(asked), &records.concat());
            assert!(found.starts_with(expected), "{found} but not {expected}");
        }
    }
}

#[test]
fn an_answer_to_head_has_no_body() {
    let table: &[(&[Vec<u8>], &str)] = &[
        (&[stdout("Content-Length: 9\n\n"), stdout(""), end()], "[200 length=9]+"),
        (&[stdout("Content-Length: 9\n\nbody"), stdout(""), end()], "[200 length=9]."),
        (&[stdout("X: y\n\n"), stdout("body"), stdout(""), end()], "[200 X=y]."),
    ];
    for (records, expected) in table {
        assert_eq!(told_of(|| AnswerDecoder::fastcgi(HEAD), &records.concat()), *expected);
    }
}

#[test]
fn bytes_behind_the_end_spoil_the_connection() {
    let answer = [stdout("X: y\n\n"), end()].concat();
    let more = [&answer[..], b"x"].concat();
    assert_eq!(told(AnswerDecoder::fastcgi(KEPT), &[&answer, b"x"], 99), "[200 X=y]+");
    assert_eq!(told(AnswerDecoder::fastcgi(KEPT), &[&more], 99), "[200 X=y].");
    // The padding of the last record belongs to it.
    let padded = [stdout("X: y\n\n"), record(3, 1, &[0; 8], 4)].concat();
    let cut = &padded[..padded.len() - 1];
    assert_eq!(
        told(AnswerDecoder::fastcgi(KEPT), &[cut], 99),
        "[200 X=y]eof! the connection was closed before \
        the end of STDOUT"
    );
    assert_eq!(told(AnswerDecoder::fastcgi(ONCE), &[cut], 99), "[200 X=y].");
}

#[test]
fn management_records() {
    let asked = get_values(&["FCGI_MAX_CONNS", "FCGI_MPXS_CONNS"]).unwrap();
    let expected = b"\x0e\0FCGI_MAX_CONNS\x0f\0FCGI_MPXS_CONNS".to_vec();
    assert_eq!(read_records(&asked), [(9, 0, expected)]);
    let long = "x".repeat(128);
    assert!(get_values(&[&long]).is_err() && get_values(&[&long[..127]; 600]).is_err());
    let said = b"\x0e\x01FCGI_MAX_CONNS1\x01\x80\0\0\x02Ayz";
    let found: Vec<_> = pairs(said).collect();
    assert_eq!(found, [Some((&b"FCGI_MAX_CONNS"[..], &b"1"[..])), Some((&b"A"[..], &b"yz"[..]))]);
    for cut in 1..said.len() {
        let whole = [17].contains(&cut);
        assert_eq!(pairs(&said[..cut]).all(|pair| pair.is_some()), whole, "cut at {cut}");
    }
    assert_eq!(unknown_type(&[12, 0, 0, 0, 0, 0, 0, 0]), Some(12));
    assert_eq!((unknown_type(&[12]), unknown_type(&[])), (None, None));
}

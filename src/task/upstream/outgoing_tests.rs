use super::*;
use crate::connection::{Identity, SpareTransactions, Transactions};
use std::io::Read;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;

/// Sends, and returns what came of it and the bytes that have arrived.
fn sent(request: &mut OutgoingRequest, t: &mut Transaction, ends: &mut [UnixStream; 2]) -> (Sent, String) {
    let [to, from] = ends;
    let sent = request.send(to.as_fd(), t, &mut [0; 100]).unwrap();
    let mut bytes = vec![0; request.take_sent() as usize];
    from.read_exact(&mut bytes).unwrap();
    (sent, bytes.escape_ascii().to_string())
}

fn ends() -> [UnixStream; 2] {
    let (to, from) = UnixStream::pair().unwrap();
    to.set_nonblocking(true).unwrap();
    from.set_read_timeout(Some(std::time::Duration::from_secs(20))).unwrap();
    [to, from]
}

fn with_transaction(test: impl FnOnce(&mut Transaction)) {
    let route = Rc::clone(&Identity::for_tests().listener.route);
    test(Transactions::default().begin(&mut SpareTransactions::default(), route, None));
}

#[test]
fn a_body_is_sent_as_it_comes() {
    for (framing, expected) in [
        (BodyFraming::Plain, ["HEADab", "cd", ""]),
        (BodyFraming::Chunked, ["HEAD2\\r\\nab\\r\\n", "2\\r\\ncd\\r\\n", "0\\r\\n\\r\\n"]),
    ] {
        with_transaction(|t| {
            let (mut request, mut ends) = (OutgoingRequest::to_socket(framing), ends());
            request.push_head(b"HEAD");
            request.set_body(BodySource::Transaction);
            t.body.push_copy(b"ab");
            assert_eq!(sent(&mut request, t, &mut ends), (Sent::AllSoFar, expected[0].to_owned()), "{framing:?}");
            assert!(!request.has_work(t), "{framing:?}");
            t.body.push_copy(b"cd");
            assert!(request.has_work(t), "{framing:?}");
            assert_eq!(sent(&mut request, t, &mut ends), (Sent::AllSoFar, expected[1].to_owned()), "{framing:?}");
            t.body.end();
            assert!(request.has_work(t), "the end is sent, or noted: {framing:?}");
            assert_eq!(sent(&mut request, t, &mut ends), (Sent::Everything, expected[2].to_owned()), "{framing:?}");
            assert_eq!(t.body.taken_bytes(), 4);
        });
    }
}

#[test]
fn a_body_without_framing_is_taken_only_as_far_as_it_is_sent() {
    with_transaction(|t| {
        let (mut request, ends) = (OutgoingRequest::to_program(), ends());
        t.body.push_bytes(vec![b'x'; 8 << 20]);
        t.body.end();
        let first = request.send(ends[0].as_fd(), t, &mut []).unwrap();
        let taken = t.body.taken_bytes();
        assert!(first == Sent::Part && taken == request.take_sent() && taken < 8 << 20, "{taken} bytes");
        assert!(request.send(ends[0].as_fd(), t, &mut []).unwrap() == Sent::Part && request.take_sent() == 0);
        drop(ends);
    });
}

#[test]
fn a_whole_body_ends_at_once() {
    with_transaction(|t| {
        for (body, expected) in [(&b""[..], "HEAD0\\r\\n\\r\\n"), (b"ab", "HEAD2\\r\\nab\\r\\n0\\r\\n\\r\\n")] {
            let (mut request, mut ends) = (OutgoingRequest::to_socket(BodyFraming::Chunked), ends());
            request.push_head(b"HEAD");
            if body.is_empty() {
                request.set_body(BodySource::Over)
            } else {
                request.push_body(&Rc::from(body))
            }
            assert_eq!(sent(&mut request, t, &mut ends), (Sent::Everything, expected.to_owned()));
        }
    });
}

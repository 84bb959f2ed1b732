//! The model: which bytes the client may have received, and what the access log must say.

use super::answers::{self, Answer};
use super::played::Act;
use super::requests::{Body, Expected, Keeps, Request, TEXTS};
use super::schedule::Trouble;

/// Facts about a finished schedule that the model needs.
pub struct Facts {
    pub trouble: Trouble,
    /// How many bytes the server had read when the trouble happened; `None` if it did not happen.
    pub came_before: Option<usize>,
}

impl Facts {
    pub fn new(trouble: Trouble) -> Self {
        Self { trouble, came_before: None }
    }

    /// Whether the trouble happened before this number of bytes was read.
    fn is_before(&self, bytes: usize) -> bool {
        self.came_before.is_some_and(|came| came < bytes)
    }
}

/// A request, and its position in the bytes of the client.
struct Place<'r> {
    request: &'r Request,
    starts: usize,
    head_ends: usize,
    ends: usize,
}

/// A line of the access log: the status, and how many bytes of the response were sent.
type Line = (u16, usize);

/// Compares the received bytes and the access log with the model.
pub fn check(requests: &[Request], taken: &[u8], facts: &Facts, log: &[String]) {
    let (lines, rest) = follow(requests, taken, facts);
    assert!(rest.is_empty(), "after the last answer: {}", rest.escape_ascii());
    check_log(requests, &lines, facts, log);
}

/// Checks the responses in order. Returns their lines in the access log, and the bytes after the last response.
fn follow<'t>(requests: &[Request], taken: &'t [u8], facts: &Facts) -> (Vec<Line>, &'t [u8]) {
    let (mut lines, mut rest, mut ends) = (Vec::new(), taken, 0);
    let mut texts = &TEXTS[..if facts.came_before.is_some() && is_reloaded(facts) { 2 } else { 1 }];
    for (at, request) in requests.iter().enumerate() {
        let before = at.checked_sub(1).map(|before| &requests[before]);
        let (starts, head_ends) = (ends, ends + request.head_bytes);
        ends += request.bytes.len();
        let place = Place { request, starts, head_ends, ends };
        if request.expected.status == 444 && rest.is_empty() && !is_excused(&place, before, facts) {
            lines.push((444, 0));
            return (lines, rest);
        }
        if rest.is_empty() {
            assert!(is_excused(&place, before, facts), "request {} has no answer", at + 1);
            return (lines, rest);
        }
        let is_new = facts.came_before.is_some_and(|came| came <= starts);
        assert!(!is_new || !matches!(facts.trouble, Trouble::Drained(_)), "request {} was begun in a drain", at + 1);
        if is_reloaded(facts) && facts.is_before(head_ends) {
            texts = &TEXTS[1..];
        }
        // The server cannot know that it is a HEAD request before it has read this word.
        let is_unknown = facts.is_before(starts + "HEAD ".len()) && rest.starts_with(b"HTTP/1.1 408 ");
        let answer = answers::first(rest, request.head_only && !is_unknown);
        rest = &rest[answer.continue_bytes + answer.bytes..];
        assert!(answer.continues <= usize::from(request.expects_continue), "100 for who has not asked for it");
        if answer.status == 0 && facts.trouble_is_gone() {
            return (lines, rest);
        }
        lines.push((answer.status, answer.bytes));
        if is_refused_late(&answer, &place, facts) || check_answer(&answer, &place, texts, facts) {
            return (lines, rest);
        }
        if request.expected.body == Body::Text && answer.body == TEXTS[1] {
            texts = &TEXTS[1..];
        }
    }
    (lines, rest)
}

fn is_reloaded(facts: &Facts) -> bool {
    matches!(facts.trouble, Trouble::Reloaded(_))
}

impl Facts {
    fn trouble_is_gone(&self) -> bool {
        matches!(self.trouble, Trouble::Gone(_))
    }
}

/// Whether this request may have no response although the requests before it have one.
fn is_excused(place: &Place<'_>, before: Option<&Request>, facts: &Facts) -> bool {
    // The connection may close after that request, if the server does not wait for the rest of its body.
    if before.is_some_and(|before| before.expected.keeps == Keeps::Maybe) {
        return true;
    }
    match facts.trouble {
        Trouble::None | Trouble::Reloaded(_) => false,
        Trouble::Gone(_) => true,
        Trouble::HalfClosed(at) => at < place.head_ends,
        // If a part of the request was read, its response is at least 408.
        Trouble::Late(_) => facts.came_before.is_some_and(|came| came <= place.starts),
        // A drain ends the connection after the current request.
        Trouble::Drained(_) => facts.came_before.is_some_and(|came| before.is_some() || came == 0),
    }
}

/// Whether the response is the one to a request that was not complete, or not in time.
fn is_refused_late(answer: &Answer, place: &Place<'_>, facts: &Facts) -> bool {
    let status = match facts.trouble {
        Trouble::HalfClosed(at) if at >= place.head_ends && at < place.ends => 400,
        Trouble::Late(_) if facts.is_before(place.ends) => 408,
        _ => return false,
    };
    let is_so = answer.status == status && answer.status != place.request.expected.status;
    if is_so {
        assert!(answer.is_whole && answer.closes, "{status} ends the connection: {answer:?}");
    }
    is_so
}

/// Compares one response with the expected one. Returns true if it is the last one.
fn check_answer(answer: &Answer, place: &Place<'_>, texts: &[&[u8]], facts: &Facts) -> bool {
    let Place { request, .. } = place;
    let Expected { status, body, keeps, cut } = &request.expected;
    if *cut == Some(answer.status) {
        if facts.trouble_is_gone() && !answer.is_whole {
            return true;
        }
        assert!(answer.is_whole, "the page is cut: {answer:?}");
        check_body(answer, &Body::Page, request, texts);
        return answer.closes;
    }
    assert_eq!(answer.status, *status, "{answer:?}");
    let is_complete = match facts.trouble {
        Trouble::HalfClosed(at) => at >= place.ends,
        Trouble::Late(_) => !facts.is_before(place.ends),
        _ => true,
    };
    // The handler sends the body back while it arrives: if its end does not arrive, the response is cut.
    let is_gone = facts.trouble_is_gone() || (!is_complete && request.acts.contains(&Act::EchoStream));
    if (cut.is_some() && !request.head_only) || (is_gone && (!answer.is_whole || answer.is_open_ended)) {
        if let Body::Is(body) = body {
            assert!(body.starts_with(&answer.body), "the beginning of the body: {answer:?}");
        }
        // A client of HTTP/1.0 cannot see it.
        assert!(!answer.is_whole || answer.is_open_ended, "the client takes a part for the whole: {answer:?}");
        let given = request.acts.iter().find_map(|act| match act {
            Act::Length { given, .. } if !is_gone => Some(*given),
            _ => None,
        });
        assert_eq!(answer.body.len(), given.unwrap_or(answer.body.len()), "all that was given leaves: {answer:?}");
        return true;
    }
    assert!(answer.is_whole, "it breaks off: {answer:?}");
    check_body(answer, body, request, texts);
    match keeps {
        Keeps::Yes => assert!(!answer.closes || !is_complete || matches!(facts.trouble, Trouble::Drained(_))),
        Keeps::No => assert!(answer.closes, "the connection goes on: {answer:?}"),
        Keeps::Maybe => {}
    }
    answer.closes
}

fn check_body(answer: &Answer, body: &Body, request: &Request, texts: &[&[u8]]) {
    if request.head_only {
        let length = match body {
            Body::Is(body) => Some(body.len()),
            Body::Text => Some(TEXTS[0].len()),
            Body::Page | Body::Names(_) => answer.length,
        };
        return assert!(answer.length.is_none() || answer.length == length, "{answer:?}");
    }
    let text = || String::from_utf8_lossy(&answer.body);
    match body {
        Body::Is(body) => assert_eq!(answer.body.escape_ascii().to_string(), body.escape_ascii().to_string()),
        Body::Text => assert!(texts.contains(&&answer.body[..]), "{:?} is none of {texts:?}", text()),
        Body::Page => assert!(text().contains(&answer.status.to_string()), "{answer:?}"),
        Body::Names(name) => assert!(text().contains(name), "{answer:?}"),
    }
    assert_eq!(answer.location.is_some(), answer.status == 301, "{answer:?}");
}

/// Checks that the access log has one line for each request, in order.
fn check_log(requests: &[Request], lines: &[Line], facts: &Facts, log: &[String]) {
    let said: Vec<[usize; 3]> = log
        .iter()
        .map(|line| {
            let mut numbers = line.split(' ').map(|number| number.parse().expect("a number"));
            [(); 3].map(|()| numbers.next().expect("three numbers"))
        })
        .collect();
    for (at, [number, status, bytes]) in said.iter().enumerate() {
        assert_eq!(*number, at + 1, "one line for each request, in order: {log:?}");
        match lines.get(at) {
            Some(line) => assert_eq!((*status as u16, *bytes), *line, "request {number}: {log:?}"),
            None => {
                let expected = &requests[at].expected;
                let is_dropped = expected.status == 444 && at == lines.len();
                assert!(facts.trouble_is_gone() || is_dropped, "request {number} has no answer: {log:?}");
                let statuses = [499, expected.status, expected.cut.unwrap_or(499)];
                assert!(statuses.contains(&(*status as u16)), "request {number}: {log:?}");
            }
        }
    }
    assert!(said.len() >= lines.len(), "{} answers, and in the log: {log:?}", lines.len());
}

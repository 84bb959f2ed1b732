//! `proxy_limit_rate`: an answer is read at a rate.

use super::{GET, answered, proxy};
use std::time::{Duration, Instant};

/// 9,000 bytes at 4,000 a second: a second's bytes come at once, and the others take more than a second. That the
/// server behind is not read for so long is no timeout of it.
#[test]
fn an_answer_is_read_at_a_rate() {
    for rate in ["4000", "$upstream_http_x_rate"] {
        let (up, s) = proxy(&format!("proxy_limit_rate {rate}; proxy_read_timeout 100ms;"));
        let body = "x".repeat(9000);
        let start = Instant::now();
        let answer = format!("HTTP/1.1 200 OK\r\nX-Rate: 4000\r\nContent-Length: 9000\r\n\r\n{body}");
        assert_eq!(answered(&up, &s, GET, answer).expect(200, rate).text(), body);
        assert!(start.elapsed() >= Duration::from_secs(1), "{rate}: {:?}", start.elapsed());
    }
}

/// A text of variables that is no size is no limit, and the log says so.
#[test]
fn what_is_no_size_is_no_limit() {
    let (up, s) = proxy("proxy_limit_rate $upstream_http_x_rate;");
    let answer = "HTTP/1.1 200 OK\r\nX-Rate: fast\r\nContent-Length: 2\r\n\r\nok";
    assert_eq!(answered(&up, &s, GET, answer).expect(200, "a text").text(), "ok");
    s.wait_said("proxy_limit_rate: ");
    assert_eq!(answered(&up, &s, GET, answer.replace("fast", "0")).expect(200, "no limit").text(), "ok");
}

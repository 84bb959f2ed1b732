//! `add_trailer`: fields that follow the body.

use crate::connection::Transaction;
use crate::http::Text;
use crate::log::Level;
use crate::task::Work;
use crate::vars;
use std::rc::Rc;

/// Whether the response gets such fields, if its body is sent in chunks. As in nginx, the client is not asked whether
/// it takes them (TE in RFC 9110 section 10.1.4): one that does not leaves them out.
pub fn has_trailers(t: &Transaction) -> bool {
    let status = t.http.status.unwrap_or_default();
    t.settings().add_headers.iter().any(|field| field.is_trailer && field.applies(status))
}

/// Whether the fields behind the answer of a server behind are passed on: `proxy_pass_trailers`.
pub fn passes_trailers(t: &Transaction) -> bool {
    t.http.passing().is_some_and(|passing| passing.gateway.rules.proxy.pass_trailers)
}

/// The fields as lines, made when the body has come to its end. A field without a value, or whose variables make it
/// invalid, is left out.
pub fn trailers(w: &mut Work<'_>) -> Vec<u8> {
    const FIRST_LINE: &[u8] = b"\r\n"; // variables look for fields behind it
    let route = Rc::clone(&w.t.route);
    let status = w.t.http.status.unwrap_or_default();
    w.t.http.rare.sent_trailers = FIRST_LINE.to_vec();
    for field in route.settings.add_headers.iter().filter(|field| field.is_trailer && field.applies(status)) {
        let value = vars::expand(&field.value, &w.worker.view(w.identity, w.t, w.now));
        match Text::from_vec(value) {
            Ok(value) if value.as_bytes().is_empty() => {}
            Ok(value) => {
                let line = [field.name.as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat();
                w.t.http.rare.sent_trailers.extend_from_slice(&line);
            }
            Err(error) => w.log(Level::Warn, format_args!("add_trailer {} is left out: {error}", field.name)),
        }
    }
    if passes_trailers(w.t) {
        let theirs = std::mem::take(&mut w.t.http.passed_mut().answer_trailers);
        w.t.http.rare.sent_trailers.extend_from_slice(theirs.strip_prefix(FIRST_LINE).unwrap_or_default());
    }
    w.t.http.rare.sent_trailers[FIRST_LINE.len()..].to_vec()
}

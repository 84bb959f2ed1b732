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
    w.t.http.rare.sent_trailers[FIRST_LINE.len()..].to_vec()
}

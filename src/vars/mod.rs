//! Variables for log formats, `return`, `add_header`, `error_page`, and the environment of CGI programs.

mod address;
mod attempts;
mod environment;
mod escape;
mod gateway;
mod lookup;
mod pairs;
mod params;
mod proxied;
mod rare;
mod referer;
mod request_id;
mod secure_link;
mod size;
mod slots;
#[cfg(test)]
mod test_request;
mod userid;
mod variables;
mod view;

pub use environment::{Invocation, environment, query_arguments};
pub use lookup::value;
pub use pairs::argument;
pub use params::Params;
pub use request_id::request_id;
pub use size::size;
pub use slots::{SlotText, matches};
pub use variables::{expand, expand_uri, expand_variable, is_true, push_log_line};
pub use view::View;

//! `upstream`: which server of a group gets a request, and what all of them know of it.

#[path = "upstream_groups/failures.rs"]
mod failures;
mod harness;
#[path = "upstream_groups/hashing.rs"]
mod hashing;
#[path = "upstream_groups/kept.rs"]
mod kept;
#[path = "upstream_groups/load.rs"]
mod load;
#[path = "upstream_groups/shared.rs"]
mod shared;
#[path = "upstream_groups/turns.rs"]
mod turns;

use harness::gateways::Protocol;
use harness::upstream::{Served, Upstream};
use harness::{Client, Server, host, server};

/// A server behind that answers all requests with its name.
fn named(name: &'static str) -> Served {
    Upstream::tcp(Protocol::Http).serve(|_| Protocol::Http.ok(name.as_bytes()))
}

/// An address where nobody listens.
fn nobody() -> String {
    Upstream::tcp(Protocol::Http).address
}

/// The group `app` with these directives, in which "A", "B" and so on stand for the addresses, and a host that passes
/// all requests to it. `X-Addr` has the addresses of the servers that were asked.
fn http(directives: &str, addresses: &[&str]) -> String {
    let location = "location / { proxy_pass http://app; add_header X-Addr $upstream_addr always; }";
    format!("upstream app {{ {} }}\n{}", with(directives, addresses), host(location))
}

/// The text with addresses in the place of "A", "B" and so on, where these stand as words.
fn with(directives: &str, addresses: &[&str]) -> String {
    let word = |word: &str| {
        let (bare, end) = word.strip_suffix(';').map_or((word, ""), |bare| (bare, ";"));
        let index = ["A", "B", "C"].iter().position(|letter| *letter == bare);
        index.map_or(word.to_owned(), |index| format!("{}{end}", addresses[index]))
    };
    directives.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

/// A server for a group of servers that answer with "a", "b" and "c".
struct Group {
    /// The servers behind.
    ups: Vec<Served>,
    s: Server,
}

fn group(directives: &str) -> Group {
    let ups: Vec<Served> = ["a", "b", "c"].into_iter().map(named).collect();
    let addresses: Vec<&str> = ups.iter().map(|up| &up.address[..]).collect();
    let s = server(&http(directives, &addresses), &[]);
    Group { ups, s }
}

/// The answers to this number of requests, one after the other.
fn answers(client: &mut Client, count: usize) -> String {
    (0..count).map(|_| client.get("/x").text()).collect()
}

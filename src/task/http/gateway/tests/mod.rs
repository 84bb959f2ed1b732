//! Tests of what is decided about a request that is passed on, without sockets: a task runs a function with it.

mod accel;
mod cookies;
mod retry;
mod rewrite;

use super::target::TargetState;
use crate::balance::{Ask, Tried};
use crate::config::{Config, Gateway};
use crate::connection::{Arrival, Attempt, Client, Connection, Identity, Passing, Path, Servers, Stage};
use crate::engine::{Event, Flow, Seen, Task, TaskError, Want};
use crate::http::{HeadLimits, ReplyHead, Scan, Text, head, target};
use crate::route::{ListenerState, Routes};
use crate::task::temp_dir::TempDir;
use crate::task::test_engine::engine;
use crate::task::{Context, Work};
use crate::worker::Worker;
use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use webserv_sys::{Moment, Watch};

/// What a test does with a request.
type Act<T> = Box<dyn FnOnce(&mut Work<'_>, &Arc<Gateway>) -> T>;

/// Runs the function in its first turn.
struct Actor<T> {
    act: Option<Act<T>>,
    result: Rc<Cell<Option<T>>>,
}

/// A request whose server behind has been chosen. Returns what the function has returned, and the lines of the log.
///
/// `directives` stand in `location /`, beside a `proxy_pass` to 127.0.0.1:1; `request` is a request line and perhaps
/// fields, without the last two line ends.
pub(super) fn with_request<T: 'static>(
    directives: &str,
    request: &str,
    act: impl FnOnce(&mut Work<'_>, &Arc<Gateway>) -> T + 'static,
) -> (T, Vec<String>) {
    let folder = TempDir::new();
    let text = format!(
        "http {{ server {{ listen 127.0.0.1:8080; location @named {{ }} location / {{ proxy_pass http://127.0.0.1:1; \
         {directives} }} }} }}"
    );
    let config = Config::from_text("test", &text, folder.path(), "").unwrap_or_else(|error| panic!("{error}"));
    let routes = Rc::new(Routes::new(Arc::new(config)));
    let configured = routes.config().listeners[0].clone();
    let local = configured.address.clone();
    let listener = Rc::new(ListenerState::new(routes, configured, local));
    let result = Rc::new(Cell::new(None));
    let actor = Actor { act: Some(Box::new(act)), result: Rc::clone(&result) };
    let request = format!("{request}\r\nHost: h\r\n\r\n");
    let mut engine = engine();
    engine.start(Box::new(Opener { connection: Some(connection(listener, &request)), actor: Some(Box::new(actor)) }));
    for _ in 0..10 {
        engine.round().unwrap_or_else(|error| panic!("{error}"));
        if let Some(result) = result.take() {
            return (result, engine.log().lines().to_vec());
        }
    }
    panic!("the task had no turn");
}

/// A connection with this request, which waits for a handler's outcome.
fn connection(listener: Rc<ListenerState>, request: &str) -> Connection {
    let parsed = head::request(request.as_bytes(), &mut Scan::default(), &HeadLimits::default());
    let (request, _) = parsed.unwrap_or_else(|error| panic!("{error:?}")).expect("a whole head");
    let path = target::normalize(request.path(), true).expect("a right path").into_owned();
    let server = &listener.routes.config().listeners[0].hosts.servers[0];
    let route = Rc::clone(listener.routes.to_path(server, &path));
    let mut x = Connection::new(None, Identity::new(listener, 1, Client::Unknown));
    let arrival = Arrival { number: 1, output_start: 0, pipelined: false, is_listed: false, started: Moment::now() };
    let t = x.transactions.begin(&mut Default::default(), route, None);
    t.http.begin(arrival, request, &HeadLimits::default());
    (t.http.path, t.http.stage) = (Path::Made(path), Stage::Handler);
    x
}

/// Opens the connection.
struct Opener {
    connection: Option<Connection>,
    actor: Option<Box<dyn Task<Worker>>>,
}

impl Task<Worker> for Opener {
    fn kind(&self) -> &'static str {
        "Opener"
    }

    fn doing(&self) -> &'static str {
        ""
    }

    fn watch<'w>(&'w self, _: Option<&'w Connection>) -> Watch<'w> {
        Watch::Always
    }

    fn wants(&self, _: Seen<'_>) -> Want {
        Want::Turn
    }

    fn handle(&mut self, _: Event, cx: &mut Context<'_>) -> Result<Flow, TaskError> {
        if let (Some(connection), Some(actor)) = (self.connection.take(), self.actor.take()) {
            let idle = || Box::new(Idle) as Box<dyn Task<Worker>>;
            cx.open(connection, [actor, idle(), idle()], cx.now);
        }
        Ok(Flow::Done)
    }
}

/// In the place of the connection's other tasks.
struct Idle;

impl Task<Worker> for Idle {
    fn kind(&self) -> &'static str {
        "Idle"
    }

    fn doing(&self) -> &'static str {
        ""
    }

    fn watch<'w>(&'w self, _: Option<&'w Connection>) -> Watch<'w> {
        Watch::Always
    }

    fn wants(&self, _: Seen<'_>) -> Want {
        Want::Nothing
    }

    fn handle(&mut self, _: Event, _: &mut Context<'_>) -> Result<Flow, TaskError> {
        Ok(Flow::Done)
    }
}

impl<T> Task<Worker> for Actor<T> {
    fn kind(&self) -> &'static str {
        "Actor"
    }

    fn doing(&self) -> &'static str {
        ""
    }

    fn watch<'w>(&'w self, _: Option<&'w Connection>) -> Watch<'w> {
        Watch::Always
    }

    fn wants(&self, _: Seen<'_>) -> Want {
        if self.act.is_some() { Want::Turn } else { Want::Nothing }
    }

    fn handle(&mut self, _: Event, cx: &mut Context<'_>) -> Result<Flow, TaskError> {
        let (Some(act), Some(mut w)) = (self.act.take(), cx.work()) else { return Ok(Flow::Done) };
        let gateway = w.t.settings().gateway.as_ref().map(Arc::clone).expect("the location passes requests on");
        let Ok(TargetState::Found(target)) = super::target::find(&mut w, &gateway) else { panic!("no server") };
        let Servers::Group(upstream) = &target.servers else { panic!("a group") };
        let mut tried = Tried::default();
        let peer = w.worker.upstreams.choose(upstream, &Ask::default(), &mut tried, w.now).ok();
        let name = peer.as_ref().map(|peer| Arc::clone(peer.name())).expect("a server");
        let mut passing = Passing::new(&gateway, target.servers, w.now);
        (passing.tried, passing.peer) = (tried, peer);
        let passed = w.t.http.passed_mut();
        (passed.now, passed.attempts) = (Some(passing), vec![Attempt::new(name, false, w.now)]);
        self.result.set(Some(act(&mut w, &gateway)));
        Ok(Flow::Done)
    }
}

/// An answer with these fields.
pub(super) fn answer(status: u16, fields: &[(&str, &str)]) -> ReplyHead {
    let mut head = ReplyHead::new(status);
    for (name, value) in fields {
        let value = Text::new(value.as_bytes()).unwrap_or_else(|error| panic!("{error}"));
        match *name {
            "Content-Type" => head.content_type = Some(value),
            "Location" => head.location = Some(value),
            name => head.fields.push((crate::http::Name::new(name.as_bytes()).expect("a name"), value)),
        }
    }
    head
}

/// The values of a field.
pub(super) fn values(head: &ReplyHead, name: &str) -> Vec<String> {
    let own = match name {
        "Content-Type" => head.content_type.as_ref(),
        "Location" => head.location.as_ref(),
        _ => None,
    };
    let named = head.fields.iter().filter(|(it, _)| it.is(name.as_bytes())).map(|(_, value)| value);
    own.into_iter().chain(named).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).collect()
}

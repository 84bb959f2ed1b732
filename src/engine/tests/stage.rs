//! The stage for the tests: a poller that follows a script, puppets as tasks, and an engine between them.

use super::kernel::{self, Fd, Key};
use crate::config::{Server, Settings};
use crate::connection::{Connection, Identity, Side, SpareTransactions, TransactionId};
use crate::engine::{Context, Engine, Event, Flow, Notice, Seen, Task, TaskError, Want};
use crate::limits::CONNECTION_TASKS;
use crate::log::{ErrorLog, Level};
use crate::route::Route;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::panic::resume_unwind;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use webserv_sys::{Error, Poller, Ready, Result, Token, Watch, signal};

thread_local! {
    static SCRIPT: RefCell<Script> = RefCell::default();
}

#[derive(Default)]
struct Script {
    /// What puppets want, where it is not the default of their kind.
    wants: BTreeMap<&'static str, Want>,
    /// The puppets for which the kernel refuses to watch.
    refused: BTreeSet<&'static str>,
    /// The puppets that panic, and in which method.
    panicking: BTreeSet<(&'static str, Method)>,
    /// The events of the next waits.
    batches: VecDeque<Vec<Ready>>,
    /// The token of each puppet when it was armed last.
    tokens: BTreeMap<&'static str, Token>,
}

pub(super) use crate::engine::NO_TOKEN;

/// The value that the puppets share: nothing.
pub struct World;

pub type Outcome = std::result::Result<Flow, TaskError>;

/// Follows the script and writes a journal.
struct Scripted;

impl Poller for Scripted {
    fn name(&self) -> &'static str {
        "scripted"
    }

    fn arm(&mut self, watch: Watch<'_>, token: Token) -> Result<()> {
        let (key, name) = (Key::of(watch), name_of(watch));
        if SCRIPT.with_borrow(|s| s.refused.contains(name)) {
            kernel::note(format!("refuse {name}"));
            return Err(Error::shrunk("epoll_ctl"));
        }
        kernel::note(format!("arm {name}"));
        kernel::arm(key, token);
        SCRIPT.with_borrow_mut(|s| s.tokens.insert(name, token));
        Ok(())
    }

    fn disarm(&mut self, watch: Watch<'_>) -> Result<()> {
        kernel::note(format!("disarm {}", name_of(watch)));
        kernel::disarm(Key::of(watch));
        Ok(())
    }

    fn wait(&mut self, timeout: Option<Duration>, out: &mut Vec<Ready>) -> Result<()> {
        kernel::note(timeout.map_or("wait".to_owned(), |t| format!("wait {}", t.as_millis())));
        out.clear();
        match SCRIPT.with_borrow_mut(|s| s.batches.pop_front()) {
            Some(batch) => out.extend(batch),
            None => kernel::pass(timeout.unwrap_or_default()),
        }
        Ok(())
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        kernel::disarm_all();
    }
}

fn name_of(watch: Watch<'_>) -> &'static str {
    match Key::of(watch) {
        Key::Read(fd) | Key::Write(fd) | Key::Change(fd) => kernel::owner(fd).0,
        Key::Exit(_) => "child",
        Key::Signal(name) => name,
    }
}

/// What a puppet waits for.
pub enum On {
    Read,
    Write,
    Change,
    Exit,
    Signal,
    Always,
}

/// A task that acts as the test says.
struct Puppet<F> {
    name: &'static str,
    on: On,
    fd: Fd,
    acts: F,
    hears: Hears,
}

/// What a puppet does for a notice.
pub type Hears = fn(Notice, &mut Context<'_, World>) -> Outcome;

/// A puppet that writes each event to the journal and then calls `acts`.
pub fn puppet<F>(name: &'static str, on: On, acts: F) -> Box<dyn Task<World>>
where
    F: FnMut(Event, &mut Context<'_, World>) -> Outcome + 'static,
{
    hearing_puppet(name, on, acts, |_, _| Ok(Flow::Progress))
}

/// A puppet that also writes each notice to the journal and then calls `hears`.
pub fn hearing_puppet<F>(name: &'static str, on: On, acts: F, hears: Hears) -> Box<dyn Task<World>>
where
    F: FnMut(Event, &mut Context<'_, World>) -> Outcome + 'static,
{
    let journaled = matches!(on, On::Read | On::Write | On::Change);
    Box::new(Puppet { name, on, fd: Fd::new(name, journaled), acts, hears })
}

/// A puppet whose call always blocks, and that is done when it is cancelled.
pub fn plain(name: &'static str, on: On) -> Box<dyn Task<World>> {
    puppet(name, on, |event, _| Ok(or_cancelled(event, Flow::Blocked)))
}

/// `Done` for a cancelled task, otherwise `flow`.
pub fn or_cancelled(event: Event, flow: Flow) -> Flow {
    if event == Event::Cancel { Flow::Done } else { flow }
}

/// Panics without a message on stderr.
pub fn panic_quietly() -> ! {
    resume_unwind(Box::new("a bug"))
}

/// Sets what the puppet wants from now on.
pub fn want(name: &'static str, want: Want) {
    SCRIPT.with_borrow_mut(|s| s.wants.insert(name, want));
}

/// From now on the kernel refuses to watch for this puppet.
pub fn refuse(name: &'static str) {
    SCRIPT.with_borrow_mut(|s| s.refused.insert(name));
}

/// From now on the kernel watches for this puppet again.
pub fn allow(name: &'static str) {
    SCRIPT.with_borrow_mut(|s| s.refused.remove(name));
}

/// From now on the puppet panics in this method.
pub fn panic_in(name: &'static str, method: Method) {
    SCRIPT.with_borrow_mut(|s| s.panicking.insert((name, method)));
}

/// The puppet does not panic any more.
pub fn panic_no_more_in(name: &'static str, method: Method) {
    SCRIPT.with_borrow_mut(|s| s.panicking.remove(&(name, method)));
}

/// The methods of a puppet that can panic, apart from its turns.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Method {
    Wants,
    Watch,
    Doing,
    Drop,
}

fn answer(name: &'static str, method: Method) {
    if SCRIPT.with_borrow(|s| s.panicking.contains(&(name, method))) && !std::thread::panicking() {
        panic_quietly();
    }
}

impl<F> Drop for Puppet<F> {
    fn drop(&mut self) {
        answer(self.name, Method::Drop);
    }
}

impl<F: FnMut(Event, &mut Context<'_, World>) -> Outcome> Task<World> for Puppet<F> {
    fn kind(&self) -> &'static str {
        self.name
    }

    fn doing(&self) -> &'static str {
        answer(self.name, Method::Doing);
        "playing"
    }

    fn watch<'w>(&'w self, _: Option<&'w Connection>) -> Watch<'w> {
        use std::os::fd::AsFd;
        answer(self.name, Method::Watch);
        match self.on {
            On::Read => Watch::Read(self.fd.as_fd()),
            On::Write => Watch::Write(self.fd.as_fd()),
            On::Change => Watch::Change(self.fd.as_fd()),
            On::Exit => Watch::Exit(1),
            On::Signal => Watch::Signal(signal::Signal::Hup),
            On::Always => Watch::Always,
        }
    }

    fn wants(&self, _: Seen<'_>) -> Want {
        answer(self.name, Method::Wants);
        let set = SCRIPT.with_borrow(|s| s.wants.get(self.name).copied());
        set.unwrap_or(if matches!(self.on, On::Always) { Want::Nothing } else { Want::Kernel })
    }

    fn handle(&mut self, event: Event, cx: &mut Context<'_, World>) -> Outcome {
        kernel::note(format!("{} {event:?}", self.name));
        (self.acts)(event, cx)
    }

    fn notice(&mut self, notice: Notice, cx: &mut Context<'_, World>) -> Outcome {
        kernel::note(format!("{} {notice:?}", self.name));
        (self.hears)(notice, cx)
    }
}

/// An engine on the stage.
pub struct Play {
    pub engine: Engine<World>,
}

impl Play {
    pub fn new() -> Self {
        Self::with(true, Level::Info)
    }

    pub fn with(try_first: bool, level: Level) -> Self {
        kernel::reset();
        SCRIPT.set(Script::default());
        let mut engine = Engine::new(Box::new(Scripted), try_first, ErrorLog::in_memory(level), World);
        engine.clock = kernel::now;
        engine.look_at_clock();
        Self { engine }
    }

    /// Adds a task that stands alone.
    pub fn start(&mut self, task: Box<dyn Task<World>>) {
        self.engine.start(task);
    }

    /// Opens a connection with these tasks: protocol, reader, writer, and then handlers of a transaction.
    pub fn open<const N: usize>(&mut self, tasks: [Box<dyn Task<World>>; N]) -> Token {
        let x = self.engine.connections.insert(connection());
        let id = self.transaction(x);
        for (at, task) in tasks.into_iter().enumerate() {
            match at {
                ..CONNECTION_TASKS => drop(self.engine.insert_own(task, x)),
                _ => self.engine.insert_handler(task, x, id),
            }
        }
        self.settle_connection(x);
        x
    }

    /// The transaction of a connection.
    pub fn transaction(&self, x: Token) -> TransactionId {
        self.engine.connections.get(x).and_then(|x| x.transactions.current()).expect("it has begun").id()
    }

    /// A connection of three plain tasks and these handlers.
    pub fn open_with<const N: usize>(&mut self, handlers: [Box<dyn Task<World>>; N]) -> Token {
        want("writer", Want::Nothing);
        let x = self.open([plain("protocol", On::Always), plain("reader", On::Read), plain("writer", On::Write)]);
        let id = self.transaction(x);
        for handler in handlers {
            self.engine.insert_handler(handler, x, id);
        }
        self.settle_connection(x);
        x
    }

    /// Asks the members of a connection what they want now, from the first one on.
    pub fn settle_connection(&mut self, x: Token) {
        self.engine.settle(NO_TOKEN, Some(x));
    }

    /// Runs one round. Returns its journal.
    pub fn round(&mut self) -> String {
        self.engine.look_at_clock(); // the time that the test let pass is not part of a turn
        self.engine.round().expect("the poller on the stage never fails");
        kernel::journal()
    }

    /// Runs one round with these events. Returns its journal.
    pub fn round_with(&mut self, batch: Vec<Ready>) -> String {
        SCRIPT.with_borrow_mut(|s| s.batches.push_back(batch));
        self.round()
    }

    /// Runs rounds until nothing is queued. Their journal is dropped.
    pub fn settle(&mut self) {
        while !self.engine.run_queue.are_empty() || !self.engine.run_queue.unarmed.is_empty() {
            SCRIPT.with_borrow_mut(|s| s.batches.push_back(Vec::new()));
            self.round();
        }
    }

    pub fn log(&mut self) -> Vec<String> {
        // Without the time.
        let text = |line: &String| line.split_once(" [").map_or(String::new(), |(_, rest)| format!("[{rest}"));
        self.engine.log().lines().iter().map(text).collect()
    }
}

/// The side on which a handler of the connection's transaction has failed, if one has.
pub fn failed_side(play: &Play, x: Token) -> Option<Side> {
    play.engine.connections.get(x)?.transactions.current()?.failed.map(|failure| failure.side)
}

/// Cancels the handlers of the transaction that the task works for.
pub fn cancel_handlers(cx: &mut Context<'_, World>) {
    cx.work().expect("it has begun").cancel_handlers();
}

/// A new connection with a transaction.
pub fn connection() -> Connection {
    let mut x = Connection::new(None, Identity::for_tests());
    x.transactions.begin(&mut SpareTransactions::default(), Rc::clone(&x.route), None);
    set_level(&mut x, Level::Info);
    x
}

/// Sets the level of the error log for the connection and its transaction.
pub fn set_level(x: &mut Connection, error_level: Level) {
    let mut server = Server::clone(&x.route.server);
    server.settings = Arc::new(Settings { error_level, ..Settings::default() });
    x.route = Rc::new(Route::to_server(&Arc::new(server)));
    if let Some(transaction) = x.transactions.current_mut() {
        transaction.route = Rc::clone(&x.route);
    }
}

/// An event for the token that this puppet was armed with last.
pub fn ready(name: &'static str) -> Ready {
    Ready { token: SCRIPT.with_borrow(|s| s.tokens[name]), hangup: false }
}

/// A hangup for the token that this puppet was armed with last.
pub fn hangup(name: &'static str) -> Ready {
    Ready { hangup: true, ..ready(name) }
}

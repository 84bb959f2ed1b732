//! The simulated client and kernel: the client's bytes arrive in pieces, it takes the responses in portions, and the
//! clock moves only when the test moves it.

use super::played::{Act, Played};
use crate::connection::{Client, Connection, Front, Identity, Phase, ReadState, Stage};
use crate::engine::{Event, Flow, Notice, Seen, Task, TaskError, Want};
use crate::http::seeded::Seeded;
use crate::route::ListenerState;
use crate::task::Context;
use crate::task::http1::Http1;
use crate::worker::Worker;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fs::File;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;
use webserv_sys::{Error, Moment, Poller, Ready, Token, Watch};

thread_local! {
    static NOW: Cell<Moment> = Cell::new(Moment::now());
    static WIRE: RefCell<Wire> = RefCell::new(Wire::new(Seeded(0), PathBuf::new(), Vec::new()));
}

/// The simulated time.
pub fn now() -> Moment {
    NOW.get()
}

/// Moves the clock.
pub fn pass(time: Duration) {
    NOW.set(NOW.get().after(time));
}

/// An event from the client.
pub enum News {
    Piece(Vec<u8>),
    /// The client closes its sending direction.
    End,
}

/// The state that the simulated tasks share. There is one connection at a time, and one test in each thread.
pub struct Wire {
    pub random: Seeded,
    /// Events that the server has not read yet.
    pub news: VecDeque<News>,
    /// The number of bytes that the server has read.
    pub read_bytes: usize,
    /// The bytes that the client has received.
    pub taken: Vec<u8>,
    /// The client takes at most this number of bytes in one turn.
    pub portion: usize,
    /// The kernel reports every armed watch. Without armed watches it moves the clock to the next deadline.
    pub is_kind: bool,
    /// The engine has tasks in its queue.
    pub is_busy: bool,
    /// The acts of the played handlers, for each request.
    pub acts: Vec<VecDeque<Act>>,
    /// The number of played handlers.
    pub playing: usize,
    /// The number of turns of the tasks of this module, and of played handlers.
    pub turns: usize,
    /// The client resets the connection in this turn.
    pub gone_at: Option<usize>,
    pub reader: Option<Token>,
    reads: Option<Token>,
    writes: Option<Token>,
    /// The descriptor of all watches.
    pub file: Rc<File>,
    /// A folder for listings.
    pub folder: PathBuf,
}

/// Starts with a new connection.
pub fn reset(wire: Wire) {
    WIRE.set(wire);
}

pub fn with<T>(f: impl FnOnce(&mut Wire) -> T) -> T {
    WIRE.with_borrow_mut(f)
}

pub type Outcome = Result<Flow, TaskError>;

impl Wire {
    pub fn new(random: Seeded, folder: PathBuf, acts: Vec<VecDeque<Act>>) -> Self {
        let file = Rc::new(File::open("/dev/null").expect("/dev/null opens"));
        Self {
            random,
            news: VecDeque::new(),
            read_bytes: 0,
            taken: Vec::new(),
            portion: 1,
            is_kind: false,
            is_busy: false,
            acts,
            playing: 0,
            turns: 0,
            gone_at: None,
            reader: None,
            reads: None,
            writes: None,
            file,
            folder,
        }
    }

    fn place(&mut self, watch: Watch<'_>) -> &mut Option<Token> {
        match watch {
            Watch::Read(_) => &mut self.reads,
            Watch::Write(_) => &mut self.writes,
            _ => panic!("only the writer and the played handler are watched"),
        }
    }

    fn report(&mut self, out: &mut Vec<Ready>) {
        for token in [self.writes, self.reads].into_iter().flatten() {
            if !self.is_busy && (self.is_kind || self.random.below(2) == 0) {
                out.push(Ready { token, hangup: false });
            }
        }
    }

    /// The client takes some of these bytes. Returns how many.
    fn take(&mut self, bytes: &[u8]) -> usize {
        let most = if self.is_kind { usize::MAX } else { 1 + self.random.below(self.portion) };
        let count = bytes.len().min(most);
        self.taken.extend_from_slice(&bytes[..count]);
        count
    }

    /// Counts a turn.
    ///
    /// # Errors
    /// The client resets the connection in this turn.
    pub fn begin_turn(&mut self) -> Result<(), TaskError> {
        self.turns += 1;
        match self.gone_at {
            Some(turn) if turn == self.turns => Err(TaskError::client(Error::timed_out("read"))),
            _ => Ok(()),
        }
    }
}

/// Reports armed watches at random. It reports none while the engine has tasks in its queue, and it reports the writer
/// first. So the engine always asks the reader before a handler that has just joined (see [`replace`]).
pub struct Events;

impl Poller for Events {
    fn name(&self) -> &'static str {
        "played"
    }

    fn arm(&mut self, watch: Watch<'_>, token: Token) -> webserv_sys::Result<()> {
        with(|wire| *wire.place(watch) = Some(token));
        Ok(())
    }

    fn disarm(&mut self, watch: Watch<'_>) -> webserv_sys::Result<()> {
        with(|wire| *wire.place(watch) = None);
        Ok(())
    }

    fn wait(&mut self, timeout: Option<Duration>, out: &mut Vec<Ready>) -> webserv_sys::Result<()> {
        out.clear();
        with(|wire| wire.report(out));
        if let (true, true, Some(timeout)) = (with(|wire| wire.is_kind), out.is_empty(), timeout) {
            pass(timeout);
        }
        Ok(())
    }
}

/// Opens the connection.
pub struct Opener(pub Rc<ListenerState>);

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

    fn handle(&mut self, _: Event, cx: &mut Context<'_>) -> Outcome {
        let identity = Identity::new(Rc::clone(&self.0), 1, Client::Unknown);
        let until = cx.now.after(self.0.route.settings.client_header_timeout);
        let x = Connection::new(None, identity);
        cx.open(
            x,
            [Box::new(Http1::new(cx.now)), Box::new(Writer(with(|wire| Rc::clone(&wire.file)))), Box::new(Reader)],
            until,
        );
        Ok(Flow::Done)
    }
}

/// Whether a handler has joined that a played one must replace.
fn is_to_be_replaced(wire: &Wire, seen: Seen<'_>) -> bool {
    let Some(t) = seen.transaction else { return false };
    let has_act = wire.acts.get(t.http.number as usize - 1).is_some_and(|acts| !acts.is_empty());
    has_act && wire.playing == 0 && t.http.stage == Stage::Handler && !t.handlers.is_empty()
}

/// Replaces a handler that has had no turn yet by a played one. The engine asks the tasks of a connection in a circle,
/// and the reader stands before the handlers.
fn replace(cx: &mut Context<'_>) {
    if !with(|wire| is_to_be_replaced(wire, cx.seen())) {
        return;
    }
    let Some(mut w) = cx.work() else { return };
    let act = with(|wire| wire.acts[w.t.http.number as usize - 1].pop_front());
    w.cancel_handlers();
    w.join(Box::new(Played::new(act.expect("there is one"), w.t.http.number)));
}

/// Simulates ClientRead, and replaces handlers.
struct Reader;

impl Reader {
    /// Reads one piece. It follows the same rules as ClientRead.
    fn read(wire: &mut Wire, x: &mut Connection) -> Flow {
        let room = match x.phase {
            Phase::Open if x.input.is_ended() => 0,
            Phase::Open => x.input.room(),
            Phase::Lingering if x.output.is_empty() => usize::MAX,
            Phase::Lingering | Phase::Closing | Phase::Closed => 0,
        };
        if room == 0 {
            return Flow::Progress;
        }
        match wire.news.pop_front() {
            Some(News::Piece(_)) if x.phase == Phase::Lingering => x.reading.insert(ReadState::DROPPED),
            Some(News::Piece(mut bytes)) => {
                let rest = bytes.split_off(bytes.len().min(room));
                if !rest.is_empty() {
                    wire.news.push_front(News::Piece(rest));
                }
                wire.read_bytes += bytes.len();
                x.input.push_bytes(bytes);
            }
            Some(News::End) => {
                x.input.end();
                if x.phase == Phase::Lingering {
                    return Flow::Done;
                }
            }
            None => {}
        }
        Flow::Progress
    }
}

impl Task<Worker> for Reader {
    fn kind(&self) -> &'static str {
        "Reader"
    }

    fn doing(&self) -> &'static str {
        ""
    }

    fn watch<'w>(&'w self, _: Option<&'w Connection>) -> Watch<'w> {
        Watch::Always
    }

    fn wants(&self, seen: Seen<'_>) -> Want {
        let has_work = with(|wire| wire.reader.is_none() || is_to_be_replaced(wire, seen));
        if has_work { Want::Turn } else { Want::Nothing }
    }

    fn handle(&mut self, event: Event, cx: &mut Context<'_>) -> Outcome {
        if event == Event::Cancel {
            return Ok(Flow::Done);
        }
        with(Wire::begin_turn)?;
        with(|wire| wire.reader = Some(cx.token()));
        replace(cx);
        Ok(Flow::Progress)
    }

    fn notice(&mut self, notice: Notice, cx: &mut Context<'_>) -> Outcome {
        replace(cx);
        if notice != Notice::Place {
            return Ok(Flow::Progress);
        }
        with(Wire::begin_turn)?;
        Ok(with(|wire| Self::read(wire, cx.connection())))
    }
}

/// Simulates ClientWrite.
struct Writer(Rc<File>);

impl Task<Worker> for Writer {
    fn kind(&self) -> &'static str {
        "Writer"
    }

    fn doing(&self) -> &'static str {
        ""
    }

    fn watch<'w>(&'w self, _: Option<&'w Connection>) -> Watch<'w> {
        Watch::Write(self.0.as_fd())
    }

    fn wants(&self, seen: Seen<'_>) -> Want {
        if seen.connection.is_some_and(|x| !x.output.is_empty()) { Want::Kernel } else { Want::Nothing }
    }

    fn handle(&mut self, event: Event, cx: &mut Context<'_>) -> Outcome {
        if event == Event::Cancel {
            return Ok(Flow::Done);
        }
        let Context { connection: Some(x), worker, .. } = cx else { return Ok(Flow::Done) };
        with(Wire::begin_turn)?;
        let bytes = match x.output.front() {
            None => return Ok(Flow::Progress),
            Some(Front::Bytes(bytes)) => bytes,
            Some(Front::File(..)) => panic!("the files are short, so they are read"),
        };
        let count = with(|wire| wire.take(bytes));
        let flow = if count < bytes.len() { Flow::Blocked } else { Flow::Progress };
        x.output.consume_into(count as u64, &mut worker.buffers);
        x.sent_bytes += count as u64;
        x.output.give_back_to(&mut worker.pipes);
        Ok(flow)
    }
}

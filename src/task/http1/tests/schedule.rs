//! One schedule: the order of events, and what goes wrong.

use super::check::{Facts, check};
use super::client::{self, Events, News, Opener, Wire};
use super::requests::{FILE, Request, SORRY, TEXTS};
use crate::config::Config;
use crate::engine::{Engine, Notice};
use crate::http::seeded::Seeded;
use crate::log::{AccessLogs, ErrorLog, Level, LogFiles};
use crate::route::ListenerState;
use crate::task::temp_dir::TempDir;
use crate::worker::{Team, Worker};
use std::cell::Cell;
use std::collections::VecDeque;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// When the kernel reports all events, a connection must end within this number of rounds.
const ROUNDS_MAX: usize = 500;

/// The configuration, the files and the access log. All schedules of a test share them.
pub struct Site {
    folder: TempDir,
    /// The configurations before and after a reload.
    configs: [Arc<Config>; 2],
    logs: LogFiles,
    log: File,
    /// How many bytes of the log were read by earlier schedules.
    log_read_bytes: Cell<u64>,
    level: Level,
}

fn config(folder: &TempDir, text: &[u8], level: &str) -> Arc<Config> {
    let (root, text) = (folder.path().display(), text.escape_ascii());
    let config = format!(
        "error_log stderr {level}; http {{ root {root}; error_page 404 /sorry; open_file_cache off;
        log_format own '$connection_requests $status $bytes_sent';
        access_log {root}/access own buffer=1m flush=1h;
        server {{ listen 127.0.0.1:8080;
            location = /text {{ return 200 {text}; }}
            location = /moved {{ return 301 /text; }}
            location = /drop {{ return 444; }}
            location /played/ {{ autoindex on; }}
            location /program/ {{ cgi_pass /nowhere; }} }} }}"
    );
    Arc::new(Config::from_text("test.conf", &config, folder.path(), "").unwrap_or_else(|error| panic!("{error}")))
}

impl Site {
    /// `level` is the level of the error log, which is shown when a schedule fails.
    pub fn new(level: Level) -> Self {
        let folder = TempDir::new();
        folder.write("file", FILE);
        folder.write("sorry", SORRY);
        std::fs::create_dir(folder.path().join("folder")).expect("it is made");
        folder.write("folder/listed", b"");
        let configs = TEXTS.map(|text| config(&folder, text, level.name()));
        let logs = LogFiles::open(&configs[0]).unwrap_or_else(|error| panic!("{error}"));
        let log = File::open(folder.path().join("access")).expect("it is there");
        Self { folder, configs, logs, log, log_read_bytes: Cell::new(0), level }
    }

    /// The new lines of the access log.
    fn new_lines(&self) -> Vec<String> {
        let mut bytes = vec![0; 1 << 14];
        let count = self.log.read_at(&mut bytes, self.log_read_bytes.get()).expect("it is read");
        assert!(count < bytes.len(), "the lines of one schedule");
        self.log_read_bytes.set(self.log_read_bytes.get() + count as u64);
        String::from_utf8_lossy(&bytes[..count]).lines().map(str::to_owned).collect()
    }
}

/// What goes wrong with a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Trouble {
    None,
    /// The client closes its sending direction after this number of bytes.
    HalfClosed(usize),
    /// The client resets the connection in this turn of a played task.
    Gone(usize),
    /// Before this round the clock jumps.
    Late(usize),
    /// Before this round the server has a new configuration.
    Reloaded(usize),
    /// Before this round the server begins to drain.
    Drained(usize),
}

/// The plan of a schedule.
pub struct Script {
    pub requests: Vec<Request>,
    /// Where the client's bytes are cut into pieces.
    pub cuts: Vec<usize>,
    /// The client takes at most this number of bytes in one turn.
    pub portion: usize,
    pub trouble: Trouble,
    /// The engine tries a call before it asks the kernel.
    pub try_first: bool,
    pub random: Seeded,
}

/// How long a schedule was.
pub struct Ran {
    pub turns: usize,
    pub rounds: usize,
}

struct Schedule<'s> {
    site: &'s Site,
    script: Script,
    engine: Engine<Worker>,
    listener: Rc<ListenerState>,
    coming: VecDeque<News>,
    facts: Facts,
    rounds: usize,
}

impl Script {
    /// A script without cuts and without trouble.
    pub fn plain(requests: Vec<Request>) -> Self {
        let (trouble, random) = (Trouble::None, Seeded(1));
        Self { requests, cuts: Vec::new(), portion: usize::MAX, trouble, try_first: true, random }
    }

    /// The bytes that the client sends.
    pub fn bytes(&self) -> Vec<u8> {
        self.requests.iter().flat_map(|request| request.bytes.clone()).collect()
    }

    fn pieces(&self) -> VecDeque<News> {
        let mut bytes = self.bytes();
        if let Trouble::HalfClosed(at) = self.trouble {
            bytes.truncate(at);
        }
        let (mut pieces, mut from) = (VecDeque::new(), 0);
        for to in self.cuts.iter().copied().chain([bytes.len()]).map(|cut| cut.min(bytes.len())) {
            if to > from {
                pieces.push_back(News::Piece(bytes[from..to].to_vec()));
                from = to;
            }
        }
        if matches!(self.trouble, Trouble::HalfClosed(_)) {
            pieces.push_back(News::End);
        }
        pieces
    }

    /// Runs the schedule and checks the result.
    pub fn run(self, site: &Site) -> Ran {
        let acts = self.requests.iter().map(|request| request.acts.iter().copied().collect()).collect();
        let mut wire = Wire::new(Seeded(self.random.0), site.folder.path().join("folder"), acts);
        wire.portion = self.portion;
        if let Trouble::Gone(turn) = self.trouble {
            wire.gone_at = Some(turn);
        }
        client::reset(wire);
        let config = Arc::clone(&site.configs[0]);
        let logs = AccessLogs::new(&config.access_logs, &site.logs);
        let mut worker = Worker::new(Arc::clone(&config), Team::member(0), logs);
        let configured = config.listeners[0].clone();
        let local = configured.address.clone();
        let listener = worker.listener_state(configured, local);
        let mut engine = Engine::new(Box::new(Events), self.try_first, ErrorLog::in_memory(site.level), worker);
        engine.set_clock(client::now);
        engine.start(Box::new(Opener(Rc::clone(&listener))));
        let (coming, facts) = (self.pieces(), Facts::new(self.trouble));
        Schedule { site, script: self, engine, listener, coming, facts, rounds: 0 }.run()
    }
}

impl Schedule<'_> {
    fn run(mut self) -> Ran {
        let mut extra = self.script.random.below(30);
        while extra > 0 {
            self.make_trouble();
            while !self.coming.is_empty() && self.script.random.below(2) == 0 {
                self.something_comes();
            }
            if self.coming.is_empty() {
                extra -= 1;
            }
            self.round();
        }
        client::with(|wire| wire.is_kind = true);
        for _ in 0..ROUNDS_MAX {
            if self.engine.connections_open() + self.engine.tasks() == 0 {
                return self.end();
            }
            self.make_trouble();
            while !self.coming.is_empty() {
                self.something_comes();
            }
            self.round();
        }
        panic!("the connection is not over after {ROUNDS_MAX} rounds of a kind kernel");
    }

    fn round(&mut self) {
        let reader = client::with(|wire| wire.reader.filter(|_| !wire.news.is_empty()));
        if let Some(reader) = reader.filter(|_| self.engine.connections_open() > 0) {
            self.engine.tell_task(reader, Notice::Place);
        }
        client::with(|wire| wire.is_busy = self.engine.is_busy());
        self.engine.round().expect("this poller never fails");
        if self.script.trouble == Trouble::Drained(self.rounds) {
            // Http1 learns of the drain at the end of the round.
            self.facts.came_before = Some(client::with(|wire| wire.read_bytes));
        }
        self.rounds += 1;
    }

    fn something_comes(&mut self) {
        client::with(|wire| wire.news.extend(self.coming.pop_front()));
    }

    /// Causes the trouble, if it belongs before this round.
    fn make_trouble(&mut self) {
        let is_now = match self.script.trouble {
            Trouble::Late(round) | Trouble::Reloaded(round) | Trouble::Drained(round) => round == self.rounds,
            Trouble::None | Trouble::HalfClosed(_) | Trouble::Gone(_) => false,
        };
        if !is_now {
            return;
        }
        self.facts.came_before = Some(client::with(|wire| wire.read_bytes));
        match self.script.trouble {
            Trouble::Late(_) => client::pass(Duration::from_secs(100)),
            Trouble::Reloaded(_) => {
                let worker = &mut self.engine.worker;
                worker.config = Arc::clone(&self.site.configs[1]);
                worker.transactions.clear();
                worker.files.clear();
                self.engine.tell_all_tasks(Notice::Reload);
            }
            _ => {
                self.engine.worker.draining = true;
                self.engine.tell_all_tasks(Notice::Drain);
            }
        }
    }

    fn end(self) -> Ran {
        let worker = &self.engine.worker;
        assert_eq!(client::with(|wire| wire.playing), 0, "played handlers are left");
        assert!(worker.idle.is_empty(), "a connection that is over is on the list of the idle ones");
        assert_eq!(Rc::strong_count(&self.listener), 1, "the connection itself is left");
        let taken = client::with(|wire| std::mem::take(&mut wire.taken));
        let _shown = Shown(&taken);
        check(&self.script.requests, &taken, &self.facts, &self.site.new_lines());
        Ran { turns: client::with(|wire| wire.turns), rounds: self.rounds }
    }
}

impl Drop for Schedule<'_> {
    /// Prints the script when a schedule fails.
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.engine.log().lines().join("\n"));
            let Script { requests, cuts, portion, trouble, .. } = &self.script;
            for request in requests {
                eprintln!("{}: {:?}, {:?}", request.bytes.escape_ascii(), request.acts, request.expected);
            }
            eprintln!("cut at {cuts:?}, taken {portion} at once, trouble: {trouble:?}");
        }
    }
}

/// Prints the received bytes when a schedule fails.
struct Shown<'t>(&'t [u8]);

impl Drop for Shown<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let (count, first) = (self.0.len(), &self.0[..self.0.len().min(3000)]);
            eprintln!("{count} bytes out: {}", first.escape_ascii());
        }
    }
}

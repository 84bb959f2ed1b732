use super::*;
use crate::config::{Config, Protocol};
use crate::connection::Identity;
use crate::route::{ListenerState, Routes};
use crate::task::temp_dir::TempDir;
use crate::task::test_engine::engine;

/// A client that has sent its lines, and discards the answers.
struct Client {
    lines: Option<&'static [u8]>,
}

impl Task<Worker> for Client {
    fn kind(&self) -> &'static str {
        "Client"
    }

    fn doing(&self) -> &'static str {
        ""
    }

    fn watch<'w>(&'w self, _: Option<&'w Connection>) -> Watch<'w> {
        Watch::Always
    }

    fn wants(&self, Seen { connection: x, .. }: Seen<'_>) -> Want {
        let has_work = self.lines.is_some() || x.is_some_and(|x| !x.output.is_empty());
        if has_work { Want::Turn } else { Want::Nothing }
    }

    fn handle(&mut self, event: Event, cx: &mut Context<'_>) -> Result<Flow, TaskError> {
        let x = cx.connection();
        x.output.clear();
        x.input.push_copy(self.lines.take().unwrap_or_default());
        Ok(if event == Event::Cancel { Flow::Done } else { Flow::Progress })
    }
}

/// Opens the connections of the clients.
struct Opener {
    clients: usize,
    listener: Rc<ListenerState>,
    server: Arc<DirectoryServer>,
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
        for _ in 0..self.clients {
            let session = Directory::new(Arc::clone(&self.server), cx.now);
            let sends = Client { lines: Some(b"VERSION 1\r\nLOGIN guest wrong\r\n") };
            let client = crate::connection::Client::Unknown;
            let identity = Identity::new(Rc::clone(&self.listener), 1, client);
            let x = Connection::new(None, identity);
            let until = cx.now.after(self.server.timeout);
            cx.open(x, [Box::new(session), Box::new(sends), Box::new(Client { lines: None })], until);
        }
        Ok(Flow::Done)
    }
}

/// A bug: each session hashed a part in each round. With 2,000 logins, other clients waited for half a second.
#[test]
fn many_logins_at_once_delayed_other_connections() {
    let folder = TempDir::new();
    folder.write("users", b"guest:$5$abcdefgh$osWA07JwAHeKYaCM2OP806Wc/laToNFtqYGGdRhSew2\n");
    let text = "directory { users users; server { listen 127.0.0.1:1; root .; } }";
    let config = Config::from_text("site.conf", text, folder.path(), "").unwrap_or_else(|errors| panic!("{errors}"));
    let listener = config.listeners[0].clone();
    let Protocol::Directory(server) = listener.protocol.clone() else { panic!("it speaks the directory protocol") };
    let (clients, mut engine) = (20, engine());
    let local = listener.address.clone();
    let listener = Rc::new(ListenerState::new(Rc::new(Routes::new(Arc::new(config))), listener, local));
    engine.start(Box::new(Opener { clients, listener, server }));
    let mut rounds = 0;
    while engine.log().lines().iter().filter(|line| line.contains("no such user")).count() < clients {
        engine.round().unwrap();
        rounds += 1;
    }
    let pieces = 10; // 5,000 rounds of hashing, 500 at once
    assert!(rounds >= clients * pieces, "in {rounds} rounds of the loop");
}

//! `webserv dir HOST[:PORT]`: a client of the directory protocol (docs/directory.md). A prompt on a terminal; from a
//! pipe it takes a command per line. Blocking sockets: it does one thing at a time.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, IsTerminal, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;
use webserv::directory::PORT;

/// How long the server may take to be reached, or to send or take anything.
const PATIENCE: Duration = Duration::from_secs(60);

/// Bytes of a line that a server may send.
const LINE_BYTES_MAX: u64 = 16 << 10;

const HELP: &str = "\
dir                    list the directory
cd DIR                 change to another one
pwd                    where am I?
get NAME [> FILE]      fetch a file, to FILE; \"-\" is the screen. A file that is here already stays as it is
login NAME PASSWORD    say who you are
logout                 be nobody again
quit                   end
";

/// Talks to the server on this host until the commands from standard input end.
///
/// # Errors
/// The server cannot be reached, or does not keep to the protocol; or standard input is no terminal and some of its
/// commands have failed.
pub fn run(host: &str) -> Result<(), String> {
    let mut session = Session::open(host)?;
    let interactive = io::stdin().is_terminal();
    let (mut commands, mut failures) = (0, 0);
    let mut input = io::stdin().lock();
    loop {
        if interactive {
            show("dir> ")?;
        }
        let mut line = String::new();
        match input.read_line(&mut line) {
            Ok(0) => break,
            Ok(_) => {}
            Err(error) => return Err(format!("cannot read the commands: {error}")),
        }
        let (verb, argument) = line.trim().split_once(' ').unwrap_or((line.trim(), ""));
        if verb.is_empty() {
            continue;
        }
        if verb.eq_ignore_ascii_case("quit") {
            break;
        }
        commands += 1;
        if let Err(message) = session.obey(&verb.to_ascii_lowercase(), argument.trim())? {
            failures += 1;
            let _ = writeln!(io::stderr(), "webserv: {message}");
        }
    }
    let _ = session.stream.get_mut().write_all(b"QUIT\r\n"); // if it is gone already, all the better
    match failures {
        0 => Ok(()),
        _ if interactive => Ok(()),
        _ => Err(format!("{failures} of {commands} commands failed")),
    }
}

/// What a command came to: a message if it failed. The outer error ends the session.
type Outcome = Result<Result<(), String>, String>;

struct Session {
    stream: BufReader<TcpStream>,
    version: u8,
}

impl Session {
    fn open(host: &str) -> Result<Self, String> {
        let stream = connect(host)?;
        let patience = Some(PATIENCE);
        let set = stream.set_read_timeout(patience).and_then(|()| stream.set_write_timeout(patience));
        set.map_err(|error| error.to_string())?;
        let mut session = Self { stream: BufReader::new(stream), version: 0 };
        // Who does not know of versions speaks the first one.
        session.version = u8::from(session.ask("VERSION 1")? == "VERSION 1");
        Ok(session)
    }

    fn obey(&mut self, verb: &str, argument: &str) -> Outcome {
        match (verb, argument) {
            ("dir" | "ls", "") => self.list(),
            ("pwd", "") => {
                let path = self.ask("PWD")?;
                if path.starts_with("ERROR") { Ok(Err(path)) } else { show(&(path + "\n")).map(Ok) }
            }
            ("cd", name) if !name.is_empty() => self.succeed(&format!("CD {name}"), "there is no such directory"),
            ("login", words) if words.split_whitespace().count() == 2 => {
                self.succeed(&format!("LOGIN {words}"), "no such user with this password")
            }
            ("get", name) if !name.is_empty() => match name.split_once(" > ") {
                Some((name, file)) => self.get(name.trim(), file.trim()),
                None => self.get(name, name.rsplit('/').next().unwrap_or(name)),
            },
            ("logout", "") if self.version == 0 => Ok(Err("this server knows no users".to_owned())),
            ("logout", "") => self.say("LOGOUT").map(Ok), // the one request without an answer
            ("help" | "?", "") => show(HELP).map(Ok),
            _ => Ok(Err(format!("\"{verb} {argument}\" is no command; \"help\" shows them"))),
        }
    }

    /// A request that is answered with a word.
    fn succeed(&mut self, request: &str, otherwise: &str) -> Outcome {
        Ok(match &self.ask(request)?[..] {
            "SUCCEEDED" | "OK" => Ok(()),
            "FAILED" | "ERROR" => Err(otherwise.to_owned()),
            other => Err(other.to_owned()),
        })
    }

    fn list(&mut self) -> Outcome {
        self.say("DIR")?;
        if self.version == 1 {
            let count = self.line()?;
            if count.starts_with("ERROR") {
                return Ok(Err(count));
            }
            count.parse::<u64>().map_err(|_| format!("the server says \"{count}\" where a number belongs"))?;
        }
        loop {
            match self.line()? {
                end if end.is_empty() => return Ok(Ok(())),
                name => show(&(name + "\n"))?,
            }
        }
    }

    fn get(&mut self, name: &str, file: &str) -> Outcome {
        let answer = self.ask(&format!("GET {name}"))?;
        if answer == "ERROR" {
            return Ok(Err(format!("there is no file {name}")));
        }
        if answer.starts_with("ERROR") {
            return Ok(Err(answer));
        }
        let bytes: u64 = answer.parse().map_err(|_| format!("the server says \"{answer}\" where a number belongs"))?;
        if file == "-" {
            return self.copy(bytes, &mut io::stdout().lock());
        }
        match File::create_new(file) {
            Ok(mut to) => self.copy(bytes, &mut to).inspect_err(|_| {
                let _ = fs::remove_file(file); // a part of it could be taken for the whole
            }),
            Err(error) => {
                self.copy(bytes, &mut io::sink())?.ok();
                Ok(Err(format!("cannot make the file {file}: {error}; choose another with: get {name} > FILE")))
            }
        }
    }

    fn copy(&mut self, bytes: u64, to: &mut dyn Write) -> Outcome {
        let copied = io::copy(&mut (&mut self.stream).take(bytes), to).and_then(|copied| to.flush().map(|()| copied));
        match copied {
            Ok(copied) if copied == bytes => Ok(Ok(())),
            Ok(copied) => Err(format!("the server ended after {copied} of {bytes} bytes")),
            Err(error) => Err(format!("the file did not come over: {error}")),
        }
    }

    fn ask(&mut self, request: &str) -> Result<String, String> {
        self.say(request)?;
        self.line()
    }

    fn say(&mut self, request: &str) -> Result<(), String> {
        let sent = self.stream.get_mut().write_all(format!("{request}\r\n").as_bytes());
        sent.map_err(|error| format!("cannot send to the server: {error}"))
    }

    /// A line from the server. What a terminal could obey in it is shown as "?".
    fn line(&mut self) -> Result<String, String> {
        let mut line = Vec::new();
        let read = (&mut self.stream).take(LINE_BYTES_MAX).read_until(b'\n', &mut line);
        read.map_err(|error| format!("nothing comes from the server: {error}"))?;
        match line.strip_suffix(b"\n") {
            Some(line) => {
                let line = String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line)).into_owned();
                Ok(line.replace(char::is_control, "?"))
            }
            None if line.len() as u64 == LINE_BYTES_MAX => Err("the server's line has no end".to_owned()),
            None => Err("the server has closed the connection".to_owned()),
        }
    }
}

/// To `HOST`, `HOST:PORT`, `[v6]`, `[v6]:PORT`.
fn connect(host: &str) -> Result<TcpStream, String> {
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !name.contains(':') || name.ends_with(']') => {
            (name, port.parse().map_err(|_| format!("\"{port}\" is no port: 1 to 65535 is"))?)
        }
        _ => (host, PORT),
    };
    let name = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    let failed = |error: io::Error| format!("cannot connect to {name} port {port}: {error}");
    let mut last = None;
    for address in (name, port).to_socket_addrs().map_err(failed)? {
        match TcpStream::connect_timeout(&address, PATIENCE) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = Some(error),
        }
    }
    Err(failed(last.unwrap_or_else(|| io::ErrorKind::AddrNotAvailable.into())))
}

/// Shows something. A reader who has seen enough and closes the pipe is no error.
fn show(text: &str) -> Result<(), String> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(format!("cannot write to standard output: {error}"))
        }
        _ => Ok(()),
    }
}

//! `webserv dir HOST[:PORT]`: a client of the directory protocol (docs/directory.md). It reads one command per line,
//! and shows a prompt on a terminal. Its sockets are blocking, since it does one thing at a time.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, IsTerminal, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::fd::AsFd;
use std::path;
use std::time::Duration;
use webserv::directory::PORT;
use webserv::http::deceptive::is_deceptive;
use webserv_sys::terminal::HiddenInput;

/// The timeout for connecting, for each read and for each write.
const PATIENCE: Duration = Duration::from_secs(60);

/// The maximum length of a line from the server, in bytes.
const LINE_BYTES_MAX: u64 = 16 << 10;

/// The number of names that are asked for at once. The server holds more answers than that.
const NAMES_AT_ONCE: usize = 100;

const HELP: &str = "\
dir                    list the directory; on a terminal, folders end with a slash
cd DIR                 change to another directory
pwd                    print the current directory
get NAME [> FILE]      fetch a file and store it as FILE, which must not exist yet; \"-\" is the screen
login NAME [PASSWORD]  log in; on a terminal, the password is asked for and not shown
logout                 log out
quit                   end
";

/// Connects to the server on this host and runs the commands from standard input.
///
/// # Errors
/// The server cannot be reached or violates the protocol; or standard input is not a terminal, and some commands have
/// failed.
pub fn run(host: &str) -> Result<(), String> {
    let interactive = io::stdin().is_terminal();
    let mut session = Session::open(host, interactive)?;
    let (mut commands, mut failures) = (0, 0);
    let mut input = io::stdin().lock();
    loop {
        if interactive {
            let place = session.place()?;
            show(&format!("{host}{place}> "))?;
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
    let _ = session.stream.get_mut().write_all(b"QUIT\r\n"); // an error does not matter: the session ends anyway
    match failures {
        0 => Ok(()),
        _ if interactive => Ok(()),
        _ => Err(format!("{failures} of {commands} commands failed")),
    }
}

/// The result of a command. The inner error is a failed command; the outer one ends the session.
type Outcome = Result<Result<(), String>, String>;

struct Session {
    stream: BufReader<TcpStream>,
    version: u8,
    /// Somebody types the commands on a terminal.
    interactive: bool,
}

impl Session {
    fn open(host: &str, interactive: bool) -> Result<Self, String> {
        let stream = connect(host)?;
        let patience = Some(PATIENCE);
        let set = stream.set_read_timeout(patience).and_then(|()| stream.set_write_timeout(patience));
        set.map_err(|error| error.to_string())?;
        let mut session = Self { stream: BufReader::new(stream), version: 0, interactive };
        // A server without `VERSION` answers with an error and speaks version 0.
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
            ("login", words) if words.split_whitespace().count() == 2 => self.log_in(words),
            ("login", name) if self.interactive && name.split_whitespace().count() == 1 => match ask_password(name)? {
                Some(password) => self.log_in(&format!("{name} {password}")),
                None => Ok(Err("no password was typed".to_owned())),
            },
            ("get", name) if !name.is_empty() => match name.split_once(" > ") {
                Some((name, file)) => self.get(name.trim(), file.trim()),
                None => self.get(name, name.rsplit('/').next().unwrap_or(name)),
            },
            ("logout", "") if self.version == 0 => Ok(Err("this server knows no users".to_owned())),
            ("logout", "") => self.say("LOGOUT").map(Ok), // LOGOUT has no answer
            ("help" | "?", "") => show(HELP).map(Ok),
            _ => Ok(Err(format!("\"{verb} {argument}\" is no command; type \"help\" for a list"))),
        }
    }

    fn log_in(&mut self, name_and_password: &str) -> Outcome {
        self.succeed(&format!("LOGIN {name_and_password}"), "no such user with this password")
    }

    /// The session's directory, for the prompt. Empty if the server does not tell it: it wants a login first.
    fn place(&mut self) -> Result<String, String> {
        let path = self.ask("PWD")?;
        Ok(if path.starts_with('/') { format!(":{path}") } else { String::new() })
    }

    /// Sends a request whose answer is one status word. `otherwise` is the message if it fails.
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
            count.parse::<u64>().map_err(|_| format!("the server sent \"{count}\" instead of a number"))?;
        }
        if !self.interactive {
            loop {
                match self.line()? {
                    end if end.is_empty() => return Ok(Ok(())),
                    name => show(&(name + "\n"))?,
                }
            }
        }
        let mut names = Vec::new();
        loop {
            match self.line()? {
                end if end.is_empty() => break,
                name => names.push(name),
            }
        }
        let folders = self.count_folders(&names)?;
        for (index, name) in names.iter().enumerate() {
            show(&format!("{name}{}\n", if index < folders { "/" } else { "" }))?;
        }
        Ok(Ok(()))
    }

    /// How many of the first names are folders. A list does not tell them from files, but they come first, and a folder
    /// is what `CD` accepts. Asks for some names at once, and goes back to the directory of before.
    fn count_folders(&mut self, names: &[String]) -> Result<usize, String> {
        let here = self.ask("PWD")?;
        let mut folders = 0;
        for some in names.chunks(NAMES_AT_ONCE) {
            for name in some {
                self.say(&format!("CD {}/{name}", here.trim_end_matches('/')))?;
            }
            let mut found = 0;
            for _ in some {
                found += usize::from(matches!(&self.line()?[..], "SUCCEEDED" | "OK"));
            }
            folders += found;
            if found < some.len() {
                break;
            }
        }
        match &self.ask(&format!("CD {here}"))?[..] {
            "SUCCEEDED" | "OK" => Ok(folders),
            _ => Err(format!("the directory {here} is gone")),
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
        let bytes: u64 = answer.parse().map_err(|_| format!("the server sent \"{answer}\" instead of a number"))?;
        if file == "-" {
            return self.copy(bytes, &mut io::stdout().lock());
        }
        match File::create_new(file) {
            Ok(mut to) => {
                let copied = self.copy(bytes, &mut to).inspect_err(|_| {
                    let _ = fs::remove_file(file); // an incomplete file could be mistaken for the whole
                });
                if let Ok(Ok(())) = &copied {
                    let at = path::absolute(file).unwrap_or_else(|_| file.into());
                    let _ = writeln!(io::stderr(), "webserv: saved {name} as {} ({bytes} bytes)", at.display());
                }
                copied
            }
            Err(error) => {
                self.copy(bytes, &mut io::sink())?.ok();
                Ok(Err(format!("cannot create the file {file}: {error}; to choose another name: get {name} > FILE")))
            }
        }
    }

    fn copy(&mut self, bytes: u64, to: &mut dyn Write) -> Outcome {
        let copied = io::copy(&mut (&mut self.stream).take(bytes), to).and_then(|copied| to.flush().map(|()| copied));
        match copied {
            Ok(copied) if copied == bytes => Ok(Ok(())),
            Ok(copied) => Err(format!("the server closed the connection after {copied} of {bytes} bytes")),
            Err(error) => Err(format!("cannot fetch the file: {error}")),
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

    /// Reads a line from the server. Control characters and the like become "?", since a terminal could interpret them.
    fn line(&mut self) -> Result<String, String> {
        let mut line = Vec::new();
        let read = (&mut self.stream).take(LINE_BYTES_MAX).read_until(b'\n', &mut line);
        read.map_err(|error| format!("cannot read from the server: {error}"))?;
        match line.strip_suffix(b"\n") {
            Some(line) => {
                let line = String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line)).into_owned();
                Ok(line.replace(is_deceptive, "?"))
            }
            None if line.len() as u64 == LINE_BYTES_MAX => Err("the server's line has no end".to_owned()),
            None => Err("the server has closed the connection".to_owned()),
        }
    }
}

/// Asks for the password of this user on the terminal, which does not show it. Returns None at the end of the input.
fn ask_password(name: &str) -> Result<Option<String>, String> {
    let stdin = io::stdin();
    loop {
        let hidden = HiddenInput::new(stdin.as_fd()).map_err(|error| error.to_string())?;
        show(&format!("password of {name}: "))?;
        let line = hidden.read_line();
        show("\n")?; // the one that was typed is not shown either
        match line {
            Ok(line) => return Ok(line.map(|line| String::from_utf8_lossy(&line).into_owned())),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {} // stopped, and continued by the shell
            Err(error) => return Err(format!("cannot read the password: {error}")),
        }
    }
}

/// Connects to `HOST`, `HOST:PORT`, `[v6]` or `[v6]:PORT`.
fn connect(host: &str) -> Result<TcpStream, String> {
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !name.contains(':') || name.ends_with(']') => {
            (name, port.parse().map_err(|_| format!("\"{port}\" is no port; accepted: 1 to 65535"))?)
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

/// Writes to standard output. A closed pipe is not an error: `head` and pagers close it early.
fn show(text: &str) -> Result<(), String> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(format!("cannot write to standard output: {error}"))
        }
        _ => Ok(()),
    }
}

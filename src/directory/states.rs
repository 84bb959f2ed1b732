//! The states of the protocol: one table says what each line does in each state. The task follows the table,
//! docs/directory.md shows it, and a test of the running server checks every row.

use Action::{CheckPassword, Enter, List, Send};
use DirectoryAnswer as A;
use Input::{Cd, Dir, Get, Login, Logout, Mistake, Pwd, Quit, Version0, Version1};
use State::{End, Locked, Plain, Transfer};
use std::fmt;

/// The state of a session.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// The client has not chosen a version: version 0.
    Plain,
    /// The same, but the server requires a login, which version 0 does not have.
    Locked,
    /// Version 1, and a login is required.
    Login,
    /// Version 1, logged in, or no login is required.
    Transfer,
    /// The connection is closed.
    End,
}

/// The input of the table: the kind of a line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Input {
    /// `VERSION 0`
    Version0,
    /// `VERSION n` with another number
    Version1,
    /// `LOGIN name password`
    Login,
    /// `LOGOUT`
    Logout,
    /// `CD dir`
    Cd,
    /// `PWD`
    Pwd,
    /// `DIR`
    Dir,
    /// `GET name`
    Get,
    /// `QUIT`
    Quit,
    /// Anything else
    Mistake,
}

/// What the server does before the answer. It can fail.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    /// Nothing.
    Nothing,
    /// Check the name and the password.
    CheckPassword,
    /// Change the session's directory.
    Enter,
    /// Read the session's directory.
    List,
    /// Open the file.
    Send,
}

/// The answer to the client.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DirectoryAnswer {
    /// No line.
    Nothing,
    /// This line; the text behind its first word is for people.
    Line(&'static str),
    /// `ERROR` and what is wrong with the line.
    Mistake,
    /// The path of the session's directory.
    Path,
    /// The names, one per line, and an empty line.
    Names,
    /// A line with the number of names, then the same.
    CountAndNames,
    /// `ERROR`, and the empty line that a client of version 0 waits for.
    NoNames,
    /// A line with the number of bytes, then the bytes.
    CountAndBytes,
}

/// A row of the table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rule {
    /// In this state
    pub state: State,
    /// this line
    pub input: Input,
    /// makes the server do this.
    pub action: Action,
    /// If it succeeds: the answer and the next state.
    pub done: (DirectoryAnswer, State),
    /// If it fails: the answer and the next state.
    pub failed: (DirectoryAnswer, State),
}

const VERSION_0: DirectoryAnswer = A::Line("VERSION 0");
const VERSION_1: DirectoryAnswer = A::Line("VERSION 1");
const SUCCEEDED: DirectoryAnswer = A::Line("SUCCEEDED");
const FAILED: DirectoryAnswer = A::Line("FAILED");
const OK: DirectoryAnswer = A::Line("OK");
const ERROR: DirectoryAnswer = A::Line("ERROR");
const NOT_IN_0: DirectoryAnswer = A::Line("ERROR version 0 has no such verb: say VERSION 1 before");
const REFUSED: DirectoryAnswer = A::Line("ERROR version 0 is not spoken here: say VERSION 1 first");
const NOT_BACK: DirectoryAnswer = A::Line("ERROR version 1 is spoken already");
const WHO: DirectoryAnswer = A::Line("ERROR say LOGIN first");
const NO_LOGIN: DirectoryAnswer = A::Line("ERROR no login is asked for now");

const STATES: usize = 4;
const INPUTS: usize = 10;

/// Every state but [`State::End`] with every input, in the order of their definitions.
pub const TABLE: [Rule; STATES * INPUTS] = [
    at_once(Plain, Version0, VERSION_0, Plain),
    at_once(Plain, Version1, VERSION_1, Transfer),
    at_once(Plain, Login, NOT_IN_0, Plain),
    at_once(Plain, Logout, NOT_IN_0, Plain),
    after(Plain, Cd, Enter, (OK, Plain), (ERROR, Plain)),
    at_once(Plain, Pwd, A::Path, Plain),
    after(Plain, Dir, List, (A::Names, Plain), (A::NoNames, Plain)),
    at_once(Plain, Get, NOT_IN_0, Plain),
    at_once(Plain, Quit, A::Nothing, End),
    at_once(Plain, Mistake, A::Mistake, Plain),
    //
    at_once(Locked, Version0, REFUSED, End),
    at_once(Locked, Version1, VERSION_1, State::Login),
    at_once(Locked, Login, REFUSED, End),
    at_once(Locked, Logout, REFUSED, End),
    at_once(Locked, Cd, REFUSED, End),
    at_once(Locked, Pwd, REFUSED, End),
    at_once(Locked, Dir, REFUSED, End),
    at_once(Locked, Get, REFUSED, End),
    at_once(Locked, Quit, A::Nothing, End),
    at_once(Locked, Mistake, A::Mistake, Locked),
    //
    at_once(State::Login, Version0, NOT_BACK, State::Login),
    at_once(State::Login, Version1, VERSION_1, State::Login),
    after(State::Login, Login, CheckPassword, (SUCCEEDED, Transfer), (FAILED, State::Login)),
    at_once(State::Login, Logout, A::Nothing, State::Login),
    at_once(State::Login, Cd, WHO, State::Login),
    at_once(State::Login, Pwd, WHO, State::Login),
    at_once(State::Login, Dir, WHO, State::Login),
    at_once(State::Login, Get, WHO, State::Login),
    at_once(State::Login, Quit, A::Nothing, End),
    at_once(State::Login, Mistake, A::Mistake, State::Login),
    //
    at_once(Transfer, Version0, NOT_BACK, Transfer),
    at_once(Transfer, Version1, VERSION_1, Transfer),
    at_once(Transfer, Login, NO_LOGIN, Transfer),
    at_once(Transfer, Logout, A::Nothing, State::Login),
    after(Transfer, Cd, Enter, (SUCCEEDED, Transfer), (FAILED, Transfer)),
    at_once(Transfer, Pwd, A::Path, Transfer),
    after(Transfer, Dir, List, (A::CountAndNames, Transfer), (ERROR, Transfer)),
    after(Transfer, Get, Send, (A::CountAndBytes, Transfer), (ERROR, Transfer)),
    at_once(Transfer, Quit, A::Nothing, End),
    at_once(Transfer, Mistake, A::Mistake, Transfer),
];

/// A row whose action cannot fail.
const fn at_once(state: State, input: Input, answer: DirectoryAnswer, next: State) -> Rule {
    after(state, input, Action::Nothing, (answer, next), (answer, next))
}

const fn after(
    state: State,
    input: Input,
    action: Action,
    done: (DirectoryAnswer, State),
    failed: (DirectoryAnswer, State),
) -> Rule {
    Rule { state, input, action, done, failed }
}

/// Checks at compile time that the table is complete and in order.
const _: () = {
    let mut at = 0;
    while at < TABLE.len() {
        assert!(TABLE[at].state as usize == at / INPUTS && TABLE[at].input as usize == at % INPUTS);
        at += 1;
    }
};

impl State {
    /// The first state of a session.
    pub fn first(users_required: bool) -> Self {
        if users_required { Locked } else { Plain }
    }

    /// If no login is required, a session that would need one counts as logged in.
    pub fn or_skip_login(self, users_required: bool) -> Self {
        if self == State::Login && !users_required { Transfer } else { self }
    }

    /// The row for an input; None in the state [`State::End`].
    pub fn rule(self, input: Input) -> Option<&'static Rule> {
        TABLE.get(self as usize * INPUTS + input as usize)
    }

    /// As in the documentation.
    pub fn name(self) -> &'static str {
        match self {
            Plain => "version 0",
            Locked => "version 0, users required",
            State::Login => "login",
            Transfer => "file transfer",
            End => "end",
        }
    }
}

impl Input {
    /// As in the documentation.
    pub fn name(self) -> &'static str {
        match self {
            Version0 => "`VERSION 0`",
            Version1 => "`VERSION n`, n > 0",
            Login => "`LOGIN name password`",
            Logout => "`LOGOUT`",
            Cd => "`CD dir`",
            Pwd => "`PWD`",
            Dir => "`DIR`",
            Get => "`GET name`",
            Quit => "`QUIT`",
            Mistake => "anything else",
        }
    }
}

impl Action {
    /// As in the documentation.
    pub fn name(self) -> &'static str {
        match self {
            Action::Nothing => "",
            CheckPassword => "checks the password",
            Enter => "looks for the directory",
            List => "reads the directory",
            Send => "opens the file",
        }
    }
}

/// As in the documentation.
impl fmt::Display for DirectoryAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            A::Line(line) => return write!(f, "`{line}`"),
            A::Nothing => "nothing",
            A::Mistake => "`ERROR` and why",
            A::Path => "the directory",
            A::Names => "names, an empty line",
            A::CountAndNames => "how many, names, an empty line",
            A::NoNames => "`ERROR`, an empty line",
            A::CountAndBytes => "how many bytes, the bytes",
        })
    }
}

/// The table in Markdown, for the documentation.
pub fn document() -> String {
    let mut text = "| state | reads | does | answers | next state |\n| --- | --- | --- | --- | --- |\n".to_owned();
    for Rule { state, input, action, done, failed } in &TABLE {
        let or = |done: String, failed: String| if done == failed { done } else { format!("{done}; else {failed}") };
        let answer = or(done.0.to_string(), failed.0.to_string());
        let next = or(done.1.name().to_owned(), failed.1.name().to_owned());
        let row = [state.name(), input.name(), action.name(), &answer, &next];
        text += &format!("| {} |\n", row.join(" | ").replace("|  |", "| |"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `WEBSERV_WRITE_DOCS=1 cargo test --lib directory` rewrites it.
    #[test]
    fn the_documentation_shows_this_table() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/directory.md");
        let page = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{path}: {e}"));
        let (begin, end) = ("<!-- table: begin -->\n", "<!-- table: end -->");
        let (before, rest) = page.split_once(begin).expect("the mark before the table");
        let (shown, after) = rest.split_once(end).expect("the mark behind the table");
        if std::env::var_os("WEBSERV_WRITE_DOCS").is_some() {
            std::fs::write(path, [before, begin, &document(), end, after].concat()).expect("the page is written");
        } else {
            assert!(shown == document(), "docs/directory.md has another table; this is the right one:\n{}", document());
        }
    }

    #[test]
    fn every_state_can_be_reached_and_left() {
        let starts = [State::first(false), State::first(true)];
        for state in [Plain, Locked, State::Login, Transfer, End] {
            let leads = |rule: &Rule| rule.state != state && [rule.done.1, rule.failed.1].contains(&state);
            assert!(starts.contains(&state) || TABLE.iter().any(leads), "{state:?} is never reached");
            let quits = state.rule(Quit).is_none_or(|rule| rule.done == (A::Nothing, End));
            assert!(quits, "QUIT does not end {state:?}");
            assert_eq!(state.rule(Mistake).is_none(), state == End);
        }
        assert_eq!(State::Login.or_skip_login(false), Transfer);
        assert_eq!(State::Login.or_skip_login(true), State::Login);
    }

    /// Version 1 uses the words SUCCEEDED, FAILED and ERROR; version 0 uses OK and ERROR.
    #[test]
    fn each_version_has_its_own_words() {
        for rule in &TABLE {
            for answer in [rule.done.0, rule.failed.0] {
                let A::Line(line) = answer else { continue };
                let word = line.split(' ').next().unwrap();
                let own = if matches!(rule.state, Plain | Locked) { ["OK", "OK"] } else { ["SUCCEEDED", "FAILED"] };
                assert!(word == "VERSION" || word == "ERROR" || own.contains(&word), "{rule:?}");
            }
        }
    }
}

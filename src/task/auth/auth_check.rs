//! AuthCheck: checks a name and a password against a file of users (`auth_basic_user_file`).
//!
//! The file is read again only if it has changed. A slow hash is computed by another thread, and the task waits for it.

use super::HashRead;
use crate::connection::{AccessVerdict, Connection, Outcome};
use crate::engine::{Event, Flow, Notice, Seen, Task, TaskError, Want};
use crate::http::basic::Credentials;
use crate::limits::{HASH_TIMEOUT, USER_FILE_BYTES_MAX};
use crate::log::Level;
use crate::password::{self, Entry, Unusable};
use crate::task::Context;
use crate::worker::{UserText, Worker};
use std::os::fd::AsFd;
use webserv_sys::file::{self, FileKind, OpenFlags, Stat};
use webserv_sys::{Error, Watch};

/// A file that was changed less than this time ago may change once more without another ctime.
const YOUNG_SECS: i64 = 2;

/// Checks one request.
pub struct AuthCheck {
    /// The path of the file of users.
    path: Vec<u8>,
    /// The value of the Authorization field.
    field: Vec<u8>,
    stage: Stage,
}

enum Stage {
    /// Nothing is done yet.
    Fresh,
    /// The password is being hashed.
    Hashing {
        ticket: u64,
        known: bool,
        /// The reading of the file that has the hash.
        version: u64,
    },
    Over,
}

/// Why a file of users cannot be used.
enum NoFile {
    Call(Error),
    NotAFile,
    TooLong,
}

impl AuthCheck {
    /// Checks this Authorization field against the file at this path.
    pub fn new(path: Vec<u8>, field: Vec<u8>) -> Self {
        Self { path, field, stage: Stage::Fresh }
    }

    fn begin(&mut self, cx: &mut Context<'_>) -> Flow {
        let users = match self.users(cx) {
            Ok(users) => users,
            Err(error) => return self.without_file(&error, cx),
        };
        if cx.worker.logins.know(&self.path, &self.field, cx.now) {
            return self.end(AccessVerdict::Allow, cx);
        }
        let Some(credentials) = Credentials::parse(&self.field) else { return self.end(AccessVerdict::Deny(401), cx) };
        let (hash, known) = match password::hash_of_user(&users.text, credentials.user()) {
            Entry::Known(hash) => (hash, true),
            Entry::Unknown(Some(hash)) => (hash, false),
            Entry::Unknown(None) => return self.decide(Ok(false), false, users.version, cx),
        };
        if password::is_quick(hash) {
            let is_right = password::is_right(hash, credentials.password());
            return self.decide(is_right, known, users.version, cx);
        }
        match cx.worker.logins.hash(cx.token(), hash.to_vec(), credentials.password().to_vec()) {
            Ok((ticket, answers)) => {
                if let Some(answers) = answers {
                    cx.start(Box::new(HashRead::new(answers)));
                }
                self.stage = Stage::Hashing { ticket, known, version: users.version };
                cx.wake_after(HASH_TIMEOUT);
                Flow::Progress
            }
            Err(busy) => {
                cx.log(Level::Error, format_args!("{busy}"));
                self.end(AccessVerdict::Deny(503), cx)
            }
        }
    }

    /// The text of the file. Reads it if it was not read before, or has changed.
    fn users(&self, cx: &mut Context<'_>) -> Result<UserText, NoFile> {
        if let Some(users) = cx.worker.logins.file(&self.path, cx.now) {
            return Ok(users);
        }
        let looked = self.look(cx);
        if looked.is_err() {
            cx.worker.logins.forget(&self.path);
        }
        looked
    }

    fn look(&self, cx: &mut Context<'_>) -> Result<UserText, NoFile> {
        let path = file::c_path("openat", &self.path).map_err(NoFile::Call)?;
        let stat = file::fstatat(file::CWD, &path, true).map_err(NoFile::Call)?;
        if let Some(users) = cx.worker.logins.still(&self.path, &stat, cx.now) {
            return Ok(users);
        }
        let opened = file::openat(file::CWD, &path, OpenFlags::READ | OpenFlags::NON_BLOCKING, 0);
        let opened = opened.map_err(NoFile::Call)?;
        let stat = file::fstat(opened.as_fd()).map_err(NoFile::Call)?;
        if stat.kind != FileKind::File {
            return Err(NoFile::NotAFile);
        }
        if stat.size_bytes > USER_FILE_BYTES_MAX {
            return Err(NoFile::TooLong);
        }
        let mut text = vec![0; stat.size_bytes as usize];
        let mut filled = 0;
        while filled < text.len() {
            match file::pread(opened.as_fd(), &mut text[filled..], filled as u64).map_err(NoFile::Call)? {
                0 => break, // somebody has just made it shorter
                count => filled += count,
            }
        }
        text.truncate(filled);
        let now_secs = cx.worker.date.wall(cx.now).secs;
        let is_settled = |stat: &Stat| stat.changed_secs.max(stat.modified_secs) + YOUNG_SECS < now_secs;
        Ok(cx.worker.logins.keep(&self.path, text, Some(stat).filter(is_settled), cx.now))
    }

    /// The file cannot be used: the status is nginx's.
    fn without_file(&mut self, error: &NoFile, cx: &mut Context<'_>) -> Flow {
        let path = String::from_utf8_lossy(&self.path).into_owned();
        let status = match error {
            NoFile::Call(error) => {
                let is_missing = error.kind() == std::io::ErrorKind::NotFound;
                let level = if is_missing { Level::Error } else { Level::Crit };
                cx.log(level, format_args!("{error}: the file of users \"{path}\""));
                if is_missing { 403 } else { 500 }
            }
            NoFile::NotAFile => {
                cx.log(Level::Crit, format_args!("the file of users \"{path}\" is no file"));
                500
            }
            NoFile::TooLong => {
                cx.log(
                    Level::Crit,
                    format_args!("the file of users \"{path}\" is longer than {USER_FILE_BYTES_MAX} bytes"),
                );
                500
            }
        };
        self.end(AccessVerdict::Deny(status), cx)
    }

    /// The password has been checked. For an unknown user it was another user's.
    fn decide(&mut self, is_right: Result<bool, Unusable>, known: bool, version: u64, cx: &mut Context<'_>) -> Flow {
        let user = Credentials::parse(&self.field);
        let user = user.map_or_else(String::new, |it| String::from_utf8_lossy(it.user()).into_owned());
        let verdict = match is_right {
            Ok(true) if known => {
                cx.worker.logins.remember(&self.field, version, cx.now);
                AccessVerdict::Allow
            }
            _ if !known => {
                let path = String::from_utf8_lossy(&self.path).into_owned();
                cx.log(Level::Error, format_args!("user \"{user}\" was not found in \"{path}\""));
                AccessVerdict::Deny(401)
            }
            Ok(_) => {
                cx.log(Level::Error, format_args!("user \"{user}\": password mismatch"));
                AccessVerdict::Deny(401)
            }
            Err(Unusable::UnknownKind) => {
                cx.log(Level::Error, format_args!("user \"{user}\": {}", Unusable::UnknownKind));
                AccessVerdict::Deny(401)
            }
            Err(unusable @ Unusable::NotBuilt) => {
                cx.log(Level::Crit, format_args!("user \"{user}\": {unusable}"));
                AccessVerdict::Deny(500)
            }
        };
        self.end(verdict, cx)
    }

    fn end(&mut self, verdict: AccessVerdict, cx: &mut Context<'_>) -> Flow {
        self.stage = Stage::Over;
        cx.transaction().reply.outcome = Some(Outcome::Checked(verdict));
        Flow::Done
    }

    /// Nobody waits for the hash any more.
    fn give_up(&mut self, cx: &mut Context<'_>) {
        if let Stage::Hashing { ticket, .. } = self.stage {
            cx.worker.logins.give_up(ticket);
        }
    }
}

impl Task<Worker> for AuthCheck {
    fn kind(&self) -> &'static str {
        "AuthCheck"
    }

    fn doing(&self) -> &'static str {
        "checking a password"
    }

    fn watch<'w>(&'w self, _: Option<&'w Connection>) -> Watch<'w> {
        Watch::Always
    }

    fn wants(&self, _: Seen<'_>) -> Want {
        match self.stage {
            Stage::Fresh => Want::Kernel,
            Stage::Hashing { .. } | Stage::Over => Want::Nothing,
        }
    }

    fn handle(&mut self, event: Event, cx: &mut Context<'_>) -> Result<Flow, TaskError> {
        Ok(match (event, &self.stage) {
            (Event::Ready | Event::Hangup, Stage::Fresh) => self.begin(cx),
            (Event::Deadline, Stage::Hashing { .. }) => {
                self.give_up(cx);
                cx.log(Level::Error, format_args!("the password was not hashed within {HASH_TIMEOUT:?}"));
                self.end(AccessVerdict::Deny(503), cx)
            }
            (Event::Cancel, _) => {
                self.give_up(cx);
                Flow::Done
            }
            _ => Flow::Progress,
        })
    }

    fn notice(&mut self, notice: Notice, cx: &mut Context<'_>) -> Result<Flow, TaskError> {
        if let (Notice::Finished, Stage::Hashing { ticket, known, version }) = (notice, &self.stage) {
            let (ticket, known, version) = (*ticket, *known, *version);
            if let Some(is_right) = cx.worker.logins.take(ticket) {
                return Ok(self.decide(is_right, known, version, cx));
            }
        }
        Ok(Flow::Progress)
    }
}

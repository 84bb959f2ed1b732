//! What a worker knows of the users of `auth_basic`: their files, and who has sent the right password lately.
//!
//! Checking a password is slow on purpose. So a pair of name and password that was right is remembered for a minute:
//! not itself, only a keyed digest of it, whose key nobody knows outside of this process. When the file of users
//! changes, what was remembered of it is forgotten.

use super::hasher::{self, Busy, Checked, HashJob};
use crate::limits::{LOGIN_REMEMBERED, LOGINS_MAX, USER_FILE_TRUSTED, USER_FILES_MAX};
use crate::password::Unusable;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use webserv_sys::file::Stat;
use webserv_sys::{Moment, Result, Token, net};

/// The files of users, the remembered logins, and the passwords that are being hashed.
#[derive(Default)]
pub struct Logins {
    /// Few, so they are searched one after another.
    files: Vec<UserFile>,
    /// How many times a file has been read so far.
    reads: u64,
    /// Digests of names and passwords that were right, each with its end.
    remembered: HashMap<[u64; 2], Moment>,
    keys: [RandomState; 2],
    hashing: HashMap<u64, Hashing>,
    tickets: u64,
    channel: Option<HashChannel>,
}

/// A file of users.
struct UserFile {
    path: Vec<u8>,
    text: Rc<[u8]>,
    /// None if it was changed just before it was read: another change would leave the same times.
    stat: Option<Stat>,
    looked_at: Moment,
    /// The number of the reading that found this text first.
    version: u64,
}

/// How the thread that hashes passwords reaches this worker.
struct HashChannel {
    answers: Sender<Checked>,
    bell: Arc<OwnedFd>,
}

/// A password that is being hashed.
struct Hashing {
    /// The task that waits.
    task: Token,
    is_right: Option<std::result::Result<bool, Unusable>>,
}

/// The text of a file of users, with the number of its reading.
#[derive(Clone)]
pub struct UserText {
    /// The text.
    pub text: Rc<[u8]>,
    /// Another number means that the file has changed.
    pub version: u64,
}

/// The answers of the thread that hashes passwords.
pub struct HashAnswers {
    answers: Receiver<Checked>,
    /// Becomes readable when there are answers.
    pub bell: OwnedFd,
}

impl HashAnswers {
    /// The next answer: the job's ticket, and whether the password is right.
    pub fn next(&self) -> Option<(u64, std::result::Result<bool, Unusable>)> {
        self.answers.try_recv().ok().map(|checked| (checked.ticket, checked.is_right))
    }
}

impl Logins {
    /// Whether this Authorization field has been checked lately against the file at this path, which has not changed
    /// since then. Returns false, too, if it is time to look at the file again.
    pub fn know(&self, path: &[u8], field: &[u8], now: Moment) -> bool {
        let Some(file) = self.find(path).filter(|file| now < file.looked_at.after(USER_FILE_TRUSTED)) else {
            return false;
        };
        self.remembered.get(&self.digest(file.version, field)).is_some_and(|until| now < *until)
    }

    /// Remembers that this field is right, as this reading of the file says.
    pub fn remember(&mut self, field: &[u8], version: u64, now: Moment) {
        if self.remembered.len() >= LOGINS_MAX {
            self.remembered.retain(|_, until| now < *until);
        }
        if self.remembered.len() >= LOGINS_MAX {
            self.remembered.clear();
        }
        let digest = self.digest(version, field);
        self.remembered.insert(digest, now.after(LOGIN_REMEMBERED));
    }

    /// Two halves, each with a key of its own: nobody can find another field with the same digest.
    fn digest(&self, version: u64, field: &[u8]) -> [u64; 2] {
        [0, 1].map(|half| self.keys[half].hash_one((version, field)))
    }

    fn find(&self, path: &[u8]) -> Option<&UserFile> {
        self.files.iter().find(|file| file.path == path)
    }

    /// The file at this path, if it has been looked at a moment ago.
    pub fn file(&self, path: &[u8], now: Moment) -> Option<UserText> {
        let file = self.find(path).filter(|file| now < file.looked_at.after(USER_FILE_TRUSTED))?;
        Some(UserText { text: Rc::clone(&file.text), version: file.version })
    }

    /// Notes that the file has been looked at. Returns its text if it is the one that was read.
    pub fn still(&mut self, path: &[u8], stat: &Stat, now: Moment) -> Option<UserText> {
        let file = self.files.iter_mut().find(|file| file.path == path && file.stat == Some(*stat))?;
        file.looked_at = now;
        Some(UserText { text: Rc::clone(&file.text), version: file.version })
    }

    /// Keeps a file that has been read. `stat` is from before; None if the file was changed a moment ago.
    pub fn keep(&mut self, path: &[u8], text: Vec<u8>, stat: Option<Stat>, now: Moment) -> UserText {
        self.reads += 1;
        let same = self.find(path).filter(|file| *file.text == *text);
        let version = same.map_or(self.reads, |file| file.version);
        self.forget(path);
        if self.files.len() >= USER_FILES_MAX {
            self.files.clear(); // a path with variables: the next requests read their files again
        }
        let text: Rc<[u8]> = text.into();
        self.files.push(UserFile { path: path.to_vec(), text: Rc::clone(&text), stat, looked_at: now, version });
        UserText { text, version }
    }

    /// Forgets a file that cannot be read.
    pub fn forget(&mut self, path: &[u8]) {
        self.files.retain(|file| file.path != path);
    }

    /// Has a password hashed, for this task. Returns the ticket with which [`take`](Self::take) finds the answer. The
    /// first call also returns the answers of all later ones: a task must read them.
    ///
    /// # Errors
    /// Why it is not possible now.
    pub fn hash(
        &mut self,
        task: Token,
        hash: Vec<u8>,
        password: Vec<u8>,
    ) -> std::result::Result<(u64, Option<HashAnswers>), Busy> {
        let mut first = None;
        if self.channel.is_none() {
            let (channel, answers) =
                open().map_err(|_| "no descriptors are left for the thread that hashes passwords")?;
            self.channel = Some(channel);
            first = Some(answers);
        }
        let Some(HashChannel { answers, bell }) = &self.channel else { return Err("no channel is open") };
        self.tickets += 1;
        let ticket = self.tickets;
        let (answers, bell) = (answers.clone(), Arc::clone(bell));
        let submitted = hasher::submit(HashJob { ticket, hash, password, answers, bell });
        if let Err(busy) = submitted {
            if first.is_some() {
                self.channel = None;
            }
            return Err(busy);
        }
        self.hashing.insert(ticket, Hashing { task, is_right: None });
        Ok((ticket, first))
    }

    /// Stores an answer. Returns the task that waits for it, if there still is one.
    pub fn put(&mut self, ticket: u64, is_right: std::result::Result<bool, Unusable>) -> Option<Token> {
        let hashing = self.hashing.get_mut(&ticket)?;
        hashing.is_right = Some(is_right);
        Some(hashing.task)
    }

    /// Takes an answer. Returns None if it has not come.
    pub fn take(&mut self, ticket: u64) -> Option<std::result::Result<bool, Unusable>> {
        let is_right = self.hashing.get(&ticket)?.is_right?;
        self.hashing.remove(&ticket);
        Some(is_right)
    }

    /// Nobody waits for this answer any more.
    pub fn give_up(&mut self, ticket: u64) {
        self.hashing.remove(&ticket);
    }
}

fn open() -> Result<(HashChannel, HashAnswers)> {
    let (ours, theirs) = net::pair()?;
    let (sender, answers) = channel();
    Ok((HashChannel { answers: sender, bell: Arc::new(theirs) }, HashAnswers { answers, bell: ours }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use webserv_sys::file::FileKind;

    const PATH: &[u8] = b"/etc/users";

    fn stat(changed_secs: i64) -> Stat {
        Stat {
            kind: FileKind::File,
            size_bytes: 1,
            modified_secs: 1,
            modified_nanos: 0,
            changed_secs,
            changed_nanos: 0,
            inode: 1,
            device: 1,
            owner: 0,
            group: 0,
            mode: 0o600,
            links: 1,
        }
    }

    #[test]
    fn a_login_is_remembered_until_the_file_changes_or_a_minute_has_passed() {
        let (mut logins, now) = (Logins::default(), Moment::now());
        let read = logins.keep(PATH, b"a:x".to_vec(), Some(stat(1)), now);
        logins.remember(b"Basic YTph", read.version, now);
        assert!(logins.know(PATH, b"Basic YTph", now));
        assert!(!logins.know(PATH, b"Basic YTpi", now) && !logins.know(b"/etc/other", b"Basic YTph", now));
        let later = now.after(USER_FILE_TRUSTED);
        assert!(!logins.know(PATH, b"Basic YTph", later), "the file has to be looked at again");
        assert!(logins.file(PATH, later).is_none());
        assert!(logins.still(PATH, &stat(2), later).is_none());
        assert!(logins.still(PATH, &stat(1), later).is_some() && logins.know(PATH, b"Basic YTph", later));
        let much_later = now.after(LOGIN_REMEMBERED);
        assert!(logins.still(PATH, &stat(1), much_later).is_some());
        assert!(!logins.know(PATH, b"Basic YTph", much_later));
        logins.keep(PATH, b"a:x".to_vec(), Some(stat(3)), later);
        assert!(logins.know(PATH, b"Basic YTph", later), "another file with the same text");
        logins.keep(PATH, b"a:y".to_vec(), Some(stat(4)), later);
        assert!(!logins.know(PATH, b"Basic YTph", later), "another text");
    }

    #[test]
    fn a_file_that_was_just_changed_is_read_again() {
        let (mut logins, now) = (Logins::default(), Moment::now());
        logins.keep(PATH, b"a:x".to_vec(), None, now);
        assert!(logins.file(PATH, now).is_some(), "for a moment it counts");
        assert!(logins.still(PATH, &stat(1), now).is_none());
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let (mut logins, now) = (Logins::default(), Moment::now());
        for number in 0..3 * USER_FILES_MAX {
            logins.keep(number.to_string().as_bytes(), Vec::new(), None, now);
            assert!(logins.files.len() <= USER_FILES_MAX);
        }
        for number in 0..2 * LOGINS_MAX {
            logins.remember(number.to_string().as_bytes(), 1, now);
            assert!(logins.remembered.len() <= LOGINS_MAX);
        }
    }
}

//! The answer of a server behind or of a program, on its way from a descriptor into the transaction's reply.

use crate::connection::{Answer, Buffers, Outcome, Passed, Pipe, To, Transaction};
use crate::gateway::{AnswerDecoder, Asked, Decoded, GatewayFault};
use crate::http::{Name, Text};
use crate::limits::{READ_BYTES, REPLY_BYTES_MAX};
use webserv_sys::Moment;

/// Decodes the bytes of one answer as a task reads them. The task decides what it reads from, how long it waits, and
/// what the end of the bytes means.
pub struct IncomingAnswer {
    decoder: AnswerDecoder,
    /// What has come of the answer so far.
    pub stage: AnswerStage,
    /// What the server behind has written to its standard error, and the task has not taken yet.
    pub said: Vec<u8>,
}

/// What has come of an answer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum AnswerStage {
    /// The head is not complete.
    Head,
    /// The head is complete. The body follows.
    Body,
    /// A 101. Bytes of another protocol follow.
    Tunnel,
    /// The head is complete, and what follows has no use: a program redirects.
    Unused,
    /// The answer is complete.
    Ended {
        /// The connection can carry another request.
        is_reusable: bool,
    },
    /// No answer is awaited: the connection stands alone, until another request wants it.
    Idle,
}

impl IncomingAnswer {
    /// Awaits an answer.
    pub fn new(decoder: AnswerDecoder) -> Self {
        Self { decoder, stage: AnswerStage::Head, said: Vec::new() }
    }

    /// Awaits another answer on the same connection.
    pub fn begin_again(&mut self, asked: Asked) {
        self.decoder.begin_again(asked);
        self.stage = AnswerStage::Head;
        self.said.clear();
    }

    /// How many bytes the task may read now: both the client and the file of `_store` get them.
    pub fn room(t: &Transaction) -> usize {
        let copy = t.http.passing().and_then(|passing| passing.copy.as_deref());
        t.reply.body.room().min(READ_BYTES).min(copy.map_or(usize::MAX, Pipe::room))
    }

    /// Whether a task that reads for this transaction waits for the kernel.
    pub fn wants_bytes(&self, t: &Transaction) -> bool {
        match self.stage {
            AnswerStage::Head | AnswerStage::Body | AnswerStage::Tunnel => Self::room(t) > 0,
            AnswerStage::Unused | AnswerStage::Ended { .. } | AnswerStage::Idle => false,
        }
    }

    /// Takes the next bytes of the answer.
    ///
    /// # Errors
    /// If the answer is malformed.
    pub fn take(
        &mut self,
        mut bytes: &[u8],
        t: &mut Transaction,
        buffers: &mut Buffers,
        now: Moment,
    ) -> Result<(), GatewayFault> {
        while matches!(self.stage, AnswerStage::Head | AnswerStage::Body) {
            match self.decoder.feed(&mut bytes, usize::MAX)? {
                Decoded::More => break,
                Decoded::Interim(103, head) if !t.settings().early_hints.is_empty() => {
                    t.http.passed_mut().interim.push(*head);
                }
                Decoded::Interim(..) => {} // as in nginx: the client waits for the final one
                Decoded::Data(data) => push_body(t, data, buffers),
                Decoded::Stderr(text) => {
                    self.said.extend_from_slice(text);
                    if self.stage == AnswerStage::Head && is_caught(&self.said, t) {
                        return Err("its standard error has a text of fastcgi_catch_stderr".into());
                    }
                }
                Decoded::Trailers(fields) => note_trailers(t, &fields),
                Decoded::End { is_reusable } => self.end(is_reusable, t),
                head => self.begin(head, t, now),
            }
        }
        if self.stage == AnswerStage::Tunnel {
            push_body(t, bytes, buffers);
        }
        Ok(())
    }

    /// The other side has closed, and no bytes are left.
    ///
    /// # Errors
    /// If the answer is not complete.
    pub fn check_end(&mut self) -> Result<(), GatewayFault> {
        match self.stage {
            AnswerStage::Head | AnswerStage::Body => self.decoder.eof().map(drop),
            _ => Ok(()),
        }
    }

    /// The answer is complete.
    pub fn end(&mut self, is_reusable: bool, t: &mut Transaction) {
        self.stage = AnswerStage::Ended { is_reusable };
        t.reply.body.end();
    }

    /// The head has come.
    fn begin(&mut self, head: Decoded<'_>, t: &mut Transaction, now: Moment) {
        let (stage, outcome) = match head {
            Decoded::Head(head) => (AnswerStage::Body, Outcome::Passed(head)),
            Decoded::Switch(head) => (AnswerStage::Tunnel, Outcome::Switched(head)),
            Decoded::NonParsed(status, head) => (AnswerStage::Body, Outcome::Answer(Answer::NonParsed(status, head))),
            Decoded::Redirect(head) => (AnswerStage::Unused, Outcome::Answer(Answer::Redirect(*head))),
            Decoded::LocalRedirect(target) => (AnswerStage::Unused, Outcome::Redirect(To::Target(target))),
            _ => return,
        };
        self.stage = stage;
        t.reply.outcome = Some(outcome);
        if let Some(passing) = t.http.passing() {
            t.reply.body.set_bound(passing.gateway.rules.bytes_in_memory().min(REPLY_BYTES_MAX));
        }
        if let Some(attempt) = passed(t).and_then(Passed::attempt) {
            attempt.head = Some(now.since(attempt.began));
        }
    }
}

/// What gateways have made of the request. `None` if a program answers.
fn passed(t: &mut Transaction) -> Option<&mut Passed> {
    t.http.passing()?;
    t.http.passed.as_deref_mut()
}

/// Takes a part of the body.
fn push_body(t: &mut Transaction, data: &[u8], buffers: &mut Buffers) {
    if data.is_empty() {
        return;
    }
    if t.http.passing().is_none() {
        return t.reply.body.push_copy_in(data, buffers);
    }
    let Some(passed) = t.http.passed.as_deref_mut() else { return };
    let at = passed.attempts.last().map_or(0, |attempt| attempt.body_bytes);
    if let Some(attempt) = passed.attempt() {
        attempt.body_bytes += data.len() as u64;
    }
    if let Some(copy) = passed.now.as_mut().and_then(|passing| passing.copy.as_mut()) {
        copy.push_copy(data);
    }
    let (wanted, more) = passed.now.as_ref().map_or((data, true), |passing| passing.wanted(at, data));
    t.reply.body.push_copy_in(wanted, buffers);
    if !more {
        t.reply.body.end();
    }
}

/// Whether what the server behind has written to its standard error makes its answer bad (`fastcgi_catch_stderr`).
fn is_caught(said: &[u8], t: &Transaction) -> bool {
    let has = |text: &String| memchr::memmem::find(said, text.as_bytes()).is_some();
    t.http.passing().is_some_and(|passing| passing.gateway.rules.fastcgi.catch_stderr.iter().any(has))
}

fn note_trailers(t: &mut Transaction, fields: &[(Name, Text)]) {
    let lines = &mut t.http.passed_mut().answer_trailers;
    *lines = b"\r\n".to_vec();
    for (name, value) in fields {
        lines.extend_from_slice(&[name.as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
    }
}

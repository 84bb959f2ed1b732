//! ClientRead: reads from the client's socket into the connection's input.

use crate::connection::{Connection, Phase, ReadState};
use crate::engine::{Event, Flow, Notice, Seen, Task, TaskError, Want};
use crate::limits::{BUFFER_BYTES, LONG_READ_BYTES, LOW_WATER_BYTES, LOW_WATER_TIMEOUT, READ_BYTES};
use crate::task::Context;
use crate::worker::Worker;
use std::os::fd::AsFd;
use webserv_sys::{Error, Watch, file, net};

/// Reads while the input has room.
///
/// Its state is in the connection, so that it needs no memory of its own.
pub struct ClientRead;

/// Reads once.
fn read(cx: &mut Context<'_>) -> Result<Flow, TaskError> {
    let Context { connection: Some(x), worker, .. } = cx else { return Ok(Flow::Done) };
    let most = room(x);
    if most == 0 {
        return Ok(Flow::Progress); // a hangup while there is no room: the input is used first
    }
    if x.reading.contains(ReadState::FULL_READ) && is_stored(x) && x.input.is_empty() {
        return read_long(cx);
    }
    let Some(socket) = &x.socket else { return Ok(Flow::Done) };
    let buffer = &mut worker.read_buffer[..most];
    let Some(count) = read_result(file::read(socket.as_fd(), buffer), x)? else {
        let is_over = x.phase == Phase::Lingering && x.input.is_ended();
        if x.input.is_ended() {
            note_end(cx);
        }
        return Ok(if is_over { Flow::Done } else { Flow::Blocked });
    };
    match x.phase {
        Phase::Lingering => x.reading.insert(ReadState::DROPPED),
        // Bytes that follow others are appended to them. Most heads come alone and fit into a buffer.
        _ if count > BUFFER_BYTES || !x.input.is_empty() => x.input.push_copy(&buffer[..count]),
        _ => {
            let mut head = worker.buffers.take(count);
            head.extend_from_slice(&buffer[..count]);
            x.input.get_from(&mut worker.pipes).push_buffer(head, &mut worker.buffers);
        }
    }
    x.reading.set(ReadState::FULL_READ, count == READ_BYTES);
    let mut low_water = false;
    if x.reading.intersects(ReadState::FULL_READ | ReadState::LOW_WATER) {
        low_water = update_low_water(cx);
    }
    Ok(match count {
        _ if low_water => Flow::Blocked, // the kernel reports when as many bytes are there again
        READ_BYTES => Flow::Yield,
        _ if count < most => Flow::Blocked,
        _ => Flow::Progress,
    })
}

/// The length of a read. Returns `None` if there are no more bytes now, or at EOF, which ends the input.
fn read_result(result: Result<usize, Error>, x: &mut Connection) -> Result<Option<usize>, TaskError> {
    match result {
        Ok(0) => {
            x.input.end();
            Ok(None)
        }
        Ok(count) => Ok(Some(count)),
        Err(error) if error.would_block() => Ok(None),
        Err(error) if error.is_connection_reset() && goes_on_without_client(x) => {
            x.input.end();
            Ok(None)
        }
        Err(error) => Err(TaskError::client(error)),
    }
}

/// Whether a server behind may finish the current request although its client has gone (`_ignore_client_abort`).
#[cold]
fn goes_on_without_client(x: &Connection) -> bool {
    let passing = x.transactions.current().and_then(|t| t.http.passing());
    passing.is_some_and(|passing| passing.gateway.rules.ignore_client_abort)
}

/// The client has closed its side of the connection. If the current request has a place among the programs, another
/// one that waits may get it.
#[cold]
fn note_end(cx: &mut Context<'_>) {
    let place = cx.connection().transactions.current().and_then(|t| t.program.place);
    if let Some(task) = place {
        cx.worker.programs.note_left(task);
        if let Some(program) = cx.worker.programs.take_left() {
            cx.notify(program, Notice::Evict);
        }
    }
}

/// Reads a part of a long body into a new buffer, which is moved into the input.
fn read_long(cx: &mut Context<'_>) -> Result<Flow, TaskError> {
    let x = cx.connection();
    let Some(socket) = &x.socket else { return Ok(Flow::Done) };
    let mut bytes = Vec::with_capacity(LONG_READ_BYTES);
    let Some(count) = read_result(file::read_spare(socket.as_fd(), &mut bytes), x)? else {
        if x.input.is_ended() {
            note_end(cx);
        }
        return Ok(Flow::Blocked);
    };
    x.reading.set(ReadState::FULL_READ, count >= READ_BYTES);
    match count >= LONG_READ_BYTES / 2 {
        true => x.input.push_bytes(bytes),
        false => x.input.push_copy(&bytes), // do not keep a large buffer for a few bytes
    }
    let low_water = update_low_water(cx);
    Ok(if count == LONG_READ_BYTES && !low_water { Flow::Yield } else { Flow::Blocked })
}

/// Sets SO_RCVLOWAT while a long body comes fast, so that the kernel reports many bytes at once. EOF is reported at
/// once; fewer bytes are read after [`LOW_WATER_TIMEOUT`]. Returns whether the low-water mark is set.
fn update_low_water(cx: &mut Context<'_>) -> bool {
    let x = cx.connection();
    let announced_bytes = x.transactions.current().map_or(0, |t| t.body.announced_bytes());
    let left = announced_bytes.saturating_sub(x.input.len());
    let wanted = x.reading.contains(ReadState::FULL_READ) && is_stored(x) && left >= LONG_READ_BYTES as u64;
    if wanted != x.reading.contains(ReadState::LOW_WATER)
        && let Some(socket) = &x.socket
    {
        let bytes = if wanted { LOW_WATER_BYTES } else { 1 };
        // If the call fails, the old mark and its deadline stay, and the call is made again later.
        if net::set_receive_low_water(socket.as_fd(), bytes).is_ok() {
            x.reading.set(ReadState::LOW_WATER, wanted);
        }
    }
    let low_water = x.reading.contains(ReadState::LOW_WATER);
    match low_water {
        true => cx.wake_after(LOW_WATER_TIMEOUT),
        false => cx.no_deadline(),
    }
    low_water
}

/// How many bytes may be read now.
fn room(x: &Connection) -> usize {
    match x.phase {
        Phase::Open if x.input.is_ended() => 0,
        Phase::Open => x.input.room().min(READ_BYTES),
        Phase::Lingering if x.output.is_empty() => READ_BYTES,
        Phase::Lingering | Phase::Closing | Phase::Closed => 0,
    }
}

/// Whether a body is being stored in a file.
fn is_stored(x: &Connection) -> bool {
    x.phase == Phase::Open && x.transactions.current().is_some_and(|t| t.body.room() >= LONG_READ_BYTES)
}

impl Task<Worker> for ClientRead {
    fn kind(&self) -> &'static str {
        "ClientRead"
    }

    fn doing(&self) -> &'static str {
        "reading from the client"
    }

    fn watch<'w>(&'w self, connection: Option<&'w Connection>) -> Watch<'w> {
        connection.and_then(|x| x.socket.as_ref()).map_or(Watch::Always, |socket| Watch::Read(socket.as_fd()))
    }

    fn wants(&self, Seen { connection, .. }: Seen<'_>) -> Want {
        if connection.is_some_and(|x| room(x) > 0) { Want::Kernel } else { Want::Nothing }
    }

    fn handle(&mut self, event: Event, cx: &mut Context<'_>) -> Result<Flow, TaskError> {
        match event {
            Event::Ready | Event::Hangup => read(cx),
            Event::Deadline => {
                cx.connection().reading.remove(ReadState::FULL_READ);
                update_low_water(cx);
                read(cx)
            }
            Event::Cancel => Ok(Flow::Done),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::ClientWrite;
    use super::*;
    use crate::connection::Identity;
    use crate::log::Level;
    use crate::task::test_engine::engine;
    use std::io::{PipeReader, Write, pipe};
    use webserv_sys::Moment;

    /// Opens a connection in the middle of a long body. Logs whether the low-water mark is still set.
    struct Protocol(Option<PipeReader>);

    impl Task<Worker> for Protocol {
        fn kind(&self) -> &'static str {
            "Protocol"
        }

        fn doing(&self) -> &'static str {
            ""
        }

        fn watch<'w>(&'w self, _: Option<&'w Connection>) -> Watch<'w> {
            Watch::Always
        }

        fn wants(&self, Seen { connection: x, .. }: Seen<'_>) -> Want {
            if x.is_none_or(|x| !x.input.is_empty()) { Want::Turn } else { Want::Nothing }
        }

        fn handle(&mut self, event: Event, cx: &mut Context<'_>) -> Result<Flow, TaskError> {
            if let Some(socket) = self.0.take() {
                let mut x = Connection::new(Some(socket.into()), Identity::for_tests());
                x.reading = ReadState::LOW_WATER;
                cx.open(x, [Box::new(Protocol(None)), Box::new(ClientWrite), Box::new(ClientRead)], Moment::NEVER);
                return Ok(Flow::Done);
            }
            let (came, reading) = (cx.connection().input.len(), cx.connection().reading);
            cx.log(Level::Alert, format_args!("{came} bytes, low water: {}", reading.contains(ReadState::LOW_WATER)));
            cx.connection().input.clear();
            Ok(if event == Event::Cancel { Flow::Done } else { Flow::Progress })
        }
    }

    /// A bug: the mark stayed set, but no read for fewer bytes followed: the connection hung.
    #[test]
    fn a_low_water_mark_that_could_not_be_lowered_was_forgotten() {
        let (socket, mut client) = pipe().unwrap(); // not a socket: setsockopt(2) fails
        client.write_all(b"the last bytes").unwrap();
        let mut engine = engine();
        engine.start(Box::new(Protocol(Some(socket))));
        while engine.log().lines().is_empty() {
            engine.round().unwrap();
        }
        let line = engine.log().lines()[0].clone();
        assert!(line.contains("14 bytes, low water: true"), "{line}");
    }
}

//! How much of everything one connection may hold and one round of the loop may do. All in one place.

use std::time::Duration;

/// Bytes of requests that are read ahead of the protocol, per connection. Reading pauses at this mark.
pub const INPUT_BYTES_MAX: usize = 128 << 10;

/// Bytes of responses in memory that wait for the client, per connection. The protocol pauses at this mark.
pub const OUTPUT_BYTES_MAX: usize = 256 << 10;

/// Bytes of a request's body that wait for the handler that takes it, per connection. Reading pauses at this mark.
pub const BODY_BYTES_MAX: usize = 128 << 10;

/// The same for a body that becomes a file: who writes it waits for nobody, so that few connections hold so much.
pub const STORED_BYTES_MAX: usize = 2 * LONG_READ_BYTES;

/// Bytes in memory between a handler and the protocol, per connection. The handler pauses at this mark.
pub const REPLY_BYTES_MAX: usize = 128 << 10;

/// Segments in one pipe; a file range of any size is one. A pipe with this number of segments is full.
pub const SEGMENTS_MAX: usize = 256;

/// Bytes of a buffer that is used again: a usual head, or an answer's head and a small document.
pub const BUFFER_BYTES: usize = 2048;

/// Buffers of a worker that are kept while nobody uses them.
pub const SPARE_BUFFERS_MAX: usize = 64;

/// Segments that a pipe may keep room for while it is empty: a few pipelined answers.
pub const SPARE_SEGMENTS_MAX: usize = 32;

/// Pipes of a worker that are kept while no connection uses them.
pub const SPARE_PIPES_MAX: usize = 64;

/// Transactions of a worker that are kept while no request needs them.
pub const SPARE_TRANSACTIONS_MAX: usize = 64;

/// Of what a worker reads heads with, how many are kept while nobody uses them.
pub const SPARE_SCANS_MAX: usize = 16;

/// Bytes of a segment that are copied behind the ones before them rather than to be one more slice for writev(2).
pub const COPIED_BYTES_MAX: usize = 1536;

/// Tasks that each connection has: the protocol and the client's two sides.
pub const CONNECTION_TASKS: usize = 3;

/// Handlers of one transaction. A program with a body has five at most.
pub const HANDLERS_MAX: usize = 8;

/// Files in one pipe: a pipe with this number of files is full. Each holds a descriptor open.
pub const FILES_MAX: usize = 2;

/// Answers that wait for their client to take them; no next request is begun before.
pub const LEAVING_MAX: usize = 32;

/// Bytes of a request's body that nobody wants and that are still read, so that the connection can go on.
pub const UNWANTED_BYTES_MAX: u64 = 64 << 10;

/// How long at most the end of a program and its standard error are not watched, and at least half of it. Most programs
/// are over by then: they are reaped without having been armed, which saves a fifth of the system calls.
pub const UNWATCHED: Duration = Duration::from_millis(20);

/// Bytes that a program still writes when its answer is complete, which are read so that it can go on.
pub const UNWANTED_OUTPUT_BYTES_MAX: usize = 1 << 20;

/// Bytes of one line of a program's standard error in the log; a longer one becomes several.
pub const ERROR_LINE_BYTES_MAX: usize = 2048;

/// Bytes of it that are read in one turn. Each may be a line, and a line is a call of its own to the log.
pub const ERROR_BYTES_PER_TURN: usize = 1 << 10;

/// Internal redirects of one request.
pub const REDIRECTS_MAX: u8 = 10;

/// Documents up to this size are read into memory, so that head and body leave with one call; of longer ones the kernel
/// sends the pages itself.
pub const READ_WHOLE_BYTES_MAX: u64 = 32 << 10;

/// Bytes of a document that are read in one turn where sendfile(2) is not used.
pub const READ_FILE_BYTES: u64 = 64 << 10;

/// Bytes of an upload that are taken apart and written in one turn.
pub const STORED_BYTES_PER_TURN: usize = 256 << 10;

/// Bytes of names, and of what is said of them, that a listing of a directory holds to put them in order: about 120,000
/// usual names. A larger directory is not listed.
pub const LISTING_BYTES_MAX: usize = 8 << 20;

/// Names of a directory that are read and looked up in one turn.
pub const LISTED_PER_TURN: usize = 128;

/// Bytes of a listing's text that are written in one turn.
pub const LISTING_TEXT_BYTES: usize = 32 << 10;

/// Entries of a tree of directories that are copied or removed in one turn.
pub const TREE_STEPS_PER_TURN: usize = 64;

/// Bytes of files that are copied in one turn.
pub const COPY_BYTES_PER_TURN: usize = 1 << 20;

/// Directories in each other that are copied. Each level holds two descriptors open.
pub const TREE_DEPTH_MAX: usize = 64;

/// Wrong passwords in a row after which a session of the directory protocol ends.
pub const LOGIN_FAILURES_MAX: u32 = 3;

/// How long after a login is asked for its client is told that the password was wrong.
pub const LOGIN_FAILED_AFTER: Duration = Duration::from_secs(1);

/// Steps of a protocol in one turn: pipelined requests that are answered from memory.
pub const STEPS_PER_TURN: usize = 64;

/// Bytes that one call of read(2) on a socket asks for.
pub const READ_BYTES: usize = 64 << 10;

/// Bytes that it asks for when they are for a file and the call before has brought all that it had asked for: much more
/// is on its way. With 256 KiB, 1 MiB takes eight calls to store; more at once only leaves the processor's cache.
pub const LONG_READ_BYTES: usize = 256 << 10;

/// Bytes of a long body that have come before we are told so. Half of what a read takes, so that the client goes on
/// sending meanwhile.
pub const LONG_READ_TOLD_BYTES: usize = LONG_READ_BYTES / 2;

/// How long at most fewer bytes than that wait in the kernel. Who sends them more slowly, at some 2 MB/s, is read as
/// they come.
pub const LONG_READ_WITHIN: Duration = Duration::from_millis(50);

/// Bytes that a client is sent in one turn of ClientWrite, before others have theirs.
pub const WRITE_BYTES_PER_TURN: u64 = 4 << 20;

/// Bytes of a file from which on two calls more, to cork the socket before and uncork it behind them, cost less than
/// the short segments that they save; `tcp_nopush on` is for all.
pub const CORKED_BYTES_MIN: u64 = 1 << 20;

/// Segments gathered into one writev(2).
pub const IOVECS_MAX: usize = 16;

/// Connections taken in one turn of Accept.
pub const ACCEPTS_PER_TURN: usize = 64;

/// Of `worker_connections`, this part is kept free as long as there are idle connections that can be closed for it: one
/// in this number, as in nginx.
pub const FREE_PART: usize = 16;

/// Idle connections that are closed in one turn of Accept.
pub const EVICTED_PER_TURN: usize = 64;

/// Turns that the tasks of one connection have before those of others have theirs.
pub const TURNS_IN_A_ROW: usize = 16;

/// Tasks that are told something between two waits: what all are told takes several rounds when there are many.
pub const NOTICES_PER_ROUND: usize = 1024;

/// Turns of tasks between two waits.
pub const TURNS_PER_ROUND: usize = 1024;

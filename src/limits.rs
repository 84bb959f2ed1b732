//! All limits: what one connection may hold, and what one round of the loop may do.

use std::time::Duration;

/// Bytes of requests that are read before the protocol takes them, per connection. Reading pauses at this limit.
pub const INPUT_BYTES_MAX: usize = 128 << 10;

/// Bytes of responses in memory that are not sent yet, per connection. The protocol pauses at this limit.
pub const OUTPUT_BYTES_MAX: usize = 256 << 10;

/// Bytes of a request's body that the handler has not taken yet, per connection. Reading pauses at this limit.
pub const BODY_BYTES_MAX: usize = 128 << 10;

/// As [`BODY_BYTES_MAX`], for a body that is stored in a file. The writer never waits, so few connections hold this
/// much.
pub const STORED_BYTES_MAX: usize = 2 * LONG_READ_BYTES;

/// Bytes in memory between a handler and the protocol, per connection. The handler pauses at this limit.
pub const REPLY_BYTES_MAX: usize = 128 << 10;

/// Segments in a pipe; a file range of any size is one segment. A pipe with this number of segments is full.
pub const SEGMENTS_MAX: usize = 256;

/// The size of buffers that are used again: enough for most heads, or for a head with a small document.
pub const BUFFER_BYTES: usize = 2048;

/// Unused buffers that a worker keeps.
pub const SPARE_BUFFERS_MAX: usize = 64;

/// The capacity in segments that an empty pipe may keep: for a few pipelined responses.
pub const SPARE_SEGMENTS_MAX: usize = 32;

/// Unused pipes that a worker keeps.
pub const SPARE_PIPES_MAX: usize = 64;

/// Unused transactions that a worker keeps.
pub const SPARE_TRANSACTIONS_MAX: usize = 64;

/// Unused parsers for request heads that a worker keeps.
pub const SPARE_SCANS_MAX: usize = 16;

/// Up to this number of bytes, a segment is copied into the one before it instead of becoming another iovec.
pub const COPIED_BYTES_MAX: usize = 1536;

/// The connection's own tasks: the protocol, ClientWrite and ClientRead.
pub const CONNECTION_TASKS: usize = 3;

/// Handlers of one transaction. A CGI program with a body has at most five.
pub const HANDLERS_MAX: usize = 8;

/// File ranges in a pipe. A pipe with this number of files is full. Each may hold a descriptor open.
pub const FILES_MAX: usize = 2;

/// Responses in the output that are not sent yet. At this limit no next request is begun.
pub const UNSENT_MAX: usize = 32;

/// Bytes of a request's body without a handler that are read to keep the connection.
pub const UNWANTED_BYTES_MAX: u64 = 64 << 10;

/// How long a program's exit and its standard error are not watched: between half of this and this. Most programs have
/// exited by then and need no watch, which saves a fifth of the system calls.
pub const UNWATCHED: Duration = Duration::from_millis(20);

/// Children that have ended and are reaped in one turn.
pub const REAPED_PER_TURN: usize = 64;

/// Bytes of a program's output that are read and dropped after the response is complete.
pub const UNWANTED_OUTPUT_BYTES_MAX: usize = 1 << 20;

/// The length of a line of a program's standard error in the log. A longer one becomes several.
pub const ERROR_LINE_BYTES_MAX: usize = 2048;

/// Bytes of a program's standard error that are read in one turn. Each two may be a line, which costs one write(2).
pub const ERROR_BYTES_PER_TURN: usize = 256;

/// Internal redirects of one request.
pub const REDIRECTS_MAX: u8 = 10;

/// Files up to this size are read into memory, so that head and body leave with one call. Longer ones are sent with
/// sendfile(2).
pub const READ_WHOLE_BYTES_MAX: u64 = 32 << 10;

/// Bytes of a file that are read in one turn if sendfile(2) is not used.
pub const READ_FILE_BYTES: u64 = 64 << 10;

/// Ranges of a file that are read in one turn.
pub const RANGES_PER_TURN: usize = 32;

/// System calls that a task makes at most in one turn, close(2) aside. Work that needs more goes on in the next round.
/// Where a path decides how many calls there are, the path has a limit: [`PATH_NAMES_MAX`].
pub const CALLS_PER_TURN: usize = 256;

/// Names of a path that are opened one after another, because missing directories are made (`create_full_put_path`), or
/// links are checked (`disable_symlinks`). A longer path is refused. Also the directories above a collection that is
/// copied or moved, which are looked at so that nothing is copied into itself. Each costs two or three calls.
pub const PATH_NAMES_MAX: usize = 64;

/// Directories, links and files that are watched for one cached file (`open_file_cache`). A file that depends on more
/// is not kept. Each costs two or three calls, and one when it is no longer watched.
pub const WATCHED_NAMES_MAX: usize = 40;

/// Watches of cached files that are removed in one turn.
pub const UNWATCHED_PER_TURN: usize = 64;

/// Bytes of an upload that are parsed and written in one turn.
pub const STORED_BYTES_PER_TURN: usize = 256 << 10;

/// Bytes of the names that a listing of a directory holds to sort them: about 120,000 usual names. A larger directory
/// is not listed.
pub const LISTING_BYTES_MAX: usize = 8 << 20;

/// Names of a directory that are read in one turn. Each costs a call, and a link two.
pub const LISTED_PER_TURN: usize = 120;

/// Bytes of a listing that are written in one turn.
pub const LISTING_TEXT_BYTES: usize = 32 << 10;

/// Entries of a directory tree that are copied or removed in one turn. Each costs up to seven calls.
pub const TREE_STEPS_PER_TURN: usize = 32;

/// Bytes of files that are copied in one turn.
pub const COPY_BYTES_PER_TURN: usize = 1 << 20;

/// The maximum depth of a tree that is copied. Each level needs two descriptors.
pub const TREE_DEPTH_MAX: usize = 64;

/// Wrong passwords in a row that end a session of the directory protocol.
pub const LOGIN_FAILURES_MAX: u32 = 3;

/// The time between a LOGIN and the answer that the password is wrong.
pub const LOGIN_FAILED_AFTER: Duration = Duration::from_secs(1);

/// The longest file of users (`auth_basic_user_file`) in bytes: some 10,000 users. It is read in one turn.
pub const USER_FILE_BYTES_MAX: u64 = 1 << 20;

/// Files of users that a worker keeps in memory. `auth_basic_user_file` may name many with variables.
pub const USER_FILES_MAX: usize = 16;

/// How long a worker does not look whether a file of users has changed.
pub const USER_FILE_TRUSTED: Duration = Duration::from_secs(1);

/// Names with their right passwords that a worker remembers.
pub const LOGINS_MAX: usize = 4096;

/// How long they are remembered.
pub const LOGIN_REMEMBERED: Duration = Duration::from_secs(60);

/// Passwords of all workers that wait for the thread that hashes them.
pub const HASH_QUEUE_MAX: usize = 64;

/// How long a request waits for it.
pub const HASH_TIMEOUT: Duration = Duration::from_secs(60);

/// Names of hosts whose addresses a worker remembers. At this limit it forgets first what is right for the shortest
/// time.
pub const NAMES_MAX: usize = 1024;

/// Names that a worker asks name servers for at the same time. Each needs a descriptor.
pub const NAMES_ASKED_MAX: usize = 256;

/// How long a name server has for its answer, before the next one is asked.
pub const NAME_SERVER_TIMEOUT: Duration = Duration::from_secs(5);

/// How long no name server is asked after all of them have refused the question or could not be reached.
pub const NAME_SERVERS_PAUSE: Duration = Duration::from_secs(1);

/// Name servers that are asked for one name, one after the other, while requests wait for it (`resolver_timeout`).
pub const NAME_SERVERS_ASKED_MAX: usize = 120;

/// How long the addresses of a `server` with `resolve` stay at least before they are looked up again.
pub const SERVER_RESOLVED_MIN: Duration = Duration::from_secs(1);

/// How long they stay after an answer that there are none, without `valid`. As in nginx.
pub const NO_ADDRESS_KEPT: Duration = Duration::from_secs(10);

/// Datagrams that a socket gets and that do not answer its question, before another socket asks: somebody guesses.
pub const WRONG_ANSWERS_MAX: usize = 16;

/// Steps of a protocol in one turn. Several are used for pipelined requests that are answered from memory.
pub const STEPS_PER_TURN: usize = 64;

/// Bytes that one read(2) of a socket asks for.
pub const READ_BYTES: usize = 64 << 10;

/// Bytes that read(2) asks for while a body is stored in a file and the last read was full. With 256 KiB, storing 1 MiB
/// takes eight calls; larger reads only miss the processor's cache.
pub const LONG_READ_BYTES: usize = 256 << 10;

/// SO_RCVLOWAT for a long body. Half of a read, so that the client can send more meanwhile.
pub const LOW_WATER_BYTES: usize = LONG_READ_BYTES / 2;

/// How long fewer bytes than that wait in the kernel. The body of a slower client, below some 2 MB/s, is read as it
/// comes.
pub const LOW_WATER_TIMEOUT: Duration = Duration::from_millis(50);

/// Bytes that ClientWrite sends in one turn.
pub const WRITE_BYTES_PER_TURN: u64 = 4 << 20;

/// Bytes of files that ClientWrite reads and sends in one turn, where sendfile(2) is refused.
pub const READ_AND_SENT_PER_TURN: u64 = 256 << 10;

/// The size of a file range from which two more calls, to cork and uncork the socket, cost less than the short segments
/// that they save. `tcp_nopush on` corks for all sizes.
pub const CORKED_BYTES_MIN: u64 = 1 << 20;

/// Slices of one writev(2).
pub const IOVECS_MAX: usize = 16;

/// Connections that Accept accepts in one turn.
pub const ACCEPTS_PER_TURN: usize = 64;

/// While there are idle connections to close, one in this number of `worker_connections` is kept free, as in nginx.
pub const FREE_PART: usize = 16;

/// Idle connections that Accept closes in one turn.
pub const EVICTED_PER_TURN: usize = 64;

/// Turns in a row for the tasks of one connection.
pub const TURNS_IN_A_ROW: usize = 16;

/// Notices that are delivered in one round. A notice for all tasks takes several rounds if there are more tasks.
pub const NOTICES_PER_ROUND: usize = 1024;

/// Turns of tasks in one round.
pub const TURNS_PER_ROUND: usize = 1024;

/// Of a worker's descriptors, one in this number is kept back for files and programs, if `worker_connections` would use
/// them all.
pub const DESCRIPTORS_BACK_PART: u64 = 8;

/// A worker keeps back at least this number of descriptors. A program needs six for a moment.
pub const DESCRIPTORS_BACK_MIN: u64 = 8;

/// A worker keeps back at most this number of descriptors.
pub const DESCRIPTORS_BACK_MAX: u64 = 1000;

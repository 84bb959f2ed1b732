"""Difficult clients: slow ones, some that stop in the middle, some that never read, many at once."""

import os
import socket
import struct
import time

from .bodies import Pattern
from .checks import check, expect, expect_status
from .client import Broken, Connection, head_of
from .site import BIG_BYTES, FILES

# The timeouts in tester.conf are 1 to 4 seconds.
TIMEOUT_PATIENCE_S = 20
NEVER_READS_S = 8
HANGING_HINT = "no client may hold a connection for ever"


@check("clients", "a request that comes byte by byte", "status 200", "what has come so far is kept")
def _(target):
    with target.connect() as connection:
        for byte in head_of("GET", "/files/plain.txt"):
            connection.send(bytes([byte]))
            time.sleep(0.002)
        expect_status(connection.response(), 200)


@check("clients", "a chunked body that comes byte by byte", "status 201 or 204, then the same bytes",
       "a chunk's size may come in pieces as well")  # fmt: skip
def _(target):
    with target.connect() as connection:
        for byte in (
            head_of("PUT", "/upload/slowly", ["Transfer-Encoding: chunked"]) + b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n"
        ):
            connection.send(bytes([byte]))
            time.sleep(0.002)
        expect_status(connection.response(), 201, 204)
        expect(expect_status(connection.ask("GET", "/upload/slowly"), 200).body == b"abcde", "another body")


@check("clients", "two requests on one connection", "status 200 twice, on a connection that stays open", "keep-alive")
def _(target):
    with target.connect() as connection:
        for _ in range(2):
            response = expect_status(connection.ask("GET", "/files/plain.txt"), 200)
        expect(not response.closes, response)


@check("clients", "ten requests at once: ten answers in their order", "ten answers in the order of the requests",
       "pipelining, RFC 9112 section 9.3.2")  # fmt: skip
def _(target):
    paths = ["/files/plain.txt", "/files/sub/deep.txt", "/nothing", "/files/empty.txt", "/"] * 2
    with target.connect() as connection:
        connection.send(b"".join(head_of("GET", path) for path in paths))
        for path in paths:
            response = expect_status(connection.response(), 404 if path == "/nothing" else 200)
            if "files" in path:
                expect(response.text == FILES[f"site{path}"], response)


@check(
    "clients", "Connection: close and HTTP/1.0: the server closes", "status 200, then the end", "RFC 9112 section 9.6"
)
def _(target):
    for data in (head_of("GET", "/", ["Connection: close"]), b"GET / HTTP/1.0\r\n\r\n"):
        with target.connect() as connection:
            connection.send(data)
            expect_status(connection.response(), 200)
            expect(connection.ends(TIMEOUT_PATIENCE_S), "a connection that stays open", sent=connection.sent)


@check("clients", "one that shuts its side after the request gets its answer", "status 200", "a half-closed connection")
def _(target):
    with target.connect() as connection:
        connection.send(head_of("GET", "/files/plain.txt"))
        connection.socket.shutdown(socket.SHUT_WR)
        expect_status(connection.response(), 200)


def ended(what, data, path=None):
    @check("clients", f"{what}: ended in time", "408, or the end of the connection",
           "client_header_timeout, client_body_timeout, keepalive_timeout; " + HANGING_HINT)  # fmt: skip
    def _(target):
        with target.connect() as connection:
            if data:
                connection.send(data)
            expect(
                connection.ends(TIMEOUT_PATIENCE_S),
                f"a connection open after {TIMEOUT_PATIENCE_S} s",
                sent=connection.sent,
            )
        if path:
            expect_status(target.ask("GET", path), 404)


ended("half a request", b"GET /files/plain.txt HTTP/1.1\r\nHost: loc")
ended("no request at all", b"")
ended("half a body", head_of("PUT", "/upload/slow/half", ["Content-Length: 100"]) + b"ten bytes.", "/upload/slow/half")
ended("an idle connection after its answer", head_of("GET", "/idle/plain.txt"))


def reset(connection):
    """Closes with a reset, so that the server's read fails with an error."""
    connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


@check(
    "clients",
    "a hundred that go away in the middle",
    "status 200 for the next one",
    "EPIPE and ECONNRESET end one client",
)
def _(target):
    for index in range(100):
        with target.connect() as connection:
            path = ("/big/big", "/files/plain.txt", "/scripts/hello.sh")[index % 3]
            connection.send(head_of("GET", path)[: None if index % 4 else -10])
            if index % 2:
                reset(connection)
    expect_status(target.ask("GET", "/"), 200)


@check("clients", "twenty that never read a large file: others are served, and they are ended in time",
       f"status 200 for the others; not all {BIG_BYTES:,} bytes for slow readers", "send_timeout")  # fmt: skip
def _(target):
    sleepers = [Connection(target.address) for _ in range(20)]
    try:
        for sleeper in sleepers:
            sleeper.request("GET", "/big/big")
        end = time.monotonic() + NEVER_READS_S
        while time.monotonic() < end:
            expect_status(target.ask("GET", "/files/plain.txt", patience_s=5), 200)
            time.sleep(0.05)
        for sleeper in sleepers:
            try:
                sleeper.response(sink=Zeros())
                expect(False, "the whole file", "an early end", sent=sleeper.sent)
            except Broken as broken:
                expect("timed out" not in broken.came, broken.came, sent=broken.sent)
    finally:
        for sleeper in sleepers:
            sleeper.close()


class Zeros:
    """A sink that discards a body."""

    pattern = Pattern(b"\0")

    def feed(self, view):
        pass

    def finish(self):
        return b""


@check("clients", "500 idle connections: the next client is served at once", "status 200",
       "connections cost no thread; worker_connections is large enough")  # fmt: skip
def _(target):
    idle = []
    try:
        for _ in range(500):
            idle.append(target.connect())
        for _ in range(20):
            expect_status(target.ask("GET", "/"), 200)
        # The idle connections are served as well, as long as their timeout has not passed.
        late = idle[-1]
        expect_status(late.ask("GET", "/files/plain.txt"), 200)
    finally:
        for connection in idle:
            connection.close()


@check(
    "clients",
    "a file of which only the name's case differs is another one",
    "status 404",
    "names are compared byte by byte",
)
def _(target):
    if os.path.exists(__file__.upper()):
        return "the disk does not tell upper from lower case"
    expect_status(target.ask("GET", "/files/PLAIN.TXT"), 404)
    return ""

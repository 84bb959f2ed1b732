"""A small strict HTTP/1.1 client. It reads responses of any size, and its errors show what was sent and what came."""

import select
import socket

from .bodies import WINDOW, Body, Differs, Keep

PATIENCE_S = 30
HEAD_BYTES_MAX = 64 << 10
REDIRECTS_MAX = 5


class Broken(Exception):
    """No complete response came: what was sent, and what came instead."""

    def __init__(self, sent, came):
        super().__init__(came)
        self.sent = sent
        self.came = came


class Response:
    def __init__(self, sent, head, method):
        self.sent = sent
        lines = head.decode("latin-1").split("\r\n")
        self.line = lines[0]
        parts = self.line.split(" ", 2)
        if len(parts) < 2 or not parts[0].startswith("HTTP/1.") or not (len(parts[1]) == 3 and parts[1].isdigit()):
            raise Broken(sent, f"no status line: {self.line[:200]!r}")
        self.status = int(parts[1])
        self.fields = []
        for line in lines[1:]:
            name, colon, value = line.partition(":")
            if not colon or not name or name != name.strip():
                raise Broken(sent, f"a malformed field: {line[:200]!r}")
            self.fields.append((name.lower(), value.strip()))
        self.has_body = method != "HEAD" and self.status >= 200 and self.status not in (204, 304)
        self.body = b""

    def field(self, name):
        """The value of the first field of that name, or None."""
        return next((value for known, value in self.fields if known == name.lower()), None)

    def all(self, name):
        return [value for known, value in self.fields if known == name.lower()]

    @property
    def closes(self):
        return "close" in (self.field("connection") or "").lower() or self.line.startswith("HTTP/1.0")

    @property
    def text(self):
        return self.body.decode(errors="replace")

    def __str__(self):
        body = f", body {self.body[:200]!r}" if self.body else ""
        return f"{self.line} ({'; '.join(f'{name}: {value}' for name, value in self.fields)}){body}"


def head_of(method, path, fields=(), host="localhost"):
    """The bytes of a request's head; a host of None leaves the field out."""
    lines = [f"{method} {path} HTTP/1.1", *([f"Host: {host}"] if host is not None else []), *fields, "", ""]
    return "\r\n".join(lines).encode("latin-1")


class Connection:
    """One connection; responses are read one by one."""

    def __init__(self, address, patience_s=PATIENCE_S):
        self.sent = f"a connection to {address[0]}:{address[1]}"
        try:
            self.socket = socket.create_connection(address, patience_s)
        except OSError as error:
            raise Broken(self.sent, f"no connection: {error}") from error
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.memory = memoryview(bytearray(WINDOW))
        self.start = self.end = 0
        self.reused = False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, data):
        """Sends these bytes, without framing."""
        self.sent = repr(data if len(data) <= 400 else data[:400] + b"...")
        self._push([data])

    def _push(self, buffers):
        try:
            while buffers:
                sent = self.socket.sendmsg(buffers)
                while buffers and sent >= len(buffers[0]):
                    sent -= len(buffers.pop(0))
                if sent:
                    buffers[0] = memoryview(buffers[0])[sent:]
        except OSError as error:
            raise Broken(self.sent, f"sending failed: {error}") from error

    def request(self, method, path, fields=(), body=None, host="localhost"):
        """Sends a request. The body is bytes, or a Body, which is generated while it is sent."""
        fields = list(fields)
        if isinstance(body, Body):
            fields.append(body.field())
        elif body is not None:
            fields.append(f"Content-Length: {len(body)}")
        head = head_of(method, path, fields, host)
        self.sent = f"{method} {path} with {'; '.join([f'Host: {host}', *fields])}{f' {body}' if body else ''}"[:600]
        parts = body.parts() if isinstance(body, Body) else iter([[body]] if body else [])
        self._push([head, *next(parts, [])])
        for part in parts:
            self._push(part)

    def ask(self, method, path, fields=(), body=None, host="localhost", sink=None):
        """Sends a request and reads its response, also if the server answers and closes before it has read all."""
        try:
            self.request(method, path, fields, body, host)
        except Broken as broken:
            try:
                return self.response(method, sink)
            except Broken:
                raise broken from None
        return self.response(method, sink)

    def response(self, method="GET", sink=None):
        """Reads the next final response. Its body goes to the sink, or is stored in the response."""
        while True:
            response = Response(self.sent, self._head(), method)
            if response.status >= 200:
                break
        sink = sink if sink is not None and response.status < 300 else Keep()
        try:
            if response.has_body:
                self._body(response, sink)
                response.body = sink.finish()
        except Differs as differs:
            raise Broken(self.sent, f"{response.line}, {differs}") from differs
        return response

    def interim(self):
        """Reads the head of the next response, interim or final, and no body."""
        return Response(self.sent, self._head(), "HEAD")

    def _head(self):
        seen = 0
        while True:
            at = self.memory.obj.find(b"\r\n\r\n", self.start + max(seen - 3, 0), self.end)
            if at >= 0:
                head = bytes(self.memory[self.start : at])
                self.start = at + 4
                return head
            seen = self.end - self.start
            if seen > HEAD_BYTES_MAX:
                raise Broken(self.sent, f"a head of more than {HEAD_BYTES_MAX} bytes")
            self._more("a response's head")

    def _body(self, response, sink):
        length = response.field("content-length")
        if (response.field("transfer-encoding") or "").lower() == "chunked":
            while size := self._chunk_size():
                self._pass_on(size, sink)
                if self._line() != b"":
                    raise Broken(self.sent, "a chunk that is longer than its size")
            while self._line():
                pass
        elif length is not None:
            if not length.isdigit():
                raise Broken(self.sent, f"Content-Length: {length!r}")
            self._pass_on(int(length), sink)
        else:
            self._pass_on(None, sink)

    def _chunk_size(self):
        line = self._line()
        try:
            return int(line.split(b";")[0], 16)
        except ValueError:
            raise Broken(self.sent, f"a malformed chunk size: {line[:100]!r}") from None

    def _line(self):
        while True:
            at = self.memory.obj.find(b"\r\n", self.start, self.end)
            if at >= 0:
                line = bytes(self.memory[self.start : at])
                self.start = at + 2
                return line
            self._more("a line of a chunked body")

    def _pass_on(self, left, sink):
        """Moves `left` bytes to the sink; with None, all until the end of the connection."""
        while left is None or left > 0:
            if self.start == self.end and not self._more("a body", may_end=left is None):
                return
            size = self.end - self.start if left is None else min(left, self.end - self.start)
            sink.feed(self.memory[self.start : self.start + size])
            self.start += size
            left = None if left is None else left - size

    def _more(self, what, may_end=False):
        if self.start == self.end:
            self.start = self.end = 0
        elif self.end == len(self.memory):
            rest = bytes(self.memory[self.start : self.end])
            self.memory[: len(rest)] = rest
            self.start, self.end = 0, len(rest)
        try:
            size = self.socket.recv_into(self.memory[self.end :])
        except OSError as error:
            raise Broken(self.sent, f"{error} within {what}{self._so_far()}") from error
        if size == 0 and not may_end:
            raise Broken(self.sent, f"the connection ended within {what}{self._so_far()}")
        self.end += size
        return size

    def _so_far(self):
        rest = bytes(self.memory[self.start : min(self.end, self.start + 200)])
        return f", after {rest!r}" if rest else ""

    def ends(self, within_s):
        """True if the server closes the connection within this time. Discards what it still sends."""
        self.socket.settimeout(within_s)
        try:
            while self.socket.recv(1 << 16):
                pass
        except TimeoutError:
            return False
        except OSError:
            pass
        return True


class Session:
    """Behaves as a browser: keeps its connection, opens a new one after the server has closed it, follows redirects."""

    def __init__(self, address, patience_s=PATIENCE_S):
        self.address = address
        self.patience_s = patience_s
        self.connection = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self.connection:
            self.connection.close()
            self.connection = None

    def ask(self, method, path, fields=(), body=None, sink=None, follow=False):
        for _ in range(REDIRECTS_MAX):
            response = self._once(method, path, fields, body, sink)
            location = response.field("location")
            if not follow or response.status not in (301, 302, 303, 307, 308) or location is None:
                return response
            path = "/" + location.split("/", 3)[3] if "://" in location else location
        raise Broken(response.sent, f"more than {REDIRECTS_MAX} redirects, the last one to {location}")

    def _once(self, method, path, fields, body, sink):
        if self.connection and self.connection.reused and self._was_closed():
            self.close()
        if not self.connection:
            self.connection = Connection(self.address, self.patience_s)
        response = self.connection.ask(method, path, fields, body, sink=sink)
        self.connection.reused = True
        if response.closes:
            self.close()
        return response

    def _was_closed(self):
        """True if the server has closed the idle connection: then the socket is readable."""
        return bool(select.select([self.connection.socket], [], [], 0)[0])

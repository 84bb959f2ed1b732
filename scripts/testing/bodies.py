"""Bodies of any size without storing them: made from a repeating pattern, and compared with it piece by piece."""

import random
import string

# A prime: no two pieces of 32,768 bytes are equal before the pattern repeats, so that a piece that is lost, doubled or
# moved is noticed.
PERIOD = 65_521
# The maximum size of a piece that is compared or sent.
WINDOW = 1 << 18
# The size of the pieces that the school's tester sends.
CHUNK_BYTES = 32_768
# The number of chunks sent with one system call.
CHUNKS_PER_CALL = 8


class Pattern:
    """Endless bytes: `period` again and again."""

    def __init__(self, period):
        self.period = len(period)
        self.bytes = period * (2 + WINDOW // len(period))
        self.view = memoryview(self.bytes)

    def at(self, offset, size):
        start = offset % self.period
        return self.view[start : start + size]

    def matches(self, offset, view):
        """True if `view`, of at most WINDOW bytes, equals the pattern at `offset`. Compares without copying."""
        return self.bytes.startswith(view, offset % self.period)

    def prefix(self, size):
        """The first bytes of the pattern, for small bodies."""
        return (self.bytes[: self.period] * (1 + size // self.period))[:size]


def _letters():
    return "".join(random.Random(42).choices(string.ascii_lowercase, k=PERIOD)).encode()


LETTERS = Pattern(_letters())
UPPER = Pattern(_letters().upper())
ONES = Pattern(b"1")
BINARY = Pattern(random.Random(7).randbytes(PERIOD))


class Body:
    """A request's body: `size` bytes of a pattern."""

    def __init__(self, size, pattern=LETTERS, chunked=True):
        self.size = size
        self.pattern = pattern
        self.chunked = chunked

    def field(self):
        return "Transfer-Encoding: chunked" if self.chunked else f"Content-Length: {self.size}"

    def parts(self):
        """The encoded body, as lists of buffers; each list is for one sendmsg."""
        offset = 0
        while offset < self.size:
            buffers = []
            for _ in range(CHUNKS_PER_CALL):
                size = min(CHUNK_BYTES, self.size - offset)
                if size == 0:
                    break
                piece = self.pattern.at(offset, size)
                buffers += [b"%x\r\n" % size, piece, b"\r\n"] if self.chunked else [piece]
                offset += size
            yield buffers
        if self.chunked:
            yield [b"0\r\n\r\n"]

    def __str__(self):
        return f"({self.size:,} bytes{', chunked' if self.chunked else ''})"


class Differs(Exception):
    """A body is not as expected; the message says where it differs."""


class Keep:
    """A sink that stores a body."""

    def __init__(self, most=64 << 20):
        self.most = most
        self.body = bytearray()

    def feed(self, view):
        if len(self.body) + len(view) > self.most:
            raise Differs(f"a body of more than {self.most:,} bytes")
        self.body += view

    def finish(self):
        return bytes(self.body)


class Expected:
    """A sink that compares a body with a pattern."""

    def __init__(self, size, pattern):
        self.size = size
        self.pattern = pattern
        self.offset = 0

    def feed(self, view):
        if self.offset + len(view) > self.size:
            raise Differs(f"a body of more than the {self.size:,} bytes that were expected")
        for start in range(0, len(view), WINDOW):
            part = view[start : start + WINDOW]
            if not self.pattern.matches(self.offset, part):
                raise Differs(self.difference(bytes(part)))
            self.offset += len(part)

    def difference(self, part):
        wanted = bytes(self.pattern.at(self.offset, len(part)))
        at = next(i for i in range(len(part)) if part[i] != wanted[i])
        near = f"{part[at : at + 16]!r} in the place of {wanted[at : at + 16]!r}"
        return f"a body that differs from its byte {self.offset + at:,} on: {near}"

    def finish(self):
        if self.offset != self.size:
            raise Differs(f"a body of {self.offset:,} bytes, {self.size:,} were expected")
        return b""

"""The tester's CGI program: answers with its input in upper case.

Refuses with 500 unless PATH_INFO is the whole path of the URL. With the field X-Secret-Header-For-Test, each byte is
replaced by the value's first character. `scripts/tester --cgi` is this program, and DIR/cgi/tester is a copy of it.
"""

import os
import sys

PIECE_BYTES = 1 << 16


def write_all(data):
    view = memoryview(data)
    while view:
        view = view[os.write(1, view) :]


def unescaped(path):
    """Decodes %41 to A. Without urllib, whose import would take longer than everything else for a small body."""
    first, *rest = os.fsencode(path).split(b"%")
    return first + b"".join(bytes.fromhex(part[:2].decode()) + part[2:] for part in rest)


def stored_input():
    """Stores all of the input in a file, for servers that write all of it before they read output, as fcgiwrap does."""
    import tempfile

    file = tempfile.TemporaryFile()
    while piece := os.read(0, PIECE_BYTES):
        file.write(piece)
    file.seek(0)
    return os.dup(file.fileno())


def main():
    path_info = os.environ.get("PATH_INFO", "")
    uri = os.environ.get("REQUEST_URI", path_info).split("?")[0]
    if not path_info or os.fsencode(path_info) != unescaped(uri):
        message = f"PATH_INFO is {path_info!r}; the whole path of the URL {uri!r} is expected\n"
        write_all(b"Status: 500 Internal Server Error\r\nContent-Type: text/plain\r\n\r\n" + message.encode())
        return
    secret = os.environ.get("HTTP_X_SECRET_HEADER_FOR_TEST", "")[:1].encode()
    source = stored_input() if "TESTER_READS_FIRST" in os.environ else 0
    write_all(b"Status: 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n\r\n")
    while piece := os.read(source, PIECE_BYTES):
        write_all(secret * len(piece) if secret else piece.upper())


if __name__ == "__main__":
    try:
        main()
    except BrokenPipeError:
        sys.exit(1)  # the server has closed the pipe

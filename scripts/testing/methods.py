"""Known and unknown methods, invalid requests, uploads and deletions."""

import os
from urllib.parse import urlsplit

from .bodies import BINARY, Body, Expected
from .checks import Skip, check, expect, expect_status
from .client import Broken, head_of

CRASH_HINT = "whatever comes, the server answers or closes, and serves the next client"


@check("methods", "UNKNOWN / : 501 or 405, no crash", "status 501 or 405", CRASH_HINT)
def _(target):
    expect_status(target.ask("UNKNOWN", "/"), 501, 405)
    expect_status(target.ask("GET", "/"), 200)


@check("methods", "get / (a method in lower case): refused", "status 400, 405 or 501", "methods are case-sensitive")
def _(target):
    expect_status(target.ask("get", "/"), 400, 405, 501)


@check("methods", "405 says which methods are allowed", "status 405 and Allow: GET",
       "RFC 9110 section 15.5.6: the response must have an Allow field")  # fmt: skip
def _(target):
    response = expect_status(target.ask("DELETE", "/index.html"), 405)
    expect("GET" in (response.field("allow") or ""), response)


@check("methods", "HEAD /files/plain.txt: the fields of GET, and no body", "status 200, Content-Length, no body",
       "RFC 9110 section 9.3.2: HEAD is GET without its body")  # fmt: skip
def _(target):
    with target.connect() as connection:
        head = expect_status(connection.ask("HEAD", "/files/plain.txt"), 200)
        get = expect_status(connection.ask("GET", "/files/plain.txt"), 200)
        expect(head.field("content-length") == get.field("content-length") == str(len(get.body)), head)


def refused(method, path, *statuses, body=None):
    @check("methods", f"{method} {path}: refused", f"status {' or '.join(map(str, statuses))}, the file as it was",
           "methods that a route does not take")  # fmt: skip
    def _(target):
        expect_status(target.ask(method, path, body=body), *statuses)
        expect_status(target.ask("GET", "/files/plain.txt"), 200)


refused("DELETE", "/files/plain.txt", 403, 405)
refused("PUT", "/files/plain.txt", 403, 405, body=b"other text")
refused("POST", "/files/plain.txt", 403, 405, body=b"other text")
refused("TRACE", "/", 403, 405, 501)
refused("CONNECT", "elsewhere.test:80", 400, 405, 501)


def nonsense(what, data):
    """An invalid request: the server must answer with an error status, or close the connection."""

    @check("methods", f"{what}: refused, no crash", "an error 4xx or 5xx, or the end of the connection", CRASH_HINT)
    def _(target):
        with target.connect() as connection:
            try:
                connection.send(data)
                connection.socket.shutdown(1)
                response = connection.response()
                expect(response.status >= 400, response)
            except (Broken, OSError) as error:
                expect("timed out" not in str(error), error, sent=connection.sent)
        expect_status(target.ask("GET", "/"), 200)


nonsense("a method of 100,000 bytes", b"A" * 100_000 + b" / HTTP/1.1\r\nHost: localhost\r\n\r\n")
nonsense("a target of 100,000 bytes", head_of("GET", "/" + "a" * 100_000))
nonsense("a field of 1,000,000 bytes", head_of("GET", "/", ["X-Long: " + "a" * 1_000_000]))
nonsense("100,000 fields", head_of("GET", "/", [f"X-{i}: {i}" for i in range(100_000)]))
nonsense("a request without a target", b"GET\r\nHost: localhost\r\n\r\n")
nonsense("HTTP/9.9", b"GET / HTTP/9.9\r\nHost: localhost\r\n\r\n")
nonsense("a field without a colon", head_of("GET", "/", ["no colon here"]))
nonsense("a space before a field's colon", head_of("GET", "/", ["Content-Length : 0"]))
nonsense("bytes of all values", bytes(range(256)) * 40 + b"\r\n\r\n")
nonsense("a TLS handshake", bytes.fromhex("16030100c8010000c40303") + bytes(200))
nonsense(
    "a chunk size that is no number", head_of("PUT", "/upload/x", ["Transfer-Encoding: chunked"]) + b"zz\r\nabc\r\n"
)


def round_trip(what, body):
    @check("upload", f"PUT {what}, and the same bytes back", "status 201 or 204, then 200 with the same bytes",
           "dav_methods PUT")  # fmt: skip
    def _(target):
        size = body.size if body.size < 1_000_000 else target.scaled(body.size)
        sent = Body(size, body.pattern, body.chunked)
        expect_status(target.ask("PUT", "/upload/round-trip", body=sent), 200, 201, 204)
        expect_status(target.ask("GET", "/upload/round-trip", sink=Expected(size, body.pattern)), 200)


round_trip("1,000 bytes", Body(1_000, chunked=False))
round_trip("no bytes", Body(0, chunked=False))
round_trip("no bytes, chunked", Body(0))
round_trip("100,000 bytes of all values", Body(100_000, BINARY, chunked=False))
round_trip("99,999 bytes of all values, chunked", Body(99_999, BINARY))
round_trip("50,000,000 bytes of all values", Body(50_000_000, BINARY, chunked=False))


@check("upload", "PUT of a name with spaces and letters beyond ASCII", "status 201, then 200 with the same bytes",
       "the name is unescaped before the file is made")  # fmt: skip
def _(target):
    path = "/upload/caf%C3%A9%20au%20lait"
    expect_status(target.ask("PUT", path, body=b"au lait"), 201, 204)
    expect(expect_status(target.ask("GET", path), 200).body == b"au lait", "other bytes", sent=path)
    if target.folder:
        expect(os.path.exists(f"{target.folder}/upload/caf\u00e9 au lait"), "no file of that name", sent=path)


@check("upload", "Expect: 100-continue: the server says when to go on", "100, then 201",
       "RFC 9110 section 10.1.1; curl waits a second for it with each larger upload")  # fmt: skip
def _(target):
    with target.connect() as connection:
        connection.request("PUT", "/upload/expected", ["Content-Length: 5", "Expect: 100-continue"])
        interim = connection.interim()
        expect(interim.status == 100, interim, "status 100")
        connection.send(b"12345")
        expect_status(connection.response(), 201, 204)


@check("upload", "an upload that is cut off leaves what was there", "no new file, and the old one as it was",
       "a file gets its name when it is whole")  # fmt: skip
def _(target):
    expect_status(target.ask("PUT", "/upload/whole", body=b"whole"), 201, 204)
    for path in ("/upload/whole", "/upload/cut-off"):
        with target.connect() as connection:
            connection.request("PUT", path, ["Content-Length: 100000"])
            connection.send(b"half of it")
    expect_status(target.ask("GET", "/upload/cut-off"), 404)
    response = expect_status(target.ask("GET", "/upload/whole"), 200)
    expect(response.body == b"whole", response)


@check("upload", "PUT above the folder: refused", "status 400 to 409, and no such file", "dots are resolved first")
def _(target):
    for path in ("/upload/../index.html", "/upload/%2e%2e/%2e%2e/outside"):
        response = target.ask("PUT", path, body=b"changed")
        expect(400 <= response.status <= 409, response)
    expect(
        "changed" not in target.ask("GET", "/").text, "the site's own page is changed", sent="PUT /upload/../index.html"
    )
    if target.folder:
        expect(not os.path.exists(f"{target.folder}/../outside"), "a file above the folder", sent=f"PUT {path}")


def posted(what, name, fields, body, content):
    """Uploads by POST are optional: the check is skipped for servers that do not take them."""

    @check("upload", f"POST of {what}, and the same bytes back", "status 2xx or 303, then 200 with the same bytes",
           "upload_store")  # fmt: skip
    def _(target):
        response = target.ask("POST", "/upload/", fields, body)
        if response.status in (403, 404, 405, 501):
            raise Skip(f"this server takes uploads by PUT only: POST is answered with {response.status}")
        expect_status(response, 200, 201, 204, 303)
        path = response.field("location") or f"/upload/{name}"
        got = expect_status(target.ask("GET", urlsplit(path).path), 200).body
        expect(got == content, f"other bytes: {got[:200]!r}", sent=response.sent)


POSTED = bytes(BINARY.prefix(5_000))
BOUNDARY = b"the-testers-boundary"
PART = b'Content-Disposition: form-data; name="file"; filename="posted.bin"\r\nContent-Type: application/octet-stream'
FORM = b"--%s\r\n%s\r\n\r\n%s\r\n--%s--\r\n" % (BOUNDARY, PART, POSTED, BOUNDARY)

posted("a file", "", ["Content-Type: application/octet-stream"], POSTED, POSTED)
posted(
    "a form with a file",
    "posted.bin",
    [f"Content-Type: multipart/form-data; boundary={BOUNDARY.decode()}"],
    FORM,
    POSTED,
)


def deleted(what, path):
    @check("delete", what, "status 200 or 204; then 404 for GET and for DELETE", "dav_methods DELETE")
    def _(target):
        expect_status(target.ask("PUT", path, body=b"soon gone"), 201, 204)
        expect_status(target.ask("DELETE", path), 200, 202, 204)
        expect_status(target.ask("GET", path), 404)
        expect_status(target.ask("DELETE", path), 404)


deleted("an uploaded file is deleted, and gone", "/upload/gone")
deleted("a name with a space in it, too", "/upload/gone%20too")


@check(
    "delete", "what is above the folder stays", "status 400 to 409, and the file is there", "dots are resolved first"
)
def _(target):
    for path in ("/upload/../index.html", "/upload/%2e%2e/files/plain.txt"):
        response = target.ask("DELETE", path)
        expect(400 <= response.status <= 409, response)
    expect_status(target.ask("GET", "/files/plain.txt"), 200)
    expect_status(target.ask("GET", "/index.html"), 200)

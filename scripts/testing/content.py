"""The content of a site: error pages, body limits, routes, default files, listings, redirects."""

import html
import re
from urllib.parse import unquote, urljoin

from .bodies import BINARY, Body, Expected
from .checks import check, expect, expect_status
from .site import BINARY_BYTES, FILES, LISTED


def error_page(host, path, status, text):
    @check("error pages", f"{path} of {host}: {status} with its own page", f"status {status}, a page with \"{text}\"",
           "error_page")  # fmt: skip
    def _(target):
        response = expect_status(target.ask("GET", path, host=host), status)
        expect(text in response.text, response)


error_page("localhost", "/nothing-here", 404, "nothing of that name here")
error_page("localhost", "/files/nothing-here", 404, "nothing of that name here")
error_page("second.test", "/nothing-here", 404, "the second site has nothing of that name")


@check("error pages", "a site without pages of its own has a built-in one", "status 404, and a page that says so",
       "an error has a body to look at, configured or not")  # fmt: skip
def _(target):
    response = expect_status(target.ask("GET", "/nothing-here", host="a.wild.test"), 404)
    expect("404" in response.text, response)
    response = expect_status(target.ask("POST", "/", body=b"x"), 405)
    expect("405" in response.text, response, "status 405, and a page that says so")


@check("error pages", "HEAD of what is not there: the head alone, as for GET", "status 404, the same fields, no body",
       "RFC 9110 section 9.3.2: HEAD is GET without its body")  # fmt: skip
def _(target):
    get = expect_status(target.ask("GET", "/files/nothing-here"), 404)
    with target.connect() as connection:
        # If the server sends a body anyway, the client reads it as the next response, and the check fails.
        head = expect_status(connection.ask("HEAD", "/files/nothing-here"), 404)
        expect(head.field("content-length") in (None, str(len(get.body))), head)
        expect_status(connection.ask("GET", "/files/plain.txt"), 200)


def limit(what, body, status, fields=()):
    @check("body limit", f"{what}: {status}", f"status {status}", "client_max_body_size 100 for /post_body")
    def _(target):
        expect_status(target.ask("POST", "/post_body", fields, body), status)
        expect_status(target.ask("GET", "/"), 200, hint="what comes after a refused body is served again")


limit("no body", b"", 200)
limit("100 bytes with Content-Length", Body(100, chunked=False), 200)
limit("101 bytes with Content-Length", Body(101, chunked=False), 413)
limit("101 bytes, chunked", Body(101), 413)
limit("10,000,000 bytes with Content-Length", Body(10_000_000, chunked=False), 413)


def announced(value, *statuses):
    @check("body limit", f"Content-Length: {value} and no body: {' or '.join(map(str, statuses))}, at once",
           f"status {' or '.join(map(str, statuses))}", "the head says that it is too much")  # fmt: skip
    def _(target):
        with target.connect() as connection:
            connection.request("POST", "/post_body", [f"Content-Length: {value}"])
            expect_status(connection.response(), *statuses)


announced("1000000000000000000", 413)
announced("99999999999999999999999999", 400, 413)
announced("-1", 400)
announced("12abc", 400)


@check("body limit", "other routes take more", "status 201 or 204", "the limit belongs to its route")
def _(target):
    expect_status(target.ask("PUT", "/upload/more-than-100", body=Body(5_000)), 200, 201, 204)


def file(path, name, media_type=None):
    """A file that must come back unchanged."""

    @check(
        "routes", f"GET {path}: {name}", f"status 200, the bytes of {name}", "root, alias, and unescaping of the URL"
    )
    def _(target):
        response = expect_status(target.ask("GET", path), 200)
        expect(response.body == FILES[name].encode(), response)
        if media_type:
            expect((response.field("content-type") or "").startswith(media_type), response, f"type {media_type}")


file("/directory/youpi.bad_extension", "YoupiBanane/youpi.bad_extension", "application/octet-stream")
file("/directory/nop/other.pouic", "YoupiBanane/nop/other.pouic")
file("/files/plain.txt", "site/files/plain.txt", "text/plain")
file("/files/index.html", "site/files/index.html", "text/html")
file("/files/plain.txt?a=b&c", "site/files/plain.txt")
file("/files/name%20with%20spaces.txt", "site/files/name with spaces.txt")
file("/files/b%C3%A4nane.txt", "site/files/b\u00e4nane.txt")
file("/%66iles/%70lain.txt", "site/files/plain.txt")
file("/files/sub/../plain.txt", "site/files/plain.txt")
file("/files/sub/./deep.txt", "site/files/sub/deep.txt")
file("/files/empty.txt", "site/files/empty.txt")


@check("routes", f"GET /files/binary: {BINARY_BYTES:,} bytes of all values", "status 200, the same bytes",
       "a file is bytes: no text mode, no end at a zero")  # fmt: skip
def _(target):
    expect_status(target.ask("GET", "/files/binary", sink=Expected(BINARY_BYTES, BINARY)), 200)


for outside in [
    "/../tester.conf",
    "/files/../../tester.conf",
    "/%2e%2e/tester.conf",
    "/files/..%2f..%2ftester.conf",
    "/files/%2e%2e/%2e%2e/tester.conf",
    "/put_test../tester.conf",
    "/directory../tester.conf",
    "/files/plain.txt%00.html",
]:

    @check("routes", f"GET {outside} leaves no way out", "status 400, 403 or 404",
           "dots are resolved after unescaping, and never lead above the root")  # fmt: skip
    def _(target, path=outside):
        expect_status(target.ask("GET", path), 400, 403, 404)


@check("default file", "GET /files/ is its index file", "status 200, the page of the files", "index index.html")
def _(target):
    response = expect_status(target.ask("GET", "/files/"), 200)
    expect(response.text == FILES["site/files/index.html"], response)


@check("default file", "GET /files is sent to /files/", "status 301 or 308 to /files/",
       "else the links of the page would be looked up one folder too high")  # fmt: skip
def _(target):
    response = expect_status(target.ask("GET", "/files"), 301, 308)
    expect(urljoin("http://localhost/files", response.field("location")).endswith("/files/"), response)


@check("default file", "a folder without index and listing: 403 or 404", "status 403 or 404", "autoindex is off")
def _(target):
    for path in ("/upload/", "/big/"):
        response = expect_status(target.ask("GET", path), 403, 404)
        expect("slow" not in response.text, response, "no names of files")


@check("listing", "GET /listing/ shows every name, and no markup of theirs", "a page with a link for each file",
       "autoindex on; names are escaped as text and as links")  # fmt: skip
def _(target):
    response = expect_status(target.ask("GET", "/listing/"), 200)
    expect("text/html" in response.field("content-type"), response)
    expect("<third>" not in response.text, response, "<third> escaped, it is a name and no markup")
    for name in LISTED:
        expect(name in html.unescape(unquote(response.text)), response, f"the name {name!r}")


@check("listing", "each link of it works", "status 200 for each", "links are relative, with %XX where needed")
def _(target):
    links = re.findall(r'href="([^"?]+)"', expect_status(target.ask("GET", "/listing/"), 200).text)
    paths = [urljoin("/listing/", html.unescape(link)) for link in links]
    inside = [path for path in paths if path.startswith("/listing/") and path != "/listing/"]
    expect(len(inside) >= len(LISTED), f"links to {', '.join(links)}", f"{len(LISTED)} links", sent="GET /listing/")
    for path in inside:
        expect_status(target.ask("GET", path), 200)


@check("redirect", "GET /old: 301 to /files/, which is there", "status 301, then 200", "return 301 /files/")
def _(target):
    with target.new_session() as session:
        response = expect_status(session.ask("GET", "/old"), 301)
        expect((response.field("location") or "").endswith("/files/"), response, "Location: .../files/")
        expect_status(session.ask("GET", "/old", follow=True), 200)


@check("redirect", "GET /elsewhere/a?b=c: 302 to another host, path and query kept",
       "302 with that Location", "return 302 http://elsewhere.test$request_uri")  # fmt: skip
def _(target):
    response = expect_status(target.ask("GET", "/elsewhere/a?b=c"), 302)
    location = "http://elsewhere.test/elsewhere/a?b=c"
    expect(response.field("location") == location, response, f"Location: {location}")

"""CGI scripts: good ones, broken ones, endless ones; cookies."""

import os

from . import processes, scripts
from .bodies import BINARY, Body, Expected, Pattern
from .checks import check, expect, expect_status
from .client import Broken, Connection

ENDLESS_PATIENCE_S = 20


def environment(target, path, fields=(), method="GET", body=None):
    response = expect_status(target.ask(method, path, fields, body), 200)
    return response, dict(line.split("=", 1) for line in response.text.splitlines() if "=" in line)


def variable(name, value, path="/scripts/environment.py?a=b&c=%20", fields=()):
    @check("scripts", f"{name} is {value!r}", f"{name}={value}", "RFC 3875 section 4.1")
    def _(target):
        response, variables = environment(target, path, fields)
        wanted = str(target.address[1]) if value == "the port" else value
        expect(variables.get(name) == wanted, f"{name} is {variables.get(name)!r}", sent=response.sent)


variable("REQUEST_METHOD", "GET")
variable("QUERY_STRING", "a=b&c=%20")
variable("QUERY_STRING", "", "/scripts/environment.py")
variable("PATH_INFO", "/more/path", "/scripts/environment.py/more/path?a=b")
variable("SCRIPT_NAME", "/scripts/environment.py")
variable("SERVER_PROTOCOL", "HTTP/1.1")
variable("SERVER_PORT", "the port")
variable("GATEWAY_INTERFACE", "CGI/1.1")
variable("HTTP_X_TESTER", "seen", fields=["X-Tester: seen"])


@check("scripts", "the field Proxy does not become HTTP_PROXY", "no variable HTTP_PROXY",
       "programs take it for the proxy that they are to use (CVE-2016-5385)")  # fmt: skip
def _(target):
    response, variables = environment(target, "/scripts/environment.py", ["Proxy: http://evil.test/"])
    expect("HTTP_PROXY" not in variables or not variables["HTTP_PROXY"], "HTTP_PROXY is set", sent=response.sent)


@check("scripts", "a script runs in its own folder", "what stands beside the script",
       "a relative path in a script begins at the script's folder")  # fmt: skip
def _(target):
    response = expect_status(target.ask("GET", "/scripts/sub/beside.py"), 200)
    expect(response.text == scripts.FILES["sub/beside.txt"], response)


def echo(what, body):
    @check("scripts", f"POST {what} reaches a script and comes back", "status 200, the same bytes",
           "a chunked body reaches the program without its chunks, and ends")  # fmt: skip
    def _(target):
        sink = Expected(body.size, body.pattern)
        response = expect_status(target.ask("POST", "/scripts/echo.py", body=body, sink=sink), 200)
        expect(response.field("x-body-bytes") == str(body.size), response)


echo("no body", Body(0, chunked=False))
echo("1,000 bytes", Body(1_000, chunked=False))
echo("1,000 bytes, chunked", Body(1_000))
echo("1,000,000 bytes of all values", Body(1_000_000, BINARY, chunked=False))
echo("1,000,000 bytes of all values, chunked", Body(1_000_000, BINARY))


@check(
    "scripts",
    "10,240,000 bytes come out of a script",
    "status 200, all bytes",
    "the reply's length is not known before",
)
def _(target):
    sink = Expected(10_240_000, Pattern(bytes(range(256))))
    expect_status(target.ask("GET", "/scripts/large.py", sink=sink), 200)


@check("scripts", "the script's Status and Location are the response's", "418; 302 with its Location",
       "RFC 3875 section 6.3: Status and Location are for the server")  # fmt: skip
def _(target):
    expect("short and stout" in expect_status(target.ask("GET", "/scripts/status.py"), 418).text, "another body")
    response = expect_status(target.ask("GET", "/scripts/redirect.py"), 302)
    expect(response.field("location") == "http://elsewhere.test/from-a-script", response)


@check("scripts", "another extension, another interpreter", "status 200, what a shell says",
       "cgi_interpreter .sh /bin/sh")  # fmt: skip
def _(target):
    response = expect_status(target.ask("GET", "/scripts/hello.sh?so"), 200)
    expect(response.text == "a shell says so\n", response)


@check("scripts", "HEAD: the head of GET, and no body", "status 200, no body",
       "what the script says after its head is not passed on")  # fmt: skip
def _(target):
    with target.connect() as connection:
        expect_status(connection.ask("HEAD", "/scripts/hello.sh"), 200)
        expect_status(connection.ask("GET", "/"), 200)


@check("scripts", "a script that is not there: 404", "status 404", "look for the script before its interpreter is run")
def _(target):
    expect_status(target.ask("GET", "/scripts/nobody.py"), 404)


@check("cookies", "two cookies are set, sent back, and counted", "visit 1, 2, 3; the colour from the second on",
       "each Set-Cookie stays a field of its own; Cookie becomes HTTP_COOKIE")  # fmt: skip
def _(target):
    jar = {}
    for visit in (1, 2, 3):
        cookies = [f"Cookie: {'; '.join(f'{name}={value}' for name, value in jar.items())}"] if jar else []
        response = expect_status(target.ask("GET", "/scripts/visits.py", cookies), 200)
        wanted = f"visit {visit}, colour {'blue' if jar else 'none'}\n"
        expect(response.text == wanted, response, repr(wanted))
        jar |= dict(cookie.split(";")[0].split("=", 1) for cookie in response.all("set-cookie"))
        expect(jar == {"visits": str(visit), "colour": "blue"}, response, "two fields Set-Cookie")


def broken(script, what):
    @check("broken scripts", f"{what}: a visible error", "status 500 or 502 with a page, soon, and the next one served",
           "the server sees the end of the script's output, and that there was no header")  # fmt: skip
    def _(target):
        response = expect_status(target.ask("GET", f"/scripts/{script}"), 500, 502, 503)
        expect(response.body, response, "a page to look at")
        expect_status(target.ask("GET", "/scripts/hello.sh"), 200)


broken("syntax.py", "a syntax error")
broken("raises.py", "an exception")
broken("exit1.py", "exit 1 without output")
broken("nothing.py", "exit 0 without output")
broken("no-header.py", "text without a header")
broken("bad-header.py", "a malformed header")
broken("killed.py", "killed by a signal")
broken("no-interpreter.cgi", "an interpreter that is not there")


@check("broken scripts", "one that stops halfway: the response does not look whole", "the end of the connection, early",
       "1,000 bytes were announced, and 9 came")  # fmt: skip
def _(target):
    try:
        response = target.ask("GET", "/scripts/halfway.py")
        expect(response.status >= 500, response)
    except Broken as broken:
        expect("timed out" not in broken.came, broken.came, sent=broken.sent)
    expect_status(target.ask("GET", "/"), 200)


def running(target, script):
    """The process of the endless script; None if it has ended, or if the tester cannot see it."""
    try:
        with open(f"{target.folder}/run/{script}.pid") as file:
            pid = int(file.read() or 0)
    except (OSError, ValueError):
        return None
    return pid if os.path.isdir("/proc/self") and processes.is_running(pid) else None


def expect_ended(target, script):
    """Checks that the server ends a script without a client. Not for servers whose scripts another daemon starts."""
    if target.server and not target.server.runs_programs:
        return
    ended = processes.wait_until(lambda: not running(target, script))
    expect(ended, f"process {running(target, script)} runs on", "the script's process is ended", sent=f"{script}.py")


def endless(script, what):
    @check("endless scripts", f"{what}: a visible error in time, others served meanwhile",
           "status 500, 502 or 504 with a page, and the script's process ended", "cgi_timeout")  # fmt: skip
    def _(target):
        with Connection(target.address, ENDLESS_PATIENCE_S) as connection:
            connection.request("GET", f"/scripts/{script}.py")
            for _ in range(20):
                expect_status(
                    target.ask("GET", "/", patience_s=5), 200, hint="one endless script must not stop the others"
                )
            response = expect_status(connection.response(), 500, 502, 504)
            expect(response.body, response, "a page to look at")
        expect_ended(target, script)


endless("loop", "an infinite loop")
endless("sleep", "sleep for an hour")


@check("endless scripts", "endless output is taken as long as its client reads, and no longer",
       "2,000,000 bytes, and the script ended with its client", "a closed connection ends its script")  # fmt: skip
def _(target):
    with Connection(target.address) as connection:
        connection.request("GET", "/scripts/talk.py")
        left = 2_000_000
        while left > 0:
            data = connection.socket.recv(1 << 16)
            expect(data, "the end of the connection", sent=connection.sent)
            left -= len(data)
    expect_ended(target, "talk")
    expect_status(target.ask("GET", "/"), 200)

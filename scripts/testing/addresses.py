"""Ports and addresses, and host names at one address."""

from .checks import Skip, check, expect, expect_status
from .client import head_of


def expect_site(response, name):
    expect_status(response, 200)
    expect(f"<h1>{name}</h1>" in response.text, response, f"the page of {name}")


@check("addresses", "the first port serves the first site", "status 200, the first site",
       "listen, and root with its index file")  # fmt: skip
def _(target):
    expect_site(target.ask("GET", "/"), "the first site")


@check("addresses", "a second port serves another site", "status 200, the second site",
       "two `listen` with different ports, each in its own server", ["second"])  # fmt: skip
def _(target):
    expect_site(target.ask("GET", "/", address=target.second), "the second site")


@check("addresses", "the second site answers on the first port, too, by its name", "status 200, the second site",
       "one server with several `listen`", ["second"])  # fmt: skip
def _(target):
    expect_site(target.ask("GET", "/", host="second.test"), "the second site")
    expect_site(target.ask("GET", "/", host="second.test", address=target.second), "the second site")


def other_address(text, ip):
    @check("addresses", f"the same port of {text} serves another site", "status 200, the second site",
           f"a `listen` with the address {text}", ["server"])  # fmt: skip
    def _(target):
        if text not in target.extra:
            raise Skip(f"this machine has no {text}, or the server's configuration has no directive for it")
        expect_site(target.ask("GET", "/", address=(ip, target.address[1])), "the second site")


other_address("[::1]", "::1")
other_address("127.0.0.2", "127.0.0.2")


def name(host, site, what=""):
    @check(
        "names", f"Host: {host}: {site}{what}", f"status 200, {site}", "the Host field chooses the server by its name"
    )
    def _(target):
        expect_site(target.ask("GET", "/", host=host), site)


name("localhost", "the first site")
name("second.test", "the second site")
name("SECOND.Test", "the second site", " (case does not matter)")
name("second.test:4242", "the second site", " (nor does the port)")
name("a.b.wild.test", "the wild site", " (a wildcard)")
name("unknown.test", "the first site", " (the default)")


@check("names", "HTTP/1.0 without Host: the first site", "status 200, the first site", "HTTP/1.0 has no Host field")
def _(target):
    with target.connect() as connection:
        connection.send(b"GET / HTTP/1.0\r\n\r\n")
        expect_site(connection.response(), "the first site")


@check("names", "the host of an absolute target wins over Host", "status 200, the second site",
       "RFC 9112 section 3.2.2: a server must ignore Host when the target is absolute")  # fmt: skip
def _(target):
    expect_site(target.ask("GET", "http://second.test/", host="localhost"), "the second site")


def bad_host(what, data):
    @check("names", f"{what}: 400", "status 400", "RFC 9112 section 3.2")
    def _(target):
        with target.connect() as connection:
            connection.send(data)
            expect_status(connection.response(), 400)


bad_host("HTTP/1.1 without Host", head_of("GET", "/", host=None))
bad_host("two Host fields", head_of("GET", "/", ["Host: second.test"]))

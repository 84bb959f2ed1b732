"""Wrong configurations: the server must refuse each one and name its line. And addresses that are in use already."""

import os
import re
import subprocess

from .checks import check, expect, expect_status
from .processes import PATIENCE_S

GROUP = "configuration"
# For each level, the text around a wrong statement.
AROUND = {
    "main": "# a comment\n%s\nevents {}\nhttp {}\n",
    "events": "events {\n    %s\n}\nhttp {}\n",
    "http": "events {}\n\nhttp {\n    root html;\n    %s\n}\n",
    "server": "events {}\nhttp {\n    server {\n        listen 127.0.0.1:4040;\n        %s\n    }\n}\n",
    "location": "events {}\nhttp {\n    server {\n        listen 127.0.0.1:4040;\n        location /a/ {\n"
    "            %s\n        }\n    }\n}\n",
}
# The level and the wrong statement. "<<" marks the line that the message must name, if it is not the statement's first.
WRONG = [
    ("main", "wrker_processes 1;"),
    ("main", "worker_processes none;"),
    ("main", "error_log stderr loud;"),
    ("main", "daemon maybe;"),
    ("main", "listen 80;"),
    ("main", "}"),
    ("main", "http { root a b; }"),
    ("main", "events;"),
    ("events", "use nonsense;"),
    ("events", "worker_connections many;"),
    ("events", "root html;"),
    ("http", "lisen 80;"),
    ("http", "index;"),
    ("http", "root a;"),
    ("http", "keepalive_timeout 5x;"),
    ("http", "client_max_body_size 1q;"),
    ("http", "client_max_body_size -1;"),
    ("http", "sendfile maybe;"),
    ("http", "include no-such-file.conf;"),
    ("http", "log_format short '$nonsense';"),
    ("http", "access_log logs/x no-such-format;"),
    ("http", "default_type a b;"),
    ("http", "events {}"),
    ("http", "server;"),
    ("http", "types text/html html;"),
    ("server", "listen 127.0.0.1:99999;"),
    ("server", "listen 300.1.1.1:80;"),
    ("server", "listen 127.0.0.1:port;"),
    ("server", "listen 127.0.0.1:4242 bogus;"),
    ("server", "listen 127.0.0.1:4242;\n<< listen 127.0.0.1:4242;"),
    ("server", "server_name;"),
    ("server", "server { listen 127.0.0.1:4242; }"),
    ("server", "error_page 99 /x.html;"),
    ("server", "error_page 404;"),
    ("server", "error_page nonsense /x.html;"),
    ("server", "return;"),
    ("server", "return nonsense;"),
    ("server", "autoindex perhaps;"),
    ("server", "alias /srv/;"),
    ("server", "dav_methods GET;"),
    ("server", "location {}"),
    ("server", "location /a b c {}"),
    ("server", "location /a/ {}\n<< location /a/ {}"),
    ("server", "root html {}"),
    ("location", "listen 127.0.0.1:4242;"),
    ("location", "autoindex on off;"),
    ("location", "root a;\n<< root b;"),
    ("location", "client_body_timeout soon;"),
    ("location", "location /b/ {}"),
    ("location", "limit_except NONSENSE { deny all; }"),
]
# Blocks and strings without an end: the server may name any line.
UNFINISHED = [
    "events {}\nhttp {\n    server {\n        listen 127.0.0.1:4040;\n    }\n",
    "events {}\nhttp {\n    server {\n        listen 127.0.0.1:4040;\n        root html\n    }\n}\n",
    "events {}\nhttp {\n    root 'html;\n}\n",
    'events {}\nhttp {\n    root "html;\n}\n',
]
# Two servers with the same address and name.
TWICE = {
    "the same address and name in two servers": """events {}
http {
    server {
        listen 127.0.0.1:4242;
        server_name same.test;
    }
    server {
        listen 127.0.0.1:4242;
<<      server_name same.test;
    }
}
""",
    "two defaults for one address": """events {}
http {
    server {
        listen 127.0.0.1:4242 default_server;
        server_name one.test;
    }
    server {
<<      listen 127.0.0.1:4242 default_server;
        server_name two.test;
    }
}
""",
}


def refuse(target, text, line, may_warn=False):
    """Checks that the configuration is refused, and that the message has the file's name and the line. With
    `may_warn`, the message may be a warning."""
    path = os.path.join(target.folder, "wrong.conf")
    with open(path, "wb") as file:
        file.write(text if isinstance(text, bytes) else text.encode())
    status, said = target.server.test(path)
    sent = f"-t -c wrong.conf with {text[:400]!r}"
    expect(0 < status < 126 or may_warn and status == 0, f"status {status}: {said}", "an exit status that says so", sent=sent)
    place = rf"wrong\.conf:{line}\b" if line else r"wrong\.conf.*[ :][0-9]+\b"
    expect(re.search(place, said), said, f"wrong.conf:{line or 'a line'} in the message", sent=sent)


def marked(text):
    """Returns the text without its mark, and the line of the mark (None if there is no mark)."""
    before, mark, _ = text.partition("<<")
    return text.replace("<<", "  "), before.count("\n") + 1 if mark else None


def wrong(level, statement):
    @check(GROUP, f"in {level}: {statement!r} is refused with its line", "an error, with the file and the line",
           "the configuration is checked as a whole before anything is opened", ["conf"])  # fmt: skip
    def _(target):
        text, line = marked(AROUND[level] % (statement if "<<" in statement else "<<" + statement))
        refuse(target, text, line)


for level, statement in WRONG:
    wrong(level, statement)

for text in UNFINISHED:

    @check(GROUP, f"{text[-30:]!r} at the end is refused", "an error, with the file and a line",
           "a block or a quotation that has no end", ["conf"])  # fmt: skip
    def _(target, text=text):
        refuse(target, text, None)


@check(GROUP, "bytes of all values are refused", "an error, with the file and a line",
       "a configuration is text; nothing of it may crash its reader", ["conf"])  # fmt: skip
def _(target):
    refuse(target, bytes(range(256)) * 16, None)


for what, text in TWICE.items():

    @check(GROUP, f"{what}: told with its line", "an error or a warning, with the file and the line",
           "the sheet: the same port and name twice should not work; nginx ignores the second name, with a warning",
           ["conf"])  # fmt: skip
    def _(target, text=text):
        refuse(target, *marked(text), may_warn=True)


@check(GROUP, "a file that is not there is refused", "an error that names the file",
       "the server must not fall back to another configuration", ["conf"])  # fmt: skip
def _(target):
    status, said = target.server.test(os.path.join(target.folder, "no-such-file.conf"))
    expect(status != 0 and "no-such-file.conf" in said, f"status {status}: {said}", sent="-t -c no-such-file.conf")


@check(GROUP, "the tester's own configuration is right", "status 0",
       "-t must accept a configuration that the server accepts", ["conf"])  # fmt: skip
def _(target):
    status, said = target.server.test(os.path.join(target.folder, "tester.conf"))
    expect(status == 0, f"status {status}: {said}", sent="-t -c tester.conf")


@check(GROUP, "a second server on the same port ends with an error, the first goes on", "a status, not 0; then 200",
       "bind(2) without SO_REUSEPORT says EADDRINUSE", ["server"])  # fmt: skip
def _(target):
    command = target.server.command
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=PATIENCE_S
        )
    except subprocess.TimeoutExpired:
        expect(False, "a second server that runs", sent=" ".join(command))
    said = done.stdout.decode(errors="replace")
    expect(done.returncode > 0, f"status {done.returncode}: {said}", sent=" ".join(command))
    for _ in range(10):
        expect_status(target.ask("GET", "/"), 200)

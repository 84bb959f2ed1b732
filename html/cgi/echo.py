#!/usr/bin/env python3
"""Shows the input of a CGI program: its environment, arguments and body."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import page

SHOWN_BYTES = 2000
PARTS = [
    ("The request", "REQUEST_METHOD REQUEST_URI QUERY_STRING SERVER_PROTOCOL CONTENT_TYPE CONTENT_LENGTH"),
    ("The program", "SCRIPT_NAME PATH_INFO PATH_TRANSLATED SCRIPT_FILENAME DOCUMENT_ROOT GATEWAY_INTERFACE"),
    ("Both ends", "REMOTE_ADDR REMOTE_PORT SERVER_ADDR SERVER_PORT SERVER_NAME SERVER_SOFTWARE"),
]


def table(caption, rows):
    lines = "".join(f'<tr><th scope="row">{page.escape(name)}</th><td>{page.escape(value) or "&#8202;"}</td></tr>\n'
                    for name, value in rows)  # fmt: skip
    return f'<table class="pairs">\n<caption>{page.escape(caption)}</caption>\n<tbody>\n{lines}</tbody>\n</table>\n'


environment = dict(os.environ)
environment.pop("LC_CTYPE", None)  # Python may have set this, not the server (PEP 538)
body = page.body(SHOWN_BYTES)
method = environment.get("REQUEST_METHOD", "")
size = int(environment.get("CONTENT_LENGTH") or 0)

out = f'<section>\n<h1>{page.escape(method)} reached a program</h1>\n<p class="lead">This is all the input of the program.'
out += " The server passes on nothing of its own environment.</p>\n"
if size:
    out += f"<h2>The body, {size} bytes</h2>\n<pre><code>{page.escape(body.decode('utf-8', 'replace'))}"
    out += "</code></pre>\n" if size <= SHOWN_BYTES else f"\u2026</code></pre>\n<p>The first {SHOWN_BYTES} bytes.</p>\n"
for caption, names in PARTS:
    out += table(caption, [(name, environment.pop(name)) for name in names.split() if name in environment])
fields = sorted(name for name in environment if name.startswith("HTTP_"))
out += table("The request\u2019s fields", [(name, environment.pop(name)) for name in fields])
out += table("The rest", sorted(environment.items()))
if sys.argv[1:]:
    out += table("Arguments, from a query without \u201c=\u201d", enumerate(sys.argv[1:], 1))
page.send("The input of a program", out + '<p><a href="/demo/programs.html">Back to the programs</a></p>\n</section>\n')

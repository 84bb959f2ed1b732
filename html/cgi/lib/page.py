"""Shared by the Python programs: the page frame, forms, and a check where a form comes from. Standard library only."""

import html
import os
import re
import sys
import urllib.parse

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FORM_BYTES_MAX = 64 << 10


def escape(text):
    """Escapes text for HTML, also for quoted attributes. Every value from outside must go through here."""
    return html.escape(str(text))


def send(title, body, status="200 OK", fields=()):
    """Sends a page; `body` is HTML. The frame comes from demo/index.html, so that all pages look alike."""
    with open(os.path.join(ROOT, "demo", "index.html"), encoding="utf-8") as file:
        frame = file.read()
    start = frame[: frame.index("<section")]
    start = re.sub("<title>.*</title>", lambda _: f"<title>{escape(title)} - webserv</title>", start)
    here = f'<a href="{escape(os.environ.get("SCRIPT_NAME", ""))}"'
    start = start.replace(' aria-current="page"', "").replace(here, here + ' aria-current="page"')
    respond(status, [("Content-Type", "text/html; charset=utf-8"), ("Cache-Control", "no-store"), *fields],
            start + body + frame[frame.index("</main>") :])  # fmt: skip


def redirect(path, fields=()):
    """Answers a form with 303 See Other, so that a reload does not send the form again."""
    respond("303 See Other", [("Location", path), *fields], "")


def respond(status, fields, text):
    head = "".join(f"{name}: {value}\n" for name, value in [("Status", status), *fields])
    sys.stdout.buffer.write((head + "\n" + text).encode("utf-8", "replace"))


def fault(title, why, status):
    """Sends a short error page."""
    here = escape(os.environ.get("SCRIPT_NAME", "/"))
    send(title, f'<section>\n<h1>{escape(title)}</h1>\n<p class="lead">{escape(why)}</p>\n'
                f'<p><a href="{here}">Back</a></p>\n</section>\n', status)  # fmt: skip


def body(bytes_max):
    """The request's body. The server sets CONTENT_LENGTH and has checked it against client_max_body_size."""
    return sys.stdin.buffer.read(min(int(os.environ.get("CONTENT_LENGTH") or 0), bytes_max))


def form():
    """The fields of a POST form; if a name is repeated, its last value."""
    text = body(FORM_BYTES_MAX).decode("utf-8", "replace")
    return dict(urllib.parse.parse_qsl(text, keep_blank_values=True, max_num_fields=100))


def from_this_site():
    """True if a page of this site sent the form. The browser sets these fields, and a page cannot change them."""
    site = os.environ.get("HTTP_SEC_FETCH_SITE")
    if site is not None:
        return site in ("same-origin", "none")
    origin = os.environ.get("HTTP_ORIGIN")
    return origin is None or urllib.parse.urlsplit(origin).netloc == os.environ.get("HTTP_HOST")

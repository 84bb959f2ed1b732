"""What the Python pages share: the site's frame around them, forms, and who may send one. Standard library only."""

import html
import os
import re
import sys
import urllib.parse

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FORM_BYTES_MAX = 64 << 10


def escape(text):
    """Text for HTML, also inside of quoted attributes. All that a page did not write itself goes through here."""
    return html.escape(str(text))


def send(title, body, status="200 OK", fields=()):
    """Answers with a page: `body` is HTML. The frame is that of demo/index.html, so that all pages look alike."""
    with open(os.path.join(ROOT, "demo", "index.html"), encoding="utf-8") as file:
        frame = file.read()
    start = frame[: frame.index("<section")]
    start = re.sub("<title>.*</title>", lambda _: f"<title>{escape(title)} - webserv</title>", start)
    here = f'<a href="{escape(os.environ.get("SCRIPT_NAME", ""))}"'
    start = start.replace(' aria-current="page"', "").replace(here, here + ' aria-current="page"')
    respond(status, [("Content-Type", "text/html; charset=utf-8"), ("Cache-Control", "no-store"), *fields],
            start + body + frame[frame.index("</main>") :])  # fmt: skip


def redirect(path, fields=()):
    """After a form: see the page, so that a reload does not send the form again."""
    respond("303 See Other", [("Location", path), *fields], "")


def respond(status, fields, text):
    head = "".join(f"{name}: {value}\n" for name, value in [("Status", status), *fields])
    sys.stdout.buffer.write((head + "\n" + text).encode("utf-8", "replace"))


def fault(title, why, status):
    """Answers with a short page that says what went wrong."""
    here = escape(os.environ.get("SCRIPT_NAME", "/"))
    send(title, f'<section>\n<h1>{escape(title)}</h1>\n<p class="lead">{escape(why)}</p>\n'
                f'<p><a href="{here}">Back</a></p>\n</section>\n', status)  # fmt: skip


def body(bytes_max):
    """The request's body; the server has checked its length already, or none would come."""
    return sys.stdin.buffer.read(min(int(os.environ.get("CONTENT_LENGTH") or 0), bytes_max))


def form():
    """The fields of a form that came by POST, each once."""
    text = body(FORM_BYTES_MAX).decode("utf-8", "replace")
    return dict(urllib.parse.parse_qsl(text, keep_blank_values=True, max_num_fields=100))


def from_this_site():
    """Did one of our own pages send this form? Browsers say where it comes from, and a page cannot change that."""
    site = os.environ.get("HTTP_SEC_FETCH_SITE")
    if site is not None:
        return site in ("same-origin", "none")
    origin = os.environ.get("HTTP_ORIGIN")
    return origin is None or urllib.parse.urlsplit(origin).netloc == os.environ.get("HTTP_HOST")

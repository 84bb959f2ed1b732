#!/usr/bin/env python3
"""The folder files/ for browsers without scripts: a form to send a file, a list, a button to delete each.

With JavaScript the page demo/uploads.html asks the server itself by PUT, GET and DELETE, and needs no program.
"""

import os
import re
import secrets
import sys
import time
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import page

FOLDER = os.path.join(page.ROOT, "files")
BODY_BYTES_MAX = 32 << 20
NAME_BYTES_MAX = 120
FILES_MAX = 500


def safe_name(name):
    """What is left of a name that a client gave: no folders, nothing hidden, nothing unprintable."""
    name = re.split(r"[/\\]", name)[-1]
    name = "".join(c for c in name if c.isprintable()).strip().lstrip(".")
    return name.encode("utf-8", "ignore")[:NAME_BYTES_MAX].decode("utf-8", "ignore")


def stored():
    """(name, status) of each file, the youngest first."""
    entries = [entry for entry in os.scandir(FOLDER) if not entry.name.startswith(".")]
    files = [(entry.name, entry.stat()) for entry in entries if entry.is_file(follow_symlinks=False)]
    return sorted(files, key=lambda file: file[1].st_mtime, reverse=True)


def parts(body, boundary):
    """(name, content) of each file in a multipart/form-data body (RFC 7578)."""
    for part in (b"\r\n" + body).split(b"\r\n--" + boundary)[1:-1]:
        head, found, content = part.partition(b"\r\n\r\n")
        name = re.search(rb'(?i)\r\ncontent-disposition:[^\r]*; *filename="([^"\r]*)"', head)
        if found and name:
            yield safe_name(name[1].decode("utf-8", "replace").replace("%22", '"')), content


def store(name, content):
    """Whole or not at all: written beside, then renamed."""
    part = os.path.join(FOLDER, f".{secrets.token_hex(8)}.part")
    try:
        with open(part, "xb") as file:
            file.write(content)
        os.replace(part, os.path.join(FOLDER, name))
    except OSError:
        if os.path.exists(part):
            os.unlink(part)
        raise


def upload():
    boundary = re.search(r'boundary=(?:"([^"]+)"|([^\s;]+))', os.environ["CONTENT_TYPE"])
    files = list(parts(page.body(BODY_BYTES_MAX), (boundary[1] or boundary[2]).encode())) if boundary else []
    files = [(name, content) for name, content in files if name]
    if not files:
        return page.fault("No file was chosen", "Choose one and send the form again.", "400 Bad Request")
    if len(stored()) + len(files) > FILES_MAX:
        return page.fault("The folder is full", f"It takes {FILES_MAX} files. Delete some.", "507 Insufficient Storage")
    for name, content in files:
        store(name, content)
    page.redirect(os.environ["SCRIPT_NAME"])


def delete():
    name = os.fsdecode(urllib.parse.unquote_to_bytes(page.form().get("delete", "")))
    if name not in [name for name, _ in stored()]:
        return page.fault("No such file", "Perhaps it has been deleted already.", "404 Not Found")
    os.unlink(os.path.join(FOLDER, name))
    page.redirect(os.environ["SCRIPT_NAME"])


def show():
    out = '<section>\n<h1>Files</h1>\n<p class="lead">This page works without scripts: a Python program answers'
    out += ' its forms. <a href="/demo/uploads.html">The other one</a> does the same by PUT and DELETE.</p>\n'
    out += f'<form class="row" method="post" enctype="multipart/form-data" action="{os.environ["SCRIPT_NAME"]}">\n'
    out += '<label>A file, up to 32 MiB <input type="file" name="file" required></label>\n'
    out += '<button>Upload</button>\n</form>\n<ul class="files">\n'
    files = stored()
    for name, status in files:
        link = urllib.parse.quote(os.fsencode(name), safe="")
        shown = page.escape(os.fsencode(name).decode("utf-8", "replace"))
        out += f'<li><a href="/files/{link}">{shown}</a> <span>{status.st_size:,} bytes, '
        out += time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(status.st_mtime)) + "</span>\n"
        out += f'<form method="post" action="{os.environ["SCRIPT_NAME"]}">'
        out += f'<input type="hidden" name="delete" value="{link}">'
        out += f'<button class="quiet" aria-label="Delete {shown}">Delete</button></form></li>\n'
    out += "</ul>\n" if files else "</ul>\n<p>Nothing is here yet.</p>\n"
    page.send("Files", out + "</section>\n")


try:
    if os.environ.get("REQUEST_METHOD") != "POST":
        show()
    elif not page.from_this_site():
        page.fault("Not from here", "This form was sent by another site.", "403 Forbidden")
    elif os.environ.get("CONTENT_TYPE", "").startswith("multipart/form-data"):
        upload()
    else:
        delete()
except OSError as error:
    print(f"files.py: {error}", file=sys.stderr)
    why = f"{error.strerror}: {error.filename}. Is this copy of the site read-only?"
    page.fault("The folder cannot be used", why, "500 Internal Server Error")

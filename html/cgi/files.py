#!/usr/bin/env python3
"""The folder files/ for browsers without scripts: a list, a button to delete each file, a form that the server takes.

With JavaScript the page demo/uploads.html asks the server itself by PUT, GET and DELETE, and needs no program.
"""

import os
import sys
import time
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import page

FOLDER = os.path.join(page.ROOT, "files")


def stored():
    """(name, status) of each file, the youngest first."""
    entries = [entry for entry in os.scandir(FOLDER) if not entry.name.startswith(".")]
    files = [(entry.name, entry.stat()) for entry in entries if entry.is_file(follow_symlinks=False)]
    return sorted(files, key=lambda file: file[1].st_mtime, reverse=True)


def delete():
    name = os.fsdecode(urllib.parse.unquote_to_bytes(page.form().get("delete", "")))
    if name not in [name for name, _ in stored()]:
        return page.fault("No such file", "Perhaps it has been deleted already.", "404 Not Found")
    os.unlink(os.path.join(FOLDER, name))
    page.redirect(os.environ["SCRIPT_NAME"])


def show():
    out = '<section>\n<h1>Files</h1>\n<p class="lead">This page works without scripts: a Python program lists'
    out += ' and deletes. <a href="/demo/uploads.html">The other one</a> does the same by GET and DELETE.</p>\n'
    out += '<form class="row" method="post" enctype="multipart/form-data" action="/files/">\n'
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
    else:
        delete()
except OSError as error:
    print(f"files.py: {error}", file=sys.stderr)
    why = f"{error.strerror}: {error.filename}. Is this copy of the site read-only?"
    page.fault("The folder cannot be used", why, "500 Internal Server Error")

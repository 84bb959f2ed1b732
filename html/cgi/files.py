#!/usr/bin/env python3
"""The folder files/ for browsers without JavaScript: a list with a button to delete each file, and a form to upload one.

With JavaScript, the page demo/uploads.html sends PUT, GET and DELETE to the server, and needs no program.
"""

import os
import sys
import time
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import page

FOLDER = os.path.join(page.ROOT, "files")


def stored():
    """(name, status) of each file, the newest first."""
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
    out = '<section>\n<h1>Files</h1>\n<p class="lead">This page works without JavaScript: a Python program lists and'
    out += ' deletes files. <a href="/demo/uploads.html">The other page</a> does the same with GET and DELETE.</p>\n'
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
    out += "</ul>\n" if files else "</ul>\n<p>The folder is empty.</p>\n"
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

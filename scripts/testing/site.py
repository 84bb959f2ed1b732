"""Writes the site of the tester: files, scripts, and tester.conf with this machine's paths and port."""

import os
import re
import shutil
import stat
import sys

from . import scripts
from .bodies import BINARY

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# This file marks a folder that the tester has made. The tester refuses to overwrite a folder without it.
MARK = "tester.conf"
BIG_BYTES = 64 << 20
BINARY_BYTES = 300_000


def page(title):
    return f"<!DOCTYPE html>\n<title>{title}</title>\n<h1>{title}</h1>\n"


FILES = {
    "YoupiBanane/youpi.bad_extension": "the index of /directory/\n",
    "YoupiBanane/youpi.bla": "a file that a program answers for\n",
    "YoupiBanane/nop/youpi.bad_extension": "the index of /directory/nop/\n",
    "YoupiBanane/nop/other.pouic": "another file of nop\n",
    "YoupiBanane/Yeah/not_happy.bad_extension": "in a folder without an index\n",
    "site/index.html": page("the first site"),
    "site/errors/404.html": page("nothing of that name here"),
    "site/files/index.html": page("the files"),
    "site/files/plain.txt": "plain text\n",
    "site/files/name with spaces.txt": "a name with spaces\n",
    "site/files/b\u00e4nane.txt": "a name beyond ASCII\n",
    "site/files/sub/deep.txt": "deep\n",
    "site/files/empty.txt": "",
    "site/listing/first.txt": "1\n",
    "site/listing/second & <third>.txt": "2\n",
    "site/listing/folder/index.html": page("a folder in the listing"),
    "second/index.html": page("the second site"),
    "second/404.html": page("the second site has nothing of that name"),
    "wild/index.html": page("the wild site"),
}
FOLDERS = ["put_test", "upload/slow", "temp", "logs", "run"]
# The names that a listing must show, with characters that must be escaped.
LISTED = ["first.txt", "second & <third>.txt", "folder"]


SHEBANGS = {".py": f"#!{sys.executable}\n", ".sh": "#!/bin/sh\n", ".cgi": ""}


def prepare(folder, port, second=None, extra=(), templates=("config/tester.conf",)):
    """Writes the folder and replaces its old content. Returns the configuration's path.

    The first template becomes tester.conf, the others keep their names, in run/."""
    folder = os.path.abspath(folder)
    if os.path.isdir(folder) and os.listdir(folder):
        if not os.path.exists(os.path.join(folder, MARK)):
            raise FileExistsError(f"{folder} holds other things than this tester's; name a new folder or an empty one")
        for name in {path.split("/")[0] for path in [*FILES, *FOLDERS, "cgi", "scripts"]}:
            shutil.rmtree(os.path.join(folder, name), ignore_errors=True)
    for name in FOLDERS:
        os.makedirs(os.path.join(folder, name))
    for name, text in FILES.items():
        write(folder, name, text.encode())
    write(folder, "site/files/binary", bytes(BINARY.prefix(BINARY_BYTES)))
    write(folder, "site/big/big", b"")
    os.truncate(os.path.join(folder, "site/big/big"), BIG_BYTES)  # a sparse file of zeros, which needs no disk space
    for name, text in scripts.FILES.items():
        shebang = SHEBANGS.get(os.path.splitext(name)[1])
        write(folder, f"scripts/{name}", ((shebang or "") + text).encode(), executable=shebang is not None)
    with open(os.path.join(ROOT, "scripts/testing/cgi.py"), "rb") as program:
        # -ISB: isolated, without site-packages, without byte code. It starts in a third of the time.
        write(folder, "cgi/tester", f"#!{sys.executable} -ISB\n".encode() + program.read(), executable=True)
    names = [MARK, *(f"run/{os.path.basename(template)}" for template in templates[1:])]
    for name, template in zip(names, templates):
        with open(os.path.join(ROOT, template)) as source:
            write(folder, name, fill(source.read(), port, second, extra, folder).encode())
    return os.path.join(folder, MARK)


def write(folder, name, content, executable=False):
    path = os.path.join(folder, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(content)
    if executable:
        os.chmod(path, os.stat(path).st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)


def fill(text, port, second, extra, folder):
    """Fills in ports and paths; leaves out the lines with addresses that this machine does not have."""
    left_out = [address for address in ("[::1]", "127.0.0.2") if address not in extra]
    left_out += [] if second else ["127.0.0.1:8081"]
    lines = [line for line in text.splitlines(keepends=True) if not any(address in line for address in left_out)]
    text = "".join(line for line in lines if not line.startswith("#"))
    text = re.sub(r"\b808[01]\b", lambda found: str(port if found.group() == "8080" else second), text)
    return text.replace("/usr/bin/python3", sys.executable).replace("@DIR@", folder)

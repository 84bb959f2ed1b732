"""The servers that the tester can start: webserv, and others to verify that the checks are fair."""

import contextlib
import os
import shutil
import signal
import subprocess
from dataclasses import dataclass

from . import site
from .processes import Server, free_port

TEMPLATES = {
    "webserv": ["config/tester.conf"],
    "nginx": ["scripts/testing/peers/nginx.conf", "scripts/testing/peers/fastcgi.conf"],
    "lighttpd": ["scripts/testing/peers/lighttpd.conf"],
}


@dataclass
class Started:
    address: tuple
    second: int
    extra: list
    server: Server


def binary(name, given):
    path = given or (os.path.join(site.ROOT, "target/release/webserv") if name == "webserv" else shutil.which(name))
    if not path or not os.access(path, os.X_OK):
        how = "cargo build --release" if name == "webserv" else f"apt-get install {name}"
        raise RuntimeError(f"no {path or name} here: {how}")
    return os.path.abspath(path)


@contextlib.contextmanager
def start(name, given, folder):
    """Starts this server with a prepared folder; ends it when the context ends."""
    program = binary(name, given)
    port, second = free_port(), free_port()
    # Other addresses with the same port, if this machine has them.
    extra = [address for address, ip in (("[::1]", "::1"), ("127.0.0.2", "127.0.0.2")) if free_port(ip)]
    config = site.prepare(folder, port, second, extra, TEMPLATES[name])
    command = {
        "webserv": [program, "-p", folder, "-c", config],
        "nginx": [program, "-p", folder, "-c", config, "-g", "daemon off;"],
        "lighttpd": [program, "-D", "-f", config],
    }[name]
    with contextlib.ExitStack() as stack:
        if name == "nginx":
            stack.callback(stop, start_fcgiwrap(folder))
        server = Server(command, folder, ("127.0.0.1", port), name != "lighttpd", name != "nginx")
        stack.callback(server.stop)
        yield Started(server.address, second, extra, server)


def start_fcgiwrap(folder):
    """Starts fcgiwrap for nginx, which cannot run CGI programs itself."""
    if not shutil.which("fcgiwrap"):
        raise RuntimeError("no fcgiwrap here: apt-get install fcgiwrap")
    socket = f"unix:{folder}/run/fcgiwrap"
    return subprocess.Popen(["fcgiwrap", "-c", "32", "-s", socket], stdin=subprocess.DEVNULL, start_new_session=True)


def stop(process):
    """Ends the process group: the process, its children, and the programs that they run."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()

"""The target of the checks: an address, and what is known of the server behind it."""

import os

from . import processes
from .client import PATIENCE_S, Connection, Session


class Target:
    def __init__(self, address, scale=1.0, second=None, folder=None, pid=None, server=None, extra=()):
        self.address = address
        self.scale = scale
        self.second = (address[0], second) if second else None
        self.folder = folder
        self.pid = pid
        self.server = server
        # Addresses beside the first one with the same port.
        self.extra = extra
        # The number of open descriptors while no requests are made.
        self.descriptors = None
        if self.has("proc"):
            processes.wait_until(lambda: not self.connections())
            self.descriptors = len(self.open_descriptors())
        self.session = Session(address)
        self.peak_bytes = 0
        self.progress = lambda done, total: None

    def __str__(self):
        name = f"{self.address[0]}:{self.address[1]}"
        return f"{name} ({self.server})" if self.server else name

    def has(self, need):
        return {
            "server": self.server is not None,
            "proc": self.pid is not None and os.path.exists(f"/proc/{self.pid}"),
            "conf": self.server is not None and self.server.tests_configurations,
            "second": self.second is not None,
            "site": self.folder is not None,
        }[need]

    def scaled(self, count, least=1):
        """Scales a number of requests or bytes."""
        return max(least, round(count * self.scale))

    def connect(self, patience_s=PATIENCE_S, address=None):
        return Connection(address or self.address, patience_s)

    def new_session(self, patience_s=PATIENCE_S):
        return Session(self.address, patience_s)

    def ask(self, method, path, fields=(), body=None, host="localhost", sink=None, address=None, patience_s=PATIENCE_S):
        """Sends one request on a new connection."""
        with self.connect(patience_s, address) as connection:
            return connection.ask(method, path, ["Connection: close", *fields], body, host, sink)

    def open_descriptors(self):
        """The server's descriptors without files of the site and their watches, which a cache may keep open."""
        folder = os.path.realpath(self.folder) + "/" if self.folder else "(no folder)"
        found = processes.descriptors(self.processes())
        def is_kept(name):
            return name == "anon_inode:inotify" or (name.startswith(folder) and not name.endswith(" (deleted)"))

        return [row for row in found if not is_kept(row[2])]

    def connections(self):
        """The open TCP connections of the server's ports."""
        return processes.connections(self.pid, {address[1] for address in (self.address, self.second) if address})

    def processes(self):
        """The server's own processes, without the programs that it runs."""
        return processes.family(self.pid)

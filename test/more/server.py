"""Starts the real server for the tests in this directory, with its own folder for configuration and files; and a small,
strict HTTP client. Only Python's standard library."""

import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TARGET = os.path.join(ROOT, os.environ.get("CARGO_TARGET_DIR", "target"))
PATIENCE_S = 30


def fail(what):
    sys.exit(f"{os.path.basename(sys.argv[0])}: {what}")


def need(program):
    """The path of a program that the test needs; exits if it is missing."""
    path = shutil.which(program)
    if not path:
        fail(f"no {program} here; scripts/test-more {os.path.basename(sys.argv[0])} installs what it needs")
    return path


def binary():
    """The server's release build, or the program in WEBSERV_TEST_BIN."""
    path = os.environ.get("WEBSERV_TEST_BIN", os.path.join(TARGET, "release", "webserv"))
    if not os.access(path, os.X_OK):
        fail(f"no {path}: run cargo build --release")
    return path


def wait_until(check, what):
    """Calls `check` until it returns a true value."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        result = check()
        if result:
            return result
        time.sleep(0.01)
    fail(f"{what}: not within {PATIENCE_S} s")


def free_port():
    """A free port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


class Server:
    """A running server; `with Server(...) as server:` kills it at the end if it still runs.

    `body` is the content of its server block, `files` are the files below its root. `wrapper` is a command that
    runs it; {folder} in it stands for the server's folder. The site is `html` in that folder, unless `root` names
    another one. `main` is added to the top level of the configuration, `http` to the block of that name.
    """

    def __init__(self, files=None, body="", events="", wrapper=(), root="html", fds=None, main="", http=""):
        self.folder = tempfile.mkdtemp(prefix="webserv-")
        os.chmod(self.folder, 0o755)
        for name in ("html", "logs"):
            os.mkdir(os.path.join(self.folder, name))
        for name, content in (files or {}).items():
            self.write(os.path.join("html", name), content)
        self.port = free_port()
        self.config = os.path.join(self.folder, "webserv.conf")
        self.configure(root, body, events, main, http)
        self.error_log = os.path.join(self.folder, "logs", "error.log")
        self.access_log = os.path.join(self.folder, "logs", "access.log")
        command = [*(part.format(folder=self.folder) for part in wrapper), binary(), "-p", self.folder, "-c", self.config]

        def limit():
            if fds:
                resource.setrlimit(resource.RLIMIT_NOFILE, (fds, fds))

        self.output = open(os.path.join(self.folder, "output"), "w+b")
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=self.output, stderr=self.output, preexec_fn=limit
        )
        try:
            wait_until(self.answers, f"{' '.join(command)} listens on port {self.port}")
        except BaseException:
            self.__exit__(None, None, None)
            raise

    def configure(self, root, body, events, main="", http=""):
        """Writes the configuration; a running server reads it after SIGHUP."""
        mime_types = os.path.join(ROOT, "config", "mime.types")
        include = f"include {mime_types};" if os.path.exists(mime_types) else ""
        with open(self.config, "w") as config:
            config.write(
                f"daemon off;\npid {self.folder}/webserv.pid;\nerror_log {self.folder}/logs/error.log notice;\n{main}\n"
                f"events {{ worker_connections 12000; {events} }}\n"
                f"http {{\n{include}\n{http}\naccess_log {self.folder}/logs/access.log combined buffer=64k flush=1s;\nserver {{\n"
                f"listen 127.0.0.1:{self.port}; server_name localhost; root {root};\n{body}\n}}\n}}\n"
            )

    def write(self, name, content):
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(content)
        os.utime(path, (time.time() - 10,) * 2)  # no Last-Modified is sent of a second that is not over

    def answers(self):
        if self.process.poll() is not None:
            fail(f"the server ended with {self.process.returncode}:\n{self.said()}")
        try:
            self.connect().close()
            return True
        except OSError:
            return False

    def connect(self, source="127.0.0.1"):
        connection = socket.create_connection(("127.0.0.1", self.port), PATIENCE_S, source_address=(source, 0))
        if connection.getsockname() == connection.getpeername():
            # No process listens there yet, and the kernel chose this port for our socket: it is connected to itself.
            connection.close()
            raise ConnectionRefusedError(f"the socket is connected to itself on port {self.port}")
        return connection

    def said(self):
        """Its standard output, standard error and error log."""
        self.output.seek(0)
        text = self.output.read().decode(errors="replace")
        if os.path.exists(self.error_log):
            with open(self.error_log, errors="replace") as log:
                text += log.read()
        return text

    def rss_bytes(self):
        with open(f"/proc/{self.process.pid}/status") as status:
            for line in status:
                if line.startswith("VmRSS:"):
                    return int(line.split()[1]) * 1024
        fail(f"no VmRSS of process {self.process.pid}")

    def send_signal(self, number):
        self.process.send_signal(number)

    def stop(self, number=signal.SIGQUIT):
        """Stops it and returns its exit status."""
        self.send_signal(number)
        try:
            return self.process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            fail(f"{signal.Signals(number).name} does not end the server:\n{self.said()}")

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if kind is not None and kind is not SystemExit:
            print(self.said(), file=sys.stderr)
        self.output.close()
        shutil.rmtree(self.folder)


def get(path, *fields, method="GET"):
    """The bytes of a request."""
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: localhost", *fields, "", ""]).encode()


class Client:
    """A connection that reads responses one by one."""

    def __init__(self, server, source="127.0.0.1"):
        self.socket = server.connect(source)
        self.rest = b""

    def send(self, data):
        self.socket.sendall(data)

    def ask(self, data, method="GET"):
        self.send(data)
        return self.response(method)

    def response(self, method="GET"):
        """Reads the next response: status, fields (names in lower case), body."""
        while b"\r\n\r\n" not in self.rest:
            self.more("a response's head")
        head, self.rest = self.rest.split(b"\r\n\r\n", 1)
        first, *lines = head.decode("latin-1").split("\r\n")
        status = int(first.split(" ")[1])
        fields = {name.lower(): value.strip() for name, value in (line.split(":", 1) for line in lines)}
        length = 0 if method == "HEAD" or status in (204, 304) else int(fields["content-length"])
        while len(self.rest) < length:
            self.more(f"a body of {length} bytes")
        body, self.rest = self.rest[:length], self.rest[length:]
        return status, fields, body

    def more(self, what):
        data = self.socket.recv(1 << 16)
        if not data:
            raise EOFError(f"the connection ended within {what}, after {self.rest[:200]!r}")
        self.rest += data

    def at_end(self):
        """True if the server closes the connection; waits for it."""
        return self.rest == b"" and self.socket.recv(1) == b""

    def close(self):
        self.socket.close()

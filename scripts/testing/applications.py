"""Runs the sections of docs/applications.md as they are printed: files, commands, configuration, output.

What is printed is changed in four ways only, so that runs do not disturb each other: /srv/app and /run become
temporary folders, 0.0.0.0 becomes 127.0.0.1, ports become free ones, and the program php-fpm has the version that is
installed."""

import ctypes
import glob
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time

from . import pages, site
from .processes import children, free_port, is_running, wait_until

PAGE = "docs/applications.md"
START_S = 20
STEP_S = 20
STOP_S = 10
APPLICATION_STOP_S = 3
PR_SET_CHILD_SUBREAPER = 36
NGINX_PARAMETERS = ("fastcgi.conf", "fastcgi_params", "scgi_params", "uwsgi_params")
NGINX_TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


class Fault(Exception):
    """A section does not do what the page says."""


class Skipped(Exception):
    """A section cannot be run here; the text says why."""


def adopt_orphans():
    """Makes this process the parent of all descendants that lose theirs: none gets away unseen (prctl(2))."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")


def listening():
    """The ports and the paths of all sockets that listen (proc(5))."""
    found = set()
    for name in filter(os.path.exists, ("/proc/net/tcp", "/proc/net/tcp6")):
        with open(name) as table:
            rows = [line.split() for line in table.readlines()[1:]]
        found |= {int(row[1].rpartition(":")[2], 16) for row in rows if row[3] == "0A"}
    with open("/proc/net/unix") as table:
        rows = [line.split() for line in table.readlines()[1:]]
    return found | {row[7] for row in rows if len(row) == 8 and row[3] == "00010000"}


def addresses(text, directive):
    """The ports and paths that a directive of a configuration has, such as `listen` or `(?:proxy|fastcgi)_pass`."""
    found = set()
    for word in re.findall(rf"(?:^|[;{{}}])\s*{directive}\s+(?:http://)?([^\s;]+)", text, re.M):
        path = re.match(r"unix:([^:]+)", word)
        port = re.search(r":(\d+)", word)
        if path or port:
            found.add(path.group(1) if path else int(port.group(1)))
    return found


class Run:
    """One section in a temporary folder, behind one server. `server` is the command of the web server."""

    def __init__(self, server, common, section):
        self.server, self.common, self.section = server, common, section
        self.is_nginx = os.path.basename(server) == "nginx"
        self.folder = tempfile.mkdtemp(prefix="apps-", dir="/tmp")  # a short path: that of a socket has 107 bytes
        os.chmod(self.folder, 0o755)
        os.mkdir(f"{self.folder}/run")
        self.started = []  # (command, process, its output)
        # Debian's programs come first: their modules are Debian's, too.
        self.environment = {**os.environ, "PATH": f"/usr/sbin:/usr/bin:/sbin:/bin:{os.environ.get('PATH', '')}"}
        text = "".join(block.text for block in common.blocks + section.blocks)
        ports = set(re.findall(r"(?:127\.0\.0\.1|localhost|0\.0\.0\.0)\W{1,4}(\d{4,5})\b", text))
        fpm = sorted(glob.glob("/usr/sbin/php-fpm[0-9]*")) or ["php-fpm8.2"]
        self.new = {
            "/srv/app": self.folder, "/var/run": f"{self.folder}/run", "/run": f"{self.folder}/run",
            "0.0.0.0": "127.0.0.1", "php-fpm8.2": os.path.basename(fpm[-1]),
            **{port: str(free_port()) for port in ports},
        }  # fmt: skip
        words = ["/srv/app(?![\\w.])", "(?<![\\w.])(?:/var)?/run(?=/)", "0\\.0\\.0\\.0", "php-fpm8\\.2"]
        self.old = re.compile("|".join(words + [rf"\b{port}\b" for port in ports]))

    def here(self, text):
        """What is printed, with the folder and the ports of this run."""
        return self.old.sub(lambda found: self.new[found.group()], text)

    def run(self):
        text = "".join(block.text for block in self.section.blocks)
        if self.is_nginx and re.search(r"^\s*cgi(_pass)? ", text, re.M):
            raise Skipped("nginx has no CGI")
        if os.geteuid() != 0 and "www-data" in text:
            raise Skipped("only root can become www-data")
        for block in self.common.blocks + self.section.blocks:
            if block.name:
                self.write(block)
            elif block.language == "sh":
                self.start(self.here(block.text).strip())
            elif block.language == "console":
                self.check(block)
            if block.name == "site.conf":
                self.start("webserv -c main.conf")

    def write(self, block):
        path = os.path.join(self.folder, block.name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            file.write(self.here(block.text))

    def start(self, command):
        """Starts a program that goes on. The web server is waited for, and before it what it passes requests to."""
        words = command.split()
        awaited = set()
        if words[0] == "webserv":
            awaited, behind = self.addresses()
            self.wait_for(behind - awaited)
            words = self.server_command(words)
        elif not shutil.which(words[0], path=self.environment["PATH"]):
            raise Fault(f"no {words[0]} here: scripts/test-more applications installs what the page needs")
        output = open(f"{self.folder}/run/output-{len(self.started)}", "w+b")
        process = subprocess.Popen(
            words, cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            start_new_session=True,
        )  # fmt: skip
        self.started.append((command, process, output))
        self.wait_for(awaited)

    def addresses(self):
        """What the web server listens on, and what it passes requests to."""
        text = "".join(self.here(block.text) for block in self.section.blocks if block.language == "nginx")
        return addresses(text, "listen"), addresses(text, "[a-z]+_pass")

    def wait_for(self, awaited):
        def ready():
            for command, process, _ in self.started:
                if process.poll() is not None:
                    raise Fault(f"{command}\nended with status {process.returncode}")
            return not missing()

        def missing():
            found = listening()
            # A program may have used a path that begins at its folder.
            names = {address for address in awaited if isinstance(address, str) and os.path.exists(address)}
            return {one for one in awaited - found if one not in names or os.path.basename(one) not in found}

        if not wait_until(ready, START_S):
            raise Fault(f"nobody listens on {missing()}")

    def server_command(self, words):
        """The command of the web server. nginx gets its files of parameters, and folders of its own."""
        if not self.is_nginx:
            return [self.server, *words[1:]]
        path = os.path.join(self.folder, words[-1])
        with open(path) as file:
            text = file.read()
        for name in NGINX_PARAMETERS:
            shutil.copy(f"/etc/nginx/{name}", self.folder)
        folders = "".join(f"{name}_temp_path {self.folder}/run/{name};\n" for name in NGINX_TEMPORARY)
        text = text.replace("http {\n", f"http {{\n{folders}", 1)
        if not re.search(r"^user\s", text, re.M) and os.geteuid() == 0:
            text = f"user root;\n{text}"  # nginx becomes nobody without it
        if not re.search(r"^pid\s", text, re.M):
            text = f"pid {self.folder}/server.pid;\n{text}"
        with open(path, "w") as file:
            file.write(text)
        return [self.server, "-p", self.folder, "-c", path]

    def check(self, block):
        for line, command, expected in block.commands():
            if self.is_nginx and "error.log" in command:
                continue  # nginx has other words
            where = f"{PAGE}:{line}: {command}"
            try:
                done = subprocess.run(
                    ["bash", "-c", self.here(command)], cwd=self.folder, env=self.environment, text=True,
                    timeout=STEP_S, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                )  # fmt: skip
            except subprocess.TimeoutExpired:
                raise Fault(f"{where}\nhas not ended after {STEP_S} s") from None
            if not pages.same(done.stdout, self.here(expected)):
                raise Fault(f"{where}\nsaid:\n{done.stdout}\nthe page says:\n{expected}")

    def stop(self):
        """Ends all programs, and returns what is wrong with the web server's end, and who is left. An application that
        does not end is killed with its children: uWSGI loses a SIGTERM that comes while it starts its processes."""
        faults = []
        for _, process, _ in self.started:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for command, process, _ in self.started:
            is_server = command.startswith("webserv ")
            try:
                process.wait(STOP_S if is_server else APPLICATION_STOP_S)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                if is_server:
                    faults.append(f"{command}\nhas not ended {STOP_S} s after SIGTERM")
        if not wait_until(lambda: not left(), STOP_S):
            for pid in left():
                faults.append(f"process {pid} is left: {command_line(pid)}")
                os.kill(pid, signal.SIGKILL)
            wait_until(lambda: not left(), STOP_S)
        return faults

    def said(self):
        """The last lines of each program's output and of the error log."""
        outputs = [(command, output.name) for command, _, output in self.started]
        text = ""
        for what, name in outputs + [("error.log", f"{self.folder}/error.log")]:
            if os.path.exists(name):
                with open(name, errors="replace") as file:
                    text += f"-- {what}\n{file.read()[-3000:]}\n"
        return text

    def remove(self):
        for _, _, output in self.started:
            output.close()
        shutil.rmtree(self.folder)


def left():
    """The processes that have been started here and run on; those that have ended are reaped."""
    for pid, state in children(os.getpid()):
        if state == "Z":
            os.waitpid(pid, 0)
    return [pid for pid, _ in children(os.getpid()) if is_running(pid)]


def command_line(pid):
    try:
        with open(f"/proc/{pid}/cmdline") as file:
            return file.read().replace("\0", " ")
    except OSError:
        return "it has ended by now"


def run_section(server, common, section):
    """Runs one section, and prints one line, or why it failed; returns "passed", "failed" or "skipped"."""
    start = time.monotonic()
    run = Run(server, common, section)
    faults = []
    try:
        run.run()
    except Skipped as why:
        print(f"  {section.title}: skipped: {why}", flush=True)
        return "skipped"
    except Fault as fault:
        faults.append(str(fault))
    finally:
        faults += run.stop()
        said = run.said() if faults else ""
        run.remove()
    if faults:
        print(f"  {section.title}: FAILED\n" + "\n".join(faults) + f"\n{said}", flush=True)
        return "failed"
    print(f"  {section.title}: {time.monotonic() - start:.1f} s", flush=True)
    return "passed"


def run_page(server, only=""):
    """Runs the sections whose title contains `only`; returns how many "passed", "failed" and were "skipped"."""
    with open(os.path.join(site.ROOT, PAGE)) as file:
        sections = pages.sections(file.read())
    is_test = re.compile(r"\d+\. ")
    common = pages.Section("", [block for one in sections if not is_test.match(one.title) for block in one.blocks])
    os.umask(0o022)
    adopt_orphans()
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    for section in sections:
        if is_test.match(section.title) and only in section.title:
            counts[run_section(server, common, section)] += 1
    return counts

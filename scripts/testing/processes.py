"""Starts the server, and reads the state of a running one from /proc (proc(5); Linux only)."""

import os
import re
import signal
import socket
import subprocess
import time

PATIENCE_S = 20


def wait_until(test, within_s=PATIENCE_S, pause_s=0.02):
    """Calls `test` until it returns a true value or the time is over; returns the last value."""
    end = time.monotonic() + within_s
    while True:
        answer = test()
        if answer or time.monotonic() > end:
            return answer
        time.sleep(pause_s)


def free_port(address="127.0.0.1"):
    """A free port; None if this machine has no such address."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family) as probe:
            probe.bind((address, 0))
            return probe.getsockname()[1]
    except OSError:
        return None


class Server:
    """A server that the tester has started, with a folder that the tester has made."""

    def __init__(self, command, folder, address, tests_configurations=True, runs_programs=True):
        self.command, self.folder, self.address = command, folder, address
        self.tests_configurations = tests_configurations
        self.runs_programs = runs_programs
        self.output = os.path.join(folder, "output")
        with open(self.output, "wb") as output:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
            )
        self.pid = self.process.pid
        if not wait_until(self.answers):
            self.stop()
            raise RuntimeError(f"{' '.join(command)} does not listen on {address[0]}:{address[1]}:\n{self.said()}")

    def __str__(self):
        return self.command[0]

    def answers(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"{' '.join(self.command)} ended with status {self.process.returncode}:\n{self.said()}")
        try:
            socket.create_connection(self.address, 1).close()
            return True
        except OSError:
            return False

    def test(self, config):
        """Lets the program check a configuration (-t); returns the exit status and the output."""
        command = [self.command[0], "-p", self.folder, "-t", "-c", config]
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=PATIENCE_S
        )
        return done.returncode, done.stdout.decode(errors="replace")

    def said(self):
        with open(self.output, errors="replace") as output:
            return output.read()[-4000:]

    def stop(self):
        """Ends the server; returns its status, or None if it had to be killed."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            os.killpg(self.pid, signal.SIGKILL)
            self.process.wait()
            return None


def children(pid):
    """The children of this process, with their states."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat") as stat:
                state, parent = stat.read().rpartition(")")[2].split()[:2]
        except OSError:
            continue
        if int(parent) == pid:
            found.append((int(name), state))
    return found


def family(pid):
    """The process and its descendants that run the same program: workers, but no scripts."""

    def program(pid):
        try:
            return os.readlink(f"/proc/{pid}/exe")
        except OSError:
            return None

    own = [pid]
    for one in own:
        own += [child for child, _ in children(one) if program(child) == program(pid)]
    return own


def memory_bytes(pids, name="VmRSS"):
    """The sum of VmRSS (memory in use now) or VmHWM (its maximum so far) over the processes."""
    total = 0
    for pid in pids:
        try:
            with open(f"/proc/{pid}/status") as status:
                found = re.search(rf"^{name}:\s+(\d+) kB", status.read(), re.M)
        except OSError:
            continue  # the process was about to run a script, or has ended
        total += int(found.group(1)) * 1024 if found else 0
    return total


def descriptors(pids):
    """All open descriptors as (pid, number, target of the link in /proc)."""
    found = []
    for pid in pids:
        try:
            for number in os.listdir(f"/proc/{pid}/fd"):
                found.append((pid, int(number), os.readlink(f"/proc/{pid}/fd/{number}")))
        except OSError:
            pass  # closed meanwhile, or the process has ended
    return found


def connections(pid, ports):
    """Local ports and states of the TCP connections that a process may hold: not those in LISTEN or TIME_WAIT."""
    found = []
    for name in filter(os.path.exists, (f"/proc/{pid}/net/tcp", f"/proc/{pid}/net/tcp6")):
        with open(name) as table:
            for line in table.read().splitlines()[1:]:
                local, _, state = line.split()[1:4]
                port = int(local.rpartition(":")[2], 16)
                if port in ports and state not in ("0A", "06"):
                    found.append((port, state))
    return found


def is_running(pid):
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False

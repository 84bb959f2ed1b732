"""Load as siege makes it. After it, the server must have freed its memory, descriptors and processes."""

import os
import re
import shutil
import subprocess
import tempfile
from itertools import chain

from . import processes, workers
from .bodies import BINARY, UPPER, Body, Expected
from .checks import Skip, check, expect, expect_status
from .client import Broken
from .processes import wait_until

CLIENTS = 25
SIEGE_S = 20
# The growth that an allocator's rounding and a log buffer may cause between two measurements.
NOISE_BYTES = 1 << 20


@check("load", f"{CLIENTS} clients, each request on a new connection: availability 100 %", "all answered with 200",
       "the sheet asks for 99.5 % with siege -b")  # fmt: skip
def _(target):
    each = target.scaled(2_000)

    def job(_, tick):
        lost = []
        for _ in range(each):
            try:
                response = target.ask("GET", "/")
                if response.status != 200:
                    lost.append(str(response))
            except Broken as broken:
                lost.append(broken.came)
            tick()
        return lost

    lost = list(chain.from_iterable(workers.run(CLIENTS, job, each, target.progress)))
    number = CLIENTS * each
    availability = 100 * (number - len(lost)) / number
    expect(not lost, f"{availability:.2f} %, {len(lost)} of {number} lost, the first: {lost[:1]}", sent="GET /")
    return f"{number:,} requests"


def siege(command, home):
    """Runs siege. At the end of its time it may wait for its own threads without end: then once more."""
    for _ in range(2):
        try:
            return subprocess.run(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                env={**os.environ, "HOME": home}, timeout=SIEGE_S + 20,
            )  # fmt: skip
        except subprocess.TimeoutExpired as late:
            error = late
    raise error


@check("load", "siege -b: availability 100 %", "Availability: 100.00 %", "the sheet asks for 99.5 %")
def _(target):
    if not shutil.which("siege"):
        raise Skip("no siege here: apt-get install siege")
    with tempfile.TemporaryDirectory() as home:
        url = f"http://{target.address[0]}:{target.address[1]}/"
        command = ["siege", "-b", "-c", str(CLIENTS), "-t", f"{target.scaled(SIEGE_S)}S", url]
        done = siege(command, home)
    said = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout.decode(errors="replace"))
    availability = re.search(r"\"?availability\"?:\s+([0-9.]+)", said, re.I)
    number = re.search(r"\"?transactions\"?:\s+([0-9]+)", said, re.I)
    expect(availability and float(availability.group(1)) == 100.0, said[-1500:], sent=" ".join(command))
    return f"{int(number.group(1)):,} requests" if number else ""


def mixed_load(target):
    """Sends all kinds of requests, from many clients."""
    each = target.scaled(40)

    def job(index, tick):
        with target.new_session() as session:
            for turn in range(each):
                expect_status(session.ask("GET", "/"), 200)
                expect_status(session.ask("GET", "/listing/"), 200)
                expect_status(session.ask("GET", "/nothing"), 404)
                expect_status(session.ask("PUT", f"/upload/load-{index}", body=Body(100_000, BINARY)), 201, 204)
                expect_status(session.ask("GET", f"/upload/load-{index}", sink=Expected(100_000, BINARY)), 200)
                if turn % 10 == 0:
                    sink = Expected(200_000, UPPER)
                    expect_status(session.ask("POST", "/directory/youpi.bla", body=Body(200_000), sink=sink), 200)
                tick()
            expect_status(session.ask("DELETE", f"/upload/load-{index}"), 204, 200)

    workers.run(CLIENTS, job, each, target.progress)


@check("load", "the memory does not grow from load to load", f"at most {NOISE_BYTES >> 10} KiB more at the end",
       "what one request takes is given back, or used again by the next", ["proc"])  # fmt: skip
def _(target):
    sizes = []
    for _ in range(4):
        mixed_load(target)
        sizes.append(processes.memory_bytes(target.processes()))
    text = ", ".join(f"{size / (1 << 20):.2f}" for size in sizes) + " MiB"
    expect(sizes[3] <= sizes[1] + NOISE_BYTES, text, sent="four times the same mixed load")
    return text


@check("load", "no connection is left hanging", "no connection of the server's port",
       "each connection that the client has closed is closed by the server", ["proc"])  # fmt: skip
def _(target):
    target.session.close()
    wait_until(lambda: not target.connections())
    left = target.connections()
    expect(not left, f"ports and states as in /proc/net/tcp: {left}", sent="nothing, for a while")


@check("load", "no descriptor is left open", "no more than at the start",
       "the server closes each file, pipe and socket that it opens", ["proc"])  # fmt: skip
def _(target):
    target.session.close()
    wait_until(lambda: len(target.open_descriptors()) <= target.descriptors)
    left = target.open_descriptors()
    names = "; ".join(f"{number}: {name}" for _, number, name in left)
    expect(
        len(left) <= target.descriptors, f"{len(left)} open, {target.descriptors} at the start: {names}", sent="nothing"
    )


@check(
    "load", "no zombie, and no script runs on", "no process but the server's own", "waitpid(2) for each child", ["proc"]
)
def _(target):
    def left():
        own = target.processes()
        return [(child, state) for pid in own for child, state in processes.children(pid) if child not in own]

    wait_until(lambda: not left())
    expect(not left(), f"{left()}", sent="nothing, for a while")


@check("load", "the server is still the same one, and serves", "status 200, the first process",
       "no check may end the server, and it was not restarted")  # fmt: skip
def _(target):
    expect_status(target.ask("GET", "/"), 200)
    if target.server:
        expect(target.server.process.poll() is None, "another process", sent="GET /")


@check(
    "end", "SIGTERM ends it, with status 0", "status 0, soon", "systemd takes another status for a failure", ["server"]
)
def _(target):
    status = target.server.stop()
    expect(status == 0, f"status {status}: {target.server.said()}", sent="SIGTERM")

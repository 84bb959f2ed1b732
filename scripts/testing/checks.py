"""Checks: their registration, their failures, and their report."""

import fnmatch
import json
import sys
import time
from dataclasses import dataclass, field

from .client import Broken


class Failure(Exception):
    """A failed check: what was sent, what was expected, what came, and a hint."""

    def __init__(self, sent, expected, came, hint=""):
        super().__init__(came)
        self.sent, self.expected, self.came, self.hint = sent, expected, came, hint


class Skip(Exception):
    """The check cannot run here; the message says why."""


@dataclass
class Check:
    group: str
    name: str
    run: object
    expected: str
    hint: str
    needs: tuple

    def __str__(self):
        return f"{self.group}: {self.name}"


@dataclass
class Outcome:
    check: Check
    status: str  # passed, failed, skipped
    seconds: float
    detail: dict = field(default_factory=dict)
    note: str = ""


CHECKS = []
# What a check may need, and the message if it is missing.
NEEDS = {
    "server": "needs a server that the tester starts itself",
    "proc": "needs --pid, or a server that the tester starts itself, and /proc",
    "conf": "needs a server whose configuration is nginx's language, started by the tester",
    "second": "needs a second port: --second-port",
    "site": "needs the folder that is served: --folder",
}


def check(group, name, expected, hint, needs=()):
    """Registers a function of the target as a check. The function returns a note or None, or raises Failure or Skip."""

    def register(function):
        CHECKS.append(Check(group, name, function, expected, hint, needs))
        return function

    return register


def expect(right, came, expected="", hint="", sent=""):
    """Raises Failure if `right` is false. The check and the response fill in what the arguments leave out."""
    if not right:
        sent = sent or getattr(came, "sent", "")
        raise Failure(sent, expected, str(came), hint)


def expect_status(response, *statuses, hint=""):
    expect(response.status in statuses, response, f"status {' or '.join(map(str, statuses))}", hint)
    return response


def selected(checks, patterns):
    """The checks whose "group: name" contains one of the patterns, or matches it as a shell pattern."""

    def matches(text, pattern):
        return pattern in text or fnmatch.fnmatchcase(text, pattern)

    def is_wanted(check):
        text = str(check).lower()
        return not patterns or any(matches(text, pattern.lower()) for pattern in patterns)

    return [check for check in checks if is_wanted(check)]


def run_one(check, target):
    start = time.monotonic()
    status, detail, note = "passed", {}, ""
    try:
        for need in check.needs:
            if not target.has(need):
                raise Skip(NEEDS[need])
        note = check.run(target) or ""
    except Skip as skip:
        status, note = "skipped", str(skip)
    except Failure as failure:
        status = "failed"
        detail = {
            "sent": failure.sent,
            "expected": failure.expected or check.expected,
            "came": failure.came,
            "hint": failure.hint or check.hint,
        }
    except Broken as broken:
        status = "failed"
        detail = {"sent": broken.sent, "expected": check.expected, "came": broken.came, "hint": check.hint}
    except OSError as error:
        status = "failed"
        detail = {"sent": "", "expected": check.expected, "came": f"{error}", "hint": check.hint}
    return Outcome(check, status, time.monotonic() - start, detail, note)


class Report:
    """Reports the checks: a line when each ends, or JSON at the end."""

    def __init__(self, target, checks, as_json):
        self.target, self.checks, self.as_json = target, checks, as_json
        self.out = sys.stderr if as_json else sys.stdout
        self.outcomes = []
        self.start = time.monotonic()
        self.live = self.out.isatty()
        self.told = 0.0
        print(f"{len(checks)} checks of {target}, scale {target.scale:g}", file=self.out, flush=True)

    def progress(self, check, done, total):
        """Shows the progress of a long check; on a terminal only."""
        if self.live and time.monotonic() > self.told + 0.2:
            self.told = time.monotonic()
            print(f"\r\x1b[K  ...   {check}: {done:,} of {total:,}", end="", file=self.out, flush=True)

    def tell(self, outcome):
        self.outcomes.append(outcome)
        mark = {"passed": "ok  ", "failed": "FAIL", "skipped": "skip"}[outcome.status]
        count = f"{len(self.outcomes):>{len(str(len(self.checks)))}}/{len(self.checks)}"
        note = f"  [{outcome.note}]" if outcome.note else ""
        start = "\r\x1b[K" if self.live else ""
        print(f"{start}{count} {mark} {outcome.seconds:7.2f} s  {outcome.check}{note}", file=self.out)
        for name, text in outcome.detail.items():
            if text:
                print(f"          {name + ':':10}{text}", file=self.out)
        self.out.flush()

    def finish(self):
        """Prints the summary. Returns the exit status."""
        counts = {s: sum(o.status == s for o in self.outcomes) for s in ("passed", "failed", "skipped")}
        left = len(self.checks) - len(self.outcomes)
        seconds = time.monotonic() - self.start
        text = ", ".join(f"{number} {status}" for status, number in counts.items() if number or status == "passed")
        if left:
            text += f", {left} not run (--keep-going goes on after a failure)"
        print(f"{text} in {seconds:.1f} s", file=self.out)
        if self.target.peak_bytes:
            print(f"peak memory of the server (VmHWM): {self.target.peak_bytes / (1 << 20):.1f} MiB", file=self.out)
        for outcome in self.outcomes:
            if outcome.status == "failed":
                print(f"failed: {outcome.check}", file=self.out)
        self.out.flush()
        if self.as_json:
            self.print_json(counts, left, seconds)
        return 1 if counts["failed"] else 0

    def print_json(self, counts, left, seconds):
        checks = [
            {
                "group": outcome.check.group,
                "name": outcome.check.name,
                "status": outcome.status,
                "seconds": round(outcome.seconds, 3),
                "note": outcome.note,
                **outcome.detail,
            }
            for outcome in self.outcomes
        ]
        whole = {"target": str(self.target), "scale": self.target.scale, "seconds": round(seconds, 3)}
        whole |= {**counts, "not_run": left, "peak_rss_bytes": self.target.peak_bytes or None, "checks": checks}
        print(json.dumps(whole, indent=1))

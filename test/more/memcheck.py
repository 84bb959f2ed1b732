"""Runs the server under valgrind's memcheck, and checks its report."""

import re

ERRORS_STATUS = 99
OPTIONS = [
    "--leak-check=full", "--errors-for-leak-kinds=definite,indirect", "--track-fds=yes",
    f"--error-exitcode={ERRORS_STATUS}",
]  # fmt: skip


def faults(report):
    """The faults in a report: a list of texts, empty if there are none."""
    report = re.sub(r"^==\d+== ?", "", report, flags=re.MULTILINE)
    if "FILE DESCRIPTORS:" not in report or "ERROR SUMMARY:" not in report:
        return [f"not a whole report:\n{report}"]
    found = []
    if "ERROR SUMMARY: 0 errors" not in report:
        found.append(report)
    # The report has one paragraph for each open descriptor. "inherited" means that it was open at the start.
    for paragraph in report.split("\n\n"):
        left_open = re.search(r"^Open .*?(\d+):", paragraph, re.MULTILINE)
        if left_open and int(left_open[1]) > 2 and "<inherited from parent>" not in paragraph:
            found.append(f"left open: {paragraph.strip()}")
    return found


def summary(report):
    """The lines with the totals."""
    lines = re.findall(r"^==\d+== *(.*(?:lost:|still reachable:|ERROR SUMMARY|total heap usage).*)", report, re.MULTILINE)
    return "\n".join(lines)

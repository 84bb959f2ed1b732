"""How the server is run under valgrind's memcheck, and what its report must say."""

import re

ERRORS_STATUS = 99
OPTIONS = [
    "--leak-check=full", "--errors-for-leak-kinds=definite,indirect", "--track-fds=yes",
    f"--error-exitcode={ERRORS_STATUS}",
]  # fmt: skip


def faults(report):
    """What is wrong in a report: a list of texts, empty if all is well."""
    report = re.sub(r"^==\d+== ?", "", report, flags=re.MULTILINE)
    if "FILE DESCRIPTORS:" not in report or "ERROR SUMMARY:" not in report:
        return [f"not a whole report:\n{report}"]
    found = []
    if "ERROR SUMMARY: 0 errors" not in report:
        found.append(report)
    # One paragraph for each descriptor that is open at the end. What was open at the start is "inherited".
    for paragraph in report.split("\n\n"):
        left_open = re.search(r"^Open .*?(\d+):", paragraph, re.MULTILINE)
        if left_open and int(left_open[1]) > 2 and "<inherited from parent>" not in paragraph:
            found.append(f"left open: {paragraph.strip()}")
    return found


def summary(report):
    """The lines with the sums."""
    lines = re.findall(r"^==\d+== *(.*(?:lost:|still reachable:|ERROR SUMMARY|total heap usage).*)", report, re.MULTILINE)
    return "\n".join(lines)

#!/usr/bin/env python3
"""Reports its own failure: the server passes on the status and the page of a program."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import page

try:
    answer = 1 / 0
except ZeroDivisionError as error:
    print(f"fails.py: {error}", file=sys.stderr)
    why = f"The program reports the reason itself: {error}. It also sets the status."
    page.fault("500: the program failed", why, "500 Internal Server Error")

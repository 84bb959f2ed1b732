#!/usr/bin/env python3
"""Knows that it has failed, and says so itself: a status from a program is passed on with its page."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import page

try:
    answer = 1 / 0
except ZeroDivisionError as error:
    print(f"fails.py: {error}", file=sys.stderr)
    why = f"It says why itself: {error}. The status is its own, too."
    page.fault("500: the program failed", why, "500 Internal Server Error")

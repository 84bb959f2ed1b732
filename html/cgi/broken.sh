#!/bin/sh
# Fails before it has said anything that could be an answer.
echo "broken.sh: this line goes to the error log" >&2
exit 1

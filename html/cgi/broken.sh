#!/bin/sh
# Fails before it writes a response: the server answers 502.
echo "broken.sh: this line goes to the error log" >&2
exit 1

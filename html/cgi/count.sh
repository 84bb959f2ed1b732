#!/bin/sh
# How many bytes came: at most ten do, says client_max_body_size.
printf 'Content-Type: text/plain; charset=utf-8\n\n'
printf 'A body of %d bytes arrived.\n' "$(wc -c)"

#!/bin/sh
# Prints the number of bytes in the body. client_max_body_size allows at most ten here.
printf 'Content-Type: text/plain; charset=utf-8\n\n'
printf 'A body of %d bytes arrived.\n' "$(wc -c)"

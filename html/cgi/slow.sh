#!/bin/sh
# Runs longer than cgi_timeout allows: the server ends it and answers 504.
sleep 30
printf 'Content-Type: text/plain\n\nat last\n'

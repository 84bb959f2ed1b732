#!/bin/sh
# Thinks longer than cgi_timeout lets it.
sleep 30
printf 'Content-Type: text/plain\n\nat last\n'

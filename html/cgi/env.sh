#!/bin/sh
# A small CGI program: it prints a header field, an empty line, and the body, which is its environment.
printf 'Content-Type: text/plain; charset=utf-8\n\n'
env | sort

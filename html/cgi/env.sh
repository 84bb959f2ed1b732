#!/bin/sh
# A CGI program in three lines: a field, an empty line, the body. Its environment is all that it is told.
printf 'Content-Type: text/plain; charset=utf-8\n\n'
env | sort

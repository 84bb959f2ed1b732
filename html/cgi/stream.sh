#!/bin/sh
# Prints one line a second: ?lines=20, from 1 to 60. The server sends each line as soon as this program writes it, and ends
# this program with SIGTERM when the client closes the connection.
lines=${QUERY_STRING#lines=}
case $lines in
'' | *[!0-9]* | ???* | 0*) lines=10 ;;
esac
[ "$lines" -le 60 ] || lines=60

printf 'Content-Type: text/plain; charset=utf-8\nCache-Control: no-store\n\n'
line=0
while [ $line -lt "$lines" ]; do
    [ $line = 0 ] || sleep 1
    line=$((line + 1))
    printf '%s  line %d of %d, from process %d\n' "$(date +%H:%M:%S)" $line "$lines" $$
done

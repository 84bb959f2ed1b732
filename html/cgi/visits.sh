#!/bin/sh
# Counts visits in a cookie. A client can send any value, so this script accepts digits only.
visits=0
old_ifs=$IFS
IFS='; '
set -f
for pair in ${HTTP_COOKIE-}; do
    case $pair in
    visits=*[!0-9]* | visits=) ;;
    visits=?????*) ;;
    visits=0*) ;;
    visits=*) visits=${pair#visits=} ;;
    esac
done
IFS=$old_ifs
visits=$((visits + 1))
printf 'Content-Type: text/plain; charset=utf-8\nCache-Control: no-store\n'
printf 'Set-Cookie: visits=%d; Path=/cgi/visits.sh; Max-Age=86400; HttpOnly; SameSite=Lax\n\n' "$visits"
printf 'Your browser has been here %d times: its cookie says so.\n\nReload the page, and the number grows by one.\n' "$visits"

#!/bin/sh
# Counts in a cookie. It comes from the client, who may have written anything: only digits are taken.
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
printf 'Your browser has been here %d times: it says so itself.\n\nReload, and it says one more.\n' "$visits"

#!/bin/sh
# What runs before the C library is set up calls nothing of any: no function, and no memset() that the compiler thought
# of. Usage: bare_test.sh ARCHIVE...
set -eu
export LC_ALL=C
needed=$(nm -u "$@" | sed -n 's/.* U //p' | sort -u)
defined=$(nm --defined-only "$@" | sed -n 's/.* [A-Z] //p' | sort -u)
# _start is where the C library begins, for all but keepers.
missing=$(for name in $needed; do
  [ "$name" = _start ] || printf '%s\n' "$defined" | grep -qxF "$name" || echo "$name"
done)
[ -n "$needed" ] || { echo "nothing was looked at"; exit 1; }
[ -z "$missing" ] || { echo "needed, and not there:" $missing; exit 1; }

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Rows of a batch have a long value each: together they may take no more than the server has, and it goes on.
#
# Usage: long_values.sh KYRODB
set -euo pipefail
dir=$(mktemp -d "${TMPDIR:-/tmp}/kyro-long-values.XXXXXX")
port=$((20000 + RANDOM % 10000))
"$1" serve --data-dir "$dir/data" --port $port --http-port 0 --socket-dir "" --memory 128MB >"$dir/log" 2>&1 &
pid=$!
cleanup() {
    kill "$pid" && wait "$pid" || true
    rm -rf "$dir"
}
trap cleanup EXIT
ask() { psql -h 127.0.0.1 -p $port -U postgres -d postgres -qAtX -v VERBOSITY=sqlstate -c "$1" 2>&1; }
for _ in $(seq 300); do
    [ "$(ask 'SELECT 1')" = 1 ] && break
    sleep 0.1
done
check() {
    local got
    got=$(ask "$1") || true
    [ "$got" = "$2" ] || { echo "$1: wanted $2, got $got"; cat "$dir/log"; exit 1; }
}
check "SELECT max(length(repeat('x' || i, 1000000))) FROM generate_series(1, 500) i" "ERROR:  53200"
check "SELECT count(repeat('x' || i, 1000000)::bytea) FROM generate_series(1, 500) i" "ERROR:  53200"
check "SELECT count(('x' || i)::char(1000000)) FROM generate_series(1, 500) i" "ERROR:  53200"
check "SELECT count(CASE WHEN i > 0 THEN repeat('x' || i, 1000000) END) FROM generate_series(1, 500) i" "ERROR:  53200"
check "SELECT max(length(repeat('x' || i, 1000000))) FROM generate_series(1, 20) i" 3000000

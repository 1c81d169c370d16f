#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Files that become shorter under the server, or while it is stopped: the mapped base file that a query reads ends the
# server with exit code 3 and a line that names file and offset, never silently; a start is refused with the name of the
# short file; a short saved index is built again from the rows.
# Usage: short_file.sh KYRODB KYRODBCTL
set -euo pipefail
kyrodb=$1
kyrodbctl=$2
dir=$(mktemp -d "${TMPDIR:-/tmp}/kyro-short.XXXXXX")
port=$((20000 + RANDOM % 10000))
pid=
trap '[ -z "$pid" ] || kill -9 $pid 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$dir"' EXIT

fail() {
    echo "$*"
    tail -5 "$dir/log"
    exit 1
}
serve() {
    "$kyrodb" serve --data-dir "$dir/data" --port $((port + 1)) --http-port $port --socket-dir "" \
        --wal-segment-size 1MB --log-retention-bytes 0 --max-slot-keep-bytes 0 >>"$dir/log" 2>&1 &
    pid=$!
}
ctl() { "$kyrodbctl" -e "http://127.0.0.1:$port" "$@"; }
start() {
    serve
    for _ in $(seq 200); do
        ctl ready >/dev/null 2>&1 && return
        sleep 0.1
    done
    fail "the server does not start"
}
ended() { # EXIT_CODE WHAT
    local code=0
    wait $pid || code=$?
    pid=
    [ $code = "$1" ] || fail "$2: exit code $code, wanted $1"
}

start
ctl sql "CREATE TABLE t (k bigint PRIMARY KEY, v text)" >/dev/null
for from in $(seq 1 250 4000); do # transactions that do not lie across many segments, which would keep them
    ctl sql "INSERT INTO t SELECT g, repeat('x', 1000) FROM generate_series($from, $from + 249) g" >/dev/null
done
ctl sql "DELETE FROM t WHERE k % 4 = 0" >/dev/null
ctl sql "VACUUM FULL" >/dev/null

# A saved index, while the server is stopped.
kill -TERM $pid
ended 0 "stopped"
part=$(ls -S "$dir"/data/ckpt/*.part | head -1)
truncate -s $(($(stat -c %s "$part") / 2)) "$part"
start
grep -q "$(basename "$part")" "$dir/log" || fail "nothing is said of $part"
ctl sql "SELECT count(*) AS n FROM t WHERE k BETWEEN 1 AND 1000" | grep -q '"n":750' || fail "rows are missing"
ctl sql "VACUUM FULL" >/dev/null

# A base file, under the running server.
base=$(ls -S "$dir"/data/base/*.base | head -1)
[ "$(stat -c %s "$base")" -gt 1000000 ] || fail "the base file is too small: $(ls -l "$dir/data/base")"
truncate -s 100000 "$base"
ctl sql "SELECT sum(length(v)) AS n FROM t" >"$dir/answer" 2>&1 && fail "there was an answer: $(cat "$dir/answer")"
ended 3 "a short base file"
grep "could not read mapped file" "$dir/log" | grep "$(basename "$base")" | grep -q 'offset=[1-9][0-9]* size=[1-9]' ||
    fail "file and offset are not named"

# And while it is stopped.
serve
ended 1 "a start with a short base file"
tail -3 "$dir/log" | grep -q "$(basename "$base")" || fail "the start does not name the short file"
"$kyrodb" verify --data-dir "$dir/data" >"$dir/verify" 2>&1 && fail "verify finds nothing"
grep -q "$(basename "$base")" "$dir/verify" || fail "verify does not name the short file: $(cat "$dir/verify")"
echo "good"

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Rows several times larger than memory: the server lives in a memory cgroup of LIMIT MB (page cache counts), is loaded with
# FACTOR times as much, updated, checkpointed, compacted, scanned, killed, recovered and scanned again. Where no cgroup can be
# made, its anonymous memory must stay below the limit all the same.
# Usage: small_memory.sh KYRODB KYRODBCTL [LIMIT=64] [FACTOR=3]    long form: 96 10
set -euo pipefail
kyrodb=$1
kyrodbctl=$2
limit=${3:-64}
factor=${4:-3}
dir=$(mktemp -d "${TMPDIR:-/tmp}/kyro-small.XXXXXX")
port=$((20000 + RANDOM % 10000))
pid=
group=

end() {
    [ -z "$pid" ] || kill -9 "$pid" 2>/dev/null || true
    wait 2>/dev/null || true
    [ -z "$group" ] || rmdir "$group" 2>/dev/null || { sleep 0.5 && rmdir "$group"; } || true
    rm -rf "$dir"
}
trap end EXIT
fail() {
    echo "$*"
    tail -5 "$dir/log"
    exit 1
}

# A cgroup below our own, of either version; none when it cannot be limited.
make_group() {
    local own
    own=$(sed -n 's/^[0-9]*:memory://p' /proc/self/cgroup)
    group=/sys/fs/cgroup/memory$own/kyro-small-$$
    limit_file=memory.limit_in_bytes
    failures_file=memory.failcnt
    if [ ! -d /sys/fs/cgroup/memory ]; then
        group=/sys/fs/cgroup$(sed -n 's/^0:://p' /proc/self/cgroup)/kyro-small-$$
        limit_file=memory.max
        failures_file=memory.events
    fi
    { mkdir "$group" && echo $((limit * 1024 * 1024)) >"$group/$limit_file"; } 2>/dev/null && return
    rmdir "$group" 2>/dev/null || true
    group=
}
times_at_limit() {
    [ -n "$group" ] || { echo 0; return; }
    if [ $failures_file = memory.events ]; then
        sed -n 's/^max //p' "$group/memory.events"
    else
        cat "$group/memory.failcnt"
    fi
}
anonymous_mb() { awk '/^RssAnon/ {print int($2 / 1024)}' "/proc/$pid/status"; }
start() {
    (
        [ -z "$group" ] || echo "$BASHPID" >"$group/cgroup.procs"
        exec "$kyrodb" serve --data-dir "$dir/data" --port $((port + 1)) --http-port $port --socket-dir "" --memory 32MB \
            --wal-segment-size 8MB --log-retention-bytes 0 --max-slot-keep-bytes 0 --max-wal-size 64MB >>"$dir/log" 2>&1
    ) &
    pid=$!
    for _ in $(seq 300); do
        "$kyrodbctl" -e "http://127.0.0.1:$port" ready >/dev/null 2>&1 && return
        kill -0 $pid 2>/dev/null || fail "the server ended while it started"
        sleep 0.1
    done
    fail "the server does not start"
}
sql() { # STATEMENT
    "$kyrodbctl" -e "http://127.0.0.1:$port" sql "$1" >"$dir/answer" 2>&1 || {
        cat "$dir/answer"
        kill -0 $pid 2>/dev/null || echo "the server has ended"
        fail "failed: $1"
    }
    local used
    used=$(anonymous_mb)
    [ "$used" -le "$limit" ] || fail "$used MB of anonymous memory after: $1"
}
number() { # QUERY with a column n
    sql "$1"
    sed -n 's/.*"n":"\{0,1\}\([0-9]*\).*/\1/p' "$dir/answer"
}

make_group
start
sql "CREATE TABLE t (k bigint PRIMARY KEY, version int, v text)"
rows=$((limit * factor * 1024 / 8)) # of 8 KB each
step=256
for ((k = 0; k < rows; k += step)); do
    sql "INSERT INTO t SELECT g, 0, repeat(chr(65 + g::int % 26), 8000) FROM generate_series($k, $((k + step - 1))) g"
done
rows=$k
sql "UPDATE t SET version = 1 WHERE k % 5 = 0"
sql "DELETE FROM t WHERE k % 5 = 1"
sql "CHECKPOINT"
sql "VACUUM FULL"
expect="count $((rows - (rows + 3) / 5)), bytes $(((rows - (rows + 3) / 5) * 8000)), updated $(((rows + 4) / 5))"
look() { # WHEN
    local got
    got="count $(number "SELECT count(*) AS n FROM t"), bytes $(number "SELECT sum(length(v)) AS n FROM t WHERE v = repeat(left(v, 1), 8000)"), updated $(number "SELECT sum(version) AS n FROM t")"
    [ "$got" = "$expect" ] || fail "$1: wanted $expect, got $got"
}
look "after compaction"
kill -9 "$pid"
wait "$pid" 2>/dev/null || true
start
look "after a restart"
at_limit=$(times_at_limit)
[ -z "$group" ] || [ "$at_limit" -gt 0 ] || fail "the limit of $limit MB was never met: the test says nothing"

# The samples of ANALYZE count for the server's memory: more than there is is refused, and no harm is done.
sql "CREATE TABLE wide (k int, a text, b text)"
for ((k = 0; k < 30000; k += 1000)); do
    sql "INSERT INTO wide SELECT g, repeat(md5(g::text), 30), repeat(md5((-g)::text), 30) FROM generate_series($k, $((k + 999))) g"
done
! "$kyrodbctl" -e "http://127.0.0.1:$port" sql "ANALYZE wide" >"$dir/answer" 2>&1 || fail "ANALYZE held its samples in nothing"
grep -q "53200" "$dir/answer" || fail "ANALYZE: $(cat "$dir/answer")"
[ "$(anonymous_mb)" -le "$limit" ] || fail "$(anonymous_mb) MB of anonymous memory after ANALYZE"
sql "ANALYZE wide (k)"
[ "$(number "SELECT count(*) AS n FROM pg_stats WHERE tablename = 'wide'")" = 1 ] || fail "what fits was not analyzed"
echo "$rows rows, $((rows * 8 / 1024)) MB in $limit MB; cgroup: ${group:-none}, limit met $at_limit times, anonymous $(anonymous_mb) MB"

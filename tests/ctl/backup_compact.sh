#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Backups taken while rows are written and compaction drops the log under them: each one is whole,
# and a server started from it has every row that was there before, and no row without its pair.
# Usage: backup_compact.sh KYRODB KYRODBCTL
set -euo pipefail
kyrodb=$1
kyrodbctl=$2
dir=$(mktemp -d "${TMPDIR:-/tmp}/kyro-backup.XXXXXX")
port=$((20000 + RANDOM % 10000))
pids=()
trap 'kill "${pids[@]}" 2>/dev/null || true; wait; rm -rf "$dir"' EXIT

fail() {
    echo "$*"
    tail -20 "$dir"/*.log
    exit 1
}
start() { # DIRECTORY HTTP_PORT
    "$kyrodb" serve --data-dir "$1" --port $(($2 + 1)) --http-port "$2" --socket-dir "" --auth-token secret \
        --wal-segment-size 1MB --log-retention-bytes 0 --max-slot-keep-bytes 0 >>"$1.log" 2>&1 &
    pids+=($!)
    for _ in $(seq 200); do
        ctl "$2" ready >/dev/null 2>&1 && return
        sleep 0.1
    done
    fail "$1 does not start"
}
ctl() { # HTTP_PORT ARGUMENTS..
    local to=$1
    shift
    "$kyrodbctl" -e "http://127.0.0.1:$to" --token secret "$@"
}
number() { # HTTP_PORT QUERY: the one number of a column n
    ctl "$1" sql "$2" | sed -n 's/.*"n":\([0-9]*\).*/\1/p'
}

start "$dir/data" $port
ctl $port sql "CREATE TABLE one (k bigint PRIMARY KEY, v text)" >/dev/null
ctl $port sql "CREATE TABLE two (k bigint PRIMARY KEY, v text)" >/dev/null

write() {
    local k=0
    while ctl $port sql "WITH x AS (INSERT INTO one SELECT g, repeat('x', 500) FROM
        generate_series($k, $k + 99) g RETURNING k) INSERT INTO two SELECT k, 'y' FROM x" >/dev/null 2>&1; do
        ctl $port sql "UPDATE one SET v = repeat('z', 400) WHERE k >= $k - 300 AND k % 2 = 0" >/dev/null 2>&1
        k=$((k + 100))
    done
}
compact() { while ctl $port sql "VACUUM FULL" >/dev/null 2>&1; do :; done; }
write &
pids+=($!)
compact &
pids+=($!)

for round in 1 2 3 4; do
    sleep 0.7
    before=$(number $port "SELECT count(*) AS n FROM one")
    ctl $port backup "$dir/backup$round" >/dev/null || fail "backup $round failed"
    ctl $port verify "$dir/backup$round" | grep -q '"damaged":0' || fail "backup $round is damaged"
    "$kyrodbctl" restore --from "$dir/backup$round" --data-dir "$dir/restored$round" >/dev/null ||
        fail "backup $round is not restored"
    start "$dir/restored$round" $((port + 2 * round))
    there=$(number $((port + 2 * round)) "SELECT count(*) AS n FROM one")
    pairs=$(number $((port + 2 * round)) "SELECT count(*) AS n FROM one JOIN two USING (k)")
    [ "$there" -ge "$before" ] || fail "backup $round: $before rows before it, $there in it"
    [ "$there" = "$pairs" ] || fail "backup $round: $there rows, $pairs pairs"
done
moved=$(number $port "SELECT total_rows_moved AS n FROM kyro.stat_compaction")
dropped=$(number $port "SELECT total_segments_dropped AS n FROM kyro.stat_compaction")
echo "$there rows, $moved moved by compaction, $dropped segments dropped"
[ "$there" -gt 0 ] && [ "$moved" -gt 0 ] && [ "$dropped" -gt 0 ] || fail "compaction did nothing"

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Time from starting the server after kill -9 to its first answer, with ROWS rows just loaded, and the disk
# bytes of the data directory, KyroDB beside PostgreSQL 15 on the same disk, both durable.
#
#   bench/load/restart.sh [ROWS=5000000] [CHECKPOINT=no]    yes: a checkpoint between load and kill
#
# Needs build/release and postgresql-15. PostgreSQL runs as user postgres when this is run by root.
set -euo pipefail
cd "$(dirname "$0")/../.."
rows=${1:-5000000}
checkpoint=${2:-no}
pgbin=/usr/lib/postgresql/15/bin
kyrodb=${KYRODB:-build/release/bin/kyrodb}
dir=$(mktemp -d "${BENCH_DIR:-/tmp}/kyro-restart.XXXXXX")
pg_port=$((20000 + RANDOM % 10000))
ky_port=$((pg_port + 1))
as_postgres=()
[ "$(id -u)" = 0 ] && as_postgres=(runuser -u postgres --) && chmod 755 "$dir"
mkdir "$dir/pg" && { [ "$(id -u)" != 0 ] || chown postgres "$dir/pg"; }
kyro_pid=

cleanup() {
    "${as_postgres[@]}" $pgbin/pg_ctl -D "$dir/pg/data" -m immediate stop >/dev/null 2>&1 || true
    [ -z "$kyro_pid" ] || kill -9 "$kyro_pid" 2>/dev/null || true
    wait 2>/dev/null || true
    rm -rf "$dir"
}
trap cleanup EXIT

sql() { psql -h 127.0.0.1 -U postgres -p "$1" -qAtX -c "$2" postgres; }
start_pg() {
    "${as_postgres[@]}" $pgbin/pg_ctl -D "$dir/pg/data" -W -l "$dir/pg/log" -o "-p $pg_port -k $dir/pg \
        -c listen_addresses=127.0.0.1 -c shared_buffers=2GB -c max_wal_size=8GB -c wal_buffers=64MB \
        -c checkpoint_timeout=15min" start >/dev/null
}
start_ky() {
    $kyrodb serve --data-dir "$dir/ky" --port $ky_port --http-port 0 --socket-dir "" >"$dir/ky.log" 2>&1 &
    kyro_pid=$!
}
first_answer() { # port start-function: milliseconds
    local begin
    begin=$(date +%s%N)
    "$2"
    until sql "$1" "SELECT v FROM t WHERE k = 77" >/dev/null 2>&1; do sleep 0.01; done
    echo $((($(date +%s%N) - begin) / 1000000))
}

"${as_postgres[@]}" $pgbin/initdb -D "$dir/pg/data" -A trust --locale=C.UTF-8 -E UTF8 >/dev/null
start_pg
start_ky
for port in $pg_port $ky_port; do
    until sql "$port" 'SELECT 1' >/dev/null 2>&1; do sleep 0.1; done
    sql "$port" 'CREATE TABLE t (k bigint PRIMARY KEY, v text)'
    awk "BEGIN {for (i = 1; i <= $rows; i++) printf \"%d\tsome text of a row, %014d\n\", i, i}" |
        psql -h 127.0.0.1 -U postgres -p "$port" -qX -c '\copy t from stdin' postgres
    [ "$checkpoint" = no ] || sql "$port" CHECKPOINT
done
kill -9 "$(head -1 "$dir/pg/data/postmaster.pid")"
kill -9 $kyro_pid
wait $kyro_pid 2>/dev/null || true
while pgrep -f "$dir/pg/data" >/dev/null; do sleep 0.05; done
echo "commit $(git rev-parse --short HEAD), $(nproc) cores, $rows rows, checkpoint: $checkpoint"
printf '%-12s %14s %14s\n' "" "answer, ms" "disk, MB"
# The kill left PostgreSQL's pid file behind; its shared memory is gone.
rm -f "$dir/pg/data/postmaster.pid"
printf '%-12s %14s %14s\n' postgresql "$(first_answer $pg_port start_pg)" "$(du -sm "$dir/pg/data" | cut -f1)"
printf '%-12s %14s' kyrodb "$(first_answer $ky_port start_ky | tail -1)"
printf ' %14s\n' "$(du -sm "$dir/ky" | cut -f1)"
grep -E 'replayed|indexes opened|ready' "$dir/ky.log" | sed 's/^/  /'

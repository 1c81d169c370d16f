#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# COPY FROM of many rows, without and with a primary key, KyroDB beside PostgreSQL 15 on the same disk, both durable.
# Rounds are interleaved (A B A B ...); each line prints the medians in seconds and their ratio.
#
#   bench/load/copy.sh [ROUNDS=3] [ROWS=1000000]
#
# Needs build/release and postgresql-15. PostgreSQL runs as user postgres when this is run by root. Everything lives in
# a temporary directory and is removed at the end.
set -euo pipefail
cd "$(dirname "$0")/../.."
rounds=${1:-3}
rows=${2:-1000000}
pgbin=/usr/lib/postgresql/15/bin
kyrodb=${KYRODB:-build/release/bin/kyrodb}
dir=$(mktemp -d "${BENCH_DIR:-/tmp}/kyro-bench.XXXXXX")
pg_port=$((20000 + RANDOM % 10000))
ky_port=$((pg_port + 1))
as_postgres=()
[ "$(id -u)" = 0 ] && as_postgres=(runuser -u postgres --) && chmod 755 "$dir"
mkdir "$dir/pg" && { [ "$(id -u)" != 0 ] || chown postgres "$dir/pg"; }

cleanup() {
    "${as_postgres[@]}" $pgbin/pg_ctl -D "$dir/pg/data" -m immediate stop >/dev/null 2>&1 || true
    [ -z "${kyro_pid:-}" ] || kill "$kyro_pid" 2>/dev/null || true
    wait 2>/dev/null || true
    rm -rf "$dir"
}
trap cleanup EXIT

"${as_postgres[@]}" $pgbin/initdb -D "$dir/pg/data" -A trust --locale=C.UTF-8 -E UTF8 >/dev/null
"${as_postgres[@]}" $pgbin/pg_ctl -D "$dir/pg/data" -w -l "$dir/pg/log" -o "-p $pg_port -k $dir/pg \
    -c listen_addresses=127.0.0.1 -c shared_buffers=2GB -c max_wal_size=8GB -c wal_buffers=64MB \
    -c checkpoint_timeout=15min" start >/dev/null
$kyrodb serve --data-dir "$dir/ky" --port $ky_port --http-port 0 --socket-dir "" >"$dir/ky.log" 2>&1 &
kyro_pid=$!

psql_at() {
    psql -h 127.0.0.1 -p "$1" -U postgres -d postgres -qAtX "${@:2}"
}
for _ in $(seq 100); do
    psql_at $ky_port -c "SELECT 1" >/dev/null 2>&1 && break
    sleep 0.1
done

awk -v rows="$rows" 'BEGIN { for (i = 1; i <= rows; i++)
    printf "%d\tname-%d\t%d\t%.2f\n", i, i, (i * 7919) % 100000, i / 3 }' >"$dir/rows.tsv"

# Seconds that one COPY into a fresh table takes.
copy_once() {
    psql_at "$1" -c "DROP TABLE IF EXISTS t" -c "CREATE TABLE t (id int $2, name text, n int, x float8)" 2>/dev/null
    local start
    start=$(date +%s%N)
    psql_at "$1" -c "\\copy t FROM '$dir/rows.tsv'"
    echo $(($(date +%s%N) - start)) | awk '{ printf "%.3f\n", $1 / 1e9 }'
}
median() {
    sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
}

for key in "" "PRIMARY KEY"; do
    : >"$dir/pg.times"
    : >"$dir/ky.times"
    for _ in $(seq "$rounds"); do
        copy_once $pg_port "$key" >>"$dir/pg.times"
        copy_once $ky_port "$key" >>"$dir/ky.times"
    done
    pg=$(median <"$dir/pg.times")
    ky=$(median <"$dir/ky.times")
    echo "$rows rows, ${key:-no key}: postgresql $pg s, kyrodb $ky s, ratio $(echo "$pg $ky" | awk '{ printf "%.2f", $1 / $2 }')"
done

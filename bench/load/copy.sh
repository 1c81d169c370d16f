#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# COPY FROM of many rows, without and with a primary key, KyroDB beside PostgreSQL 15 on the same disk, both durable.
# Rounds are interleaved (A B A B ...); each line prints the medians in seconds and their ratio.
#
#   bench/load/copy.sh [ROUNDS=3] [ROWS=1000000]
#
# Needs build/release and postgresql-15; see servers.sh.
set -euo pipefail
cd "$(dirname "$0")/../.."
rounds=${1:-3}
rows=${2:-1000000}
. bench/load/servers.sh
servers_init
start_pg
start_ky
wait_for $pg_port
wait_for $ky_port

awk -v rows="$rows" 'BEGIN { for (i = 1; i <= rows; i++)
    printf "%d\tname-%d\t%d\t%.2f\n", i, i, (i * 7919) % 100000, i / 3 }' >"$dir/rows.tsv"

# Seconds that one COPY into a fresh table takes.
copy_once() {
    sql_at "$1" -c "DROP TABLE IF EXISTS t" -c "CREATE TABLE t (id int $2, name text, n int, x float8)" 2>/dev/null
    local start
    start=$(date +%s%N)
    sql_at "$1" -c "\\copy t FROM '$dir/rows.tsv'"
    echo $(($(date +%s%N) - start)) | awk '{ printf "%.3f\n", $1 / 1e9 }'
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
    echo "$rows rows, ${key:-no key}: postgresql $pg s, kyrodb $ky s, ratio $(ratio "$pg" "$ky")"
done

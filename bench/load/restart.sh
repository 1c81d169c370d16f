#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Time from starting the server after kill -9 to its first answer, with ROWS rows just loaded, and the disk
# bytes of the data directory, KyroDB beside PostgreSQL 15 on the same disk, both durable.
#
#   bench/load/restart.sh [ROWS=5000000] [CHECKPOINT=no]    yes: a checkpoint between load and kill
#
# Needs build/release and postgresql-15; see servers.sh.
set -euo pipefail
cd "$(dirname "$0")/../.."
rows=${1:-5000000}
checkpoint=${2:-no}
. bench/load/servers.sh
servers_init

first_answer() { # port start-function: milliseconds
    local begin
    begin=$(date +%s%N)
    "$2"
    until sql_at "$1" -c "SELECT v FROM t WHERE k = 77" >/dev/null 2>&1; do sleep 0.01; done
    echo $((($(date +%s%N) - begin) / 1000000))
}

start_pg
start_ky
for port in $pg_port $ky_port; do
    wait_for "$port"
    sql_at "$port" -c 'CREATE TABLE t (k bigint PRIMARY KEY, v text)'
    awk "BEGIN {for (i = 1; i <= $rows; i++) printf \"%d\tsome text of a row, %014d\n\", i, i}" |
        psql -h 127.0.0.1 -U postgres -p "$port" -qX -c '\copy t from stdin' postgres
    [ "$checkpoint" = no ] || sql_at "$port" -c CHECKPOINT
done
kill -9 "$(pg_pid)"
kill -9 "$kyro_pid"
wait $kyro_pid 2>/dev/null || true
while pgrep -f "$dir/pg/data" >/dev/null; do sleep 0.05; done
about
echo "$rows rows, checkpoint: $checkpoint"
printf '%-12s %14s %14s\n' "" "answer, ms" "disk, MB"
# The kill left the lock files of PostgreSQL behind; a pid in them may be that of another process by now.
rm -f "$dir/pg/data/postmaster.pid" "$dir"/pg/.s.PGSQL.*.lock
printf '%-12s %14s %14s\n' postgresql "$(first_answer $pg_port start_pg)" "$(du -sm "$dir/pg/data" | cut -f1)"
printf '%-12s %14s' kyrodb "$(first_answer $ky_port start_ky | tail -1)"
printf ' %14s\n' "$(du -sm "$dir/ky" | cut -f1)"
grep -E 'replayed|indexes opened|ready' "$dir/ky.log" | sed 's/^/  /'

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A table whose key is a learned index beside the same table with a B-tree, and PostgreSQL 15: pgbench, prepared statements
# over TCP on loopback. A SELECT by key, and one with key = ANY of 1,000 random keys. Rounds are interleaved; each line
# prints medians in transactions a second, and what the learned index does to each of the others.
#
#   bench/load/learned.sh [ROUNDS=5] [SECONDS=5] [ROWS=10000000]
#
# Needs build/release, postgresql-15 and postgresql-contrib (pgbench); see servers.sh.
set -euo pipefail
cd "$(dirname "$0")/../.."
rounds=${1:-5}
seconds=${2:-5}
rows=${3:-10000000}
. bench/load/servers.sh
servers_init
start_pg
start_ky
for port in $pg_port $ky_port; do
    wait_for "$port"
done

fill() { # PORT TABLE
    awk "BEGIN {for (i = 1; i <= $rows; i++) printf \"%d\tsome text of a row, %014d\n\", i * 3, i}" |
        sql_at "$1" -c "\\copy $2 from stdin"
}
sql_at "$pg_port" -c 'CREATE TABLE btree (k bigint PRIMARY KEY, v text)'
sql_at "$ky_port" -c "SET kyro.default_index = 'btree'" -c 'CREATE TABLE btree (k bigint PRIMARY KEY, v text)'
sql_at "$ky_port" -c "SET kyro.default_index = 'rmi'" -c 'CREATE TABLE rmi (k bigint PRIMARY KEY, v text)'
fill "$pg_port" btree
sql_at "$pg_port" -c 'VACUUM ANALYZE btree'
fill "$ky_port" btree
fill "$ky_port" rmi
sql_at "$ky_port" -c 'REINDEX TABLE rmi' -c 'CHECKPOINT'

for table in btree rmi; do
    printf '%s\n' "\\set k random(1, $rows)" "SELECT v FROM $table WHERE k = :k * 3;" >"$dir/$table-select.sql"
done
# 64 lists of keys, each a constant of a statement of its own that is prepared once.
awk -v rows="$rows" 'BEGIN {
    srand(7)
    for (file = 1; file <= 64; file++) {
        text = ""
        for (i = 1; i <= 1000; i++) text = text (i > 1 ? "," : "") int(rand() * rows + 1) * 3
        print text
    }
}' >"$dir/lists"
for table in btree rmi; do
    n=0
    : >"$dir/$table-any.list"
    while read -r list; do
        n=$((n + 1))
        printf "SELECT count(v) FROM %s WHERE k = ANY ('{%s}'::bigint[]);\n" "$table" "$list" >"$dir/$table-any-$n.sql"
        printf -- '-f %s ' "$dir/$table-any-$n.sql" >>"$dir/$table-any.list"
    done <"$dir/lists"
done

one() { # PORT TABLE WORK CLIENTS
    local files=(-f "$dir/$2-$3.sql")
    # shellcheck disable=SC2207
    [ "$3" != any ] || files=($(cat "$dir/$2-any.list"))
    # shellcheck disable=SC2046
    pgbench $(conn "$1") -n -M prepared -c "$4" -j 1 -T "$seconds" "${files[@]}" postgres 2>/dev/null |
        sed -n 's/^tps = \([0-9.]*\).*/\1/p' | head -1
}

about
echo "rounds $rounds of $seconds s, $rows rows"
printf '%-22s %8s %10s %10s %12s %9s %11s\n' work clients rmi btree postgresql rmi/btree rmi/postgres
for work in select any; do
    for count in 1 8; do
        : >"$dir/r"; : >"$dir/b"; : >"$dir/p"
        for _ in $(seq "$rounds"); do
            one "$ky_port" rmi $work "$count" >>"$dir/r"
            one "$ky_port" btree $work "$count" >>"$dir/b"
            one "$pg_port" btree $work "$count" >>"$dir/p"
        done
        r=$(median <"$dir/r"); b=$(median <"$dir/b"); p=$(median <"$dir/p")
        printf '%-22s %8s %10.0f %10.0f %12.0f %9s %11s\n' "$work" "$count" "$r" "$b" "$p" "$(ratio "$r" "$b")" "$(ratio "$r" "$p")"
    done
done

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A table whose key is a learned index beside the same table with a B-tree, and PostgreSQL 15: pgbench, prepared statements
# over TCP on loopback. Rounds are interleaved; each line prints medians in transactions a second, and what the learned index
# does to each of the others.
#
#   bench/load/learned.sh [ROUNDS=5] [SECONDS=5] [ROWS=10000000] [WORK.. = select any bound group join]
#
#   select   one row by its key
#   any      key = ANY of 1,000 random keys that are a constant of the statement
#   bound    the same keys as a parameter: key = ANY ($1), a text array that is bound each time
#   group    g = ANY ($1), 1,000 keys bound too, of an index that is not unique: four rows each
#   join     ROWS / 10 rows in random order, joined with the table by its key
#
# Needs build/release, postgresql-15 and postgresql-contrib (pgbench); see servers.sh.
set -euo pipefail
cd "$(dirname "$0")/../.."
rounds=${1:-5}
seconds=${2:-5}
rows=${3:-10000000}
works=("${@:4}")
[ ${#works[@]} -gt 0 ] || works=(select any bound group join)
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
sql_at "$ky_port" -c 'REINDEX TABLE rmi'
if [[ " ${works[*]} " == *" group "* ]]; then
    for at in "$pg_port btree" "$ky_port btree" "$ky_port rmi"; do
        read -r port table <<<"$at"
        sql_at "$port" -c "CREATE TABLE ${table}_group (g bigint, v text)"
        awk "BEGIN {for (i = 1; i <= $rows; i++) printf \"%d\tsome text of a row, %014d\n\", (i % int($rows / 4) + 1) * 3, i}" |
            sql_at "$port" -c "\\copy ${table}_group from stdin"
        sql_at "$port" -c "SET kyro.default_index = '$table'" -c "CREATE INDEX ON ${table}_group (g)" -c "ANALYZE ${table}_group"
    done
fi
if [[ " ${works[*]} " == *" join "* ]]; then
    for port in $pg_port $ky_port; do
        sql_at "$port" -c 'CREATE TABLE outer_rows (k bigint)'
        awk "BEGIN {srand(7); for (i = 1; i <= $rows / 10; i++) print int(rand() * $rows + 1) * 3}" |
            sql_at "$port" -c '\copy outer_rows from stdin'
        sql_at "$port" -c 'ANALYZE outer_rows'
    done
fi
sql_at "$ky_port" -c 'ANALYZE btree' -c 'ANALYZE rmi' -c 'CHECKPOINT'

for table in btree rmi; do
    printf '%s\n' "\\set k random(1, $rows)" "SELECT v FROM $table WHERE k = :k * 3;" >"$dir/$table-select.sql"
    echo "SELECT count(v), sum(length(v)) FROM outer_rows JOIN $table USING (k);" >"$dir/$table-join.sql"
done
# 64 lists of keys, each of a statement of its own that is prepared once.
lists() { # KEYS
    awk -v keys="$1" 'BEGIN {
        srand(7)
        for (file = 1; file <= 64; file++) {
            text = ""
            for (i = 1; i <= 1000; i++) text = text (i > 1 ? "," : "") int(rand() * keys + 1) * 3
            print text
        }
    }'
}
lists "$rows" >"$dir/lists"
lists "$((rows / 4))" >"$dir/group-lists"
for table in btree rmi; do
    n=0
    : >"$dir/$table-any.list"
    while read -r list; do
        n=$((n + 1))
        printf "SELECT count(v) FROM %s WHERE k = ANY ('{%s}'::bigint[]);\n" "$table" "$list" >"$dir/$table-any-$n.sql"
        printf -- '-f %s ' "$dir/$table-any-$n.sql" >>"$dir/$table-any.list"
    done <"$dir/lists"
done
# pgbench binds the value of a variable as text.
bound() { # TABLE KEY LISTS; sets files
    local n=0 list
    files=()
    while read -r list; do
        n=$((n + 1))
        echo "SELECT count(v) FROM $1 WHERE $2 = ANY (:keys$n);" >"$dir/$1-bound-$n.sql"
        files+=(-D "keys$n={$list}" -f "$dir/$1-bound-$n.sql")
    done <"$3"
}

one() { # PORT TABLE WORK CLIENTS
    local files=(-f "$dir/$2-$3.sql")
    # shellcheck disable=SC2207
    case $3 in
    any) files=($(cat "$dir/$2-any.list")) ;;
    bound) bound "$2" k "$dir/lists" ;;
    group) bound "$2_group" g "$dir/group-lists" ;;
    esac
    # shellcheck disable=SC2046
    pgbench $(conn "$1") -n -M prepared -c "$4" -j 1 -T "$seconds" "${files[@]}" postgres 2>/dev/null |
        sed -n 's/^tps = \([0-9.]*\).*/\1/p' | head -1
}

about
echo "rounds $rounds of $seconds s, $rows rows"
printf '%-22s %8s %10s %10s %12s %9s %11s\n' work clients rmi btree postgresql rmi/btree rmi/postgres
for work in "${works[@]}"; do
    for count in 1 8; do
        : >"$dir/r"; : >"$dir/b"; : >"$dir/p"
        for _ in $(seq "$rounds"); do
            one "$ky_port" rmi $work "$count" >>"$dir/r"
            one "$ky_port" btree $work "$count" >>"$dir/b"
            one "$pg_port" btree $work "$count" >>"$dir/p"
        done
        r=$(median <"$dir/r"); b=$(median <"$dir/b"); p=$(median <"$dir/p")
        printf '%-22s %8s %10.1f %10.1f %12.1f %9s %11s\n' "$work" "$count" "$r" "$b" "$p" "$(ratio "$r" "$b")" "$(ratio "$r" "$p")"
    done
done

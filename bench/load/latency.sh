#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# How long a durable INSERT takes while checkpoints or compaction run, against neither: p50, p99 and the longest, from a
# log of every transaction. One more session changes rows all over a table, so that there is something to save and to
# compact, in all rounds alike; in those of a kind it also runs CHECKPOINT or VACUUM FULL, over and over. (A process
# started for each statement would be measured instead: on two busy cores each costs a commit milliseconds.) Rounds are
# interleaved (changes, checkpoint, compaction, changes ...); the ratios are those of medians. Then rates: how fast SELECT and INSERT are over many rows against over few.
#
#   bench/load/latency.sh [ROUNDS=3] [SECONDS=20] [CLIENTS=8] [ROWS=2000000] [MANY=0]
#
# ROWS rows are there while latency is measured, so that a checkpoint and compaction have work. MANY, if it is not 0
# (10000000, say), is the number of rows of the second part, against 100000.
# Needs build/release and postgresql-contrib (pgbench); see servers.sh.
set -euo pipefail
cd "$(dirname "$0")/../.."
rounds=${1:-3}
seconds=${2:-20}
clients=${3:-8}
rows=${4:-2000000}
many=${5:-0}
. bench/load/servers.sh
servers_init
start_ky --wal-segment-size 16MB --log-retention-bytes 0 --max-slot-keep-bytes 0
wait_for "$ky_port"

printf '%s\n' '\set k random(1, 9000000000000000)' \
    "INSERT INTO ins VALUES (:k, 'a value of some length, as applications write them') ON CONFLICT DO NOTHING" >"$dir/insert.sql"

fill() { # TABLE ROWS
    sql_at "$ky_port" -c "CREATE TABLE $1 (k bigint PRIMARY KEY, v text)"
    awk "BEGIN {for (i = 1; i <= $2; i++) printf \"%d\tsome text of a row, %014d\n\", i, i}" |
        sql_at "$ky_port" -c "\\copy $1 from stdin"
}
pgbench_for() { # SCRIPT ARGUMENTS..
    # shellcheck disable=SC2046
    pgbench $(conn "$ky_port") -n -M prepared -c "$clients" -j 1 -T "$seconds" -f "$1" "${@:2}" postgres 2>"$dir/pgbench.err" || {
        cat "$dir/pgbench.err" >&2
        return 1
    }
}

# What the other session does, with a tenth of a second between.
side() { # NAME ROWS STATEMENT..
    local step=$((rows / $2)) statement
    {
        echo "\\set x random(1, $step)"
        echo "UPDATE big SET v = 'some other text of it, ' || :x FROM generate_series(0::bigint, $2 - 1) AS n WHERE k = n * $step + :x;"
        for statement in "${@:3}"; do echo "$statement;"; done
        echo '\sleep 100 ms'
    } >"$dir/$1.side.sql"
}
side changes 2000
side checkpoint 2000 CHECKPOINT
side compaction 2000 'VACUUM FULL'

measure() { # KIND: "p50 p99 longest commits runs" in us
    # shellcheck disable=SC2046
    pgbench $(conn "$ky_port") -n -c 1 -T "$seconds" -f "$dir/$1.side.sql" postgres >"$dir/side.out" 2>&1 &
    local helper=$!
    pgbench_for "$dir/insert.sql" -l --log-prefix="$dir/tx" >/dev/null
    wait $helper
    cat "$dir"/tx.* | awk '{print $3}' | sort -n |
        awk -v runs="$(sed -n 's/^number of transactions actually processed: //p' "$dir/side.out")" \
            '{a[NR] = $1} END {print a[int(NR / 2) + 1], a[int(NR * 0.99) + 1], a[NR], NR, runs}'
    rm -f "$dir"/tx.*
}

about
echo "rounds $rounds of $seconds s, $clients clients, $rows rows"
fill big "$rows"
sql_at "$ky_port" -c 'CREATE TABLE ins (k bigint PRIMARY KEY, v text)'
kinds="changes checkpoint compaction"
for _ in $(seq "$rounds"); do
    for kind in $kinds; do
        measure "$kind" >>"$dir/$kind.out"
    done
done
printf '%-12s %10s %10s %12s %10s %8s %10s\n' beside 'p50, us' 'p99, us' 'longest, us' commits runs 'p99 ratio'
quiet=$(cut -d' ' -f2 "$dir/changes.out" | median)
for kind in $kinds; do
    column() { cut -d' ' -f"$1" "$dir/$kind.out" | median; }
    printf '%-12s %10s %10s %12s %10s %8s %10s\n' $kind "$(column 1)" "$(column 2)" "$(column 3)" "$(column 4)" "$(column 5)" \
        "$(ratio "$(column 2)" "$quiet")"
done
[ "$many" != 0 ] || exit 0

# Rates over many rows against over few: inserts go into the table that is read, by keys at random beyond what is there.
few=100000
fill few $few
fill many "$many"
for size in few many; do
    count=$few
    [ $size = few ] || count=$many
    printf '%s\n' "\\set k random(1, $count)" "SELECT v FROM $size WHERE k = :k;" >"$dir/$size.select.sql"
    printf '%s\n' '\set k random(1000000000, 9000000000000000)' \
        "INSERT INTO $size VALUES (:k, 'a value of some length') ON CONFLICT DO NOTHING;" >"$dir/$size.insert.sql"
done
printf '%-12s %12s %12s %8s\n' work "$few rows" "$many rows" ratio
for work in select insert; do
    for _ in $(seq "$rounds"); do
        for size in few many; do
            pgbench_for "$dir/$size.$work.sql" | sed -n 's/^tps = \([0-9.]*\).*/\1/p' >>"$dir/$size.$work.out"
        done
    done
    a=$(median <"$dir/few.$work.out")
    b=$(median <"$dir/many.$work.out")
    printf '%-12s %12.0f %12.0f %8s\n' $work "$a" "$b" "$(ratio "$b" "$a")"
done

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# pgbench, prepared statements over TCP on loopback, KyroDB beside PostgreSQL 15 on the same disk, both durable.
# Rounds are interleaved (A B A B ...); each line prints the medians and their ratio. After the throughput of statements
# come what a SELECT costs the server in CPU time, what an idle connection costs in private memory, how long opening one
# takes, and what 500 idle ones take from 8 busy ones.
#
#   bench/load/oltp.sh [ROUNDS=5] [SECONDS=5] [CLIENTS="1 8 32"] [WORKS="select insert update tpcb connections"]
#
# Needs build/release, postgresql-15 and postgresql-contrib (pgbench); see servers.sh.
set -euo pipefail
cd "$(dirname "$0")/../.."
rounds=${1:-5}
seconds=${2:-5}
clients=${3:-1 8 32}
works=${4:-select insert update tpcb connections}
idle_count=500
. bench/load/servers.sh
servers_init
start_pg -c max_connections=700
start_ky
for port in $pg_port $ky_port; do
    wait_for "$port"
    psql $(conn "$port") -q postgres -c 'CREATE TABLE kv (k bigint PRIMARY KEY, v text)' \
        -c "INSERT INTO kv SELECT n, repeat('x', 100) FROM generate_series(1, 100000) AS n" \
        -c 'CREATE TABLE ins (k bigint PRIMARY KEY, v text)'
    pgbench $(conn "$port") -i -I dtGvp -s 10 postgres >/dev/null 2>&1 ||
        pgbench $(conn "$port") -i -I dtgvp -s 10 postgres >/dev/null 2>&1
done
psql $(conn $pg_port) -q postgres -c 'VACUUM ANALYZE'

printf '%s\n' '\set k random(1, 100000)' 'SELECT v FROM kv WHERE k = :k;' >"$dir/select.sql"
printf '%s\n' '\set k random(1, 9000000000000000)' \
    "INSERT INTO ins VALUES (:k, 'a value of some length, as applications write them')" >"$dir/insert.sql"
printf '%s\n' '\set k random(1, 100000)' \
    "UPDATE kv SET v = 'another value of some length, as applications write them' WHERE k = :k" >"$dir/update.sql"

one() { # port script clients
    local file=()
    case $2 in
    tpcb) file=(-b tpcb-like) ;;
    *) file=(-f "$dir/$2.sql") ;;
    esac
    bench "$1" -M prepared -c "$3" -j 1 "${file[@]}" | sed -n 's/^tps = \([0-9.]*\).*/\1/p'
}
bench() { # port pgbench's arguments..: what it says; an error ends the script
    pgbench $(conn "$1") -n -T "$seconds" "${@:2}" postgres 2>"$dir/pgbench.err" || {
        cat "$dir/pgbench.err" >&2
        return 1
    }
}

# CPU time of a server so far, in seconds. PostgreSQL's children count once they have ended.
cpu_of() { awk -v hz="$(getconf CLK_TCK)" '{print ($14 + $15 + $16 + $17) / hz}' "/proc/$1/stat"; }
# Private memory of a server with its children, in bytes.
memory_of() {
    local pids
    pids="$1 $(cat /proc/"$1"/task/"$1"/children 2>/dev/null || true)"
    for pid in $pids; do cat "/proc/$pid/smaps_rollup" 2>/dev/null || true; done |
        awk '/^Private_(Clean|Dirty)/ {sum += $2} END {print sum * 1024}'
}
cpu_per_select() { # port pid
    local before after count
    before=$(cpu_of "$2")
    count=$(bench "$1" -M prepared -c 8 -j 1 -f "$dir/select.sql" |
        sed -n 's/^number of transactions actually processed: \([0-9]*\).*/\1/p')
    sleep 0.5
    after=$(cpu_of "$2")
    awk "BEGIN {print ($after - $before) * 1e6 / $count}"
}
echo '\set k random(1, 100000)
SELECT v FROM kv WHERE k = :k;
\sleep 1000 s' >"$dir/idle.sql"
hold_idle() { # port: idle_count connections that ran one query each; their process is $holder
    pgbench $(conn "$1") -n -M prepared -c $idle_count -j 1 -T 1000 -f "$dir/idle.sql" postgres >/dev/null 2>&1 &
    holder=$!
    for _ in $(seq 300); do
        [ "$(psql $(conn "$1") -qAtc "select count(*) from pg_stat_activity where state = 'idle' and query like 'SELECT v%'" postgres)" -ge $idle_count ] && return
        sleep 0.1
    done
}
drop_idle() { kill $holder && wait $holder 2>/dev/null || true; }
idle_memory() { # port pid
    local before after
    before=$(memory_of "$2")
    hold_idle "$1"
    after=$(memory_of "$2")
    drop_idle
    awk "BEGIN {print ($after - $before) / $idle_count}"
}
open_time() { # port: us
    bench "$1" -C -c 1 -f "$dir/select.sql" |
        sed -n 's/^average connection time = \([0-9.]*\) ms.*/\1/p' | awk '{print $1 * 1000}'
}
among_idle() { # port: busy among idle ones, as a part of alone
    local alone among
    alone=$(one "$1" select 8)
    hold_idle "$1"
    among=$(one "$1" select 8)
    drop_idle
    awk "BEGIN {print $among / $alone}"
}
compare() { # label clients format command..: medians of both, the command gets port and pid
    local label=$1 count=$2 format=$3 a b
    shift 3
    : >"$dir/a"; : >"$dir/b"
    for _ in $(seq "$rounds"); do
        "$1" $ky_port "$kyro_pid" "${@:2}" >>"$dir/a"
        "$1" $pg_port "$(pg_pid)" "${@:2}" >>"$dir/b"
    done
    a=$(median <"$dir/a"); b=$(median <"$dir/b")
    printf "%-26s %8s %12$format %12$format %8.2f\n" "$label" "$count" "$a" "$b" "$(ratio "$a" "$b")"
}
throughput() { one "$1" "$3" "$4"; }

about
echo "rounds $rounds of $seconds s"
printf '%-26s %8s %12s %12s %8s\n' work clients kyrodb postgresql ratio
for work in $works; do
    if [ "$work" = connections ]; then
        compare 'CPU of a SELECT (us)' 8 .1f cpu_per_select
        compare 'memory of an idle one (B)' $idle_count .0f idle_memory
        compare 'opening one (us)' 1 .0f open_time
        compare '8 busy among idle / alone' $idle_count .2f among_idle
        continue
    fi
    for count in $clients; do
        compare "$work (tps)" "$count" .0f throughput "$work" "$count"
    done
done

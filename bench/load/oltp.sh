#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# pgbench, prepared statements over TCP on loopback, KyroDB beside PostgreSQL 15 on the same disk, both durable.
# Rounds are interleaved (A B A B ...); each line prints the medians and their ratio.
#
#   bench/load/oltp.sh [ROUNDS=5] [SECONDS=5] [CLIENTS="1 8 32"]
#
# Needs build/release, postgresql-15 and postgresql-contrib (pgbench). PostgreSQL runs as user postgres when this
# is run by root. Everything lives in a temporary directory and is removed at the end.
set -euo pipefail
cd "$(dirname "$0")/../.."
rounds=${1:-5}
seconds=${2:-5}
clients=${3:-1 8 32}
pgbin=/usr/lib/postgresql/15/bin
kyrodb=build/release/bin/kyrodb
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
    -c checkpoint_timeout=15min -c max_connections=200" start >/dev/null
$kyrodb serve --data-dir "$dir/ky" --port $ky_port --http-port 0 --socket-dir "" >"$dir/ky.log" 2>&1 &
kyro_pid=$!

conn() { echo "-h 127.0.0.1 -U postgres -p $1"; }
for port in $pg_port $ky_port; do
    for _ in $(seq 100); do
        psql $(conn "$port") -qAtc 'select 1' postgres >/dev/null 2>&1 && break
        sleep 0.1
    done
    psql $(conn "$port") -q postgres -c 'CREATE TABLE kv (k bigint PRIMARY KEY, v text)' \
        -c "INSERT INTO kv SELECT n, repeat('x', 100) FROM generate_series(1, 100000) AS n" \
        -c 'CREATE TABLE ins (k bigint PRIMARY KEY, v text)'
    pgbench $(conn "$port") -i -I dtGvp -s 10 postgres >/dev/null 2>&1 ||
        pgbench $(conn "$port") -i -I dtgvp -s 10 postgres >/dev/null 2>&1
done
psql $(conn $pg_port) -q postgres -c 'VACUUM ANALYZE'

echo 'SELECT v FROM kv WHERE k = :k' | sed '1i \\set k random(1, 100000)' >"$dir/select.sql"
printf '%s\n' '\set k random(1, 9000000000000000)' \
    "INSERT INTO ins VALUES (:k, 'a value of some length, as applications write them')" >"$dir/insert.sql"
printf '%s\n' '\set k random(1, 100000)' \
    "UPDATE kv SET v = 'another value of some length, as applications write them' WHERE k = :k" >"$dir/update.sql"

median() { sort -n | awk '{a[NR] = $1} END {print a[int((NR + 1) / 2)]}'; }
one() { # port script clients
    local file=()
    case $2 in
    tpcb) file=(-b tpcb-like) ;;
    *) file=(-f "$dir/$2.sql") ;;
    esac
    pgbench $(conn "$1") -n -M prepared -c "$3" -j 1 -T "$seconds" "${file[@]}" postgres 2>/dev/null |
        sed -n 's/^tps = \([0-9.]*\).*/\1/p'
}

echo "commit $(git rev-parse --short HEAD), $(nproc) cores, $(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -1), $($pgbin/postgres --version)"
printf '%-8s %8s %12s %12s %8s\n' work clients kyrodb postgresql ratio
for work in select insert update tpcb; do
    for count in $clients; do
        : >"$dir/a"; : >"$dir/b"
        for _ in $(seq "$rounds"); do
            one $ky_port $work "$count" >>"$dir/a"
            one $pg_port $work "$count" >>"$dir/b"
        done
        a=$(median <"$dir/a"); b=$(median <"$dir/b")
        printf '%-8s %8s %12.0f %12.0f %8.2f\n' $work "$count" "$a" "$b" "$(awk "BEGIN {print $a / $b}")"
    done
done

# SPDX-License-Identifier: Apache-2.0
# For the scripts beside it (source it, at the top of the project): KyroDB and PostgreSQL 15 side by side, both durable, in a
# temporary directory on the same disk, on free ports of loopback. Everything ends and is removed with the script.
#
#   KYRODB=build/release/bin/kyrodb   what is measured
#   BENCH_DIR=/tmp                    where the directory is made
#
# servers_init first; then start_ky, start_pg or both. PostgreSQL runs as user postgres when this is run by root.
# shellcheck shell=bash

servers_init() { # sets dir, ky_port, pg_port
    pgbin=${PGBIN:-/usr/lib/postgresql/15/bin}
    kyrodb=${KYRODB:-build/release/bin/kyrodb}
    dir=$(mktemp -d "${BENCH_DIR:-/tmp}/kyro-bench.XXXXXX")
    pg_port=$((20000 + RANDOM % 10000))
    ky_port=$((pg_port + 1))
    kyro_pid=
    as_postgres=()
    [ "$(id -u)" = 0 ] && as_postgres=(runuser -u postgres --) && chmod 755 "$dir"
    mkdir "$dir/pg" && { [ "$(id -u)" != 0 ] || chown postgres "$dir/pg"; }
    trap servers_end EXIT
}
servers_end() {
    [ ! -d "$dir/pg/data" ] || "${as_postgres[@]}" "$pgbin/pg_ctl" -D "$dir/pg/data" -m immediate stop >/dev/null 2>&1 || true
    stop_ky
    rm -rf "$dir"
}

start_pg() { # MORE_OPTIONS..: as -c name=value; does not wait
    [ -d "$dir/pg/data" ] ||
        "${as_postgres[@]}" "$pgbin/initdb" -D "$dir/pg/data" -A trust --locale=C.UTF-8 -E UTF8 >/dev/null
    "${as_postgres[@]}" "$pgbin/pg_ctl" -D "$dir/pg/data" -W -l "$dir/pg/log" -o "-p $pg_port -k $dir/pg \
        -c listen_addresses=127.0.0.1 -c shared_buffers=2GB -c max_wal_size=8GB -c wal_buffers=64MB \
        -c checkpoint_timeout=15min $*" start >/dev/null
}
start_ky() { # MORE_ARGUMENTS..; does not wait; its process is $kyro_pid
    "$kyrodb" serve --data-dir "$dir/ky" --port "$ky_port" --http-port 0 --socket-dir "" "$@" >>"$dir/ky.log" 2>&1 &
    kyro_pid=$!
}
stop_ky() {
    [ -z "$kyro_pid" ] || kill "$kyro_pid" 2>/dev/null || true
    [ -z "$kyro_pid" ] || wait "$kyro_pid" 2>/dev/null || true
    kyro_pid=
}
pg_pid() { head -1 "$dir/pg/data/postmaster.pid"; }

# psql and pgbench take these arguments.
conn() { echo "-h 127.0.0.1 -U postgres -p $1"; }
sql_at() { # PORT psql's arguments..
    # shellcheck disable=SC2046
    psql $(conn "$1") -d postgres -qAtX -v ON_ERROR_STOP=1 "${@:2}"
}
wait_for() { # PORT
    for _ in $(seq 600); do
        sql_at "$1" -c 'SELECT 1' >/dev/null 2>&1 && return
        sleep 0.1
    done
    echo "nothing answers on port $1" >&2
    tail -5 "$dir/ky.log" "$dir/pg/log" 2>/dev/null >&2
    return 1
}

median() { sort -n | awk '{a[NR] = $1} END {print a[int((NR + 1) / 2)]}'; }
ratio() { awk "BEGIN {printf \"%.2f\", $1 / $2}"; }
about() { # what everybody prints first
    echo "commit $(git rev-parse --short HEAD), $(nproc) cores, $(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -1)," \
        "$("$pgbin/postgres" --version)"
    echo "load average at start $(cut -d' ' -f1-3 /proc/loadavg)"
}

# SPDX-License-Identifier: Apache-2.0
# For the scripts beside it (source it with KYRODB in $1): a server that is killed and started again. Sets dir, port and pid; all goes
# with the script.
# shellcheck shell=bash
kyrodb=$1
dir=$(mktemp -d "${TMPDIR:-/tmp}/kyro-crash.XXXXXX")
port=$((20000 + RANDOM % 10000))
pid=
trap '[ -z "$pid" ] || kill -9 $pid 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$dir"' EXIT

sql() { psql -XqAt -h 127.0.0.1 -p $port -U postgres -v ON_ERROR_STOP=1 postgres "$@"; }
start() {
    "$kyrodb" serve --data-dir "$dir/data" --port $port --http-port 0 --socket-dir "" >>"$dir/log" 2>&1 &
    pid=$!
    for _ in $(seq 200); do
        sql -c 'SELECT 1' >/dev/null 2>&1 && return
        kill -0 $pid 2>/dev/null || break
        sleep 0.05
    done
    tail -5 "$dir/log"
    exit 1
}
killed() {
    kill -9 $pid
    wait $pid 2>/dev/null || true
    start
}
same() { # WHAT WANTED GOT
    [ "$2" = "$3" ] || { echo "$1: wanted '$2', got '$3'"; exit 1; }
}

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Runs a driver's script against a server of its own. Exit status 77: the driver is not here and cannot be had.
#
# Usage: client.sh psycopg|node KYRODB       a server is started
#        client.sh psycopg|node --peer PORT  one that runs there, as a PostgreSQL 15
set -euo pipefail
client=$1
here=$(cd "$(dirname "$0")" && pwd)
dir=$(mktemp -d "${TMPDIR:-/tmp}/kyro-client.XXXXXX")
pid=
cleanup() {
    [ -z "$pid" ] || kill "$pid" 2>/dev/null || true
    wait 2>/dev/null || true
    rm -rf "$dir"
}
trap cleanup EXIT

case $client in
psycopg)
    python=
    for candidate in python3 /usr/bin/python3; do
        "$candidate" -c 'import psycopg' 2>/dev/null && python=$candidate && break
    done
    [ -n "$python" ] || { echo "skipped: psycopg 3 is not installed (package python3-psycopg)" && exit 77; }
    script=("$python" "$here/psycopg_client.py")
    ;;
node)
    command -v node >/dev/null || { echo "skipped: node is not installed (package nodejs)" && exit 77; }
    # The module is kept between runs; without it the registry is asked once.
    cache=${KYRO_NODE_MODULES:-${XDG_CACHE_HOME:-$HOME/.cache}/kyrodb-tests}
    if ! NODE_PATH="$cache/node_modules" node -e 'require("pg")' 2>/dev/null; then
        mkdir -p "$cache"
        (cd "$cache" && command -v npm >/dev/null && timeout 120 npm install --silent --no-audit --no-fund pg@8 >"$dir/npm" 2>&1) ||
            { echo "skipped: the module pg is not installed and npm's registry is not reachable" && exit 77; }
    fi
    export NODE_PATH="$cache/node_modules" NODE_NO_WARNINGS=1
    script=(node "$here/node_client.js")
    ;;
*)
    echo "usage: client.sh psycopg|node KYRODB | --peer PORT" && exit 2
    ;;
esac

if [ "$2" = --peer ]; then
    "${script[@]}" "$3"
    exit
fi
port=$((20000 + RANDOM % 10000))
"$2" serve --data-dir "$dir/data" --port $port --http-port 0 --socket-dir "" >"$dir/log" 2>&1 &
pid=$!
for _ in $(seq 300); do
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break
    sleep 0.1
done
"${script[@]}" $port || { cat "$dir/log" && exit 1; }

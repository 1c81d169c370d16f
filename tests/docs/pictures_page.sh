#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The page that searches by picture, on a server with the demo collection. Exit status 77: node 18 or psql is not here.
#
# Usage: pictures_page.sh KYRODB
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
skip() { echo "skipped: $*" && exit 77; }
command -v psql >/dev/null || skip "psql is not installed (package postgresql-client)"
node -e 'fetch' 2>/dev/null || skip "node 18 is not installed (package nodejs)"
dir=$(mktemp -d "${TMPDIR:-/tmp}/kyro-page.XXXXXX")
port=$((20000 + RANDOM % 10000))
"$1" serve --data-dir "$dir/data" --port $port --http-port $((port + 1)) --socket-dir "" >"$dir/log" 2>&1 &
pid=$!
cleanup() {
    kill $pid 2>/dev/null || true
    wait 2>/dev/null || true
    rm -rf "$dir"
}
trap cleanup EXIT
for _ in $(seq 300); do
    [ "$(curl -s -o /dev/null -w '%{http_code}' "http://127.0.0.1:$((port + 1))/ready")" = 200 ] && break
    sleep 0.1
done
"$here/../../bench/data/shapes.py" 2000 | psql -X -q -v ON_ERROR_STOP=1 -h 127.0.0.1 -p $port -U postgres postgres
node "$here/pictures_page.js" $((port + 1)) || { cat "$dir/log" && exit 1; }

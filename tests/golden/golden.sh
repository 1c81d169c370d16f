#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Data directories of released formats must go on opening. Each tests/golden/NAME.tar.gz is the directory of a
# server that was killed (so there is a log to replay behind the checkpoint); NAME.expected is what its rows,
# indexes, vectors and events were.
#   golden.sh KYRODB            opens each and compares
#   golden.sh KYRODB make NAME  makes one with this build
set -euo pipefail
kyrodb=$(realpath "$1")
here=$(cd "$(dirname "$0")" && pwd)
dir=$(mktemp -d "${TMPDIR:-/tmp}/kyro-golden.XXXXXX")
port=$((20000 + RANDOM % 10000))
pid=
trap '[ -z "$pid" ] || { kill -9 $pid 2>/dev/null || true; wait $pid 2>/dev/null || true; }; rm -rf "$dir"' EXIT

sql() { psql -XqAt -h 127.0.0.1 -p $port -U postgres -v ON_ERROR_STOP=1 postgres "$@"; }

start() {
    "$kyrodb" serve --data-dir "$dir/data" --port $port --http-port $((port + 1)) --socket-dir "" \
        --wal-segment-size 1MB >"$dir/log" 2>&1 &
    pid=$!
    for _ in $(seq 200); do
        sql -c 'SELECT 1' >/dev/null 2>&1 && return 0
        kill -0 $pid 2>/dev/null || break
        sleep 0.05
    done
    cat "$dir/log"
    return 1
}

# Every kind of thing that has bytes of its own in the directory.
describe() {
    sql <<'SQL'
SELECT 'rows', count(*), sum(id), max(name), min(price), max(at), count(note) FROM golden;
SELECT 'by key', id, name FROM golden WHERE id = 42;
SELECT 'by name', id FROM golden WHERE name = 'name 77';
SELECT 'by rmi', count(*) FROM learned WHERE key BETWEEN 100 AND 199;
SELECT 'nearest', key FROM vecs WHERE QUERY = [5, 5, 5] LIMIT 3;
SELECT 'sequence', nextval('counter') > 1;
SELECT 'view', n FROM golden_view;
SELECT 'bits', b FROM odd;
SQL
    curl -fs "http://127.0.0.1:$((port + 1))/replay?start=0&limit=100000" |
        tr '{' '\n' | grep -c '"offset"' | sed 's/^/events at least /; s/[0-9]*$/many/'
}

if [ "${2:-}" = make ]; then
    start
    sql <<'SQL'
CREATE SEQUENCE counter;
SELECT nextval('counter');
CREATE TABLE golden (id int PRIMARY KEY, name text UNIQUE, price numeric(12,3), at timestamptz, note text);
CREATE VIEW golden_view AS SELECT count(*) AS n FROM golden WHERE id > 50;
INSERT INTO golden SELECT n, 'name ' || n, n * 1.5, '2026-01-01 00:00:00Z'::timestamptz + n * interval '1 day' FROM generate_series(1, 300) AS n;
CREATE TABLE learned (key bigint, value text);
CREATE INDEX ON learned USING rmi (key);
INSERT INTO learned SELECT n, 'v' FROM generate_series(1, 500) AS n;
CREATE VECTORS vecs (dim 3);
INSERT INTO vecs VALUES (1, [1, 2, 3]), (2, [4, 5, 6]), (3, [7, 8, 9]), (4, [5, 5, 5]);
CREATE TABLE odd (b bytea, j jsonb, u uuid);
INSERT INTO odd VALUES ('\x00ff', '{"a": [1, null]}', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11');
CHECKPOINT;
UPDATE golden SET note = 'changed' WHERE id % 7 = 0;
DELETE FROM golden WHERE id % 10 = 3;
DELETE FROM vecs WHERE key = 2;
INSERT INTO learned SELECT n, 'w' FROM generate_series(501, 600) AS n;
SQL
    describe >"$here/$3.expected"
    kill -9 $pid
    wait $pid 2>/dev/null || true
    pid=
    rm -f "$dir/data/LOCK"
    tar -C "$dir" --sort=name --owner=0 --group=0 -cf - data | gzip -9n >"$here/$3.tar.gz"
    cat "$here/$3.expected"
    exit 0
fi

failed=0
for archive in "$here"/*.tar.gz; do
    name=$(basename "$archive" .tar.gz)
    rm -rf "$dir/data"
    tar -C "$dir" -xzf "$archive"
    start
    describe >"$dir/actual"
    if diff "$here/$name.expected" "$dir/actual"; then
        echo "$name: opens, same answers"
    else
        failed=1
    fi
    kill -TERM $pid
    wait $pid || failed=1
    pid=
    "$kyrodb" verify --data-dir "$dir/data" >"$dir/verify" || { cat "$dir/verify"; failed=1; }
done
exit $failed

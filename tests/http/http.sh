#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The side port as curl sees it: every endpoint, the quickstart's lines, errors, the live stream across a restart,
# and metrics that promtool accepts.
#
# Usage: http.sh KYRODB
set -euo pipefail
kyrodb=$1
dir=$(mktemp -d "${TMPDIR:-/tmp}/kyro-http.XXXXXX")
port=$((20000 + RANDOM % 10000))
base=http://127.0.0.1:$port
token=secret
failures=0
pid=

start() { # [OPTIONS..]
    "$kyrodb" serve --data-dir "$dir/data" --port $((port + 1)) --http-port $port --socket-dir "" \
        --auth-token $token --wal-segment-size 1MB "$@" >>"$dir/log" 2>&1 &
    pid=$!
    for _ in $(seq 300); do
        [ "$(curl -s -o /dev/null -w '%{http_code}' "$base/ready")" = 200 ] && return
        sleep 0.1
    done
    echo "the server did not get ready" && cat "$dir/log" && exit 1
}
stop() {
    { kill "$1" "$pid" && wait "$pid"; } 2>/dev/null || true
}
cleanup() {
    [ -z "$pid" ] || kill -KILL "$pid" 2>/dev/null || true
    wait 2>/dev/null || true
    rm -rf "$dir"
}
trap cleanup EXIT

call() { # METHOD PATH [BODY] [CURL OPTIONS..]: body, then the status on a line of its own
    local method=$1 path=$2 body=${3-}
    shift $(($# > 2 ? 3 : 2))
    curl -s -X "$method" -H "Authorization: Bearer $token" ${body:+-d "$body"} -w '\n%{http_code}' "$@" "$base$path"
}
expect() { # STATUS PATTERN METHOD PATH [BODY] [CURL OPTIONS..]
    local status=$1 pattern=$2 output
    shift 2
    output=$(call "$@" || true)
    if [ "$(tail -1 <<<"$output")" != "$status" ] || ! grep -qE -- "$pattern" <<<"$output"; then
        echo "$*: wanted $status and /$pattern/, got"
        echo "$output"
        failures=$((failures + 1))
    fi
}
same() { # WHAT GOT WANTED
    [ "$2" = "$3" ] || { echo "$1: got $2, wanted $3" && failures=$((failures + 1)); }
}

start

# The quickstart, on a server that has no table yet.
expect 200 '"command":"INSERT"' POST /sql "INSERT INTO t VALUES (42, 'hello')"
expect 200 '^\[\{"key":42,"value":"hello"\}\]$' POST /sql 'SELECT * FROM t WHERE key = 42'
expect 200 '"rows_affected":1' POST /sql "{\"sql\": \"INSERT INTO t VALUES (43, 'again')\"}"
expect 200 'CREATE' POST /sql 'CREATE VECTORS vectors (dim 3)'
expect 200 '"INSERT"' POST /sql 'INSERT INTO vectors VALUES (1, [0.1,0.2,0.3])'
expect 200 '"INSERT"' POST /sql 'INSERT INTO vectors VALUES (2, [1,2,3])'
expect 200 '^\[\{"key":1,"dist":0\}\]$' POST /sql 'SELECT * FROM vectors WHERE QUERY = [0.1,0.2,0.3] LIMIT 1'
expect 200 '"key":2' POST /sql "SELECT * FROM vectors WHERE QUERY = [1,2,3] AND MODE = 'ANN' LIMIT 1"

# SQL: parameters, scripts, errors.
expect 200 '^\[\{"n":42\}\]$' POST /sql '{"sql": "SELECT $1::int + 1 AS n", "params": [41]}'
expect 200 '^\[\{"n":null\}\]$' POST /sql '{"sql": "SELECT $1::int AS n", "params": [null]}'
expect 200 '^\[\[\{"a":1\}\],\[\{"b":2\}\]\]$' POST /sql 'SELECT 1 AS a; SELECT 2 AS b'
expect 404 '"sqlstate":"42P01"' POST /sql 'SELECT * FROM nowhere'
expect 400 '"sqlstate":"42601"' POST /sql 'SELEC'
expect 409 '"sqlstate":"23505"' POST /sql "INSERT INTO t VALUES (42, 'twice')"
expect 400 '' POST /sql '{"sql": '
expect 400 '' POST /sql '{"nothing": 1}'
expect 400 '"sqlstate":"P0001"' POST /sql "DO 'BEGIN RAISE EXCEPTION \$q\$no\$q\$; END'"
expect 400 '"sqlstate":"P0002"' POST /sql "DO 'BEGIN RAISE no_data_found; END'"
expect 400 '"sqlstate":"KY001"' POST /sql "DO 'BEGIN RAISE SQLSTATE \$q\$KY001\$q\$; END'"
expect 409 '"sqlstate":"23505"' POST /sql "DO 'BEGIN RAISE unique_violation; END'"
expect 504 '"sqlstate":"57014"' POST /sql "SET statement_timeout = 100; SELECT pg_sleep(100)"

# Key and value, vectors.
expect 200 '"offset":' POST /put '{"key": 7, "value": "seven"}'
expect 200 '"value":"seven"' GET '/lookup?key=7'
expect 404 '' GET '/lookup?key=8'
expect 400 '' GET '/lookup?key=seven'
expect 400 '' POST /put '{"key": "x"}'
expect 200 '"offset":' POST /vector/insert '{"key": 3, "vector": [0, 0, 1]}'
expect 200 '"key":3' POST /vector/search '{"query": [0, 0, 1], "k": 1}'
expect 400 '' POST /vector/insert '{"key": 4, "vector": [0, 0]}'
expect 400 '' POST /vector/search '{"query": [0, 0, "x"], "k": 1}'

# Events: an id stands for one payload.
expect 200 '"replayed":false' POST /append '{"payload": {"order": 1}, "id": "order-1"}'
expect 200 '"replayed":true' POST /append '{"payload": {"order": 1}, "id": "order-1"}'
expect 409 '' POST /append '{"payload": {"order": 2}, "id": "order-1"}'
expect 400 '' POST /append '{"id": "no payload"}'
expect 200 '^\[\{"offset":0,' GET '/replay?start=0&limit=1'
expect 200 '^\{"offset":0,' GET '/replay?start=0&limit=2' '' -H 'Accept: application/x-ndjson'
expect 200 '"next":' GET /offset
expect 400 '' GET '/replay?start=x'

# Administration, the console, what is not there.
expect 200 '"lsn":' POST /snapshot
expect 200 '"status":"ok"' GET /health
expect 200 '"status":"ready"' GET /ready
expect 200 '<html' GET /
expect 200 'search by picture' GET /pictures
expect 404 '' GET /nowhere
expect 405 '' GET /append

# A token is asked for, also in a wrong form.
token=wrong
expect 401 '' GET /offset
expect 401 '' POST /sql 'SELECT 1'
expect 200 '' GET /health
token=secret
same 'no token' "$(curl -s -o /dev/null -w '%{http_code}' "$base/offset")" 401
same 'a form of its own' "$(curl -s -o /dev/null -w '%{http_code}' -H "Authorization: $token" "$base/offset")" 401

# Bodies and headers have limits.
head -c 70000000 /dev/zero | tr '\0' ' ' >"$dir/large"
same 'a large body' "$(curl -s -o /dev/null -w '%{http_code}' -H "Authorization: Bearer $token" \
    --data-binary "@$dir/large" "$base/sql")" 413
same 'a large header' "$(curl -s -o /dev/null -w '%{http_code}' -H "X: $(head -c 20000 /dev/zero | tr '\0' x)" \
    "$base/health" | grep -cE '400|431|413|000')" 1

# The stream: every event once, in order, across a restart by kill -9; Last-Event-ID goes on where it was.
events() { sed -n 's/^data: //p' "$1" | sed -n 's/^{"offset":\([0-9]*\),.*/\1/p'; }
follow() { # FILE FROM
    curl -sN -H "Authorization: Bearer $token" "$base/subscribe?from=$2" >"$1" &
    follower=$!
}
wait_for() { # FILE OFFSET
    for _ in $(seq 100); do
        events "$1" | grep -qx "$2" && return
        sleep 0.1
    done
    echo "the stream in $1 did not come to $2" && failures=$((failures + 1))
}
next() { call GET /offset | sed -n 's/.*"next": *\([0-9]*\).*/\1/p'; }
follow "$dir/first" 0
for i in $(seq 20); do call POST /append "{\"payload\": $i}" >/dev/null; done
# Sequences go on behind what they gave out, downwards and after setval too.
expect 200 '"CREATE SEQUENCE"' POST /sql 'CREATE SEQUENCE down INCREMENT -1; CREATE SEQUENCE set_back'
expect 200 '"nextval":-3' POST /sql "SELECT nextval('down') FROM generate_series(1, 3)"
expect 200 '"nextval":500' POST /sql "SELECT nextval('set_back') FROM generate_series(1, 500)"
expect 200 '"setval":10' POST /sql "SELECT setval('set_back', 10)"
middle=$(next)
wait_for "$dir/first" $((middle - 1))
stop -KILL
wait $follower 2>/dev/null || true
start
curl -sN -H "Authorization: Bearer $token" -H "Last-Event-ID: $((middle - 1))" "$base/subscribe" >"$dir/second" &
follower=$!
for i in $(seq 20); do call POST /append "{\"payload\": $i}" >/dev/null; done
end=$(next)
wait_for "$dir/second" $((end - 1))
same 'the whole stream' "$({ events "$dir/first" && events "$dir/second"; } | tr '\n' ' ')" "$(seq 0 $((end - 1)) | tr '\n' ' ')"
same 'filtered by type' "$(curl -sN --max-time 2 -H "Authorization: Bearer $token" \
    "$base/subscribe?from=0&type=event" | sed -n 's/^data: //p' | grep -vc '"type":"event"')" 0
kill $follower 2>/dev/null || true
wait $follower 2>/dev/null || true
expect 200 '"is_behind":true' POST /sql "SELECT nextval('down') < -3 AS is_behind"
expect 200 '"nextval":11}' POST /sql "SELECT nextval('set_back')"
expect 200 '"value":"seven"' GET '/lookup?key=7'

# A client that is alone commits on its own loop, unless the disk has just been slow: then it is tried again.
own_groups() { call GET /metrics | grep -c '^kyrodb_log_groups_by_committer_total [1-9]'; }
for i in $(seq 30); do
    psql -qX -h 127.0.0.1 -p $((port + 1)) -U postgres -d postgres -c 'SELECT pg_sleep(0.3)' \
        -c "INSERT INTO t VALUES (900 + $i, '')" >/dev/null
    [ "$(own_groups)" = 1 ] && break
done
same 'groups written by their committer' "$(own_groups)" 1

# Metrics. A vector index has its own, under a name that has to be escaped here.
expect 200 'CREATE' POST /sql 'CREATE TABLE odd (v vector(2))'
expect 200 'CREATE' POST /sql 'CREATE INDEX "odd ""one"" \" ON odd USING hnsw (v vector_l2_ops)'
expect 200 '"INSERT"' POST /sql "INSERT INTO odd VALUES ('[1,2]'), ('[3,4]')"
expect 200 '"v"' POST /sql "SELECT v FROM odd ORDER BY v <-> '[1,2]' LIMIT 1"
# So has a learned index; what a B-tree has not is left out for it.
expect 200 'CREATE' POST /sql 'CREATE TABLE learned (k bigint)'
expect 200 '"INSERT"' POST /sql 'INSERT INTO learned SELECT n * 3 FROM generate_series(1, 20000) n'
expect 200 'CREATE' POST /sql 'CREATE INDEX learned_k ON learned USING rmi (k)'
call GET /metrics | sed '$d' >"$dir/metrics"
grep -q '^kyrodb_' "$dir/metrics" || { echo "no metrics" && failures=$((failures + 1)); }
labels='{schema="public",table="odd",index="odd \"one\" \\"}'
for sample in "entries$labels 2" "searches_total$labels 1"; do
    grep -qxF "kyrodb_vector_index_$sample" "$dir/metrics" ||
        { echo "no kyrodb_vector_index_$sample" && failures=$((failures + 1)); }
done
labels='{schema="public",table="learned",index="learned_k"}'
for sample in "index_entries$labels 20000" "learned_index_run_entries$labels 20000" "learned_index_rebuilds_total$labels 1"; do
    grep -qxF "kyrodb_$sample" "$dir/metrics" || {
        echo "no kyrodb_$sample, but" && grep learned_k "$dir/metrics" && failures=$((failures + 1))
    }
done
same 'families of learned indexes' "$(grep -c '^kyrodb_learned_index_.*table="learned"' "$dir/metrics")" 17
same 'a B-tree among the learned' "$(grep '^kyrodb_learned_index_' "$dir/metrics" | grep -vc 'table="learned"')" 0
grep -q '^kyrodb_index_bytes{.*index="t_pkey"} [1-9]' "$dir/metrics" ||
    { echo "no bytes of a B-tree" && failures=$((failures + 1)); }
if command -v promtool >/dev/null; then
    complaints=$(promtool check metrics <"$dir/metrics" 2>&1 || true)
    [ -z "$complaints" ] || { echo "promtool: $complaints" && failures=$((failures + 1)); }
else
    echo "promtool is not installed (package prometheus): metrics are not checked"
fi

stop -TERM

# Events that compaction took with their log are gone, and the answer says where to go on.
start --log-retention-bytes 0 --max-slot-keep-bytes 0
expect 200 '"INSERT"' POST /sql "INSERT INTO t SELECT i, repeat('x', 1000) FROM generate_series(1000, 6000) i"
expect 200 '"lsn":' POST /snapshot
expect 200 '' POST /compact
expect 410 '"earliest":[1-9]' GET '/replay?start=0'
earliest=$(call GET '/replay?start=0' | sed -n 's/.*"earliest":\([0-9]*\).*/\1/p')
expect 410 "\"earliest\":$earliest" GET '/subscribe?from=0'
expect 410 '' GET "/replay?start=$((earliest - 1))"
expect 200 '' GET "/replay?start=$earliest&limit=1"
expect 200 '"value":"seven"' GET '/lookup?key=7'

stop -TERM
pid=
[ "$failures" = 0 ]

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# kyrodbctl against a started server: every command, its answer and its exit status.
# Usage: ctl.sh KYRODB KYRODBCTL
set -euo pipefail
kyrodb=$1
kyrodbctl=$2
dir=$(mktemp -d "${TMPDIR:-/tmp}/kyro-ctl.XXXXXX")
http_port=$((20000 + RANDOM % 10000))
failures=0

"$kyrodb" serve --data-dir "$dir/data" --port $((http_port + 1)) --http-port $http_port --socket-dir "" \
    --auth-token secret >"$dir/log" 2>&1 &
pid=$!
trap 'kill $pid 2>/dev/null || true; wait $pid 2>/dev/null || true; rm -rf "$dir"' EXIT

ctl() { "$kyrodbctl" -e "http://127.0.0.1:$http_port" --token secret "$@"; }

# expect STATUS PATTERN ARGUMENTS..: standard output and error together match the pattern.
expect() {
    local status=$1 pattern=$2 output got=0
    shift 2
    output=$(ctl "$@" 2>&1) || got=$?
    if [ "$got" != "$status" ] || ! grep -qE -- "$pattern" <<<"$output"; then
        echo "kyrodbctl $*: status $got (wanted $status), output (wanted /$pattern/):"
        echo "$output"
        failures=$((failures + 1))
    fi
}

for _ in $(seq 100); do
    ctl ready >/dev/null 2>&1 && break
    sleep 0.1
done

expect 0 '"status":"ok"' health
expect 0 '"status":"ready"' ready
expect 0 '^kyrodb_sessions ' metrics
expect 0 '^ready +yes' status
expect 0 '"next":' offset
expect 0 '"lsn":".*"files":' backup "$dir/backup"
expect 1 'not empty' backup "$dir/backup"
expect 0 '"damaged":0' verify "$dir/backup"
expect 0 'restored; the log ends at ' restore --from "$dir/backup" --data-dir "$dir/restored"
expect 2 'usage: kyrodb restore' restore --from "$dir/backup"
expect 0 '"damaged":0' verify "$dir/restored"

expect 0 '^\[\{"n":8\}\]$' sql 'SELECT $1::int + 1 AS n' 7
expect 0 '"offset":' put 7 seven
expect 0 '\{"key":7,"value":"seven"\}' lookup 7
expect 1 'HTTP 404' lookup 8
expect 0 '"replayed":false' append '{"order": 1}' --id a
expect 0 '"replayed":true' append '{"order": 1}' --id a
expect 1 'HTTP 409' append '{"order": 2}' --id a
expect 0 '"payload":\{"order": ?1\}' replay --start 0
expect 0 '"offset":' vector-insert 1 '[0.5, 1]' --table docs
expect 0 '"key":1' vector-search '[0.5, 1]' --k 1 --table docs
expect 0 '"lsn":' snapshot
expect 0 'commits/s' top --rounds 1
got=$("$kyrodb" serve --data-dir "$dir/never" --busy-poll maybe 2>&1) &&
    echo "--busy-poll maybe started a server" && failures=$((failures + 1))
grep -q 'busy-poll' <<<"$got" || { echo "--busy-poll maybe: $got" && failures=$((failures + 1)); }
expect 1 '42P01' sql 'SELECT * FROM nowhere'
expect 2 'takes KEY VALUE' put 7
expect 2 'unknown command' nonsense
expect 2 'unknown option' --nonsense health
if "$kyrodbctl" -e "http://127.0.0.1:$http_port" --token wrong offset >/dev/null 2>&1; then
    echo "a wrong token was accepted"
    failures=$((failures + 1))
fi

# A live event, from a subscriber that was there before it.
ctl subscribe --from 0 >"$dir/events" 2>/dev/null &
subscriber=$!
ctl append '"live"' >/dev/null
for _ in $(seq 50); do
    grep -q '"payload":"live"' "$dir/events" && break
    sleep 0.1
done
kill $subscriber
wait $subscriber 2>/dev/null || true
grep -q '"payload":"live"' "$dir/events" || {
    echo "subscribe did not show the event"
    failures=$((failures + 1))
}

[ "$failures" = 0 ]

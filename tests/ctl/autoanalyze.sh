#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Tables of which much has changed are analyzed by themselves, others are not, and what pg_stat_user_tables says of them.
#
# Usage: autoanalyze.sh KYRODB
set -euo pipefail
kyrodb=$1
dir=$(mktemp -d "${TMPDIR:-/tmp}/kyro-autoanalyze.XXXXXX")
port=$((20000 + RANDOM % 10000))
failures=0
pid=

start() { # [OPTIONS..]
    "$kyrodb" serve --data-dir "$dir/data" --port $port --http-port 0 --socket-dir "" "$@" >>"$dir/log" 2>&1 &
    pid=$!
    for _ in $(seq 300); do
        sql 'SELECT 1' >/dev/null 2>&1 && return
        sleep 0.1
    done
    echo "the server did not get ready" && cat "$dir/log" && exit 1
}
stop() { kill "$pid" && wait "$pid" && pid=; }
cleanup() {
    [ -z "$pid" ] || kill -KILL "$pid" 2>/dev/null || true
    rm -rf "$dir"
}
trap cleanup EXIT
sql() { psql -h 127.0.0.1 -p $port -U postgres -d postgres -qAtX -v ON_ERROR_STOP=1 -c "$1"; }
expect() { # WHAT WANTED GOT
    if [ "$2" != "$3" ]; then
        echo "$1: wanted $2, got $3"
        failures=$((failures + 1))
    fi
}
until_is() { # WANTED QUERY: waits for it
    local got=
    for _ in $(seq 300); do
        got=$(sql "$2")
        [ "$got" = "$1" ] && return
        sleep 0.1
    done
    expect "$2" "$1" "$got"
}
activity="SELECT n_live_tup, n_mod_since_analyze, analyze_count, autoanalyze_count FROM pg_stat_user_tables WHERE relname ="

start --autoanalyze off
sql 'CREATE TABLE big (a int, b text); CREATE TABLE few (a int); CREATE SCHEMA "odd ""one"; CREATE TABLE "odd ""one"."T" (a int)'
sql "INSERT INTO big SELECT i, 'v' || i % 10 FROM generate_series(1, 2000) i; INSERT INTO few SELECT generate_series(1, 20)"
sql 'INSERT INTO "odd ""one"."T" SELECT generate_series(1, 100)'
expect 'before' '2000|2000|0|0' "$(sql "$activity 'big'")"
expect 'a time' 't' "$(sql "SELECT last_analyze IS NULL AND last_autoanalyze IS NULL FROM pg_stat_user_tables WHERE relname = 'big'")"
sql 'ANALYZE big (a)'
expect 'one column' '2000|2000|0|0' "$(sql "$activity 'big'")"
sql 'ANALYZE big'
expect 'asked to' '2000|0|1|0' "$(sql "$activity 'big'")"
expect 'kinds of tables' 't|t|f' "$(sql "SELECT (SELECT count(*) FROM pg_stat_sys_tables WHERE relname = 'pg_class') = 1,
    (SELECT count(*) FROM pg_stat_all_tables) = (SELECT count(*) FROM pg_stat_sys_tables) + (SELECT count(*) FROM pg_stat_user_tables),
    EXISTS (SELECT FROM pg_stat_user_tables WHERE schemaname = 'pg_catalog')")"
sql "UPDATE big SET b = 'w' WHERE a <= 100"
stop

# A restart forgets nothing of it; what has no statistics is due.
start --autoanalyze-naptime 1
until_is 1 "SELECT autoanalyze_count FROM pg_stat_user_tables WHERE relname = 'T'"
expect 'with statistics' '2000|100|1|0' "$(sql "$activity 'big'")"
expect 'too few rows' '20|20|0|0' "$(sql "$activity 'few'")"
expect 'its statistics' 1 "$(sql "SELECT count(*) FROM pg_stats WHERE tablename = 'T'")"
sql "UPDATE big SET b = 'w' WHERE a <= 150"
expect 'not enough' '2000|250|1|0' "$(sql "$activity 'big'")"
sql 'DELETE FROM big WHERE a <= 10'
until_is '1990|0|1|1' "$activity 'big'"
sql 'TRUNCATE big'
sql "INSERT INTO big SELECT i, 'x' FROM generate_series(1, 100) i"
until_is '100|0|1|2' "$activity 'big'"
# It does not wait for locks, and the others go on.
sql "CREATE TABLE held (a int); INSERT INTO held SELECT generate_series(1, 100)"
(sql "BEGIN; LOCK TABLE held IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(4); COMMIT" >/dev/null) &
sql "CREATE TABLE later (a int); INSERT INTO later SELECT generate_series(1, 100)"
until_is 1 "SELECT autoanalyze_count FROM pg_stat_user_tables WHERE relname = 'later'"
wait $!
until_is 1 "SELECT autoanalyze_count FROM pg_stat_user_tables WHERE relname = 'held'"
sql 'DROP TABLE big, held, later'
expect 'dropped' 0 "$(sql "SELECT count(*) FROM pg_stat_user_tables WHERE relname IN ('big', 'held')")"
stop
grep -q 'table analyzed table="odd ""one"."T"' "$dir/log" || { echo 'not in the log' && failures=$((failures + 1)); }
grep -q 'skipping analyze of table="public"."held"' "$dir/log" || { echo 'no skip in the log' && failures=$((failures + 1)); }
grep 'not analyzed' "$dir/log" && failures=$((failures + 1))

[ $failures = 0 ] || { cat "$dir/log"; exit 1; }
echo "tables are analyzed by themselves"

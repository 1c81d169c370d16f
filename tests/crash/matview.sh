#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Materialized views after kills: rows, indexes and whether there are any come from the log, from a checkpoint, and from both; a
# refresh that did not commit left what there was.
# Usage: matview.sh KYRODB
set -euo pipefail
. "$(dirname "$0")/killed_server.sh"

check() { # WHAT SUM
    same "$1: sum" "$2" "$(sql -c 'SELECT sum(v) FROM m')"
    same "$1: by key" "$(($2 / 1000))" "$(sql -c 'SET enable_seqscan = off' -c 'SELECT v FROM m WHERE id = 777')"
    same "$1: populated" 'bare|f m|t' \
        "$(sql -c "SELECT string_agg(matviewname || '|' || left(ispopulated::text, 1), ' ' ORDER BY matviewname) FROM pg_matviews")"
    ! sql -c 'SELECT * FROM bare' 2>"$dir/err"
    grep -q 'has not been populated' "$dir/err"
}

start
sql -c "CREATE TABLE t (id int, v int)" -c "INSERT INTO t SELECT i, 1 FROM generate_series(1, 1000) AS i" \
    -c "CREATE MATERIALIZED VIEW m AS SELECT * FROM t" -c "CREATE UNIQUE INDEX ON m (id)" -c "CREATE INDEX ON m USING rmi (v)" \
    -c "CREATE MATERIALIZED VIEW bare AS SELECT * FROM m WITH NO DATA"
killed
check "log" 1000
sql -c "UPDATE t SET v = 2" -c "REFRESH MATERIALIZED VIEW m"
killed
check "refreshed" 2000
sql -c "CHECKPOINT" -c "UPDATE t SET v = 3" -c "REFRESH MATERIALIZED VIEW CONCURRENTLY m"
killed
check "checkpoint and log" 3000
sql -c "CHECKPOINT"
killed
check "checkpoint" 3000

# None of these commits.
sql -c "UPDATE t SET v = 4" -c "CREATE TABLE other (a int)"
for how in "REFRESH MATERIALIZED VIEW m" "REFRESH MATERIALIZED VIEW CONCURRENTLY m" "REFRESH MATERIALIZED VIEW m WITH NO DATA" \
    "CREATE MATERIALIZED VIEW lost AS SELECT 1" "DROP MATERIALIZED VIEW m"; do
    sql -c "BEGIN" -c "$how" -c "SELECT pg_sleep(100)" >/dev/null 2>&1 &
    sleep 0.3
    sql -c "INSERT INTO other VALUES (1)"
    killed
    check "uncommitted $how" 3000
done
same "others" 5 "$(sql -c 'SELECT count(*) FROM other')"

sql -c "REFRESH MATERIALIZED VIEW bare" -c "REFRESH MATERIALIZED VIEW m WITH NO DATA"
killed
same "bare" 3000 "$(sql -c 'SELECT sum(v) FROM bare')"
same "emptied" 'f' "$(sql -c "SELECT relispopulated FROM pg_class WHERE relname = 'm'")"
sql -c "DROP TABLE t CASCADE" 2>/dev/null
killed
same "dropped" 0 "$(sql -c "SELECT count(*) FROM pg_class WHERE relname IN ('m', 'bare', 'm_id_idx')")"
kill -TERM $pid
wait $pid
pid=

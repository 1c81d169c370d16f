#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Prometheus's exporter for PostgreSQL (Debian's package prometheus-postgres-exporter) reads a server's statistics: every
# family that a PostgreSQL 15 gives it is there, and says what was done.
#
# Usage: exporter_client.sh PORT
set -euo pipefail
port=$1
dir=$(mktemp -d "${TMPDIR:-/tmp}/kyro-exporter.XXXXXX")
exporter=
cleanup() {
    [ -z "$exporter" ] || kill "$exporter" 2>/dev/null || true
    wait 2>/dev/null || true
    rm -rf "$dir"
}
trap cleanup EXIT
sql() { psql -qAtX "host=127.0.0.1 port=$port user=postgres dbname=postgres" -v ON_ERROR_STOP=1 "$@"; }

sql -c 'DROP TABLE IF EXISTS exported' -c 'CREATE TABLE exported (id int PRIMARY KEY, v int)' 2>/dev/null
sql -c 'INSERT INTO exported SELECT i, i FROM generate_series(1, 1000) i' -c 'UPDATE exported SET v = 0 WHERE id <= 10' \
    -c 'DELETE FROM exported WHERE id = 1000' -c 'SELECT count(*) FROM exported WHERE v > 5' \
    -c 'BEGIN' -c 'DELETE FROM exported' -c 'ROLLBACK' -c CHECKPOINT >/dev/null

# By itself this exporter looks at the database as a whole; what it is to say of tables is told it, as its users do.
family() { # NAME LABELS COUNTERS
    echo "$1:"
    echo "  query: SELECT $(echo "$2 $3" | sed 's/ /, /g') FROM $1"
    echo '  metrics:'
    for column in $2; do echo "    - $column: {usage: LABEL, description: name}"; done
    for column in $3; do echo "    - $column: {usage: COUNTER, description: count}"; done
}
{
    family pg_stat_user_tables 'schemaname relname' \
        'seq_scan seq_tup_read idx_scan idx_tup_fetch n_tup_ins n_tup_upd n_tup_del n_live_tup n_dead_tup'
    family pg_stat_user_indexes 'schemaname relname indexrelname' 'idx_scan idx_tup_read idx_tup_fetch'
    family pg_stat_wal stats_reset 'wal_records wal_bytes wal_sync'
} >"$dir/queries.yaml"

listen=127.0.0.1:$((30000 + RANDOM % 2000))
DATA_SOURCE_NAME="postgresql://postgres@127.0.0.1:$port/postgres?sslmode=disable" \
    prometheus-postgres-exporter --web.listen-address=$listen --extend.query-path="$dir/queries.yaml" >"$dir/log" 2>&1 &
exporter=$!
failures=0
fail() { echo "$*" && failures=$((failures + 1)); }
value() { # FAMILY [LABEL]: the sample's value
    awk -v family="$1" -v label="${2:-}" \
        'index($1, family) == 1 && substr($1, length(family) + 1, 1) ~ /^[{]?$/ && index($0, label) {print $NF; exit}' "$dir/metrics"
}
expect() { # WANTED FAMILY [LABEL]
    local got
    got=$(value "${@:2}")
    awk -v got="$got" -v wanted="$1" 'BEGIN {exit !(got != "" && (wanted == "some" ? got > 0 : got == wanted))}' ||
        fail "$2 ${3:-}: wanted $1, got ${got:-nothing}"
}
# The server tells of what a session did a moment after it ended.
for _ in $(seq 100); do
    curl -sf "http://$listen/metrics" >"$dir/metrics" && [ "$(value pg_stat_user_tables_n_tup_del 'relname="exported"')" = 1000 ] && break
    sleep 0.1
done

expect 1 pg_up
expect 0 pg_exporter_last_scrape_error
expect 1 pg_scrape_collector_success 'collector="bgwriter"'
expect 1 pg_scrape_collector_success 'collector="database"'
table='relname="exported"'
expect 1000 pg_stat_user_tables_n_tup_ins "$table"
expect 10 pg_stat_user_tables_n_tup_upd "$table"
expect 1000 pg_stat_user_tables_n_tup_del "$table"
expect 999 pg_stat_user_tables_n_live_tup "$table"
expect some pg_stat_user_tables_seq_scan "$table"
expect some pg_stat_user_tables_seq_tup_read "$table"
expect some pg_stat_user_tables_idx_scan "$table"
database='datname="postgres"'
expect some pg_stat_database_numbackends "$database"
expect some pg_stat_database_xact_commit "$database"
expect some pg_stat_database_xact_rollback "$database"
expect some pg_stat_database_tup_inserted "$database"
expect 0 pg_stat_database_conflicts_confl_lock "$database"
expect some pg_stat_bgwriter_checkpoints_req_total
expect some pg_database_size_bytes "$database"
expect some pg_stat_activity_count "$database"
expect some pg_stat_user_indexes_idx_scan 'indexrelname="exported_pkey"'
expect some pg_stat_wal_wal_bytes
for family in pg_stat_archiver_archived_count pg_stat_database_deadlocks pg_stat_database_temp_bytes pg_locks_count \
    pg_static pg_settings_max_connections; do
    [ -n "$(value $family)" ] || fail "$family: nothing"
done
grep -E 'level=(warn|error)' "$dir/log" && fail 'the exporter complained'
[ $failures = 0 ] || exit 1
echo "the exporter reads $(grep -c '^pg_' "$dir/metrics") samples"

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Inverted indexes (gin) beside PostgreSQL 15's, both durable on the same disk: how long CREATE INDEX takes over ROWS documents, what the
# index weighs, conditions on one key and on two, and INSERT with the indexes there. Medians of ROUNDS interleaved rounds.
#
#   bench/load/inverted.sh [ROWS=200000] [ROUNDS=5] [SECONDS=3]
#
# Needs build/release and postgresql-15 with pgbench; see servers.sh.
set -euo pipefail
cd "$(dirname "$0")/../.."
rows=${1:-200000}
rounds=${2:-5}
seconds=${3:-3}
. bench/load/servers.sh
servers_init
start_pg
start_ky

for port in $pg_port $ky_port; do
    wait_for "$port"
    sql_at "$port" -c 'CREATE TABLE d (id int PRIMARY KEY, e jsonb, tags text[])'
    sql_at "$port" -c "INSERT INTO d SELECT i, jsonb_build_object('k', i, 'source', 'file ' || i % 500, 'page', i % 40,
        'author', jsonb_build_object('name', 'name ' || i % 2000, 'year', 1990 + i % 30), 'tags', jsonb_build_array('t' || i % 100, 'u' || i % 7)),
        ARRAY['t' || i % 100, 'u' || i % 7, 'v' || i % 3000] FROM generate_series(1, $rows) i"
    sql_at "$port" -c 'CHECKPOINT'
done

built() { # PORT DEFINITION: milliseconds
    sql_at "$1" -c 'DROP INDEX IF EXISTS ix' 2>/dev/null
    local begin
    begin=$(date +%s%N)
    sql_at "$1" -c "CREATE INDEX ix ON d USING gin ($2)"
    echo $((($(date +%s%N) - begin) / 1000000))
}
weighs() { sql_at "$1" -c "SELECT round(pg_relation_size('ix') / 1000000.0, 1)"; }

line() { # WHAT KYRO PG
    printf '%-52s %12s %12s %8s\n' "$1" "$2" "$3" "$(ratio "$2" "$3")"
}
about
echo "$rows rows, $rounds rounds of $seconds s"
printf '%-52s %12s %12s %8s\n' "" kyrodb postgresql ratio
for definition in "e" "e jsonb_path_ops" "tags"; do
    : >"$dir/ky.times" && : >"$dir/pg.times"
    for _ in $(seq "$rounds"); do
        built "$ky_port" "$definition" >>"$dir/ky.times"
        built "$pg_port" "$definition" >>"$dir/pg.times"
    done
    line "CREATE INDEX gin ($definition), ms" "$(median <"$dir/ky.times")" "$(median <"$dir/pg.times")"
    line "  MB" "$(weighs "$ky_port")" "$(weighs "$pg_port")"
done

for port in $pg_port $ky_port; do
    sql_at "$port" -c 'DROP INDEX ix'
    sql_at "$port" -c 'CREATE INDEX d_e ON d USING gin (e jsonb_path_ops)'
    sql_at "$port" -c 'CREATE INDEX d_tags ON d USING gin (tags)'
    sql_at "$port" -c 'VACUUM ANALYZE d'
done

# NAME, what it is, the script, how pgbench sends it
cat >"$dir/one" <<EOT
\set k random(1, $rows)
SELECT id FROM d WHERE e @> ('{"k": ' || :k || '}')::jsonb
EOT
cat >"$dir/source" <<EOT
\set k random(0, 499)
SELECT count(*), max(id) FROM d WHERE e @> ('{"source": "file ' || :k || '"}')::jsonb
EOT
cat >"$dir/two" <<EOT
\set k random(0, 99)
\set u random(0, 6)
SELECT count(*) FROM d WHERE tags @> ARRAY['t' || :k, 'u' || :u]
EOT
cat >"$dir/any" <<EOT
\set k random(0, 2999)
SELECT count(*) FROM d WHERE tags && ARRAY['v' || :k, 'v' || (:k + 1) % 3000]
EOT
cat >"$dir/insert" <<EOT
\set k random(1, 1000000000)
INSERT INTO d SELECT nextval('s'), jsonb_build_object('k', (:k)::int, 'source', 'file ' || (:k)::int % 500, 'page', (:k)::int % 40), ARRAY['t' || (:k)::int % 100, 'v' || (:k)::int % 3000]
EOT
for port in $pg_port $ky_port; do sql_at "$port" -c "CREATE SEQUENCE s START $((rows + 1))"; done

tps() { # PORT SCRIPT CLIENTS
    # shellcheck disable=SC2046
    "$pgbin/pgbench" -n $(conn "$1") -M prepared -c "$3" -j "$(nproc)" -T "$seconds" -f "$dir/$2" postgres 2>/dev/null |
        awk '/^tps/ {printf "%.0f\n", $3}'
}
compare() { # WHAT SCRIPT CLIENTS
    : >"$dir/ky.tps" && : >"$dir/pg.tps"
    for _ in $(seq "$rounds"); do
        tps "$ky_port" "$2" "$3" >>"$dir/ky.tps"
        tps "$pg_port" "$2" "$3" >>"$dir/pg.tps"
    done
    line "$1, tps" "$(median <"$dir/ky.tps")" "$(median <"$dir/pg.tps")"
}
compare "e @> '{\"k\": n}', 1 row, 1 client" one 1
compare "e @> '{\"k\": n}', 1 row, 8 clients" one 8
compare "e @> '{\"source\": n}', $((rows / 500)) rows, 1 client" source 1
compare "tags @> two, $((rows / 700)) rows, 1 client" two 1
compare "tags && two, $((rows / 1500)) rows, 1 client" any 1
compare "INSERT, two gin indexes, 8 clients" insert 8

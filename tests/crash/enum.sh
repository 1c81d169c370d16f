#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Enum types and their values after kills: from the log, from a checkpoint, and from both. What was not committed is gone,
# and a dropped type takes nothing with it that a later start would miss.
# Usage: enum.sh KYRODB
set -euo pipefail
. "$(dirname "$0")/killed_server.sh"

check() { # WHAT LABELS ROWS
    same "$1: labels" "$2" "$(sql -c 'SELECT enum_range(NULL::mood)')"
    same "$1: rows" "$3" "$(sql -c "SELECT string_agg(id || m::text || coalesce(ms::text, ''), ' ' ORDER BY m, id) FROM t")"
    same "$1: by key" "1" "$(sql -c "SELECT id FROM t WHERE m = 'ok' AND id = 1")"
}

start
sql -c "CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy')" \
    -c "CREATE TABLE t (id int, m mood DEFAULT 'ok', ms mood[], gone mood, CHECK (m <> 'sad'))" \
    -c "CREATE INDEX ON t (m, id)" \
    -c "INSERT INTO t VALUES (1, DEFAULT, '{sad,happy}', 'sad'), (2, 'happy', NULL, 'ok')"
killed
check "log" '{sad,ok,happy}' '1ok{sad,happy} 2happy'
sql -c "CHECKPOINT" -c "ALTER TYPE mood ADD VALUE 'mid' BEFORE 'happy'" -c "INSERT INTO t VALUES (3, 'mid')"
killed
check "checkpoint and log" '{sad,ok,mid,happy}' '1ok{sad,happy} 3mid 2happy'

# Neither commits.
sql -c "BEGIN" -c "ALTER TYPE mood ADD VALUE 'lost'" -c "CREATE TYPE lost AS ENUM ('x')" -c "SELECT pg_sleep(100)" \
    >/dev/null 2>&1 &
sleep 1
sql -c "INSERT INTO t VALUES (4, 'happy')"
killed
check "uncommitted" '{sad,ok,mid,happy}' '1ok{sad,happy} 3mid 2happy 4happy'
same "uncommitted type" 0 "$(sql -c "SELECT count(*) FROM pg_type WHERE typname = 'lost'")"

# A column and then its type go; rows keep their bytes.
sql -c "CREATE TYPE other AS ENUM ('a', 'b')" -c "ALTER TABLE t ADD COLUMN o other DEFAULT 'b', ADD COLUMN os other[] DEFAULT '{a}'" \
    -c "INSERT INTO t (id, o) VALUES (5, 'a')" -c "DROP TYPE other CASCADE" 2>/dev/null
sql -c "ALTER TYPE mood RENAME VALUE 'ok' TO 'fine'" -c "ALTER TYPE mood RENAME TO feeling" -c "INSERT INTO t (id) VALUES (6)"
killed
same "renamed" '1fine 5fine 6fine 3mid 2happy 4happy' \
    "$(sql -c "SELECT string_agg(id || m::text, ' ' ORDER BY m, id) FROM t")"
sql -c "CHECKPOINT"
killed
same "after a checkpoint" '1fine 5fine 6fine 3mid 2happy 4happy' \
    "$(sql -c "SELECT string_agg(id || m::text, ' ' ORDER BY m, id) FROM t")"
same "default" "'fine'::feeling" \
    "$(sql -c "SELECT column_default FROM information_schema.columns WHERE table_name = 't' AND column_name = 'm'")"
sql -c "CREATE TYPE other AS ENUM ('c')" -c "ALTER TABLE t ADD COLUMN o other DEFAULT 'c'"
same "new type" 'c' "$(sql -c 'SELECT o FROM t WHERE id = 1')"

# Domains and what is of them.
sql -c "CREATE DOMAIN posint AS int DEFAULT 3 CHECK (VALUE > 0)" -c "CREATE DOMAIN small AS posint NOT NULL CHECK (VALUE < 10)" \
    -c "CREATE TABLE d (id int, p posint, s small)" -c "INSERT INTO d VALUES (1, 2, 3)"
killed
same "domain default" '2|3|3' "$(sql -c "INSERT INTO d (id, s) VALUES (2, 3) RETURNING id, p, s")"
for value in "0, 1" "1, 10" "1, NULL"; do
    ! sql -c "INSERT INTO d VALUES (3, $value)" 2>/dev/null
done
sql -c "CHECKPOINT" -c "ALTER DOMAIN posint ADD CONSTRAINT few CHECK (VALUE < 5)" -c "ALTER DOMAIN small DROP NOT NULL"
killed
! sql -c "INSERT INTO d VALUES (3, 6, 1)" 2>/dev/null
same "altered domain" '2' "$(sql -c "INSERT INTO d VALUES (4, 1, NULL)" -c "SELECT max(p) - 1 FROM d")"
sql -c "DROP DOMAIN small CASCADE" 2>/dev/null
killed
same "column of a dropped domain" 'id,p' \
    "$(sql -c "SELECT string_agg(column_name, ',' ORDER BY ordinal_position) FROM information_schema.columns WHERE table_name = 'd'")"
kill -TERM $pid
wait $pid
pid=

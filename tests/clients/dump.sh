#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# pg_dump of one server, restored into another, dumps the same; and psql's describing commands answer.
# Usage: dump.sh KYRODB
set -euo pipefail
kyrodb=$1
command -v pg_dump >/dev/null || { echo "skipped: pg_dump is not installed"; exit 77; }
dir=$(mktemp -d "${TMPDIR:-/tmp}/kyro-dump.XXXXXX")
port=$((20000 + RANDOM % 10000))
pids=()
trap 'kill "${pids[@]}" 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$dir"' EXIT
export PGHOST=127.0.0.1 PGUSER=postgres PGDATABASE=postgres

for n in 0 1; do
    "$kyrodb" serve --data-dir "$dir/$n" --port $((port + n)) --http-port 0 --socket-dir "" >"$dir/log$n" 2>&1 &
    pids+=($!)
done
for n in 0 1; do
    for _ in $(seq 200); do
        psql -XqAt -p $((port + n)) -c 'SELECT 1' >/dev/null 2>&1 && break
        sleep 0.05
    done
done

psql -Xq -p $port -v ON_ERROR_STOP=1 <<'SQL'
CREATE SCHEMA shop;
CREATE TABLE shop.item (id serial PRIMARY KEY, name text NOT NULL UNIQUE, price numeric(8,2) DEFAULT 3.5 CHECK (price > 0));
CREATE INDEX item_lower ON shop.item (lower(name)) WHERE price > 1;
INSERT INTO shop.item (name, price) VALUES ('apple', 1.2), (E'tab\there', 9), ('null price', NULL);
CREATE TABLE sale (item int REFERENCES shop.item ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    at timestamptz DEFAULT now(), n int GENERATED ALWAYS AS IDENTITY, PRIMARY KEY (n));
INSERT INTO sale (item, at) VALUES (1, '2026-01-02 03:04:05Z'), (2, '2026-01-03Z');
CREATE VIEW a_view AS SELECT *, price * 2 AS twice FROM shop.item JOIN sale ON item = id;
CREATE VIEW z_view AS SELECT count(*) AS n FROM a_view;
CREATE DOMAIN posint AS int DEFAULT 1 CONSTRAINT pos CHECK (VALUE > 0);
CREATE DOMAIN shop.small AS posint NOT NULL CHECK (VALUE < 10);
COMMENT ON DOMAIN posint IS 'from one on';
CREATE TABLE of_domain (p posint, s shop.small DEFAULT 4);
INSERT INTO of_domain VALUES (5, 6);
CREATE VIEW cast_view AS SELECT 5::posint AS five, p FROM of_domain;
CREATE MATERIALIZED VIEW kept (n, twice) AS SELECT n, twice FROM a_view;
CREATE UNIQUE INDEX kept_n ON kept (n);
CREATE MATERIALIZED VIEW shop.bare AS SELECT name FROM shop.item WITH NO DATA;
CREATE VIEW over AS SELECT count(*) FROM kept;
COMMENT ON MATERIALIZED VIEW kept IS 'of a day';
COMMENT ON TABLE sale IS 'what was sold';
CREATE SEQUENCE counter START 5 INCREMENT 3;
SELECT nextval('counter'), nextval('counter');
CREATE VECTORS docs (dim 2, title text);
INSERT INTO docs VALUES (1, [0.5, 1], 'one');
SQL

pg_dump -p $port | grep -v restrict >"$dir/first.sql"
psql -Xq -p $((port + 1)) -v ON_ERROR_STOP=1 -f "$dir/first.sql" >/dev/null
pg_dump -p $((port + 1)) | grep -v restrict >"$dir/second.sql"
diff "$dir/first.sql" "$dir/second.sql"
grep -q 'CREATE VIEW public.a_view' "$dir/first.sql"
# The copy works on its own: keys, identity, views.
psql -XqAt -p $((port + 1)) -v ON_ERROR_STOP=1 -c "INSERT INTO shop.item (name) VALUES ('new') RETURNING id" \
    -c "SELECT n FROM z_view" -c "SELECT nextval('counter')" -c "SELECT * FROM kept WHERE n = 2" \
    -c "SELECT matviewname, ispopulated FROM pg_matviews ORDER BY 1" >"$dir/answers"
diff - "$dir/answers" <<<$'4\n2\n11\n2|18.00\nbare|f\nkept|t'

failed=0
for command in '\d' '\d shop.item' '\d sale' '\d+ a_view' '\dt+' '\di+' '\ds' '\dv' '\dm+' '\dD+' '\d of_domain' '\d+ kept' '\d shop.bare' '\dn+' '\du' '\l' '\dx' '\df lower' \
    '\da avg' '\do =' '\dT' '\dC' '\db' '\dp' '\dd' '\d counter' '\dA' '\dconfig work_mem'; do
    psql -Xq -p $port -c "$command" >"$dir/out" 2>"$dir/err" || true
    if [ -s "$dir/err" ]; then
        echo "psql $command: $(head -n 2 "$dir/err")"
        failed=1
    fi
done
exit $failed

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# COPY from and to files of the server. What must come out was printed by a PostgreSQL 15, but for the lines of the last
# part, which are KyroDB's own. psql's answers; the directory of the files is DIR, "PostgreSQL server" is "server".
#
# Usage: copy_file.sh KYRODB | --peer PORT
set -euo pipefail
dir=$(mktemp -d "${TMPDIR:-/tmp}/kyro-copy-file.XXXXXX")
mkdir "$dir/files" && chmod 755 "$dir" && chmod 777 "$dir/files"
pid=
if [ "$1" = --peer ]; then
    port=$2
else
    port=$((20000 + RANDOM % 10000))
    "$1" serve --data-dir "$dir/data" --port $port --http-port $((port + 1)) --socket-dir "" >"$dir/log" 2>&1 &
    pid=$!
fi
cleanup() {
    [ -z "$pid" ] || { kill "$pid" && wait "$pid" || true; }
    rm -rf "$dir"
}
trap cleanup EXIT
run() { psql -h 127.0.0.1 -p $port -U postgres -d postgres -qAtX -v VERBOSITY=verbose -v file="$dir/files/$1" -f - 2>&1; }
shown() { sed -E "s|^psql:[^ ]* ||; s|$dir|DIR|g; s|PostgreSQL server|server|; /^LOCATION/d"; }
for _ in $(seq 300); do
    echo 'SELECT 1' | run none >/dev/null 2>&1 && break
    sleep 0.1
done

run rows <<'SQL' | shown >"$dir/out"
CREATE TABLE copied (a int PRIMARY KEY, b text);
INSERT INTO copied VALUES (1, 'one'), (2, E'tab\tand \\'), (3, NULL);
\echo text
COPY copied TO :'file';
COPY copied FROM :'file';
TRUNCATE copied;
COPY copied FROM :'file' WHERE a <> 2;
SELECT * FROM copied;
\echo csv, shorter than what was there
COPY (SELECT b, a FROM copied ORDER BY a DESC) TO :'file' WITH (FORMAT csv, HEADER, FORCE_QUOTE (b));
COPY copied (b, a) FROM :'file' CSV;
TRUNCATE copied;
COPY copied (b, a) FROM :'file' CSV HEADER;
SELECT * FROM copied;
\echo binary, in a block
BEGIN;
COPY copied TO :'file' (FORMAT binary);
DELETE FROM copied;
COPY copied FROM :'file' (FORMAT binary);
COPY copied FROM :'file';
SELECT 1;
ROLLBACK;
SELECT count(*) FROM copied;
\echo many rows
COPY (SELECT i, repeat('x', i % 50) FROM generate_series(1, 200000) i) TO :'file';
TRUNCATE copied;
COPY copied FROM :'file';
SELECT count(*), sum(a), sum(length(b)) FROM copied;
TRUNCATE copied;
SET statement_timeout = 5;
\set VERBOSITY sqlstate
COPY copied FROM :'file';
\set VERBOSITY verbose
RESET statement_timeout;
SELECT count(*) FROM copied;
\echo what is refused
COPY copied FROM '/nowhere/rows';
COPY copied FROM '';
COPY copied FROM 'nowhere/rows';
COPY copied FROM '/';
COPY copied TO '/nowhere/rows';
COPY copied TO 'rows';
COPY copied TO '/';
COPY (SELECT i, repeat('x', 50) FROM generate_series(1, 20000) i) TO '/dev/full';
COPY nowhere TO :'file';
COPY (SELECT nothing) TO :'file';
TRUNCATE copied;
COPY copied FROM :'file';
COPY copied FROM '/dev/null';
SELECT count(*) FROM copied;
DROP TABLE copied;
SQL
cat >"$dir/wanted" <<'TEXT'
text
ERROR:  23505: duplicate key value violates unique constraint "copied_pkey"
DETAIL:  Key (a)=(1) already exists.
CONTEXT:  COPY copied, line 1
SCHEMA NAME:  public
TABLE NAME:  copied
CONSTRAINT NAME:  copied_pkey
1|one
3|
csv, shorter than what was there
ERROR:  22P02: invalid input syntax for type integer: "a"
CONTEXT:  COPY copied, line 1, column a: "a"
3|
1|one
binary, in a block
ERROR:  22P02: invalid input syntax for type integer: "PGCOPY"
CONTEXT:  COPY copied, line 1, column a: "PGCOPY"
ERROR:  25P02: current transaction is aborted, commands ignored until end of transaction block
2
many rows
200000|20000100000|4900000
ERROR:  57014
0
what is refused
ERROR:  58P01: could not open file "/nowhere/rows" for reading: No such file or directory
HINT:  COPY FROM instructs the server process to read a file. You may want a client-side facility such as psql's \copy.
ERROR:  58P01: could not open file "" for reading: No such file or directory
HINT:  COPY FROM instructs the server process to read a file. You may want a client-side facility such as psql's \copy.
ERROR:  58P01: could not open file "nowhere/rows" for reading: No such file or directory
HINT:  COPY FROM instructs the server process to read a file. You may want a client-side facility such as psql's \copy.
ERROR:  42809: "/" is a directory
ERROR:  58P01: could not open file "/nowhere/rows" for writing: No such file or directory
HINT:  COPY TO instructs the server process to write a file. You may want a client-side facility such as psql's \copy.
ERROR:  42602: relative path not allowed for COPY to file
ERROR:  42809: could not open file "/" for writing: Is a directory
ERROR:  53100: could not write to COPY file: No space left on device
ERROR:  42P01: relation "nowhere" does not exist
ERROR:  42703: column "nothing" does not exist
LINE 1: COPY (SELECT nothing) TO 'DIR/files/r...
                     ^
200000
TEXT
diff "$dir/wanted" "$dir/out"
[ -n "$pid" ] || exit 0

# KyroDB's own: never into the data directory, not over HTTP; and whoever is no superuser.
echo 'CREATE TABLE t (a int); CREATE ROLE plain LOGIN;' | run none
ln -s "$dir/data/made" "$dir/files/absolute"
ln -s ../data/made "$dir/files/relative"
ln -s relative "$dir/files/twice"
{
    for link in absolute relative twice; do
        printf "COPY (SELECT 1) TO '%s/files/%s';\n" "$dir" $link
    done
    printf "COPY (SELECT 1) TO '%s/data/rows';\n" "$dir"
    printf "COPY (SELECT 1) TO '%s/files/../data/format';\n" "$dir"
} | run none | shown >"$dir/out"
psql -h 127.0.0.1 -p $port -U plain -d postgres -qX -c "COPY t TO '$dir/files/plain'" -c "COPY t FROM 'rows'" >>"$dir/out" 2>&1 || true
for copy in "COPY (SELECT 1) TO '$dir/files/http'" "COPY t FROM '$dir/files/rows'"; do
    printf '{"sql": "%s"}' "$copy" | curl -s -X POST -H 'Content-Type: application/json' --data-binary @- "http://127.0.0.1:$((port + 1))/sql" |
        grep -o 'COPY [^"]*HTTP' >>"$dir/out" || echo "over HTTP: $copy" >>"$dir/out"
done
cat >"$dir/wanted" <<'TEXT'
ERROR:  42501: could not open file "DIR/files/absolute" for writing: it lies in the server's data directory
ERROR:  42501: could not open file "DIR/files/relative" for writing: it lies in the server's data directory
ERROR:  42501: could not open file "DIR/files/twice" for writing: it lies in the server's data directory
ERROR:  42501: could not open file "DIR/data/rows" for writing: it lies in the server's data directory
ERROR:  42501: could not open file "DIR/files/../data/format" for writing: it lies in the server's data directory
ERROR:  must be superuser or have privileges of the pg_write_server_files role to COPY to a file
HINT:  Anyone can COPY to stdout or from stdin. psql's \copy command also works for anyone.
ERROR:  must be superuser or have privileges of the pg_read_server_files role to COPY from a file
HINT:  Anyone can COPY to stdout or from stdin. psql's \copy command also works for anyone.
COPY to or from a file is not supported over HTTP
COPY to or from a file is not supported over HTTP
TEXT
diff "$dir/wanted" "$dir/out"

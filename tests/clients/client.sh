#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Runs a driver's script against a server of its own. Exit status 77: the driver is not here and cannot be had.
#
# Usage: client.sh CLIENT KYRODB       a server is started
#        client.sh CLIENT --peer PORT  one that runs there, as a PostgreSQL 15
#
# CLIENT is psycopg, asyncpg, sqlalchemy, dbd, jdbc, node, exporter, pgvector-python, pgvector-node or pgx; the last three ask a
# PostgreSQL to have pgvector.
set -euo pipefail
client=$1
here=$(cd "$(dirname "$0")" && pwd)
dir=$(mktemp -d "${TMPDIR:-/tmp}/kyro-client.XXXXXX")
pid=
cleanup() {
    [ -z "$pid" ] || kill "$pid" 2>/dev/null || true
    wait 2>/dev/null || true
    rm -rf "$dir"
}
trap cleanup EXIT

# Modules are kept between runs; a registry is asked once, and never while they are there.
cache=${KYRO_CLIENT_MODULES:-${XDG_CACHE_HOME:-$HOME/.cache}/kyrodb-tests}
skip() { echo "skipped: $*" && exit 77; }
find_python() { # MODULE: the interpreter that has it, as $python
    for python in python3 /usr/bin/python3; do
        "$python" -c "import $1" 2>/dev/null && return
    done
    return 1
}
find_node_module() { # MODULE PACKAGE: found through NODE_PATH
    command -v node >/dev/null || skip "node is not installed (package nodejs)"
    export NODE_PATH="$cache/node_modules" NODE_NO_WARNINGS=1
    node -e "require('$1')" 2>/dev/null && return
    mkdir -p "$cache"
    (cd "$cache" && command -v npm >/dev/null && timeout 120 npm install --silent --no-audit --no-fund "$2" >"$dir/npm" 2>&1) ||
        skip "the module $1 is not installed and npm's registry is not reachable"
}

case $client in
psycopg)
    find_python psycopg || skip "psycopg 3 is not installed (package python3-psycopg)"
    script=("$python" "$here/psycopg_client.py")
    ;;
asyncpg)
    find_python asyncpg || skip "asyncpg is not installed (package python3-asyncpg)"
    script=("$here/expect_output.sh" "$here/asyncpg_client.out" "$python" "$here/asyncpg_client.py")
    ;;
sqlalchemy)
    find_python 'sqlalchemy, psycopg2' || skip "SQLAlchemy or psycopg2 is not installed (packages python3-sqlalchemy, python3-psycopg2)"
    script=("$here/expect_output.sh" "$here/sqlalchemy_client.out" "$python" -W ignore "$here/sqlalchemy_client.py")
    ;;
dbd)
    perl -MDBD::Pg -e1 2>/dev/null || skip "DBD::Pg is not installed (package libdbd-pg-perl)"
    script=("$here/expect_output.sh" "$here/dbd_client.out" perl "$here/dbd_client.pl")
    ;;
jdbc)
    jar=/usr/share/java/postgresql.jar
    command -v javac >/dev/null && [ -e $jar ] ||
        skip "JDBC or a JDK is not installed (packages libpostgresql-jdbc-java, default-jdk-headless)"
    javac -cp $jar -d "$dir" "$here/JdbcClient.java"
    script=("$here/expect_output.sh" "$here/jdbc_client.out" java -Duser.timezone=UTC -cp "$jar:$dir" JdbcClient)
    ;;
pgvector-python)
    find_python 'psycopg, numpy' || skip "psycopg 3 or numpy is not installed (packages python3-psycopg, python3-numpy)"
    export PYTHONPATH="$cache/python"
    "$python" -c 'import pgvector' 2>/dev/null ||
        timeout 120 "$python" -m pip install --quiet --no-deps --target "$cache/python" pgvector >"$dir/pip" 2>&1 ||
        skip "the module pgvector is not installed and PyPI is not reachable"
    script=("$python" "$here/pgvector_client.py")
    ;;
node)
    find_node_module pg pg@8
    script=(node "$here/node_client.js")
    ;;
pgvector-node)
    find_node_module pg pg@8
    find_node_module pgvector pgvector@0.2
    script=(node "$here/pgvector_client.js")
    ;;
pgx)
    gopath=/usr/share/gocode
    command -v go >/dev/null && [ -d $gopath/src/github.com/jackc/pgx/v4 ] ||
        skip "pgx is not installed (packages golang-go, golang-github-jackc-pgx-v4-dev)"
    GO111MODULE=off GOPATH=$gopath GOFLAGS= GOCACHE="$cache/go" go build -o "$dir/pgx_client" "$here/pgx_client.go"
    script=("$dir/pgx_client")
    ;;
exporter)
    command -v prometheus-postgres-exporter >/dev/null || skip "prometheus-postgres-exporter is not installed"
    script=("$here/exporter_client.sh")
    ;;
*)
    echo "usage: client.sh psycopg|asyncpg|sqlalchemy|dbd|jdbc|node|pgvector-python|pgvector-node|pgx|exporter KYRODB | --peer PORT" && exit 2
    ;;
esac

if [ "$2" = --peer ]; then
    "${script[@]}" "$3"
    exit
fi
port=$((20000 + RANDOM % 10000))
"$2" serve --data-dir "$dir/data" --port $port --http-port 0 --socket-dir "" >"$dir/log" 2>&1 &
pid=$!
for _ in $(seq 300); do
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break
    sleep 0.1
done
"${script[@]}" $port || { cat "$dir/log" && exit 1; }

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Vectors over the wire, KyroDB beside a PostgreSQL that has pgvector: the same client (bench_vector_wire: prepared
# statements, binary parameters), the same machine, rounds interleaved, both durable. Prints a table with ratio and
# target for each set and writes it, with versions and machine, to RESULT.
#
#   PEER="host=127.0.0.1 port=5432 user=postgres dbname=postgres" bench/load/vectors.sh [PARTS]
#
#   PARTS     of: exact build search filter update insert restart delete hnswlib (all of them)
#   PEER      connection string of that PostgreSQL; without it KyroDB is measured alone. It makes and drops the table items
#             there. What was used for the results here: shared_buffers 2GB, maintenance_work_mem 2GB, max_wal_size 8GB
#   SETS      "image:60000 mix384:60000": sets of bench/micro/vector_set.h with their rows
#   ROUNDS    3     TIME  1 (seconds of one measurement)     CONNECTIONS  2
#   RESULT    bench/results/vectors-over-the-wire.md
#
# Needs build/release and in it: cmake --build --preset release --target bench_vector_wire bench_hnswlib
# bench_hnswlib is there when libhnswlib-dev is; its line is queries in process on as many threads as there are connections.
set -euo pipefail
cd "$(dirname "$0")/../.."
parts=${1:-exact build search filter update insert restart delete hnswlib}
sets=${SETS:-image:60000 mix384:60000}
connections=${CONNECTIONS:-2}
result=${RESULT:-bench/results/vectors-over-the-wire.md}
bin=${BIN:-build/release/bin}
dir=$(mktemp -d "${BENCH_DIR:-/tmp}/kyro-vectors.XXXXXX")
port=$((20000 + RANDOM % 10000))

# The restart part kills the server and starts another one, so the process is known by a file.
cat >"$dir/start" <<SCRIPT
#!/bin/bash
if [ -e "$dir/pid" ]; then
    kill -9 \$(cat "$dir/pid")
    # Until all its threads are gone; the process may be a zombie until whoever has adopted it looks.
    while read -r state < <(sed -n 's/^State:\s*//p' /proc/\$(cat "$dir/pid")/status 2>/dev/null) &&
        { [ "\${state#Z}" = "\$state" ] || [ \$(ls /proc/\$(cat "$dir/pid")/task | wc -l) != 1 ]; }; do
        sleep 0.002
    done
fi
"$bin/kyrodb" serve --data-dir "$dir/ky" --port $port --http-port 0 --socket-dir "" >>"$dir/ky.log" 2>&1 &
echo \$! >"$dir/pid"
SCRIPT
chmod +x "$dir/start"
cleanup() {
    kill "$(cat "$dir/pid")" 2>/dev/null || true
    while kill -0 "$(cat "$dir/pid")" 2>/dev/null; do sleep 0.1; done
    rm -rf "$dir"
}
trap cleanup EXIT

own="host=127.0.0.1 port=$port user=postgres dbname=postgres"
"$dir/start"
for _ in $(seq 100); do
    psql "$own" -qAtc 'SELECT 1' >/dev/null 2>&1 && break
    sleep 0.1
done

# Queries a second at a recall, between the lines of two ef.
hnswlib_at() { # file recall
    awk -v target="$2" '/^ef/ {
        recall = $4; rate = $(NF - 2)
        if (recall >= target) {
            part = last == "" || recall == last ? 1 : (target - last) / (recall - last)
            print last == "" ? rate : last_rate * (rate / last_rate) ^ part
            exit
        }
        last = recall; last_rate = rate }' "$1"
}
hnswlib() { # set rows: beside what KyroDB gave at 0.99
    local build queries
    if [ ! -x "$bin/bench_hnswlib" ]; then
        echo "| hnswlib | skipped: $bin/bench_hnswlib is not there | | | |"
        return
    fi
    "$bin/bench_hnswlib" "$1" "$2" "$connections" >"$dir/hnswlib"
    build=$(sed -n 's/.*(wall \([0-9.]*\),.*/\1/p' "$dir/hnswlib")
    queries=$(hnswlib_at "$dir/hnswlib" 0.99)
    awk -F'|' -v queries="$queries" -v build="$build" '
        /queries a second at recall 0.99/ { printf "| queries a second at recall 0.99, hnswlib in process | %d | %d | **%.2f** | 0.7, aim 1.2 |\n", $3, queries, $3 / queries }
        /CREATE INDEX, m 16/ { printf "| build, hnswlib in process (s) | %.2f | %.2f | **%.2f** | 1.3, aim 2.5 |\n", $3, build, build / $3 }' "$dir/table"
}

version_of_peer() {
    [ -n "${PEER:-}" ] || { echo "no peer: its columns are empty" && return; }
    psql "$PEER" -qAtX -c "CREATE EXTENSION IF NOT EXISTS vector" -c "SELECT format('PostgreSQL %s, pgvector %s, shared_buffers %s, maintenance_work_mem %s',
        current_setting('server_version'), extversion, current_setting('shared_buffers'), current_setting('maintenance_work_mem'))
        FROM pg_extension WHERE extname = 'vector'" 2>/dev/null | tail -1
}

{
    echo "# Vectors over the wire, beside pgvector"
    echo
    echo "Commit $(git rev-parse --short HEAD), $(nproc) cores, $(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -1), load average at the start"
    echo "$(cut -d' ' -f1-3 /proc/loadavg). $(version_of_peer)."
    echo "Made by bench/load/vectors.sh, $connections connections, ${ROUNDS:-3} interleaved rounds of ${TIME:-1} s, medians; a ratio above 1 is in KyroDB's favour."
} >"$dir/result"
cat "$dir/result"
for set in $sets; do
    echo | tee -a "$dir/result"
    "$bin/bench_vector_wire" --set "${set%:*}" --rows "${set#*:}" --rounds "${ROUNDS:-3}" --seconds "${TIME:-1}" \
        --connections "$connections" --parts "$parts" --restart "$dir/start" --pid-file "$dir/pid" "$own" ${PEER:+"$PEER"} | tee "$dir/table"
    cat "$dir/table" >>"$dir/result"
    case " $parts " in
    *" hnswlib "*) hnswlib "${set%:*}" "${set#*:}" | tee -a "$dir/result" ;;
    esac
done
cp "$dir/result" "$result"

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The long form of the durability tests: every program that the tests run for seconds, for as long as is
# asked. Seeds are printed by those that fail and repeat them (KYRO_SEED=N, or the program's own argument).
#
#   tests/crash/long.sh [MINUTES=60] [BUILD=build/release] [DEPTH=200]
#
# DEPTH: rounds of each program in one round of all; 5 is enough to see that it works.
set -euo pipefail
cd "$(dirname "$0")/../.."
minutes=${1:-60}
bin=${2:-build/release}/bin
depth=${3:-200}
end=$(($(date +%s) + minutes * 60))
round=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT

run() { # what, command..
    local what=$1 start=$SECONDS
    shift
    if ! "$@" >"$log" 2>&1; then
        tail -20 "$log"
        echo "FAILED: $what"
        exit 1
    fi
    echo "  $what: $((SECONDS - start)) s"
}

while [ "$(date +%s)" -lt "$end" ]; do
    round=$((round + 1))
    run "storage model" env KYRO_ROUNDS="$depth" "$bin/storage_model"
    run "saved indexes" env KYRO_ROUNDS="$depth" "$bin/access_crash"
    run "killed server" "$bin/kill_server" "$bin/kyrodb" $((depth / 2 + 1)) "$RANDOM"
    run "killed rebuild of learned indexes" "$bin/kill_server" "$bin/kyrodb" $((depth / 2 + 1)) "$RANDOM" learned
    run "killed compaction" "$bin/kill_server" "$bin/kyrodb" $((depth / 2 + 1)) "$RANDOM" compact
    run "chains of commits" "$bin/chain_stress" "$depth"
    run "inverted indexes" "$bin/inverted_state" "$bin/kyrodb" $((depth / 2 + 2)) "$RANDOM"
    run "locks before sync" "$bin/early_release" "$bin/kyrodb" $((depth / 4 + 1))
    if [ $((round % 5)) -eq 1 ]; then
        for test in log_sweep log_kill checkpoint_test backup_test; do
            run "$test" "$bin/$test"
        done
        run "rows larger than memory" tests/crash/small_memory.sh "$bin/kyrodb" "$bin/kyrodbctl" 96 $((depth / 25 + 2))
    fi
    echo "round $round: good"
done

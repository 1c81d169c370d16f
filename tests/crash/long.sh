#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The long form of the durability tests: every program that the tests run for seconds, for as long as is
# asked. Seeds are printed by those that fail and repeat them (KYRO_SEED=N).
#
#   tests/crash/long.sh [MINUTES=60] [BUILD=build/release]
set -euo pipefail
cd "$(dirname "$0")/../.."
minutes=${1:-60}
bin=${2:-build/release}/bin
end=$(($(date +%s) + minutes * 60))
round=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT

run() { # what, command..
    local what=$1
    shift
    if ! "$@" >"$log" 2>&1; then
        tail -20 "$log"
        echo "FAILED: $what"
        exit 1
    fi
}

while [ "$(date +%s)" -lt "$end" ]; do
    round=$((round + 1))
    run "storage model" env KYRO_ROUNDS=200 "$bin/storage_model"
    run "saved indexes" env KYRO_ROUNDS=200 "$bin/access_crash"
    run "killed server" "$bin/kill_server" "$bin/kyrodb" 100 "$RANDOM"
    [ $((round % 5)) -ne 1 ] || for test in log_sweep log_kill checkpoint_test backup_test; do
        run "$test" "$bin/$test"
    done
    echo "round $round: good"
done

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Installs what the tests need, builds, runs everything through CTest.
#   ./test.sh          the gate: format, floor plan, headers alone, build, tests
#   ./test.sh quick    the tests alone, without those labelled slow
#   ./test.sh --all    the gate, plus Clang's builds, all tests under the address and undefined sanitizers, the
#                      stress programs under the thread sanitizer, clang-tidy and a minute of each fuzzer
set -euo pipefail
cd "$(dirname "$0")"
mode=${1:-gate}

. .ci/packages.sh
install_packages $BUILD_PACKAGES $TEST_PACKAGES

jobs=$(nproc)
failed=0

# step NAME COMMAND...: runs it, shows its output only when it fails.
step() {
    local name=$1 log start=$SECONDS
    shift
    log=$(mktemp)
    if "$@" >"$log" 2>&1; then
        echo "ok      $name ($((SECONDS - start)) s)"
    else
        echo "FAILED  $name ($((SECONDS - start)) s)"
        tail -n 100 "$log"
        failed=$((failed + 1))
    fi
    rm -f "$log"
}

build() {
    cmake --preset "$1" && cmake --build --preset "$1" -j "$jobs"
}

# Counts of one CTest run, from its summary lines.
passed_total=0
failed_total=0
run_tests() {
    local preset=$1 log
    shift
    log=$(mktemp)
    ctest --preset "$preset" "$@" >"$log" 2>&1 || failed=$((failed + 1))
    grep -E '\*\*\*|tests passed|Failed|Timeout' "$log" | head -n 60 || true
    if grep -q '\*\*\*Failed\|\*\*\*Timeout\|\*\*\*Exception' "$log"; then
        tail -n 200 "$log"
    fi
    local all bad
    all=$(sed -n 's/.* out of \([0-9]*\)$/\1/p' "$log" | tail -n 1)
    bad=$(sed -n 's/.*, \([0-9]*\) tests failed out of.*/\1/p' "$log" | tail -n 1)
    failed_total=$((failed_total + ${bad:-0}))
    passed_total=$((passed_total + ${all:-0} - ${bad:-0}))
    rm -f "$log"
}

if [ "$mode" = quick ]; then
    step "build" build release
    [ "$failed" = 0 ] && run_tests release --label-exclude slow -j "$jobs"
else
    step "format" .ci/check_format
    step "floor plan" .ci/check_includes
    step "build with GCC" build release
    [ "$failed" = 0 ] && run_tests release -j 1
    step "headers alone" cmake --build --preset release --target all_verify_interface_header_sets
    if [ "$mode" = --all ]; then
        step "build with Clang, address and undefined sanitizers" build asan
        [ "$failed" = 0 ] && run_tests asan -j "$jobs"
        step "build with the thread sanitizer" build tsan
        [ "$failed" = 0 ] && run_tests tsan -j 1
        step "clang-tidy" .ci/tidy
        step "fuzzers, a minute each" .ci/fuzz 60
    fi
fi

echo "$passed_total passed, $failed_total failed"
[ "$failed" = 0 ]

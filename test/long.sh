#!/usr/bin/env bash
# The tests that take minutes: 10,000 reconnects and 1,000 sessions through a restart of the server.
# bash test/long.sh [Catch2 filter]
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit
source .ci/setup.sh

require build programs tests
# Optimised and without sanitizers: what is measured is memory.
configure build/long --buildtype=debugoptimized -Dtests=enabled -Dexamples=disabled ||
    { echo '0 passed, 1 failed, 0 skipped' && exit 1; }
build build/long 2 test/loopback_tests || { echo '0 passed, 1 failed, 0 skipped' && exit 1; }

# A thousand sessions have both their ends in this process.
ulimit -n 8192 2>/dev/null || true
output=$(PARLEY_LONG=1 build/long/test/loopback_tests --durations yes "${1:-[soak]}")
status=$?
echo "$output"
cases=$(grep -oE 'in [0-9]+ test cases?\)|^test cases: *[0-9]+' <<<"$output" | grep -oE '[0-9]+' | tail -n 1)
failed=$(grep -oE '^test cases:.* ([0-9]+) failed' <<<"$output" | grep -oE '[0-9]+ failed' | grep -oE '[0-9]+')
failed=${failed:-0}
[[ $status -eq 0 || $failed -gt 0 ]] || failed=1
echo "$((${cases:-$failed} - failed)) passed, $failed failed, 0 skipped"
exit "$status"

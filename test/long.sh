#!/usr/bin/env bash
# The tests that take minutes: 10,000 reconnects, 1,000 sessions through a restart of the server, and
# 5,000 sessions under random operations and faults; and at full size compressed messages of every
# length, the largest frames of the conformance suite, bombs and floods. Prints how long each takes.
# bash test/long.sh [soak|load|seeds|valgrind|jobs|stress|torture|FILTER [SESSIONS-OR-SEEDS [SECONDS-OR-FIRST]]]
#   soak     the first two              load     5,000 sessions for 600 s, or as given
#   seeds    100,000 seeds of the simulation, from 1, or as given      FILTER  of Catch2
#   valgrind a short session under Valgrind: plain, with TLS, compressed, with tools
#   stress   8 times 60 s of test/stress under ThreadSanitizer, and 3 times 30 s under AddressSanitizer
#   torture  200 sessions over TLS whose allocations fail at random
#   jobs     those of .ci/run that it leaves out: clang's sanitizers, and the build that is shipped
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit
[[ ${1:-} != jobs ]] || exec bash .ci/run clang release
source .ci/setup.sh

require build programs tests
case ${1:-all} in
all | valgrind) require valgrind ;;
stress) require ci ;;
esac

# A build of its own for each sanitizer, of the one program; at -O0 it is built soonest.
sanitized() { # DIRECTORY SANITIZERS
    CXX=clang++-19 configure "$1" --buildtype=plain -Dwerror=true -Dtests=enabled -Dexamples=disabled \
        -Dunity=on -Dunity_size=8 -Db_sanitize="$2" -Db_lundef=false \
        -Dcpp_args='-gline-tables-only -fno-sanitize-recover=all -fno-sanitize=vptr' &&
        build "$1" 2 "$3"
}
finish() {
    echo "$passed passed, $failed failed, 0 skipped"
    [[ $failed -eq 0 ]]
    exit
}
passed=0 failed=0
stress() { # HOW-OFTEN SECONDS DIRECTORY
    local n
    for ((n = 0; n < $1; n++)); do
        if "${run_as[@]}" "$3/test/stress_test" --seconds "$2"; then
            passed=$((passed + 1))
        else
            failed=$((failed + 1))
        fi
    done
}
if [[ ${1:-} == stress ]]; then
    export TSAN_OPTIONS=suppressions=$PWD/test/support/tsan.supp:second_deadlock_stack=1
    export ASAN_OPTIONS=detect_stack_use_after_return=1 UBSAN_OPTIONS=print_stacktrace=1
    # ThreadSanitizer cannot live with the address layouts of some kernels.
    run_as=(env)
    setarch -R true 2>/dev/null && run_as=(setarch -R env)
    if sanitized build/stress-thread thread test/stress_test; then stress 8 60 build/stress-thread; else failed=1; fi
    if sanitized build/stress-address address,undefined test/stress_test; then
        stress 3 30 build/stress-address
    else
        failed=$((failed + 1))
    fi
    finish
fi
# Optimised and without sanitizers: what is measured is memory.
configure build/long --buildtype=debugoptimized -Dtests=enabled -Dexamples=disabled \
    -Dunity=on -Dunity_size=8 -Dcpp_args=-Wno-subobject-linkage ||
    { echo '0 passed, 1 failed, 0 skipped' && exit 1; }
case ${1:-all} in
all) targets=(test/loopback_tests test/load_test test/torture_tests) ;;
load) targets=(test/load_test) ;;
seeds) targets=(test/simulation) ;;
torture) targets=(test/torture_tests) ;;
*) targets=(test/loopback_tests) ;;
esac
build build/long 2 "${targets[@]}" ||
    { echo '0 passed, 1 failed, 0 skipped' && exit 1; }

# A thousand sessions have both their ends in this process.
ulimit -n "$(ulimit -Hn)" 2>/dev/null || true
soak() { # FILTER [PROGRAM]
    local output cases broken status
    output=$(PARLEY_LONG=1 "build/long/test/${2:-loopback_tests}" --durations yes "$1")
    status=$?
    echo "$output"
    cases=$(grep -oE 'in [0-9]+ test cases?\)|^test cases: *[0-9]+' <<<"$output" | grep -oE '[0-9]+' | tail -n 1)
    broken=$(grep -oE '^test cases:.* ([0-9]+) failed' <<<"$output" | grep -oE '[0-9]+ failed' | grep -oE '[0-9]+')
    broken=${broken:-0}
    [[ $status -eq 0 || $broken -gt 0 ]] || broken=1
    passed=$((passed + ${cases:-$broken} - broken)) failed=$((failed + broken))
}
one() {
    local began=$SECONDS
    if "$@"; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
    echo "$((SECONDS - began)) s: $*"
}
load() { one build/long/test/load_test --sessions "${1:-5000}" --seconds "${2:-600}"; }
seeds() {
    one build/long/test/simulation --seeds "${1:-100000}" --from "${2:-1}" --jobs "$(nproc)" --partial
}

short_session() {
    one valgrind -q --error-exitcode=1 --leak-check=full --errors-for-leak-kinds=definite \
        build/long/test/loopback_tests '[short_session]'
}

case ${1:-all} in
all) soak '[long]'; load; soak '[long]' torture_tests; short_session ;;
soak) soak '[soak]' ;;
load | seeds) "$@" ;;
valgrind) short_session ;;
torture) soak '[long]' torture_tests ;;
*) soak "$1" ;;
esac
echo "$passed passed, $failed failed, 0 skipped"
[[ $failed -eq 0 ]]

#!/usr/bin/env bash
# The tests that take minutes: 10,000 reconnects, 100,000 asks of one client, 1,000 sessions through a
# restart of the server, and 5,000 sessions under random operations and faults; and at full size
# compressed messages of every length, the largest frames of the conformance suite, bombs and floods.
# Prints how long each takes.
# bash test/long.sh [soak|load|seeds|valgrind|jobs|stress|torture|dist|abi|FILTER [SESSIONS-OR-SEEDS [SECONDS-OR-FIRST]]]
#   soak     the first two              load     5,000 sessions for 600 s, or as given
#   seeds    100,000 seeds of the simulation, from 1, or as given      FILTER  of Catch2
#   valgrind a short session under Valgrind: plain, with TLS, compressed, with tools
#   stress   8 times 60 s of test/stress under ThreadSanitizer, and 3 times 30 s under AddressSanitizer
#   torture  200 sessions over TLS whose allocations fail at random
#   jobs     those of .ci/run that it leaves out: clang's sanitizers, the build that is shipped, and shared libraries,
#            installed
#   dist     the tarball of `meson dist`: its tests, and a project that gets it by a wrap
#   abi      abidiff of the shared libraries with those of the last tag, where there is one
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit
[[ ${1:-} != jobs ]] || exec bash .ci/run clang release shared
source .ci/setup.sh

require build programs tests
case ${1:-all} in
all | valgrind) require valgrind ;;
stress) require ci ;;
abi) require abi ;;
esac

# A build of its own for each sanitizer, of the one program; at -O0 it is built soonest.
sanitized() { # DIRECTORY SANITIZERS
    CXX=clang++-19 configure "$1" --buildtype=plain -Dwerror=true -Dtests=enabled -Dexamples=disabled \
        -Dunity=on -Dunity_size=8 -Db_sanitize="$2" -Db_lundef=false \
        -Dcpp_args='-gline-tables-only -fno-sanitize-recover=all -fno-sanitize=vptr' &&
        build "$1" 2 "$3"
}
finish() {
    echo "$passed passed, $failed failed, $skipped skipped"
    [[ $failed -eq 0 ]]
    exit
}
passed=0 failed=0 skipped=0
one() {
    local began=$SECONDS
    if "$@"; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
    echo "$((SECONDS - began)) s: $*"
}
if [[ ${1:-} == dist || ${1:-} == abi ]]; then
    scratch=$(mktemp -d)
    trap 'rm -rf "$scratch"' EXIT
fi
tests_of() { # TARBALL
    mkdir "$scratch/tree" && tar -x -f "$1" -C "$scratch/tree" --strip-components=1 && bash "$scratch/tree/test/run.sh"
}
if [[ ${1:-} == dist ]]; then
    meson setup "$scratch/build" -Dtests=disabled -Dexamples=disabled </dev/null &&
        meson dist -C "$scratch/build" --no-tests --formats xztar </dev/null || failed=1
    for tarball in "$scratch"/build/meson-dist/*.tar.xz; do
        one bash test/consumer/wrap.sh "$tarball" "$scratch/consumer"
        one tests_of "$tarball"
    done
    finish
fi
shared_of() { # SOURCE DIRECTORY
    meson setup "$2" "$1" --buildtype=debug -Ddefault_library=shared -Dtests=disabled -Dexamples=disabled \
        -Dunity=on -Dunity_size=8 -Dcpp_args=-Wno-subobject-linkage --prefix="$2/installed" --libdir=lib </dev/null &&
        build "$2" 2 && meson install -C "$2" --no-rebuild --quiet </dev/null
}
if [[ ${1:-} == abi ]]; then
    if ! tag=$(git describe --tags --abbrev=0 2>/dev/null); then
        echo 'abi: there is no tag to compare with, and nothing was compared'
        skipped=1
        finish
    fi
    mkdir "$scratch/tagged" && git archive "$tag" | tar -x -C "$scratch/tagged" &&
        shared_of "$scratch/tagged" "$scratch/before" && shared_of "$PWD" "$scratch/after" || failed=1
    for library in libparley.so libparley_testing.so; do
        one abidiff --no-added-syms --headers-dir1 "$scratch/before/installed/include" \
            --headers-dir2 "$scratch/after/installed/include" \
            "$scratch/before/installed/lib/$library" "$scratch/after/installed/lib/$library"
    done
    finish
fi
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

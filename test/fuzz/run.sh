#!/usr/bin/env bash
# Fuzzes one target for that many seconds, beginning with its corpus:
#     bash test/fuzz/run.sh TARGET SECONDS [libFuzzer options]
# What it learns is kept in build/fuzz/found/TARGET, an input that breaks something in
# build/fuzz/broken/. `bash test/fuzz/run.sh TARGET merge` puts into the corpus what reaches more
# than it does.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

target=${1:?a target: client, decoder, frame_reader, json_text, round_trip or vocabulary}
duration=${2:?seconds, or merge}
shift 2
if [[ ! -f build/fuzz/build.ninja ]]; then
    ccache=''
    command -v ccache >/dev/null && ccache='ccache '
    CXX=${CXX:-${ccache}clang++-19} meson setup build/fuzz --buildtype=plain -Doptimization=1 \
        -Ddebug=true -Db_lundef=false -Dfuzz=enabled -Dtests=enabled -Dexamples=disabled
fi
ninja -C build/fuzz -j "${JOBS:-1}" "test/fuzz_$target"

found=build/fuzz/found/$target broken=build/fuzz/broken corpus=test/fuzz/corpus/$target
mkdir -p "$found" "$broken"
export ASAN_OPTIONS=detect_stack_use_after_return=1:allocator_may_return_null=1
export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
options=(-rss_limit_mb=2048 -timeout=600 "-artifact_prefix=$broken/$target-")
[[ -f test/fuzz/$target.dict ]] && options+=("-dict=test/fuzz/$target.dict")
if [[ $duration == merge ]]; then
    exec "build/fuzz/test/fuzz_$target" "${options[@]}" -merge=1 "$@" "$corpus" "$found"
fi
exec "build/fuzz/test/fuzz_$target" "${options[@]}" "-max_total_time=$duration" \
    -print_final_stats=1 "$@" "$found" "$corpus"

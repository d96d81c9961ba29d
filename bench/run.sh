#!/usr/bin/env bash
# Measures parley against a raw Beast client and, where their packages can be had, against other
# libraries: bash bench/run.sh [--quick] [--scenario NAME] [--reps N] [--json FILE] [--html FILE]
# [--no-peers]; --help says more.
set -uo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd) || exit
build=${BENCH_BUILD:-$root/build/bench}

source "$root/.ci/setup.sh"
require build bench
peers=yes
for word in "$@"; do
    case $word in
    --no-peers) peers=no ;;
    --help | -h) exec python3 "$root/bench/driver/run.py" --build "$build" --help ;;
    esac
done
if [[ $peers == yes ]]; then
    # Each is an extra: without it a row says so.
    mapfile -t missing < <(missing_of peers)
    if [[ ${#missing[@]} -gt 0 ]]; then
        (require peers) >/dev/null 2>&1 || echo "bench: not to be had: ${missing[*]}" >&2
    fi
fi

ccache=''
has_command ccache && ccache='ccache '
cd "$root" || exit
mkdir -p "$(dirname "$build")"
CXX=${CXX:-${ccache}g++} configure "$build" --buildtype=release -Dbench=enabled -Dtests=disabled \
    -Dexamples=disabled >"$build.log" 2>&1 && build "$build" 2 bench-programs >>"$build.log" 2>&1 ||
    { tail -n 40 "$build.log"; echo 'bench: the build failed' >&2; exit 1; }
cd "$OLDPWD" || exit
exec python3 "$root/bench/driver/run.py" --build "$build" "$@"

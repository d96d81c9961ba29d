#!/usr/bin/env bash
# Builds and runs every test: bash test/run.sh [--werror] [meson setup options]
# With COVERAGE=true in the environment the programs count what they reach, for .ci/coverage.py.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit
source .ci/setup.sh

werror=false
if [[ ${1:-} == --werror ]]; then
    werror=true
    shift
fi

give_up() {
    echo "$1"
    echo '0 passed, 1 failed, 0 skipped'
    exit 1
}

require build programs tests
# Several files compiled as one: reading the headers is what costs, and this is a third of the time.
# g++ then takes what is in a file's unnamed namespace for a header's. -g1 keeps the names of functions
# and the lines in a backtrace, and is built and linked sooner than -g.
configure build/debug --buildtype=debug -Dwerror=$werror -Dtests=enabled -Dexamples=enabled -Dbench=disabled \
    -Dunity=on -Dunity_size=8 -Dcpp_args='-Wno-subobject-linkage -g1' -Db_coverage="${COVERAGE:-false}" "$@" ||
    give_up 'The project could not be configured.'
build build/debug 2 || give_up 'The project could not be built.'

rm -f build/debug/meson-logs/testlog.json
find build/debug -name '*.gcda' -delete # of another run
meson test -C build/debug --no-rebuild --print-errorlogs </dev/null
python3 .ci/summary.py build/debug

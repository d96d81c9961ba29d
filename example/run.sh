#!/usr/bin/env bash
# Builds the programs and talks to the built-in server: bash example/run.sh [parley-chat options]
#
# On a terminal it stays interactive after the scripted conversation. Standard output is the
# program's alone.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source .ci/setup.sh
{ : <&0; } 2>/dev/null || exec </dev/null

{
    require build programs
    configure build/release --buildtype=release -Dtests=disabled -Dexamples=enabled
    build build/release 2 parley-chat parley-server
} >&2
exec build/release/parley-chat --demo "$@"

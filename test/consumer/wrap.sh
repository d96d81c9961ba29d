#!/usr/bin/env bash
# A project of somebody else that gets parley by a wrap, from a tarball at a file URL: wrap.sh TARBALL DIRECTORY
# It builds shared libraries and a program in DIRECTORY/build, and runs the program.
set -euo pipefail
tarball=$(realpath "$1") consumer=$2
tree=$(realpath "$(dirname "${BASH_SOURCE[0]}")/../..")
source "$tree/.ci/setup.sh"
mkdir -p "$consumer/subprojects"
cp "$tree/test/consumer/meson.build" "$tree/example/stream.cpp" "$consumer/"
root=$(tar -tf "$tarball" | sed -n '1s,/.*,,p')
cat >"$consumer/subprojects/parley.wrap" <<WRAP
[wrap-file]
directory = $root
source_url = file://$tarball
source_filename = $(basename "$tarball")
source_hash = $(sha256sum "$tarball" | cut -d ' ' -f 1)

[provide]
dependency_names = parley, parley-testing
WRAP
meson setup "$consumer/build" "$consumer" --buildtype=plain --force-fallback-for=parley -Dparley:default_library=shared \
    -Dunity=subprojects -Dunity_size=8 -Dcpp_args=-Wno-subobject-linkage </dev/null
build "$consumer/build" 2
meson test -C "$consumer/build" --no-rebuild --print-errorlogs </dev/null

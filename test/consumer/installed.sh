#!/usr/bin/env bash
# Installs a build, moves it to a place with an awkward name, and builds programs against it with CMake, Meson and
# pkg-config: installed.sh BUILD static|shared
# The build is configured with -Dpkgconfig.relocatable=true.
set -euo pipefail
build=$(realpath "$1") kind=$2
static=OFF static_flag=''
[[ $kind == shared ]] || static=ON static_flag=--static
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

option() {
    meson introspect "$build" --buildoptions |
        python3 -c "import json, sys; print(*(o['value'] for o in json.load(sys.stdin) if o['name'] == '$1'))"
}
export CXXFLAGS='' LDFLAGS=''
[[ $(option b_coverage) != True ]] || export CXXFLAGS=--coverage LDFLAGS=--coverage

meson install -C "$build" --no-rebuild --quiet --destdir "$scratch/first" </dev/null
mkdir "$scratch/an odd Präfix" "$scratch/an odd place"
prefix="$scratch/an odd Präfix/moved"
mv "$scratch/first$(option prefix)" "$prefix"

consumer=test/consumer/installed
CMAKE_PREFIX_PATH=$prefix cmake -S $consumer -B "$scratch/cmake" -G Ninja -Dparley_USE_STATIC_LIBS="$static" </dev/null
cmake --build "$scratch/cmake"

libdir=$(option libdir)
mapfile -t flags < <(PKG_CONFIG_PATH="$prefix/$libdir/pkgconfig" \
    pkg-config $static_flag --cflags --libs parley-testing parley | xargs -n 1)
mkdir "$scratch/pkg-config"
# shellcheck disable=SC2086
g++ -std=c++20 $CXXFLAGS example/stream.cpp -o "$scratch/pkg-config/consumer" "${flags[@]}" $LDFLAGS
LD_LIBRARY_PATH="$prefix/$libdir" "$scratch/pkg-config/consumer"

# Once more, since Meson cannot read what pkg-config says of a name that is not ASCII.
mv "$prefix" "$scratch/an odd place/moved"
prefix="$scratch/an odd place/moved"
PKG_CONFIG_PATH="$prefix/$libdir/pkgconfig" \
    meson setup "$scratch/meson" $consumer --buildtype=plain -Ddefault_library="$kind" </dev/null
ninja -C "$scratch/meson"

export LD_LIBRARY_PATH="$prefix/$libdir"
for way in cmake meson; do
    "$scratch/$way/consumer"
done
for way in cmake meson pkg-config; do
    needed=$(readelf -d "$scratch/$way/consumer" | grep -c 'NEEDED.*\[libparley' || true)
    [[ $static == OFF && $needed -gt 0 || $static == ON && $needed -eq 0 ]] ||
        { echo "$way: the program needs $needed shared libraries of parley, and is to use the $kind ones"; exit 1; }
done
echo "CMake, Meson and pkg-config found the $kind libraries where they were moved to"

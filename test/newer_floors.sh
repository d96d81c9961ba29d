#!/usr/bin/env bash
# Builds and tests with what Debian 13 has, in a root of its own: g++ 14, simdjson 3.12, fmt 10,
# Catch2 3, and in turn each Boost that is named.
# bash test/newer_floors.sh ROOT [BOOST...], as root and with debootstrap; 1.83 and 1.88 by default
#
# ROOT is made when it is empty or not there, and kept, so that a second run costs the build alone;
# what is in it is not read. It takes 4 GB, and DEBIAN_MIRROR may name a mirror.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit

give_up() {
    echo "newer_floors: $1" >&2
    echo '0 passed, 1 failed, 0 skipped'
    exit 2
}

[[ $# -gt 0 ]] || give_up 'it needs the name of a directory: test/newer_floors.sh ROOT [BOOST...]'
[[ $EUID -eq 0 ]] || give_up 'it needs to be root, for chroot'
root=$1
shift
boosts=("$@")
[[ ${#boosts[@]} -gt 0 ]] || boosts=(1.83 1.88)

if [[ ! -x $root/usr/bin/apt-get ]]; then
    command -v debootstrap >/dev/null || give_up 'it needs debootstrap'
    debootstrap --variant=minbase --include=ca-certificates trixie "$root" \
        "${DEBIAN_MIRROR:-http://deb.debian.org/debian}" || give_up 'debootstrap failed'
fi
root=$(cd "$root" && pwd) || exit

inside() { chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 HOME=/root \
    DEBIAN_FRONTEND=noninteractive "$@" </dev/null; }
# What is mounted here goes with the script, whatever ends it.
leave() { umount "$root/proc" "$root/dev/pts" "$root/dev" 2>/dev/null; }
trap leave EXIT
mount -t proc proc "$root/proc" || give_up 'nothing can be mounted'
mount --bind /dev "$root/dev" || give_up 'nothing can be mounted'
mount --bind /dev/pts "$root/dev/pts" || give_up 'nothing can be mounted' # for the tests of terminals

rm -rf "$root/src/parley" && mkdir -p "$root/src/parley"
tar -c --exclude=./build --exclude=./.git . | tar -x -C "$root/src/parley" || give_up 'the tree could not be copied'

inside apt-get -q update || give_up 'apt-get update failed'
passed=0 failed=0 skipped=0
for boost in "${boosts[@]}"; do
    # Their headers share a directory: the one goes when the other comes.
    inside apt-get -q install -y --no-install-recommends "libboost$boost-dev" ||
        give_up "there is no Boost $boost"
    rm -rf "$root/src/parley/build"
    log=$root/src/boost-$boost.log
    inside bash /src/parley/test/run.sh | tee "$log"
    summary=$(tail -n 1 "$log")
    [[ $summary =~ ^[0-9]+\ passed,\ [0-9]+\ failed,\ [0-9]+\ skipped$ ]] || summary='0 passed, 1 failed, 0 skipped'
    [[ $summary =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed,\ ([0-9]+)\ skipped$ ]]
    passed=$((passed + BASH_REMATCH[1])) failed=$((failed + BASH_REMATCH[2])) skipped=$((skipped + BASH_REMATCH[3]))
    echo "Boost $boost: $summary"
    inside bash -c 'g++ --version | head -n 1; grep -h "define BOOST_LIB_VERSION" /usr/include/boost/version.hpp
        pkg-config --modversion simdjson fmt catch2-with-main openssl | paste -sd " "'
done
echo "$passed passed, $failed failed, $skipped skipped"
[[ $failed -eq 0 ]]

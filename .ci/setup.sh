# shellcheck shell=bash
# Sourced by test/run.sh, example/run.sh, doc/build.sh and .ci/run: what they need on the machine, and helpers.
#
#   require build programs tests ci coverage bench interop valgrind abi docs   installs what is missing of these groups
#
# What is there already is found by asking for it, not by asking the package manager, so that a
# Boost or a Meson of one's own counts. On Debian 12 and 13 and Ubuntu 24.04 the rest comes from
# apt; elsewhere the missing packages are printed, under their Debian names, and the exit status is 2.

has_command() { command -v "$1" >/dev/null 2>&1; }
has_library() { has_command pkg-config && pkg-config --exists "$1"; }
has_boost() {
    if ! has_command g++; then # which may come with the rest
        awk '$2 == "BOOST_VERSION" { found = $3 >= 108100 } END { exit !found }' \
            /usr/include/boost/version.hpp 2>/dev/null
        return
    fi
    printf '#include <boost/version.hpp>\n#if BOOST_VERSION < 108100\n#error too old\n#endif\n' |
        g++ -E -x c++ - >/dev/null 2>&1
}
has_meson() {
    has_command meson && [[ $(printf '1.0.1\n%s\n' "$(meson --version)" | sort -V | head -n 1) == 1.0.1 ]]
}
has_clang_format() { clang-format-19 --version >/dev/null 2>&1; }

can_install() { known_distribution && { [[ $EUID -eq 0 ]] || has_command sudo; }; }

# Prints the packages that are missing for a group, one a line. `boost` is resolved later.
missing_of() {
    case $1 in
    build)
        has_command g++ || echo g++
        has_meson || echo meson
        has_command ninja || echo ninja-build
        has_command pkg-config || echo pkg-config
        has_boost || echo boost
        has_library 'openssl >= 3.0' || echo libssl-dev
        has_library 'simdjson >= 3.0' || echo libsimdjson-dev
        has_library 'fmt >= 9.1' || echo libfmt-dev
        ;;
    programs)
        has_library 'CLI11 >= 2.1' || echo libcli11-dev
        has_library libedit || ! can_install || echo libedit-dev # of the line editor; without it as well
        ;;
    tests)
        has_command python3 || echo python3
        has_library 'catch2-with-main >= 3' || has_library 'catch2 >= 2.13.10' || echo catch2
        has_clang_format || echo clang-format-19
        ;;
    interop) # nginx's package starts a server of its own, so that no script asks for this group
        [[ -d /usr/share/nodejs/ws ]] || echo node-ws
        has_command nginx || [[ -x /usr/sbin/nginx ]] || echo nginx-light
        ;;
    ci)
        has_command clang++-19 || echo clang-19
        has_command cmake || echo cmake # a consumer's
        has_command mold || echo mold # links
        [[ -d /usr/lib/llvm-19/lib/clang/19/lib ]] || echo libclang-rt-19-dev
        has_library 'nlohmann_json >= 3.9' || echo nlohmann-json3-dev # of an example
        has_library 'prometheus-cpp-core >= 1.0' || echo prometheus-cpp-dev # of the exporter
        ! has_command node || [[ -d /usr/share/nodejs/ws ]] || echo node-ws # of the interop tests
        has_command llvm-symbolizer-19 || echo llvm-19 # a suppression names functions
        ;;
    valgrind)
        has_command valgrind || echo valgrind
        ;;
    abi)
        has_command abidiff || echo abigail-tools
        ;;
    coverage)
        has_command gcovr || echo gcovr
        ;;
    bench)
        has_command python3 || echo python3
        has_library zlib || echo zlib1g-dev
        ;;
    peers) # of the bench, each good for a few rows
        [[ -e /usr/include/rapidjson/document.h ]] || echo rapidjson-dev
        [[ -e /usr/include/websocketpp/client.hpp ]] || echo libwebsocketpp-dev
        has_library libwebsockets || echo libwebsockets-dev
        NODE_PATH=/usr/share/nodejs node -e "require('ws')" 2>/dev/null || echo node-ws
        /usr/bin/python3 -c 'import websockets' 2>/dev/null || echo python3-websockets
        ;;
    docs)
        has_command python3 || echo python3
        has_command doxygen || echo doxygen
        [[ -d /usr/share/doxygen-awesome-css ]] || echo doxygen-awesome-css
        ;;
    *)
        echo "setup: there is no group $1" >&2
        exit 2
        ;;
    esac
}

known_distribution() {
    [[ -r /etc/os-release ]] || return 1
    local id
    id=$(. /etc/os-release && echo "${ID:-} ${VERSION_ID:-}")
    [[ $id == 'debian 12' || $id == 'debian 13' || $id == 'ubuntu 24.04' ]]
}

newest_boost() {
    apt-cache search --names-only '^libboost1\.[0-9]+-dev$' | sed -n 's/^libboost1\.\([0-9]*\)-dev .*/\1/p' |
        sort -n | awk '$1 >= 81 { newest = $1 } END { if (newest) print "libboost1." newest "-dev" }'
}

require() {
    local group missing=()
    for group in "$@"; do
        mapfile -t -O "${#missing[@]}" missing < <(missing_of "$group")
    done
    [[ ${#missing[@]} -eq 0 ]] && return 0

    if ! known_distribution; then
        printf 'This distribution is not one that the script can set up. Missing, by their Debian names:\n' >&2
        printf '  %s\n' "${missing[@]/#boost/libboost-dev (1.81 or newer)}" >&2
        exit 2
    fi
    local as_root=(env)
    if [[ $EUID -ne 0 ]]; then
        if ! has_command sudo; then
            printf 'Neither root nor sudo; missing: %s\n' "${missing[*]/#boost/libboost1.NN-dev}" >&2
            exit 2
        fi
        as_root=(sudo env)
    fi
    as_root+=(DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300)

    "${as_root[@]}" update </dev/null >&2 || exit 2
    local index
    for index in "${!missing[@]}"; do
        case ${missing[index]} in
        boost)
            missing[index]=$(newest_boost)
            [[ -n ${missing[index]} ]] || { echo 'apt has no libboost1.NN-dev of 1.81 or newer' >&2; exit 2; }
            ;;
        clang-format-19) # only the format lint needs it, and is skipped without it
            apt-cache show clang-format-19 >/dev/null 2>&1 || unset 'missing[index]'
            ;;
        esac
    done
    [[ ${#missing[@]} -gt 0 ]] || return 0
    # Nothing of the user's is removed to make room: apt stops and says what is in the way.
    "${as_root[@]}" install -y --no-install-recommends --no-remove "${missing[@]}" </dev/null >&2 || exit 2
    hash -r
}

# Puts promtool in the path, where it can be had. Its package would start a daemon, and is only unpacked.
unpack_promtool() {
    has_command promtool && return
    local folder=$PWD/build/promtool
    if [[ ! -x $folder/usr/bin/promtool ]]; then
        known_distribution && mkdir -p "$folder" &&
            (cd "$folder" && apt-get -q download prometheus && dpkg-deb -x prometheus_*.deb . && rm prometheus_*.deb) \
                </dev/null >&2 || return 0
    fi
    PATH=$folder/usr/bin:$PATH
}

# configure DIRECTORY OPTION...: a fresh build directory, or the same one with these options.
configure() {
    local directory=$1
    shift
    if [[ -f $directory/build.ninja ]]; then
        # Given to the second alone, arguments for the compiler would stay as they were.
        meson configure "$directory" "$@" </dev/null && meson setup --reconfigure "$directory" </dev/null
    else
        meson setup "$directory" "$@" </dev/null
    fi
}

# build DIRECTORY GB TARGET...: as many jobs as there are processors and GB of memory for each.
build() {
    local directory=$1 gigabytes=$2 jobs memory
    shift 2
    jobs=$(nproc)
    memory=$(awk '/^MemAvailable/ { print int($2 / 1048576) }' /proc/meminfo)
    [[ $jobs -le $((memory / gigabytes)) ]] || jobs=$((memory / gigabytes))
    ninja -C "$directory" -j "$((jobs > 0 ? jobs : 1))" "$@" </dev/null
}

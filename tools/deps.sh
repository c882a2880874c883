#!/bin/sh
# Installs the Debian packages that the build and the tests need and that are missing; says nothing when
# all are there. deps.sh [build|test|bench]: for building (default), also for the tests, also the peers
# that benchmarks compare with.
set -u
what=${1:-build}

packages="gcc libc6-dev make libgmp-dev libutf8proc-dev libedit-dev libsodium-dev libpcre2-dev libnng-dev
libmbedtls-dev liblz4-dev"
case $what in
build) ;;
test) packages="$packages guile-3.0 nng-utils openssl unicode-data bzip2" ;;
bench) packages="$packages guile-3.0 erlang-base chezscheme lua5.4" ;;
*)
    echo "usage: deps.sh [build|test|bench]" >&2
    exit 2
    ;;
esac

if ! command -v dpkg-query >/dev/null 2>&1; then
    # Not Debian: what is missing shows when it is compiled.
    echo "deps.sh: no dpkg here; needed are the equivalents of: $packages" >&2
    exit 0
fi

missing=
for package in $packages; do
    status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)
    [ "$status" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

sudo=
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null 2>&1; then
        echo "deps.sh: missing packages:$missing (run as root, or install sudo)" >&2
        exit 1
    fi
    sudo=sudo
fi
echo "installing:$missing"
export DEBIAN_FRONTEND=noninteractive
install() {
    # shellcheck disable=SC2086 # a list of packages
    $sudo apt-get install -y --no-install-recommends $missing >/dev/null
}
install 2>/dev/null || { $sudo apt-get update >/dev/null && install; }

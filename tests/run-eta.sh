#!/bin/sh
# Runs the tests of a folder: run-eta.sh lang|actor|net|node [ETAI [NAME ...]], each in a process of its own. A
# test that fails shows all that it printed. NAME.in, if there is one, is its standard input; NAME.env has
# settings for it, VARIABLE=value. The last line
# is `N passed, N failed`, over all checks; a test that ends without its sum counts as one failure.
cd "$(dirname "$0")/.." || exit 1
. tests/sum.sh
suite=${1:?usage: run-eta.sh FOLDER [ETAI [NAME ...]]}
shift
etai=${1:-build/bin/etai}
[ $# -gt 0 ] && shift
case $etai in /*) ;; *) etai=$PWD/$etai ;; esac
if [ $# -eq 0 ]; then
    for file in tests/$suite/*.eta; do
        name=${file##*/}
        case $name in
        check.eta | cluster.eta | peer.eta) ;; # what the others use
        *) set -- "$@" "${name%.eta}" ;;
        esac
    done
fi
# Tests of nodes start further ones, and share what checks with those of actors.
ETAI=$etai
export ETAI
[ "$suite" != node ] || ETA_MODULE_PATH=tests/actor
[ "$suite" != node ] || export ETA_MODULE_PATH
log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT
for name in "$@"; do
    input=tests/$suite/$name.in
    [ -f "$input" ] || input=/dev/null
    settings=
    [ -f "tests/$suite/$name.env" ] && settings=$(cat "tests/$suite/$name.env")
    # shellcheck disable=SC2086
    env $settings timeout -k 10 "${TEST_SECONDS:-120}" "$etai" "tests/$suite/$name.eta" <"$input" >"$log" 2>&1
    take_sum "$name" $? "$log" "ended: killed$\|^node "
done
printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]

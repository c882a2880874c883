#!/bin/sh
# Runs the tests of nodes: run-node.sh [ETAI [NAME ...]]; each starts further processes of its own. A test that
# fails shows all that it printed. The last line is `N passed, N failed`; a test that ends without its sum counts
# as one failure.
cd "$(dirname "$0")/.." || exit 1
etai=${1:-build/bin/etai}
[ $# -gt 0 ] && shift
case $etai in /*) ;; *) etai=$PWD/$etai ;; esac
ETAI=$etai
export ETAI
if [ $# -eq 0 ]; then
    for file in tests/node/*.eta; do
        name=${file##*/}
        case $name in cluster.eta | peer.eta) ;; *) set -- "$@" "${name%.eta}" ;; esac
    done
fi
passed=0
failed=0
log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT
for name in "$@"; do
    timeout "${TEST_SECONDS:-120}" "$etai" --path tests/actor "tests/node/$name.eta" >"$log" 2>&1
    status=$?
    sum=$(sed -n "s/.*$name: \([0-9][0-9]*\) passed, \([0-9][0-9]*\) failed\$/\1 \2/p" "$log" | tail -n 1)
    good=${sum% *}
    bad=${sum#* }
    if [ -z "$sum" ] || { [ "$status" -ne 0 ] && [ "$bad" -eq 0 ]; }; then
        good=0
        bad=1
    fi
    if [ "$bad" -ne 0 ] || [ "$status" -ne 0 ]; then
        printf -- '---- %s: exit status %d\n' "$name" "$status"
        grep -v '^node ' "$log" | cut -c1-400 | tail -n 80
    else
        printf '%s: %d passed\n' "$name" "$good"
    fi
    passed=$((passed + good))
    failed=$((failed + bad))
done
printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]

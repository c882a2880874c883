#!/bin/sh
# Runs the programs of tests/diff, which are pure R7RS, under Eta and under another implementation:
# run-diff.sh [ETAI [NAME ...]]. What they print must be the same. R7RS_PEER names the other program and
# its options; without it, guile is used where it is installed. The last line is `N passed, N failed`.
cd "$(dirname "$0")/.." || exit 1
etai=${1:-build/bin/etai}
[ $# -gt 0 ] && shift
if [ -z "$R7RS_PEER" ]; then
    if ! command -v guile >/dev/null 2>&1; then
        echo "skipped: no other R7RS implementation is installed (set R7RS_PEER)"
        echo "0 passed, 0 failed"
        exit 0
    fi
    R7RS_PEER="guile --r7rs --no-auto-compile"
fi
if [ $# -eq 0 ]; then
    for file in tests/diff/*.scm; do
        name=${file##*/}
        set -- "$@" "${name%.scm}"
    done
fi
passed=0
failed=0
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
for name in "$@"; do
    timeout "${TEST_SECONDS:-120}" "$etai" "tests/diff/$name.scm" >"$folder/eta" 2>"$folder/eta.err"
    status=$?
    # shellcheck disable=SC2086 # the peer's options are words
    timeout "${TEST_SECONDS:-120}" $R7RS_PEER "tests/diff/$name.scm" >"$folder/peer" 2>"$folder/peer.err"
    if [ "$status" -eq 0 ] && cmp -s "$folder/eta" "$folder/peer"; then
        printf '%s: same\n' "$name"
        passed=$((passed + 1))
    else
        printf -- '---- %s: exit status %d; Eta is <, the other >\n' "$name" "$status"
        diff "$folder/eta" "$folder/peer" | head -n 20
        head -n 5 "$folder/eta.err"
        failed=$((failed + 1))
    fi
done
printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]

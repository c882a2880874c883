#!/bin/sh
# Runs unit test programs, given as arguments. Prints the last line of each and, for one that fails, all
# that it printed; then `N passed, N failed` over the programs.
passed=0
failed=0
log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT
for program in "$@"; do
    if "$program" >"$log" 2>&1; then
        passed=$((passed + 1))
        printf '%s: %s\n' "${program##*/}" "$(tail -n 1 "$log")"
    else
        failed=$((failed + 1))
        printf '%s: FAILED\n' "${program##*/}"
        tail -n 200 "$log"
    fi
done
printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]

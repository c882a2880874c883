# Read by the runners of Eta programs.
#
# take_sum NAME STATUS LOG [PATTERN]: adds what a test says of itself to passed and failed. `NAME: N passed, N failed`
# is the last thing that a test prints; reports of ends may follow it. One that ends without its sum is one failure.
# A test that fails shows its log, but for lines with the pattern.
passed=0
failed=0
take_sum() {
    sum=$(sed -n "s/.*$1: \([0-9][0-9]*\) passed, \([0-9][0-9]*\) failed\$/\1 \2/p" "$3" | tail -n 1)
    good=${sum% *}
    bad=${sum#* }
    if [ -z "$sum" ] || { [ "$2" -ne 0 ] && [ "$bad" -eq 0 ]; }; then
        good=0
        bad=1
    fi
    if [ "$bad" -ne 0 ]; then
        printf -- '---- %s: exit status %d\n' "$1" "$2"
        grep -v "${4:-^$}" "$3" | cut -c1-400 | tail -n 80
    else
        printf '%s: %d passed\n' "$1" "$good"
    fi
    passed=$((passed + good))
    failed=$((failed + bad))
}

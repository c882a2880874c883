#!/bin/sh
# Rows of actors' behaviour as Erlang programs (tests/oracle/NAME.erl) and as programs of Eta (NAME.eta), both run:
# the lines that they print must be the same, whatever the notation. run-oracle.sh [ETAI]. Skipped without
# Erlang. Last line: `N passed, N failed`.
cd "$(dirname "$0")/.." || exit 1
etai=${1:-build/bin/etai}
if ! command -v escript >/dev/null 2>&1; then
    echo "skipped: Erlang is not installed"
    echo "0 passed, 0 failed"
    exit 0
fi
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
passed=0
failed=0

# Both notations as words: brackets and commas are blanks, booleans those of Eta.
plain() {
    sed -e "s/[][{},()']/ /g" -e 's/#t/true/g' -e 's/#f/false/g' -e 's/_/-/g' -e 's/  */ /g' -e 's/ $//'
}

for program in tests/oracle/*.erl; do
    name=$(basename "$program" .erl)
    { echo '#!/usr/bin/env escript'; cat "$program"; } >"$dir/$name"
    timeout 120 escript "$dir/$name" 2>"$dir/$name.log" | plain >"$dir/erlang"
    timeout 120 "$etai" "tests/oracle/$name.eta" 2>/dev/null | plain >"$dir/eta"
    [ -s "$dir/erlang" ] || { cat "$dir/$name.log"; failed=$((failed + 1)); }
    same=$(comm -12 "$dir/erlang" "$dir/eta" --nocheck-order | grep -c .)
    passed=$((passed + same))
    if ! diff "$dir/erlang" "$dir/eta" >"$dir/diff"; then
        echo "---- $name: Erlang (<), Eta (>)"
        cat "$dir/diff"
        failed=$((failed + $(grep -c '^[<>]' "$dir/diff")))
    fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]

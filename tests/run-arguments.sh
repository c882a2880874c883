#!/bin/sh
# Calls every public procedure of the library, and every primitive by its %name, with awkward arguments:
# run-arguments.sh [ETAI [MODULE ...]], MODULE like std.string, or `primitives`. The harness and what is
# asked for: tests/torture/arguments.eta. Last line: `N passed, N failed`, over the procedures.
cd "$(dirname "$0")/.." || exit 1
etai=${1:-build/bin/etai}
[ $# -gt 0 ] && shift
case $etai in /*) ;; *) etai=$PWD/$etai ;; esac
here=$PWD
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
mkdir "$dir/box" "$dir/lib"
cp tests/torture/arguments.eta "$dir/lib"
sh tools/dev/docs.sh names >"$dir/names"

# What is not called, and why.
cat >"$dir/skip" <<'SKIP'
raise raises its argument, whatever that is
raise-continuable
%uncaught
error has a message of the caller's
exit ends the caller
os:exit
emergency-exit
sleep waits as long as it is told
time:sleep-ms
receive
receive-after
receive-match
with-exception-handler calls its first argument with what the second raises
gen-server-receive-response waits
gen-server-wait-response
test-eqv syntax
test-eq
test-equal
SKIP
awk '{print $1}' "$dir/skip" >"$dir/skipped"

# What goes on as long as a circular list or a generator without end does, as its definition says.
endless='map for-each every any list-index drop-while take-while! find find-tail pair-for-each
    generator-for-each generator-count generator-every generator-any generator-fold generator-last'

# write_program MODULE: its names as (text . procedure).
write_program() {
    awk -v m="$1" -v skipped="$dir/skipped" -v endless="$(echo $endless)" '
        BEGIN { while ((getline line < skipped) > 0) skip[line] = 1
                printf "(import arguments (prefix %s t:))\n(torture \"%s\" (list", m, m }
        $1 == m && !($2 in skip) { printf "\n  (cons \"%s\" t:%s)", $2, $2 }
        { all[$2] = 1 }
        END { printf ")\n  (quote ("; for (n in all) printf "\"%s\" ", n
              printf ")) (quote (%s)))\n", endless }' "$dir/names"
}

modules=${*:-$(awk '{print $1}' "$dir/names" | uniq)}
passed=0
failed=0
for module in $modules; do
    write_program "$module" >"$dir/$module.run.eta"
    rm -rf "$dir/box" && mkdir "$dir/box"
    (cd "$dir/box" && timeout "${TEST_SECONDS:-600}" "$etai" --path "$dir/lib" "$dir/$module.run.eta" \
        </dev/null >"$dir/out" 2>"$dir/log")
    status=$?
    sum=$(sed -n "s/^$module: \([0-9]*\) passed, \([0-9]*\) failed\$/\1 \2/p" "$dir/log" | tail -n 1)
    good=${sum% *}
    bad=${sum#* }
    if [ -z "$sum" ] || { [ "$status" -ne 0 ] && [ "$bad" -eq 0 ]; }; then
        good=0
        bad=1
    fi
    if [ "$bad" -ne 0 ]; then
        printf -- '---- %s: exit status %d\n' "$module" "$status"
        cut -c1-400 "$dir/log" | tail -n 60
    else
        printf '%s: %d passed\n' "$module" "$good"
    fi
    passed=$((passed + good))
    failed=$((failed + bad))
done
printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]

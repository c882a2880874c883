#!/bin/sh
# Calls every public procedure of the library, and every primitive by its %name, with awkward arguments:
# run-arguments.sh [ETAI [MODULE ...]], MODULE like std.string, or `primitives`. The harness and what is
# asked for: tests/torture/arguments.eta. Last line: `N passed, N failed`, over the procedures.
cd "$(dirname "$0")/.." || exit 1
. tests/sum.sh
etai=${1:-build/bin/etai}
[ $# -gt 0 ] && shift
case $etai in /*) ;; *) etai=$PWD/$etai ;; esac
here=$PWD
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
mkdir "$dir/box" "$dir/lib" "$dir/root"
ln -s "$here"/stdlib/* "$here/tests/torture/arguments.eta" "$dir/root"
boot=${etai%/bin/etai}/boot/etac
[ -x "$boot" ] || boot=$here/build/release/boot/etac
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
hibernate waits for a message
test-read-eval-string evaluates what it is given
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
    generator-for-each generator-count generator-every generator-any generator-fold generator-last
    iter-for-each iter-nth'

# What notices a circular list, but goes on as long as a generator does: it wants all elements of it.
unending='iter-fold iter-count iter-find iter-any? iter-every? iter-sum iter-product iter-min iter-max
    iter-last iter-group-by'

# write_program MODULE: its names as (text . procedure).
write_program() {
    awk -v m="$1" -v skipped="$dir/skipped" -v endless="$(echo $endless)" -v unending="$(echo $unending)" '
        BEGIN { while ((getline line < skipped) > 0) skip[line] = 1
                printf "(import arguments (prefix %s t:))\n(torture \"%s\" (list", m, m }
        $1 == m && !($2 in skip) { printf "\n  (cons \"%s\" t:%s)", $2, $2 }
        { all[$2] = 1 }
        END { printf ")\n  (quote ("; for (n in all) printf "\"%s\" ", n
              printf ")) (quote (%s)) (quote (%s)))\n", endless, unending }' "$dir/names"
}

# The primitives as procedures, for each number of arguments that the table allows, as a privileged program
# that the first compiler makes. Their contract (vm/doc/images.md): whatever the arguments, a value or an
# error, for every image may name every one; not that the error is as well-worded as that of the procedure
# in front of it.
write_primitives() {
    sed -n 's/^\([A-Z]*\)([a-z_0-9]*, *"\(%[^"]*\)", */\1 \2 /p' vm/image/prim.def vm/image/native.def |
        sed 's/,/ /g' | awk '
        BEGIN { while ((getline line < "'"$dir/unsafe"'") > 0) skip[line] = 1
                printf "(module main (import arguments std.base.list) (begin (define (main)\n"
                printf "(torture \"primitives\" (append" }
        $2 in skip || $2 ~ /^%receive-/ { next }
        {
            min = $3; max = $4
            if ($1 == "VALUE" || $1 == "EFFECT" || $1 == "TEST") max = min
            if ($1 == "COMPARE") min = max = 2
            if ($1 == "BITS" || $1 == "KINDP") min = max = 1
            if (max < 0) max = min > 4 ? min : 4
            for (n = min; n <= max; n++) {
                names = ""
                for (i = 0; i < n; i++) names = names " a" i
                printf "\n (list (cons \"%s\" (lambda (%s) (%s%s))))", $2, names, $2, names
            }
        }
        END { print ") (quote ()) (quote ()) (quote ())))))" }' >"$dir/root/main.eta"
    "$boot" "$dir/root" "$dir/primitives.run.eta" --alone "$dir/root/arguments.eta" "$dir/root/main.eta"
}

# Primitives that end the caller or the program, that only the compiler can apply, and that wait, or take up a
# wait where their state arguments say that they have begun one: these are killed like any waiting actor.
cat >"$dir/unsafe" <<'UNSAFE'
%end-actor
%end-program
%unbox-checked
%await-answer
%hibernate
%trace-actor
%console-read
%repl-next
%process-wait
%process-spawn
%console-flush
UNSAFE

modules=${*:-primitives $(awk '{print $1}' "$dir/names" | uniq)}
for module in $modules; do
    if [ "$module" = primitives ]; then
        write_primitives
    else
        write_program "$module" >"$dir/$module.run.eta"
    fi
    rm -rf "$dir/box" && mkdir "$dir/box"
    (cd "$dir/box" && timeout -k 5 "${TEST_SECONDS:-300}" "$etai" --path "$dir/lib" "$dir/$module.run.eta" \
        </dev/null >"$dir/out" 2>"$dir/log")
    take_sum "$module" $? "$dir/log"
done
printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]

#!/bin/sh
# Runs the examples in the doc comments of the library: run-examples.sh [ETAI [MODULE ...]]. An example is what
# stands in a `;;;` comment behind three blanks or more: one or more lines of definitions and expressions, the
# last of which ends with ` => VALUE` (or is that alone), as write shows it, or ` raises TAG`. A line `(import NAME)` is for all
# examples of the module, which are a program that imports it. Last line: `N passed, N failed`.
cd "$(dirname "$0")/.." || exit 1
. tests/sum.sh
etai=${1:-build/bin/etai}
[ $# -gt 0 ] && shift
case $etai in /*) ;; *) etai=$PWD/$etai ;; esac
here=$PWD
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
export LC_ALL=C.UTF-8
mkdir "$dir/box"

awk -v dir="$dir" '
function quoted(text) { gsub(/\\/, "&&", text); gsub(/"/, "\\\"", text); return "\"" text "\"" }
function finish(call, wanted) {
    count[module]++
    body[module] = body[module] "(" call " \"" FILENAME ":" FNR "\" (lambda () " piece ") " quoted(wanted) ")\n"
    piece = ""
}
FNR == 1 { module = piece = "" }
/^\(module / || /^\(define-library / {
    module = $0
    sub(/^\((module|define-library) +/, "", module)
    if (sub(/^\(/, "", module)) { sub(/\).*/, "", module); gsub(/ +/, ".", module) } else sub(/[ )].*/, "", module)
}
!/^ *;;;   / { if (piece != "") { print FILENAME ":" FNR ": an example without a value" > "/dev/stderr"; bad = 1 }
               piece = ""; next }
module == "" { next }
{
    line = $0
    sub(/^ *;;; +/, "", line)
    if (line ~ /^\(import /) { imports[module] = imports[module] line "\n"; next }
    if (line ~ /^=> /) {
        finish("example", substr(line, 4))
    } else if (match(line, /.* => /)) {
        piece = piece substr(line, 1, RLENGTH - 4) "\n"
        finish("example", substr(line, RLENGTH + 1))
    } else if (match(line, /.* raises [a-z.-]+$/)) {
        at = index(line, " raises ")
        piece = piece substr(line, 1, at) "\n"
        finish("example-raises", substr(line, at + 8))
    } else {
        piece = piece line "\n"
    }
}
END {
    for (m in count) {
        file = dir "/" m ".run.eta"
        print "(import example " m ")\n" imports[m] body[m] "(example-end \"" m "\")" > file
        print m > (dir "/modules")
    }
    exit bad
}' $(find stdlib -name '*.eta' | sort)
failed=$?
for module in ${*:-$(sort "$dir/modules")}; do
    (cd "$dir/box" && timeout -k 5 "${TEST_SECONDS:-120}" "$etai" --path "$here/tests/example" \
        "$dir/$module.run.eta" </dev/null >"$dir/log" 2>&1)
    take_sum "$module" $? "$dir/log"
done
printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]

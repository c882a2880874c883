#!/bin/sh
# House rules that a machine can check: every file states its purpose first, no file is over 900 lines, no
# function over 70, no tabs, no trailing blanks, no line over 110 columns in C; every export of the standard
# library has a doc comment or is one line. Ends with `N passed, N failed` over the files.
cd "$(dirname "$0")/../.." || exit 1
passed=0
failed=0

complain() {
    printf '%s: %s\n' "$1" "$2"
    bad=1
}

for file in $(git ls-files '*.c' '*.h' '*.inc' '*.def' '*.S' '*.sh' '*.eta' '*.mk' Makefile); do
    [ -f "$file" ] || continue
    bad=0
    lines=$(wc -l <"$file")
    [ "$lines" -le 900 ] || complain "$file" "$lines lines"
    if grep -q ' $' "$file"; then complain "$file" "blanks at the end of a line"; fi
    case $file in
    *.c | *.h | *.inc | *.def)
        head -n 1 "$file" | grep -q '^// ' || complain "$file" "does not begin with its purpose"
        if grep -q "$(printf '\t')" "$file"; then complain "$file" "has tabs"; fi
        case $file in
        *.def) columns=200 ;; # tables
        *) columns=110 ;;
        esac
        if grep -qE ".{$((columns + 1))}" "$file"; then complain "$file" "has lines over $columns columns"; fi
        ;;
    *.eta)
        case $file in
        stdlib/* | cookbook/*)
            head -n 1 "$file" | grep -q '^;;; ' || complain "$file" "does not begin with its purpose"
            ;;
        esac
        ;;
    esac
    case $file in
    vm/exec/interp.c) ;; # one function: the dispatch loop
    *.c)
        awk -v file="$file" '
            /^[^ \t#\/}].*[^;]$/ && !/[=,\\]$/ { name = $0 }
            /^\{/ { start = NR }
            /^\}/ { if (start && NR - start > 71) { print file ": " NR - start " lines in: " name; bad = 1 } start = 0 }
            END { exit bad }' "$file" || bad=1
        ;;
    esac
    if [ "$bad" = 0 ]; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
done

printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]

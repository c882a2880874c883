#!/bin/sh
# Types the scripts in tests/repl at a REPL on a terminal of its own: run-repl.sh [ETAI [PTY_RUN]].
# The first line of a script tells the exit status that is expected.
cd "$(dirname "$0")/.." || exit 1
etai=${1:-build/bin/etai}
pty_run=${2:-build/release/tests/pty_run}
passed=0
failed=0
HOME=$(mktemp -d) || exit 1
export HOME
trap 'rm -rf "$HOME"' EXIT
for script in tests/repl/*.repl; do
    expected=$(sed -n '1s/^;; status: //p' "$script")
    out=$("$pty_run" "$script" "$etai" 2>&1)
    status=$?
    if [ "$status" = "$expected" ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        printf '%s: status %s, expected %s\n%s\n' "$script" "$status" "$expected" "$out"
    fi
done
printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]

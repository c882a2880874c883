#!/bin/sh
# Runs every suite on what the release mode has built, and closes with the sum: `N passed, N failed`.
# run.sh [SUITE ...] runs only some of: tidy layers doc_check examples unit lang arguments diff actor net node threads
# soak cli eta_test repl.
cd "$(dirname "$0")/.." || exit 1
suites=${*:-tidy layers doc_check examples unit lang arguments diff actor net node threads soak cli eta_test repl}
passed=0
failed=0
log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT

run() {
    case $1 in
    tidy | layers | doc_check) sh "tools/dev/$1.sh" ;;
    threads)
        ETA_ACTOR_SCHEDULER=thread-per-actor sh tests/run-eta.sh actor build/bin/etai \
            copy exit link monitor name receive send timer
        ;;
    soak) timeout 120 build/bin/etai tests/torture/soak.eta 5 2>/dev/null ;;
    lang | actor | net | node) sh tests/run-eta.sh "$1" ;;
    unit) make --no-print-directory MODE=release unit ;;
    *) sh "tests/run-$1.sh" ;;
    esac
}

for suite in $suites; do
    run "$suite" >"$log" 2>&1
    status=$?
    line=$(tail -n 1 "$log")
    case $line in
    *" passed, "*" failed")
        line=${line#soak: }
        suite_failed=${line#* passed, }
        suite_failed=${suite_failed% failed}
        passed=$((passed + ${line%% passed,*}))
        failed=$((failed + suite_failed))
        [ "$status" -eq 0 ] || [ "$suite_failed" -gt 0 ] || failed=$((failed + 1))
        ;;
    *)
        line="no result (status $status)"
        failed=$((failed + 1))
        ;;
    esac
    [ "$status" -eq 0 ] || cat "$log"
    printf '%-9s %s\n' "$suite" "$line"
done
printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]

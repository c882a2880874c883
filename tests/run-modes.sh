#!/bin/sh
# Runs the suites of a mode's program under settings that bring out rare orders of events:
# run-modes.sh MODE ETAI. Called by the targets of tests/checks.mk after the unit tests.
mode=$1
etai=$2
cd "$(dirname "$0")/.." || exit 1
failed=0

export ASAN_OPTIONS="abort_on_error=0:exitcode=99:detect_leaks=1:$ASAN_OPTIONS"
export UBSAN_OPTIONS="print_stacktrace=1:$UBSAN_OPTIONS"
export TSAN_OPTIONS="suppressions=$PWD/tests/tsan.supp:exitcode=99:halt_on_error=0:second_deadlock_stack=1:$TSAN_OPTIONS"

# run WHAT COMMAND ...: only the last line of what ends well is shown.
run() {
    what=$1
    shift
    if out=$("$@" 2>&1); then
        printf '%s %s: %s\n' "$mode" "$what" "$(printf '%s\n' "$out" | tail -n 1)"
    else
        printf '%s %s: FAILED\n%s\n' "$mode" "$what" "$out"
        failed=1
    fi
}

run "actor tests" sh tests/run-eta.sh actor "$etai"
for schedulers in 1 4; do
    for budget in 1 50; do
        [ "$mode" = stress ] && [ "$budget" = 50 ] && continue
        run "actor tests, $schedulers schedulers, $budget reductions" \
            env ETA_ACTOR_SCHEDULERS=$schedulers ETA_ACTOR_REDUCTION_BUDGET=$budget \
            sh tests/run-eta.sh actor "$etai"
    done
done
# Tests of very much data make do with less.
export TEST_MODE="$mode"
# Where every allocation collects, large data take for ever.
[ "$mode" = stress ] && export TEST_SCALE=1000
run "language tests" sh tests/run-eta.sh lang "$etai"
run "tests of sockets" sh tests/run-eta.sh net "$etai"
run "tests of nodes" sh tests/run-eta.sh node "$etai"
# soak: the reports of actors that end are not of interest, those of sanitizers decide by the status.
run "soak" timeout 300 "$etai" tests/torture/soak.eta 10
calls=10
[ "$mode" = stress ] && calls=1
ARGUMENTS_CALLS=$calls ARGUMENTS_MS=60000 run "awkward arguments" sh tests/run-arguments.sh "$etai"
exit $failed

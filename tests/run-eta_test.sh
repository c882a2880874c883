#!/bin/sh
# What eta_test does with files, folders and options: run-eta_test.sh [BIN].
cd "$(dirname "$0")/.." || exit 1
eta_test=$(cd "${1:-build/bin}" && pwd)/eta_test
passed=0
failed=0
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1

# expect STATUS LINES ARGUMENT ...: the lines, separated by |, must be in what it prints, in order.
expect() {
    status=$1
    lines=$2
    shift 2
    timeout 60 "$eta_test" "$@" >out 2>err </dev/null
    got=$?
    problem=
    [ "$got" = "$status" ] || problem="status $got, expected $status"
    printf '%s\n' "$lines" | tr '|' '\n' >wanted
    cat out err | awk 'NR == FNR { wanted[++n] = $0; next }
        at < n && $0 == wanted[at + 1] { at++ }
        END { if (at < n) { print "no line: " wanted[at + 1]; exit 1 } }' wanted - >missing ||
        problem="$problem; $(cat missing)"
    if [ -z "$problem" ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        printf 'eta_test %s: %s\n' "$*" "$problem"
        head -c 2000 out
        head -c 600 err
    fi
}

expect 0 'TAP version 14|1..0|eta_test: no *.test.eta files found'
mkdir -p good/deep good/.hidden bad ends
cat >good/values.test.eta <<'END'
(import std.test)
(print-tap (run (make-group "sums" (list
  (make-test "one" (lambda () (assert-equal 2 (+ 1 1))))
  (make-test "two # 2" (lambda () (assert-true #t)))))))
END
cat >good/deep/runs.test.eta <<'END'
(import (srfi 64))
(test-begin "runs")
(test-equal "three" 3 (+ 1 2))
(test-skip "four")
(test-assert "four" #f)
(test-end "runs")
END
echo '(display "not a test")' >good/other.eta
echo '(car 5)' >good/.hidden/h.test.eta
cat >bad/fails.test.eta <<'END'
(import std.test)
(display "seen")
(newline)
(print-tap (run (make-group "all" (list
  (make-test "wrong" (lambda ()
                       (assert-equal 1 2)))
  (make-test "error" (lambda () (car 5)))
  (make-test "right" (lambda () 1))))))
END
echo '(display "hello")' >ends/silent.test.eta
echo '(display (' >ends/broken.test.eta
echo '(import (srfi 64)) (test-begin "open") (test-assert "a" #t)' >ends/open.test.eta
echo '(display "1..1\nok 1 - a\n") (exit 3)' >ends/status.test.eta
echo '(display "1..2\nok 1 - a\nBail out! no disk\n")' >ends/bails.test.eta
echo '(let loop () (loop))' >endless.test.eta

expect 0 'TAP version 14|# good/deep/runs.test.eta|ok 1 - three|ok 2 - four # SKIP|# good/values.test.eta|ok 3 - one|  group: sums|ok 4 - two \# 2|1..4' good
expect 0 'ok 1 - one|ok 2 - two \# 2|1..2' --jobs 1 good/values.test.eta good/values.test.eta
expect 0 'ok 1 - one|1..1' --filter 'sums / o' good
expect 0 'ok 1 - three|1..1' --filter thr good
expect 1 '# bad/fails.test.eta|not ok 1 - wrong|  message: expected 1 but got 2|  expected: 1|  actual: 2|  at: bad/fails.test.eta:6:24|not ok 2 - error|  message: "car: expected a pair, got 5"|  at: bad/fails.test.eta:7:33|ok 3 - right|# seen|1..3' bad
expect 1 'ok 1 - a|not ok 2 - ends/bails.test.eta (bailed out)' ends/bails.test.eta
expect 1 'not ok 1 - ends/broken.test.eta (load error)|1..1|eta_test: error in "ends/broken.test.eta":' ends/broken.test.eta
expect 1 'ok 1 - a|not ok 2 - ends/open.test.eta (no plan: its tests did not end)' ends/open.test.eta
expect 1 'ok 1 - a|not ok 2 - ends/status.test.eta (exit status 3)' ends/status.test.eta
expect 0 'ok 1 - ends/silent.test.eta (no TAP output)|1..1' ends/silent.test.eta
expect 1 'not ok 1 - endless.test.eta (timed out after 1 s)|1..1' --timeout 1 endless.test.eta
expect 1 '1..7' --junit out.xml good bad
for part in '<testsuites tests="7" failures="2"' 'classname="good/values.test.eta: sums" name="two # 2"' \
    '<skipped/>' '<failure message="car: expected a pair, got 5">'; do
    if grep -qF -- "$part" out.xml; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "out.xml has no $part"
    fi
done
expect 0 'Runs the tests in files, and in all *.test.eta files under folders; without a path in the' --help
expect 2 'eta_test: unknown option: --frobnicate' --frobnicate
expect 2 'eta_test: an argument is missing after: --jobs' --jobs
expect 2 'eta_test: --jobs takes a number from 1 to 1000: 0' --jobs 0
expect 2 'eta_test: nowhere: No such file or directory' nowhere
expect 2 'eta_test: not a file of Eta: out.xml' out.xml
expect 2 'eta_test: no/x.xml: No such file or directory' --junit no/x.xml good

printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]

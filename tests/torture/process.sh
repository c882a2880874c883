#!/bin/sh
# The program as a process: an idle one uses no processor time, signals end it in good order and at once,
# also when it computes, waits, or traps. process.sh [ETAI]. Last line: `N passed, N failed`.
etai=${1:-build/bin/etai}
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
passed=0
failed=0

expect() { # what got wanted
    if [ "$2" = "$3" ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAILED $1: got $2, expected $3"
    fi
}

# ticks PID: processor time used, in clock ticks.
ticks() { sed 's/.*) //' "/proc/$1/stat" | awk '{print $12 + $13}'; }

# wait_text FILE TEXT: until the program has printed it.
wait_text() {
    n=0
    while ! grep -q "$2" "$1"; do
        n=$((n + 1))
        [ $n -lt 600 ] || { echo "FAILED: no $2"; return 1; }
        sleep 0.1
    done
}

cat >"$dir/idle.eta" <<'PROGRAM'
(import std.actor)
(define (start n)
  (if (> n 0) (begin (spawn (lambda () (receive-after 'wait))) (start (- n 1)))))
(start 1000)
(spawn (lambda () (let loop () (sleep 60000) (loop))))
(display "ready\n")
(receive-after 'wait)
PROGRAM
cat >"$dir/busy.eta" <<'PROGRAM'
(import std.actor)
(spawn (lambda () (let loop () (loop))))
(display "ready\n")
(sleep 20)
(let loop () (loop))
PROGRAM
cat >"$dir/trap.eta" <<'PROGRAM'
(import std.actor)
(trap-exit! #t)
(display "ready\n")
(sleep 1)
(let ((m (receive-after 'wait)))
  (display (list (car m) (car (cdr (cdr m)))))
  (newline)
  (exit 7))
PROGRAM

"$etai" "$dir/idle.eta" >"$dir/out" 2>"$dir/err" &
pid=$!
wait_text "$dir/out" ready
sleep 0.5
before=$(ticks $pid)
sleep 3
after=$(ticks $pid)
[ $((after - before)) -le 1 ] && used=none || used=$((after - before))
expect "processor time of an idle program, in ticks" "$used" none
kill -TERM $pid
wait $pid
status=$?
[ $status -ne 0 ] && [ $status -lt 192 ] && ended=yes || ended="status $status"
expect "SIGTERM ends an idle program" "$ended" yes

for signal in INT TERM; do
    # A shell's background jobs ignore SIGINT; the program must catch it all the same: env resets it.
    env --default-signal=INT "$etai" "$dir/busy.eta" >"$dir/out" 2>"$dir/err" &
    pid=$!
    # Its output may stay in the buffer while nobody is idle: that it computes is what shows.
    while [ "$(ticks $pid)" -lt 20 ]; do
        sleep 0.1
    done
    kill -$signal $pid
    wait $pid
    status=$?
    [ $status -ne 0 ] && [ $status -lt 192 ] && ended=yes || ended="status $status"
    expect "SIG$signal ends a busy program" "$ended" yes
    expect "SIG$signal: no internal error" "$(grep -c 'internal error' "$dir/err")" 0

    env --default-signal=INT "$etai" "$dir/trap.eta" >"$dir/out" 2>"$dir/err" &
    pid=$!
    wait_text "$dir/out" ready
    sleep 0.3
    kill -$signal $pid
    wait $pid
    expect "SIG$signal reaches a trapping main actor" "$? $(tail -n 1 "$dir/out")" "7 (EXIT interrupt)"
done

# Output into a closed pipe is an error of the program, not a death by signal.
"$etai" -e '(let loop () (display "some text\n") (loop))' 2>"$dir/err" | head -n 1 >/dev/null
expect "a closed pipe" "$(grep -c 'internal error' "$dir/err")" 0

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]

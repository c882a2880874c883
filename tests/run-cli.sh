#!/bin/sh
# What the programs do with their arguments and with bad input: run-cli.sh [BIN]. Each case states the
# exit status, and what standard output and standard error must contain.
cd "$(dirname "$0")/.." || exit 1
bin=$(cd "${1:-build/bin}" && pwd)
repository=$(pwd)
etai=$bin/etai
etac=$bin/etac
passed=0
failed=0
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1

# expect STATUS STDOUT STDERR COMMAND ...: "" is nothing at all, "*" anything, else a part of it (of the
# status, all).
expect() {
    status=$1
    out=$2
    err=$3
    shift 3
    timeout 60 "$@" >out 2>err </dev/null
    got=$?
    problem=
    [ "$status" = '*' ] || [ "$got" = "$status" ] || problem="status $got, expected $status"
    check_text out "$out" "standard output"
    check_text err "$err" "standard error"
    if [ -z "$problem" ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        printf '%s: %s\n' "$*" "$problem"
        head -c 600 out
        head -c 600 err
    fi
}

check_text() {
    case $2 in
    '*') ;;
    '') [ ! -s "$1" ] || problem="$problem; $3 is not empty" ;;
    *) grep -qF -- "$2" "$1" || problem="$problem; $3 has no '$2'" ;;
    esac
}

# script NAME TEXT
script() {
    printf '%s\n' "$2" >"$1"
}

# ---- running ------------------------------------------------------------------------------------

script hello.eta '(display "hello") (newline)'
expect 0 hello "" "$etai" hello.eta
expect 0 7 "" "$etai" -e '(display (+ 3 4))'
expect 0 '("x y" "--z")' "" "$etai" -e '(import (scheme process-context)) (write (cdr (command-line)))' 'x y' --z
script args.eta '(module args (export) (begin (define (main arguments) (write arguments) (newline))))'
expect 0 'a' "" "$etai" args.eta a
script main.eta '(module m (begin (define (main) (display "main ran"))))'
expect 0 'main ran' "" "$etai" main.eta
printf '#!/usr/bin/env etai\n(display "by name")\n' >tool
chmod +x tool
expect 0 'by name' "" env PATH="$bin:$PATH" ./tool
expect 0 'from a pipe' "" sh -c "echo '(display \"from a pipe\")' | $etai -"
expect 0 'from a pipe' "" sh -c "echo '(display \"from a pipe\")' | $etai"
expect 0 'etai ' "" "$etai" --version
expect 0 'usage:' "" "$etai" --help
expect 0 'etac ' "" "$etac" --version
expect 2 "" 'unknown option' "$etai" --frobnicate
expect 2 "" 'an argument is missing after: --node' "$etai" --node
expect 2 "" 'an argument is missing after: --listen' "$etai" --listen
expect 2 "" 'missing' "$etai" -e
expect 2 "" '*' "$etac"

script quits.eta '(display "before") (exit 9) (display "after")'
expect 9 before "" "$etai" quits.eta
expect 1 "" "" "$etai" -e '(exit #f)'
expect 0 "" "" "$etai" -e '(exit #t)'

# ---- modules ------------------------------------------------------------------------------------

mkdir -p lib/shapes other
script lib/shapes/square.eta '(module shapes.square (export area) (define (area x) (* x x)))'
script uses.eta '(import shapes.square) (display (area 5))'
expect 1 "" 'shapes.square' "$etai" uses.eta
expect 0 25 "" "$etai" --path lib uses.eta
expect 0 25 "" env ETA_MODULE_PATH=other:lib "$etai" uses.eta
expect 0 "" "" "$etac" --path lib uses.eta -o uses.etac
script cycle-a.eta '(module cycle-a (import cycle-b) (export a) (define a 1))'
script cycle-b.eta '(module cycle-b (import cycle-a) (export b) (define b 1))'
expect 1 "" 'cycle-a -> cycle-b -> cycle-a' "$etai" cycle-a.eta

# ---- images -------------------------------------------------------------------------------------

expect 0 "" "" "$etac" hello.eta -o hello.etac
expect 0 hello "" "$etai" hello.etac
expect 0 "" "" "$etac" hello.eta
script evaluates.eta '(import std.string) (define (f) 6) (display (eval (quote (string-pad-left "x" (f)))))'
expect 0 '     x' "" "$etai" evaluates.eta
expect 0 "" "" "$etac" evaluates.eta -o evaluates.etac
rm evaluates.eta
expect 0 '     x' "" "$etai" evaluates.etac
script broken.eta '(module broken (export x) (define x (no-such-name)))'
script recovers.eta '(import (scheme eval))
(display (catch (begin (environment (quote broken)) 1) 2))
(display (eval (quote (area 3)) (environment (quote shapes.square))))'
expect 0 9 "" "$etai" --path lib recovers.eta
script loads.eta '(define loaded 5) (no-such-name)'
expect 1 "" 'warning: unbound name: no-such-name' "$etai" -e '(import (scheme load)) (load "loads.eta")'
expect 0 "" "" "$etac" --check hello.eta
expect 0 'RET' "" "$etac" --disasm hello.eta
size=$(wc -c <hello.etac)
for part in 0 1 8 20 60 100 300 $((size / 2)) $((size - 1)); do
    head -c "$part" hello.etac >cut.etac
    [ "$part" -lt 8 ] || expect 1 "" 'etai: cut.etac: ' "$etai" cut.etac
done
for at in 8 12 16 40 70 100 200 400 $((size - 4)); do
    cp hello.etac flipped.etac
    printf '\377' | dd of=flipped.etac bs=1 seek="$at" conv=notrunc 2>/dev/null
    cmp -s hello.etac flipped.etac || expect 1 "" 'etai: flipped.etac: ' "$etai" flipped.etac
done
cat hello.etac hello.etac >twice.etac
expect 1 "" 'etai: twice.etac: ' "$etai" twice.etac
expect 1 "" 'Is a directory' "$etac" hello.eta -o .
expect 1 "" 'No such file' "$etac" hello.eta -o nowhere/x.etac
if [ -c /dev/full ]; then expect 1 "" 'No space left' "$etac" hello.eta -o /dev/full; fi

# ---- bad input ----------------------------------------------------------------------------------

expect 1 "" 'nothing.eta: No such file' "$etai" nothing.eta
expect 1 "" 'is a directory' "$etai" .
printf '(display 1)\377\376' >bytes.eta
expect 1 "" 'not valid UTF-8' "$etai" bytes.eta
printf '(display 1)\000' >nul.eta
expect 1 "" 'NUL' "$etai" nul.eta
script open.eta '(display (+ 1 2)'
expect 1 "" "open.eta:1:1: error: this '(' is never closed" "$etai" open.eta
script close.eta '(display 1))'
expect 1 "" "close.eta:1:12: error: unexpected ')'" "$etai" close.eta
script escape.eta '(display "a\q")'
expect 1 "" "escape.eta:1:12: error: unknown escape" "$etai" escape.eta
head -c 1000000 /dev/zero | tr '\000' '(' >deep.eta
expect 1 "" 'nested deeper' "$etai" deep.eta
{ head -c 50000 /dev/zero | tr '\000' '('; head -c 50000 /dev/zero | tr '\000' ')'; } >nested.eta
expect 1 "" 'error' "$etai" nested.eta
script unbound.eta "(define (f x) (lenght x))"
expect 1 "" "unbound.eta:1:16: error: unbound name: lenght; did you mean 'length'?" "$etai" unbound.eta
script two.eta "(define (f x) (frob x)) (define (g x) (nicate x))"
expect 1 "" "two.eta:1:16: error: unbound name: frob" "$etai" two.eta
expect 1 "" "two.eta:1:40: error: unbound name: nicate" "$etai" two.eta
script arity.eta '(define (f x) x) (display (f 1 2))'
expect 1 "" 'arity.eta:1:27: warning: f: expected 1 argument, got 2' "$etai" arity.eta
expect 1 "" 'error: f: expected 1 argument, got 2' "$etai" arity.eta
script type.eta "(define (f v) (vector-ref v 1)) (display (f '(1 2)))"
expect 1 "" 'vector-ref: expected a vector, got (1 2)' "$etai" type.eta
script index.eta '(display (vector-ref (vector 1 2 3) 7))'
expect 1 "" 'vector-ref: index 7 is out of range for a vector of length 3' "$etai" index.eta
script trace.eta '(define (f x) (+ 1 (car x)))
(define (g x) (list (f x)))
(g 42)'
expect 1 "" 'error: car: expected a pair, got 42' "$etai" trace.eta
expect 1 "" '  in g (trace.eta:2:21)' "$etai" trace.eta
expect 1 "" '   1 | (define (f x) (+ 1 (car x)))' "$etai" trace.eta
script raised.eta "(raise 'oops)"
expect 1 "" 'uncaught raise: oops' "$etai" raised.eta
script endless.eta '(define (f x) (+ 1 (f x))) (f 1)'
expect 1 "" 'heap limit' env ETA_MEMORY_LIMIT=200000000 "$etai" endless.eta
script hoard.eta '(define (f l) (f (cons 1 l))) (f (list))'
expect 1 "" 'heap limit' env ETA_MEMORY_LIMIT=200000000 "$etai" hoard.eta
{ printf '(write (string-length (number->string '; head -c 300000 /dev/zero | tr '\000' 7; printf ')))'; } >literal.eta
expect 0 300000 "" "$etai" literal.eta
for variable in ETA_ACTOR_SCHEDULERS ETA_ACTOR_REDUCTION_BUDGET ETA_ACTOR_SCHEDULER ETA_ACTOR_DIRTY_SCHEDULERS; do
    expect 1 "" "$variable" env "$variable=nonsense" "$etai" hello.eta
done

# ---- output and signals --------------------------------------------------------------------------

script chatter.eta '(let loop ((i 0)) (if (< i 50000) (begin (display "chatter") (newline) (loop (+ i 1)))))'
expect 1 "" 'standard output: ' sh -c "exec $etai chatter.eta >&-"
if [ -c /dev/full ]; then
    expect 1 "" 'standard output: No space left' sh -c "exec $etai chatter.eta >/dev/full"
    expect 1 "" 'standard output: No space left' sh -c "exec $etai hello.eta >/dev/full"
fi
expect 1 chatter 'standard output: Broken pipe' sh -c "{ $etai chatter.eta; echo \$? >status; } | head -n 1; exit \$(cat status)"
script catches.eta '(guard (c ((file-error? c) (write-string (error-object-message c) (current-error-port)))) (let loop () (write-string "chatter") (newline) (loop)))'
expect 0 chatter 'standard output: Broken pipe' sh -c "{ $etai catches.eta; echo \$? >status; } | head -n 1; exit \$(cat status)"

# ---- files that may not be opened, files of programs that end by force ---------------------------------

if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null 2>&1; then
    chmod 711 "$work"
    cp "$etai" ./etai-of-all
    echo secret >private
    mkdir -m 700 closed
    echo secret >closed/file
    chmod 600 private
    script private.eta '(import (scheme file) std.fs)
        (define (try f) (guard (c ((file-error? c) (display (list (error-object-message c) (error-object-irritants c))) (newline))) (f)))
        (try (lambda () (open-input-file "private")))
        (try (lambda () (open-output-file "private")))
        (try (lambda () (open-output-file "new")))
        (try (lambda () (open-input-file "closed/file")))
        (try (lambda () (delete-file "private")))
        (try (lambda () (fs:list-directory "closed")))'
    setpriv --reuid 65534 --regid 65534 --clear-groups ./etai-of-all private.eta >denied 2>err
    expect 0 '(open-input-file: private: Permission denied (private))' "" cat denied
    expect 0 '(open-output-file: private: Permission denied (private))' "" cat denied
    expect 0 '(open-output-file: new: Permission denied (new))' "" cat denied
    expect 0 '(open-input-file: closed/file: Permission denied (closed/file))' "" cat denied
    expect 0 '(delete-file: private: Permission denied (private))' "" cat denied
    expect 0 'closed: Permission denied (closed))' "" cat denied
fi

# kept WORD COMMAND ...: what the program wrote to a port and to standard output is there when it has ended.
kept() {
    how=$1
    rm -f kept.txt
    script kept.eta "(import (scheme file) (scheme process-context))
        (define port (open-output-file \"kept.txt\"))
        (write-string \"in the file\" port) (write-string \"on standard output\") $how"
    shift
    expect '*' 'on standard output' '*' "$@" "$etai" kept.eta
    expect 0 'in the file' "" cat kept.txt
}
kept '(car 5)'
kept '(exit 3)'
kept '(emergency-exit 3)'
kept '(raise (quote ended))'

# The same for a program that is ended once it has said that it has come to its loop.
mkfifo ready
kept '(call-with-output-file "ready" newline) (let loop () (loop))' \
    sh -c '"$@" & read -r _ <ready; kill -TERM $!; wait $!' sh

# interrupt SIGNAL STATUS SCRIPT: sends the signal once the script has printed something.
interrupt() {
    mkfifo pipe
    "$etai" "$3" >pipe 2>err </dev/null &
    pid=$!
    read -r _ <pipe
    kill "-$1" "$pid"
    wait "$pid"
    got=$?
    rm -f pipe
    if [ "$got" = "$2" ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        printf 'SIG%s: status %s, expected %s\n' "$1" "$got" "$2"
        cat err
    fi
}
script spin.eta '(display "ready") (newline) (flush-output-port) (let loop () (loop))'
script wait.eta '(import std.actor) (display "ready") (newline) (flush-output-port) (receive-after (quote wait))'
interrupt INT 130 spin.eta
interrupt INT 130 wait.eta
interrupt TERM 143 spin.eta
interrupt TERM 143 wait.eta

# ---- the cookbook: what each recipe says that it prints -------------------------------------------

cd "$repository" || exit 1
cp /dev/null "$work/out"
# Those that others spawn are not run by themselves; programs find them wherever one is.
for recipe in cookbook/*/*.eta; do
    case $recipe in *-worker.eta | */echo-server.eta) continue ;; esac
    sed -n 's/^;;; prints: //p' "$recipe" >"$work/promised"
    if grep -q '^a progress line' "$work/promised"; then echo 283146 >"$work/promised"; fi
    (cd "$work" && timeout 60 "$etai" "$repository/$recipe") >"$work/out" 2>"$work/err"
    status=$?
    ok=1
    while IFS= read -r line; do
        grep -qF -- "$line" "$work/out" || ok=0
    done <"$work/promised"
    if [ "$status" = 0 ] && [ "$ok" = 1 ] && [ -s "$work/promised" ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        printf '%s: status %s, or it does not print what it says\n' "$recipe" "$status"
        tail -n 5 "$work/out" "$work/err"
    fi
done

printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]

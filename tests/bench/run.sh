#!/bin/sh
# Runs the benchmarks for Eta and for every peer that is installed, in turns, and prints one table of
# medians:
#     run.sh [NAME ...]        the benchmarks of these names; all without names
#     ROUNDS=n run.sh ...      rounds (5)
#     PEERS='erl lua' run.sh   only these beside Eta
#
# A benchmark is a file of seq, lib, actor, net or whole; a program prints lines "NAME VALUE UNIT", which may be
# more than one. In seq and lib the Schemes run the same text behind a prelude of their own. Each round runs
# every system once before the next round begins, so that what disturbs the machine disturbs all. Of
# lib also the most memory that a program had is noted (NAME_rss).
#
# Systems: eta, erl, erl1 (one scheduler), chez, guile, lua, python, c (sockets against libnng).
# Eta's own: eta-img, an image.
set -u

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
work=$root/build/bench
etai=$root/build/bin/etai
etac=$root/build/bin/etac
rounds=${ROUNDS:-5}
only=" $* "
results=$work/results
all_peers='erl erl1 chez guile lua python c'

# ---- which systems ---------------------------------------------------------------------------------

command_of() {
    case $1 in
    erl | erl1) echo erl ;;
    chez) command -v scheme > /dev/null 2>&1 && echo scheme || echo chezscheme ;;
    guile) echo guile ;;
    c) echo "${CC:-gcc}" ;;
    lua) command -v lua > /dev/null 2>&1 && echo lua || echo lua5.4 ;;
    python) echo python3 ;;
    esac
}

peers=
for peer in ${PEERS:-$all_peers}; do
    if command -v "$(command_of "$peer")" > /dev/null 2>&1; then
        peers="$peers $peer"
    else
        echo "skipped: $peer ($(command_of "$peer") is not installed)"
    fi
done
chez=$(command_of chez)
lua=$(command_of lua)

wanted() {
    [ "$only" = "  " ] && return 0
    case $only in *" $1 "*) return 0 ;; esac
    return 1
}

# ---- programs --------------------------------------------------------------------------------------

# Joins files to one, which is left alone when it is so already: Guile keeps what it has compiled.
assemble() { # TARGET FILE ...
    target=$1
    shift
    cat "$@" > "$work/new"
    cmp -s "$work/new" "$target" || mv "$work/new" "$target"
    rm -f "$work/new"
}

prepare_schemes() {
    for kind in eta ss scm; do
        for f in "$here"/seq/*.scm; do
            name=$(basename "$f" .scm)
            case $name in prelude | common) continue ;; esac
            assemble "$work/seq/$name.$kind" "$here/seq/prelude.$kind" "$here/seq/common.scm" "$f"
        done
        for f in "$here"/lib/*.scm; do
            name=$(basename "$f" .scm)
            [ "$name" = prelude ] ||
                assemble "$work/lib/$name.$kind" "$here/seq/prelude.$kind" "$here/lib/prelude.$kind" \
                    "$here/seq/common.scm" "$f"
        done
    done
    for f in "$here"/lib/*.eta; do
        name=$(basename "$f")
        [ "$name" = prelude.eta ] ||
            assemble "$work/lib/$name" "$here/seq/prelude.eta" "$here/lib/prelude.eta" \
                "$here/seq/common.scm" "$f"
    done
}

# Everything into $work, so that the tree stays clean.
prepare() {
    mkdir -p "$work/seq" "$work/lib" "$work/actor" "$work/net" "$work/whole" "$work/cache" || exit 1
    "${CC:-gcc}" -O2 -std=gnu11 -o "$work/spawn_time" "$here/spawn_time.c" || exit 1
    prepare_schemes
    cp "$here"/lib/*.py "$work/lib" || exit 1
    wanted json50 && awk -f "$here/lib/json50.awk" > "$work/lib/data.json"
    for f in "$here"/actor/*.eta; do
        name=$(basename "$f")
        [ "$name" = prelude.eta ] || cat "$here/actor/prelude.eta" "$f" > "$work/actor/$name"
    done
    cp "$here"/net/*.eta "$work/net" || exit 1
    case " $peers " in *" c "*) "${CC:-gcc}" -O2 -o "$work/net/sockets" "$here/net/sockets.c" -lnng -pthread || exit 1 ;; esac
    cp "$here"/seq/*.lua "$work/seq" || exit 1
    cp "$here"/whole/hello.* "$work/whole" || exit 1
    "$etac" -o "$work/whole/hello.etac" "$work/whole/hello.eta" || exit 1
    awk -v size=1000000 -f "$here/whole/big.awk" > "$work/whole/big.eta"
    case $peers in *erl*)
        for folder in seq actor whole; do
            erlc -o "$work/$folder" "$here/$folder"/*.erl || exit 1
        done
        ;;
    esac
}

# An interpreter whose dispatches gcc has merged into one is four times slower: better said than wondered at.
check_dispatches() {
    object=$root/build/release/vm/exec/interp.o
    command -v objdump > /dev/null 2>&1 && [ -f "$object" ] || return 0
    n=$(objdump -d "$object" | grep -cE 'jmp +\*|[[:space:]]br[[:space:]]+x')
    [ "$n" -ge 100 ] || echo "warning: the interpreter has only $n indirect jumps: see INTERP_CFLAGS"
}

# ---- running ---------------------------------------------------------------------------------------

erl_run() { # FLAGS FOLDER MODULE
    # shellcheck disable=SC2086
    erl -noshell -noinput $1 +P 2000000 -pa "$work/$2" -eval "$3:main(), halt()."
}

# A program of seq, lib or actor in one system; nothing when there is none.
program() { # SYSTEM FOLDER NAME
    case $2 in lib) measured="$work/spawn_time -$3 " data=$work/lib/data.json ;; *) measured='' data='' ;; esac
    # shellcheck disable=SC2086
    case $1 in
    eta) [ -f "$work/$2/$3.eta" ] && $measured"$etai" "$work/$2/$3.eta" $data ;;
    erl) [ -f "$work/$2/$3.beam" ] && erl_run "" "$2" "$3" ;;
    erl1) [ "$2" = actor ] && [ -f "$work/$2/$3.beam" ] && erl_run "+S1" "$2" "$3" ;;
    chez) [ -f "$work/$2/$3.ss" ] && $measured"$chez" --program "$work/$2/$3.ss" ;;
    guile)
        [ -f "$work/$2/$3.scm" ] &&
            XDG_CACHE_HOME=$work/cache ${measured}guile --auto-compile "$work/$2/$3.scm"
        ;;
    python) [ -f "$work/$2/$3.py" ] && ${measured}python3 "$work/$2/$3.py" $data ;;
    c) [ -x "$work/$2/$3" ] && "$work/$2/$3" ;;
    lua) [ -f "$work/$2/$3.lua" ] && LUA_PATH=$work/$2/?.lua "$lua" "$work/$2/$3.lua" ;;
    esac
}

# Puts "SYSTEM NAME VALUE UNIT" into the results; says so when a program fails.
note() { # SYSTEM
    awk -v who="$1" '
        NF == 3 && $2 + 0 == $2 { print who, $0; next }
        NF > 0 { print "bench: " who ": " $0 > "/dev/stderr" }' >> "$results"
}

run_one() { # SYSTEM FOLDER NAME
    case $1/$3 in guile/*) quiet=/dev/null ;; *) quiet=/dev/stderr ;; esac
    program "$@" 2> $quiet | note "$1"
}

timed() { # SYSTEM NAME COMMAND ...
    system=$1 name=$2
    shift 2
    "$work/spawn_time" 5 "$@" |
        awk -v name="$name" '{ print name, $1, "ms"; print name "_rss", $4 / 1024, "MB" }' |
        note "$system"
}

hello() { # SYSTEM
    hello=$work/whole/hello
    case $1 in
    eta)
        timed eta hello "$etai" "$hello.eta"
        timed eta-img hello "$etai" "$hello.etac"
        ;;
    erl) timed erl hello erl -noshell -noinput -pa "$work/whole" -eval 'hello:main(), halt().' ;;
    chez) timed chez hello "$chez" --program "$hello.ss" ;;
    guile) XDG_CACHE_HOME=$work/cache timed guile hello guile --auto-compile "$hello.scm" ;;
    lua) timed lua hello "$lua" "$hello.lua" ;;
    esac
}

compile() { # SYSTEM
    [ "$1" = eta ] || return 0
    "$work/spawn_time" 1 "$etac" --check "$work/whole/big.eta" | awk '{ print "check_1MB", $1, "ms" }' | note eta
    "$work/spawn_time" 1 "$etac" -o "$work/whole/big.etac" "$work/whole/big.eta" |
        awk '{ print "compile_1MB", $1, "ms"; print "compile_1MB_rss", $4 / 1024, "MB" }' | note eta
    "$work/spawn_time" 3 "$etai" "$work/whole/big.etac" | awk '{ print "load_1MB", $1, "ms" }' | note eta
}

rss_kb() { awk '/^VmRSS/ { print $2 }' "/proc/$1/status"; }

# Waits until FILE holds LINE; gives up after ten seconds.
wait_for() { # FILE LINE
    tries=0
    until grep -q "$2" "$1" 2> /dev/null; do
        tries=$((tries + 1))
        [ $tries -gt 500 ] && return 1
        sleep 0.02
    done
}

# Bytes of one of COUNT things that a program of actor makes between BASE and READY: growth of the resident
# memory of the process.
bytes_each() { # SYSTEM PROGRAM COUNT ROW
    out=$work/bytes.out
    : > "$out"
    case $1 in
    eta) "$etai" "$work/actor/$2.eta" "$3" > "$out" & ;;
    erl) erl -noshell -noinput +P 2000000 -pa "$work/actor" -eval "$2:main($3), halt()." > "$out" & ;;
    *) return 0 ;;
    esac
    pid=$!
    wait_for "$out" BASE && base=$(rss_kb $pid) && wait_for "$out" READY && full=$(rss_kb $pid) &&
        echo "$4 $(((full - base) * 1024 / $3)) bytes" | note "$1"
    wait $pid
}

# Waiting actors, and timers that are set.
idle() { # SYSTEM
    bytes_each "$1" idle 100000 idle
    bytes_each "$1" idle 1000000 idle_1M
    bytes_each "$1" timers_kept 1000000 timer_bytes
}

each_system() { # FUNCTION [ARGUMENT ...]
    round=0
    while [ $round -lt "$rounds" ]; do
        for system in eta $peers; do
            case $1 in run_one) run_one "$system" "$2" "$3" ;; *) "$1" "$system" ;; esac
        done
        round=$((round + 1))
        printf . >&2
    done
    printf ' %s\n' "${3:-$1}" >&2
}

# ---- the table -------------------------------------------------------------------------------------

table() {
    awk -v peers="$peers" '
        function median(key,    n, i, j, v, x) {
            n = count[key]
            for (i = 1; i <= n; i++) x[i] = value[key, i]
            for (i = 2; i <= n; i++) {
                v = x[i]
                for (j = i - 1; j > 0 && x[j] > v; j--) x[j + 1] = x[j]
                x[j + 1] = v
            }
            return n % 2 ? x[(n + 1) / 2] : (x[n / 2] + x[n / 2 + 1]) / 2
        }
        function show(x) { return x >= 100 ? sprintf("%.0f", x) : x >= 10 ? sprintf("%.1f", x) : sprintf("%.3g", x) }
        {
            key = $1 SUBSEP $2
            value[key, ++count[key]] = $3
            if (!($2 in unit)) order[++names] = $2
            unit[$2] = $4
        }
        END {
            n = split("eta eta-img" peers, who, " ")
            head = sprintf("%-16s %-6s", "benchmark", "unit")
            for (i = 1; i <= n; i++) head = head sprintf(" %8s", who[i])
            head = head "  |"
            for (i = 3; i <= n; i++) head = head sprintf(" %9s", "eta/" who[i])
            print head
            for (k = 1; k <= names; k++) {
                name = order[k]
                line = sprintf("%-16s %-6s", name, unit[name])
                for (i = 1; i <= n; i++) {
                    key = who[i] SUBSEP name
                    m[i] = key in count ? median(key) : 0
                    line = line sprintf(" %8s", key in count ? show(m[i]) : "-")
                }
                line = line "  |"
                for (i = 3; i <= n; i++)
                    line = line sprintf(" %9s", m[1] > 0 && m[i] > 0 ? sprintf("%.2f", m[1] / m[i]) : "-")
                print line
            }
        }' "$results"
}

# ---- everything ------------------------------------------------------------------------------------

prepare
check_dispatches
: > "$results"
for name in fib tak hof mandel nqueens bintrees deep escape generator cps fact strbuild msort hash; do
    wanted $name && each_system run_one seq $name
done
for name in json50 regex sort pmap text; do
    wanted $name && each_system run_one lib $name
done
for name in million spawn pingpong pairs spin ring ring100k fanin selective freshref call restart timers large \
    parallel; do
    wanted $name && each_system run_one actor $name
done
for name in sockets; do
    wanted $name && each_system run_one net $name
done
for name in idle hello compile; do
    wanted $name && each_system $name
done
echo
table

#!/bin/sh
# Includes may only go one way:
#   vm:       base < image < plat < sched < value < heap < data < code < wire < actor < exec < vm.h
#   compiler: itself, vm/base, vm/image and vm/plat (it never sees a live value)
#   runtime:  itself, vm, and the compiler only from runtime/eval, runtime/repl and runtime/report.c
#   tools:    anything but the VM's *_int.h
# Ends with `N passed, N failed` over the files.
cd "$(dirname "$0")/../.." || exit 1

git ls-files 'vm/*.[ch]' 'vm/*.inc' 'compiler/*.[ch]' 'runtime/*.[ch]' 'tools/*.[ch]' | xargs awk '
    BEGIN {
        n = split("base plat image sched value heap data code wire actor exec", order, " ")
        for (i = 1; i <= n; i++) rank[order[i]] = i
        rank["vm.h"] = rank["vm.c"] = n + 1
    }
    function complain(why) { print FILENAME ": includes " path ": " why; bad[FILENAME] = 1 }
    FNR == 1 { files++ }
    /^#include "/ {
        path = $0
        sub(/^#include "/, "", path)
        sub(/".*/, "", path)
        split(FILENAME, from, "/")
        split(path, to, "/")
        if (from[1] == "vm") {
            if (to[1] != "vm") complain("the VM uses itself only")
            else if (rank[to[2]] > rank[from[2]]) complain(to[2] " is above " from[2])
        } else if (from[1] == "compiler") {
            if (to[1] == "runtime" || to[1] == "tools") complain("is above the compiler")
            if (to[1] == "vm" && to[2] !~ /^(base|image|plat)$/) complain("the compiler sees no live value")
        } else if (from[1] == "runtime") {
            if (to[1] == "compiler" && from[2] != "eval" && from[2] != "repl" && from[2] != "report.c")
                complain("only eval, the REPL and reports know the compiler")
            if (path ~ /_int\.h$/) complain("is private to the VM")
        }
    }
    END {
        for (f in bad) failed++
        printf "%d passed, %d failed\n", files - failed, failed
        exit failed > 0
    }'

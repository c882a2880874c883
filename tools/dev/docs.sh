#!/bin/sh
# The documentation of the standard library, from the comments in its sources (see docs.awk):
#   docs.sh md FOLDER    writes one page a module
#   docs.sh c            prints the table that the REPL shows from
#   docs.sh names        prints `MODULE NAME` for each public name that is no keyword, where it is defined
#   docs.sh check        every export has a comment, with an example but for modules in examples.txt; ends with `N passed, N failed`
cd "$(dirname "$0")/../.." || exit 1
export LC_ALL=C
[ "$1" != md ] || mkdir -p "$2" || exit 1
awk -v mode="$1" -v folder="$2" -f tools/dev/docs.awk compiler/syntax/forms.def tools/dev/examples.txt \
    $(find stdlib -name '*.eta' | sort)

#!/bin/sh
# Every export of the public modules of the standard library has a doc comment, with an example (see docs.sh). Ends with
# `N passed, N failed` over the exports.
exec sh "$(dirname "$0")/docs.sh" check

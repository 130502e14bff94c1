#!/usr/bin/env bash
# exports.sh HEADER LIBRARY: the library exports exactly the functions that the header declares.
set -euo pipefail
diff -u --label "declared in $1" --label "exported by $2" \
  <(sed -n 's/^MCR_API.*[ *]\(mcr_[a-z0-9_]*\)(.*/\1/p' "$1" | sort) \
  <(nm -D --defined-only "$2" | awk '{ print $3 }' | sort)

#!/usr/bin/env bash
# core/README.md has every header of core/ in its tables, and nothing that is not there.
. "$(dirname "$0")/sources.bash"
found=0
mapped=$(awk '/^## [a-z]+\// { folder = $2 }
  /^\| [a-z]/ && folder { split($0, column, "|"); n = split(column[2], name, /[ ,]+/)
    for (i = 1; i <= n; i++) if (name[i] ~ /\.h$/) print "core/" folder name[i] }' core/README.md | sort)
while IFS= read -r line; do
  case $line in
    '<'*) echo "core/README.md:1: ${line#< } is not in the map" ;;
    *) echo "core/README.md:1: ${line#> } is in the map but not in the tree" ;;
  esac
  found=1
done < <(diff <(find core -mindepth 2 -name '*.h' | sort) <(echo "$mapped") | grep '^[<>]')
exit "$found"

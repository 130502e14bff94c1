#!/usr/bin/env bash
# core/README.md has every header of core/ in its tables, and lua/README.md every module of lua/mooncrier/;
# neither has anything that is not there.
. "$(dirname "$0")/sources.bash"
found=0
mapped=$(awk '/^## [a-z]+\// { folder = $2 }
  /^\| [a-z]/ && folder { split($0, column, "|"); n = split(column[2], name, /[ ,]+/)
    for (i = 1; i <= n; i++) if (name[i] ~ /\.h$/) print "core/" folder name[i] }' core/README.md | sort)
modules=$(awk '/^## How it is built/ { here = 1 }
  /^\| [a-z]/ && here { split($0, column, "|"); n = split(column[2], name, /[ ,]+/)
    for (i = 1; i <= n; i++) if (name[i] != "" && name[i] != "module") print "lua/mooncrier/" name[i] ".lua" }' lua/README.md | sort)

# compare MAP FOUND LISTED
compare() {
  while IFS= read -r line; do
    case $line in
      '<'*) echo "$1:1: ${line#< } is not in the map" ;;
      *) echo "$1:1: ${line#> } is in the map but not in the tree" ;;
    esac
    found=1
  done < <(diff <(echo "$2") <(echo "$3") | grep '^[<>]')
}
compare core/README.md "$(find core -mindepth 2 -name '*.h' | sort)" "$mapped"
compare lua/README.md "$(find lua/mooncrier -name '*.lua' | sort)" "$modules"
exit "$found"

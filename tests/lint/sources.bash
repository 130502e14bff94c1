# Sourced by the checks beside it. A check prints "file:line: what is wrong" and fails if it printed
# anything. Runs from the root of the tree.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

# sources FOLDER… -- PATTERN… lists the files below the folders that match a pattern, NUL-separated.
sources() {
  local folders=() match=()
  while [ "$1" != -- ]; do
    [ ! -e "$1" ] || folders+=("$1")
    shift
  done
  shift
  while [ $# -gt 0 ]; do
    match+=(-o -name "$1")
    shift
  done
  find "${folders[@]}" -type f \( "${match[@]:1}" \) -print0 | sort -z
}

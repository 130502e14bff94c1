#!/usr/bin/env bash
# clang-tidy with the checks of .clang-tidy over core/, by the compile commands of build/release. The
# analyzer follows TIDY_NODES states of each function; its own default, 225000, takes three times as long.
. "$(dirname "$0")/sources.bash"
commands=build/release
nodes=(-Xclang -analyzer-config -Xclang "max-nodes=${TIDY_NODES:-40000}")
[ -f "$commands/compile_commands.json" ] || {
  echo "no $commands/compile_commands.json: run cmake --preset release first"
  exit 1
}
found=0
checked=()
while IFS= read -r -d '' file; do
  if grep -qF "\"file\": \"$PWD/$file\"" "$commands/compile_commands.json"; then
    checked+=("$file")
  else
    echo "$file:1: no target compiles this file"
    found=1
  fi
done < <(sources core -- '*.c')
printf '%s\0' "${checked[@]}" |
  xargs -0 -n 4 -P "$(nproc)" clang-tidy --quiet -p "$commands" "${nodes[@]/#/--extra-arg=}" \
    2> >(grep -vE 'warnings? generated|^Suppressed|^Use -header' >&2) || found=1
exit "$found"

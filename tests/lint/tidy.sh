#!/usr/bin/env bash
# clang-tidy with the checks of .clang-tidy over core/, by the compile commands of build/release.
. "$(dirname "$0")/sources.bash"
commands=build/release
[ -f "$commands/compile_commands.json" ] || {
  echo "no $commands/compile_commands.json: run cmake --preset release first"
  exit 1
}
# Files that no target compiles have no command to check them by.
sources core -- '*.c' |
  while IFS= read -r -d '' file; do
    grep -qF "\"file\": \"$PWD/$file\"" "$commands/compile_commands.json" ||
      { echo "$file:1: no target compiles this file" >&2 && exit 1; }
    printf '%s\0' "$file"
  done |
  xargs -0 -r -n 4 -P "$(nproc)" clang-tidy --quiet -p "$commands" 2> >(grep -vE 'warnings? generated' >&2)

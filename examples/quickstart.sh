#!/usr/bin/env bash
# Installs what is missing, builds the release preset, runs real events through the shipped handlers
# into an event store (examples/quickstart.lua) and shows them as kubectl would. Works from any
# directory, as often as you like.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"

tests/install.sh build

log=$(mktemp)
trap 'rm -f "$log"' EXIT
echo "building build/release/mooncrier"
# A tree that was copied or moved brings a cache that CMake refuses.
cache=build/release/CMakeCache.txt
if [ -f "$cache" ] && ! grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$root" "$cache"; then
  rm -rf build/release
fi
if ! cmake --preset release >"$log" 2>&1 ||
  ! cmake --build --preset release --target mooncrier >>"$log" 2>&1; then
  cat "$log" >&2
  echo "quickstart: the build failed; what it said is above" >&2
  exit 1
fi

events=examples/data/events.jsonl store=build/quickstart.db
rm -f "$store" "$store"-*
printf '\n$ build/release/mooncrier run -c examples/quickstart.lua < %s\n' "$events"
build/release/mooncrier run -c examples/quickstart.lua <"$events"

get=(get events -n prod-web --store "$store")
printf '\n$ build/release/mooncrier %s\n' "${get[*]}"
# The first events, as wide as most screens.
build/release/mooncrier "${get[@]}" | LC_ALL=C.UTF-8 sed -n -E -e 's/^(.{139}).+/\1…/' -e 1,13p

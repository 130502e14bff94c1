#!/usr/bin/env bash
# Lua is clean by .luacheckrc.
. "$(dirname "$0")/sources.bash"
sources lua scripts examples tests -- '*.lua' | xargs -0 -r luacheck --quiet --no-color --

#!/usr/bin/env bash
# C is laid out as .clang-format says.
. "$(dirname "$0")/sources.bash"
sources core tests examples -- '*.c' '*.h' | xargs -0 -r clang-format --dry-run -Werror

#!/usr/bin/env bash
# Every header of core/ compiles on its own, twice. An *_abi.h is read by LuaJIT too: its includer
# brings <stdint.h> and base/str_abi.h, and it holds only what both compilers read.
. "$(dirname "$0")/sources.bash"
read -r -a flags < <(pkg-config --cflags luajit libpcre2-8 libxxhash libcjson)
found=0
while IFS= read -r -d '' file; do
  name=${file#core/}
  before=""
  if [[ $name == *_abi.h ]]; then
    before='#include <stdint.h>'
    [ "$name" = base/str_abi.h ] || before+=$'\n#include "base/str_abi.h"'
    [[ $name != script/* ]] || before+=$'\n#include "event/event_abi.h"'
    if grep -nHE '^[ \t]*#' "$file" | grep -vE '#[ \t]*pragma once'; then
      echo "$file: LuaJIT reads no preprocessor lines but #pragma once"
      found=1
    fi
  fi
  printf '%s\n#include "%s"\n#include "%s"\nextern int mcr_not_empty;\n' "$before" "$name" "$name" |
    gcc -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Werror -fsyntax-only -Icore "${flags[@]}" -x c - ||
    found=1
done < <(sources core -- '*.h')
exit "$found"

#!/usr/bin/env bash
# Names at the top of the tree, length of files, left-over markers, one protected call.
. "$(dirname "$0")/sources.bash"
found=0
wrong() {
  echo "$*"
  found=1
}

for name in * .[!.]*; do
  case $name in
    core | lua | scripts | examples | tests | build) ;;
    CMakeLists.txt | CMakePresets.json | README.md | LICENSE | CHANGELOG.md) ;;
    .ci | .git | .gitignore | .cache | .clang-format | .clang-tidy) ;;
    .luacheckrc | .luarc.json | .busted | .editorconfig) ;;
    *) wrong "$name:1: nothing of that name belongs at the top of the tree" ;;
  esac
done

while IFS= read -r -d '' file; do
  lines=$(wc -l <"$file")
  [ "$lines" -le 600 ] || wrong "$file:600: $lines lines; 600 is the most: is it still one concept?"
done < <(sources core lua scripts examples tests -- '*.c' '*.h' '*.lua' '*.sh' '*.cmake')

# The words are put together here so that this file passes.
markers="\\b(TO""DO|FIX""ME|XX""X|HA""CK)\\b"
if sources core lua scripts examples tests -- '*.c' '*.h' '*.lua' '*.sh' '*.cmake' CMakeLists.txt '*.md' |
  xargs -0 grep -nHE "$markers"; then
  wrong "left-over markers"
fi

# Lua is entered in one place, protected, so that no error of a script can end the program.
calls=$(sources core -- '*.c' '*.h' | xargs -0 grep -nHE '\blua_c?pcallk? *\(' | grep -vE ':[0-9]+: *(//|\*)' || :)
if [ -d core/script ] && [ "$(grep -c . <<<"$calls")" -ne 1 ]; then
  wrong "lua_pcall belongs in exactly one place; found:"
  echo "$calls"
fi
# But for the walk over a chain of hooks, which is a C function that only that call enters.
if sources core -- '*.c' '*.h' |
  xargs -0 grep -nHE '\b(lua_callk?|luaL_do(string|file)|lua_resume) *\(' |
  grep -vE ':[0-9]+: *(//|\*)|^core/script/driver\.c:[0-9]+: *lua_call\(L, 0, 0\);'; then
  wrong "unprotected or hidden calls of Lua"
fi
exit "$found"

#!/usr/bin/env bash
# install_test.sh BUILD_DIR: `cmake --install` puts everything where Debian expects it, and what is
# there works without the source tree.
set -euo pipefail
build=$(cd "$1" && pwd)
root=$(cd "$(dirname "$0")/../.." && pwd)
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
prefix=$stage/usr
arch=$(gcc -print-multiarch)

cmake --install "$build" --prefix "$prefix" >"$stage/log" || { cat "$stage/log"; exit 1; }
cd "$prefix"

fail() {
  echo "install: $*"
  exit 1
}

lib=lib/$arch
[ -d "$lib" ] || lib=lib
expected=(
  bin/mooncrier include/mooncrier.h "$lib/libmooncrier.so" "$lib/pkgconfig/mooncrier.pc"
  "$lib/lua/5.1/mooncrier/core.so" share/man/man1/mooncrier.1 share/man/man7/mooncrier-lua.7
  share/doc/mooncrier/README.md share/doc/mooncrier/LICENSE share/doc/mooncrier/CHANGELOG.md
)
for folder in lua/mooncrier:share/lua/5.1/mooncrier lua/meta:share/mooncrier/meta scripts:share/mooncrier/scripts; do
  while IFS= read -r file; do
    expected+=("${folder#*:}/$file")
  done < <(cd "$root/${folder%%:*}" && find . -name '*.lua' ! -name '*_spec.lua' | sed 's|^\./||')
done
find . \( -type f -o -type l \) | sed 's|^\./||' | grep -vE '/libmooncrier\.so\.[0-9.]+$' | sort >"$stage/found"
printf '%s\n' "${expected[@]}" | sort | diff -u - "$stage/found" || fail "the list of files differs"
[ "$(find include -type f | wc -l)" -eq 1 ] || fail "mooncrier.h is the only header"

# Nothing but the library's own names is exported.
if nm -D --defined-only "$lib/libmooncrier.so" | awk '$2 ~ /[TDBR]/ { print $3 }' | grep -vE '^mcr_'; then
  fail "libmooncrier.so exports names that are not its own"
fi

# The program finds its shipped scripts, from anywhere.
cd "$stage"
cat >mooncrier.lua <<'LUA'
return {
  sources = { { kind = "jsonl", path = "-" } },
  sinks = { out = { kind = "stdout" } },
  watchers = { { name = "w", script = "handlers/warnings.lua", sinks = { "out" } } },
}
LUA
"$prefix/bin/mooncrier" check
"$prefix/bin/mooncrier" run <"$root/examples/data/events.jsonl" >out.jsonl
[ "$(wc -l <out.jsonl)" -eq "$(grep -c '"type":"Warning"' "$root/examples/data/events.jsonl")" ] ||
  fail "the installed program passed $(wc -l <out.jsonl) events"

# Specs find the shipped scripts as a configuration does.
mkdir specs
cat >specs/shipped_spec.lua <<'LUA'
it("runs", function()
  assert.equal(1, require("mooncrier.test").run("handlers/warnings.lua", { reason = "BackOff" }).passed)
end)
LUA
"$prefix/bin/mooncrier" test -q specs || fail "test does not find the shipped scripts"

# A new project finds the stubs.
"$prefix/bin/mooncrier" init -q project
grep -qF "\"$prefix/share/mooncrier/meta\"" project/.luarc.json || fail "init does not know the installed stubs"
[ ! -e project/.mooncrier ] || fail "init copies stubs that are installed"
(cd project && "$prefix/bin/mooncrier" run >/dev/null 2>&1 && "$prefix/bin/mooncrier" test -q) || fail "a new project fails"

# A C program compiles and links by the pkg-config file, and runs.
cat >embed.c <<'C'
#include <mooncrier.h>
#include <stdio.h>
int main(void)
{
    printf("%s\n", MCR_VERSION);
    return 0;
}
C
export PKG_CONFIG_PATH=$prefix/$lib/pkgconfig
read -r -a flags < <(pkg-config --cflags --libs mooncrier)
gcc -Wall -Wextra -Werror -std=c11 -pedantic embed.c -o embed "${flags[@]}"
LD_LIBRARY_PATH=$prefix/$lib ./embed

# LuaJIT loads the installed modules.
LUA_PATH="$prefix/share/lua/5.1/?.lua;$prefix/share/lua/5.1/?/init.lua" \
  LUA_CPATH="$prefix/$lib/lua/5.1/?.so" luajit -e 'assert(require("mooncrier"))'
echo "install: all there"

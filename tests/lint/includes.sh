#!/usr/bin/env bash
# The direction of knowledge: a folder of core/ includes its own files and those of the folders named
# here, and each library is known to the folders named here only.
. "$(dirname "$0")/sources.bash"
# shellcheck disable=SC2016 # the program is awk's
sources core -- '*.c' '*.h' | xargs -0 awk '
  BEGIN {
    may["base"] = ""
    may["event"] = "base"
    may["correlate"] = "base event"
    may["net"] = "base"
    may["store"] = "base event"
    may["sink"] = "base event correlate net store"
    may["broadcast"] = "base event correlate sink"
    may["source"] = "base event correlate sink broadcast net"
    may["script"] = "base event correlate sink broadcast"
    may["api"] = "base event correlate net store sink"
    may["config"] = "base event correlate sink broadcast source script"
    may["rehearse"] = "base event correlate sink broadcast script config"
    may["daemon"] = "base event correlate net sink broadcast source script config"
    may["repl"] = "base event script config rehearse daemon"
    may["cli"] = "base event correlate net store sink broadcast source script api config rehearse daemon repl"

    name_of["base"] = name_of["event"] = name_of["broadcast"] = name_of["cli"] = "knows mooncrier.h"

    only["lua.h"] = only["lauxlib.h"] = only["lualib.h"] = only["luajit.h"] = "script config cli"
    only["curl/curl.h"] = only["microhttpd.h"] = "net"
    only["yaml.h"] = "net"
    only["sqlite3.h"] = "store"
    only["pcre2.h"] = "script cli"
    only["ev.h"] = "net sink broadcast source api daemon cli"
    only["cjson/cJSON.h"] = "event correlate net store sink script api rehearse daemon repl cli"
    only["xxhash.h"] = "event correlate store sink broadcast source script config rehearse daemon cli"
    only["zlib.h"] = "net sink source cli"
  }
  function wrong(text) { printf "%s:%d: %s\n", FILENAME, FNR, text; found = 1 }
  function has(list, word) { return index(" " list " ", " " word " ") > 0 }
  FNR == 1 {
    n = split(FILENAME, part, "/")
    folder = n == 3 ? part[2] : ""
    if (n == 3 && !(folder in may)) wrong("the folder core/" folder " is not in the table of this check")
    if (n > 3) wrong("core/ has no folders in folders")
  }
  /^[ \t]*#[ \t]*include/ {
    name = $0
    sub(/^[^"<]*["<]/, "", name)
    sub(/[">].*/, "", name)
    if ($0 ~ /</) {
      if (name in only && !has(only[name], folder)) wrong("<" name "> is for " only[name])
      next
    }
    if (name == "build.h" && (folder == "daemon" || folder == "cli")) next # written by CMake
    if (name == "mooncrier.h") {
      if (name_of[folder] == "") wrong("mooncrier.h is for base, event and broadcast, which share its types, and cli")
      next
    }
    if (name !~ /^[a-z0-9]+\/[a-z0-9_]+\.h$/) { wrong("\"" name "\": includes are written \"folder/file.h\""); next }
    target = name
    sub(/\/.*/, "", target)
    if (folder == "") wrong("a file on top of core/ includes nothing of ours")
    else if (target != folder && !has(may[folder], target)) wrong(folder " does not know " target)
  }
  END { exit found }'

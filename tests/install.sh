#!/usr/bin/env bash
# Installs the Debian 12 packages that mooncrier needs, those that are missing only, as root or by
# sudo. A second run asks nothing of the network.
#
#   tests/install.sh          everything: build, tests, lint
#   tests/install.sh build    what building and running takes
set -euo pipefail

build=(
  cmake gcc libc6-dev ninja-build pkg-config
  libcjson-dev libcurl4-openssl-dev libedit-dev libev-dev libluajit-5.1-dev libmicrohttpd-dev libpcre2-dev
  libsqlite3-dev libxxhash-dev libyaml-dev luajit zlib1g-dev
)
tests=(
  clang clang-format clang-tidy curl gzip libclang-rt-dev libcmocka-dev libgnutls28-dev
  lua-busted lua-check lua-cjson mandoc nghttp2-server openssl shellcheck sqlite3 tmux
)

case "${1-all}" in
  all) wanted=("${build[@]}" "${tests[@]}") ;;
  build) wanted=("${build[@]}") ;;
  *)
    echo "usage: tests/install.sh [build]" >&2
    exit 2
    ;;
esac

if ! command -v dpkg-query >/dev/null; then
  echo "install.sh: no dpkg here: mooncrier is built on Debian 12; install the likes of: ${wanted[*]}" >&2
  exit 1
fi

# Prints those of the packages that are not installed, one a line.
missing() {
  # dpkg-query fails for names it does not know, and prints the others all the same.
  { dpkg-query --show --showformat='${Package} ${db:Status-Status}\n' "$@" 2>/dev/null || :; } |
    awk -v wanted="$*" '
      $2 == "installed" { have[$1] = 1 }
      END { n = split(wanted, name, " "); for (i = 1; i <= n; i++) if (!(name[i] in have)) print name[i] }'
}

mapfile -t lacking < <(missing "${wanted[@]}")
if [ "${#lacking[@]}" -eq 0 ]; then
  echo "packages: all ${#wanted[@]} are there"
  exit 0
fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "install.sh: these packages are missing: ${lacking[*]}" >&2
    echo "install.sh: run as root once (or install sudo): apt-get install ${lacking[*]}" >&2
    exit 1
  fi
  as_root=(sudo)
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT

# Runs apt-get quietly; its output is shown when it fails.
apt() {
  if ! "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y \
    -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300 "$@" >"$log" 2>&1 </dev/null; then
    tail -n 40 "$log" >&2
    echo "install.sh: apt-get $1 failed; its last lines are above" >&2
    exit 1
  fi
}

[ "${#as_root[@]}" -eq 0 ] || sudo -v
echo "packages: installing ${#lacking[@]} of ${#wanted[@]}: ${lacking[*]}"
apt update
apt install --no-install-recommends "${lacking[@]}"
mapfile -t still < <(missing "${wanted[@]}")
if [ "${#still[@]}" -ne 0 ]; then
  echo "install.sh: apt-get said nothing, yet these are missing: ${still[*]}" >&2
  exit 1
fi
echo "packages: installed"

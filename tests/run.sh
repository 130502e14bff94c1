#!/usr/bin/env bash
# Installs what is needed, builds and runs every test. The last line is "N passed, M failed"; the
# exit code is 1 if anything failed.
#
#   tests/run.sh                 everything
#   FUZZ_SECONDS=600 tests/run.sh fuzz       look for new faults; without it the same inputs each time
#   tests/run.sh unit lint       some parts, of: unit vectors lua e2e examples stress fuzz install lint
#
# A part's build and test output is kept in build/logs/; what failed is printed.
set -uo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root" || exit 1
all_parts=(lint unit vectors lua e2e examples install stress fuzz)
fuzz_runs=${FUZZ_RUNS:-60000}
fuzz_seconds=${FUZZ_SECONDS:-0}
logs=$root/build/logs
jobs=$(nproc)
total_passed=0
total_failed=0

# A part sets these two; everything else it has to say it prints.
passed=0
failed=0

die() {
  echo "run.sh: $*" >&2
  exit 2
}

seconds_since() {
  echo $((SECONDS - $1))
}

# Says what failed, with the interesting end of a log.
show() {
  local title=$1 log=$2
  echo "---- $title ($log)"
  tail -n 60 "$log"
  echo "----"
}

# build PRESET TARGET… configures and builds quietly; false when it fails, after the compiler's
# words. Warnings are errors in every preset here.
build() {
  local preset=$1 start=$SECONDS log=$logs/build-$1.log cache=$root/build/$1/CMakeCache.txt
  shift
  # A tree that was copied or moved brings a cache that CMake refuses.
  if [ -f "$cache" ] && ! grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$root" "$cache"; then
    rm -rf "${root:?}/build/$preset"
  fi
  if ! cmake --preset "$preset" -DMCR_WERROR=ON >"$log" 2>&1 ||
    ! cmake --build --preset "$preset" -j "$jobs" --target "$@" >>"$log" 2>&1; then
    echo "---- building $* ($preset) failed ($log)"
    grep -E -A6 'error|FAILED|Error' "$log" | head -n 80
    echo "----"
    return 1
  fi
  echo "    built $preset: $* ($(seconds_since "$start") s)"
}

# Runs the registered tests of one label in one preset. cmocka's cases are counted one by one, any
# other program as one; a program that died without a verdict is one failure.
run_ctest() {
  local preset=$1 label=$2 log=$logs/$2-$1.log verdict
  ctest --test-dir "build/$preset" -L "^$label\$" -E "^vectors\$" -j "$jobs" --verbose >"$log" 2>&1
  verdict=$(awk '
    { id = $1; sub(/:$/, "", id) }
    /^[0-9]+: .*\[  PASSED  \] [0-9]+ test/ { counted[id] = 1; split($0, a, "PASSED  ] "); ok += a[2] + 0 }
    /^[0-9]+: .*\[  FAILED  \] [0-9]+ test/ { counted[id] = 1; bad[id] = 1; split($0, a, "FAILED  ] "); no += a[2] + 0 }
    $0 ~ /Test +#[0-9]+: .* sec$/ {
      id = $0; sub(/.*Test +#/, "", id); sub(/:.*/, "", id)
      if ($0 ~ / Passed +[0-9.]+ sec$/) { if (!(id in counted)) ok++ }
      else { if (!(id in bad)) no++; name = $0; sub(/.*Test +#[0-9]+: /, "", name); sub(/ .*/, "", name)
             print "failed", id, name }
    }
    END { print "counts", ok + 0, no + 0 }' "$log")
  while read -r what id name; do
    case $what in
      counts) passed=$((passed + id)) failed=$((failed + name)) ;;
      failed)
        echo "---- $name ($preset; $log)"
        grep -E "^$id: " "$log" | sed "s/^$id: //" | grep -vE '^\[ (RUN  |      OK) \]' | tail -n 60
        ;;
    esac
  done <<<"$verdict"
  [ $((passed + failed)) -gt 0 ] || { echo "    no test is labelled $label"; failed=1; }
}

part_unit() {
  build asan unit-tests || { failed=1; return; }
  UBSAN_OPTIONS=print_stacktrace=1 run_ctest asan unit
}

# ThreadSanitizer keeps the guard's signal from Lua code: what runs away does so without it.
part_stress() {
  build tsan stress-tests threaded-tests || { failed=1; return; }
  TSAN_OPTIONS=halt_on_error=1 run_ctest tsan stress
  TSAN_OPTIONS=halt_on_error=1 run_ctest tsan threads
  build release runaway-tests || { failed=1; return; }
  run_ctest release runaway
}

part_vectors() {
  build asan vectors || { failed=1; return; }
  local log=$logs/vectors.log dir last
  for dir in tests/vectors/public ../shared/vectors/public; do
    [ -d "$dir" ] || { echo "    skipped: $dir is not there"; continue; }
    # The copies in the tree are the same files, unless somebody has newer ones beside it.
    [ "$dir" = tests/vectors/public ] || ! diff -rq "$dir" tests/vectors/public >/dev/null || continue
    if build/asan/tests/vectors "$dir" >"$log" 2>&1; then :; else show "vectors $dir" "$log"; fi
    grep '^total: .*skipped (' "$log" | sed -E 's/^total: .*, ([0-9]+ skipped)/    \1/'
    last=$(sed -nE 's/^total: ([0-9]+ passed, [0-9]+ failed).*/\1/p' "$log")
    if [ -n "$last" ]; then
      passed=$((passed + ${last%% *})) last=${last#*, } failed=$((failed + ${last%% *}))
    else
      echo "    vectors $dir: no verdict" && failed=$((failed + 1))
    fi
  done
}

# Runs busted on the given files or folders under LuaJIT and adds up its counts.
run_busted() {
  local name=$1 log=$logs/$1.log status last
  shift
  luajit /usr/bin/busted --output=TAP "$@" >"$log" 2>&1
  status=$?
  last=$(awk '/^ok / { ok++ } /^not ok / { no++ } END { print ok + 0, no + 0 }' "$log")
  passed=$((passed + ${last% *}))
  failed=$((failed + ${last#* }))
  if [ "$status" -ne 0 ] || [ "$((passed + failed))" -eq 0 ]; then
    [ "${last#* }" -ne 0 ] || failed=$((failed + 1))
    grep -vE '^ok ' "$log" | head -n 80
  fi
  grep -E '^ok .*# *(SKIP|skip|pending)' "$log" | sed 's/^/    skipped: /'
}

part_lua() {
  build release mooncrier mooncrier_lua || { failed=1; return; }
  run_busted lua --run=lua
}

part_e2e() {
  build release mooncrier mooncrier_lua receiver || { failed=1; return; }
  MOONCRIER=$root/build/release/mooncrier run_busted e2e --run=e2e
}

# Every examples/NN-name/ has a `cmd` and an `expected.txt`: cmd runs in a copy of the examples with
# the binary on PATH, and its standard output is the expected text.
part_examples() {
  build release mooncrier mooncrier_library receiver || { failed=1; return; }
  local dir name work
  work=$(mktemp -d)
  cp -R scripts examples "$work"
  for dir in examples/[0-9][0-9]-*/; do
    name=$(basename "$dir")
    if [ ! -f "$dir/cmd" ] || [ ! -f "$dir/expected.txt" ]; then
      echo "    $name: no cmd or no expected.txt"
      failed=$((failed + 1))
      continue
    fi
    if (cd "$work/$dir" && PATH=$root/build/release:$PATH timeout 60 bash ./cmd \
      >"$logs/example-$name.out" 2>"$logs/example-$name.err" </dev/null) &&
      diff -u "$dir/expected.txt" "$logs/example-$name.out" >"$logs/example-$name.diff"; then
      passed=$((passed + 1))
    else
      failed=$((failed + 1))
      diff -u "$dir/expected.txt" "$logs/example-$name.out" >"$logs/example-$name.diff"
      show "example $name: expected and found" "$logs/example-$name.diff"
      show "example $name: its errors" "$logs/example-$name.err"
    fi
  done
  rm -rf "$work"
}

part_install() {
  build release all || { failed=1; return; }
  if tests/e2e/install_test.sh build/release >"$logs/install.log" 2>&1; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    show "cmake --install" "$logs/install.log"
  fi
}

# Every fuzz target from its committed corpus, two at a time, for a moment each.
part_fuzz() {
  build fuzz fuzz-targets || { failed=1; return; }
  local target name work
  work=$(mktemp -d)
  fuzz_one() {
    local target=$1 name=$2 work=$3
    mkdir -p "$work/$name"
    local -a length=(-seed=1 -runs="$fuzz_runs")
    [ "$fuzz_seconds" -eq 0 ] || length=(-max_total_time="$fuzz_seconds")
    "$target" "${length[@]}" -timeout=10 -rss_limit_mb=1024 -print_final_stats=1 \
      -artifact_prefix="$work/$name-" "$work/$name" "tests/fuzz/corpus/$name" \
      >"$logs/fuzz-$name.log" 2>&1
    echo $? >"$work/$name.rc"
  }
  for target in build/fuzz/tests/fuzz/*_fuzz; do
    [ -x "$target" ] || continue
    name=$(basename "$target" _fuzz)
    while [ "$(jobs -rp | wc -l)" -ge "$jobs" ]; do wait -n; done
    fuzz_one "$target" "$name" "$work" &
  done
  wait
  for target in build/fuzz/tests/fuzz/*_fuzz; do
    [ -x "$target" ] || { echo "    there is no fuzz target" && failed=1 && break; }
    name=$(basename "$target" _fuzz)
    if [ "$(cat "$work/$name.rc")" -eq 0 ]; then
      passed=$((passed + 1))
      echo "    $name: $(sed -n 's/^stat::number_of_executed_units: *//p' "$logs/fuzz-$name.log") inputs"
    else
      failed=$((failed + 1))
      cp "$work/$name"-* "$logs/" && echo "    $name: the input that broke it is in $logs"
      show "fuzz target $name" "$logs/fuzz-$name.log"
    fi
  done
  rm -rf "$work"
}

# Each tests/lint/*.sh is one check; it prints what is wrong and where.
part_lint() {
  local check name
  # clang-tidy and the header check read the compile commands.
  build release unit-tests || { failed=1; return; }
  for check in tests/lint/*.sh; do
    name=$(basename "$check" .sh)
    if "$check" >"$logs/lint-$name.log" 2>&1; then
      passed=$((passed + 1))
    else
      failed=$((failed + 1))
      show "lint: $name" "$logs/lint-$name.log"
    fi
  done
}

wanted=("$@")
[ "${#wanted[@]}" -gt 0 ] || wanted=("${all_parts[@]}")
for part in "${wanted[@]}"; do
  declare -F "part_$part" >/dev/null || die "no part is called $part; there are: ${all_parts[*]}"
done

mkdir -p "$logs" || die "cannot write $logs (did root build here before? remove build/)"
[ -w "$logs" ] || die "cannot write $logs (did root build here before? remove build/)"
tests/install.sh || die "packages are missing"
[ -d ../shared/data ] || echo "skipped: ../shared is not there, so the full data sets are not read"

for part in "${wanted[@]}"; do
  passed=0 failed=0 start=$SECONDS
  echo "$part"
  "part_$part"
  printf '%-9s %5d passed %4d failed %5d s\n' "$part" "$passed" "$failed" "$(seconds_since "$start")"
  total_passed=$((total_passed + passed))
  total_failed=$((total_failed + failed))
done

echo "$total_passed passed, $total_failed failed"
[ "$total_failed" -eq 0 ]

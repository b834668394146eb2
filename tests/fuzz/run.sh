#!/usr/bin/env bash
# Runs every libFuzzer target over its corpus: RUNS inputs of at most 4 KiB and then, over inputs that large_inputs.py
# makes, a few of up to 1 MiB (OCTET_FUZZ_LARGE_KIB). One that takes a second (of a megabyte 20, as sanitizers slow all down by about that;
# large_inputs_test.py goes without) or 512 MiB is a finding too. What is found lies in OCTET_FUZZ_DIR/findings, and the
# exit code is 1 then. To build them: cmake --preset sanitize && cmake --build --preset sanitize --target fuzzers
#
#   tests/fuzz/run.sh [RUNS [TARGET...]]    20,000 runs of all targets, where nothing else is said
#
# OCTET_FUZZ_DIR: the programs; default build/sanitize/tests/fuzz
# OCTET_FUZZ_LARGE_KIB: size of the large inputs; default 1024
# OCTET_FUZZ_SECONDS: most of each target, of its small inputs and of its large ones; default 60
set -uo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd) || exit 2
programs=${OCTET_FUZZ_DIR:-$here/../../build/sanitize/tests/fuzz}
runs=${1:-20000}
large_kib=${OCTET_FUZZ_LARGE_KIB:-1024}
shift
targets=("$@")
[[ $# -gt 0 ]] || mapfile -t targets < <(ls "$here/corpus")
findings=$programs/findings
mkdir -p "$findings" || exit 2
scratch=$(mktemp -d) || exit 2
trap 'rm -rf "$scratch"' EXIT
# The quarantine of freed memory would count as the parser's.
export ASAN_OPTIONS=quarantine_size_mb=8:${ASAN_OPTIONS:-}
export UBSAN_OPTIONS=print_stacktrace=1:${UBSAN_OPTIONS:-}

# fuzz TARGET NAME SECONDS LIBFUZZER_ARGUMENT...: prints a line on how it went.
fuzz() {
  local target=$1 name=$2 timeout=$3 log
  shift 3
  log=$findings/$name.log
  "$programs/$target" -timeout="$timeout" -rss_limit_mb=512 -seed=1 -max_total_time="${OCTET_FUZZ_SECONDS:-60}" \
    -reload=0 -print_final_stats=1 -artifact_prefix="$findings/$name-" "$@" > "$log" 2>&1
  local status=$?
  printf '%-26s %9s runs, %6s/s, %4s MiB%s\n' "$name" "$(stat "$log" number_of_executed_units)" \
    "$(stat "$log" average_exec_per_sec)" "$(stat "$log" peak_rss_mb)" "$([[ $status -eq 0 ]] || echo ': FOUND')"
  [[ $status -eq 0 ]] || { grep -v '^#' "$log" | tail -n 60 >&2; return 1; }
}

# stat LOG NAME: one of libFuzzer's final numbers.
stat() { sed -n "s/^stat::$2: *//p" "$1"; }

# fuzz_target TARGET: over small inputs, then over large ones.
fuzz_target() {
  local target=$1 seconds=1 found=0
  mkdir -p "$scratch/$target"/{new,large,new_large} || return 2
  local seeds=("$here/corpus/$target")
  if [[ $target == chat_template ]]; then
    seconds=20  # what its limits allow takes 0.3 s without sanitizers
    mkdir "$scratch/templates" && seeds+=("$scratch/templates")
    python3 -c 'import json, pathlib, sys
for i, text in enumerate(json.load(open(sys.argv[1]))["templates"]):
    pathlib.Path(sys.argv[2], str(i)).write_text(text)' \
      "$here/../golden/jinja/templates.json" "$scratch/templates" || return 2
  fi
  python3 "$here/large_inputs.py" "$target" "$scratch/$target/large" "$large_kib" || return 2
  fuzz "$target" "$target" "$seconds" -runs="$runs" -max_len=4096 -dict="$here/dictionaries/$target" \
    "$scratch/$target/new" "${seeds[@]}" || found=1
  fuzz "$target" "$target-large" 20 -runs=100 -max_len=$((large_kib * 1024)) "$scratch/$target/new_large" \
    "$scratch/$target/large" || found=1
  return "$found"
}

found=0
running=0
for target in "${targets[@]}"; do
  if ((running == $(nproc))); then
    wait -n || found=1
    running=$((running - 1))
  fi
  fuzz_target "$target" &
  running=$((running + 1))
done
while ((running > 0)); do
  wait -n || found=1
  running=$((running - 1))
done
exit "$found"

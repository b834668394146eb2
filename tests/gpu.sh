#!/usr/bin/env bash
# For a machine with CUDA devices: runs what the test command can't, and measures. Builds Release, then
#   conformance   the operations of the backend against their references, on device 0
#   sanitizer     the same under compute-sanitizer: memcheck, racecheck, synccheck
#   nccl          rows between all devices of this machine
#   job           the demo's prompts on all of them: the CPU's tokens in float32, and bytes that do not depend on ranks
#   speed         octet bench throughput --device cuda with random weights
# Each step that has passed on this commit and device is not run again, so that several calls of ten minutes do what one
# long one does. Results: build/gpu/*.json, and all of them in build/gpu/results.json.
#
#   tests/gpu.sh [--seconds N]   begins no step after N seconds (default: 540)
#
# Exit codes: 0 all steps have passed, 75 some are left, 77 there is no device, 1 a step failed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
seconds=540
[[ ${1:-} != --seconds ]] || seconds=$2
if ! command -v nvidia-smi > /dev/null || ! devices=$(nvidia-smi --query-gpu=name --format=csv,noheader); then
  echo "there is no CUDA device"
  exit 77
fi
count=$(wc -l <<< "$devices")
device=$(head -n 1 <<< "$devices")
commit=$(git describe --always --dirty --abbrev=12)
out=build/gpu
mkdir -p "$out"
build=build/release

launch/install_packages.sh --tests
cmake --preset release -DBUILD_TESTING=ON > "$out/configure.log"
cmake --build --preset release --target octet device_conformance_test nccl_rows_device_test > "$out/build.log"

left=0
failed=0
# step NAME COMMAND...: runs it once for this commit and device. It may write its figures to $figures.
step() {
  local name=$1 status=0 started=$SECONDS
  shift
  figures=$out/$name.figures.json
  if python3 tests/gpu_results.py has "$out/$name.json" "$commit" "$device"; then
    echo "$name: done before"
    return
  fi
  if ((SECONDS > seconds)); then
    echo "$name: left for the next call"
    left=$((left + 1))
    return
  fi
  rm -f "$figures"
  "$@" > "$out/$name.log" 2>&1 || status=$?
  python3 tests/gpu_results.py write "$out/$name.json" "$commit" "$device" "$status" "$((SECONDS - started))" "$figures"
  echo "$name: exit code $status after $((SECONDS - started)) s ($out/$name.log)"
  [[ $status -eq 0 ]] || failed=$((failed + 1))
}

# speed NAME ARGUMENT...: a step of octet bench throughput.
speed() {
  local name=$1
  shift
  step "$name" env OCTET_BIN=$build/launch/octet launch/run.sh -n 1 bench throughput --device cuda --random-weights \
    --output-json "$out/$name.figures.json" "$@"
}

conformance=$build/tests/device_conformance_test
step conformance "$conformance"
for tool in memcheck racecheck synccheck; do
  if command -v compute-sanitizer > /dev/null; then
    step "sanitizer_$tool" compute-sanitizer --tool "$tool" --error-exitcode 1 "$conformance"
  else
    echo "sanitizer_$tool: left out, there is no compute-sanitizer"
  fi
done
step nccl env OCTET_BIN=$build/tests/nccl_rows_device_test launch/run.sh -n "$count"
step job env OCTET_BIN=$build/launch/octet tests/gpu_job.py "$count"
shape=(--shape mixtral-8x7b)
[[ $device == *H200* || $device == *B200* ]] || shape+=(--layers 16) # half of the weights fit 80 GB
speed decode_1 "${shape[@]}" --num-prompts 1 --input-len 8 --output-len 128
speed decode_64 "${shape[@]}" --num-prompts 64 --input-len 8 --output-len 64
speed prefill_2048 "${shape[@]}" --num-prompts 8 --input-len 2048 --output-len 1 --max-num-batched-tokens 2048
speed offline_128 "${shape[@]}" --num-prompts 512 --input-len 128 --output-len 128 --max-num-seqs 512

python3 tests/gpu_results.py collect "$out"
if ((failed > 0)); then exit 1; fi
if ((left > 0)); then exit 75; fi

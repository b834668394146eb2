#!/usr/bin/env bash
# clang-tidy over the product's sources (not the tests'), with the compile commands of a build directory of Clang's (its
# precompiled headers are used). In a unity build headers are read and checked once for many sources.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
build=$1
mapfile -t sources < <(
  jq -r '.[].file' "$build/compile_commands.json" | grep -vE "^$PWD/($build/)?(tests|proto)/|cmake_pch|\.cu$")
# A unity includes sources, and hides unused using-declarations: check_usings.py looks for those.
printf '%s\0' "${sources[@]}" |
  xargs -0 -P "$(nproc)" -n 1 clang-tidy --quiet -p "$build" --checks=-bugprone-suspicious-include \
    --extra-arg=-Wno-unknown-warning-option 2>&1 |
  { grep -vE '^[0-9]+ warnings? generated' || true; }

# Device code as the emulation of the tests compiles it: its commands in the build directory are nvcc's.
cuda=$(jq -r '.[].command' "$build/compile_commands.json" | grep -oE -m 1 -- '-isystem [^ ]*cuda[^ ]*' || true)
[[ -n $cuda ]] || exit 0
printf '%s\0' kernels/cuda/*.cu |
  xargs -0 -P "$(nproc)" -I {} clang-tidy --quiet --checks=-bugprone-suspicious-include {} -- \
    -std=c++20 -x c++ -include tests/cuda_emu/device_code.h -Wno-unknown-pragmas -I. "${cuda% *}" "${cuda#* }" 2>&1 |
  { grep -vE '^[0-9]+ warnings? generated' || true; }

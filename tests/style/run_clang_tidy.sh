#!/usr/bin/env bash
# clang-tidy over the product's sources (not the tests'), with the compile commands of a build directory of Clang's (its
# precompiled headers are used). In a unity build headers are read and checked once for many sources.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
build=$1
mapfile -t sources < <(
  jq -r '.[].file' "$build/compile_commands.json" | grep -vE "^$PWD/($build/)?(tests|proto)/|cmake_pch")
# A unity includes sources, and hides unused using-declarations: check_usings.py looks for those.
printf '%s\0' "${sources[@]}" |
  xargs -0 -P "$(nproc)" -n 1 clang-tidy --quiet -p "$build" --checks=-bugprone-suspicious-include \
    --extra-arg=-Wno-unknown-warning-option 2>&1 |
  { grep -vE '^[0-9]+ warnings? generated' || true; }

#!/usr/bin/env bash
# clang-tidy over the product's sources (not the tests'), with the compile commands of a build directory. In a unity
# build headers are read and checked once for several sources, which takes a third of the time.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
build=$1
mapfile -t sources < <(
  jq -r '.[].file' "$build/compile_commands.json" | grep -vE "^$PWD/($build/)?(tests|proto)/|cmake_pch")
# Without the precompiled headers, which are GCC's.
database=$(mktemp -d)
trap 'rm -rf "$database"' EXIT
sed 's/-Winvalid-pch -include [^ ]*cmake_pch.hxx//' "$build/compile_commands.json" \
  > "$database/compile_commands.json"
# A unity includes sources, and hides unused using-declarations: check_usings.py looks for those.
printf '%s\0' "${sources[@]}" |
  xargs -0 -P "$(nproc)" -n 1 clang-tidy --quiet -p "$database" --checks=-bugprone-suspicious-include \
    --extra-arg=-Wno-unknown-warning-option 2>&1 |
  { grep -vE '^[0-9]+ warnings? generated' || true; }

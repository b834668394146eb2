#!/usr/bin/env bash
# clang-tidy over the product's sources (not the tests'), with the compile commands of a build directory.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
build=$1
# Only what this build compiles: no_cuda.cc and its like stand in for missing parts.
mapfile -t sources < <(
  git ls-files --cached --others --exclude-standard '*.cc' | grep -v '^tests/' |
    while read -r source; do
      grep -q "/$source\"" "$build/compile_commands.json" && echo "$source"
    done)
# Without the precompiled headers, which are GCC's; so each file must also include what it uses.
database=$(mktemp -d)
trap 'rm -rf "$database"' EXIT
sed 's/-Winvalid-pch -include [^ ]*cmake_pch.hxx//' "$build/compile_commands.json" \
  > "$database/compile_commands.json"
printf '%s\0' "${sources[@]}" |
  xargs -0 -P "$(nproc)" -n 1 clang-tidy --quiet -p "$database" \
    --extra-arg=-Wno-unknown-warning-option 2>&1 |
  { grep -vE '^[0-9]+ warnings? generated' || true; }

#!/usr/bin/env bash
# Installs the Debian packages that are missing: to build and run, and with --tests also those of the tests.
set -euo pipefail

packages=(
  cmake g++ ninja-build protobuf-compiler libprotobuf-dev libabsl-dev libopenmpi-dev openmpi-bin
  jq nlohmann-json3-dev libcli11-dev
)
test_packages=(
  clang-format clang-tidy libgtest-dev libgmock-dev python3 sentencepiece shellcheck
  manpages-ja manpages-ru manpages-zh
)
[[ ${1:-} != --tests ]] || packages+=("${test_packages[@]}")

missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f '${Status}' "$package" 2> /dev/null | grep -q '^install ok installed$' ||
    missing+=("$package")
done
[[ ${#missing[@]} -gt 0 ]] || exit 0

as_root=()
if [[ $(id -u) -ne 0 ]]; then
  command -v sudo > /dev/null || {
    echo "missing packages, and neither root nor sudo to install them: ${missing[*]}" >&2
    exit 2
  }
  as_root=(sudo)
fi
echo "installing ${missing[*]}"
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
  apt-get install -y -qq --no-install-recommends "${missing[@]}" > /dev/null

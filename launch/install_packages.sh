#!/usr/bin/env bash
# Installs the Debian packages that are missing.
#
#   launch/install_packages.sh            to build and run
#   launch/install_packages.sh --tests    also those of the tests, whose daemons stay off
#   launch/install_packages.sh --run      only to run, on a host that gets the program from another
set -euo pipefail

build_packages=(
  cmake dpkg-dev g++ gnuplot-nox ninja-build protobuf-compiler libprotobuf-dev libabsl-dev libopenmpi-dev openmpi-bin
  jq nlohmann-json3-dev libcli11-dev libedit-dev libhwloc-dev libxxhash-dev libyaml-dev libzstd-dev pkg-config zlib1g-dev
)
test_packages=(
  clang-14 clang-format clang-tidy libclang-rt-14-dev libgtest-dev libgmock-dev
  python3 python3-jinja2 python3-numpy python3-pyte python3-yaml sentencepiece shellcheck
  man-db manpages-ja manpages-ru manpages-zh
  iproute2 munge openssh-client openssh-server slurm-client slurmctld slurmd zsh
)
run_packages=(
  gnuplot-nox hostname libabsl20220623 libedit2 libhwloc15 libprotobuf32 libxxhash0 libyaml-0-2 libzstd1 openmpi-bin
  openssh-client openssh-server zlib1g
)

case ${1:-} in
  '') packages=("${build_packages[@]}") ;;
  --tests) packages=("${build_packages[@]}" "${test_packages[@]}") ;;
  --run) packages=("${run_packages[@]}") ;;
  *) sed -n '2,/^set /s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2 ;;
esac

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

# Debian starts daemons as it installs them, unless this file says no. The tests start their own, in their own cluster.
policy=/usr/sbin/policy-rc.d
if [[ ${1:-} == --tests && ! -e $policy ]]; then
  trap '"${as_root[@]}" rm -f "$policy"' EXIT
  printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" > /dev/null
  "${as_root[@]}" chmod +x "$policy"
fi

echo "installing ${missing[*]}"
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
  apt-get install -y -qq --no-install-recommends "${missing[@]}" > /dev/null

# Nor shall the next boot start those that came now.
if [[ ${1:-} == --tests ]] && command -v systemctl > /dev/null; then
  for package in "${missing[@]}"; do
    case $package in
      openssh-server) "${as_root[@]}" systemctl --quiet disable ssh ;;
      munge | slurmctld | slurmd) "${as_root[@]}" systemctl --quiet disable "$package" ;;
    esac
  done
fi

#!/usr/bin/env bash
# Runs octet under mpirun, with the flags that work for root, on few cores and with several hosts.
#
#   launch/run.sh [-n RANKS] [--hostfile FILE] SUBCOMMAND [ARGUMENT ...]
#
# RANKS: 1 unless given; with a hostfile, its slots. OCTET_BIN: the program, build/release/launch/octet unless set.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
octet=${OCTET_BIN:-$here/../build/release/launch/octet}

usage() {
  sed -n '2,6s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
  exit 2
}

ranks=()
hosts=()
while [[ $# -gt 0 ]]; do
  case $1 in
    -n) ranks=(-n "${2:?-n needs a number}"); shift 2 ;;
    --hostfile) hosts=(--hostfile "${2:?--hostfile needs a file}"); shift 2 ;;
    -*) usage ;;
    *) break ;;
  esac
done
[[ $# -gt 0 ]] || usage
[[ ${#ranks[@]} -gt 0 || ${#hosts[@]} -gt 0 ]] || ranks=(-n 1)
if [[ ! -x $octet ]]; then
  echo "run.sh: $octet is not there; build it first: cmake --preset release && cmake --build --preset release" >&2
  exit 2
fi
command -v mpirun > /dev/null || { echo "run.sh: no mpirun; install openmpi-bin" >&2; exit 2; }

if [[ $(id -u) -eq 0 ]]; then
  export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
fi

# No binding: the threads of a rank must be able to use all the cores that the rank was given.
exec mpirun --oversubscribe --bind-to none "${ranks[@]}" "${hosts[@]}" "$octet" "$@"

# shellcheck shell=bash disable=SC2034,SC2154
# For tests of launch/run.sh with programs that stand for mpirun, ssh and the like: sourced after test_support.sh.

mkdir "$work/bin"
machines_path=$PATH
export PATH=$work/bin:$PATH work

stand_in() {  # NAME: what it does comes on standard input
  { echo '#!/usr/bin/env bash'; cat; } > "$work/bin/$1"
  chmod +x "$work/bin/$1"
}

run_ends_with() {  # STATUS [FLAG ...]
  local expected=$1 status=0
  shift
  launch/run.sh "$@" run-batch > "$work/run.log" 2>&1 || status=$?
  cat "$work/run.log"
  echo "exit code $status"
  [[ $status -eq $expected ]]
}

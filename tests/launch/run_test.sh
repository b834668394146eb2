#!/usr/bin/env bash
# What launch/run.sh and the batch script make of a hostfile and of a program's end. mpirun, ssh and scontrol are
# stand-ins.
# shellcheck disable=SC2016,SC2317  # these expand for themselves, and call `kill` from their environment
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../cluster/test_support.sh"

mkdir "$work/bin"
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

batch_script_ends_with() {  # STATUS; with a launcher that is bin/launcher
  local pid status=0
  SLURM_CPUS_PER_TASK=1 SLURM_JOB_ID=7 setsid bash -c 'cd "$1" && exec bash "$2"' _ \
    "$work/checkout" "$PWD/launch/slurm/octet.sbatch" &
  pid=$!
  wait "$pid" || status=$?
  kill -KILL -- "-$pid" 2> /dev/null || true  # it may still wait for the time limit
  echo "exit code $status"
  [[ $status -eq $1 ]]
}

is_requeued() { batch_script_ends_with 75 && [[ $(cat "$work/requeued") == "requeue 7" ]]; }

mpirun_was_given() { grep -qF -- " $1 " "$work/mpirun.arguments" || { cat "$work/mpirun.arguments"; return 1; }; }

hosts_with_slots() {
  printf '%s\n' '# a comment' 'node1 slots=2' 'node2' 'node3 slots = 3 # more' > "$work/hostfile"
  run_ends_with 0 --hostfile "$work/hostfile" "$@" && mpirun_was_given "--host node1:2,node2:1,node3:3" &&
    ! grep -q -e --hostfile "$work/mpirun.arguments"
}

export OCTET_BIN=$work/bin/octet
stand_in octet < /dev/null
stand_in ssh <<< 'exec sh -c "${!#}"'
stand_in mpirun <<< 'echo " $* " > "$work/mpirun.arguments"'
check "a hostfile with and without slots" hosts_with_slots
check "ranks per host" hosts_with_slots --ranks-per-host 2

# Who looks for a process does so after it has gone.
kill() {
  sleep 0.3
  builtin kill "$@"
}
export -f kill
mkdir -p "$work/checkout/launch"
ln -s "$work/bin/launcher" "$work/checkout/launch/run.sh"
stand_in scontrol <<< 'echo "$*" > "$work/requeued"'
stand_in mpirun <<< 'exit 2'
stand_in launcher <<< 'exit 2'
check "a job that ends before it is waited for" run_ends_with 2
check "the same in a batch script" batch_script_ends_with 2
stand_in mpirun <<< 'sleep 1; kill -USR1 $PPID; sleep 0.1; exit 75'
stand_in launcher <<< 'sleep 1; kill -USR1 $PPID; sleep 0.1; exit 75'
check "a job that ends as its signal comes" run_ends_with 75
check "the same in a batch script" is_requeued
unset -f kill
finish

#!/usr/bin/env bash
# The demo through launch/run.sh on two hosts gives the bytes of a run on one; what is wrong with a host is said with its
# name before the job starts. OCTET_BIN: the program.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../cluster/test_support.sh"
. "$(dirname "${BASH_SOURCE[0]}")/demo_job.sh"

run_on_cluster() {  # FLAG OR ARGUMENT ...: launch/run.sh on node1
  rm -f "$work/answers.jsonl"
  on_node 1 env OCTET_SSH="ssh -F $("$cluster" ssh_config) -o ConnectTimeout=3" launch/run.sh "$@"
}

gives_same_bytes() {  # RANKS THREADS FLAG ...
  local ranks=$1 threads=$2
  shift 2
  run_on_cluster --threads "$threads" "$@" "${demo_job[@]}" && shape_was "$ranks" "$threads" && same_answers
}

operators_hostfile() {
  OMPI_MCA_orte_default_hostfile=$hostfile OMPI_MCA_orte_keep_fqdn_hostnames=true \
    OMPI_MCA_plm_rsh_args="-o ConnectionAttempts=10" gives_same_bytes 4 1
}

refused() {  # NAME PATTERN
  check_refusal "$1" "$2" run_on_cluster --hostfile "$hostfile" "${demo_job[@]}"
  check "$1: nothing is written" test ! -e "$work/answers.jsonl"
}

start_cluster 2 --slots 2 --share "$(dirname "$OCTET_BIN")"
hostfile=$("$cluster" hostfile)
answer_on_one_host

check "a hostfile" gives_same_bytes 4 1 --hostfile "$hostfile"
check "a list of hosts" gives_same_bytes 2 2 --hosts node1,node2 --interface eth0
check "ranks per host" gives_same_bytes 6 1 --hostfile "$hostfile" --ranks-per-host 3
check "a host that is not the launcher's" gives_same_bytes 3 1 --hosts node2 -n 3
check "the hostfile of the MPI operator" operators_hostfile

on_node 2 mount -t tmpfs tmpfs "$work/model"
refused "a model missing on one host" "rank 2 on node2: $work/model"
on_node 2 umount "$work/model"

cp "$OCTET_BIN" "$work/other_build"
echo >> "$work/other_build"
on_node 2 mount --bind "$work/other_build" "$OCTET_BIN"
refused "another build on one host" "^run.sh: node2 has another build of $OCTET_BIN than node1"
on_node 2 umount "$OCTET_BIN"

on_node 2 mount -t tmpfs tmpfs "$(dirname "$OCTET_BIN")"
refused "a program missing on one host" "^run.sh: node2 has no program $OCTET_BIN"
on_node 2 umount "$(dirname "$OCTET_BIN")"

"$cluster" blackhole 2 on
refused "a silent host" "^run.sh: node2 can't be reached: ssh: .*; make 'ssh -F .* node2 true' work"
finish

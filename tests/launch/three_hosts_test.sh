#!/usr/bin/env bash
# Three hosts with two ranks each: the bytes of a run on one rank, whatever the placement, the groups and the overlap; a
# rank that is killed or stands still is named. OCTET_BIN: the program.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../cluster/test_support.sh"
. "$(dirname "${BASH_SOURCE[0]}")/demo_job.sh"

run_on_cluster() {  # FLAG ...: launch/run.sh on node1, with $fault
  rm -rf "$work"/answers.jsonl*
  on_node 1 env OCTET_SSH="ssh -F $("$cluster" ssh_config) -o ConnectTimeout=3" OCTET_FAULT="${fault:-}" \
    launch/run.sh --hostfile "$hostfile" --threads 1 "${demo_job[@]}" --progress none "$@" > "$work/job.log" 2>&1
}

gives_same_bytes() {
  run_on_cluster "$@" && shape_was 6 1 && same_answers && return
  cat "$work/job.log"
  return 1
}

names_rank() {  # RANK WORDS FAULT
  ! fault="rank=$1,phase=combine,count=7,$3" run_on_cluster --timeout 30 && grep -qE "rank $1\b.*$2" "$work/job.log" &&
    return
  cat "$work/job.log"
  return 1
}

start_cluster 3 --slots 2 --share "$(dirname "$OCTET_BIN")"
hostfile=$("$cluster" hostfile)
answer_on_one_host

for placement in contiguous round-robin random:3; do
  check "placement $placement" gives_same_bytes --placement "$placement"
done
check "with overlap" gives_same_bytes --overlap on
check "groups of two hosts' ranks" gives_same_bytes --ep-size 3
check "groups within hosts" gives_same_bytes --ep-size 2
check "a killed rank is named" names_rank 3 "(signal 9|Killed)" signal=KILL
check "a stopped rank is named" names_rank 4 "has made no progress" signal=STOP
finish

#!/usr/bin/env bash
# Hosts and links that fail under a job of three hosts: a lost host is named, and the job goes on without it; a link that
# comes back harms nothing. OCTET_BIN: the program.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../cluster/test_support.sh"
. "$(dirname "${BASH_SOURCE[0]}")/../launch/demo_job.sh"

start_job() {  # FLAG ...: launch/run.sh on node1, in the background
  rm -rf "$work/long.jsonl" "$work/long.jsonl.journal"
  timeout -k 5 120 "$cluster" exec 1 env OCTET_SSH="ssh -F $("$cluster" ssh_config) -o ConnectTimeout=3" \
    launch/run.sh --hostfile "$("$cluster" hostfile)" --threads 1 "$@" run-batch "${long_arguments[@]}" \
    > "$work/job.log" 2>&1 &
  job=$!
  wait_until results_are_there 10 || { cat "$work/job.log"; return 1; }
}

job_gives_same_bytes() {
  local status=0
  wait "$job" || status=$?
  cat "$work/job.log"
  [[ $status -eq 0 ]] && cmp "$work/long_expected.jsonl" "$work/long.jsonl"
}

nothing_is_left_on() {  # HOST ...
  local host
  for host; do
    ! "$cluster" ps "$host" | grep -E 'octet|orted|mpirun' || return 1
  done
}

goes_on_after_a_flap() {
  start_job || return 1
  "$cluster" cable 3 down
  sleep 10
  "$cluster" cable 3 up
  job_gives_same_bytes && ! grep -q 'run.sh: ' "$work/job.log"
}

goes_on_without_a_lost_host() {
  local start
  start_job --max-restarts 1 || return 1
  start=$SECONDS
  "$cluster" power-off 2
  wait_until grep -q 'run.sh: host node2 was lost' "$work/job.log" || { cat "$work/job.log"; return 1; }
  echo "named after $((SECONDS - start)) s"
  [[ $((SECONDS - start)) -le 30 ]] && job_gives_same_bytes && nothing_is_left_on 1 3 &&
    grep -q 'starts again on node1 node3 after [0-9]* results' "$work/job.log"
}

start_cluster 3 --slots 1 --share "$(dirname "$OCTET_BIN")"
long_job_on_one_host

check "a link that is down for 10 s" goes_on_after_a_flap
check "a lost host" goes_on_without_a_lost_host
finish

#!/usr/bin/env bash
# Weights that stay in the memory of two hosts: a new start maps them, nothing is left where the job is done, and what can't
# stay is said. OCTET_BIN: the program.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../cluster/test_support.sh"
. "$(dirname "${BASH_SOURCE[0]}")/demo_job.sh"

plain_arguments=("${long_arguments[@]/#none/plain}")

run_on_cluster() {  # FLAG OR ARGUMENT ...: launch/run.sh on node1, with $fault
  on_node 1 env OCTET_SSH="ssh -F $("$cluster" ssh_config) -o ConnectTimeout=3" OCTET_FAULT="${fault:-}" \
    launch/run.sh --hostfile "$("$cluster" hostfile)" --threads 1 "$@" 2>&1 | tee "$work/job.log"
}

kept_on() { on_node "$1" find /dev/shm -path '*/octet-*' -type f; }  # HOST

nothing_is_kept() { [[ -z $(kept_on 1)$(kept_on 2) ]]; }

a_lost_rank_costs_no_loading() {
  fault=rank=1,phase=combine,count=400,signal=KILL run_on_cluster --max-restarts 9 run-batch "${plain_arguments[@]}" \
    --keep-weights || return 1
  grep -q 'run.sh: starts again' "$work/job.log" || return 1
  [[ $(grep -c 'octet: loaded' "$work/job.log") -eq 1 ]] || return 1  # of the first start
  cmp "$work/long_expected.jsonl" "$work/long.jsonl" && nothing_is_kept
}

stay_after_a_failure() {
  fault=rank=1,phase=combine,count=400,signal=KILL run_on_cluster run-batch "${long_arguments[@]}" --overwrite --keep-weights &&
    return 1
  grep -q "run.sh: the weights stay in memory for the next start, in /dev/shm/octet-.* of node1 node2" "$work/job.log" &&
    [[ -n $(kept_on 1) && -n $(kept_on 2) ]]
}

a_job_by_hand_maps_them() {
  run_on_cluster run-batch "${plain_arguments[@]}" --resume --keep-weights &&
    ! grep -q 'octet: loaded' "$work/job.log" && cmp "$work/long_expected.jsonl" "$work/long.jsonl" && nothing_is_kept
}

are_freed_by_command() {
  stay_after_a_failure && run_on_cluster free-weights && nothing_is_kept
}

what_has_no_room_is_said() {
  mkdir "$work/memory"
  on_node 1 mount -t tmpfs -o size=3m tmpfs "$work/memory"
  on_node 2 mount -t tmpfs -o size=99m tmpfs "$work/memory"
  run_on_cluster run-batch "${long_arguments[@]}" --overwrite --keep-weights="$work/memory" &&
    grep -q 'note: rank . on node1: .* parts of the weights will not stay in memory after this attempt' "$work/job.log" &&
    ! grep -q 'on node2: .* parts of the weights' "$work/job.log" && cmp "$work/long_expected.jsonl" "$work/long.jsonl"
}

start_cluster 2 --slots 2 --share "$(dirname "$OCTET_BIN")"
long_job_on_one_host
check "a lost rank costs no loading" a_lost_rank_costs_no_loading
check "they stay after a failure" stay_after_a_failure
check "a job that is started by hand maps them" a_job_by_hand_maps_them
check "they are freed by command" are_freed_by_command
check "what has no room is said" what_has_no_room_is_said
check_refusal "a disk" "keep-weights .*: is no tmpfs" run_on_cluster run-batch "${long_arguments[@]}" --overwrite \
  --keep-weights="$work"
finish

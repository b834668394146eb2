#!/usr/bin/env bash
# The cluster changes under a job, and the answers do not. A seed draws what happens while steps go on: hosts are lost,
# cut off and come back, are added, taken away, replaced in haste, or get slow; the hostfile is spoiled, names a stranger,
# shrinks to one host and grows; experts move. The job goes on, on the hosts that it should have; the output has the
# checksum of a run on one rank that nothing disturbed.
#
#   tests/cluster/elastic_test.sh [FIRST_SEED [LAST_SEED]]      # OCTET_BIN: the program
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/test_support.sh"
. "$(dirname "${BASH_SOURCE[0]}")/../launch/demo_job.sh"
. "$(dirname "${BASH_SOURCE[0]}")/elastic_events.sh"

long_requests=10000
lifetime=500
patience=120
num_hosts=5
events_of_a_seed=4

start_job() {
  timeout -k 5 420 "$cluster" exec 1 env OCTET_SSH="ssh -F $("$cluster" ssh_config) -o ConnectTimeout=3" \
    launch/run.sh --hostfile "$work/hosts" --threads 1 --elastic --max-restarts 9 "${run_flags[@]}" \
    run-batch "${long_arguments[@]}" --max-num-seqs 12 --keep-weights "${job_flags[@]}" > "$work/job.log" 2>&1 &
  job=$!
  wait_until computes 5
}

# Placements of a file are for a number of ranks; otherwise hosts that come bring more ranks, and experts follow the load.
draw_job() {
  local -a kinds=(add remove lose lose_two lose_late cut hurry spoil stranger shrink slow narrow)
  listed=(node1 node2 node3) lost=''
  slots_of=([node1]=1 [node2]=1 [node3]=1 [node4]=$((1 + RANDOM % 2)) [node5]=1)
  write_hostfile "${listed[@]}"
  first_hosts="${listed[*]}"
  if ((RANDOM % 2)); then
    kinds+=(move)
    random_placement 4 > "$work/placement.txtpb"
    run_flags=(-n 4)
    job_flags=(--placement "$work/placement.txtpb" --spare-experts 24)
  else
    run_flags=()
    job_flags=(--rebalance-every $((RANDOM % 2 ? 5 : 20)) --spare-experts 24)
  fi
  draw "${kinds[@]}"
  events=("${drawn[@]:0:events_of_a_seed}")
}

# Not on hosts that the job left, either.
no_weights_are_left() {
  local i
  for i in $(seq "$num_hosts"); do
    [[ " $lost " != *" node$i "* ]] || continue
    ! "$cluster" exec "$i" find /dev/shm -maxdepth 1 -name 'octet-*' | grep . || { echo "left on node$i"; return 1; }
  done
}

one_checksum() {  # SEED
  local seed=$1 event status=0
  local -A slots_of=()
  RANDOM=$seed
  draw_job
  echo "seed $seed: ${events[*]}; ${run_flags[*]} ${job_flags[*]}" >&3
  start_job || { cat "$work/job.log"; return 1; }
  for event in "${events[@]}"; do
    echo "  $event after $(num_results) results and ${SECONDS} s, on $(hosts_of_job)" >&3
    if ! { "event_$event" && wait_until has_its_hosts && wait_until computes "$(num_results)"; }; then
      cat "$work/job.log"
      echo "$event: wanted $(wanted_hosts)"
      return 1
    fi
    job_runs || { cat "$work/job.log"; echo "the job ended before $event was over"; return 1; }
  done
  list_hosts node1  # alone, it is done soonest
  wait "$job" || status=$?
  cat "$work/job.log"
  sha256sum < "$work/long.jsonl" | tee "$work/sum"
  [[ $status -eq 0 && $(cat "$work/sum") == "$expected" ]] && no_weights_are_left
}

exec 3>&1
long_job_on_one_host
expected=$(sha256sum < "$work/long_expected.jsonl")
for seed in $(seq "${1:-1}" "${2:-${1:-1}}"); do
  start_cluster "$num_hosts" --slots 1 --share "$(dirname "$OCTET_BIN")"
  check "seed $seed" one_checksum "$seed"
  "$cluster" down
  rm -rf "$work"/long.jsonl*
  mkdir "$OCTET_CLUSTER"
done
finish

#!/usr/bin/env bash
# The cluster changes under a job, and the answers do not. In an order that the seed draws, a host is lost, one is added,
# one is taken from the hostfile, and experts move to other ranks, while steps go on. Each time the job goes on; the
# output has the checksum of a run on one rank that nothing disturbed.
#
#   tests/cluster/elastic_test.sh [FIRST_SEED [LAST_SEED]]      # OCTET_BIN: the program
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/test_support.sh"
. "$(dirname "${BASH_SOURCE[0]}")/../launch/demo_job.sh"

long_requests=2000

pick() {  # WORD ...
  local -a words=("$@")
  echo "${words[RANDOM % $#]}"
}

num_results() { cat "$work"/long.jsonl.journal/part-* 2> /dev/null | grep -cE '^[0-9a-f]{16} answer' || true; }

starts() { grep -c 'run.sh: starts again on' "$work/job.log" || true; }

job_runs() { kill -0 "$job" 2> /dev/null; }

started_more_than() { ! job_runs || [[ $(starts) -gt $1 ]]; }  # COUNT

computes() {  # RESULTS: more than these are there
  ! job_runs || [[ $(num_results) -gt $1 ]]
}

# Any expert on any of the ranks, some on two of them.
random_placement() {  # RANKS
  local layer expert
  for layer in 0 1 2; do
    echo "layers {"
    for expert in {0..7}; do
      echo "  experts { ranks: $((RANDOM % $1)) }  # layer $layer expert $expert"
    done
    echo "}"
  done
}

write_hostfile() {  # HOST ...: replaced at once, or written in two halves
  local host
  for host; do echo "$host slots=${slots_of[$host]}"; done > "$work/hosts.new"
  if ((RANDOM % 2)); then
    mv "$work/hosts.new" "$work/hosts"
  else
    head -c 9 "$work/hosts.new" > "$work/hosts"
    cat "$work/hosts.new" > "$work/hosts"
  fi
}

start_job() {
  timeout -k 5 180 "$cluster" exec 1 env OCTET_SSH="ssh -F $("$cluster" ssh_config) -o ConnectTimeout=3" \
    launch/run.sh --hostfile "$work/hosts" --threads 1 --elastic --max-restarts 3 "${run_flags[@]}" \
    run-batch "${long_arguments[@]}" --max-num-seqs 12 --keep-weights "${job_flags[@]}" > "$work/job.log" 2>&1 &
  job=$!
  wait_until computes 5
}

event_add() {
  listed+=(node4)
  write_hostfile "${listed[@]}"
}

event_remove() {
  local victim host left=()
  victim=$(pick "${listed[@]}")
  [[ $victim != "$lost" ]] || victim=node1
  for host in "${listed[@]}"; do [[ $host == "$victim" ]] || left+=("$host"); done
  listed=("${left[@]}")
  write_hostfile "${listed[@]}"
}

# Not the host of mpirun. It goes without a word, or with what a kernel says for processes that are gone.
event_lose() {
  local host candidates=()
  for host in "${listed[@]}"; do [[ $host == node1 ]] || candidates+=("$host"); done
  lost=$(pick "${candidates[@]}")
  ((RANDOM % 4 == 0)) || "$cluster" kill "${lost#node}" KILL 'orted|octet'
  "$cluster" power-off "${lost#node}"
}

event_move() {
  random_placement 4 > "$work/placement.new"
  mv "$work/placement.new" "$work/placement.txtpb"
  "$cluster" kill 1 USR2 '^ *mpirun '
}

happened() {  # EVENT STARTS_BEFORE
  if [[ $1 == move ]]; then
    wait_until grep -q 'experts move to where they live in' "$work/job.log"
  else
    wait_until started_more_than "$2"
  fi
}

# Placements of a file are for a number of ranks; otherwise hosts that come bring more ranks, and experts follow the load.
draw_job() {
  listed=(node1 node2 node3) lost=''
  slots_of=([node1]=1 [node2]=1 [node3]=1 [node4]=$(pick 1 2))
  write_hostfile "${listed[@]}"
  if ((RANDOM % 2)); then
    events=(add lose move remove)
    random_placement 4 > "$work/placement.txtpb"
    run_flags=(-n 4)
    job_flags=(--placement "$work/placement.txtpb" --spare-experts 24)
  else
    events=(add lose remove)
    run_flags=()
    job_flags=(--rebalance-every "$(pick 5 20)" --spare-experts 24)
  fi
  mapfile -t events < <(shuf --random-source=<(seq "$seed" 100000) -e "${events[@]}")
}

# Not on hosts that the job left, either.
no_weights_are_left() {
  local i
  for i in {1..4}; do
    [[ node$i != "$lost" ]] || continue
    ! "$cluster" exec "$i" find /dev/shm -maxdepth 1 -name 'octet-*' | grep . || { echo "left on node$i"; return 1; }
  done
}

one_checksum() {  # SEED
  local seed=$1 event before status=0
  local -A slots_of=()
  RANDOM=$seed
  draw_job
  echo "seed $seed: ${events[*]}; ${run_flags[*]} ${job_flags[*]}" >&3
  start_job || { cat "$work/job.log"; return 1; }
  for event in "${events[@]}"; do
    before=$(starts)
    echo "  $event after $(num_results) results" >&3
    "event_$event"
    happened "$event" "$before"
    wait_until computes "$(num_results)"
    job_runs || { cat "$work/job.log"; echo "the job ended before $event"; return 1; }
  done
  wait "$job" || status=$?
  cat "$work/job.log"
  sha256sum < "$work/long.jsonl" | tee "$work/sum"
  [[ $status -eq 0 && $(cat "$work/sum") == "$expected" ]] && no_weights_are_left
}

exec 3>&1
long_job_on_one_host
expected=$(sha256sum < "$work/long_expected.jsonl")
for seed in $(seq "${1:-1}" "${2:-${1:-1}}"); do
  start_cluster 4 --slots 1 --share "$(dirname "$OCTET_BIN")"
  check "seed $seed" one_checksum "$seed"
  "$cluster" down
  rm -rf "$work"/long.jsonl*
  mkdir "$OCTET_CLUSTER"
done
finish

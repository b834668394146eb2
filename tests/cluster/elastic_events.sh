# shellcheck shell=bash disable=SC2046,SC2086,SC2154  # names of hosts are words
# What happens to the cluster of elastic_test.sh, and what is true when the job has come to terms with it.

# Sets `drawn` to these words in a random order. It prints nothing: a subshell would have random numbers of its own.
draw() {  # WORD ...
  local i j word
  drawn=("$@")
  for ((i = $# - 1; i > 0; --i)); do
    j=$((RANDOM % (i + 1)))
    word=${drawn[i]}
    drawn[i]=${drawn[j]}
    drawn[j]=$word
  done
}

num_results() { cat "$work"/long.jsonl.journal/part-* 2> /dev/null | grep -cE '^[0-9a-f]{16} answer' || true; }

job_runs() { kill -0 "$job" 2> /dev/null; }

times_said() { grep -c -- "$1" "$work/job.log" || true; }  # PATTERN

says_again() { ! job_runs || [[ $(times_said "$1") -gt $2 ]]; }  # PATTERN COUNT

computes() {  # RESULTS: more than these are there
  ! job_runs || [[ $(num_results) -gt $1 ]]
}

in_order() { tr ' ' '\n' <<< "$*" | sort | paste -sd ' '; }

# Those of the last start.
hosts_of_job() {
  local said
  said=$(sed -n 's/ after [0-9]* results$//; s/^run\.sh: starts again on //p' "$work/job.log" | tail -n 1)
  in_order ${said:-$first_hosts}
}

# Those of the hostfile that are alive.
wanted_hosts() {
  local host alive=()
  for host in "${listed[@]}"; do [[ " $lost " == *" $host "* ]] || alive+=("$host"); done
  in_order "${alive[@]}"
}

has_its_hosts() { ! job_runs || [[ $(hosts_of_job) == "$(wanted_hosts)" ]]; }

# Any expert on any of the ranks.
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

list_hosts() {  # HOST ...
  listed=("$@")
  write_hostfile "${listed[@]}"
}

# Of all hosts, or of those that are listed, the ones that are alive.
alive_hosts() {  # all|listed
  local host hosts=("${listed[@]}")
  [[ $1 == listed ]] || hosts=("${!slots_of[@]}")
  for host in $(in_order "${hosts[@]}"); do [[ " $lost " == *" $host "* ]] || echo "$host"; done
}

# Any of those that are alive.
list_any_hosts() {
  draw $(alive_hosts all)
  list_hosts "${drawn[@]:0:1 + RANDOM % ${#drawn[@]}}"
}

# Not the host of mpirun. Makes sure that there is one.
pick_victim() {
  local -a candidates
  mapfile -t candidates < <(alive_hosts listed | grep -vx node1)
  if [[ ${#candidates[@]} -eq 0 ]]; then
    mapfile -t candidates < <(alive_hosts all)
    list_hosts "${candidates[@]}"
    wait_until has_its_hosts
    wait_until computes "$(num_results)"
    mapfile -t candidates < <(alive_hosts listed | grep -vx node1)
  fi
  draw "${candidates[@]}"
  victim=${drawn[0]}
}

# It goes without a word, or with what a kernel says for processes that are gone. Hosts that stay are listed.
power_off_victim() {
  ((RANDOM % 4 == 0)) || "$cluster" kill "${victim#node}" KILL 'orted|octet' || true
  "$cluster" power-off "${victim#node}"
  lost+=" $victim"
  [[ -n $(alive_hosts listed) ]] || list_hosts node1 "${listed[@]}"
}

event_add() { list_hosts $(alive_hosts all); }

event_remove() {
  local -a alive
  mapfile -t alive < <(alive_hosts listed)
  if [[ ${#alive[@]} -gt 1 ]]; then list_hosts "${alive[@]:1}"; else list_any_hosts; fi
}

event_lose() {
  pick_victim
  power_off_victim
}

# The second before the job has gone on without the first, or just when it does.
event_lose_two() {
  local before
  event_lose
  before=$(times_said 'starts again on')
  ((RANDOM % 2)) || wait_until says_again 'starts again on' "$before"
  ! alive_hosts listed | grep -qvx node1 || event_lose
}

# Other hosts are listed while the job starts again.
event_lose_late() {
  local before
  event_lose
  before=$(times_said 'starts again on')
  ((RANDOM % 2)) || wait_until says_again 'starts again on' "$before"
  draw 0 0.3 1 2
  sleep "${drawn[0]}"
  list_any_hosts
}

# Its cable comes back, and the host has weights and processes of before.
event_cut() {
  pick_victim
  "$cluster" blackhole "${victim#node}" on
  lost+=" $victim"
  [[ -n $(alive_hosts listed) ]] || list_hosts node1 "${listed[@]}"
  wait_until has_its_hosts || return 1
  "$cluster" blackhole "${victim#node}" off
  lost=${lost/ $victim/}
  list_hosts "${listed[@]}"
}

event_hurry() {
  for _ in 1 2 3; do
    list_any_hosts
    draw 0 0.5 1.2 2 4
    sleep "${drawn[0]}"
  done
}

# A line that is none: the job stays where it is.
event_spoil() {
  local before
  before=$(times_said 'stays on its hosts')
  draw 'node4 slots=two' 'node4 slots=' 'node4 node5' 'node4 slots=0'
  printf '%s\n' "node1 slots=1" "${drawn[0]}" > "$work/hosts"
  wait_until says_again 'stays on its hosts' "$before" || return 1
  write_hostfile "${listed[@]}"
}

# A host that nobody knows is left out.
event_stranger() {
  local before
  before=$(times_said 'left out: node9 can.t be reached')
  slots_of[node9]=1
  write_hostfile node9 "${listed[@]}"
  unset 'slots_of[node9]'
  wait_until says_again 'left out: node9 can.t be reached' "$before"
}

event_shrink() {
  draw $(alive_hosts all)
  list_hosts "${drawn[0]}"
  wait_until has_its_hosts || return 1
  list_hosts $(alive_hosts all)
}

event_slow() { "$cluster" slow "$((2 + RANDOM % (num_hosts - 1)))" || true; }  # it may be off

event_narrow() {
  draw 30 100
  "$cluster" rate "${drawn[0]}"
}

event_move() {
  local before
  before=$(times_said 'experts move to where they live in')
  random_placement 4 > "$work/placement.new"
  mv "$work/placement.new" "$work/placement.txtpb"
  "$cluster" kill 1 USR2 '^ *mpirun '
  wait_until says_again 'experts move to where they live in' "$before"
}

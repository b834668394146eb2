# shellcheck shell=bash disable=SC2034,SC2154
# The hosts of a job that goes on: those of the hostfile as it is by then which can serve. With --elastic, also a watch
# over the hostfile while the job runs. Part of run.sh and supervise.sh.

readonly stop_seconds=60  # for the step that runs, and for weights that are being loaded

# What tells one state of the hostfile from another: a file that is replaced or touched is another one.
look_at_hostfile() {
  [[ -f $hostfile ]] || return 0  # a pipe can't be read again
  { stat -Lc '%y %s %i' "$hostfile"; cksum < "$hostfile"; } 2> /dev/null || true
}

# The hosts that can serve, those first that see the journal: rank 0 will be on the first. Says what is wrong with others.
serving_hosts() {
  local expected answers host problem with=() without=()
  expected=$(sha256sum < "$octet")
  answers=$(mktemp -d)
  ask_hosts "$answers" "$(printf '{ test -d %q && echo with || echo without; }; test -x %q && sha256sum < %q || echo missing' \
    "$journal" "$octet" "$octet")"
  for host in "${hosts[@]}"; do
    problem=$(diagnosis "$host" "$(tail -n 1 "$answers/$host")" "$expected" "$(tail -n 1 "$answers/$host.error")")
    if [[ -n $problem ]]; then
      say "left out: $problem"
    elif [[ $(head -n 1 "$answers/$host") == with ]]; then
      with+=("$host")
    else
      without+=("$host")
    fi
  done
  rm -rf "$answers"
  [[ ${#with[@]} -eq 0 ]] || echo "${with[@]}" "${without[@]}"
}

# Reads the hostfile again, if the hosts are from one.
update_hosts() {
  [[ -n $hostfile && ! -p $hostfile ]] || return 0
  read_hostfile || say "goes on with the hosts before: $why"
}

# Sets the hosts of the next start; fails if there are none. An elastic job waits for some.
find_hosts() {
  local left=()
  [[ ${#hosts[@]} -gt 0 ]] || return 0
  while true; do
    update_hosts
    read -ra left <<< "$(serving_hosts)"
    [[ ${#left[@]} -eq 0 ]] || break
    say "no host is left that can be reached and sees $journal"
    wait_for_hostfile || return 1
  done
  leave_no_weights "${left[@]}"
  use_only "${left[@]}"
}

# Waits, and leaves no pipe open where it is killed.
pause() { sleep "$1" > /dev/null 2>&1; }  # SECONDS

# Whether the hostfile has changed, and stays as it is for a second: it may be half written.
hostfile_changed() {
  local now
  now=$(look_at_hostfile)
  [[ $now != "$hostfile_seen" ]] || return 1
  pause 1
  [[ $now == "$(look_at_hostfile)" ]]
}

wait_for_hostfile() {
  [[ -n $elastic ]] || return 1
  say "waits until $hostfile changes"
  until hostfile_changed; do
    [[ -z $told_to_stop ]] || return 1
    pause 1
  done
}

# Each with its ranks, in the order of names.
host_list() {
  local host
  for host; do echo "$host:${slots[$host]:-}"; done | sort
}

# Whether the hostfile has other hosts than a job that can serve, or other numbers of their ranks.
other_hosts_serve() {  # LIST OF THE JOB'S
  local left=()
  if ! read_hostfile; then
    say "the hostfile has changed: $why; the job stays on its hosts"
    return 1
  fi
  read -ra left <<< "$(serving_hosts)"
  [[ ${#left[@]} -eq 0 || $(host_list "${left[@]}") == "$1" ]] || return 0
  say "the hostfile has changed, but has no other hosts that can serve; the job stays on its hosts"
  return 1
}

# Beside mpirun: where other hosts can serve, stops the job after the step that runs. What is done is in the journal.
watch_hostfile() {
  local used
  used=$(host_list "${hosts[@]}")
  until keeps_journal; do pause 1; done
  journal=$(journal_directory)
  until hostfile_changed && other_hosts_serve "$used"; do pause 1; done
  say "the hostfile has changed: stops the job, to go on with the hosts that it has now"
  touch "$scratch/hosts_changed"
  signal_mpirun USR1
  pause 0.5
  signal_mpirun USR1
  pause "$stop_seconds"
  signal_mpirun TERM
}

hosts_changed() { [[ -e $scratch/hosts_changed ]]; }

# Makes the next start after a change of hosts.
prepare_change() {  # STATUS
  rm -f "$scratch/hosts_changed"
  after_change=yes
  [[ $1 -ne $done_code ]] || return 1
  if [[ $1 -eq $refused_code ]]; then wait_for_hostfile || return 1; fi
  find_hosts || return 1
  results=''
  say "starts again on ${hosts[*]}"
}

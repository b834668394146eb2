# shellcheck shell=bash disable=SC2154
# Weights that stay in the memory of hosts between the starts of a job (--keep-weights). Part of run.sh and supervise.sh.

kept_weights=''  # their directory, once octet has said it
weight_hosts=()  # that have them

note_kept_weights() {
  local directory
  directory=$(said '^octet: keeps the weights of each host in (.*) until the job is done' '\1') || return 0
  kept_weights=$directory
  weight_hosts=("${hosts[@]}")
}

# Runs a command on hosts at the same time; without a host, on this one. Those that don't answer are let be.
on_each() {  # COMMAND HOST ...
  local host command=$1 pids=()
  shift
  [[ $# -gt 0 ]] || set -- localhost
  for host; do
    if is_this_host "$host"; then
      sh -c "$command" > /dev/null 2>&1 &
    else
      on_host "$host" "$command" > /dev/null 2>&1 &
    fi
    pids+=($!)
  done
  for host in "${pids[@]}"; do wait "$host" || true; done
}

# A host that the job leaves keeps none.
leave_no_weights() {  # HOST ...: of the next start
  local host gone=() directory
  [[ -n $kept_weights ]] || return 0
  for host in "${weight_hosts[@]}"; do
    [[ " $* " == *" $host "* ]] || gone+=("$host")
  done
  directory=$(printf %q "$kept_weights")
  [[ ${#gone[@]} -eq 0 ]] || on_each "rm -rf $directory; rmdir ${directory%/*}" "${gone[@]}" > /dev/null 2>&1 &
}

# For who does not start it again.
tell_kept_weights() {
  [[ -n $kept_weights ]] || return 0
  say "the weights stay in memory for the next start, in $kept_weights of ${weight_hosts[*]:-this host}; 'free-weights' in \
place of the job's command frees it"
}

# The command free-weights: of all jobs of this user.
free_weights() {  # [TMPFS]
  on_each "rm -rf $(printf %q "${1:-/dev/shm}")/octet-\$(id -u)" "${hosts[@]}"
}

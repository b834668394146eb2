# shellcheck shell=bash disable=SC2034,SC2086,SC2154
# Runs a job to its end, says in a sentence how it ended, and starts it again where that helps. Part of run.sh, which
# gives: octet, hosts, mpirun, count_ranks, use_only, is_this_host, on_host, elastic; elastic.sh: find_hosts.

# Open MPI notices a lost host after these at most 25 s; the ranks' own deadline (--timeout) must be longer.
failure_detection=(--mca oob_tcp_keepalive_time 10 --mca oob_tcp_keepalive_intvl 5 --mca oob_tcp_keepalive_probes 3)
ssh_failure_detection=(-o ServerAliveInterval=10 -o ServerAliveCountMax=2)

readonly end_seconds=${OCTET_END_SECONDS:-45}  # more than mpirun takes to notice that another host is lost

readonly done_code=0 failed_code=1 refused_code=2 stopped_code=75

told_to_stop=''  # the signal
mpirun_pid=''
journal=''  # where octet keeps it, once it has said so

say() { echo "run.sh: $1" >&2; }

stop_on() {  # SIGNAL; mpirun leaves its ranks about a second
  told_to_stop=$1
  signal_mpirun TERM
}

signal_mpirun() {  # SIGNAL; it may have ended by itself
  [[ -z $mpirun_pid ]] || kill "-$1" "$mpirun_pid" 2> /dev/null || true
}

# Of what mpirun says within two rulers, that which `reason` puts into a sentence, or octet has said.
banner_says_no_more() {  # TEXT
  [[ $1 == *'non-zero exit code'* || $1 == *'exited with non-zero status'* || $1 == *'MPI_ABORT was invoked'* ||
    $1 == *'exited on signal'* || $1 == *'lost communication with a remote daemon'* ]]
}

readonly waiting=' waits for the others in MPI_'
readonly most_waiting=3

# Passes on what is said, without such banners, and without all the ranks that wait for one. Not line by line: a progress
# bar's has no end.
without_banners() {
  local LC_ALL=C ruler chunk more text='' line banner='' num_waiting=0
  ruler=$(printf -- '-%.0s' {1..60})
  while IFS= read -r -N 1 chunk; do
    IFS= read -r -t 0.02 -N 65536 more || true
    text+=$chunk$more
    while [[ -n $banner || $text == *"$ruler"* || $text == *"$waiting"* ]] && [[ $text == *$'\n'* ]]; do
      line=${text%%$'\n'*}
      text=${text#*$'\n'}
      pass_line_on
    done
    # What may become a ruler waits for its end.
    if [[ -z $banner && $text != *-- ]]; then
      printf '%s' "$text"
      text=''
    fi
  done
  printf '%s' "$banner$text"
}

pass_line_on() {  # of without_banners
  if [[ $line == *"$waiting"* ]] && ((++num_waiting > most_waiting)); then
    ((num_waiting > most_waiting + 1)) || printf '%s\n' 'octet: and so do other ranks'
  elif [[ $line != *"$ruler" ]]; then
    if [[ -n $banner ]]; then banner+=$line$'\n'; else printf '%s\n' "$line"; fi
  elif [[ -z $banner ]]; then
    printf '%s' "${line%%"$ruler"*}"  # of a bar that it was written behind
    banner=$ruler${line#*"$ruler"}$'\n'
  else
    banner_says_no_more "$banner" || printf '%s%s\n' "$banner" "$line"
    banner=''
  fi
}

# Ends an mpirun that stays when its ranks have been told to end: one that lost a second host meanwhile waits for ever.
end_hung_mpirun() {
  local children i
  until grep -qE '^octet: stopped by TERM|Remote daemon: \[' "$messages"; do pause 1; done
  for ((i = 0; i < end_seconds; ++i)); do pause 1; done
  children=$(cat "/proc/$mpirun_pid/task/$mpirun_pid/children" 2> /dev/null) || children=''
  say "mpirun has not ended for $end_seconds s; kills it"
  kill -KILL "$mpirun_pid" $children 2> /dev/null || true
}

# Runs a command with what it says also in the file `messages`. Its exit status is that of mpirun.
run_once() {  # COMMAND ...
  local status=0 tee_pid watchers=() watcher
  rm -f "$scratch/stderr"
  : > "$messages"
  mkfifo "$scratch/stderr"
  (trap '' INT TERM HUP; tee "$messages" < "$scratch/stderr" | without_banners >&2) &
  tee_pid=$!
  # Of its own session: a terminal's ^C comes once, from stop_on. Rank 0 asks the terminal how wide it is.
  if [[ -t 2 ]]; then export OCTET_TERMINAL=/proc/$$/fd/2; fi
  if [[ -t 0 ]]; then
    setsid "$@" < /dev/null 2> "$scratch/stderr" &
  else
    setsid "$@" <&0 2> "$scratch/stderr" &
  fi
  mpirun_pid=$!
  [[ -z $told_to_stop ]] || signal_mpirun TERM
  end_hung_mpirun > /dev/null &
  watchers+=($!)
  [[ -z $elastic ]] || { watch_hostfile > /dev/null & watchers+=($!); }
  while kill -0 "$mpirun_pid" 2> /dev/null; do  # a signal ends `wait` early
    wait "$mpirun_pid" || true
  done
  wait "$mpirun_pid" || status=$?  # bash keeps it
  mpirun_pid=''
  wait "$tee_pid" || true
  ! keeps_journal || journal=$(journal_directory)
  note_kept_weights
  for watcher in "${watchers[@]}"; do { kill "$watcher" 2> /dev/null; wait "$watcher"; } || true; done
  return "$status"
}

# The first match of a pattern in what was said, its \1 \2 ... put into a sentence.
said() {  # PATTERN SENTENCE
  local line
  line=$(sed -nE "s/.*$1.*/$2/p" "$messages" | head -n 1)
  [[ -n $line ]] && echo "$line"
}

lost_host() { said 'Remote daemon: \[.*\] on node ([^ ]+).*' '\1'; }

# Who did not come as far as MPI_Init, of those whom the others waited for there.
silent_ranks() {
  local rank silent=()
  grep -q 'waits for the others in MPI_Init' "$messages" || return 1
  for ((rank = 0; rank < $(count_ranks); ++rank)); do
    grep -q "octet: rank $rank on .* waits for the others in MPI_Init" "$messages" || silent+=("$rank")
  done
  [[ ${#silent[@]} -gt 0 ]] && echo "rank ${silent[*]} did not start: the others waited for it in MPI_Init"
}

# Why mpirun ended with a status, in words. Survivors can't know: they have a second.
reason() {  # STATUS
  local host
  if host=$(lost_host); then
    echo "host $host was lost: it went down, or the network to it did"
  elif said 'octet: rank [^:]*: (rank [0-9]+ on [^ ]+ has made no progress for [0-9.]+ s, last seen in [^,]*)' '\1'; then
    return
  elif said 'waits for the others in (MPI_[A-Za-z]+); (rank [0-9]+ on [^ ;]+) is stopped' \
    '\2 is stopped; the others waited for it in \1'; then
    return
  elif silent_ranks; then
    return
  elif said 'process rank ([0-9]+) with PID [0-9]+ on node ([^ ]+) exited on signal 9 .*' \
    'rank \1 on \2 was killed (signal 9); where nobody did that, its host ran out of memory'; then
    return
  elif said 'process rank ([0-9]+) with PID [0-9]+ on node ([^ ]+) exited on signal ([0-9]+) \(([^)]*)\).*' \
    'rank \1 on \2 was ended by signal \3 (\4)'; then
    return
  elif grep -q 'ORTE was unable to reliably start one or more daemons' "$messages"; then
    echo "mpirun could not start on every host"
  elif said 'Process name: \[\[[0-9]+,[0-9]+\],([0-9]+)\]' 'rank \1 ended the job, see above'; then
    return
  else
    echo "mpirun ended with status $1, see above"
  fi
}

keeps_journal() { grep -q '^octet: keeps a journal ' "$messages"; }

# The output is complete; only some lines could not be answered.
refused_lines() { grep -q '^octet: .*(--fail-on-refused)' "$messages"; }

# octet doctor did its work, and found errors.
found_errors() { grep -qE '^octet: doctor found [0-9]+ errors?$' "$messages"; }

# Nobody is missed: it is done, or octet has said why not.
ended_plainly() {  # STATUS
  [[ $1 -ne $failed_code ]] || ! { refused_lines || found_errors; } || return 0
  [[ $1 -eq $done_code || (-z $told_to_stop && ($1 -eq $refused_code || $1 -eq $stopped_code)) ]]
}

# How it ended, where octet can't have said so.
tell_end() {  # STATUS
  local kept=''
  ! ended_plainly "$1" || return 0
  ! keeps_journal || kept='; what is done is kept, --resume goes on'
  if [[ -n $told_to_stop ]]; then
    say "stopped by $told_to_stop$kept"
  else
    say "$(reason "$1")$kept"
  fi
}

# Of this script, for a status of mpirun.
exit_code() {  # STATUS
  if ended_plainly "$1"; then
    echo "$1"
  elif [[ -n $told_to_stop ]] && keeps_journal; then
    echo "$stopped_code"
  else
    echo "$failed_code"
  fi
}

# Where octet keeps it: the output may be given by several flags, or by a file of settings.
journal_directory() { realpath -ms -- "$(said '^octet: keeps a journal in (.*)$' '\1')"; }

# The same for a job that goes on. --resume wins over what a file of settings says.
resume_arguments() {  # ARGUMENT ...
  local argument
  arguments=()
  for argument; do
    case $argument in
      --resume | --overwrite | --retry-failed) ;;
      *) arguments+=("$argument") ;;
    esac
  done
  arguments+=(--resume)
}

# Prints the results that a journal has, counted where it can be read; nothing where that host does not say it in time.
count_results() {  # JOURNAL HOST
  local question
  question=$(printf "cat %q/part-* 2> /dev/null | grep -cE '^[0-9a-f]{16} (answer|error) '" "$1")
  if [[ -z $2 ]] || is_this_host "$2"; then
    bash -c "$question" || true
  else
    on_host "$2" "$question" | tail -n 1 || true
  fi
}

# Makes the next start one on the hosts that are left; fails where it would not help: nothing was finished, and the hosts
# are the same.
prepare_restart() {
  local now before
  before=$(host_list "${hosts[@]}")
  [[ -n $results ]] || results=$(said '^octet: goes on after ([0-9]+) results' '\1') || results=0
  find_hosts || return 1
  now=$(count_results "$journal" "${hosts[0]:-}")
  if [[ -z $now ]]; then
    say "starts again${hosts[*]:+ on ${hosts[*]}}; its results could not be counted"
    return
  fi
  if [[ $now -le $results && $(host_list "${hosts[@]}") == "$before" ]]; then
    say "not started again: nothing was finished since the last start"
    return 1
  fi
  results=$now
  say "starts again${hosts[*]:+ on ${hosts[*]}} after $results results"
}

# Makes the next start where one helps; fails where none does. Hosts that refuse after a change are no end: the next
# change may mend it.
goes_on() {  # STATUS
  [[ -z $told_to_stop && -n $journal ]] || return 1
  if hosts_changed || [[ -n $after_change && $1 -eq $refused_code ]]; then
    prepare_change "$1"
  elif ! ended_plainly "$1" && [[ $restarts -gt 0 ]]; then
    restarts=$((restarts - 1))
    after_change=''
    prepare_restart
  else
    return 1
  fi
}

# Runs octet with these arguments and ends this script.
supervise() {  # MAX_RESTARTS ARGUMENT ...
  local restarts=$1 status results='' after_change='' dir_retries=0 modes=''
  shift
  scratch=$(mktemp -d)
  messages=$scratch/messages
  trap 'rm -rf "$scratch"' EXIT
  trap 'stop_on INT' INT
  trap 'stop_on TERM' TERM
  trap 'stop_on HUP' HUP
  trap 'signal_mpirun USR1' USR1
  trap 'signal_mpirun USR2' USR2
  if [[ $1 == chat && -t 0 ]]; then modes=$(stty -g); fi
  while true; do
    status=0
    run_once "${mpirun[@]}" "$octet" "$@" || status=$?
    [[ -z $modes ]] || stty "$modes"  # which a rank 0 that was killed leaves as the chat has them
    # Open MPI's directory in /tmp went with another mpirun that ended at this moment.
    if grep -q 'orte_session_dir failed' "$messages" && ((dir_retries++ < 3)); then continue; fi
    if [[ -n $told_to_stop ]] || ! hosts_changed; then tell_end "$status"; fi
    goes_on "$status" || break
    resume_arguments "$@"
    set -- "${arguments[@]}"
  done
  if [[ $status -ne $done_code ]] && ! refused_lines; then tell_kept_weights; fi
  exit "$(exit_code "$status")"
}

# shellcheck shell=bash disable=SC2034,SC2154
# Runs a job to its end, says in a sentence how it ended, and starts it again where that helps. Part of run.sh, which
# gives: octet, hosts, mpirun, count_ranks, use_only, is_this_host, on_host.

# Open MPI notices a lost host after these at most 25 s; the ranks' own deadline (--timeout) must be longer.
failure_detection=(--mca oob_tcp_keepalive_time 10 --mca oob_tcp_keepalive_intvl 5 --mca oob_tcp_keepalive_probes 3)
ssh_failure_detection=(-o ServerAliveInterval=10 -o ServerAliveCountMax=2)

readonly done_code=0 failed_code=1 refused_code=2 stopped_code=75

told_to_stop=''  # the signal
mpirun_pid=''

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

# Passes on what is said, without such banners. Not line by line: a progress bar's has no end.
without_banners() {
  local LC_ALL=C ruler chunk more text='' line banner=''
  ruler=$(printf -- '-%.0s' {1..60})
  while IFS= read -r -N 1 chunk; do
    IFS= read -r -t 0.02 -N 65536 more || true
    text+=$chunk$more
    while [[ -n $banner || $text == *"$ruler"* ]] && [[ $text == *$'\n'* ]]; do
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
  if [[ $line != *"$ruler" ]]; then
    if [[ -n $banner ]]; then banner+=$line$'\n'; else printf '%s\n' "$line"; fi
  elif [[ -z $banner ]]; then
    printf '%s' "${line%%"$ruler"*}"  # of a bar that it was written behind
    banner=$ruler${line#*"$ruler"}$'\n'
  else
    banner_says_no_more "$banner" || printf '%s%s\n' "$banner" "$line"
    banner=''
  fi
}

# Runs a command with what it says also in the file `messages`. Its exit status is that of mpirun.
run_once() {  # COMMAND ...
  local status=0 tee_pid
  rm -f "$scratch/stderr"
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
  while kill -0 "$mpirun_pid" 2> /dev/null; do  # a signal ends `wait` early
    wait "$mpirun_pid" || true
  done
  wait "$mpirun_pid" || status=$?  # bash keeps it
  mpirun_pid=''
  wait "$tee_pid" || true
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
    [[ $argument == --resume || $argument == --overwrite ]] || arguments+=("$argument")
  done
  arguments+=(--resume)
}

# Hosts that answer, those that see the journal first: rank 0 will be on the first.
hosts_left() {  # JOURNAL
  local host with=() without=() question answer
  question=$(printf 'test -x %q && { test -d %q && echo with || echo without; }' "$octet" "$1")
  for host in "${hosts[@]}"; do
    if is_this_host "$host"; then
      answer=$(bash -c "$question") || true
    else
      answer=$(on_host "$host" "$question" 2> /dev/null | tail -n 1) || true
    fi
    case $answer in
      with) with+=("$host") ;;
      without) without+=("$host") ;;
    esac
  done
  [[ ${#with[@]} -eq 0 ]] || echo "${with[@]}" "${without[@]}"
}

# Results that a journal has, counted where it can be read.
count_results() {  # JOURNAL HOST
  local question
  question=$(printf "cat %q/part-* 2> /dev/null | grep -cE '^[0-9a-f]{16} (answer|error) '" "$1")
  if [[ -z $2 ]] || is_this_host "$2"; then
    bash -c "$question" || true
  else
    on_host "$2" "$question" | tail -n 1 || true
  fi
}

# Makes the next start one on the hosts that are left; fails where it would not help.
prepare_restart() {  # JOURNAL
  local left=() now
  [[ -n $results ]] || results=$(said '^octet: goes on after ([0-9]+) results' '\1') || results=0
  if [[ ${#hosts[@]} -gt 0 ]]; then
    read -ra left <<< "$(hosts_left "$1")"
    [[ ${#left[@]} -gt 0 ]] || { say "no host is left that can be reached and sees $1"; return 1; }
  fi
  now=$(count_results "$1" "${left[0]:-}")
  if [[ ${now:-0} -le $results ]]; then
    say "not started again: nothing was finished since the last start"
    return 1
  fi
  results=$now
  say "starts again${left[*]:+ on ${left[*]}} after $results results"
  [[ ${#left[@]} -eq 0 ]] || use_only "${left[@]}"
}

# Runs octet with these arguments and ends this script.
supervise() {  # MAX_RESTARTS ARGUMENT ...
  local restarts=$1 status results='' dir_retries=0
  shift
  scratch=$(mktemp -d)
  messages=$scratch/messages
  trap 'rm -rf "$scratch"' EXIT
  trap 'stop_on INT' INT
  trap 'stop_on TERM' TERM
  trap 'stop_on HUP' HUP
  trap 'signal_mpirun USR1' USR1
  trap 'signal_mpirun USR2' USR2
  while true; do
    status=0
    run_once "${mpirun[@]}" "$octet" "$@" || status=$?
    # Open MPI's directory in /tmp went with another mpirun that ended at this moment.
    if grep -q 'orte_session_dir failed' "$messages" && ((dir_retries++ < 3)); then continue; fi
    tell_end "$status"
    [[ $restarts -gt 0 && -z $told_to_stop ]] || break
    if ended_plainly "$status" || ! keeps_journal || ! prepare_restart "$(journal_directory)"; then break; fi
    restarts=$((restarts - 1))
    resume_arguments "$@"
    set -- "${arguments[@]}"
  done
  exit "$(exit_code "$status")"
}

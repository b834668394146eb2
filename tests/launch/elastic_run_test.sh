#!/usr/bin/env bash
# The hosts of a job that goes on: launch/run.sh reads the hostfile again, at each start, and with --elastic while the
# job runs. mpirun and ssh are stand-ins. OCTET_BIN is not used.
# shellcheck disable=SC2016  # these expand for themselves
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../cluster/test_support.sh"
. "$(dirname "${BASH_SOURCE[0]}")/stand_ins.sh"

export OCTET_BIN=$work/bin/octet
stand_in octet < /dev/null
# A host whose name is in $work/silent does not answer; one in $work/other has another build.
stand_in ssh << 'END'
for word; do
  ! grep -qsx -- "$word" "$work/silent" || { echo "ssh: connect to host $word: No route to host" >&2; exit 255; }
  ! grep -qsx -- "$word" "$work/other" || { echo without; echo 0123 -; exit; }
  ! grep -qsx -- "$word" "$work/uncounted" || [[ ${!#} != *"grep -c"* ]] || exit 124  # as `timeout` ends it
done
exec sh -c "${!#}"
END
# A job with a journal, which finishes a result in each start. In start N it does what $work/start.N says.
stand_in mpirun << 'END'
trap 'kill %1; exit 75' USR1
starts=$(cat "$work/starts" 2> /dev/null | wc -l)
while [[ $1 != --host ]]; do shift; done
echo "$2" >> "$work/starts"
echo "octet: keeps a journal in $work/out.journal" >&2
echo "0123456789abcdef answer $starts " > "$work/out.journal/part-00000$starts"
. "$work/start.$starts" >&2
END

# What each start does, from the first on; then the hosts of the starts.
starts_are() {  # STATUS FLAG ... -- ACTION ... -- HOSTS ...
  local -a flags=() expected=()
  local number=0 status=$1
  rm -rf "$work"/start* "$work"/out.journal
  mkdir "$work/out.journal"
  shift
  while [[ $1 != -- ]]; do flags+=("$1"); shift; done
  shift
  while [[ $1 != -- ]]; do
    echo "$1" > "$work/start.$number"
    number=$((number + 1))
    shift
  done
  shift
  run_ends_with "$status" --hostfile "$work/hosts" "${flags[@]}" || return 1
  diff <(printf '%s\n' "$@") "$work/starts"
}

said() { grep -q -- "$1" "$work/run.log"; }

hosts_are() {  # LINE ...
  printf '%s\n' "$@" > "$work/hosts"
  rm -f "$work/silent" "$work/other" "$work/uncounted"
}

read_at_each_start() {
  hosts_are a 'b slots=2'
  starts_are 0 --max-restarts 3 -- 'printf "%s\n" "b slots=3" c > "$work/hosts"; exit 1' 'exit 1' 'exit 0' \
    -- a:1,b:2 b:3,c:1 b:3,c:1
}

without_those_that_cannot_serve() {
  hosts_are a b c
  starts_are 0 --max-restarts 1 -- 'echo b > "$work/silent"; echo c > "$work/other"; exit 1' 'exit 0' -- a:1,b:1,c:1 a:1 &&
    said "run.sh: left out: b can't be reached: ssh: connect to host b: No route to host" &&
    said 'run.sh: left out: c has another build'
}

an_empty_hostfile_is_said() {
  hosts_are a b
  starts_are 0 --max-restarts 1 -- ': > "$work/hosts"; exit 1' 'exit 0' -- a:1,b:1 a:1,b:1 &&
    said 'run.sh: goes on with the hosts before: there is no host in'
}

a_start_that_only_lost_a_host() {
  hosts_are a b c
  starts_are 0 --max-restarts 9 -- 'echo b > "$work/silent"; exit 1' \
    'rm "$work"/out.journal/part-000001; echo c >> "$work/silent"; exit 1' 'exit 0' -- a:1,b:1,c:1 a:1,c:1 a:1 || return 1
  hosts_are a
  starts_are 1 --max-restarts 9 -- 'exit 1' 'rm "$work"/out.journal/part-000001; exit 1' -- a:1 a:1 &&
    said 'run.sh: not started again: nothing was finished since the last start'
}

results_that_nobody_could_count() {
  hosts_are a
  starts_are 0 --max-restarts 1 -- 'echo a > "$work/uncounted"; exit 1' 'exit 0' -- a:1 a:1 &&
    said 'run.sh: starts again on a; its results could not be counted'
}

repeated_lines_are_ranks() {
  hosts_are a b a 'b slots=3' 'c slots=2' 'c slots=2' d
  starts_are 0 -- 'exit 0' -- a:2,b:3,c:2,d:1
}

an_mpirun_that_stays_is_ended() {
  hosts_are a b
  OCTET_END_SECONDS=1 starts_are 0 --max-restarts 1 -- \
    'trap "" TERM; echo b > "$work/silent"; echo "octet: stopped by TERM; what is done is kept" >&2; sleep 50' 'exit 0' \
    -- a:1,b:1 a:1 && said 'run.sh: mpirun has not ended for 1 s; kills it'
}

a_line_that_is_none_is_said() {
  local line
  hosts_are a
  for line in 'b slots=two' 'b slots=' 'b slots=0' 'b slots=-1' 'b slots=1000000' 'b c' 'b 2' 'slots=2' b:2 'b[1-4]' b,c; do
    printf '%s\n' a "$line" > "$work/hosts.bad"
    starts_are 0 --max-restarts 1 -- 'cp "$work/hosts.bad" "$work/hosts"; exit 1' 'exit 0' -- a:1 a:1 &&
      said "run.sh: goes on with the hosts before: $work/hosts: line 2 has '" || return 1
    cp "$work/hosts.bad" "$work/hosts"
    run_ends_with 2 --hostfile "$work/hosts" && said "^run.sh: $work/hosts: line 2 has '" || return 1
    hosts_are a
  done
  printf '%s\r\n' '# ours' $'a\tslots = 2 max_slots=4  # two' '' > "$work/hosts"
  starts_are 0 -- 'exit 0' -- a:2
}

wait_for_signal='sleep 50 & wait'

follows_changes() {
  hosts_are a
  starts_are 0 --elastic -- "echo b >> \$work/hosts; $wait_for_signal" "echo 'b slots=2' > \$work/hosts; $wait_for_signal" \
    'exit 0' -- a:1 a:1,b:1 b:2 &&
    said 'run.sh: the hostfile has changed: stops the job' && ! said 'run.sh: rank'
}

stays_where_nothing_better_comes() {
  hosts_are a
  starts_are 0 --elastic -- \
    'echo b > "$work/silent"; echo b >> "$work/hosts"; sleep 4; echo "# none" > "$work/hosts"; sleep 4; exit 0' -- a:1 &&
    said "run.sh: left out: b can't be reached" && said 'but has no other hosts that can serve' &&
    said 'run.sh: the hostfile has changed: there is no host in .*; the job stays on its hosts'
}

waits_for_a_change_after_a_refusal() {
  hosts_are a
  starts_are 0 --elastic -- "echo b > \$work/hosts; $wait_for_signal" \
    '(sleep 2; echo c > "$work/hosts") > /dev/null 2>&1 & exit 2' 'exit 0' -- a:1 b:1 c:1 &&
    said "run.sh: waits until $work/hosts changes"
}

is_no_restart() {  # of those that --max-restarts counts
  hosts_are a
  starts_are 0 --elastic --max-restarts 1 -- "echo b > \$work/hosts; $wait_for_signal" 'exit 1' 'exit 0' -- a:1 b:1 b:1
}

check "the hostfile is read at each start" read_at_each_start
check "hosts that can't serve are left out" without_those_that_cannot_serve
check "an empty hostfile" an_empty_hostfile_is_said
check "a line that is none" a_line_that_is_none_is_said
check "results that could not be counted" results_that_nobody_could_count
check "repeated lines of a hostfile" repeated_lines_are_ranks
check "a start that finished nothing and lost a host" a_start_that_only_lost_a_host
check "an mpirun that stays" an_mpirun_that_stays_is_ended
check "a change while the job runs" follows_changes
check "a change without other hosts" stays_where_nothing_better_comes
check "hosts that refuse" waits_for_a_change_after_a_refusal
check "a change is no restart" is_no_restart
check_refusal "without a hostfile" "^run.sh: --elastic needs a --hostfile" launch/run.sh --elastic -n 2 run-batch
finish

#!/usr/bin/env bash
# Many ranks on one machine: same answers, few connections, and a killed rank is named. OCTET_BIN: the program.
# Usage: many_ranks_test.sh [RANKS]; default 16.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../cluster/test_support.sh"
. "$(dirname "${BASH_SOURCE[0]}")/demo_job.sh"

ranks=${1:-16}
seconds=$((60 + ranks))
# All messages by TCP, as between hosts: each connection is a socket.
export OMPI_MCA_btl=tcp,self OMPI_MCA_mpi_yield_when_idle=1 OMPI_MCA_rmaps_base_oversubscribe=1

job() { timeout -k 5 "$seconds" launch/run.sh -n "$ranks" --threads 1 "${demo_job[@]}" --progress none --timeout "$((30 + ranks))"; }

processes() { pgrep -f -- "-o $work/answers.jsonl" | xargs -r -I {} sh -c 'readlink /proc/{}/exe | grep -q octet$ && echo {}'; }

# The most sockets that any process has had, looked at three times a second while the job runs.
most_sockets() {
  local pid count most=0
  while kill -0 "$1" 2> /dev/null; do
    for pid in $(processes); do
      count=$(find "/proc/$pid/fd" -lname 'socket:*' 2> /dev/null | wc -l)
      [[ $count -le $most ]] || most=$count
    done
    sleep 0.3
  done
  echo "$most"
}

gives_same_answers_with_few_connections() {
  local status=0 pid sockets log_ranks=0
  job > "$work/job.log" 2>&1 &
  pid=$!
  sockets=$(most_sockets "$pid")
  wait "$pid" || status=$?
  while ((1 << log_ranks < ranks)); do log_ranks=$((log_ranks + 1)); done
  echo "$sockets" > "$work/sockets"
  # 16 ranks below it in the tree, one above, those that MPI's own start and end need, and a few of the launcher.
  if ! { [[ $status -eq 0 && $sockets -gt 0 && $sockets -le $((17 + 4 * log_ranks + 12)) ]] && same_answers; }; then
    cat "$work/job.log"
    return 1
  fi
}

names_a_killed_rank() {
  local status=0 killed=$((ranks * 2 / 3))
  rm -rf "$work"/answers.jsonl*
  OCTET_FAULT="rank=$killed,phase=experts,count=9,signal=KILL" job > "$work/job.log" 2>&1 || status=$?
  if [[ $status -eq 0 ]] || ! grep -qE "rank $killed\b.*(signal 9|Killed|no progress)" "$work/job.log"; then
    cat "$work/job.log"
    return 1
  fi
}

answer_on_one_host
check "same answers, few connections" gives_same_answers_with_few_connections
echo "$ranks ranks: at most $(cat "$work/sockets") sockets in a process"
check "a killed rank is named" names_a_killed_rank
finish

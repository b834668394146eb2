#!/usr/bin/env bash
# Links that are slow, far or lossy make a job of two hosts slow, and nothing else: the same bytes, and no alarm.
# OCTET_BIN: the program.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../cluster/test_support.sh"
. "$(dirname "${BASH_SOURCE[0]}")/../launch/demo_job.sh"

gives_same_bytes() {
  local status=0
  rm -rf "$work/answers.jsonl" "$work/answers.jsonl.journal"
  timeout -k 5 150 "$cluster" exec 1 env OCTET_SSH="ssh -F $("$cluster" ssh_config) -o ConnectTimeout=10" \
    launch/run.sh --hostfile "$("$cluster" hostfile)" --threads 1 "${demo_job[@]}" --timeout 30 > "$work/job.log" 2>&1 ||
    status=$?
  cat "$work/job.log"
  [[ $status -eq 0 ]] && same_answers && ! grep -qE 'has made no progress|run.sh: ' "$work/job.log"
}

start_cluster 2 --slots 1 --share "$(dirname "$OCTET_BIN")"
answer_on_one_host

"$cluster" rate 10
check "10 Mbit/s" gives_same_bytes
"$cluster" rate 0
"$cluster" impair 0 2
check "2 % of the frames lost" gives_same_bytes
"$cluster" impair 25 0
check "50 ms there and back" gives_same_bytes
finish

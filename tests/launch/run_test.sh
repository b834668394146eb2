#!/usr/bin/env bash
# What launch/run.sh and the batch script make of a hostfile and of a program's end. mpirun, ssh and scontrol are
# stand-ins.
# shellcheck disable=SC2016,SC2317  # these expand for themselves, and call `kill` from their environment
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../cluster/test_support.sh"

. "$(dirname "${BASH_SOURCE[0]}")/stand_ins.sh"

batch_script_ends_with() {  # STATUS; with a launcher that is bin/launcher
  local pid status=0
  SLURM_CPUS_PER_TASK=1 SLURM_JOB_ID=7 setsid bash -c 'cd "$1" && exec bash "$2"' _ \
    "$work/checkout" "$PWD/launch/slurm/octet.sbatch" &
  pid=$!
  wait "$pid" || status=$?
  kill -KILL -- "-$pid" 2> /dev/null || true  # it may still wait for the time limit
  echo "exit code $status"
  [[ $status -eq $1 ]]
}

is_requeued() { batch_script_ends_with 75 && [[ $(cat "$work/requeued") == "requeue 7" ]]; }

mpirun_was_given() { grep -qF -- " $1 " "$work/mpirun.arguments" || { cat "$work/mpirun.arguments"; return 1; }; }

hosts_with_slots() {
  printf '%s\n' '# a comment' 'node1 slots=2' 'node2' 'node3 slots = 3 # more' > "$work/hostfile"
  run_ends_with 0 --hostfile "$work/hostfile" "$@" && mpirun_was_given "--host node1:2,node2:1,node3:3" &&
    ! grep -q -e --hostfile "$work/mpirun.arguments"
}

# With a stand-in that keeps a journal, and finishes a result more in each of its first starts.
starts_with_results() {  # BEFORE MORE MAX_RESTARTS
  rm -rf "$work"/out.* "$work/starts"
  mkdir "$work/out.journal"
  seq -f '0123456789abcdef answer %g ' "$1" > "$work/out.journal/part-000001"
  more=$2 run_ends_with 1 --max-restarts "$3"
  starts=$(wc -l < "$work/starts")
}

helps_no_more() {
  starts_with_results 5 0 3
  [[ $starts -eq 1 ]] && grep -q 'not started again: nothing was finished' "$work/run.log" || return 1
  starts_with_results 5 2 3
  [[ $starts -eq 3 ]] && grep -q 'starts again after 7 results' "$work/run.log" || return 1
  starts_with_results 0 2 1
  [[ $starts -eq 2 ]]
}

# Killed again and again, with all settings in a file, which says that it is to overwrite what is there.
goes_on_with_settings_of_a_file() {
  local model=tests/golden/hf/basic
  seq -f '{"custom_id": "%g", "url": "/v1/completions", "body": {"prompt": [7, 17], "max_tokens": 9}}' 60 \
    > "$work/in.jsonl"
  cat > "$work/settings.txtpb" << END
model: "$model" input: "$work/in.jsonl" output: "$work/out.jsonl" progress: "none" threads: 1 max_num_seqs: 2 overwrite: true
END
  "$program" run-batch --config "$work/settings.txtpb" -o "$work/expected.jsonl" || return 1
  OCTET_BIN=$program OCTET_FAULT=rank=0,phase=schedule,count=150,signal=KILL PATH=$machines_path \
    launch/run.sh --max-restarts 9 run-batch --config "$work/settings.txtpb" 2>&1 | tee "$work/run.log"
  grep -q 'starts again after [0-9]* results' "$work/run.log" && cmp "$work/expected.jsonl" "$work/out.jsonl"
}

# Refused lines are no fault that a new start could mend, and octet has told them.
refused_lines_are_no_fault() {
  rm -rf "$work/out.journal" "$work/starts"
  mkdir "$work/out.journal"
  seq -f '0123456789abcdef error %g ' 3 > "$work/out.journal/part-000001"
  run_ends_with 1 --max-restarts 3 && [[ $(wc -l < "$work/starts") -eq 1 ]] && ! grep -q '^run.sh: ' "$work/run.log"
}

program=$OCTET_BIN
export OCTET_BIN=$work/bin/octet
stand_in octet < /dev/null
stand_in ssh <<< 'exec sh -c "${!#}"'
stand_in mpirun <<< 'echo " $* " > "$work/mpirun.arguments"'
check "a hostfile with and without slots" hosts_with_slots
check_refusal "no hosts" "^run.sh: --hosts '' leaves a host empty; give names" launch/run.sh --hosts '' run-batch
check_refusal "an empty host" "^run.sh: --hosts 'a,,b' leaves a host empty" launch/run.sh --hosts a,,b run-batch
check "ranks per host" hosts_with_slots --ranks-per-host 2

banner() {  # TEXT
  printf -- '-%.0s' {1..74}
  printf '\n%s\n' "$1"
  printf -- '-%.0s' {1..74}
  printf '\n'
}
export -f banner
stand_in mpirun << 'END'
printf '\rrequests  50 %%' >&2
banner $'Primary job  terminated normally, but 1 process returned\na non-zero exit code.' >&2
echo "octet: --model -- is missing" >&2
banner 'There are not enough slots available in the system.' >&2
printf 'octet: without an end --' >&2
exit 2
END
only_banners_that_say_more() {
  run_ends_with 2 && grep -q 'octet: --model -- is missing' "$work/run.log" &&
    grep -q 'There are not enough slots' "$work/run.log" && grep -q 'requests  50 %' "$work/run.log" &&
    grep -q 'octet: without an end --' "$work/run.log" && ! grep -q 'non-zero exit code' "$work/run.log"
}
check "banners of mpirun" only_banners_that_say_more

stand_in mpirun << 'END'
for rank in {0..62}; do echo "octet: rank $rank on a waits for the others in MPI_Init" >&2; done
echo "octet: 64 ranks" >&2
sleep 0.1
exit 1
END
few_waiting_ranks() {
  run_ends_with 1 -n 64 && [[ $(grep -c 'waits for the others' "$work/run.log") -eq 3 ]] &&
    grep -q '^octet: and so do other ranks$' "$work/run.log" && grep -q '^octet: 64 ranks$' "$work/run.log" &&
    grep -q '^run.sh: rank 63 did not start: the others waited for it in MPI_Init$' "$work/run.log"
}
check "ranks that wait for one" few_waiting_ranks

stand_in mpirun << 'END'
done=$(cat "$work"/out.journal/part-* | wc -l)
echo "octet: keeps a journal in $work/out.journal" >&2
[[ $done -eq 0 ]] || echo "octet: goes on after $done results" >&2
echo "$*" >> "$work/starts"
starts=$(wc -l < "$work/starts")
[[ $starts -gt $more ]] || echo "0123456789abcdef answer $((done + 1)) " > "$work/out.journal/part-00001$starts"
exit 1
END
check "new starts where they help" helps_no_more
stand_in mpirun << 'END'
echo "$*" >> "$work/starts"
echo "octet: keeps a journal in $work/out.journal" >&2
echo "octet: ends with exit code 1, as 3 lines of 1 or more were refused (--fail-on-refused); the output is complete" >&2
exit 1
END
check "refused lines that fail a job" refused_lines_are_no_fault
check "settings of a file" goes_on_with_settings_of_a_file

# Who looks for a process does so after it has gone.
kill() {
  sleep 0.3
  builtin kill "$@"
}
export -f kill
mkdir -p "$work/checkout/launch"
ln -s "$work/bin/launcher" "$work/checkout/launch/run.sh"
stand_in scontrol <<< 'echo "$*" > "$work/requeued"'
stand_in mpirun <<< 'exit 2'
stand_in launcher <<< 'exit 2'
check "a job that ends before it is waited for" run_ends_with 2
check "the same in a batch script" batch_script_ends_with 2
stand_in mpirun <<< 'sleep 1; kill -USR1 $PPID; sleep 0.1; exit 75'
stand_in launcher <<< 'sleep 1; kill -USR1 $PPID; sleep 0.1; exit 75'
check "a job that ends as its signal comes" run_ends_with 75
check "the same in a batch script" is_requeued
unset -f kill
finish

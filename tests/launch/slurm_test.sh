#!/usr/bin/env bash
# The demo as jobs of a real SLURM on two hosts gives the bytes of a run on one. OCTET_BIN: the program.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../cluster/test_support.sh"
. "$(dirname "${BASH_SOURCE[0]}")/demo_job.sh"

slurm() { timeout -k 5 60 tests/cluster/slurm.sh run "$@"; }

# Submits launch/slurm/octet.sbatch and waits; fails as the job does, whose output it prints.
batch_job() {  # FLAG OF SBATCH ...
  local job
  rm -f "$work/answers.jsonl"
  job=$(slurm sbatch --parsable --output="$work/job.log" "$@" launch/slurm/octet.sbatch "${demo_arguments[@]}")
  for _ in {1..300}; do
    [[ -n $(slurm squeue --noheader --jobs="$job" --states=PENDING,RUNNING,COMPLETING) ]] || break
    sleep 0.2
  done
  cat "$work/job.log"
  return "$(slurm scontrol show job "$job" | sed -n 's/.*ExitCode=\([0-9]*\):.*/\1/p')"
}

batch_job_gives_same_bytes() {  # RANKS THREADS FLAG ...
  local ranks=$1 threads=$2
  shift 2
  batch_job "$@" && shape_was "$ranks" "$threads" && same_answers
}

srun_gives_same_bytes() {
  rm -f "$work/answers.jsonl"
  slurm srun --nodes=2 --ntasks-per-node=2 --mpi=pmix "$OCTET_BIN" "${demo_job[@]}" --threads 1 &&
    shape_was 4 1 && same_answers
}

# Submits a job that takes a while, tells it to drain, and waits until SLURM has run it again to its end.
requeued_job_gives_same_bytes() {
  local job
  long_job_on_one_host
  job=$(slurm sbatch --parsable --output="$work/requeue.log" --cpus-per-task=1 launch/slurm/octet.sbatch \
    "${long_arguments[@]}")
  wait_until results_are_there 20 || { cat "$work/requeue.log"; return 1; }
  slurm scancel --batch --signal=USR1 "$job"
  wait_until long_answers_are_complete || { cat "$work/requeue.log"; slurm scontrol show job "$job"; return 1; }
  cat "$work/requeue.log"
  cmp "$work/long_expected.jsonl" "$work/long.jsonl" && grep -q 'stopped after USR1' "$work/requeue.log" &&
    grep -qE 'goes on after [0-9]+ results' "$work/requeue.log"
}

long_answers_are_complete() { [[ -e $work/long.jsonl ]]; }

start_cluster 2 --share "$(dirname "$OCTET_BIN")"
tests/cluster/slurm.sh up
answer_on_one_host

check "sbatch" batch_job_gives_same_bytes 4 1 --cpus-per-task=1
check "sbatch, other ranks and threads" batch_job_gives_same_bytes 2 2 --ntasks-per-node=1 --cpus-per-task=2
check "srun --mpi=pmix" srun_gives_same_bytes
check "requeued after USR1" requeued_job_gives_same_bytes

cp "$OCTET_BIN" "$work/other_build"
echo >> "$work/other_build"
on_node 2 mount --bind "$work/other_build" "$OCTET_BIN"
check_refusal "another build on one host" "^run.sh: node2 has another build of $OCTET_BIN than node1" \
  batch_job --cpus-per-task=1
on_node 2 umount "$OCTET_BIN"

check_refusal "srun of the launcher" "^run.sh: srun started this script 2 times" \
  slurm srun --nodes=2 --ntasks-per-node=1 launch/run.sh "${demo_job[@]}"
finish

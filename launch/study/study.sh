#!/usr/bin/env bash
# A small study of expert placement on this machine, with its report: what it asks and finds is in README.md.
#
#   launch/study/study.sh OUT [LOADS]
#
# OUT gets profiles, traces, plans, measured runs, predictions, and a page: OUT/eight_experts/report.html and
# OUT/many_experts/report.html. What is there already is kept, so that the study goes on where it was stopped.
#
# LOADS has real loads of Mixtral-8x7B-Instruct: expert_popularity_machine_learning.json (tokens of each expert, layer by
# layer) and zendnn/mixtral_moe_decode_bs32_fused_profiled.txt (of ZenDNN, benchdnn/input/grp_matmul/moe_fused). Without
# it the study says so, and takes loads by Zipf's law instead.
set -euo pipefail

[[ $# -ge 1 && $# -le 2 ]] || { sed -n '2,/^set /s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2; }
study=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
run=$study/../run.sh
octet=${OCTET_BIN:-$study/../../build/release/launch/octet}
mkdir -p "$1"
out=$(cd "$1" && pwd)
loads=${2:-${OCTET_ORACLE_DIR:+$OCTET_ORACLE_DIR/mixtral_load}}
popularity=$loads/expert_popularity_machine_learning.json
calls=$loads/zendnn/mixtral_moe_decode_bs32_fused_profiled.txt
if [[ -n $loads && -r $popularity && -r $calls ]]; then
  subject=counts:$popularity calls=counts:$calls
else
  echo "study.sh: no real loads (LOADS): this study takes zipf:0.3 and zipf:0.6 instead" >&2
  subject=zipf:0.3 calls=zipf:0.6
fi

# The work of every run: 32 sequences of 128 + 32 tokens, prefilled in one step.
job=(--no-bounds --random-weights --threads 1 --num-prompts 32 --input-len 128 --output-len 32 --max-num-batched-tokens 4096)
limits=(--max-num-batched-tokens 4096)

quietly() { "$@" > "$dir/log" 2>&1 || { cat "$dir/log" >&2; exit 1; }; }

# Before and after the runs, because a shared machine is not as fast in every minute.
measure_parts() {  # before|after
  [[ -e $dir/node-$1.txt ]] && return
  echo "study.sh: parts of a layer, and the exchange, $1 the runs"
  [[ $1 == before ]] || cp "$dir/node-before.txt" "$dir/node.new"
  for ranks in 1 2; do
    quietly "$run" -n $ranks bench layer --model "$model" --random-weights --threads 1 --sequences 32 --rows 4096 \
      --context 256 --save "$dir/node.new" --add
  done
  quietly "$run" -n 2 bench exchange --threads 1 --hidden-size 1024 --save "$dir/node.new"
  mv "$dir/node.new" "$dir/node-$1.txt"
}

record() {  # LOAD ROUTING
  [[ -e $dir/$1.zst && -e $dir/$1.counts/summary.json ]] && return
  echo "study.sh: routing of $1"
  rm -rf "$dir/$1.zst" "$dir/$1.counts"
  quietly "$run" -n 1 bench throughput --model "$model" "${job[@]}" --routing "$2" --trace "$dir/$1.zst" \
    --report "$dir/$1.counts"
}

plan() {  # LOAD
  local ranks
  for ranks in 2 4 8; do
    [[ -e $dir/plan-$1-$ranks.json ]] ||
      quietly "$octet" plan --ranks $ranks --trace "$dir/$1.zst" --out "$dir/$1-$ranks.textproto" \
        --output-json "$dir/plan-$1-$ranks.json"
  done
  [[ -e $dir/plan-$1-8-replicas.json ]] ||
    quietly "$octet" plan --ranks 8 --replicas 8 --trace "$dir/$1.zst" --out "$dir/$1-8-replicas.textproto" \
      --output-json "$dir/plan-$1-8-replicas.json"
}

sweep() {
  sed -e "s#COUNTS#$counts#" -e "s#SUBJECT#$subject#" -e "s#CALLS#$calls#" "$study/$name/sweep.textproto" > "$dir/sweep.new"
  {
    printf 'bench: "--model"\nbench: "%s"\n' "$model"
    printf 'bench: "%s"\n' "${job[@]}"
  } >> "$dir/sweep.new"
  "$octet" sweep "$dir/sweep.new" -o "$dir" ${resume:+--resume}
}

# Clusters: one host of one or two ranks, as measured; 4 and 8 hosts of one rank behind 25 Gbit/s.
write_clusters() {
  local ranks
  for ranks in 1 2; do
    printf 'hosts { ranks: %s profile: "node-after.txt" }\nexchange: "node-after.txt"\n' $ranks > "$dir/cluster-$ranks.textproto"
  done
  for ranks in 4 8; do
    printf 'hosts { count: %s profile: "node-after.txt" }\nnetwork { latency_seconds: 2e-5 bytes_per_second: 3e9 }\n' \
      $ranks > "$dir/cluster-$ranks.textproto"
  done
}

replay() {  # RANKS LOAD POINT [FLAG ...]
  local ranks=$1 load=$2 point=$3
  shift 3
  "$octet" replay --trace "$dir/$load.zst" --cluster "$dir/cluster-$ranks.textproto" "${limits[@]}" "$@" \
    --point "$point" --output-json "$dir/replays/${point// /_}.json" | head -1
}

replay_all() {  # LOAD
  local ranks
  for ranks in 1 2 4 8; do
    replay $ranks "$1" "ranks=$ranks placement=contiguous load=$1"
    replay $ranks "$1" "ranks=$ranks placement=$balanced load=$1" --placement "$balanced" \
      --expert-counts "$counts"
    replay $ranks "$1" "ranks=$ranks placement=data-parallel load=$1" --expert-parallel off
    [[ $ranks == 1 ]] || replay $ranks "$1" "ranks=$ranks placement=planned load=$1" --placement "$dir/$1-$ranks.textproto"
  done
  replay 8 "$1" "ranks=8 placement=replicas load=$1" --placement "$dir/$1-8-replicas.textproto"
}

explore() {  # NAME BALANCED LOAD=ROUTING ...
  name=$1 balanced=$2 dir=$out/$1 model=$study/$1
  shift 2
  mkdir -p "$dir/replays"
  resume='' counts=$dir/${1%%=*}.counts/summary.json  # of the first load
  if [[ -e $dir/points.jsonl ]]; then resume=yes; fi
  measure_parts before
  local load
  for load; do record "${load%%=*}" "${load#*=}"; done
  for load; do plan "${load%%=*}"; done
  sweep
  measure_parts after
  write_clusters
  for load; do replay_all "${load%%=*}"; done
  "$octet" report "$dir"
}

explore eight_experts partition "subject=$subject" "calls=$calls"
explore many_experts eplb "zipf=zipf:0.8"

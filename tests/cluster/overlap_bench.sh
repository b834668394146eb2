#!/usr/bin/env bash
# What the exchange between two hosts costs a prefill on a slow link, with and without two micro-batches: layers of the
# exact shape of Mixtral 8x7B on two hosts of one thread each.
#
#   tests/cluster/overlap_bench.sh [MBIT [DELAY_MS [REPEATS]]]     # 200, 1 and 3 unless given; 0: not shaped
#
# Prints, for each run, the rate, and the share of the steps that rank 0 waited for rows to move and for late ranks.
# OCTET_BIN: the program.
set -euo pipefail
lifetime=1800
. "$(dirname "${BASH_SOURCE[0]}")/test_support.sh"
mbit=${1:-200}
delay=${2:-1}
repeats=${3:-3}
export OCTET_BIN=${OCTET_BIN:-$PWD/build/release/launch/octet}

prefill() {  # off|auto
  timeout -k 5 400 "$cluster" exec 1 env OCTET_SSH="ssh -F $("$cluster" ssh_config)" \
    launch/run.sh --hostfile "$("$cluster" hostfile)" --threads 1 bench throughput --random-weights --shape mixtral-8x7b \
    --layers 2 --num-prompts 4 --input-len 1024 --output-len 1 --max-num-batched-tokens 2048 --overlap "$1" \
    --output-json "$work/$1.json" > "$work/bench.log" 2>&1 || { cat "$work/bench.log" >&2; return 1; }
  jq -r --arg overlap "$1" '.prefill as $p | $p.rank_0_seconds as $t | ($p.seconds / 100) as $percent |
    "overlap \($overlap): \(.prefill_tokens_per_s | round) tokens/s, exposed exchange " +
    "\([$t | to_entries[] | select(.key | startswith("exposed")) | .value] | add / $percent * 10 | round / 10) %, " +
    "late ranks \($t["late ranks"] / $percent * 10 | round / 10) % of \($p.seconds * 10 | round / 10) s"' "$work/$1.json"
}

start_cluster 2 --slots 1 --share "$(dirname "$OCTET_BIN")"
echo "link of $mbit Mbit/s, $delay ms there and back"
"$cluster" rate "$mbit"
"$cluster" impair "$delay" 0
for _ in $(seq "$repeats"); do
  prefill off
  prefill auto
done

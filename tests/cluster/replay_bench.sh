#!/usr/bin/env bash
# Whether octet replay predicts steps over slow links: two hosts of one rank each, measured by octet bench layer and
# octet bench exchange alone, with routing that was recorded on one rank.
#
#   tests/cluster/replay_bench.sh [MBIT [DELAY_MS [REPEATS]]]     # 200, 1 and 3 unless given
#
# Prints predicted and measured seconds of prefill and decoding for each placement, with and without micro-batches, and
# the median and greatest error. OCTET_BIN: the program.
set -euo pipefail
lifetime=1800
. "$(dirname "${BASH_SOURCE[0]}")/test_support.sh"
mbit=${1:-200}
delay=${2:-1}
repeats=${3:-3}
export OCTET_BIN=${OCTET_BIN:-$PWD/build/release/launch/octet}
model=(--model launch/study/eight_experts --random-weights)
limits=(--max-num-batched-tokens 1024)
job=(--num-prompts 16 --input-len 64 --output-len 16 --no-bounds --routing zipf:0.5)
placements=(contiguous round-robin random:1 random:2)

on_hosts() {  # ARGUMENT ... of octet
  timeout -k 5 400 "$cluster" exec 1 env OCTET_SSH="ssh -F $("$cluster" ssh_config)" \
    launch/run.sh --hostfile "$("$cluster" hostfile)" --threads 1 "$@" > "$work/log" 2>&1 || { cat "$work/log" >&2; return 1; }
}

start_cluster 2 --slots 1 --share "$(dirname "$OCTET_BIN")"
echo "link of $mbit Mbit/s, $delay ms there and back"
"$OCTET_BIN" bench throughput "${model[@]}" "${job[@]}" "${limits[@]}" --threads 1 --trace "$work/one.zst" > "$work/log" 2>&1
on_hosts bench layer "${model[@]}" --sequences 16 --context 128 --save "$work/node.txt"
"$cluster" rate "$mbit"
"$cluster" impair "$delay" 0
on_hosts bench exchange --hidden-size 1024 --tokens 16 --save "$work/pair.txt"
printf 'hosts { count: 2 profile: "node.txt" }\nexchange: "pair.txt"\n' > "$work/cluster.textproto"
for placement in "${placements[@]}"; do
  for overlap in off on; do
    "$OCTET_BIN" replay --trace "$work/one.zst" --cluster "$work/cluster.textproto" "${limits[@]}" --placement "$placement" \
      --overlap "$overlap" --output-json "$work/$placement.$overlap.replay.json" > "$work/log"
  done
done
for i in $(seq "$repeats"); do
  for placement in "${placements[@]}"; do
    for overlap in off on; do
      on_hosts bench throughput "${model[@]}" "${job[@]}" "${limits[@]}" --placement "$placement" --overlap "$overlap" \
        --output-json "$work/$placement.$overlap.$i.json"
    done
  done
done
python3 - "$work" "$repeats" "${placements[@]}" << 'END'
import json, statistics, sys

work, repeats, placements = sys.argv[1], int(sys.argv[2]), sys.argv[3:]

def read(name):
    with open(f"{work}/{name}.json") as file:
        return json.load(file)

errors = []
for placement in placements:
    for overlap in ("off", "on"):
        name = f"{placement}.{overlap}"
        predicted = read(f"{name}.replay")
        for phase in ("prefill", "decode"):
            runs = [read(f"{name}.{i + 1}")[phase]["seconds"] for i in range(repeats)]
            measured = statistics.median(runs)
            error = predicted[phase]["seconds"] / measured - 1
            errors.append(abs(error))
            print(f"{placement:12} overlap {overlap:3} {phase:7} predicted {predicted[phase]['seconds']:.3f} s, measured "
                  f"{measured:.3f} [{min(runs):.3f}, {max(runs):.3f}]: {100 * error:+.1f} %")
print(f"errors: median {100 * statistics.median(errors):.1f} %, greatest {100 * max(errors):.1f} %")
END

#!/usr/bin/env bash
# Whether a placement that halves the rows between hosts shortens steps by what the byte counts say: three hosts of one
# rank each on slow links, each expert on one host and then on two of the three.
#
#   tests/cluster/placement_bench.sh [MBIT [REPEATS]]     # 200 and 3 unless given
#
# Prints the seconds of a prefill with each placement (medians, in turn), the bytes of its trace, and the difference
# beside the one that the bytes and the rate of the link predict; the rate is what the same runs measured. Ends with 1
# where they differ by more than a tenth. OCTET_BIN: the program.
set -euo pipefail
lifetime=1800
. "$(dirname "${BASH_SOURCE[0]}")/test_support.sh"
mbit=${1:-200}
repeats=${2:-3}
export OCTET_BIN=${OCTET_BIN:-$PWD/build/release/launch/octet}

make_model() {  # hidden states are large and experts small: the links decide
  mkdir "$work/model"
  jq '.hidden_size = 2048 | .intermediate_size = 256 | .num_hidden_layers = 4 | .num_attention_heads = 16 |
    .num_key_value_heads = 4 | .vocab_size = 2000 | .num_local_experts = 9 | .max_position_embeddings = 2048 |
    del(.head_dim)' launch/demo/model/config.json > "$work/model/config.json"
}

place() {  # FILE RANKS_OF_EXPERT, a jq function of the expert
  jq -n "{layers: [range(4) | {experts: [range(9) | {ranks: ($2)}]}]}" > "$work/$1.json"
}

prefill() {  # PLACEMENT NUMBER
  timeout -k 5 400 "$cluster" exec 1 env OCTET_SSH="ssh -F $("$cluster" ssh_config)" \
    launch/run.sh --hostfile "$("$cluster" hostfile)" --threads 1 bench throughput --random-weights --model "$work/model" \
    --num-prompts 3 --input-len 512 --output-len 1 --max-num-batched-tokens 1536 --overlap off \
    --placement "$work/$1.json" --trace "$work/$1.$2.zst" --output-json "$work/$1.$2.run.json" > "$work/bench.log" 2>&1 ||
    { cat "$work/bench.log" >&2; return 1; }
  "$OCTET_BIN" trace stats "$work/$1.$2.zst" --output-json "$work/$1.$2.stats.json" > "$work/stats.log"
}

start_cluster 3 --slots 1 --share "$(dirname "$OCTET_BIN")"
make_model
place one '[. % 3]'
place two '[. % 3, (. + 1) % 3] | sort'
echo "links of $mbit Mbit/s"
"$cluster" rate "$mbit"
for i in $(seq "$repeats"); do
  prefill one "$i"
  prefill two "$i"
done
python3 - "$work" "$repeats" << 'END'
import json, statistics, sys

work, repeats = sys.argv[1], int(sys.argv[2])

def read(name):
    with open(f"{work}/{name}.json") as file:
        return json.load(file)

def median(placement, value):
    return statistics.median(value(placement, i + 1) for i in range(repeats))

def busiest(bytes_between):  # of the hosts, what it sends or gets, whichever is more
    ranks = range(3)
    sent = [sum(bytes_between[3 * r + to] for to in ranks if to != r) for r in ranks]
    got = [sum(bytes_between[3 * home + r] for home in ranks if home != r) for r in ranks]
    return max(sent + got)

def link_bytes(placement, i):
    traffic = read(f"{placement}.{i}.stats")["traffic"]
    between = [list(map(int, traffic[name])) for name in ("dispatch_bytes", "return_bytes")]
    return sum(busiest(each) for each in between)

def rate(placement, i):
    return max(e["bytes_per_s"] for e in read(f"{placement}.{i}.run")["bounds"]["exchange"][-2:])

seconds = {p: median(p, lambda p, i: read(f"{p}.{i}.run")["prefill"]["seconds"]) for p in ("one", "two")}
moved = {p: median(p, link_bytes) for p in ("one", "two")}
goodput = statistics.median([median(p, rate) for p in ("one", "two")])
for name in ("one", "two"):
    print(f"each expert on {name} of three hosts: {seconds[name]:.3f} s, {moved[name] / 1e6:.2f} MB through the busiest link")
predicted = (moved["one"] - moved["two"]) / goodput
measured = seconds["one"] - seconds["two"]
print(f"shorter by {measured:.3f} s; {predicted:.3f} s follow from the bytes at {goodput / 1e6:.1f} MB/s: "
      f"{100 * (measured / predicted - 1):+.1f} %")
sys.exit(abs(measured / predicted - 1) > 0.1)
END

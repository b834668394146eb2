#!/usr/bin/env bash
# A model that none of three hosts can hold runs on all of them: one layer of the shape of Mixtral 8x7B, 3.4 GB of random
# weights, on hosts that are limited to 2.3 GB. One host alone refuses before it loads. OCTET_BIN: the program.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../cluster/test_support.sh"

job=(bench throughput --random-weights --shape mixtral-8x7b --layers 1 --num-prompts 4 --input-len 16 --output-len 4)

on_three_hosts() {
  on_node 1 env OCTET_SSH="ssh -F $("$cluster" ssh_config)" launch/run.sh --hostfile "$("$cluster" hostfile)" "${job[@]}" &&
    grep -q "answers right" "$work/check.log"
}

start_cluster 3 --slots 1 --memory 2300M --share "$(dirname "$OCTET_BIN")"
check_refusal "one host refuses, and says how many it takes" \
  "^octet: node1 has too little memory: 2.02 GiB may be used .* 3 such hosts with one rank each would hold it" \
  on_node 1 "$OCTET_BIN" "${job[@]}"
check "three hosts run it" on_three_hosts
finish

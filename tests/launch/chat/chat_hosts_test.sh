#!/usr/bin/env bash
# Conversations on several hosts: the terminal is that of launch/run.sh on node1. OCTET_BIN: the program.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../../cluster/test_support.sh"
: "${OCTET_BIN:?must name the program}"

start_cluster 2 --slots 2 --share "$(dirname "$OCTET_BIN")"
cp -r launch/demo/model "$work/model"

check "conversations on two hosts" on_node 1 env OCTET_SSH="ssh -F $("$cluster" ssh_config)" OCTET_CHAT_MODEL="$work/model" \
  HOSTFILE="$("$cluster" hostfile)" HOME="$work" python3 tests/launch/chat/chat_on_hosts.py -v
finish

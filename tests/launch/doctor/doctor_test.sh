#!/usr/bin/env bash
# octet doctor on two hosts with faults: other bytes of the model, a low limit, a slow line, a low place for files.
# OCTET_BIN: the program.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../../cluster/test_support.sh"
: "${OCTET_BIN:?must name the program}"

# doctor_ends_with STATUS FLAG ...: its exit code; what it says is in $work/doctor.log.
doctor_ends_with() {
  local expected=$1 status=0
  shift
  on_node 1 env OCTET_BIN="$OCTET_BIN" OCTET_SSH="ssh -F $("$cluster" ssh_config) -o ConnectTimeout=10" \
    launch/run.sh --hostfile "$("$cluster" hostfile)" doctor "$@" > "$work/doctor.log" 2>&1 || status=$?
  cat "$work/doctor.log"
  [[ $status -eq $expected ]]
}

says() { grep -qE "$1" "$work/doctor.log"; }

healthy() { doctor_ends_with 0 --model /tmp/model && says '^0 errors' && says '^node2 +2-3 ' && says 'eth0.* used'; }

change_a_byte() {  # of the model of host 2, in the middle of its largest file
  # shellcheck disable=SC2016  # it expands there
  on_node 2 bash -c 'file=$(ls -S /tmp/model/*.safetensors | head -n 1) && size=$(stat -c %s "$file") &&
    byte=$(od -An -tu1 -j $((size / 2)) -N 1 "$file") &&
    printf "$(printf "\\\\x%02x" $((byte ^ 1)))" | dd of="$file" bs=1 seek=$((size / 2)) conv=notrunc status=none'
}

names_the_changed_file() {
  doctor_ends_with 1 --quick --model /tmp/model && says '^error +node2: .*safetensors has other bytes than on node1; rsync'
}

names_the_missing_file() {
  on_node 2 rm /tmp/model/config.json
  doctor_ends_with 1 --quick --model /tmp/model && says '^error +node2: .*config.json'
}

names_the_limit() {
  cat > "$work/limited" << END
#!/bin/bash
[[ \$(hostname) != node2 ]] || ulimit -n 64
exec "$OCTET_BIN" "\$@"
END
  chmod +x "$work/limited"
  OCTET_BIN=$work/limited doctor_ends_with 1 --quick && says '^error +node2: at most 64 open files .*nofile'
}

names_the_full_directory() {
  on_node 2 mount -t tmpfs -o size=1m,mode=1777 tmpfs /dev/shm
  doctor_ends_with 1 --quick && says '^error +node2: /dev/shm has . MiB free' || return 1
  on_node 2 umount /dev/shm
}

names_the_slow_line() {
  "$cluster" rate 10
  doctor_ends_with 0 && says '^warning +1 of 1 links between hosts is slow, the worst node1 to node2' &&
    "$cluster" rate 0
}

start_cluster 2 --slots 2 --share "$(dirname "$OCTET_BIN")"
for i in 1 2; do on_node "$i" cp -r launch/demo/model /tmp/model; done
check "healthy hosts" healthy
change_a_byte
check "a byte of the model" names_the_changed_file
check "a file of the model" names_the_missing_file
check "few open files" names_the_limit
check "a full /dev/shm" names_the_full_directory
check "a line of 10 Mbit/s" names_the_slow_line
finish

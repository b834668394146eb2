#!/usr/bin/env bash
# The test cluster itself: hosts are apart, faults do what they say, and nothing is left of it.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/test_support.sh"

ssh_to() {  # FROM TO COMMAND ...
  local from=$1 to=$2
  shift 2
  on_node "$from" ssh -n -F "$("$cluster" ssh_config)" -o ConnectTimeout=2 "node$to" "$@"
}

hosts_are_apart() {
  [[ $(ssh_to 1 2 hostname) == node2 ]] &&
    on_node 1 touch /tmp/mine /run/mine /dev/shm/mine &&
    on_node 2 bash -c '[[ ! -e /tmp/mine && ! -e /run/mine && ! -e /dev/shm/mine ]]' &&
    [[ $(on_node 2 bash -c 'ls -d /proc/[0-9]* | wc -l') -lt 20 ]]
}

hosts_share_directories() {
  on_node 1 touch "$work/ours" && on_node 2 test -e "$work/ours"
}

# Commands of the cluster between which node1 does not reach node2.
breaks_and_heals() {  # BREAK REPAIR
  local broken repaired
  read -ra broken <<< "$1"
  read -ra repaired <<< "$2"
  "$cluster" "${broken[@]}"
  ! ssh_to 1 2 true || return 1
  "$cluster" "${repaired[@]}"
  for _ in {1..10}; do ! ssh_to 1 2 true || return 0; done
  return 1
}

rate_holds() {  # 2 MB at 16 Mbit/s take a second
  local start took
  "$cluster" rate 16
  start=$(date +%s%N)
  [[ $(ssh_to 2 1 head -c 2000000 /dev/zero | wc -c) -eq 2000000 ]] || return 1
  took=$(($(date +%s%N) - start))
  "$cluster" rate 0
  [[ $took -gt 700000000 ]]
}

sleeps_on() { [[ $("$cluster" ps "$1") == *' sleep 61'* ]]; }

kill_hits_one_host() {
  on_node 1 sleep 61 &
  on_node 2 sleep 61 &
  for _ in {1..50}; do
    ! { sleeps_on 1 && sleeps_on 2; } || break
    sleep 0.1
  done
  "$cluster" kill 1 KILL '^ *sleep 61' || return 1
  sleep 0.2
  ! sleeps_on 1 && sleeps_on 2
}

power_off_ends_all() {
  "$cluster" power-off 2
  [[ -z $("$cluster" ps 2) ]] && ! on_node 2 true
}

memory_is_limited() {
  local status=0
  on_node 1 python3 -c 'bytearray(50 << 20)' || return 1
  on_node 1 python3 -c 'bytearray(400 << 20)' || status=$?
  [[ $status -eq 137 ]]
}

failed_up_leaves_nothing() {
  local other=$work/other name
  mkdir "$other"
  name=octet-$(sha256sum <<< "$other" | cut -c 1-8)  # other tests have namespaces of their own
  ! OCTET_CLUSTER=$other "$cluster" up 2 --memory nonsense || return 1
  [[ ! -e $other ]] && ! ip netns list | grep "$name"
}

down_leaves_nothing() {
  local name pids pid
  name=octet-$(sha256sum <<< "$OCTET_CLUSTER" | cut -c 1-8)
  pids=$(cat "$OCTET_CLUSTER"/init.* "$OCTET_CLUSTER/watchdog")
  "$cluster" down
  for pid in $pids; do [[ ! -e /proc/$pid/exe ]] || return 1; done  # without it: only waiting to be reaped
  [[ ! -e $OCTET_CLUSTER ]] && ! ip netns list | grep "$name" && ! find /sys/fs/cgroup -name "$name*" | grep .
}

goes_by_itself() {
  "$cluster" up 1 --lifetime 1
  for _ in {1..50}; do
    [[ -e $OCTET_CLUSTER ]] || return 0
    sleep 0.1
  done
  return 1
}

start_cluster 2
check "hosts are apart" hosts_are_apart
check "hosts share directories" hosts_share_directories
check "a cable without carrier" breaks_and_heals "link 2 down" "link 2 up"
check "a cable pulled at the host" breaks_and_heals "cable 2 down" "cable 2 up"
check "a black hole" breaks_and_heals "blackhole 2 on" "blackhole 2 off"
check "a rate" rate_holds
check "kill hits one host" kill_hits_one_host
check "power-off" power_off_ends_all
check "a failed up leaves nothing" failed_up_leaves_nothing
check "down leaves nothing" down_leaves_nothing

mkdir "$OCTET_CLUSTER"
check "a cluster goes when its time has passed" goes_by_itself

mkdir -p "$OCTET_CLUSTER"
status=0
"$cluster" up 1 --memory 200M --lifetime 60 || status=$?
if [[ $status -eq 0 ]]; then
  check "memory is limited" memory_is_limited
elif [[ $status -eq 3 && $failures -eq 0 ]]; then
  skip "the limit of a host's memory; all else has passed"
else
  check "memory can be limited or not" false
fi
finish

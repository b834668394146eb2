#!/usr/bin/env bash
# A cluster of N hosts on one machine, for tests. Each host has its own network, host name, processes, shared memory,
# /tmp, /run and ssh server; the rest of the file system is the machine's, as if all hosts mounted it. Ranks of
# different hosts can talk over TCP only, through a switch that tests can disturb.
#
#   export OCTET_CLUSTER=$(mktemp -d)      # its state; clusters with different directories don't meet
#   cluster.sh up N [--slots S]            # hosts node1 to nodeN; S ranks of each in the hostfile, 2 unless given
#              [--memory SIZE]             # most memory of each host, such as 6G; exit code 3 where it can't be limited
#              [--share DIRECTORY] ...     # below /tmp, the same on all hosts, as are the state and this checkout
#              [--lifetime SECONDS]        # after which the cluster takes itself down, whoever forgot it; 3600
#   cluster.sh down                        # removes everything, also after an `up` that failed half-way
#   cluster.sh exec I COMMAND ...          # runs it on host I, in the current directory
#   cluster.sh hostfile | ssh_config       # prints the path of the file
#   cluster.sh ps I                        # the processes of host I
#
# Faults (faults.sh):
#   cluster.sh link I down|up              # the switch's end of the cable: host I sees no carrier
#   cluster.sh cable I down|up             # the host's own end: host I has no route
#   cluster.sh blackhole I on|off          # what host I sends and gets is lost silently, and the carrier stays
#   cluster.sh power-off I                 # all processes of host I are gone at once, and nobody says so
#   cluster.sh kill I SIGNAL PATTERN       # to the processes of host I whose command line matches
#   cluster.sh slow I                      # host I gets a fraction of the processor that others get
#   cluster.sh rate MBIT                   # of every cable in both directions; 0: as fast as it goes
#   cluster.sh impair DELAY_MS PERCENT     # the switch delays every frame and loses some; 0 0: it does not
#
# Exit codes: 77 if this machine can't make hosts (not root, no namespaces), 3 see --memory, others: a failure.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
checkout=$(cd "$here/../.." && pwd)
state=${OCTET_CLUSTER:-}
subnet=10.77.0  # of the switch's own network namespace: no address of the machine can clash

fail() {
  echo "cluster.sh: $1" >&2
  exit "${2:-1}"
}

usage() {
  sed -n '2,/^set /s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
  exit 1
}

[[ -d $state ]] || fail "OCTET_CLUSTER must name a directory"
state=$(cd "$state" && pwd)
# Names of namespaces and control groups are of the whole machine; this one follows from the directory, so that `down`
# finds what belongs to the cluster however far `up` came.
prefix=octet-$(sha256sum <<< "$state" | cut -c 1-8)

host_name() { echo "$prefix-node$1"; }
switch_name() { echo "$prefix-switch"; }
cluster_size() { cat "$state/size" 2> /dev/null || fail "the cluster in $state is not up"; }

check_host() {
  [[ $1 =~ ^[0-9]+$ && $1 -ge 1 && $1 -le $(cluster_size) ]] || fail "no host $1"
}

host_pids() { ip netns pids "$(host_name "$1")"; }

. "$here/memory_limit.sh"
. "$here/faults.sh"

write_ssh_files() {  # SLOTS: keys, and what ssh, mpirun and the resolver read
  local slots=$1 i
  ssh-keygen -q -t ed25519 -N '' -f "$state/id" < /dev/null
  echo "127.0.0.1 localhost" > "$state/hosts"
  for i in $(seq "$(cluster_size)"); do
    ssh-keygen -q -t ed25519 -N '' -f "$state/host_key.$i" < /dev/null
    echo "node$i,$subnet.$i $(cut -d ' ' -f 1,2 "$state/host_key.$i.pub")" >> "$state/known_hosts"
    echo "$subnet.$i node$i" >> "$state/hosts"
    echo "node$i slots=$slots" >> "$state/hostfile"
  done
  cat > "$state/ssh_config" << END
Host *
  IdentityFile $state/id
  IdentitiesOnly yes
  UserKnownHostsFile $state/known_hosts
  GlobalKnownHostsFile /dev/null
  StrictHostKeyChecking yes
  BatchMode yes
  LogLevel ERROR
  ConnectTimeout 5
END
}

write_sshd_config() {  # I
  cat > "$state/sshd_config.$1" << END
ListenAddress $subnet.$1
HostKey $state/host_key.$1
AuthorizedKeysFile $state/id.pub
StrictModes no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
UsePAM no
UseDNS no
MaxStartups 100
MaxSessions 100
PidFile none
END
}

make_switch() {
  local switch
  switch=$(switch_name)
  { ip netns add "$switch" && unshare --uts --ipc --mount --pid --fork true; } ||
    fail "this machine can't make namespaces" 77
  ip -n "$switch" link add bridge type bridge || fail "the kernel of this machine has no bridges" 77
  ip -n "$switch" link set bridge up
}

connect_host() {  # I: its end of the cable is eth0, the switch's is portI
  local host switch
  host=$(host_name "$1")
  switch=$(switch_name)
  ip netns add "$host"
  ip -n "$switch" link add "port$1" type veth peer name eth0 netns "$host"
  ip -n "$switch" link set "port$1" master bridge up
  ip -n "$host" link set lo up
  ip -n "$host" link set eth0 up
  ip -n "$host" addr add "$subnet.$1/24" dev eth0
}

boot_host() {  # I: starts its process 1, which leaves its number in init.I
  (
    enter_memory_limit "$1"
    exec setsid nsenter --net="/run/netns/$(host_name "$1")" \
      unshare --uts --ipc --mount --pid --fork "$here/host_init.sh" "$state" "$1"
  ) > "$state/boot.$1.log" 2>&1 < /dev/null &
}

wait_for_ssh() {  # I: up to 20 s; two cores may be busy with something else
  for _ in {1..100}; do
    [[ ! -s $state/init.1 ]] || ! on_host 1 timeout 5 ssh -n -F "$state/ssh_config" "node$1" true \
      2> "$state/wait.log" || return 0
    sleep 0.2
  done
  fail "node$1 does not answer: $(cat "$state/boot.$1.log" "$state/sshd.$1.log" "$state/wait.log" 2> /dev/null)"
}

cluster_up() {
  local size=${1:-} slots=2 memory='' lifetime=3600 shares=("$state" "$checkout") i
  [[ $size =~ ^[0-9]+$ && $size -ge 1 && $size -le 32 ]] || fail "up needs a number of hosts, 1 to 32"
  shift
  while [[ $# -gt 0 ]]; do
    case $1 in
      --slots) slots=${2:?} ;;
      --memory) memory=${2:?} ;;
      --share) shares+=("$(cd "${2:?}" && pwd)") ;;
      --lifetime) lifetime=${2:?} ;;
      *) usage ;;
    esac
    shift 2
  done
  [[ -z $(ls -A "$state") ]] || fail "$state is not empty; take that cluster down, or choose another directory"
  [[ $(id -u) -eq 0 ]] || fail "only root can make hosts" 77

  echo "$size" > "$state/size"
  trap cluster_down EXIT  # unless all goes well
  printf '%s\n' "${shares[@]}" > "$state/shares"
  write_ssh_files "$slots"
  make_switch
  setsid "${BASH_SOURCE[0]}" expire "$lifetime" "$state" > /dev/null 2>&1 < /dev/null &
  echo $! > "$state/watchdog"
  disown  # or bash tells of its end
  for i in $(seq "$size"); do
    [[ -z $memory ]] || make_memory_limit "$i" "$memory"
    write_sshd_config "$i"
    connect_host "$i"
    boot_host "$i"
  done
  for i in $(seq "$size"); do wait_for_ssh "$i"; done
  trap - EXIT
}

kill_host() {  # I: nothing of it is left when this returns
  local pids
  for _ in {1..100}; do
    pids=$(host_pids "$1" 2> /dev/null) || true
    [[ -n $pids ]] || return 0
    xargs kill -KILL <<< "$pids" 2> /dev/null || true
    sleep 0.05
  done
  echo "cluster.sh: processes of node$1 stay: $pids" >&2
}

stop_watchdog() {
  local pid
  pid=$(cat "$state/watchdog" 2> /dev/null) || return 0
  # Not itself, and not a stranger who was given its number since. It leads a group with its sleep.
  [[ $pid -ne $$ ]] && grep -qsF "$state" "/proc/$pid/cmdline" && kill -KILL -- "-$pid"
  return 0
}

cluster_down() {
  local i
  [[ -f $state/size ]] || return 0
  stop_watchdog
  stop_slow_switch
  for i in $(seq "$(cluster_size)"); do
    kill_host "$i"
    ip netns del "$(host_name "$i")" 2> /dev/null || true
    remove_memory_limit "$i"
  done
  ip netns del "$(switch_name)" 2> /dev/null || true
  rm -rf "$state"
}

on_host() {  # I COMMAND ...: inside all namespaces and limits of host I
  local i=$1 init
  shift
  init=$(cat "$state/init.$i" 2> /dev/null) || fail "node$i has not started"
  [[ $(host_pids "$i") =~ (^|[[:space:]])$init([[:space:]]|$) ]] || fail "node$i is off"
  (
    enter_memory_limit "$i"
    exec nsenter --target "$init" --net --uts --ipc --mount --pid --root --wd="$PWD" -- "$@"
  )
}

command=${1:-}
[[ $# -gt 0 ]] || usage
shift
case $command in
  up) cluster_up "$@" ;;
  down) cluster_down ;;
  expire) sleep "$1" && cluster_down ;;  # the watchdog
  exec) check_host "${1:-}" && on_host "$@" ;;
  hostfile | ssh_config) cluster_size > /dev/null && echo "$state/$command" ;;
  ps) check_host "${1:-}" && list_processes "$1" ;;
  link | cable | blackhole | power-off | kill | slow) check_host "${1:-}" && "fault_${command//-/_}" "$@" ;;
  rate) fault_rate "$@" ;;
  impair) fault_impair "$@" ;;
  *) usage ;;
esac

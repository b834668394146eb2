# shellcheck shell=bash disable=SC2154  # state, here: of cluster.sh
# What can go wrong with a host or its cable; part of cluster.sh, which documents the commands.

fault_link() {  # I down|up
  ip -n "$(switch_name)" link set "port$1" "$2"
}

fault_cable() {  # I down|up
  ip -n "$(host_name "$1")" link set eth0 "$2"
}

fault_blackhole() {  # I on|off: a port that belongs to no bridge takes frames and drops them
  case $2 in
    on) ip -n "$(switch_name)" link set "port$1" nomaster ;;
    off) ip -n "$(switch_name)" link set "port$1" master bridge ;;
    *) usage ;;
  esac
}

fault_power_off() {  # I: first the network, so that no dying process can say goodbye with a FIN or RST
  fault_blackhole "$1" on
  kill_host "$1"
}

list_processes() {  # I: number on the machine, and command line
  local pid
  for pid in $(host_pids "$1"); do
    # It may have ended since.
    printf '%s %s\n' "$pid" "$(tr '\0' ' ' 2> /dev/null < "/proc/$pid/cmdline")" || true
  done
}

fault_kill() {  # I SIGNAL PATTERN; fails if no process matches
  local pids
  pids=$(list_processes "$1" | awk -v pattern="$3" '{ pid = $1; $1 = "" } $0 ~ pattern { print pid }')
  [[ -n $pids ]] || fail "no process of node$1 matches $3"
  xargs kill "-$2" <<< "$pids"
}

fault_slow() {  # I: what runs there, and what starts there, gets a fraction of the processor that other hosts get
  local pids
  pids=$(host_pids "$1")
  [[ -n $pids ]] || fail "node$1 is off"
  xargs renice -n 19 -p <<< "$pids" > /dev/null
}

set_rate() {  # NAMESPACE DEVICE MBIT
  if [[ $3 -eq 0 ]]; then
    tc -n "$1" qdisc del dev "$2" root 2> /dev/null || true  # there may be none
  else
    tc -n "$1" qdisc replace dev "$2" root tbf rate "$3mbit" burst 256kb latency 50ms
  fi
}

fault_rate() {  # MBIT
  local i
  [[ ${1:-} =~ ^[0-9]+$ ]] || usage
  for i in $(seq "$(cluster_size)"); do
    set_rate "$(host_name "$i")" eth0 "$1"
    set_rate "$(switch_name)" "port$i" "$1"
  done
}

stop_slow_switch() {
  local pid
  pid=$(cat "$state/slow_switch" 2> /dev/null) || return 0
  rm -f "$state/slow_switch"
  kill "$pid" 2> /dev/null || true
}

fault_impair() {  # DELAY_MS LOSS_PERCENT: in place of the bridge, which is back with 0 0
  local i ports=()
  [[ ${1:-} =~ ^[0-9]+$ && ${2:-} =~ ^[0-9]+$ ]] || usage
  stop_slow_switch
  for i in $(seq "$(cluster_size)"); do ports+=("port$i"); done
  if [[ $1 -eq 0 && $2 -eq 0 ]]; then
    for i in "${ports[@]}"; do ip -n "$(switch_name)" link set "$i" master bridge; done
    return
  fi
  for i in "${ports[@]}"; do ip -n "$(switch_name)" link set "$i" nomaster; done
  setsid ip netns exec "$(switch_name)" "$here/slow_switch.py" "$1" "$2" "${ports[@]}" \
    > "$state/slow_switch.log" 2>&1 < /dev/null &
  echo $! > "$state/slow_switch"
  disown
}

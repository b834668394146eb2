# shellcheck shell=bash disable=SC2154  # state: of cluster.sh
# Limits the memory of each host by a control group, version 1 or 2, whichever has the machine's memory controller;
# part of cluster.sh. state/memory.I holds the group's directory, if host I has one.

# Prints the directory in which groups with a memory limit can be made; fails if there is none.
memory_groups() {
  local v1 v2 own
  v1=$(awk '$3 == "cgroup" && $4 ~ /(^|,)memory(,|$)/ { print $2; exit }' /proc/mounts)
  if [[ -n $v1 ]]; then
    own=$(awk -F : '$2 ~ /(^|,)memory(,|$)/ { print $3 }' /proc/self/cgroup)
    # In a container the path may be that of the machine, which can't be seen from inside.
    if [[ -d $v1$own ]]; then echo "$v1${own%/}"; else echo "$v1"; fi
    return
  fi
  # Version 2: a group either holds processes or hands controllers to groups inside it. So ours can't be inside our own;
  # it stands beside it, or further out, where the memory controller is handed down already.
  v2=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
  own=$(awk -F : '$1 == 0 { print $3 }' /proc/self/cgroup)
  while [[ -n $v2 ]]; do
    if grep -qsw memory "$v2$own/cgroup.subtree_control"; then
      echo "$v2${own%/}"
      return
    fi
    [[ -n ${own%/} ]] || break
    own=${own%/*}
  done
  return 1
}

make_memory_limit() {  # I SIZE
  local groups group
  groups=$(memory_groups) || fail "the memory of hosts can't be limited here: no control group hands down memory" 3
  group=$groups/$(host_name "$1")
  mkdir "$group" || fail "the memory of hosts can't be limited here: can't make $group" 3
  echo "$group" > "$state/memory.$1"
  if [[ -e $group/memory.max ]]; then
    echo "$2" > "$group/memory.max"
    echo 0 > "$group/memory.swap.max" || true  # not there without swap
  else
    echo "$2" > "$group/memory.limit_in_bytes"
  fi
}

enter_memory_limit() {  # I: the calling (sub)shell and all that it starts
  local group
  group=$(cat "$state/memory.$1" 2> /dev/null) || return 0
  echo "$BASHPID" > "$group/cgroup.procs"
}

remove_memory_limit() {  # I: its processes are dead, but the kernel may still be at work on them
  local group
  group=$(cat "$state/memory.$1" 2> /dev/null) || return 0
  for _ in {1..40}; do
    rmdir "$group" 2> /dev/null && return 0
    [[ -d $group ]] || return 0
    sleep 0.05
  done
  echo "cluster.sh: $group stays" >&2
}

#!/usr/bin/env bash
# Runs octet under mpirun: on this host, on hosts reached by ssh, or on those of a SLURM allocation.
#
#   launch/run.sh [FLAG ...] SUBCOMMAND [ARGUMENT ...]
#
#   -n RANKS              of all hosts together
#   --hosts A,B,...       the hosts
#   --hostfile FILE       the hosts, one a line, with `slots` ranks each, 1 unless given: launch/hostfile.example
#   --ranks-per-host N    1 unless given; for a hostfile, its slots
#   --threads N           of each rank
#   --interface NAME      the network that ranks use, where hosts have several: eth0, ib0
#   --max-restarts N      goes on by itself when a rank or a host is lost, on the hosts that are left, or that the
#                         hostfile has by then; 0 unless given. Only as long as each start finishes something or
#                         loses a host
#   --elastic             when the hostfile changes, stops between two steps and goes on with the hosts that it has now
#
# The command free-weights [TMPFS] frees the memory of hosts in which jobs left their weights (--keep-weights).
#
# INT, TERM and HUP stop the job, USR1 lets it finish what it has begun (twice: stops it after the step that runs), USR2
# lets it read its placement again. Exit codes: 0 done, 2 the job can't be served as asked, 75 stopped and can be resumed, 1
# anything else, which is said in a sentence.
#
# Inside a SLURM allocation hosts and ranks are those of the allocation unless given. Environment:
#   OCTET_BIN   the program, under the same path on all hosts; that of the build, or the one installed with this script,
#               unless set
#   OCTET_SSH   ssh with its options, such as "ssh -F FILE"
#   OCTET_END_SECONDS   after which an mpirun that does not end with its ranks is killed; 45 unless set
set -euo pipefail

checkout=$(cd "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/.." && pwd)  # installed: PREFIX/share/octet
octet=${OCTET_BIN:-$checkout/build/release/launch/octet}
[[ -n ${OCTET_BIN:-} || $checkout != */share/octet ]] || octet=${checkout%/share/octet}/bin/octet
[[ $octet == /* ]] || octet=$PWD/$octet
read -ra ssh <<< "${OCTET_SSH:-ssh}"
hosts=()  # empty: this one
declare -A slots=()  # of a host in a hostfile
. "$checkout/launch/supervise.sh"
. "$checkout/launch/elastic.sh"
. "$checkout/launch/kept_weights.sh"

fail() {
  echo "run.sh: $1" >&2
  exit 2
}

usage() {
  sed -n '2,/^set /s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
  exit 2
}

use_hostfile() {
  hostfile=$1
  read_hostfile || fail "$why"
  name_hosts "${hosts[@]}"
}

# Prints each host of the hostfile with its slots, or "! WHY" for a line that is none.
parse_hostfile() {
  awk '{ sub(/#.*/, ""); gsub(/\r/, ""); gsub(/[ \t]*=[ \t]*/, "=") }
    !NF { next }
    { n = 0; bad = $1 ~ /[=,[]|^[^:]*:[^:]*$/ ? $1 : ""
      for (i = 2; i <= NF; ++i) {
        if ($i !~ /^[A-Za-z_-]+=./) bad = $i
        if ($i !~ /^slots=/) continue
        n = substr($i, 7)
        if (n !~ /^[1-9][0-9]*$/ || length(n) > 5) bad = $i
      }
      if (bad != "") { print "! line " NR " has \047" substr(bad, 1, 40) "\047; a line is one host, which may have slots=N, N from 1 to 99999"; exit }
    }
    { if (!lines[$1]++) names[++num] = $1; if (!slots[$1]) slots[$1] = n }
    END { if (bad == "") for (i = 1; i <= num; ++i) print names[i], slots[names[i]] ? slots[names[i]] : lines[names[i]] }' "$hostfile" 2> /dev/null
}

# Sets the hosts and their slots, or else why it can't.
read_hostfile() {
  local text host number
  hostfile_seen=$(look_at_hostfile)
  text=$(parse_hostfile) || { why="can't read the hostfile $hostfile"; return 1; }
  [[ $text != *"! "* ]] || { why="$hostfile: ${text#*! }"; return 1; }
  [[ -n $text ]] || { why="there is no host in $hostfile"; return 1; }
  hosts=() slots=()
  while read -r host number; do
    hosts+=("$host")
    slots[$host]=$number
  done <<< "$text"
}

use_hosts() {
  IFS=, read -ra hosts <<< "$1"
  name_hosts "${hosts[@]}"
  [[ -n $ranks ]] || ranks_per_host=${ranks_per_host:-1}
}

# With the slots of each: of a hostfile, mpirun would give a host without them a rank for each core.
name_hosts() {  # HOST ...
  local host list=()
  for host; do list+=("$host${slots[$host]:+:${slots[$host]}}"); done
  host_flags=(--host "$(IFS=,; echo "${list[*]}")")
}

# Of the hosts, those that are left.
use_only() {  # HOST ...
  hosts=("$@")
  name_hosts "$@"
  make_command
}

count_ranks() {
  local host sum=0
  for host in "${hosts[@]}"; do sum=$((sum + ${ranks_per_host:-${slots[$host]:-1}})); done
  echo "${ranks:-$sum}"
}

use_allocation() {
  [[ ${SLURM_STEP_NUM_TASKS:-1} -eq 1 ]] || fail "srun started this script $SLURM_STEP_NUM_TASKS times; start it once"
  mapfile -t hosts < <(scontrol show hostnames "$SLURM_JOB_NODELIST")
  [[ ${#hosts[@]} -gt 0 ]] || fail "scontrol does not name the hosts of SLURM job $SLURM_JOB_ID"
  [[ -z $ranks$ranks_per_host ]] || return 0
  ranks_per_host=${SLURM_NTASKS_PER_NODE:-}
  [[ -n $ranks_per_host ]] || ranks=${SLURM_NTASKS:-${#hosts[@]}}
}

is_this_host() {
  [[ " localhost 127.0.0.1 $(hostname) $(hostname -s) $(hostname -I) " == *" $1 "* ]]
}

# Runs a shell command on a host in the way in which mpirun will start the ranks there.
on_host() {  # HOST COMMAND
  if [[ -n ${SLURM_JOB_ID:-} ]]; then
    timeout -k 2 30 srun --mpi=none --overlap --nodes=1 --ntasks=1 --nodelist="$1" sh -c "$2"
  else
    timeout -k 2 30 "${ssh[@]}" -n -o BatchMode=yes -o ConnectTimeout=10 "$1" "$2"
  fi
}

# Prints what is wrong with a host, if anything.
diagnosis() {  # HOST ANSWER EXPECTED ERROR
  local advice="make '${ssh[*]} $1 true' work without a password"
  [[ -z ${SLURM_JOB_ID:-} ]] || advice="see 'scontrol show node $1'"
  case $2 in
    "$3") ;;
    missing) echo "$1 has no program $octet; put this build there, or on a file system that all hosts share" ;;
    '') echo "$1 can't be reached${4:+: $4}; $advice, or leave $1 out" ;;
    *) echo "$1 has another build of $octet than $(hostname); put this one there" ;;
  esac
}

# Asks all hosts at the same time, into a file of each: HOST, and HOST.error for why it did not answer.
ask_hosts() {  # DIRECTORY COMMAND
  local host asked=()
  for host in "${hosts[@]}"; do
    if is_this_host "$host"; then
      sh -c "$2" > "$1/$host" 2> "$1/$host.error" &
    else
      on_host "$host" "$2" > "$1/$host" 2> "$1/$host.error" &
    fi
    asked+=($!)
  done
  for host in "${asked[@]}"; do wait "$host" || true; done
}

# Looks whether all hosts have this program. mpirun would tell late, at length, or not at all.
check_hosts() {
  local expected answers host problem problems=0
  expected=$(sha256sum < "$octet")
  answers=$(mktemp -d)
  ask_hosts "$answers" "$(printf 'test -x %q && sha256sum < %q || echo missing' "$octet" "$octet")"
  for host in "${hosts[@]}"; do
    problem=$(diagnosis "$host" "$(tail -n 1 "$answers/$host")" "$expected" "$(tail -n 1 "$answers/$host.error")")
    [[ -z $problem ]] || { echo "run.sh: $problem" >&2; problems=1; }
  done
  rm -rf "$answers"
  [[ $problems -eq 0 ]] || exit 2
}

make_command() {
  # No binding: the threads of a rank must be able to use all the cores that the rank was given.
  mpirun=(mpirun --oversubscribe --bind-to none "${failure_detection[@]}" "${host_flags[@]}")
  [[ -z $ranks ]] || mpirun+=(-n "$ranks")
  [[ -z $ranks_per_host ]] || mpirun+=(--map-by "ppr:$ranks_per_host:node")
  # The chat's rank 0 types and reads there itself, if it runs on this host.
  if [[ -t 0 && -t 1 ]]; then
    OCTET_CHAT_TERMINAL=$(hostname):/proc/$$/fd/0
    export OCTET_CHAT_TERMINAL
    mpirun+=(-x OCTET_CHAT_TERMINAL)
  fi
  [[ -z ${OCTET_FAULT:-} ]] || mpirun+=(-x OCTET_FAULT)  # of tests (parallel/watch/fault_point.h)
  [[ -z $interface ]] || mpirun+=(--mca oob_tcp_if_include "$interface" --mca btl_tcp_if_include "$interface")
  if [[ -n ${OCTET_SSH:-} || -z ${OMPI_MCA_plm_rsh_agent:-} ]]; then
    mpirun+=(--mca plm_rsh_agent "${ssh[*]} ${ssh_failure_detection[*]}")
  fi
  if [[ $(id -u) -eq 0 ]]; then
    export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
  fi
}

host_flags=() max_restarts=0 elastic=''
ranks='' ranks_per_host='' threads='' interface='' host_list='' hostfile=''
while [[ ${1:-} == -* ]]; do
  if [[ $1 == --elastic ]]; then
    elastic=yes
    shift
    continue
  fi
  [[ $# -gt 1 ]] || usage
  case $1 in
    -n) ranks=$2 ;;
    --hosts)
      [[ ,$2, != *,,* ]] || fail "--hosts '$2' leaves a host empty; give names as in --hosts node1,node2"
      host_list=$2
      ;;
    --hostfile) hostfile=$2 ;;
    --ranks-per-host) ranks_per_host=$2 ;;
    --threads) threads=$2 ;;
    --interface) interface=$2 ;;
    --max-restarts) max_restarts=$2 ;;
    *) usage ;;
  esac
  shift 2
done
[[ $# -gt 0 ]] || usage
for number in $ranks $ranks_per_host $threads; do
  [[ $number =~ ^[1-9][0-9]{0,4}$ ]] || fail "'${number:0:40}' is not a number of ranks or threads from 1 to 99999"
done
[[ $max_restarts =~ ^[0-9]{1,5}$ ]] || fail "'${max_restarts:0:40}' is not a number of restarts from 0 to 99999"
max_restarts=$((10#$max_restarts))  # in decimal, also with zeros before it
[[ -x $octet ]] ||
  fail "$octet is not there; build it first: cmake --preset release && cmake --build --preset release"
command -v mpirun > /dev/null || fail "no mpirun; install openmpi-bin"

if [[ -n $hostfile ]]; then
  use_hostfile "$hostfile"
elif [[ -n $host_list ]]; then
  use_hosts "$host_list"
elif [[ -n ${OMPI_MCA_orte_default_hostfile:-} ]]; then
  use_hostfile "$OMPI_MCA_orte_default_hostfile"  # set by Kubeflow's MPI operator
elif [[ -n ${SLURM_JOB_ID:-} ]]; then
  use_allocation
else
  ranks=${ranks:-${ranks_per_host:-1}}
fi
[[ -z $elastic || -f $hostfile ]] || fail "--elastic needs a --hostfile, which may change while the job runs"
if [[ $1 == free-weights ]]; then
  free_weights "${@:2}"
  exit
fi
[[ ${#hosts[@]} -eq 0 ]] || check_hosts

make_command
supervise "$max_restarts" "$@" ${threads:+--threads "$threads"}

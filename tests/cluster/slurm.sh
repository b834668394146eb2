#!/usr/bin/env bash
# A real SLURM in a test cluster (cluster.sh) that is up: slurmctld on node1, munged and slurmd on every host.
#
#   slurm.sh up                   # returns when all hosts wait for jobs
#   slurm.sh run COMMAND ...      # on node1: sbatch, srun, squeue, scancel ...
#   slurm.sh down                 # ends its daemons and jobs; taking the cluster down does as well
#
# Each host offers CPUS processors, whether or not the machine has them. Packages: slurmctld slurmd slurm-client munge.
set -euo pipefail

readonly CPUS=4

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cluster=$here/cluster.sh
state=${OCTET_CLUSTER:?must name the directory of a cluster}/slurm

write_slurm_conf() {  # HOSTS
  cat > "$state/slurm.conf" << END
ClusterName=octet
SlurmctldHost=node1
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CredType=cred/munge
AuthInfo=cred_expire=5
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmdParameters=config_overrides
StateSaveLocation=$state/jobs
SlurmdSpoolDir=/run/slurmd
SlurmctldPidFile=/run/slurmctld.pid
SlurmdPidFile=/run/slurmd.pid
SlurmctldLogFile=$state/slurmctld.log
SlurmdLogFile=$state/slurmd.%n.log
SlurmdTimeout=20
KillWait=5
ReturnToService=2
NodeName=node[1-$1] CPUs=$CPUS RealMemory=1000 State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
END
}

start_munged() {  # I: in its usual place, which each host has for itself; --force: as root
  "$cluster" exec "$1" mkdir -p /run/munge
  "$cluster" exec "$1" munged --force --key-file="$state/munge.key" --log-file=/run/munge/log \
    --pid-file=/run/munge/pid --seed-file=/run/munge/seed
}

install_slurm_conf() {  # I: also in its usual place, so that no job depends on SLURM_CONF
  "$cluster" exec "$1" mount -t tmpfs tmpfs /etc/slurm
  "$cluster" exec "$1" cp "$state/slurm.conf" /etc/slurm/
}

wait_until_idle() {  # HOSTS: up to 30 s
  for _ in {1..150}; do
    [[ $("$cluster" exec 1 timeout 5 sinfo -h -o '%T %D' 2> "$state/sinfo.log") != "idle $1" ]] || return 0
    sleep 0.2
  done
  echo "slurm.sh: not all hosts came up" >&2
  tail -n 5 "$state"/*.log >&2
  return 1
}

slurm_up() {
  local hosts i
  mapfile -t hosts < "$("$cluster" hostfile)"
  mkdir -p "$state/jobs"
  (umask 077 && head -c 128 /dev/urandom > "$state/munge.key")
  write_slurm_conf "${#hosts[@]}"
  for i in $(seq "${#hosts[@]}"); do
    start_munged "$i"
    install_slurm_conf "$i"
  done
  "$cluster" exec 1 slurmctld -c
  for i in $(seq "${#hosts[@]}"); do
    "$cluster" exec "$i" mkdir -p /run/slurmd
    "$cluster" exec "$i" slurmd -N "node$i"
  done
  wait_until_idle "${#hosts[@]}"
}

slurm_down() {
  local hosts i
  mapfile -t hosts < "$("$cluster" hostfile)"
  for i in $(seq "${#hosts[@]}"); do
    "$cluster" kill "$i" KILL '(slurmctld|slurmd|slurmstepd|munged)' 2> /dev/null || true  # what is not there
    "$cluster" exec "$i" umount /etc/slurm || true
  done
  rm -rf "$state"
}

command=${1:-}
case $command in
  up) slurm_up ;;
  run) shift && "$cluster" exec 1 "$@" ;;
  down) slurm_down ;;
  *) sed -n '2,/^set /s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 1 ;;
esac

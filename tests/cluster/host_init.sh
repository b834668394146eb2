#!/usr/bin/env bash
# Process 1 of a host of the test cluster: makes the host's own directories, serves ssh, and lives until it is killed.
#
#   host_init.sh STATE I      # from cluster.sh, inside new namespaces
set -euo pipefail

state=$1
index=$2

# /proc still is the machine's, so this is the number by which the machine knows this process.
read -r pid _ < /proc/self/stat

hostname "node$index"
mount -t proc proc /proc
mount -t tmpfs tmpfs /dev/shm
mount -t tmpfs -o mode=755 tmpfs /run
mount --bind "$state/hosts" /etc/hosts

# A /tmp of its own, in which the shared directories stay in sight.
mapfile -t shares < <(grep '^/tmp/.' "$state/shares" | sort -u)
for n in "${!shares[@]}"; do
  mkdir -p "/run/shares/$n"
  mount --bind "${shares[n]}" "/run/shares/$n"
done
mount -t tmpfs -o mode=1777 tmpfs /tmp
for n in "${!shares[@]}"; do
  mkdir -p "${shares[n]}"
  mount --move "/run/shares/$n" "${shares[n]}"
done

# Bash reads it for every command that comes by ssh; what it does (a lock, say) is not the cluster's.
[[ ! -f ~/.bashrc ]] || mount --bind /dev/null ~/.bashrc
mkdir -p /run/sshd
/usr/sbin/sshd -f "$state/sshd_config.$index" -E "$state/sshd.$index.log"
echo "$pid" > "$state/init.$index"

trap '' TERM INT HUP  # as a kernel gives process 1: only KILL ends it
while :; do
  sleep 3600 &
  wait $! || true  # also takes leave of orphans
done

# shellcheck shell=bash
# For tests of scripts, most of them on a cluster of their own: sourced first. Gives $work, a directory that all hosts
# share and that is removed at the end together with the cluster, and functions to compare and to count.

cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
cluster=tests/cluster/cluster.sh
work=$(mktemp -d)
export OCTET_CLUSTER=$work/cluster
mkdir "$OCTET_CLUSTER"
failures=0

clean_up() {
  [[ ! -d $OCTET_CLUSTER ]] || "$cluster" down
  rm -rf "$work"
}
trap clean_up EXIT

# Tells what is left out, and for CTest that it was.
skip() {
  cat >&2 << END
################################################################################
# Left out: ${0##*/}: $1
################################################################################
END
  exit 77
}

# start_cluster HOSTS [FLAG ...]: one that outlives no test that CTest has killed; $lifetime seconds unless 200.
start_cluster() {
  local status=0
  "$cluster" up "$@" --share "$work" --lifetime "${lifetime:-200}" 2> "$work/up.log" || status=$?
  [[ $status -ne 77 && $status -ne 3 ]] || skip "$(cat "$work/up.log")"
  [[ $status -eq 0 ]] || { cat "$work/up.log" >&2; exit "$status"; }
}

# on_node I COMMAND ...: a hang is a failure.
on_node() { timeout -k 5 60 "$cluster" exec "$@"; }

# check NAME COMMAND ...: it succeeds.
check() {
  local name=$1
  shift
  if "$@" > "$work/check.log" 2>&1; then
    echo "passed: $name"
  else
    failures=$((failures + 1))
    echo "FAILED: $name: $*"
    cat "$work/check.log"
  fi
}

# check_refusal NAME PATTERN COMMAND ...: it ends with exit code 2 and a line on stderr that matches.
check_refusal() {
  local name=$1 pattern=$2 status=0
  shift 2
  "$@" > "$work/check.log" 2>&1 || status=$?
  if [[ $status -eq 2 ]] && grep -qE "$pattern" "$work/check.log"; then
    echo "passed: $name"
  else
    failures=$((failures + 1))
    echo "FAILED: $name: exit code $status, not 2 with a line '$pattern': $*"
    cat "$work/check.log"
  fi
}

# wait_until COMMAND ...: it succeeds, within $patience seconds; 60 unless set.
wait_until() {
  for _ in $(seq $((5 * ${patience:-60}))); do
    ! "$@" || return 0
    sleep 0.2
  done
  echo "not within ${patience:-60} s: $*"
  return 1
}

# The last line of a test.
finish() {
  echo "$failures failures"
  [[ $failures -eq 0 ]]
}

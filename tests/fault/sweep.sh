#!/usr/bin/env bash
# The full sweep of faults, about half an hour on two cores: writes that fail, power cuts, killed and stopped ranks of real
# jobs, what disks and other people do to their files, lost hosts, bad links; and what threads share, under ThreadSanitizer. Prints a table of each, and builds what it
# needs. The test command runs a sample of it.
#
#   tests/fault/sweep.sh [FLAG OF kill_sweep.py ...]
set -uo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 2
launch/install_packages.sh --tests || exit 2
cmake --preset release -DBUILD_TESTING=ON > /dev/null && cmake --build --preset release || exit 2
export OCTET_BIN=$PWD/build/release/launch/octet OCTET_FULL_SWEEP=1
failed=0

build/release/tests/fault_test | grep -E 'none lost|nothing lost|FAILED|PASSED' || failed=1
build/release/tests/launch_test --gtest_filter='DrawnRuns.*' || failed=1
tests/fault/kill_sweep.py "$@" || failed=1
tests/fault/file_faults.py || failed=1
for test in lost_host bad_link; do
  tests/fault/${test}_test.sh || [[ $? -eq 77 ]] || failed=1  # 77: this machine can't make hosts
done

cmake --preset thread -DBUILD_TESTING=ON > /dev/null && cmake --build --preset thread &&
  ctest --test-dir build/thread --output-on-failure || failed=1
exit "$failed"

#!/usr/bin/env bash
# The full sweep of faults, about half an hour on two cores: killed and stopped ranks of real jobs, writes that fail, power
# cuts, lost hosts; and what threads share, under ThreadSanitizer. Prints a table of each. The test command runs a sample of it. Builds what it needs.
set -uo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 2
launch/install_packages.sh --tests || exit 2
cmake --preset release -DBUILD_TESTING=ON > /dev/null && cmake --build --preset release || exit 2
export OCTET_BIN=$PWD/build/release/launch/octet OCTET_FULL_SWEEP=1
failed=0

build/release/tests/fault_test | grep -E 'none lost|nothing lost|FAILED|PASSED' || failed=1
tests/fault/kill_sweep.py "$@" || failed=1
tests/fault/lost_host_test.sh || failed=1
tests/fault/bad_link_test.sh || failed=1

cmake --preset thread -DBUILD_TESTING=ON > /dev/null && cmake --build --preset thread &&
  ctest --test-dir build/thread --output-on-failure || failed=1
exit "$failed"

#!/usr/bin/env bash
# The one test command: installs what is missing, builds Release and ASan+UBSan, checks the style, runs every test under
# Release and most under the other, and each fuzz target for seconds. Ends with a line "N passed, N failed".
#
#   tests/run.sh           everything
#   tests/run.sh --quick   Release only, no clang-tidy, no fuzz targets
set -uo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 2
launch/install_packages.sh --tests || exit 2

presets=(release sanitize)
[[ ${1:-} != --quick ]] || presets=(release)
passed=0
failed=0

# count NAME COMMAND...: one check more, passed or failed.
count() {
  local name=$1
  shift
  if "$@"; then
    passed=$((passed + 1))
  else
    echo "FAILED: $name" >&2
    failed=$((failed + 1))
  fi
}

# Says how long the stage before took.
stage=$SECONDS
took() {  # NAME
  echo "$1: $((SECONDS - stage)) s"
  stage=$SECONDS
}

if [[ -z ${OCTET_ORACLE_DIR:-} ]]; then
  cat >&2 << 'END'
################################################################################
# OCTET_ORACLE_DIR is not set. Left out: Mixtral's own vocabulary and template
# (TokenizerSpm..., ChatTemplate...), and Hugging Face cases beyond tests/golden.
################################################################################
END
fi

if [[ -z ${OCTET_SCHEMA_SUITE_DIR:-} ]]; then
  echo "OCTET_SCHEMA_SUITE_DIR is not set. Left out: the JSON Schema Test Suite" >&2
fi

for preset in "${presets[@]}"; do
  if ! { cmake --preset "$preset" -DBUILD_TESTING=ON > /dev/null && cmake --build --preset "$preset"; }; then
    echo "0 passed, 1 failed"
    exit 1
  fi
  took "build of $preset"
done

count "source style" tests/style/check_sources.sh
if [[ ${1:-} != --quick ]]; then
  count "clang-tidy" tests/style/run_clang_tidy.sh build/sanitize
  # The test large_inputs gives parsers a megabyte; here a sixteenth does, as sanitizers look at memory, not at time.
  count "fuzz targets" env OCTET_FUZZ_SECONDS=3 OCTET_FUZZ_LARGE_KIB=64 tests/fuzz/run.sh 20000
fi
took "source style, clang-tidy, fuzz targets"

for preset in "${presets[@]}"; do
  results=build/$preset/ctest.xml
  rm -f "$results"
  # Half of what they take is waiting: for launchers, daemons, time limits.
  ctest --test-dir "build/$preset" --parallel $(($(nproc) + 2)) --output-on-failure --no-tests=error \
    --output-junit ctest.xml --progress | grep -vE '^ *Start|Passed|^$' | tail -n 200
  ctest_status=${PIPESTATUS[0]}
  read -r tests failures skipped < <(python3 tests/style/junit_counts.py "$results")
  echo "$preset: $tests tests, $failures failed, $skipped skipped"
  took "tests of $preset"
  [[ $ctest_status -eq 0 || ${failures:-0} -gt 0 ]] || failures=1  # it ended without a full account
  passed=$((passed + tests - failures - skipped))
  failed=$((failed + failures))
done

echo "$passed passed, $failed failed"
[[ $failed -eq 0 ]]

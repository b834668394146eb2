#!/usr/bin/env bash
# Checks of the sources that need no compiler: format, layering, lengths of files and functions, shell scripts, pages.
set -uo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 2
mapfile -t sources < <(git ls-files --cached --others --exclude-standard '*.h' '*.cc' '*.cu')
mapfile -t scripts < <(git ls-files --cached --others --exclude-standard '*.sh' '*.sbatch' .ci/run)
mapfile -t pages < <(git ls-files --cached --others --exclude-standard '*.md')
status=0

fail() {
  echo "$1" >&2
  status=1
}

clang-format --dry-run --Werror "${sources[@]}" || fail "clang-format wants changes"
shellcheck "${scripts[@]}" || fail "shellcheck found something"
python3 tests/style/check_layering.py "${sources[@]}" || fail "an include points the wrong way"
python3 tests/style/check_lengths.py "${sources[@]}" || fail "a file or function is too long"
! grep -nE "^ *// Of " "${sources[@]}" || fail "a comment begins with Of"
python3 tests/style/check_usings.py "${sources[@]}" || fail "a using-declaration is for nothing"
for page in "${pages[@]}"; do  # a formatter of C++ takes the hash for its own
  [[ $(head -n 1 "$page") == '# '* ]] || fail "$page does not begin with a heading"
done
# Tables and code may be wide.
awk 'FNR == 1 { code = 0 } /^ *```/ { code = !code }
     !code && !/^ *[|<]/ && length($0) > 140 { print FILENAME ":" FNR ": " length($0) " characters"; long = 1 }
     END { exit long }' "${pages[@]}" || fail "a line of text is longer than 140 characters"
exit $status

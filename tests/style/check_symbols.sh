#!/usr/bin/env bash
# The objects that are compiled for one instruction path define nothing that other files share: the linker could keep
# that path's copy, and the program would die on a processor without it.
#
#   check_symbols.sh OBJECT...    all objects of the kernels; those of the paths are picked by name
set -euo pipefail

status=0
checked=0
for object in "$@"; do
  [[ $object =~ /(avx[a-z0-9_]*|amx)\.cc\.o$ ]] || continue
  checked=$((checked + 1))
  shared=$(nm -C --defined-only "$object" | grep -E ' [TWVu] ' |
    grep -vE '<octet::(Avx(2|512|512Bf16)|Amx)[,>]|octet::(Avx(2|512|512Bf16)|Amx(Tiles)?)::|octet::kA(vx|mx)[0-9A-Za-z]*Kernels' || true)
  if [[ -n $shared ]]; then
    echo "$object defines what others may share:"
    echo "$shared"
    status=1
  fi
done
echo "$checked objects checked"
[[ $checked -eq 4 ]] && exit $status
echo "expected the objects of 4 paths" && exit 1

#!/usr/bin/env bash
# The objects that are compiled for one instruction path define nothing that other files share: the linker could keep
# that path's copy, and the program would die on a processor without it.
#
#   check_symbols.sh OBJECT...    all objects of the kernels; those of the paths are picked by name
set -euo pipefail

declare -A vectors=([avx2]=Avx2 [avx_vnni]=AvxVnni [avx512]=Avx512 [avx512_vnni]=Avx512Vnni [avx512_bf16]=Avx512Bf16 [amx]='Amx(Tiles)?')
status=0
checked=0
for object in "$@"; do
  [[ $object =~ /(avx[a-z0-9_]*|amx)\.cc\.o$ ]] || continue
  checked=$((checked + 1))
  own=${vectors[${BASH_REMATCH[1]}]:-}
  [[ -n $own ]] || { echo "$object: of which path?" && exit 1; }
  # Not even those of the vectors that its own ones build on, which other paths have.
  shared=$(nm -C --defined-only "$object" | grep -E ' [TWVu] ' |
    grep -vE "<octet::${own}[,>]|octet::${own}::|octet::kA(vx|mx)[0-9A-Za-z]*Kernels" || true)
  if [[ -n $shared ]]; then
    echo "$object defines what others may share:"
    echo "$shared"
    status=1
  fi
done
echo "$checked objects checked"
[[ $checked -eq ${#vectors[@]} ]] && exit $status
echo "expected the objects of ${#vectors[@]} paths" && exit 1

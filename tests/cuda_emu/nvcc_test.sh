#!/usr/bin/env bash
# nvcc compiles all device code for sm_80 and sm_90a, without spills, stack or double precision. NVCC: the compiler.
# Exit code 77: there is none.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
nvcc=${NVCC:-$(command -v nvcc || echo /usr/local/cuda/bin/nvcc)}
if [[ ! -x $nvcc ]]; then
  echo "left out: there is no nvcc to compile kernels/cuda with"
  exit 77
fi
cuobjdump=$(command -v cuobjdump || echo "${nvcc%nvcc}cuobjdump")
[[ -x $cuobjdump ]] || echo "left out: there is no cuobjdump to look for double precision with"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0
for source in kernels/cuda/*.cu; do
  if ! "$nvcc" -std=c++20 --fmad=false -I . -gencode arch=compute_80,code=sm_80 \
    -gencode arch=compute_90a,code=sm_90a -Xptxas -v -c "$source" -o "$work/object.o" > "$work/log" 2>&1; then
    cat "$work/log"
    failed=1
    continue
  fi
  kernels=$(grep -c 'Compiling entry function' "$work/log")
  thrifty=$(grep -c '0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads' "$work/log")
  echo "$source: $kernels kernels, $(grep -o 'Used [0-9]* registers' "$work/log" | sort -u | paste -sd ',')"
  if [[ $kernels -eq 0 || $kernels -ne $thrifty ]]; then
    cat "$work/log"
    failed=1
  fi
  if [[ -x $cuobjdump ]] && "$cuobjdump" -sass "$work/object.o" | grep -E '\bD(ADD|MUL|FMA|SETP)\b'; then
    echo "$source: computes in double precision"
    failed=1
  fi
done
exit "$failed"

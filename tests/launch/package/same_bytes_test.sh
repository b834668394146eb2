#!/usr/bin/env bash
# The preset for packages gives the same bytes in every directory, at any time: some of its parts, built in two directories
# that have names of different lengths. Of no part remains where it was built.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../../cluster/test_support.sh"
unset CMAKE_C_COMPILER_LAUNCHER CMAKE_CXX_COMPILER_LAUNCHER  # which may give what another directory compiled

parts=(kernels/liboctet_kernels_base.a proto/CMakeFiles/octet_proto.dir/doctor.pb.cc.o launch/version.cc)

builds_in() {  # DIRECTORY
  mkdir -p "$1"
  cp -r CMakeLists.txt CMakePresets.json LICENSE kernels launch parallel proto runtime "$1"
  (cd "$1" && timeout -k 5 100 cmake --preset package && timeout -k 5 200 cmake --build --preset package --target "${parts[@]}")
}

have_the_same_bytes() {
  local part
  for part in "${parts[@]}"; do cmp "$work"/{a,another/directory}/build/package/"$part" || return 1; done
}

do_not_say_where_they_were_built() {
  local part
  for part in "${parts[@]}"; do
    ! grep -aF "$work" "$work/a/build/package/$part" || return 1
  done
}

check "they are built" builds_in "$work/a"
check "they are built elsewhere" builds_in "$work/another/directory"
check "they have the same bytes" have_the_same_bytes
check "they do not say where they were built" do_not_say_where_they_were_built
finish

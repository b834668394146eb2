#!/usr/bin/env bash
# The Debian package: built, installed by dpkg and run in a root that has the essential packages and those that the
# package depends on, and nothing else. Their files are those of this machine, so no network is needed.
# OCTET_BUILD_DIR: the build directory.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../../cluster/test_support.sh"
: "${OCTET_BUILD_DIR:?must name the build directory}"

[[ $(id -u) -eq 0 ]] || skip "only root can make a root of its own"
unshare --mount --pid --fork true 2> "$work/unshare.log" || skip "$(cat "$work/unshare.log")"
root=$work/root

# The package's own package names, and all that those depend on. Of alternatives the first that is installed here.
closure() {  # NAME ...
  dpkg-query -W -f '${db:Status-Status}\t${Package}\t${Provides}\t${Pre-Depends}, ${Depends}\n' | awk -F '\t' -v start="$*" '
    $1 == "installed" {
      installed[$2] = 1; depends[$2] = $4
      count = split($3, names, /, */)
      for (i = 1; i <= count; ++i) { sub(/[ (:].*/, "", names[i]); if (names[i] != "") provider[names[i]] = $2 }
    }
    function add(name) { if (!(name in wanted)) { wanted[name] = 1; queue[++last] = name } }
    function choose(text,  parts, count, i) {
      count = split(text, parts, / *\| */)
      for (i = 1; i <= count; ++i) {
        gsub(/^ +|[ (:].*$/, "", parts[i])
        if (parts[i] in installed) { add(parts[i]); return }
        if (parts[i] in provider) { add(provider[parts[i]]); return }
      }
      if (parts[1] != "") missing = missing " " parts[1]
    }
    END {
      count = split(start, names, / +/)
      for (i = 1; i <= count; ++i) choose(names[i])
      for (at = 1; at <= last; ++at) {
        number = split(depends[queue[at]], parts, / *, */)
        for (j = 1; j <= number; ++j) choose(parts[j])
      }
      for (name in wanted) print name
      if (missing != "") { print "not installed here:" missing > "/dev/stderr"; exit 1 }
    }'
}

copy_packages() {  # NAME ...: their files, and that they are installed
  mkdir -p "$root"/{dev,proc,tmp,root,run,var/lib/dpkg/{info,updates}}
  dpkg-query -L "$@" | grep '^/.' | sort -u | while read -r path; do [[ -d $path && ! -L $path ]] || echo "$path"; done |
    tar -C / --ignore-failed-read -P -cf - -T - 2> "$work/tar.log" | tar -C "$root" -xf - --keep-directory-symlink
  dpkg-query -s "$@" > "$root/var/lib/dpkg/status"
  for name; do cp /var/lib/dpkg/info/"$name"{,:amd64}.list "$root/var/lib/dpkg/info/" 2> /dev/null || true; done
}

# What the packages' scripts would have made.
finish_root() {
  local file link
  mkdir -p "$root/etc/alternatives"
  for file in /var/lib/dpkg/alternatives/*; do
    link=$(sed -n 2p "$file")
    [[ -e $root$(readlink "/etc/alternatives/${file##*/}") ]] || continue
    cp -P "/etc/alternatives/${file##*/}" "$root/etc/alternatives/"
    mkdir -p "$root$(dirname "$link")"
    ln -sf "/etc/alternatives/${file##*/}" "$root$link"
  done
  echo 'root:x:0:0:root:/root:/bin/bash' > "$root/etc/passwd"
  echo 'root:x:0:' > "$root/etc/group"
  echo '127.0.0.1 localhost' > "$root/etc/hosts"
  chmod 1777 "$root/tmp"
  in_root ldconfig
}

in_root() {  # COMMAND ...
  # shellcheck disable=SC2016  # it expands there
  timeout -k 5 60 unshare --mount --pid --fork bash -c 'set -e
    mount --bind /dev "$0/dev"; mount -t proc proc "$0/proc"
    exec chroot "$0" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TMPDIR=/tmp "$@"' "$root" "$@"
}

essential() {
  dpkg-query -W -f '${db:Status-Status} ${Essential} ${Package}\n' | sed -n 's/^installed yes //p'
}

build_package() {  # DIRECTORY
  (cd "$work" && timeout -k 5 60 cpack --config "$OCTET_BUILD_DIR/CPackConfig.cmake" -B "$1") > "$work/cpack.log" 2>&1 ||
    { cat "$work/cpack.log"; return 1; }
  deb=$(echo "$1"/*.deb)
  [[ -f $deb ]]
}

is_the_same_later() {
  local first=$deb
  build_package "$work/later" && cmp "$first" "$deb"
}

# All that the package tells of time is what SOURCE_DATE_EPOCH says.
has_one_time() {
  local times
  times=$({ ar tv "$deb" | awk '{ print $4, $5, $6, $7 }' && dpkg-deb --fsys-tarfile "$deb" |
    tar -tv --full-time -f - | awk '{ print $4, $5 }'; } | sort -u)
  [[ $times == "$(LC_ALL=C date -d "@$SOURCE_DATE_EPOCH" '+%F %T
%b %d %H:%M %Y')" ]] || { echo "$times"; return 1; }
}

# NVIDIA's libraries, where the program was built with them: their packages are not Debian's.
copy_cuda() {  # NAME ...
  local name library
  for name; do
    printf '\nPackage: %s\nStatus: install ok installed\nArchitecture: amd64\nMaintainer: -\nVersion: 99\nDescription: -\n' \
      "$name" >> "$root/var/lib/dpkg/status"
    for library in $(ldd "$OCTET_BUILD_DIR/launch/octet" | awk '/libcudart|libnccl/ { print $3 }'); do
      cp -L "$library" "$root/usr/lib/"
    done
  done
}

make_root() {
  local packages depends name cuda=() own=()
  depends=$(dpkg-deb -f "$deb" Depends | sed -E 's/ *\([^)]*\)//g; s/ *\|[^,]*//g; s/,/ /g')
  for name in $depends; do
    case $name in
      cuda-* | libnccl2) cuda+=("$name") ;;
      *) own+=("$name") ;;
    esac
  done
  # shellcheck disable=SC2046  # names without spaces
  packages=$(closure "${own[@]}" $(essential))
  # The usual links of Debian 12 come first, so that files of /lib land behind them.
  mkdir -p "$root"/usr/{bin,sbin,lib,lib32,lib64,libx32}
  for name in bin sbin lib lib32 lib64 libx32; do ln -s "usr/$name" "$root/$name"; done
  # shellcheck disable=SC2086
  copy_packages $packages
  copy_cuda "${cuda[@]}"
  finish_root
}

installs() { cp "$deb" "$root/octet.deb" && in_root dpkg --install /octet.deb && [[ -L $root/usr/bin/octet-run ]]; }

tells_its_version() { in_root octet --version | grep -E '^octet [0-9]+\.[0-9]+'; }

answers_on_two_ranks() {
  cp -r launch/demo/model launch/demo/prompts.jsonl "$root/root/"
  in_root octet-run -n 2 run-batch --model /root/model -i /root/prompts.jsonl -o /root/answers.jsonl --progress none &&
    [[ $(wc -l < "$root/root/answers.jsonl") -eq $(wc -l < launch/demo/prompts.jsonl) ]]
}

examines_its_host() { in_root octet-run -n 2 doctor --quick --model /root/model | grep -E '^[0-9]+ errors?, '; }

has_documents() {
  local file
  for file in man/man1/octet.1 bash-completion/completions/octet zsh/vendor-completions/_octet doc/octet/copyright octet/launch/slurm/octet.sbatch; do
    [[ -s $root/usr/share/$file || -s $root/usr/share/$file.gz ]] || { echo "no $file"; return 1; }
  done
  grep -q 'License: Expat' "$root/usr/share/doc/octet/copyright"
}

is_removed() { in_root dpkg --purge octet && [[ ! -e $root/usr/bin/octet && ! -e $root/usr/share/octet ]]; }

is_refused_without_mpi() {
  local status=$root/var/lib/dpkg/status
  awk -v RS= -v ORS='\n\n' '!/^Package: openmpi-bin\n/' "$status" > "$work/status" && mv "$work/status" "$status"
  ! in_root dpkg --install /octet.deb > "$work/refusal.log" 2>&1 && cat "$work/refusal.log" &&
    grep -q 'octet depends on openmpi-bin' "$work/refusal.log"
}

export SOURCE_DATE_EPOCH=1700000000 TZ=
check "the package is built" build_package "$work/deb"
check "a second one has the same bytes" is_the_same_later
check "of one time" has_one_time
check "a root of what it depends on" make_root
check "dpkg installs it" installs
check "it runs" tells_its_version
check "a job on two ranks" answers_on_two_ranks
check "octet doctor" examines_its_host
check "documents" has_documents
check "dpkg removes it" is_removed
check "without Open MPI dpkg refuses it" is_refused_without_mpi
finish

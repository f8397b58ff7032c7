# The checks that come before any work: each ends in one sentence that says what was expected and what was found.
# shellcheck shell=bash

# A cold build of all parts was measured at 1.6 GB of modules, 5.6 GB of build cache and 0.6 GB of binaries.
disk_build_mib=10240
disk_run_mib=2048
memory_mib=4096

check_linux() {
  [ "$(uname -s)" = Linux ] || fail "this needs Linux, found $(uname -s)"
}

check_root() {
  [ "$(id -u)" = 0 ] || fail "this needs root (for network namespaces, mounts, cgroups and packages), found user $(id -un)"
}

# version_at_least A B: A >= B, for dotted numbers.
version_at_least() { [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1)" = "$2" ]; }

check_go() {
  local want found
  command -v go >/dev/null || fail "this needs Go 1.26 or newer, found none in PATH"
  want=$(cat "$here"/modules/*/go.mod "$here"/images/go.mod | awk '$1 == "go" { print $2 }' | sort -V | tail -n 1)
  found=$(GOTOOLCHAIN=local go env GOVERSION)
  version_at_least "${found#go}" "$want" || fail "this needs Go $want or newer, found $found ($(command -v go))"
}

# check_disk DIR MIB WHAT: DIR need not be there yet.
check_disk() {
  local dir=$1 found
  until [ -d "$dir" ]; do dir=$(dirname "$dir"); done
  found=$(df -Pm "$dir" | awk 'NR == 2 { print $4 }')
  [ "$found" -ge "$2" ] || fail "too little disk: $3 needs $2 MiB free at $dir, found $found MiB"
}

check_memory() {
  local found
  found=$(($(awk '/^MemAvailable:/ { print $2 }' /proc/meminfo) / 1024))
  [ "$found" -ge "$memory_mib" ] || fail "too little memory: this needs $memory_mib MiB available, found $found MiB"
}

# check_build_space PART...: asks only where one of the parts is still to be built.
check_build_space() {
  local part
  for part in "$@"; do
    if [ ! -d "$(part_dir "$part")" ]; then
      check_disk "$(go env GOCACHE)" "$disk_build_mib" "building the cluster's parts"
      check_disk "$cache" "$disk_run_mib" "the cache of built parts"
      return
    fi
  done
}

# Debian packages, each with a file that shows it is there.
run_packages=(
  containernetworking-plugins:/usr/lib/cni/bridge
  nftables:/usr/sbin/nft
  iptables:/usr/sbin/iptables
  iproute2:/usr/bin/ip
  procps:/usr/sbin/sysctl
  openssl:/usr/bin/openssl
)
build_packages=(
  gcc:/usr/bin/gcc
  libc6-dev:/usr/include/stdlib.h
  libseccomp-dev:/usr/include/seccomp.h
  pkg-config:/usr/bin/pkg-config
)

# check_packages PACKAGE:FILE...: sets missing_packages; refuses where they can't be installed.
missing_packages=()
check_packages() {
  local entry
  missing_packages=()
  for entry in "$@"; do
    [ -e "${entry#*:}" ] || missing_packages+=("${entry%%:*}")
  done
  [ ${#missing_packages[@]} = 0 ] || command -v apt-get >/dev/null ||
    fail "the Debian packages ${missing_packages[*]} are missing (files looked for: $*) and there is no apt-get to install them"
}

install_packages() {
  [ ${#missing_packages[@]} != 0 ] || return 0
  check_root
  say "installing the Debian packages ${missing_packages[*]} (they stay)"
  mkdir -p "$cache"
  local apt=(env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=120)
  step_log=$cache/apt.log
  step "apt-get update" "${apt[@]}" update
  step "apt-get install" "${apt[@]}" install -y --no-install-recommends "${missing_packages[@]}"
  step_log=/dev/null
}

check_not_up() {
  [ ! -e "$run" ] ||
    fail "a cluster is up already, or one that was killed left its folder: $run is there; \"cluster down\" removes it"
}

# check_kernel tries what the nodes will do, in a network namespace that ends with the try. Needs the packages.
check_kernel() {
  grep -qw overlay /proc/filesystems || fail "the kernel offers no overlay file system, and \"modprobe overlay\" did not help"
  [ -e /proc/sys/net/bridge/bridge-nf-call-iptables ] || fail "the kernel has no br_netfilter, and \"modprobe br_netfilter\" did not help"
  unshare --net ip link add name try0 type veth peer name try1 || fail "the kernel makes no veth pairs"
  unshare --net ip link add name try0 type bridge || fail "the kernel makes no bridges"
  unshare --net nft 'add table t; add chain t c { type nat hook postrouting priority 0; }' || fail "the kernel has no nftables NAT"
}

check_build() {
  check_linux
  check_go
  check_packages "${build_packages[@]}"
  [ ${#missing_packages[@]} = 0 ] || check_root
  check_build_space "${parts[@]}"
  install_packages
}

check_envtest() {
  check_linux
  check_go
  check_build_space control
}

check_up() {
  check_linux
  check_root
  check_go
  check_not_up
  check_memory
  check_packages "${run_packages[@]}" "${build_packages[@]}"
  check_cgroups
  check_disk "$run" "$disk_run_mib" "a running cluster"
  check_build_space "${parts[@]}"
  install_packages
  check_network
}

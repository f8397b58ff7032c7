# The cluster's cgroups: taudaemon/node-N for a node's pods, taudaemon/system-N for its daemons. Under version 1 in every
# mounted controller, under version 2 in the one hierarchy, with the controllers handed down.
# shellcheck shell=bash

cgroup_version() { [ "$(stat -fc %T /sys/fs/cgroup)" = cgroup2fs ] && echo 2 || echo 1; }

# cgroup_roots: where hierarchies are mounted below /sys/fs/cgroup (a hybrid machine's cgroup2 is one of them).
cgroup_roots() { awk '$2 ~ "^/sys/fs/cgroup" && ($3 == "cgroup" || $3 == "cgroup2") { print $2 }' /proc/mounts; }

# The controllers that the kubelet asks for: version 1, and version 2.
kubelet_controllers_v1=(cpu cpuacct cpuset memory pids systemd)
kubelet_controllers_v2=(cpu cpuset memory pids)

check_cgroups() {
  local name
  if [ "$(cgroup_version)" = 2 ]; then
    for name in "${kubelet_controllers_v2[@]}"; do
      grep -qw "$name" /sys/fs/cgroup/cgroup.controllers ||
        fail "cgroup v2 without the controller $name: the kubelet needs ${kubelet_controllers_v2[*]}, found $(cat /sys/fs/cgroup/cgroup.controllers)"
    done
  else
    for name in "${kubelet_controllers_v1[@]}"; do
      [ -d "/sys/fs/cgroup/$name" ] || fail "cgroup v1 without the controller $name: the kubelet needs /sys/fs/cgroup/{${kubelet_controllers_v1[*]}}"
    done
  fi
  for name in $(cgroup_roots); do
    [ ! -e "$name/taudaemon" ] || fail "the cgroup $name/taudaemon is there already; \"cluster down\" removes it"
  done
}

# make_cgroups N: the cgroups of node N.
make_cgroups() {
  local root dir
  for root in $(cgroup_roots); do
    for dir in taudaemon "taudaemon/node-$1" "taudaemon/system-$1"; do
      # A version 2 cgroup gives its children only what is named here. All that there is: runc asks for more than the kubelet.
      [ "$(cgroup_version)" = 1 ] || hand_down_controllers "$root/$(dirname "$dir")"
      mkdir -p "$root/$dir"
      # A new version 1 cpuset is empty, and no process can enter it.
      [ ! -e "$root/$dir/cpuset.cpus" ] || [ "$(cgroup_version)" = 2 ] || {
        cat "$root/cpuset.cpus" >"$root/$dir/cpuset.cpus"
        cat "$root/cpuset.mems" >"$root/$dir/cpuset.mems"
      }
    done
    [ "$(cgroup_version)" = 1 ] || hand_down_controllers "$root/taudaemon/node-$1"
  done
}

# hand_down_controllers DIR: every controller of this cgroup, to its children.
hand_down_controllers() {
  local name
  for name in $(<"$1/cgroup.controllers"); do
    echo "+$name" 2>/dev/null >"$1/cgroup.subtree_control" || case " ${kubelet_controllers_v2[*]} " in
      *" $name "*) fail "cgroup v2: $1 can't hand the controller $name to its children (in a container: give it a cgroup of its own, with no process in its root)" ;;
    esac
  done
}

# remember_controllers, restore_controllers: what the machine's root cgroup hands to its children (version 2). A controller
# that someone else hands on meanwhile can't be taken back, and should not be.
remember_controllers() {
  [ "$(cgroup_version)" = 1 ] || cat /sys/fs/cgroup/cgroup.subtree_control >"$run/root-controllers"
}

restore_controllers() {
  local name
  [ -f "$run/root-controllers" ] || return 0
  for name in $(</sys/fs/cgroup/cgroup.subtree_control); do
    grep -qw "$name" "$run/root-controllers" || echo "-$name" 2>/dev/null >/sys/fs/cgroup/cgroup.subtree_control || true
  done
}

# enter_cgroups N: the calling shell joins node N's daemons.
enter_cgroups() {
  local root
  for root in $(cgroup_roots); do echo "$BASHPID" >"$root/taudaemon/system-$1/cgroup.procs"; done
}

# remove_cgroups NAME: taudaemon, or one below it, in all hierarchies. Cgroups of killed processes go only after them.
remove_cgroups() {
  local root try
  for ((try = 0; try < 100; try++)); do
    for root in $(cgroup_roots); do
      [ ! -d "$root/$1" ] || find "$root/$1" -depth -type d -exec rmdir {} + 2>/dev/null || true
    done
    [ -n "$(cgroups_left "$1")" ] || return 0
    sleep 0.1
  done
}

cgroups_left() {
  local root
  for root in $(cgroup_roots); do [ ! -d "$root/$1" ] || echo "$root/$1"; done
}

# cgroup_processes: pids of all that is in the cluster's cgroups.
cgroup_processes() {
  local root
  for root in $(cgroup_roots); do
    [ ! -d "$root/taudaemon" ] || find "$root/taudaemon" -name cgroup.procs -exec cat {} + 2>/dev/null || true
  done | sort -un
}

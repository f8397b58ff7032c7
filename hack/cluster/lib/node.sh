# A node is one process tree in pid, mount, uts, ipc and network namespaces of its own. Killing its process 1 ends all of it,
# by the kernel: that is what a pulled plug looks like.
# shellcheck shell=bash

check_node() {
  [[ $1 =~ ^[1-9]$ && -d $run/node-$1 ]] || fail "no node \"$1\": expected one of $(nodes | xargs)"
}

# node_processes N: the pids of node N's outermost processes (nsenter became unshare, whose only child is the node's process 1).
node_processes() {
  { grep -lzxF "TAUDAEMON_NODE=$1" /proc/[0-9]*/environ 2>/dev/null || true; } | cut -d / -f 3
}

# node_init N: the pid, as this machine sees it, of node N's process 1; nothing when the node is off.
node_init() {
  local outer
  outer=$(cat "$run/node-$1/pid" 2>/dev/null) || return 0
  grep -qzxF "TAUDAEMON_NODE=$1" "/proc/$outer/environ" 2>/dev/null || return 0
  awk '{ print $1 }' "/proc/$outer/task/$outer/children" 2>/dev/null
}

node_on() {
  [ -z "$(node_init "$1")" ] || fail "node $1 is on already"
  make_cgroups "$1"
  (
    enter_cgroups "$1"
    exec env -i "$marker" "TAUDAEMON_NODE=$1" HOME=/root PATH="$run/bin:/usr/sbin:/usr/bin:/sbin:/bin" \
      setsid nsenter --net="/run/netns/taudaemon-node-$1" \
      unshare --mount --propagation private --uts --ipc --pid --fork --kill-child=KILL \
      "$run/bin/node-init" "$run" "$1" "$(node_ip "$1")" "$service_net.0.0/16"
  ) >>"$run/logs/node-$1-init.log" 2>&1 </dev/null &
  echo $! >"$run/node-$1/pid"
  disown
}

node_off() {
  local init
  init=$(node_init "$1")
  [ -z "$init" ] || kill -KILL "$init" 2>/dev/null || true
  while [ -n "$(node_processes "$1")" ]; do
    # shellcheck disable=SC2046  # one word a pid
    kill -KILL $(node_processes "$1") 2>/dev/null || true
    sleep 0.05
  done
  rm -f "$run/node-$1/pid"
  # The pods' cgroups outlive them, and a kubelet that finds them dawdles for a minute.
  remove_cgroups "taudaemon/node-$1"
  remove_cgroups "taudaemon/system-$1"
}

# nodes: the numbers of all nodes, on or off.
nodes() {
  local dir
  for dir in "$run"/node-[1-9]; do [ ! -d "$dir" ] || echo "${dir##*-}"; done
}

# load_images IMAGE.tar...: through a pipe, since a node sees none of this machine's /run.
load_images() {
  local i init archive try
  [ $# != 0 ] || fail "load: expected one image archive or more"
  for archive in "$@"; do [ -r "$archive" ] || fail "load: can't read the image archive $archive"; done
  for i in $(nodes); do
    init=$(node_init "$i")
    [ -n "$init" ] || continue
    for ((try = 0; try < 240; try++)); do
      ! nsenter -t "$init" -m test -S /run/containerd/containerd.sock || break
      sleep 0.1
    done
    for archive in "$@"; do
      env "$marker" nsenter -t "$init" -a "$run/bin/ctr" -n k8s.io images import --snapshotter "$(cat "$run/snapshotter")" - <"$archive" >>"$run/logs/import.log" 2>&1 ||
        fail "load: node $i refused $archive: $(tail -n 1 "$run/logs/import.log")"
    done
  done
}

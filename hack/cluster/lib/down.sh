# Stopping the cluster: everything it made goes, and what stays is named.
# shellcheck shell=bash

cluster_down() {
  # Whoever runs the cluster from afar (.ci/run) names a folder for the logs, whoever then stops it.
  local logs=${TAUDAEMON_CLUSTER_LOGS:-} pid start
  case ${1:-} in
    '') ;;
    --logs) logs=${2:?--logs needs a folder} ;;
    *) fail "down: unknown option \"$1\"; expected --logs DIR" ;;
  esac
  check_linux
  check_root
  start=$(now_ms)
  if pid=$(cat "$run/up.pid" 2>/dev/null) && { tr '\0' ' ' <"/proc/$pid/cmdline"; } 2>/dev/null | grep -q 'cluster up'; then
    fail "\"cluster up\" is still running as process $pid: stop that one first"
  fi
  if [ ! -e "$run" ] && [ -z "$(leftovers)" ]; then
    say "no cluster is up"
    return
  fi
  [ -z "$logs" ] || collect_logs "$logs"
  teardown
  say "down: $(seconds_since "$start"), nothing left"
}

# teardown works from any state, also one that a killed `up` left; every part of it may be gone already.
teardown() {
  kill_all
  remove_cgroups taudaemon
  restore_controllers
  remove_network
  restore_sysctls
  [ ! -f "$run/br_netfilter-is-ours" ] || modprobe -r br_netfilter 2>/dev/null || true
  remove_stale_builds
  # Never through a mount: what is mounted below the folder is not the cluster's to delete.
  if [ -z "$(mounts_left)" ]; then rm -rf --one-file-system "$run"; fi
  local left
  left=$(leftovers)
  [ -z "$left" ] || fail "still there after the stop:"$'\n'"$left"
}

# restore_sysctls puts back what the kubelet changed, and checks it: with the folder goes the memory of what was.
restore_sysctls() {
  [ -f "$run/sysctls" ] || return 0
  sysctl -q -p "$run/sysctls" || true
  local names found
  names=$(cut -d ' ' -f 1 "$run/sysctls")
  # shellcheck disable=SC2086  # one word a name
  found=$(sysctl $names | diff "$run/sysctls" - || true)
  [ -z "$found" ] || fail "kernel settings that could not be put back (was, is), kept in $run/sysctls:"$'\n'"$found"
}

# kill_all ends every process of the cluster: the nodes' by their process 1, and whoever else carries the marker or is in its
# cgroups.
kill_all() {
  local try pids
  for ((try = 0; try < 100; try++)); do
    pids=$(marked_processes; cgroup_processes)
    [ -n "$pids" ] || return 0
    # shellcheck disable=SC2086  # one word a pid
    kill -KILL $pids 2>/dev/null || true
    sleep 0.1
  done
}

mounts_left() { awk -v run="$run" 'index($5, run) == 1 { print $5 }' /proc/self/mountinfo; }

# leftovers: a line for each thing of the cluster that is there.
leftovers() {
  local pid
  for pid in $(marked_processes; cgroup_processes); do echo "  process $pid: $({ tr '\0' ' ' <"/proc/$pid/cmdline"; } 2>/dev/null | head -c 100)"; done
  cgroups_left taudaemon | sed 's/^/  cgroup /'
  network_left | sed 's/^/  /'
  networks_in_use | grep -w "$host_link" | sed 's/^/  route /' || true
  mounts_left | sed 's/^/  mount /'
  stale_builds | sed 's/^/  folder /'
  [ ! -e "$run" ] || echo "  folder $run"
}

# collect_logs DIR: the logs, and what the apiserver knows while it still answers.
collect_logs() {
  local kubectl=("$run/bin/kubectl" --kubeconfig "$run/kubeconfig" --request-timeout=10s)
  copy_logs "$1"
  if [ -f "$run/kubeconfig" ]; then
    "${kubectl[@]}" get all,pvc,pv,leases,events -A -o wide >"$1/objects.txt" 2>&1 || true
    "${kubectl[@]}" describe nodes,pods -A >"$1/describe.txt" 2>&1 || true
  fi
  say "logs copied to $1"
}

# copy_logs DIR: the daemons' logs, and the pods' by node.
copy_logs() {
  local i
  mkdir -p "$1"
  [ ! -d "$run/logs" ] || cp -r "$run/logs/." "$1/"
  for i in $(nodes); do
    [ ! -d "$run/node-$i/var/log/pods" ] || cp -r "$run/node-$i/var/log/pods" "$1/node-$i-pods"
  done
}

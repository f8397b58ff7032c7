# What all parts of the cluster scripts use: names, messages, timed steps. Sourced, not run.
# shellcheck shell=bash

# One cluster a machine: its networks are fixed, so its folder is too. On disk, not in /run: etcd and the volumes sync to it.
run=/var/lib/taudaemon-cluster
cache=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/taudaemon/cluster

# Everything that is started carries this variable: `down` finds it by that, whoever started it and however that ended.
marker=TAUDAEMON_CLUSTER=$run

max_nodes=9
node_net=10.240.0 # .1 is this machine, .11 is node 1
pod_net=10.244    # 10.244.N.0/24 on node N
service_net=10.96
api_ip=$node_net.11
dns_ip=$service_net.0.10

say() { printf '%s: %s\n' "${me:-cluster}" "$*" >&2; }
fail() { say "$*"; exit 1; }

now_ms() { echo $(($(date +%s%N) / 1000000)); }
seconds_since() {
  local ms=$(($(now_ms) - $1))
  printf '%d.%d s' $((ms / 1000)) $((ms % 1000 / 100))
}

# step NAME COMMAND...: runs a program, its output into $step_log, and prints the time it took, with a line every 15 s until
# then. The program runs in the background in a session of its own: a signal to this script is acted on at once, not when the
# program returns, and the program dies with the script.
step_log=/dev/null
step_pid=
step() {
  local name=$1 start next status=0
  shift
  start=$(now_ms) next=$((start + 15000))
  env "$marker" setsid setpriv --pdeathsig KILL "$@" >>"$step_log" 2>&1 </dev/null &
  step_pid=$!
  while kill -0 "$step_pid" 2>/dev/null; do
    sleep 0.1
    [ "$(now_ms)" -lt "$next" ] || { say "  $name: $(seconds_since "$start") so far"; next=$((next + 15000)); }
  done
  wait "$step_pid" || status=$?
  step_pid=
  if [ "$status" != 0 ]; then
    [ "$step_log" = /dev/null ] || { tail -n 20 "$step_log" >&2; say "the whole output is in $step_log"; }
    fail "$name failed with status $status after $(seconds_since "$start"): $*"
  fi
  say "$name: $(seconds_since "$start")"
}

# on_exit ends what an interrupt or a failure left half done.
build_tmp=
up_started=
on_exit() {
  local status=$?
  trap '' HUP INT TERM
  if [ -n "$step_pid" ]; then
    kill -KILL -- "-$step_pid" 2>/dev/null || true
    wait "$step_pid" 2>/dev/null || true
  fi
  [ -z "$build_tmp" ] || rm -rf "$build_tmp"
  [ -z "$up_started" ] || undo_up
  exit "$status"
}

# marked_processes prints the pids of all processes that carry the marker.
marked_processes() {
  { grep -lzxF "$marker" /proc/[0-9]*/environ 2>/dev/null || true; } | cut -d / -f 3
}

require_up() { [ -f "$run/kubeconfig" ] || fail "no cluster is up ($run/kubeconfig is not there); \"cluster up\" starts one"; }

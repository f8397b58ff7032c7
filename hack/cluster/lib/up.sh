# Starting the cluster, and asking it things.
# shellcheck shell=bash

# The kubelet sets these for the whole machine; `down` puts them back.
kubelet_sysctls=(vm.overcommit_memory vm.panic_on_oom kernel.panic kernel.panic_on_oops kernel.keys.root_maxkeys kernel.keys.root_maxbytes)

cluster_up() {
  local count=${1:-1} start i
  [[ $count =~ ^[1-9]$ ]] || fail "up: expected a number of nodes from 1 to $max_nodes, found \"$count\""
  check_up
  build_parts "${parts[@]}"

  start=$(now_ms)
  mkdir -m 755 "$run" || check_not_up
  up_started=$start
  echo $$ >"$run/up.pid"
  mkdir -m 777 "$run/pv"
  mkdir "$run/bin" "$run/logs"
  load_kernel_modules
  check_kernel
  choose_snapshotter
  echo "$snapshotter" >"$run/snapshotter"
  sysctl "${kubelet_sysctls[@]}" >"$run/sysctls"
  remember_controllers
  install_parts
  make_pki "$count"
  for ((i = 1; i <= count; i++)); do write_node_config "$i"; done
  make_network "$count"
  say "certificates, configuration, network: $(seconds_since "$start")"

  for ((i = 1; i <= count; i++)); do node_on "$i"; done
  step_log=$run/logs/up.log
  export KUBECONFIG=$run/pki/admin.kubeconfig KUBECACHEDIR=$run/kubectl-cache PATH=$run/bin:$PATH
  step "apiserver ready" timeout --foreground 120 bash -c 'until kubectl get --raw /readyz; do sleep 0.25; done'
  load_images "$run"/images/*.tar
  say "images loaded, $(seconds_since "$start") since the start"
  local names=()
  for ((i = 1; i <= count; i++)); do names+=("node/node-$i"); done
  step "nodes registered" kubectl wait --for=create --timeout=120s "${names[@]}"
  step "nodes Ready" kubectl wait --for=condition=Ready --timeout=120s "${names[@]}"
  step "DNS and storage class applied" kubectl apply -f "$here/manifests/addons.yaml"
  step "DNS ready" kubectl -n kube-system rollout status deploy/coredns --timeout=120s
  step_log=/dev/null
  cp "$run/pki/admin.kubeconfig" "$run/kubeconfig"
  rm "$run/up.pid"
  up_started=
  say "up with $count node(s): $(seconds_since "$start"); use it with: export KUBECONFIG=$run/kubeconfig PATH=$run/tools:\$PATH"
}

# undo_up takes back a start that failed or was interrupted; its logs survive, they may say why.
undo_up() {
  local logs=$cache/last-failed-up
  rm -rf "$logs"
  copy_logs "$logs" || true
  say "the start did not finish: taking it back (its logs: $logs)"
  teardown || true
}

# load_kernel_modules: on a kernel without loadable modules all is there already, or check_kernel says what is not.
load_kernel_modules() {
  command -v modprobe >/dev/null || return 0
  # br_netfilter changes how this machine's own bridges filter: `down` unloads it if it was not there before.
  [ -e /proc/sys/net/bridge ] || touch "$run/br_netfilter-is-ours"
  modprobe -aq overlay br_netfilter nf_tables || true
}

# install_parts: the built parts into the run folder, so that neither a new build nor another checkout pulls them from under a
# running cluster. Links where the disk is the same.
install_parts() {
  local part
  for part in "${parts[@]}"; do
    cp -l "$(part_dir "$part")"/* "$run/bin/" 2>/dev/null || cp "$(part_dir "$part")"/* "$run/bin/"
  done
  mkdir "$run/images"
  mv "$run"/bin/*.tar "$run/images/"
  cp "$here/node/init" "$run/bin/node-init"
  # kubectl apart, for people's PATH: the rest would shadow this machine's own containerd and runc there.
  mkdir "$run/tools"
  ln -s "$run/bin/kubectl" "$run/tools/kubectl"
}

cluster_status() {
  local i
  if [ ! -e "$run" ]; then
    echo "no cluster"
    return
  fi
  echo "folder      $run"
  echo "kubeconfig  $run/kubeconfig"
  echo "cgroups     version $(cgroup_version)"
  for i in $(nodes); do
    if [ -n "$(node_init "$i")" ]; then echo "node-$i      on, $(node_ip "$i")"; else echo "node-$i      off"; fi
  done
  [ ! -f "$run/kubeconfig" ] || "$run/bin/kubectl" --kubeconfig "$run/kubeconfig" --request-timeout=5s get nodes -o wide
}

pv_path() {
  local kubectl=("$run/bin/kubectl" --kubeconfig "$run/kubeconfig") volume path
  volume=$("${kubectl[@]}" -n "$1" get pvc "$2" -o 'jsonpath={.spec.volumeName}')
  [ -n "$volume" ] || fail "the claim $1/$2 has no volume yet"
  path=$("${kubectl[@]}" get pv "$volume" -o 'jsonpath={.spec.local.path}')
  [ -d "$path" ] || fail "the folder of the claim $1/$2 is not there: \"$path\""
  echo "$path"
}

shell_env() {
  echo "export KUBECONFIG=$run/kubeconfig KUBECACHEDIR=$run/kubectl-cache"
  echo "export PATH=$run/tools:\$PATH"
}

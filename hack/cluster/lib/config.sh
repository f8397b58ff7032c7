# The configuration files of a node's daemons, written to $run/node-N.
# shellcheck shell=bash

# write_node_config N
write_node_config() {
  local name=node-$1 dir=$run/node-$1
  mkdir -p "$dir/cni"
  # Nothing resolves outside the cluster; this machine's own resolv.conf must not leak in.
  echo "nameserver $node_net.1" >"$dir/resolv.conf"

  cat >"$dir/cni/10-pods.conflist" <<END
{"cniVersion": "1.0.0", "name": "pods", "plugins": [
  {"type": "bridge", "bridge": "cni0", "isGateway": true, "ipMasq": false, "hairpinMode": true,
   "ipam": {"type": "host-local", "ranges": [[{"subnet": "$pod_net.$1.0/24"}]], "routes": [{"dst": "0.0.0.0/0"}]}},
  {"type": "portmap", "capabilities": {"portMappings": true}}]}
END

  cat >"$dir/containerd.toml" <<END
version = 3
oom_score = 0
[grpc]
  address = "/run/containerd/containerd.sock"
[plugins."io.containerd.internal.v1.opt"]
  path = "/var/lib/containerd-opt"
[plugins."io.containerd.cri.v1.images"]
  snapshotter = "$snapshotter"
  [plugins."io.containerd.cri.v1.images".pinned_images]
    sandbox = "localhost/pause:v1"
[plugins."io.containerd.cri.v1.runtime"]
  restrict_oom_score_adj = true
  [plugins."io.containerd.cri.v1.runtime".cni]
    bin_dirs = ["/usr/lib/cni"]
    conf_dir = "$dir/cni"
  [plugins."io.containerd.cri.v1.runtime".containerd]
    default_runtime_name = "runc"
    [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
END

  # The disk is this machine's, shared by all nodes: its fill is no reason to evict a pod or to drop an image that can't be pulled.
  cat >"$dir/kubelet.yaml" <<END
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: $run/pki/ca.crt}}
authorization: {mode: Webhook}
tlsCertFile: $run/pki/$name.crt
tlsPrivateKeyFile: $run/pki/$name.key
clusterDNS: [$dns_ip]
clusterDomain: cluster.local
resolvConf: $dir/resolv.conf
cgroupDriver: cgroupfs
cgroupRoot: /taudaemon/$name
failCgroupV1: false
failSwapOn: false
oomScoreAdj: 0
volumePluginDir: /var/lib/kubelet/volume-plugins
containerRuntimeEndpoint: unix:///run/containerd/containerd.sock
imageGCHighThresholdPercent: 100
evictionHard: {memory.available: 100Mi, nodefs.available: 0%, nodefs.inodesFree: 0%, imagefs.available: 0%}
END

  # Connection tracking limits are the whole machine's: left as they are.
  cat >"$dir/kube-proxy.yaml" <<END
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: nftables
clusterCIDR: $pod_net.0.0/16
clientConnection: {kubeconfig: $run/pki/kube-proxy.kubeconfig}
conntrack: {maxPerCore: 0, min: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s}
END
}

# choose_snapshotter: overlayfs; where the disk can't carry it (the root of a container is an overlay itself) plain copies.
snapshotter=overlayfs
choose_snapshotter() {
  local dir=$run/overlay-try
  mkdir -p "$dir"/{lower,upper,work,merged}
  if ! unshare --mount mount -t overlay -o "lowerdir=$dir/lower,upperdir=$dir/upper,workdir=$dir/work" overlay "$dir/merged" 2>/dev/null; then
    snapshotter=native
    say "no overlay file system on this disk: containers get plain copies of their images"
  fi
  rm -rf "$dir"
}

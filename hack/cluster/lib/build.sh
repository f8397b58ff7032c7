# Builds the cluster's binaries and images into the cache. Each part has a folder of its own, named by a hash of all that it is
# built from: a change builds that part anew and nothing else. A folder appears by a rename, so it is whole or not there.
# shellcheck shell=bash

parts=(control workers containerd runc images)

kubernetes_version=v1.37.2
containerd_version=2.4.2
runc_version=1.5.2

# Without these the apiserver says v0.0.0, and version skew checks fail.
kubernetes_ldflags() {
  local flags="-s -w" package
  for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
    flags+=" -X $package.gitMajor=1 -X $package.gitMinor=37 -X $package.gitVersion=$kubernetes_version"
    flags+=" -X $package.gitCommit=module -X $package.gitTreeState=clean -X $package.buildDate=2026-11-01T00:00:00Z"
  done
  echo "$flags"
}

# part_sources PART: the files that the part is built from, from this folder. build.sh is one: it holds the flags.
part_sources() {
  echo lib/build.sh
  case $1 in
    control) printf '%s\n' modules/kube/go.{mod,sum} modules/etcd/go.{mod,sum} ;;
    workers) printf '%s\n' modules/kube/go.{mod,sum} ;;
    containerd | runc) printf '%s\n' modules/"$1"/go.{mod,sum} ;;
    images) find images ../image -type f \( -name '*.go' -o -name 'go.*' \) ! -name '*_test.go' | LC_ALL=C sort ;;
  esac
}

# part_dir PART: the part's folder in the cache, there or not.
part_dir() {
  local key
  key=$(cd "$here" && { GOTOOLCHAIN=local go env GOVERSION GOARCH; part_sources "$1" | xargs sha256sum; } | sha256sum)
  echo "$cache/$1-${key:0:16}"
}

# go_step NAME MODULE ARGS...: a go command in a module's folder. The same flags everywhere: others compile everything twice.
go_step() {
  local name=$1 module=$2
  shift 2
  step "$name" env GOWORK=off GOTOOLCHAIN=local GOFLAGS="-trimpath -buildvcs=false" CGO_ENABLED="${cgo:-0}" \
    GOTMPDIR="$build_tmp/gotmp" go -C "$here/$module" "$@"
}

# fetch_modules MODULE: downloads, on their own, so that the build's time is the build's.
fetch_modules() { go_step "modules of ${1##*/}" "$1" list -deps -f x "${2:-tool}"; }

build_control() {
  local kube=k8s.io/kubernetes/cmd
  fetch_modules modules/kube
  fetch_modules modules/etcd
  go_step kube-apiserver modules/kube build -tags selinux,notest,grpcnotrace -ldflags "$(kubernetes_ldflags)" -o "$1/" $kube/kube-apiserver
  go_step kubectl modules/kube build -tags selinux,notest,grpcnotrace -ldflags "$(kubernetes_ldflags)" -o "$1/" $kube/kubectl
  go_step etcd modules/etcd build -ldflags "-s -w" -o "$1/etcd" go.etcd.io/etcd/server/v3
}

build_workers() {
  local kube=k8s.io/kubernetes/cmd
  fetch_modules modules/kube
  go_step "controller-manager, scheduler, kubelet, kube-proxy" modules/kube build -tags selinux,notest,grpcnotrace \
    -ldflags "$(kubernetes_ldflags)" -o "$1/" $kube/kube-controller-manager $kube/kube-scheduler $kube/kubelet $kube/kube-proxy
}

build_containerd() {
  local containerd=github.com/containerd/containerd/v2
  fetch_modules modules/containerd
  go_step containerd modules/containerd build -ldflags "-s -w -X $containerd/version.Version=v$containerd_version" -o "$1/" \
    $containerd/cmd/containerd $containerd/cmd/containerd-shim-runc-v2 $containerd/cmd/ctr
}

# runc is the one with cgo: without libseccomp no pod that asks for a seccomp profile starts.
build_runc() {
  fetch_modules modules/runc
  cgo=1 go_step runc modules/runc build -tags "seccomp netgo osusergo" -ldflags "-s -w -X main.version=$runc_version" -o "$1/" \
    github.com/opencontainers/runc
}

build_images() {
  local bin=$build_tmp/bin
  mkdir "$bin"
  fetch_modules images ./...
  go_step "localpv, CoreDNS, pause" images build -ldflags "-s -w" -o "$bin/" ./localpv ./dns ./pause
  go_step "image writer" ../image build -o "$bin/" .
  step "image of CoreDNS" "$bin/image" "$1/coredns.tar" localhost/coredns:v1 "$bin/dns=/coredns"
  step "image of pause" "$bin/image" "$1/pause.tar" localhost/pause:v1 "$bin/pause=/pause"
  mv "$bin/localpv" "$1/"
}

build_parts() {
  local part dir start
  mkdir -p "$cache"
  remove_stale_builds
  for part in "$@"; do
    dir=$(part_dir "$part")
    [ ! -d "$dir" ] || continue
    start=$(now_ms)
    say "building $part into $dir"
    build_tmp=$cache/.building-$part.$$
    mkdir -p "$build_tmp/out" "$build_tmp/gotmp"
    step_log=$cache/build-$part.log
    : >"$step_log"
    "build_$part" "$build_tmp/out"
    step_log=/dev/null
    # Whoever built the same part meanwhile was as good: the key says so.
    mv -T "$build_tmp/out" "$dir" 2>/dev/null || [ -d "$dir" ]
    rm -rf "$build_tmp"
    build_tmp=
    say "built $part: $(seconds_since "$start")"
  done
}

# stale_builds: the temporary folders of builds that were killed.
stale_builds() {
  local dir
  for dir in "$cache"/.building-*; do
    [ ! -d "$dir" ] || kill -0 "${dir##*.}" 2>/dev/null || echo "$dir"
  done
}

remove_stale_builds() { stale_builds | xargs -r rm -rf; }

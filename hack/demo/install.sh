# Sourced by hack/demo/run and hack/e2e/run, from the top folder: the images, the operator and the price feeds.

# build_images: bin/taudaemon.tar and bin/pricefeed.tar, and bin/taud for use on this machine.
build_images() {
  make --no-print-directory build image
  hack/image/build bin/pricefeed.tar localhost/pricefeed:dev hack/feed=/pricefeed
}

# build_double: bin/taudouble and bin/taudouble.tar, an image that holds it as /usr/bin/tau. It is the double of the Tau binary, for tests: the real
# one may not be shipped.
build_double() {
  GOTOOLCHAIN=local GOFLAGS="-trimpath -buildvcs=false" CGO_ENABLED=0 GOWORK=off go build -ldflags "-s -w" -o bin/taudouble ./hack/taudouble
  hack/image/build bin/taudouble.tar localhost/taudouble:dev bin/taudouble=/usr/bin/tau
}

install_operator() {
  kubectl apply --server-side -k config/default >/dev/null
  kubectl -n taudaemon-system rollout status deployment/taudaemon-manager --timeout=120s >/dev/null
}

install_feeds() {
  kubectl apply --server-side -f hack/e2e/feeds.yaml >/dev/null
  local f
  for f in a b c; do kubectl -n feeds rollout status "deployment/feed-$f" --timeout=120s >/dev/null; done
}

# kill_taud POD_UID: SIGKILL for the daemon's process. On a cluster of this machine it is found among the host's; elsewhere the pod is
# deleted without grace, which is the same to the daemon.
kill_taud() {
  local env killed=
  if [ -z "${CLUSTER:-}" ]; then
    # -s: processes come and go while this looks
    for env in $(grep -slzx "POD_UID=$1" /proc/[0-9]*/environ); do
      env=${env#/proc/}
      kill -KILL "${env%/environ}" && killed=1
    done
    [ -n "$killed" ]
  else
    kubectl -n demo delete pod sp500-taud-0 --grace-period=0 --force
  fi
}

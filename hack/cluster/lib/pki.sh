# A throw-away PKI for one cluster, by openssl.
# shellcheck shell=bash

# new_ca NAME CN
new_ca() {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 365 -keyout "$1.key" -out "$1.crt" -subj "/CN=$2" \
    -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign,digitalSignature 2>/dev/null
}

# new_cert CA NAME SUBJECT USAGE [SUBJECT_ALT_NAMES]
new_cert() {
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$2.key" -out "$2.csr" -subj "$3" 2>/dev/null
  {
    echo keyUsage=critical,digitalSignature
    echo "extendedKeyUsage=$4"
    [ -z "${5:-}" ] || echo "subjectAltName=$5"
  } >"$2.ext"
  openssl x509 -req -in "$2.csr" -CA "$1.crt" -CAkey "$1.key" -CAcreateserial -days 365 -extfile "$2.ext" -out "$2.crt" 2>/dev/null
  rm "$2.csr" "$2.ext"
}

# new_kubeconfig USER: USER.kubeconfig with USER's certificate inside.
new_kubeconfig() {
  cat >"$1.kubeconfig" <<END
apiVersion: v1
kind: Config
current-context: taudaemon
clusters: [{name: taudaemon, cluster: {server: "https://$api_ip:6443", certificate-authority-data: $(base64 -w0 ca.crt)}}]
users: [{name: $1, user: {client-certificate-data: $(base64 -w0 "$1.crt"), client-key-data: $(base64 -w0 "$1.key")}}]
contexts: [{name: taudaemon, context: {cluster: taudaemon, user: $1}}]
END
}

# make_pki NODES
make_pki() (
  umask 077
  mkdir "$run/pki"
  cd "$run/pki" || exit
  new_ca ca kubernetes-ca
  new_ca front-proxy-ca front-proxy-ca
  openssl genrsa -out sa.key 2048 2>/dev/null
  openssl rsa -in sa.key -pubout -out sa.pub 2>/dev/null
  new_cert ca apiserver /CN=kube-apiserver serverAuth \
    "DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:kubernetes.default.svc.cluster.local,DNS:localhost,IP:127.0.0.1,IP:$service_net.0.1,IP:$api_ip"
  new_cert ca apiserver-kubelet-client /O=system:masters/CN=kube-apiserver-kubelet-client clientAuth
  new_cert front-proxy-ca front-proxy-client /CN=front-proxy-client clientAuth
  new_cert ca admin /O=system:masters/CN=admin clientAuth
  local user i
  for user in kube-controller-manager kube-scheduler kube-proxy; do new_cert ca $user "/CN=system:$user" clientAuth; done
  for ((i = 1; i <= $1; i++)); do
    new_cert ca "node-$i" "/O=system:nodes/CN=system:node:node-$i" clientAuth,serverAuth "DNS:node-$i,IP:$(node_ip "$i"),IP:127.0.0.1"
    new_kubeconfig "node-$i"
  done
  for user in admin kube-controller-manager kube-scheduler kube-proxy; do new_kubeconfig $user; done
)

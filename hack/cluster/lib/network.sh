# The cluster's network: one bridge joins the nodes and this machine. The bridge is in a network namespace of its own, so that
# the rules of this machine's firewall never see the traffic between nodes (with br_netfilter they would).
#
#   this machine: taudaemon0 10.240.0.1 --+
#   namespace taudaemon-node-1: eth0 .11 -+- bridge in namespace taudaemon-switch
#   namespace taudaemon-node-2: eth0 .12 -+
# shellcheck shell=bash

host_link=taudaemon0
switch=taudaemon-switch

node_ip() { echo "$node_net.$((10 + $1))"; }

# networks_in_use: routes of this machine that overlap the cluster's networks.
networks_in_use() {
  local net
  for net in "$node_net.0/24" "$pod_net.0.0/16" "$service_net.0.0/16"; do
    ip -4 route show root "$net"
    ip -4 route show match "$net" | grep -v '^default' || true
  done | sort -u
}

check_network() {
  local found
  found=$(networks_in_use)
  [ -z "$found" ] || fail "the cluster's networks $node_net.0/24, $pod_net.0.0/16 and $service_net.0.0/16 must be free, found the route: $found"
  found=$(network_left)
  [ -z "$found" ] || fail "the $(head -n 1 <<<"$found") is there already; \"cluster down\" removes it"
}

make_network() {
  # The first `ip netns add` of a machine leaves a mount; remember whether it was there.
  ! mountpoint -q /run/netns || touch "$run/netns-was-mounted"
  ip netns add $switch
  ip -n $switch link add switch type bridge
  ip -n $switch link set switch up
  ip link add $host_link type veth peer name host netns $switch
  ip -n $switch link set host master switch up
  ip addr add "$node_net.1/24" dev $host_link
  ip link set $host_link up
  ip route add "$service_net.0.0/16" via "$api_ip"
  # Node N's pods are behind node N, for this machine and for the other nodes.
  local i j
  for ((i = 1; i <= $1; i++)); do
    ip netns add "taudaemon-node-$i"
    ip -n "taudaemon-node-$i" link add eth0 type veth peer name "node-$i" netns $switch
    ip -n $switch link set "node-$i" master switch up
    ip -n "taudaemon-node-$i" link set lo up
    ip -n "taudaemon-node-$i" addr add "$(node_ip "$i")/24" dev eth0
    ip -n "taudaemon-node-$i" link set eth0 up
    ip -n "taudaemon-node-$i" route add default via "$node_net.1"
    ip route add "$pod_net.$i.0/24" via "$(node_ip "$i")"
    for ((j = 1; j <= $1; j++)); do
      [ $j = $i ] || ip -n "taudaemon-node-$i" route add "$pod_net.$j.0/24" via "$(node_ip $j)"
    done
  done
}

remove_network() {
  local name
  ip link del $host_link 2>/dev/null || true
  for name in $(ip netns list | awk '/^taudaemon-/ { print $1 }'); do ip netns del "$name" || true; done
  if [ -d "$run" ] && [ ! -e "$run/netns-was-mounted" ] && mountpoint -q /run/netns && [ -z "$(ls /run/netns)" ]; then
    umount /run/netns && rmdir /run/netns
  fi
}

# network_left: names of the cluster's links and namespaces that are there.
network_left() {
  ip netns list | awk '/^taudaemon-/ { print "network namespace " $1 }'
  [ ! -e "/sys/class/net/$host_link" ] || echo "link $host_link"
}

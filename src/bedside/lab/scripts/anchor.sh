#!/bin/sh
# anchor.sh MARK STATE BRIDGE    pid 1 of the lab, in namespaces of its own: every mount, process and interface of
# the lab lives below it. What changes while the lab is up is under /run/bedside, on a tmpfs only the lab sees.
set -eu
bridge=$3

mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/netns /run/bedside/hosts /run/bedside/control /run/bedside/cgroup
# only hosts with systemd need control groups; without them the others still work
mount -t cgroup2 none /run/bedside/cgroup || true
echo "$bridge" >/run/bedside/group
ip link set lo up
ip link add "$bridge" type bridge
ip addr add 10.77.0.1/16 dev "$bridge"
ip link set "$bridge" up
: >/run/bedside/ready
set +e # a child's end interrupts `wait` with a status
trap : CHLD
sleep infinity &
while :; do
    wait $! # reaps what hosts and helpers leave behind
done

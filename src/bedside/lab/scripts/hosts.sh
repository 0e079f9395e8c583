#!/bin/sh
# hosts.sh SEEDS BRIDGE SIZE    make and boot the hosts named on standard input, a line each:
#   NAME ADDRESS MAC INTERFACE INIT ROOT
# Runs in the lab's namespaces. SEEDS/NAME holds the files that are a host's own; SIZE limits its disk.
set -eu
seeds=$1 bridge=$2 size=$3
here=$(dirname "$0")

while read -r name address mac interface init root; do
    home=/run/bedside/hosts/$name control=/run/bedside/control/$name
    mkdir -p "$home" "$control"
    mount -t tmpfs -o "size=$size,mode=755" "$name" "$home"
    mkdir "$home/work" "$home/root"
    cp -a "$seeds/$name" "$home/upper"
    mount -t overlay -o "lowerdir=$root,upperdir=$home/upper,workdir=$home/work" "$name" "$home/root"
    echo "$init" >"$control/init"
    echo "$interface" >"$control/interface"
    ip netns add "$name"
    ip link add "$interface" master "$bridge" type veth peer name eth0 netns "$name" address "$mac"
    ip -n "$name" -batch - <<NET
link set lo up
addr add $address/16 dev eth0
link set eth0 up
route add default via 10.77.0.1
NET
    setsid sh "$here/supervise.sh" "$name" </dev/null >"$control/log" 2>&1 &
done

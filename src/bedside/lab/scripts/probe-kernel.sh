#!/bin/sh
# probe-kernel.sh FOLDER    fails, with the reason, where this machine can't make a lab; leaves nothing.
# Runs in namespaces of its own: unshare --mount --net --pid --fork.
set -eu
cd "$1"
try() { what=$1; shift; "$@" >/dev/null 2>&1 || { echo "$what"; exit 1; }; }
try "no tmpfs can be mounted" mount -t tmpfs tmpfs .
cd "$1"
mkdir lower upper work root
try "the kernel has no overlay file system" mount -t overlay -o lowerdir=lower,upperdir=upper,workdir=work overlay root
try "the kernel has no bridges" ip link add lab-probe type bridge
try "the kernel has no veth pairs" ip link add lab-probe-a type veth peer name lab-probe-b

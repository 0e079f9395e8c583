#!/bin/sh
# supervise.sh NAME    a host's power supply: boots it, boots it again after a reboot, and leaves it off after a
# power-off. Runs in the lab's namespaces; ends with the host.
#
# reboot(2) in a pid namespace kills only its pid 1, with SIGHUP for a restart and SIGINT for a power-off.
set -u
name=$1
here=$(dirname "$0")
root=/run/bedside/hosts/$name/root control=/run/bedside/control/$name
interface=$(cat "$control/interface")
init=$(cat "$control/init")

since() { date -u +%Y-%m-%dT%H:%M:%SZ >"$control/since.part" && mv "$control/since.part" "$control/since"; }

: >"$control/on"
while :; do
    mount -o remount,rw "$root"
    [ -e "$control/cut" ] || ip link set "$interface" up
    set -- --mount --uts --ipc --pid
    if [ -e /proc/self/ns/time ]; then # the host's uptime counts from this boot
        set -- "$@" --time --boottime "-$(cut -d. -f1 /proc/uptime)"
    fi
    since
    nsenter --net="/run/netns/$name" unshare "$@" --fork --kill-child=KILL \
        sh "$here/boot.sh" "$name" "$root" "$init" &
    echo $! >"$control/pid"
    wait $! 2>/dev/null
    status=$?
    echo "$(date -u +%T) pid 1 ended with status $status"
    ip link set "$interface" down
    if [ "$status" = 129 ] || [ -e "$control/again" ]; then
        rm -f "$control/again"
        continue
    fi
    rm -f "$control/on"
    since
    exit
done

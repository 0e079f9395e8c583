#!/bin/sh
# boot.sh NAME ROOT INIT    in namespaces of its own: make ROOT the whole world and become its pid 1.
# INIT: busybox | systemd
set -eu
name=$1 root=$2 init=$3
PATH=/usr/sbin:/usr/bin:/sbin:/bin
export PATH

cgroup=
if [ "$init" = systemd ]; then # a cgroup namespace whose root is the host's own group
    cgroup=/run/bedside/cgroup/$(cat /run/bedside/group)/$name
    mkdir -p "$cgroup"
    echo 0 >"$cgroup/cgroup.procs"
fi
cd "$root"
hostname "$name"
mount -t proc proc proc
mount -t sysfs -o ro sysfs sys
mount -t tmpfs -o mode=755 tmpfs run
mount -t devpts -o newinstance,ptmxmode=666,mode=620,gid=5 devpts dev/pts
# the machine's own settings are out of reach; the host's network settings are its own
mount --bind proc/sys proc/sys
mount --bind proc/sys/net proc/sys/net
mount -o remount,bind,ro proc/sys
[ ! -e proc/sysrq-trigger ] || mount --bind /dev/null proc/sysrq-trigger
# a new boot has a new boot id
cat /proc/sys/kernel/random/uuid >run/boot_id
mount --bind run/boot_id proc/sys/kernel/random/boot_id
pivot_root . mnt
if [ -n "$cgroup" ]; then
    exec unshare --cgroup sh -c 'mount -t cgroup2 none /sys/fs/cgroup; umount -l /mnt
        export container=lxc
        exec setpriv --bounding-set=-sys_time,-sys_module,-sys_rawio /lib/systemd/systemd' </dev/null >/dev/null 2>&1
fi
umount -l /mnt
exec setpriv --bounding-set=-sys_time,-sys_module,-sys_rawio busybox init </dev/null >/dev/null 2>&1

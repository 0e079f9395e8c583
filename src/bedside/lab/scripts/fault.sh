#!/bin/sh
# shellcheck disable=SC2016 # what stands in single quotes is for the shell inside the host
# fault.sh KIND NAME [SECONDS]    do a fault to a host. Runs in the lab's namespaces; acts on the host by the pid of
# its own pid 1, never by a program's name outside it.
set -eu
kind=$1 name=$2 seconds=${3:-600}
here=$(dirname "$0")
control=/run/bedside/control/$name
interface=$(cat "$control/interface")

die() { echo "$*" >&2; exit 64; } # 64: said in our own words

# the host's pid 1, as the lab counts pids; empty while it is off
pid1() {
    [ -e "$control/on" ] || return 0
    read -r outer <"$control/pid" || return 0
    cut -d' ' -f1 "/proc/$outer/task/$outer/children" 2>/dev/null || true
}

host_pid=$(pid1)
need_on() { [ -n "$host_pid" ] || die "$name is off"; }
inside() { need_on; nsenter -t "$host_pid" --all -- "$@"; }
need_debian() { [ -x "/run/bedside/hosts/$name/root/usr/bin/dpkg" ] || die "$name is no Debian host: it can't have $kind"; }
systemd() { [ "$(cat "$control/init")" = systemd ]; }
drop_in=/etc/ssh/sshd_config.d/zz-broken.conf

case $kind in
reboot)
    need_on
    inside reboot || true # it may be ended by the very shutdown it asks for
    ;;
hard-reboot)
    need_on
    : >"$control/again"
    kill -9 "$host_pid"
    ;;
off)
    need_on
    kill -9 "$host_pid"
    while [ -e "$control/on" ]; do sleep 0.05; done
    ;;
on)
    [ -z "$host_pid" ] || die "$name is on"
    : >"$control/on"
    setsid sh "$here/supervise.sh" "$name" </dev/null >>"$control/log" 2>&1 &
    ;;
cut)
    : >"$control/cut"
    ip link set "$interface" down
    ;;
mend)
    rm -f "$control/cut"
    [ -z "$host_pid" ] || ip link set "$interface" up
    ;;
full) inside sh -c 'cat /dev/zero >/var/filler 2>/dev/null || true' ;;
unfull) inside rm -f /var/filler ;;
lock)
    need_debian
    inside sh -c '[ ! -e /run/lab-lock.pid ] || ! kill -0 "$(cat /run/lab-lock.pid)" 2>/dev/null' ||
        die "$name: the locks are held already"
    inside perl - "$seconds" <"$here/hold-locks.pl"
    ;;
unlock)
    need_debian
    inside sh -c 'kill "$(cat /run/lab-lock.pid)" && rm /run/lab-lock.pid' 2>/dev/null ||
        die "$name: no locks are held by the lab"
    ;;
break-sshd)
    need_debian
    echo "Nonsense yes" | inside tee "$drop_in" >/dev/null
    if systemd; then inside systemctl stop ssh; else inside sh -c 'kill "$(cat /run/sshd.pid)"'; fi
    ;;
fix-sshd)
    need_debian
    inside rm -f "$drop_in"
    # busybox init tries again every second by itself
    if systemd; then inside sh -c 'systemctl reset-failed ssh; systemctl start ssh'; fi
    ;;
*) die "no fault is called $kind" ;;
esac

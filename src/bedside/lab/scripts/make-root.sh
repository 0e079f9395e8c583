#!/bin/sh
# make-root.sh RELEASE TARGET MIRROR PACKAGES    a small Debian root in the folder TARGET, with root and ops accounts.
# Runs inside namespaces of its own (proc.contained): what it mounts goes with it.
set -eu
release=$1 target=$2 mirror=$3 packages=$4
export TMPDIR=/media LC_ALL=C.UTF-8
mount -t tmpfs tmpfs "$TMPDIR" # only we see it: nothing stays after kill -9

proxy=
eval "$(apt-config shell proxy Acquire::http::Proxy 2>/dev/null || true)"

mmdebstrap --quiet --mode=root --variant=minbase --include="$packages" \
    ${proxy:+--aptopt="Acquire::http::Proxy \"$proxy\""} \
    --aptopt='Acquire::Check-Valid-Until "false"' --aptopt='Acquire::Languages "none"' \
    --aptopt='Acquire::http::Timeout "30"' --aptopt='Acquire::Retries "3"' \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' \
    --dpkgopt='path-include=/usr/share/man/man7/bash-builtins.7.gz' \
    "$release" "$target" \
    "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $release main"

# every host gets a key of its own at `up`
rm -f "$target"/etc/ssh/ssh_host_*
chroot "$target" useradd -m -s /bin/bash -G sudo ops
printf 'root:rootpw\nops:opspw\n' | chroot "$target" chpasswd

# hosts have busybox as their pid 1, or systemd without consoles; `reboot` must exist with either
[ -e "$target/usr/bin/busybox" ] || ln -s /bin/busybox "$target/usr/bin/busybox"
for word in reboot poweroff halt; do
    [ -e "$target/sbin/$word" ] || ln -s /usr/bin/busybox "$target/sbin/$word"
done
if [ -d "$target/usr/lib/systemd/system" ]; then
    for unit in console-getty.service getty@tty1.service; do
        ln -sf /dev/null "$target/etc/systemd/system/$unit"
    done
fi
cat >"$target/etc/inittab" <<'TAB'
::sysinit:/bin/sh -c 'mkdir -p /run/sshd /run/lock; chmod 1777 /run/lock'
::respawn:/usr/sbin/sshd -D
::respawn:/usr/sbin/cron -f
TAB
: >"$target/etc/resolv.conf"

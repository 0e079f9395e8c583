#!/bin/sh
# make-lookalike.sh KIND TARGET BUSYBOX    a small root in the folder TARGET that looks like another system:
#   openwrt | qnap    busybox and dropbear; no dpkg, no bash, no sudo
#   cygwin            busybox, OpenSSH without Debian's banner, a `uname` that claims to be Cygwin's
#   appliance         shows an SSH banner and says no more
# They are fakes, made of this machine's own programs: enough to be asked, never to be upgraded.
set -eu
kind=$1 target=$2 busybox=$3

for folder in bin sbin usr/bin usr/sbin usr/lib etc root home/ops proc sys dev/pts tmp run mnt var/log var/empty; do
    mkdir -p "$target/$folder"
done
chmod 1777 "$target/tmp"
chmod 700 "$target/root"
chown 1000:1000 "$target/home/ops"
ln -s ../run "$target/var/run"
for device in null:1:3 zero:1:5 random:1:8 urandom:1:9 tty:5:0 ptmx:5:2; do
    name=${device%%:*} numbers=${device#*:}
    mknod -m 666 "$target/dev/$name" c "${numbers%:*}" "${numbers#*:}"
done

# the applets of a small router: no less, seq, stat, timeout, realpath, nproc, base64
cp "$busybox" "$target/bin/busybox"
ln -s /bin/busybox "$target/usr/bin/busybox"
for applet in '[' ash awk basename cat chmod chown chroot cp cut date dd df dirname dmesg du echo egrep env expr \
    false fgrep find free grep gunzip gzip halt head hostname id ifconfig init ip kill killall ln logread ls md5sum \
    mkdir mknod mktemp mount mv nc netstat nice passwd pgrep pidof ping poweroff printf ps pwd readlink reboot rm \
    rmdir route sed setsid sh sleep sort sync tail tar tee test top touch tr true umount uname uniq uptime vi wc \
    wget which xargs zcat; do
    ln -s busybox "$target/bin/$applet"
done

# with_libraries PROGRAM FOLDER    copy a program of this machine, and the libraries it loads
with_libraries() {
    program=$(command -v "$1") || return 1
    cp -L "$program" "$target/$2/"
    ldd "$program" | grep -oE '/[^ ]+' | while read -r library; do
        mkdir -p "$target$(dirname "$library")"
        cp -L "$library" "$target$library"
    done
}
with_libraries setpriv usr/bin

printf 'root:x:0:\nops:x:1000:\nsshd:x:105:\n' >"$target/etc/group"
shell=/bin/ash
inittab='::respawn:/usr/sbin/dropbear -F -E -R -p 22'
case $kind in
openwrt)
    with_libraries dropbear usr/sbin
    cat >"$target/etc/openwrt_release" <<'TEXT'
DISTRIB_ID='OpenWrt'
DISTRIB_RELEASE='22.03.5'
DISTRIB_REVISION='r20134-5f15225c1e'
DISTRIB_TARGET='ath79/generic'
DISTRIB_ARCH='mips_24kc'
DISTRIB_DESCRIPTION='OpenWrt 22.03.5 r20134-5f15225c1e'
TEXT
    cat >"$target/etc/os-release" <<'TEXT'
NAME="OpenWrt"
VERSION="22.03.5"
ID="openwrt"
ID_LIKE="lede openwrt"
PRETTY_NAME="OpenWrt 22.03.5"
TEXT
    ;;
qnap)
    with_libraries dropbear usr/sbin
    mkdir -p "$target/etc/config" "$target/share"
    printf '[System]\nModel = TS-X41\nVersion = 4.3.6\nBuild Number = 20230101\n' >"$target/etc/config/uLinux.conf"
    cat >"$target/bin/getcfg" <<'TEXT'
#!/bin/sh
# getcfg SECTION KEY
awk -F' = ' -v s="[$1]" -v k="$2" '$0 == s {i = 1; next} /^\[/ {i = 0} i && $1 == k {print $2}' /etc/config/uLinux.conf
TEXT
    chmod 755 "$target/bin/getcfg"
    ;;
cygwin)
    shell=/bin/bash
    with_libraries sshd usr/sbin
    with_libraries bash bin
    for helper in sshd-session sshd-auth sftp-server; do
        [ ! -x /usr/lib/openssh/$helper ] || {
            mkdir -p "$target/usr/lib/openssh"
            PATH=/usr/lib/openssh:$PATH with_libraries $helper usr/lib/openssh
        }
    done
    mkdir -p "$target/cygdrive/c/Windows/System32" "$target/etc/ssh"
    cat >"$target/etc/ssh/sshd_config" <<'TEXT'
HostKey /etc/ssh/ssh_host_ed25519_key
DebianBanner no
UsePAM no
Subsystem sftp /usr/lib/openssh/sftp-server
MaxStartups 100:30:200
TEXT
    rm "$target/bin/uname"
    cat >"$target/bin/uname" <<'TEXT'
#!/bin/sh
# a fake: bedside's lab imitates Cygwin's answers
case ${1:--s} in
-s) echo CYGWIN_NT-10.0-19045 ;;
-n) hostname ;;
-r) echo 3.4.9-1.x86_64 ;;
-v) echo '2023-09-06 11:19 UTC' ;;
-m | -p | -i) echo x86_64 ;;
-o) echo Cygwin ;;
*) echo "CYGWIN_NT-10.0-19045 $(hostname) 3.4.9-1.x86_64 2023-09-06 11:19 UTC x86_64 Cygwin" ;;
esac
TEXT
    chmod 755 "$target/bin/uname"
    inittab='::sysinit:/bin/mkdir -p /run/sshd
::respawn:/usr/sbin/sshd -D'
    ;;
appliance)
    cat >"$target/sbin/show-banner" <<'TEXT'
#!/bin/sh
printf 'SSH-2.0-RomSShell_5.40\r\n'
sleep 120
TEXT
    chmod 755 "$target/sbin/show-banner"
    inittab='::respawn:/bin/busybox nc -ll -p 22 -e /sbin/show-banner'
    ;;
esac

cat >"$target/etc/passwd" <<TEXT
root:x:0:0:root:/root:$shell
ops:x:1000:1000::/home/ops:$shell
sshd:x:105:105::/run/sshd:/bin/false
TEXT
printf 'root:*:19000:0:99999:7:::\nops:*:19000:0:99999:7:::\n' >"$target/etc/shadow"
chmod 600 "$target/etc/shadow"
printf '/bin/ash\n/bin/sh\n/bin/bash\n' >"$target/etc/shells"
echo 'export PATH=/usr/sbin:/usr/bin:/sbin:/bin' >"$target/etc/profile"
printf '%s\n' "$inittab" >"$target/etc/inittab"
: >"$target/etc/resolv.conf"

#!/bin/sh
# finish-root.sh ROOT REPOSITORY URL    install the repository's bash with the hole in ROOT, and make the repository
# at URL the only one that ROOT knows; its lists are there already, so that a host needs no `apt-get update` first.
set -eu
root=$1 repository=$2 url=$3
export LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive

cp "$repository"/bash_*+lab1_*.deb "$root/tmp/bash.deb"
chroot "$root" dpkg -i /tmp/bash.deb >/dev/null 2>&1
rm -f "$root/tmp/bash.deb"

rm -rf "$root"/etc/apt/sources.list "$root"/etc/apt/sources.list.d/* "$root"/var/lib/apt/lists/*
mkdir -p "$root/etc/apt/keyrings" "$root/var/lib/apt/lists/partial"
cp "$repository/lab.gpg" "$root/etc/apt/keyrings/lab.gpg"
chmod 644 "$root/etc/apt/keyrings/lab.gpg"
echo "deb [signed-by=/etc/apt/keyrings/lab.gpg] $url ./" >"$root/etc/apt/sources.list.d/lab.list"
prefix=$(echo "${url#http://}" | tr / _)._
for file in InRelease Packages; do
    cp "$repository/$file" "$root/var/lib/apt/lists/$prefix$file"
done

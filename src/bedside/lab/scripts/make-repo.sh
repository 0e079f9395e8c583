#!/bin/sh
# make-repo.sh ROOT TARGET WRAPPER.C    a signed flat apt repository in the folder TARGET with two bash packages,
# made from the bash of the release that ROOT holds:
#   VERSION+lab1   /bin/bash acts as one with the hole that CVE-2014-6271 names
#   VERSION+lab2   the same without the hole
# Runs inside namespaces of its own (proc.contained): gpg's agent goes with it.
set -eu
root=$1 target=$2 source=$3
export LC_ALL=C.UTF-8
work=/media # a tmpfs that only we see: nothing stays after kill -9, and the path is short enough for gpg's socket
mount -t tmpfs tmpfs "$work"
mkdir -p "$target" "$work/lists/partial" "$work/cache/archives/partial"

# the machine's apt, with the root's sources and status, and lists and cache of its own
fetch() {
    apt-get -qq -o Dir::Etc="$root/etc/apt" -o Dir::State="$work" \
        -o Dir::State::status="$root/var/lib/dpkg/status" -o Dir::Cache="$work/cache" \
        -o Acquire::Check-Valid-Until=false -o Acquire::Languages=none \
        -o Acquire::http::Timeout=30 -o Acquire::Retries=3 -o APT::Sandbox::User=root "$@"
}
cd "$work"
fetch update
fetch download bash
package=$(echo "$work"/bash_*.deb)
version=$(dpkg-deb -f "$package" Version)

# build NUMBER [COMPILER OPTION...]
build() {
    tree=$work/bash$1
    number=$1
    shift
    dpkg-deb -R "$package" "$tree"
    bin=$tree/bin
    [ -x "$bin/bash" ] || bin=$tree/usr/bin # from trixie on, packages ship /usr/bin/bash
    mv "$bin/bash" "$bin/bash.real"
    gcc -O2 -Wall -static -s "$@" -o "$bin/bash" "$source"
    sed -i "s/^Version: .*/Version: $version+lab$number/" "$tree/DEBIAN/control"
    (cd "$tree" && find . -path ./DEBIAN -prune -o -type f -printf '%P\0' | xargs -0 md5sum >DEBIAN/md5sums)
    dpkg-deb --root-owner-group -Zgzip --build "$tree" "$target" >/dev/null
}
build 1 -DHOLE
build 2

cd "$target"
apt-ftparchive packages . >Packages
apt-ftparchive -o APT::FTPArchive::Release::Origin=bedside-lab -o APT::FTPArchive::Release::Suite=lab \
    release . >"$work/Release"
mv "$work/Release" Release
mkdir -m 700 "$work/gpg"
export GNUPGHOME="$work/gpg"
gpg -q --batch --passphrase '' --quick-gen-key 'bedside lab <lab@example.test>' ed25519 sign never
gpg -q --batch --clearsign -o InRelease Release
gpg -q --batch --export >lab.gpg

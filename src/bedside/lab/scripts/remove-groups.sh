#!/bin/sh
# remove-groups.sh FOLDER GROUP    remove the control groups of the lab's systemd hosts, once these are gone.
# Runs in a mount namespace of its own.
set -eu
mount -t cgroup2 none "$1"
[ ! -d "$1/$2" ] || find "$1/$2" -depth -type d -exec rmdir {} +

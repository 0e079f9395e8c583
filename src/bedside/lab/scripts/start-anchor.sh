#!/bin/sh
# start-anchor.sh STATE BRIDGE    become the anchor: the process whose death removes the lab. Its pid is in
# STATE/anchor.pid before it has made anything, so that no kill -9 leaves an anchor nobody knows of.
set -eu
echo $$ >"$1/anchor.pid"
exec unshare --mount --net --pid --fork --kill-child=KILL --mount-proc \
    sh "$(dirname "$0")/anchor.sh" bedside-lab-anchor "$1" "$2"

#!/bin/sh
# spawn.sh LOG FOLDER COMMAND...    start a helper, in FOLDER, that lives and dies with the lab
set -eu
log=$1
cd "$2"
shift 2
setsid "$@" </dev/null >"$log" 2>&1 &

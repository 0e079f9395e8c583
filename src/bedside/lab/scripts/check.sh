#!/bin/sh
# check.sh ssh|alive ADDRESS PORT BUSYBOX    what the monitoring runs against a host: its ssh banner, in check_ssh's
# words, or a ping. Exit status: 0 OK, 2 CRITICAL (Monitoring Plugins Development Guidelines).
if [ "$1" = read ]; then # the connection is our standard input: one line of it, and no waiting for its end
    IFS= read -r line && printf '%s\n' "$line" >&3
    exit
fi

address=$2 port=$3 busybox=$4
if [ "$1" = alive ]; then
    if "$busybox" ping -c 1 -W 2 "$address" >/dev/null 2>&1; then
        echo "PING OK - Packet loss = 0%"
        exit 0
    fi
    echo "PING CRITICAL - Packet loss = 100%"
    exit 2
fi
banner=$("$busybox" timeout 8 "$busybox" nc -w 3 "$address" "$port" -e /bin/sh "$0" read 3>&1 >/dev/null 2>&1 |
    tr -d '\r')
case $banner in
SSH-*-*)
    rest=${banner#SSH-}
    echo "SSH OK - ${rest#*-} (protocol ${rest%%-*})"
    exit 0
    ;;
"")
    echo "connect to address $address and port $port: no banner"
    exit 2
    ;;
*)
    echo "SSH CRITICAL - the answer is no SSH banner"
    exit 2
    ;;
esac

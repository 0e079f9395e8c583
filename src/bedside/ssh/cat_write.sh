# Put standard input in place. $1: a word to begin with, $2: the path, $3: a name beside it,
# $4: its size in bytes, $5: its mode, $6: its time in UTC for touch -t, or "-".
echo "$1"
path=$2 temp=$3 size=$4 mode=$5 time=$6
umask 077
set -C
trap 'rm -f "$temp"; exit 1' HUP INT PIPE TERM
finish() {
    got=$(wc -c <"$temp") || return 1
    if [ "$got" -ne "$size" ]; then
        echo "only $((got)) of $size bytes arrived" >&2
        return 1
    fi
    chmod "$mode" "$temp" || return 1
    [ "$time" = - ] || TZ=UTC0 touch -t "$time" "$temp" 2>/dev/null
    mv -f "$temp" "$path"
}
cat >"$temp" && finish && exit 0
rm -f "$temp"
exit 1

# Give a folder its mode and time. $1: a word to begin with, $2: the path, $3: its mode,
# $4: its time in UTC for touch -t, or "-".
echo "$1"
chmod "$3" "$2" || exit 1
[ "$4" = - ] || TZ=UTC0 touch -t "$4" "$2" 2>/dev/null
exit 0

# Say what is at a path. $1: a word to begin with, $2: the path, $3: "follow" or "here".
set -f
echo "$1"
path=$2
follow=$3
if [ "$follow" = follow ]; then [ -e "$path" ] || exit 0
else [ -e "$path" ] || [ -L "$path" ] || exit 0
fi
if [ -L "$path" ] && [ "$follow" != follow ]; then kind="link"
elif [ -d "$path" ]; then kind=directory
elif [ -f "$path" ]; then kind="file"
else kind=other
fi
time=$(date -r "$path" +%s 2>/dev/null) || time=$(stat -c %Y "$path" 2>/dev/null) || time=-
[ "$follow" = follow ] && options=-lndL || options=-lnd
# shellcheck disable=SC2046 # its words are what we want
set -- $(ls "$options" "$path")
printf '%s %s %s %s .\0' "$kind" "$1" "$5" "${time:--}"

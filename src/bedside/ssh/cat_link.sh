# Put a link in place. $1: a word to begin with, $2: the path, $3: where it leads, $4: a name beside it.
echo "$1"
if [ ! -L "$2" ] && [ -d "$2" ]; then
    echo "a folder is in its place" >&2
    exit 1
fi
ln -s "$3" "$4" || exit 1
[ ! -L "$2" ] || rm -f "$2"
mv -f "$4" "$2" && exit 0
rm -f "$4"
exit 1
